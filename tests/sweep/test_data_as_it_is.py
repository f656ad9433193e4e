"""Tables as people have them, from file to report: gaps, identifiers, dates, rare classes."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
import tomli_w

import alrun
from alrun.errors import ExperimentError
from alrun.experiment.toml import read_experiment
from alrun.results.load import load_notes
from alrun.results.schema import to_parquet_bytes
from alrun.sweep.plan import plan_of, plan_sweep
from alrun.sweep.run import rebuild_tables

FIELD = Path(__file__).parent / "field"
TREES = "sklearn.ensemble.HistGradientBoostingClassifier"


def experiment(tmp_path, dataset, **changes):
    content = {
        "strategies": ["random", "margin"],
        "batch_sizes": [5],
        "budget": 25,
        "seeds": 2,
        "targets": [0.8],
        "dataset": dataset,
        **changes,
    }
    path = tmp_path / "mine.toml"
    path.write_text(tomli_w.dumps(content))
    return path


def reported(tmp_path, dataset, **changes):
    """Run an experiment and return its report and results directory."""
    results = alrun.run_sweep(experiment(tmp_path, dataset, **changes), tmp_path / "out", jobs=0)
    return alrun.report(results), results


def refused(tmp_path, dataset, **changes):
    with pytest.raises(ExperimentError) as caught:
        plan_sweep(experiment(tmp_path, dataset, **changes))
    return caught.value.problems


def table(n=120, seed=0):
    """Return a table with two classes that two of its columns tell apart."""
    rng = np.random.default_rng(seed)
    y = rng.permutation(np.arange(n) % 2)
    return pd.DataFrame(
        {
            "a": rng.normal(size=n) + 2 * y,
            "b": rng.normal(size=n),
            "kind": np.where(rng.random(n) < 0.3 + 0.4 * y, "left", "right"),
            "target": np.where(y, "yes", "no"),
        }
    )


def with_gaps(frame, seed=1, share=0.1):
    rng = np.random.default_rng(seed)
    frame = frame.copy()
    for column in frame.columns.drop("target"):
        frame.loc[rng.random(len(frame)) < share, column] = None
    return frame


# The shapes of tables that were refused


def test_text_numbers_gaps_and_an_identifier(tmp_path):
    frame = with_gaps(table()).assign(id=np.arange(120) + 5000)
    frame.to_csv(tmp_path / "m.csv", index=False)
    (problem,) = refused(tmp_path, {"name": "m.csv"})
    assert all(f"'{column}' (" in problem for column in ("a", "b", "kind"))
    dataset = {
        "name": "m.csv",
        "missing": {"a": "median", "b": -9, "kind": "category"},
        "missing_indicator": True,
        "scale": "standard",
    }
    report, results = reported(tmp_path, dataset)
    assert any("Warning: m.csv: a column has" in note for note in report.notes)
    assert any('drop = ["id"]' in note for note in report.notes)
    assert any("Data of m.csv: one-hot encoded: kind (2)." in note for note in report.notes)
    assert any("missing values (fitted on pool and initial set)" in note for note in report.notes)
    assert set(report.rows["n_seeds"]) == {2}
    saved = read_experiment(results / "experiment.toml").dataset[0]
    assert (saved.missing, saved.missing_indicator) == (dataset["missing"], True)
    assert plan_of(results).missing() == []


def test_one_missing_cell_in_2381_rows(tmp_path):
    frame = table(2381).drop(columns="kind")
    frame.loc[1234, "b"] = None
    frame.to_parquet(tmp_path / "m.parquet")
    (problem,) = refused(tmp_path, {"name": "m.parquet"})
    assert "'b' (1, from row 1234)" in problem
    assert "(1 of 2,381 rows would go)" in problem
    report, results = reported(tmp_path, {"name": "m.parquet", "missing": "drop"})
    assert any("1 of 2,381 rows are left out" in note for note in report.notes)
    splits = pd.read_parquet(results / "splits.parquet")
    assert set(splits["index"]) == set(range(2381)) - {1234}
    # The index is the row of the file.
    queries = pd.read_parquet(results / "queries.parquet")
    assert (frame["target"][queries["index"]].to_numpy() == queries["label"].to_numpy()).all()


def test_imbalanced_classes_with_one_that_is_too_rare(tmp_path):
    frame = table(200)
    frame["target"] = ["no"] * 176 + ["yes"] * 23 + ["unclear"]
    frame.to_csv(tmp_path / "m.csv", index=False)
    (problem,) = refused(tmp_path, {"name": "m.csv"})
    assert "class 'unclear' has 1 example (row 199" in problem
    assert 'rare = "merge" or "drop"' in problem
    dropped = {"name": "m.csv", "rare": "drop", "rare_below": 2}
    report, _ = reported(tmp_path, dropped, metric="roc_auc")
    assert any("1 rows of classes with fewer than 2" in note for note in report.notes)
    anyhow = {"name": "m.csv", "stratify": False}
    plan = plan_sweep(experiment(tmp_path, anyhow, initial={"size": 10, "method": "random"}))
    assert {spec.dataset.stratify for spec in plan.specs.values()} == {False}


def test_embeddings_beside_an_identifier_and_texts(tmp_path):
    frame = table().drop(columns=["a", "b", "kind"])
    signal = np.where(frame["target"] == "yes", 2.0, 0.0)[:, None]
    vectors = np.random.default_rng(0).normal(size=(120, 16)) + signal
    frame["vector"] = list(vectors.astype(np.float32))
    frame.loc[5, "vector"] = None
    frame = frame.assign(id=range(120), text=[f"text number {row}" for row in range(120)])
    frame.to_parquet(tmp_path / "m.parquet")
    dataset = {"name": "m.parquet", "drop": ["id", "text"], "missing": "mean"}
    report, _ = reported(tmp_path, dataset)
    assert any("the mean: vector (1)" in note for note in report.notes)
    assert report.rows["final"].min() > 0.8


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_dates_of_many_values(tmp_path, suffix):
    days = pd.to_datetime("2021-03-01") + pd.to_timedelta(np.arange(120) // 2, unit="D")
    frame = table().assign(seen=days, made=days[::-1])
    if suffix == "csv":
        frame = frame.assign(seen=frame["seen"].dt.strftime("%Y-%m-%d"))
        frame.to_csv(tmp_path / "m.csv", index=False)
    else:
        frame.to_parquet(tmp_path / "m.parquet")
    dataset = {"name": f"m.{suffix}", "scale": "minmax", "drop": ["made"]}
    report, _ = reported(tmp_path, dataset)
    assert any("dates as days since the first one: seen." in note for note in report.notes)


# Values that are kept


def test_a_model_that_takes_missing_values_gets_them(tmp_path):
    with_gaps(table()).to_csv(tmp_path / "m.csv", index=False)
    kept = {"name": "m.csv", "missing": "keep"}
    pipeline = {"steps": ["sklearn.impute.SimpleImputer", "sklearn.svm.SVC"]}
    models = [{"name": "logistic"}, {"name": "sklearn.svm.SVC"}, {"name": TREES}, pipeline]
    problems = refused(tmp_path, kept, model=models)
    assert [problem.split(": ")[1] for problem in problems] == ["model[1]", "model[2]"]
    assert all('missing = "median" under [dataset]' in problem for problem in problems)
    report, _ = reported(tmp_path, kept, model={"name": TREES}, strategies=["random", "k_center"])
    assert any("strategies that use features get the median" in note for note in report.notes)


# A fixed test part, with the initial set drawn


def test_a_test_file_with_the_initial_set_drawn(tmp_path):
    frame = table()
    frame[:90].to_csv(tmp_path / "m.csv", index=False)
    again = pd.concat([frame[90:], frame[:3]])
    again.to_csv(tmp_path / "test.csv", index=False)
    dataset = {"name": "m.csv", "test": "test.csv"}
    report, results = reported(tmp_path, dataset, initial={"size": 10, "method": "random"})
    splits = pd.read_parquet(results / "splits.parquet")
    for _, group in splits.groupby("seed"):
        assert sorted(group.loc[group["role"] == "test", "index"]) == list(range(90, 123))
    assert splits.groupby("seed")["role"].value_counts().xs("initial", level=1).tolist() == [10] * 2
    initial = splits[splits["role"] == "initial"].groupby("seed")["index"].apply(set)
    assert initial[0] != initial[1]
    assert any("up to 3 examples of the test part of m.csv" in note for note in report.notes)
    assert plan_of(results).missing() == []


@pytest.mark.parametrize("name_of_pool", ["train", "pool"])
def test_splits_of_test_and_training_part_with_the_initial_set_drawn(tmp_path, name_of_pool):
    table().to_csv(tmp_path / "m.csv", index=False)
    roles = [name_of_pool] * 80 + ["test"] * 30
    frames = [pd.DataFrame({"seed": s, "index": range(110), "role": roles}) for s in (0, 1)]
    pd.concat(frames).to_csv(tmp_path / "s.csv", index=False)
    dataset = {"name": "m.csv", "splits": "s.csv"}
    _, results = reported(tmp_path, dataset, initial={"per_class": 3})
    splits = pd.read_parquet(results / "splits.parquet")
    for _, group in splits.groupby("seed"):
        roles_of = {role: set(part["index"]) for role, part in group.groupby("role", observed=True)}
        assert roles_of["test"] == set(range(80, 110))
        assert roles_of["pool"] | roles_of["initial"] == set(range(80))
        assert len(roles_of["initial"]) == 6
    (problem,) = refused(tmp_path, dataset)
    if name_of_pool == "pool":
        assert "seed 0 has no row with the role 'initial'" in problem
        assert "draw the initial set by [initial]" in problem
    else:
        assert "train is for splits whose initial set is drawn by [initial]" in problem


def test_splits_with_initial_rows_exclude_a_rule_for_them(tmp_path):
    table().to_csv(tmp_path / "m.csv", index=False)
    roles = ["pool"] * 70 + ["initial"] * 10 + ["test"] * 40
    frames = [pd.DataFrame({"seed": s, "index": range(120), "role": roles}) for s in (0, 1)]
    pd.concat(frames).to_csv(tmp_path / "s.csv", index=False)
    dataset = {"name": "m.csv", "splits": "s.csv"}
    (problem,) = refused(tmp_path, dataset, initial={"per_class": 3})
    assert "[initial] and splits exclude each other" in problem


def test_a_split_that_uses_a_dropped_row_is_refused(tmp_path):
    frame = table()
    frame.loc[7, "a"] = None
    frame.to_csv(tmp_path / "m.csv", index=False)
    roles = ["pool"] * 70 + ["initial"] * 10 + ["test"] * 40
    frames = [pd.DataFrame({"seed": s, "index": range(120), "role": roles}) for s in (0, 1)]
    pd.concat(frames).to_csv(tmp_path / "s.csv", index=False)
    dataset = {"name": "m.csv", "splits": "s.csv", "missing": "drop"}
    (problem,) = refused(tmp_path, dataset)
    assert "row 7 (the first is 0): the row of the data set is left out" in problem


def test_listed_initial_rows_lie_outside_a_fixed_test_part(tmp_path):
    table()[:90].to_csv(tmp_path / "m.csv", index=False)
    table()[90:].to_csv(tmp_path / "test.csv", index=False)
    pd.DataFrame({"index": [3, 4, 95]}).to_csv(tmp_path / "start.csv", index=False)
    dataset = {"name": "m.csv", "test": "test.csv"}
    initial = {"method": "file", "file": "start.csv"}
    (problem,) = refused(tmp_path, dataset, initial=initial)
    assert "row 95 of the data set is listed for seed " in problem
    assert "it is tested on" in problem
    pd.DataFrame({"index": [3, 4, 5]}).to_csv(tmp_path / "start.csv", index=False)
    assert plan_sweep(experiment(tmp_path, dataset, initial=initial)).specs


# Notes in the tables


def test_notes_on_the_data_lie_in_the_footer_of_the_curves(tmp_path):
    table().to_csv(tmp_path / "m.csv", index=False)
    _, results = reported(tmp_path, {"name": "m.csv"})
    assert load_notes(results) == {"m.csv": ["one-hot encoded: kind (2)"]}
    curves = results / "curves.parquet"
    before = curves.read_bytes()
    rebuild_tables(plan_of(results))
    assert curves.read_bytes() == before
    # A table of an earlier alrun has none, and gets them.
    curves.write_bytes(to_parquet_bytes(pq.read_table(curves), {}))
    assert load_notes(results) == {}
    rebuild_tables(plan_of(results))
    assert curves.read_bytes() == before


def test_data_without_notes_leave_the_footer_as_it_was(tmp_path):
    table().drop(columns="kind").to_csv(tmp_path / "m.csv", index=False)
    _, results = reported(tmp_path, {"name": "m.csv"})
    assert set(pq.read_schema(results / "curves.parquet").metadata) == {b"schema_version"}


@pytest.mark.parametrize("notes", ["[1]", '{"m.csv": 3}', "{", '{"m.csv": [1, "kept"]}'])
def test_a_damaged_footer_is_passed_over(tmp_path, notes):
    table().to_csv(tmp_path / "m.csv", index=False)
    _, results = reported(tmp_path, {"name": "m.csv"})
    curves = results / "curves.parquet"
    content = pq.read_table(curves)
    pq.write_table(content.replace_schema_metadata({"notes": notes}), curves)
    assert load_notes(results) in ({}, {"m.csv": ["kept"]})
    assert alrun.report(results).notes


# Identity


def test_only_keys_that_are_given_are_part_of_a_run(tmp_path):
    frame = table(60).drop(columns="kind").assign(target=["no", "yes", "no"] * 20)
    frame.to_csv(tmp_path / "m.csv", index=False)
    plain = {"name": "m.csv"}
    ids = {}
    for key, more in {
        "none": {},
        "spelt out": {"stratify": True},
        "missing": {"missing": "mean"},
        "by column": {"missing": {"a": "mean"}},
        "number": {"missing": -1},
        "number with a point": {"missing": -1.0},
        "other number": {"missing": -2},
        "no indicator": {"missing": "mean", "missing_indicator": False},
        "indicator": {"missing": "mean", "missing_indicator": True},
        "columns": {"columns": ["a"]},
        "rare": {"rare": "merge", "rare_below": 2},
        "stratify": {"stratify": False},
    }.items():
        plan = plan_sweep(experiment(tmp_path, plain | more))
        ids[key] = frozenset(plan.specs)
    assert ids["none"] == ids["spelt out"]
    assert ids["missing"] == ids["no indicator"]
    assert ids["number"] == ids["number with a point"]
    del ids["spelt out"], ids["no indicator"], ids["number"]
    assert len(set(ids.values())) == len(ids)
    identity = next(iter(plan_sweep(experiment(tmp_path, plain)).specs.values())).dataset.identity()
    assert json.loads(json.dumps(identity)).keys() == {
        "fingerprint",
        "scale",
        "test_size",
        "splits",
    }


# Small files after real ones


def test_the_file_with_gaps_an_identifier_and_dates(tmp_path):
    name = str(FIELD / "missing_and_id.csv")
    (problem,) = refused(tmp_path, {"name": name})
    assert "'age' (8, from row 13), 'city' (text, 10, from row 0)" in problem
    assert 'drop = ["id", "seen"]' in problem
    dataset = {"name": name, "label": "people", "missing": "median", "drop": ["id", "seen"]}
    report, _ = reported(tmp_path, dataset)
    assert sorted(note for note in report.notes if "people: " in note) == [
        "Data of people: missing values (fitted on pool and initial set): the median: age (8);"
        " a category of their own: city (10).",
        "Data of people: one-hot encoded: city (3).",
    ]


def test_the_file_with_a_numeric_target(tmp_path):
    dataset = {"name": str(FIELD / "numeric_target.csv"), "target": "price", "label": "prices"}
    (problem,) = refused(tmp_path, dataset)
    assert "price has 80 numeric values; alrun compares classifiers" in problem
    report, results = reported(tmp_path, dataset | {"bins": 4})
    labels = pd.read_parquet(results / "queries.parquet")["label"].unique()
    assert set(labels) == {"[390.1, 787.3]", "(787.3, 953.7]", "(953.7, 1195]", "(1195, 1686]"}
    assert any(note.startswith("Data of prices: price in 4 classes") for note in report.notes)


def test_workers_that_map_the_features_fill_in_the_same(tmp_path, monkeypatch):
    monkeypatch.setattr("alrun.data.memory_map._LARGE", 1)
    with_gaps(table()).to_csv(tmp_path / "m.csv", index=False)
    path = experiment(tmp_path, {"name": "m.csv", "missing": "mean"}, strategies=["k_center"])
    alone = alrun.run_sweep(path, tmp_path / "alone", jobs=0)
    shared = alrun.run_sweep(path, tmp_path / "shared", jobs=2)
    for name in ("curves.parquet", "queries.parquet", "splits.parquet"):
        assert (alone / name).read_bytes() == (shared / name).read_bytes()
