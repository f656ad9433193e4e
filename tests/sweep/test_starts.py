"""Several starts in one experiment: an axis of the grid, with pairs inside each start."""

import json

import numpy as np
import pandas as pd
import pytest

import alrun
from alrun import stats
from alrun.api import run_sweep
from alrun.class_mix import class_mix
from alrun.data.load import load
from alrun.report.build import build_report
from alrun.report.options import options_for
from alrun.report.render import render
from alrun.sweep.plan import plan_sweep

TEXT = """
strategies = ["random", "margin", "entropy"]
batch_sizes = [5]
seeds = 8
targets = [0.9]
budget = 40

[dataset]
name = "iris"
scale = "standard"
test_size = 50
"""
STARTS = {
    "2 per class": "per_class = 2",
    "12 random": 'size = 12\nmethod = "random"',
    "12 typical": 'size = 12\nmethod = "typical"',
}


def experiment(folder, *rules, name="starts"):
    path = folder / f"{name}.toml"
    path.write_text(TEXT + "".join(f"[[initial]]\n{rule}\n" for rule in rules))
    return path


@pytest.fixture(scope="module")
def swept(tmp_path_factory):
    folder = tmp_path_factory.mktemp("starts")
    return run_sweep(experiment(folder, *STARTS.values()), folder / "results", jobs=0)


def test_every_start_has_the_runs_that_it_has_alone(swept, tmp_path):
    curves = alrun.load_curves(swept)
    for name, rule in STARTS.items():
        alone = run_sweep(experiment(tmp_path, rule, name=name.split()[1]), tmp_path / name, jobs=0)
        own = curves[curves["start"] == name].drop(columns="start").reset_index(drop=True)
        only = alrun.load_curves(alone)
        assert set(only["start"]) == {""}
        pd.testing.assert_frame_equal(own, only.drop(columns="start"), check_categorical=False)


def test_runs_of_one_start_and_seed_are_pairs(swept):
    curves, splits = alrun.load_curves(swept), pd.read_parquet(swept / "splits.parquet")
    first = curves[curves["round"] == 0]
    assert (first.groupby(["start", "seed"], observed=True)["log_loss"].nunique() == 1).all()
    initial = splits[splits["role"] == "initial"]
    sizes = initial.groupby(["start", "seed"], observed=True).size()
    assert sizes.groupby("start", observed=True).unique().map(list).to_dict() == {
        "12 random": [12], "12 typical": [12], "2 per class": [6],
    }  # fmt: skip
    tested = splits[splits["role"] == "test"].groupby(["start", "seed"], observed=True)["index"]
    parts = tested.agg(lambda rows: tuple(sorted(rows))).reset_index()
    assert (parts.groupby("seed")["index"].nunique() == 1).all()  # the split is the same


def test_the_report_compares_within_a_start_and_tests_in_one_family(swept):
    report = build_report(swept)
    assert set(report.rows["start"]) == set(STARTS)
    assert len(report.rows) == 9
    assert report.family == 6
    for name, rows in report.rows.groupby("start", observed=True):
        assert (rows["n_pairs"] == 8).all()
        assert rows["initial"].nunique() == 1, name
    rows = json.loads(render(report, "json"))["rows"]
    assert {row["start"] for row in rows} == set(STARTS)
    text = render(report, "table")
    for name in STARTS:
        assert f"iris, logistic, {name}, batch size 5" in text


def by_hand(swept, one, other, name):
    """Return differences of differences of labels to .9, cut at the common budget."""
    curves = alrun.load_curves(swept)
    labels = {}
    for (start, strategy, seed), run in curves.groupby(
        ["start", "strategy", "seed"], observed=True
    ):
        reached = run.loc[run["accuracy"] >= 0.9, "n_labels"]
        labels[start, strategy, seed] = reached.min() if len(reached) else np.inf
    budget = 40 if any(map(np.isinf, labels.values())) else max(labels.values())

    def saved(start, seed):
        cut = [min(labels[start, by, seed], budget) for by in ("random", name)]
        return cut[0] - cut[1]

    return [saved(one, seed) - saved(other, seed) for seed in range(8)]


def test_one_line_says_whether_the_order_depends_on_the_start(swept):
    names = sorted(STARTS)
    p_values = [
        stats.sign_flip(np.array(by_hand(swept, one, other, strategy)).astype(np.int64))
        for one, other in [(names[0], names[1]), (names[0], names[2]), (names[1], names[2])]
        for strategy in ("entropy", "margin")
    ]
    smallest = stats.holm(np.array(p_values)).min()
    notes = [note for note in build_report(swept).notes if "start" in note and "order" in note]
    assert len(notes) == 1
    tested = [note for note in build_report(swept).notes if "differences of differences" in note]
    assert len(tested) == 1
    assert f"Holm over {len(p_values)}" in tested[0]
    assert smallest > stats.ALPHA
    assert f"{smallest:.2g}" in tested[0]


