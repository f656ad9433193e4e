"""`import alrun` as a notebook uses it."""

import subprocess
import sys
from contextlib import chdir
from dataclasses import replace
from html import escape

import numpy as np
import pandas as pd
import pytest

import alrun


def test_every_public_name_is_there_and_documented():
    for name in alrun.__all__:
        assert getattr(alrun, name).__doc__
        assert name in dir(alrun)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = alrun.nothing


def test_report_and_stopping_are_functions_whatever_was_imported_before():
    code = (
        "import alrun.report.render, alrun.report.build, alrun.stopping.registry, alrun\n"
        "print(alrun.report.__name__, alrun.stopping.__name__)"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True) == "report stopping\n"


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


TINY = {
    "strategies": ("random", "margin", "entropy"),
    "seeds": np.int64(3),
    "budget": 25,
    "batch_sizes": range(10, 11),
    "targets": [0.8, 0.9],
    "dataset": {"name": "iris"},
}


@pytest.fixture(scope="module")
def of_a_dict(tmp_path_factory):
    """Return the results of an experiment that was given as a dict."""
    with chdir(tmp_path_factory.mktemp("dict")):
        return alrun.run_sweep(TINY, jobs=0).resolve()


def test_an_experiment_may_be_a_dict(of_a_dict, tmp_path):
    assert of_a_dict.parts[-2:] == ("results", "experiment")
    file = tmp_path / "tiny.toml"
    file.write_text((of_a_dict / "experiment.toml").read_text())
    results = alrun.run_sweep(file, tmp_path / "out", jobs=0, overrides=["seeds=3"])
    assert (results / "curves.parquet").read_bytes() == (of_a_dict / "curves.parquet").read_bytes()


def test_a_dict_is_left_as_it_is_and_its_errors_are_sentences(tmp_path):
    content = {**TINY, "dataset": {"name": "iris"}}
    with pytest.raises(alrun.AlrunError, match=r"^experiment: budget: "):
        alrun.run_sweep(content, tmp_path / "out", overrides=["budget=0", "dataset.scale=minmax"])
    assert content["dataset"] == {"name": "iris"}
    with pytest.raises(alrun.AlrunError, match="unknown key; did you mean 'seeds'"):
        alrun.run_sweep({**TINY, "seed": 3}, tmp_path / "out")


def test_progress_is_shown_where_it_is_asked_for(tmp_path, capsys):
    alrun.run_sweep({**TINY, "seeds": 1}, tmp_path / "quiet", jobs=0)
    assert capsys.readouterr() == ("", "")
    alrun.run_sweep({**TINY, "seeds": 1}, tmp_path / "told", jobs=0, progress=True)
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "3/3 runs" in shown.err


def test_a_notebook_shows_a_report_as_tables_without_markup_of_the_data(of_a_dict, monkeypatch):
    report = alrun.report(of_a_dict)
    html = report._repr_html_()
    assert html.count("<table>") == html.count("</table>") == 2
    for text in (*report.verdict, *report.rows["strategy"]):
        assert escape(text.partition(": ")[2] or text) in html
    monkeypatch.setattr("rich.console._is_jupyter", lambda: True)
    assert repr(report).startswith("Verdict: iris, logistic, batch size 10\n")
    hostile = replace(report, name="<script>$x$")
    assert "<script>" not in hostile._repr_html_()
    assert "&lt;script&gt;&#36;x&#36;" in hostile._repr_html_()
    assert report.verdict == tuple(
        f"{paragraph.where}: {text}"
        for paragraph in report.paragraphs
        for text in paragraph.sentences
    )


def test_any_two_strategies_are_compared_in_either_order(of_a_dict):
    report = alrun.report(of_a_dict)
    forth, back = report.compare("margin", "random"), report.compare("random", "margin")
    assert list(forth["target"]) == [0.8, 0.9]
    assert set(forth["a"]) == {"margin"}
    np.testing.assert_allclose(forth["ratio"], forth["mean_a"] / forth["mean_b"])
    np.testing.assert_allclose(back["ratio"], 1 / forth["ratio"])
    for one, other in ((forth, back), (back, forth)):
        known = one["ratio_low"] > 0
        np.testing.assert_allclose(other["ratio_high"][known], 1 / one["ratio_low"][known])
        assert np.isinf(other["ratio_high"][~known & one["ratio_low"].notna()]).all()
    same = ["n_pairs", "p_value", "p_adjusted", "same"]
    pd.testing.assert_frame_equal(forth[same], back[same])
    with pytest.raises(alrun.AlrunError, match="did you mean 'entropy'"):
        report.compare("entropi", "random")
    with pytest.raises(alrun.AlrunError, match="named twice"):
        report.compare("random", "random")


def test_queries_carry_their_run_and_the_order_of_the_experiment(of_a_dict):
    queries = alrun.load_queries(of_a_dict)
    assert list(queries["strategy"].cat.categories) == ["random", "margin", "entropy"]
    curves = alrun.load_curves(of_a_dict).drop_duplicates("run_id").set_index("run_id")
    for column in ("dataset", "model", "start", "strategy", "batch_size", "seed"):
        expected = queries["run_id"].map(curves[column].astype(str))
        assert list(queries[column].astype(str)) == list(expected), column
    plain = pd.read_parquet(of_a_dict / "queries.parquet")
    pd.testing.assert_frame_equal(queries[list(plain.columns)], plain)


def test_a_picture_is_one_line_away(of_a_dict):
    figure = pytest.importorskip("matplotlib.figure").Figure
    one = alrun.plot(of_a_dict, [0.8], kind="reached")
    assert isinstance(one, figure)
    report = alrun.report(of_a_dict, [0.8])
    assert one._repr_png_().startswith(b"\x89PNG")  # so that a notebook shows it
    both = alrun.plot(report, kind=["reached", "savings"])
    assert (len(one.subfigs), len(both.subfigs)) == (1, 2)
    with pytest.raises(alrun.AlrunError, match="did you mean 'curves'"):
        alrun.plot(report, kind="curve")
