"""Notes in brief: fewer and shorter, and every warning is still there."""

import pandas as pd
from curves_factory import reaching, write

import alrun
from alrun.report.phrasing import Listing
from alrun.report.render import Layout, render


def report_of(folder, n_strategies=9, **keys):
    """Return a report of strategies that start at the target, all on one grid."""
    frames = [
        reaching([20, 30, 20, 40, 20, 50], name, **keys)
        for name in ("random", *(f"s{place}" for place in range(n_strategies)))
    ]
    return alrun.report(write(folder, *frames), [0.9])


def starting(notes):
    (note,) = (note for note in notes if "runs start at the target" in note)
    return note


def test_a_list_is_cut_in_brief_and_whole_in_full(tmp_path):
    report = report_of(tmp_path)
    assert starting(report.brief_notes).count(" at 0.9 (") == 3
    assert starting(report.brief_notes).endswith("; and 7 more.")
    assert starting(report.notes).count(" at 0.9 (") == 6
    assert starting(report.all_notes).count(" at 0.9 (") == 10
    assert "more" not in starting(report.all_notes)
    assert len(report.all_notes) == len(report.notes) > len(report.brief_notes)


def test_where_there_is_one_group_it_is_not_named(tmp_path):
    report = report_of(tmp_path)
    group = "digits, logistic, batch size 10"
    assert f"random at 0.9 (3 of 6, {group})" in starting(report.all_notes)
    assert "random at 0.9 (3 of 6)" in starting(report.brief_notes)
    assert not any(group in note for note in report.brief_notes)


def test_groups_are_named_by_what_they_do_not_share(tmp_path):
    frames = [
        reaching([20, 30] * 3, name, batch_size=size)
        for size in (5, 50)
        for name in ("random", "margin")
    ]
    report = alrun.report(write(tmp_path, *frames), [0.9])
    named = starting(report.brief_notes)
    assert "random at 0.9 (3 of 6, batch size 5); margin at 0.9 (3 of 6, batch size 5)" in named
    assert "random at 0.9 (3 of 6, batch size 50)" in named


def test_notes_that_differ_in_names_and_numbers_alone_are_said_once(tmp_path):
    runs = [
        {"dataset": dataset, "model": "logistic", "batch_size": 10, "strategy": name, "seed": seed}
        | {"run_id": "0" * 16, "status": "finished", "error": None, "seconds_query": 1.0}
        | {"unconverged": 0, "batches": 1, "tied_batches": 0, "missing_classes": 0}
        | {"pool_duplicates": place + 3}
        for place, dataset in enumerate(("digits", "iris", "wine"))
        for name in ("random", "margin")
        for seed in range(6)
    ]
    pd.DataFrame(runs).to_parquet(tmp_path / "runs.parquet", index=False)
    frames = [
        reaching([50, 60, 70, 80, 90, 100], name, dataset=dataset)
        for dataset in ("digits", "iris", "wine")
        for name in ("random", "margin")
    ]
    report = alrun.report(write(tmp_path, *frames), [0.9])
    alike = "have the features of another"
    (note,) = (note for note in report.brief_notes if alike in note)
    assert note.startswith("Note: up to 3 examples of the pool of digits")
    assert note.endswith(" (And 2 more.)")
    assert sum(alike in note for note in report.all_notes) == 3


def test_every_format_shows_notes_in_brief_unless_asked_and_json_always_all(tmp_path):
    report = report_of(tmp_path)
    for format in ("table", "markdown", "latex"):
        brief, full = render(report, format), render(report, format, Layout(all_notes=True))
        assert "s8 at 0.9" not in brief
        assert "s8 at 0.9" in full
        assert "it is neither" in " ".join(full.split())
        assert "it is neither" not in " ".join(brief.split())
    assert "neither dropped" in render(report, "json")


def test_a_listing_is_the_text_with_six_items():
    note = Listing("Warning: late: ", range(8), ". So.")
    assert note == "Warning: late: 0; 1; 2; 3; 4; 5; and 2 more. So."
    assert note.naming(1) == "Warning: late: 0; and 7 more. So."
    assert note.naming(None) == "Warning: late: 0; 1; 2; 3; 4; 5; 6; 7. So."
