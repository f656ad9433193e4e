"""Columns that say what a label costs: they are no features, and hold numbers from 0."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from alrun import load_curves, load_queries, run_sweep
from alrun.data.column_keys import ColumnKeys
from alrun.data.load import load
from alrun.errors import DatasetError, ExperimentError
from alrun.report.build import build_report
from alrun.report.options import ReportOptions

COSTS = ColumnKeys(costs=("n_words",))


def frame(n=40):
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "a": rng.normal(size=n),
            "n_words": np.arange(n) % 7,
            "body": [f"word{i % 5} and {i % 3}" for i in range(n)],
            "target": ["x", "y"] * (n // 2),
        }
    )


@pytest.mark.parametrize("ending", ["csv", "parquet", "jsonl"])
def test_a_column_of_costs_is_no_feature(tmp_path, ending):
    table, path = frame().drop(columns="body"), tmp_path / f"t.{ending}"
    {
        "csv": lambda: table.to_csv(path, index=False),
        "parquet": lambda: table.to_parquet(path),
        "jsonl": lambda: table.to_json(path, orient="records", lines=True),
    }[ending]()
    dataset = load(path.name, {}, target="target", folder=tmp_path, columns=COSTS)
    assert dataset.X.shape == (40, 1)
    assert dataset.costs["n_words"].tolist() == [float(i % 7) for i in range(40)]
    dropped = load(
        path.name, {}, target="target", folder=tmp_path, columns=ColumnKeys(drop=("n_words",))
    )
    assert dataset.fingerprint == dropped.fingerprint
    np.testing.assert_array_equal(dataset.X, dropped.X)


def test_costs_change_no_fingerprint_of_texts(tmp_path):
    frame().to_csv(tmp_path / "t.csv", index=False)
    one, other = (
        load("t.csv", {}, target="target", text="body", folder=tmp_path, columns=keys)
        for keys in (COSTS, ColumnKeys())
    )
    assert one.fingerprint == other.fingerprint
    assert one.costs["n_words"][6] == 6


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (-1, "row 3 .* -1.0 is no cost"),
        (None, "row 3 .* nan is no cost"),
        ("dear", "does not hold numbers alone"),
    ],
)
def test_what_is_no_cost_is_named(tmp_path, value, message):
    table = frame().astype({"n_words": object})
    table.loc[3, "n_words"] = value
    table.to_csv(tmp_path / "t.csv", index=False)
    with pytest.raises(DatasetError, match=message):
        load("t.csv", {}, target="target", folder=tmp_path, columns=COSTS)


def test_an_unknown_column_of_costs_is_named_with_the_nearest(tmp_path):
    frame().to_csv(tmp_path / "t.csv", index=False)
    with pytest.raises(DatasetError, match=r"no column 'n_word' .*'n_words'"):
        load("t.csv", {}, target="target", folder=tmp_path, columns=ColumnKeys(costs=("n_word",)))


def experiment(**dataset):
    return {
        "strategies": ["random", {"name": "margin", "per_cost": True, "label": "margin per cost"}],
        "seeds": 2,
        "budget": 24,
        "batch_sizes": [5],
        "targets": [0.6],
        "dataset": {"test_size": 10, **dataset},
        "cost": {"column": "n_words", "base": 1.0},
    }


def test_a_sweep_pays_by_a_column(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    frame().drop(columns="body").to_csv("t.csv", index=False)
    run_sweep(experiment(name="t.csv"), "results", jobs=0)
    queries, curves = load_queries("results"), load_curves("results")
    assert (queries["cost"] == 1 + queries["index"] % 7).all()
    ends = curves.groupby("run_id")["cost"].last()
    np.testing.assert_allclose(ends, queries.groupby("run_id")["cost"].sum()[ends.index])
    assert (queries["given"] == queries["label"]).all()
    assert queries["annotator"].isna().all()


def test_a_data_set_without_columns_is_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ExperimentError, match="iris has no columns with names"):
        run_sweep(experiment(name="iris"), "results", jobs=0)


def test_classes_that_are_not_there_are_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    grid = experiment(name="iris") | {"cost": {"per_class": {"setoza": 2.0}}}
    with pytest.raises(Exception, match=r"per_class: there is no class 'setoza'.*'setosa'"):
        run_sweep(grid, "results", jobs=0)


def test_a_confusion_whose_file_is_not_there_is_named(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    grid = experiment(name="iris") | {"cost": [], "oracle": {"confusion": "none.csv"}}
    with pytest.raises(ExperimentError, match=r"oracle.confusion: there is no file '.*none.csv'"):
        run_sweep(grid, "results", jobs=0)


@pytest.mark.parametrize(
    "further",
    [
        # Examples that no run can pay for, at which runs end that meet them.
        {"budget_cost": 60.0, "batch_sizes": [1]},
        # The pool is empty after as many labels, and at such a cost, as answers decide.
        {"cost": [], "oracle": {"annotators": [{"cost": 1.0}, {"cost": 30.0}], "abstain": 0.4}},
    ],
)
def test_runs_that_end_at_unequal_costs_are_all_reported(tmp_path, monkeypatch, further):
    monkeypatch.chdir(tmp_path)
    table = frame().drop(columns="body")
    table.loc[::9, "n_words"] = 1000
    table.to_csv("t.csv", index=False)
    grid = experiment(name="t.csv") | {"budget": 1000, "batch_sizes": [2], "signals": False}
    grid |= {"seeds": 6, "strategies": ["random"]} | further
    run_sweep(grid, "results", jobs=0)
    curves = load_curves("results")
    assert curves.groupby("run_id")["n_labels"].max().nunique() > 1
    report = build_report(Path("results"), ReportOptions(targets=(0.6,)))
    assert not [note for note in report.notes if "left out" in note]
    assert set(report.rows["n_seeds"]) == {6}