def test_a_start_with_a_file_has_references_of_its_own_split(tmp_path):
    """Rows that the file lists are not tested on, so that its test parts are others."""
    (tmp_path / "rows.csv").write_text("index\n" + "\n".join(map(str, range(45, 95))))
    path = experiment(tmp_path, "per_class = 2", 'method = "file"\nfile = "rows.csv"')
    results = run_sweep(path, tmp_path / "results", jobs=0, overrides=["budget=55", "seeds=3"])
    splits = pd.read_parquet(results / "splits.parquet")
    y = load("iris", {}).y
    floors = {}
    for (start, seed), rows in splits.groupby(["start", "seed"], observed=True):
        is_test = (rows["role"] == "test").to_numpy()
        codes = y[rows["index"]]
        most = np.bincount(codes[~is_test]).argmax()
        floors[start, seed] = (codes[is_test] == most).mean()
    table = pd.read_parquet(results / "references.parquet")
    found = table[table["reference"] == "floor"].set_index(["start", "seed"])["accuracy"]
    shown = {"2 per class": "", "rows.csv": "rows.csv"}
    expected = {(shown[start], seed): floor for (start, seed), floor in floors.items()}
    assert found.to_dict() == pytest.approx(expected)
    means = table.groupby(["start", "reference"], observed=True)["accuracy"].mean()
    assert means["", "floor"] != means["rows.csv", "floor"]
    for start, rows in alrun.report(results).rows.groupby("start", observed=True):
        for kind in ("floor", "ceiling"):
            np.testing.assert_allclose(rows[kind], means[shown[start], kind])


def test_a_data_set_with_splits_of_its_own_misses_no_start(tmp_path):
    roles = np.array(["test", "initial", "pool", "pool"] * 38)[:150]
    rows = [(seed, row, role) for seed in range(8) for row, role in enumerate(roles)]
    pd.DataFrame(rows, columns=["seed", "index", "role"]).to_csv(tmp_path / "s.csv", index=False)
    path = experiment(tmp_path, "per_class = 2", "per_class = 5")
    text = path.read_text().replace("[dataset]", "[[dataset]]")
    more = '[[dataset]]\nname = "iris"\nlabel = "own"\nsplits = "s.csv"\n'
    path.write_text(text.replace("[[initial]]", more + "[[initial]]", 1))
    results = run_sweep(path, tmp_path / "results", jobs=0, overrides=["budget=42"])
    report = alrun.report(results)
    assert set(report.rows.loc[report.rows["dataset"] == "own", "start"]) == {""}
    assert not [note for note in report.notes if "missing" in note]


def made_curves(folder, margin_from_b):
    """Curves in which margin saves 10 labels from start a, and `margin_from_b` from b."""
    rows = []
    for start, saved in (("a", 10), ("b", margin_from_b)):
        for seed in range(12):
            for strategy, at in (("random", 40 + seed), ("margin", 40 + seed - saved - seed % 2)):
                for n_labels in range(10, 81):
                    rows.append((start, strategy, seed, n_labels, 0.95 if n_labels >= at else 0.5))
    frame = pd.DataFrame(rows, columns=["start", "strategy", "seed", "n_labels", "accuracy"])
    folder.mkdir()
    frame.assign(dataset="d", model="m", batch_size=1).to_parquet(folder / "curves.parquet")
    return folder


@pytest.mark.parametrize(("saved", "said"), [(10, "No strategy's saving"), (-15, "start changes")])
def test_an_interaction_is_seen_where_there_is_one(tmp_path, saved, said):
    folder = made_curves(tmp_path / "made", saved)
    report = build_report(folder, options_for(folder, targets=[0.9]))
    text = " ".join(report.notes)
    assert said in text
    same = "The order of the strategies by mean labels is the same from every start"
    assert (same in text) == (saved > 0)


def test_curves_of_one_start_get_no_such_line(tmp_path):
    folder = made_curves(tmp_path / "made", 10)
    curves = pd.read_parquet(folder / "curves.parquet")
    curves[curves["start"] == "a"].drop(columns="start").to_parquet(folder / "curves.parquet")
    report = build_report(folder, options_for(folder, targets=[0.9]))
    assert set(report.rows["start"]) == {""}
    assert not any("start" in note for note in report.notes)


def test_the_class_mix_is_told_apart_by_start(swept):
    mix = class_mix(swept)
    assert set(mix["start"]) == set(STARTS)
    assert (mix["n_seeds"] == 8).all()


def test_a_start_may_have_a_label_and_be_changed_alone(tmp_path):
    path = experiment(tmp_path, 'per_class = 2\nlabel = "few"', "per_class = 5")
    assert {spec.start for spec in plan_sweep(path).specs.values()} == {"few", "5 per class"}
    changed = plan_sweep(path, overrides=["initial[2].per_class=6"])
    assert {spec.start for spec in changed.specs.values()} == {"few", "6 per class"}


def test_starts_with_files_are_read_beside_the_experiment_and_saved_with_it(tmp_path):
    rng = np.random.default_rng(0)
    shares = rng.dirichlet(np.ones(3), size=150)
    pd.DataFrame(shares).to_csv(tmp_path / "scores.csv", index=False)
    (tmp_path / "rows.csv").write_text("index\n0\n60\n120\n140\n")
    path = experiment(
        tmp_path, 'size = 9\nmodel_scores = "scores.csv"', 'method = "file"\nfile = "rows.csv"'
    )
    results = run_sweep(path, tmp_path / "results", jobs=0)
    again = plan_sweep(results / "experiment.toml", results)
    assert not again.missing()
    assert {spec.start for spec in again.specs.values()} == {"9 by model scores", "rows.csv"}
    splits = pd.read_parquet(results / "splits.parquet")
    chosen = splits[(splits["start"] == "9 by model scores") & (splits["seed"] == 0)]
    ordered = np.sort(shares, axis=1)
    margins = ordered[:, 2] - ordered[:, 1]
    training = chosen.loc[chosen["role"] != "test", "index"].to_numpy()
    expected = sorted(training, key=lambda row: margins[row])[:9]
    assert sorted(chosen.loc[chosen["role"] == "initial", "index"]) == sorted(expected)
