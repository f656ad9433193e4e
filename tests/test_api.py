"""`import alrun` as a notebook uses it."""

import subprocess
import sys

import pandas as pd
import pytest

import alrun


def test_every_public_name_is_there_and_documented():
    for name in alrun.__all__:
        assert getattr(alrun, name).__doc__
        assert name in dir(alrun)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = alrun.nothing


def test_report_is_the_function_whatever_was_imported_before():
    code = "import alrun.report.render, alrun.report.build, alrun; print(alrun.report.__name__)"
    assert subprocess.check_output([sys.executable, "-c", code], text=True) == "report\n"


def test_curves_are_one_line_of_pandas_away(small_results):
    pd.testing.assert_frame_equal(
        alrun.load_curves(small_results), pd.read_parquet(small_results / "curves.parquet")
    )


def test_a_report_is_frames_and_sentences(small_results):
    report = alrun.report(small_results, targets=[0.7])
    assert isinstance(report, alrun.Report)
    assert report.rows["target"].unique().tolist() == [0.7]
    assert list(report.rows["strategy"][:4]) == ["random", "least_confidence", "margin", "entropy"]
    assert report.budget == 65
    assert any("does not name the target 0.7" in note for note in report.notes)
    assert alrun.report(small_results).targets == (0.8, 0.9)


def test_the_query_seconds_are_those_of_the_runs(small_results):
    rows = alrun.report(small_results).rows
    runs = alrun.load_runs(small_results)
    row = rows[(rows["strategy"] == "margin") & (rows["batch_size"] == 10)].iloc[0]
    mine = runs[(runs["strategy"] == "margin") & (runs["batch_size"] == 10)]
    assert row["query_seconds"] == pytest.approx(mine["seconds_query"].mean())


def test_the_package_is_typed():
    from importlib.resources import files

    assert files("alrun").joinpath("py.typed").is_file()


def test_a_sweep_leaves_the_context_of_its_executor(tiny, tmp_path, monkeypatch):
    """What an executor has started ends there, not when memory is tidied up."""
    left = []

    def leave(self, *error):
        left.append(self)

    monkeypatch.setattr("alrun.execute.local.Workers.__exit__", leave)
    alrun.run_sweep(tiny, tmp_path / "results", jobs=0)
    assert len(left) == 1
