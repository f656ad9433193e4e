"""A report as a page: whole, safe, alike twice, and with the figures of the report."""

import csv
import json
import re
from html import unescape
from io import StringIO

import pytest
from curves_factory import reaching, write
from headless import headless_browser
from html_page import Page

from alrun.report.build import build_report
from alrun.report.html.axes import ticks
from alrun.report.html.markup import element
from alrun.report.html.page_data import page_data
from alrun.report.html.shared import Shared
from alrun.report.options import ReportOptions
from alrun.report.render import render

HOSTILE = '</script><script>alert("x")</script>\n$\\frac{1}{2}$ \u202eabc & \u05d0'


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    frames = [
        reaching([100, 120, 140, 110, 130]),
        reaching([80, 90, 100, 100, 80], "margin"),
        reaching([200, 300, 140, 110, 130], HOSTILE),
    ]
    return write(tmp_path_factory.mktemp("results"), *frames)


@pytest.fixture(scope="module")
def report(results):
    return build_report(results, ReportOptions(targets=(0.9,)))


@pytest.fixture(scope="module")
def text(report):
    return render(report, "html")


def test_a_page_is_well_formed_with_headers_and_single_ids(text):
    page = Page(text)
    ids = [attributes["id"] for _, attributes, _ in page.found if attributes.get("id")]
    assert len(ids) == len(set(ids)) > 3
    assert len(page.of("table")) == len(page.of("caption")) >= 4
    assert all("scope" in attributes for attributes in page.of("th"))
    svgs = [attributes for attributes in page.of("svg") if "aria-hidden" not in attributes]
    assert svgs
    assert all(attributes["role"] == "img" for attributes in svgs)
    labelled = [open_ for tag, attributes, open_ in page.found
                if tag in ("input", "select") and "aria-label" not in attributes]  # fmt: skip
    assert all("label" in open_ for open_ in labelled)


def test_nothing_of_others_is_markup_and_the_data_end_nothing(text, report):
    page = Page(text)
    assert len(page.of("script")) == 2
    assert all(not key.startswith("on") for _, attributes, _ in page.found for key in attributes)
    assert "\u202e" not in text
    data, _ = page.texts["script"]
    assert HOSTILE in json.loads(data)["strategies"]
    assert not re.search("[<>&]", data)
    assert element("p", "<b>", title='"<') == '<p title="&quot;&lt;">&lt;b&gt;</p>'


def test_the_browser_may_load_nothing(text):
    policy = next(
        one["content"] for one in Page(text).of("meta") if "Policy" in one.get("http-equiv", "")
    )
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy
    assert "http://" not in text
    assert "https://" not in text
    assert " style=" not in text


def test_the_same_report_makes_the_same_page(text, report):
    assert render(report, "html") == text


def test_all_numbers_are_those_of_csv(text, report):
    (table,) = re.findall(r'data-file="report".*?</table>', text, re.DOTALL)
    rows = re.findall(r"<tr.*?</tr>", table, re.DOTALL)
    expected = list(csv.reader(StringIO(render(report, "csv"))))
    assert len(rows) == len(expected)
    for row, cells in zip(rows, expected, strict=True):
        found = re.findall(r"<(?:td|th)[^>]*>(.*?)</t[dh]>", row)
        assert [unescape(cell) for cell in found] == cells


def test_the_data_hold_every_round_as_the_curves_do(report):
    data = json.loads(
        page_data(Shared(report), dict.fromkeys(report.rows["strategy"], "strategy-0"))
    )
    (group,) = data["groups"]
    for place, (_, seed, grid, divisor, numbers) in enumerate(group["runs"]):
        n_labels, scores = report.curves.rounds(place)
        assert report.curves.runs["seed"][place] == seed
        assert group["grids"][grid] == n_labels.tolist()
        assert [number / (divisor or 1) for number in numbers] == scores.tolist()


def test_ticks_are_round_and_within():
    assert ticks(0, 1, 5) == [0, 0.2, 0.4, 0.6, 0.8, 1]
    assert ticks(20, 320) == [50, 100, 150, 200, 250, 300]


