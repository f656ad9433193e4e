"""Tables as text: whole words at every width, nothing left out, the best in bold on a terminal."""

import re

import pytest
from curves_factory import reaching, write

import alrun
from alrun.report.render import Layout, render
from alrun.report.sections import Section, sections
from alrun.report.text import NARROWEST, WIDEST, as_text

WIDTHS = [60, 61, 72, 80, 99, 100, 140, 200]


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    """Return a report with names and targets of usual length, and intervals."""
    arms = {
        "random": [100, 120, 140, 110, 130, 150],
        "least_confidence": [60, 70, 90, 60, 80, 80],
        "cluster_margin": [160, 170, 190, 160, 180, 180],
    }
    frames = [reaching(labels, name, dataset="breast_cancer") for name, labels in arms.items()]
    folder = write(tmp_path_factory.mktemp("results"), *frames)
    return alrun.report(folder, [0.6, 0.9])


@pytest.mark.parametrize("width", WIDTHS)
def test_no_line_is_too_long_and_no_word_is_broken(report, width):
    text = render(report, "table", Layout(width=width))
    assert max(map(len, text.splitlines())) <= width
    words = set(text.split())
    for part in report.paragraphs:
        for sentence in part.sentences:
            assert set(sentence.split()) <= words
    for note in report.brief_notes:
        assert set(note.split()) <= words
    for section in sections(report):
        for cell in (*section.header, *(cell for row in section.rows for cell in row)):
            assert cell in text
    assert not re.search(r"\d\n *%|\[-?\d+,\n", text)


@pytest.mark.parametrize("width", WIDTHS)
def test_a_table_that_is_too_wide_goes_on_with_the_same_columns_on_the_left(report, width):
    section = sections(report)[0]
    lines = as_text([section], width=width).splitlines()[1:]
    headers = [line.split() for line in lines if line.startswith("target strategy")]
    shown = [name for header in headers for name in header[2:]]
    assert shown == " ".join(section.header[2:]).split()
    assert (len(headers) > 1) == (width < 95)
    rows = [line for line in lines if "least_confidence" in line]
    assert len(rows) == 2 * len(headers)


def test_rows_stay_on_one_line_and_only_long_names_on_the_left_go_on(report):
    section = sections(report)[0]
    for width in range(60, 110):
        lines = as_text([section], width=width).splitlines()
        n_parts = sum(line.startswith("target strategy") for line in lines)
        assert len(lines) == 1 + n_parts * (1 + len(section.rows)) + n_parts - 1 + 1
    many = Section("t", "", tuple("abcdefghijklm"), (("x" * 9,) * 13,) * 2, 1)
    assert len(as_text([many], width=60).splitlines()) == 1 + 3 * 3 + 2 + 1
    target = "90% between floor and full: 0.966"
    rows = ((target, "a", *["1 % [2, 3]"] * 3), (target, "b", *["-100 % [-200, 3]"] * 3))
    narrow = Section("t", "", ("target", "strategy", *["saving"] * 3), rows, 2)
    lines = as_text([narrow], width=70).splitlines()
    assert sum("-100 % [-200, 3] -100 % [-200, 3] -100 % [-200, 3]" in line for line in lines) == 1


@pytest.mark.parametrize(("width", "most"), [(10, NARROWEST), (999, WIDEST)])
def test_widths_have_bounds(report, width, most):
    longest = max(map(len, render(report, "table", Layout(width=width)).splitlines()))
    assert most - 15 < longest <= most


def test_the_best_is_bold_on_a_terminal_alone(report):
    plain = render(report, "table", Layout(width=60))
    bold = render(report, "table", Layout(width=60, has_bold=True))
    assert "\x1b" not in plain
    assert re.sub(r"\x1b\[\d*m", "", bold) == plain
    marked = re.findall(r"\x1b\[1m([^\x1b]*)\x1b\[0m", bold)
    best = ((section, place) for section in sections(report) for place in section.bold)
    expected = [section.rows[row][column] for section, (row, column) in best]
    assert sorted(text.strip() for text in marked) == sorted(expected)


def test_a_name_wider_than_the_screen_is_broken_and_whole():
    name = "x_very_long_name_of_a_strategy_that_is_wider_than_any_screen_" * 2
    section = Section("t", "", ("strategy", "n"), ((name, "1"),), 1)
    lines = as_text([section], width=60).splitlines()
    assert max(map(len, lines)) <= 60
    assert "".join(lines[2:]).replace(" ", "").replace("1", "") == name
