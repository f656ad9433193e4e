"""Oracles and cost models as axes of the grid, in reports."""

import json

import pytest
from curves_factory import reaching, write

from alrun.errors import ResultsError
from alrun.report.all_pairs import compare_all
from alrun.report.build import build_report
from alrun.report.options import ReportOptions, Selection
from alrun.report.pair_render import render_pairs
from alrun.report.render import Layout, render
from alrun.results.curves import COMPARISON_GROUP, read_curves

OPTIONS = ReportOptions(targets=(0.9,))
RANDOM, MARGIN = [100, 110, 120, 130, 140, 150], [70, 80, 90, 100, 110, 120]


def block(oracle="", later=0, **columns):
    """Return random and margin on six seeds, both `later` by so many labels."""
    keys = {"oracle": oracle, **columns}
    return [
        reaching([n + later for n in labels], name, **keys)
        for name, labels in (("random", RANDOM), ("margin", MARGIN))
    ]


@pytest.fixture(scope="module")
def noisy(tmp_path_factory):
    folder = tmp_path_factory.mktemp("noisy")
    return write(folder, *block("clean"), *block("noise 0.2", 40))


def test_runs_are_compared_within_an_oracle(noisy):
    rows = build_report(noisy, OPTIONS).rows
    found = rows.set_index(["oracle", "strategy"])["mean_labels"].to_dict()
    assert found == {
        ("clean", "random"): 125,
        ("clean", "margin"): 95,
        ("noise 0.2", "random"): 165,
        ("noise 0.2", "margin"): 135,
    }
    assert (rows["n_pairs"] == 6).all()


def test_groups_are_named_with_their_oracle_and_cost_model(tmp_path):
    keys = [{"oracle": oracle, "cost_model": "by length"} for oracle in ("clean", "noisy")]
    report = build_report(write(tmp_path, *(run for key in keys for run in block(**key))), OPTIONS)
    text = render(report, "markdown")
    for oracle in ("clean", "noisy"):
        where = f"digits, logistic, {oracle}, by length, batch size 10"
        assert f"Labels to target: {where}" in text
        assert f"Verdict: {where}" in text


def test_json_and_csv_have_the_keys_of_the_axes_that_there_are(noisy, tmp_path):
    (tmp_path / "plain").mkdir()
    plain = write(tmp_path / "plain", *block())
    for results, there in ((noisy, True), (plain, False)):
        report = build_report(results, OPTIONS)
        rows = json.loads(render(report, "json"))["rows"]
        header = render(report, "csv").splitlines()[0].split(",")
        compared = compare_all("x", report)
        pairs = json.loads(render_pairs(compared, "json", Layout()))
        for keys in (rows[0], header, pairs["pairs"][0], pairs["letters"][0]):
            assert ("oracle" in keys) is there
            assert "cost_model" not in keys
            assert "start" in keys
    assert [row["oracle"] for row in json.loads(render(build_report(noisy, OPTIONS), "json"))[
        "rows"]] == ["clean", "clean", "noise 0.2", "noise 0.2"]  # fmt: skip


def test_an_oracle_is_selected_by_its_label(noisy):
    options = ReportOptions(targets=(0.9,), selection=Selection(oracle=("noise 0.2",)))
    report = build_report(noisy, options)
    assert set(report.rows["oracle"]) == {"noise 0.2"}
    assert "Selected: --oracle noise 0.2." in " ".join(report.notes)
    options = ReportOptions(selection=Selection(cost_model=("x",)))
    with pytest.raises(ResultsError, match="there is no cost model 'x'"):
        build_report(noisy, options)


def test_a_run_that_is_left_out_is_named_with_its_oracle():
    frame = block("noisy")[0]
    frame.loc[3, "accuracy"] = float("nan")
    (sentence,) = read_curves(frame, "accuracy").excluded
    assert sentence.endswith("(batch size 10, digits, logistic, noisy)")


def test_a_page_has_a_chapter_for_each_oracle(noisy):
    page = render(build_report(noisy, OPTIONS), "html")
    for oracle in ("clean", "noise 0.2"):
        assert f"<h2>digits, logistic, {oracle}, batch size 10</h2>" in page
    assert len(COMPARISON_GROUP) == 6


def test_the_verdict_over_many_data_sets_is_by_oracle(tmp_path):
    runs = [
        run
        for number in range(6)
        for oracle in ("clean", "noisy")
        for run in block(oracle, dataset=f"data {number}")
    ]
    report = build_report(write(tmp_path, *runs), OPTIONS)
    over_all = [one.where for one in report.paragraphs if one.where.startswith("all data sets")]
    assert over_all == [
        f"all data sets, logistic, {oracle}, batch size 10" for oracle in ("clean", "noisy")
    ]
    assert report.across["n_datasets"].tolist() == [6, 6]