def test_the_seeds_of_a_page_are_the_answers_of_single_seeds(text):
    """By hand: seed 1 needs 120 labels at random and 90 by margin, a saving of 25 %."""
    assert "<title>seed 1: 25 %</title>" in text
    assert "<title>seed 0: 20 %</title>" in text


@pytest.mark.slow  # the data and the markup are checked above without a browser
def test_a_browser_reads_sorts_saves_and_switches(results, report, tmp_path, text):
    driver = headless_browser()
    try:
        _drive(driver, results, report, tmp_path, text)
    finally:
        driver.quit()


def _drive(driver, results, report, tmp_path, text):
    (tmp_path / "page.html").write_text(text, encoding="utf-8")
    driver.get((tmp_path / "page.html").as_uri())

    def rows(selector):
        return driver.execute_script(
            "return [...document.querySelectorAll(arguments[0])].map((row) =>"
            " [...row.cells].map((cell) => cell.textContent))",
            selector,
        )

    for target in (0.6, 0.9, 0.95, 0.96):
        driver.execute_script(
            "const one = document.getElementById('target-exact'); one.value = arguments[0];"
            "one.dispatchEvent(new Event('input'))",
            target,
        )
        again = build_report(results, ReportOptions(targets=(target,))).rows
        for shown, row in zip(rows(".read-out tbody tr"), again.itertuples(), strict=True):
            saving = f"{100 * row.saving:.0f} %" if row.saving == row.saving else "not estimable"
            assert shown[1] == f"{row.reached:.0f}/{row.n_pairs or row.n_seeds}"
            assert shown[2:4] == [f"{row.budget:.0f}", f"{row.mean_labels:.0f}"]
            assert shown[4] == ("" if row.is_baseline else saving)
    table = "[data-file='1-table-1']"
    driver.execute_script(f'document.querySelectorAll("{table} th button")[4].click()')
    means = [float(cells[4].split()[0]) for cells in rows(f"{table} tbody tr")]
    assert means == sorted(means)
    saved = driver.execute_script(f'return asCsv(document.querySelector("{table} table"))')
    # What a spreadsheet would take for a formula has an apostrophe in front.
    saved_rows = [
        [cell.removeprefix("'") for cell in cells] for cells in csv.reader(StringIO(saved))
    ]
    assert saved_rows[1:] == rows(f"{table} tbody tr")
    assert driver.execute_script(
        "document.getElementById('switch-1').click();"
        "return getComputedStyle(document.querySelector('.curve.strategy-1')).display"
    ) == "none"  # fmt: skip
    values = driver.execute_script(
        "const svg = document.querySelector('.curves'), box = svg.getBoundingClientRect();"
        "svg.dispatchEvent(new PointerEvent('pointermove', {clientX: box.left + box.width / 2,"
        " clientY: box.top + 50})); return document.querySelector('.values').textContent"
    )
    assert re.match(r"\d+ labels\n0\.\d{3}", values)
    assert driver.get_log("browser") == []
    sent = [json.loads(entry["message"])["message"] for entry in driver.get_log("performance")]
    requests = [one["params"]["request"]["url"] for one in sent
                if one["method"] == "Network.requestWillBeSent"]  # fmt: skip
    assert all(url.startswith(("file:", "data:", "blob:")) for url in requests)


def test_many_verdicts_are_folded_below_that_on_all_data_sets(tmp_path):
    def frames(n):
        for place in range(n):
            yield reaching([100, 120, 140, 110, 130], dataset=f"data {place}")
            yield reaching([80, 90, 100, 100, 80], "margin", dataset=f"data {place}")

    for n, n_folded in ((11, 0), (12, 12)):
        found = build_report(write(tmp_path, *frames(n)), ReportOptions(targets=(0.9,)))
        page = Page(render(found, "html"))
        titles = [parents for tag, _, parents in page.found if tag == "h2"]
        verdicts = page.texts["h2"][: n + 1]
        assert verdicts[0] == "Verdict: all data sets, logistic, batch size 10"
        assert sum("details" in parents for parents in titles[: n + 1]) == n_folded
        assert page.texts["h2"][n + 1] == "Across data sets"
