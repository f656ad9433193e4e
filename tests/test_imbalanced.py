"""Rare classes, the whole way: targets on scores that see them, checked against plain loops."""

import json
import sys

import numpy as np
import pandas as pd
import pytest
import tomli_w
from sklearn.metrics import average_precision_score, balanced_accuracy_score, f1_score
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from typer.testing import CliRunner

import alrun
from alrun.cli.app import app
from alrun.errors import ExperimentError
from alrun.models.logistic.estimator import Logistic
from alrun.sweep.plan import plan_sweep

METRICS = ["balanced_accuracy", "macro_f1", "average_precision"]
TARGETS = [0.55, 0.8]
N, N_RARE, N_TEST = 150, 12, 60
# The margin machine has no probabilities: what ranks the test part is its decision function.
MACHINE = {
    "label": "machine",
    "steps": ["sklearn.preprocessing.StandardScaler", {"name": "sklearn.svm.SVC", "C": 5.0}],
}
MODELS = {
    "weighted": lambda: Logistic(class_weight={1: 4.0}),
    "machine": lambda: SVC(C=5.0),
}
# Knows from the features which are rare, and never asks for one of them.
STRATEGY = "def never(pool, n, rng):\n    return -pool.X[:, 0]\n"
EXPERIMENT = {
    "strategies": ["random", "margin", "blind:never"],
    "batch_sizes": [3, 7],
    "seeds": 3,
    "targets": TARGETS,
    "budget": 34,
    "dataset": {"name": "rare.csv", "test_size": N_TEST},
    "initial": {"size": 6, "method": "random"},
    "model": [{"label": "weighted", "class_weight": {"rare": 4.0}}, MACHINE],
}


def frame():
    """Return features of which the first tells the rare examples, and the labels."""
    rng = np.random.default_rng(3)
    is_rare = np.arange(N) % (N // N_RARE) == 0
    X = rng.normal(size=(N, 4)) + 1.2 * is_rare[:, None]
    X[:, 0] = is_rare * 3.0 + rng.normal(size=N) * 0.3
    named = pd.DataFrame(X, columns=list("abcd"))
    return named.assign(target=np.where(is_rare, "rare", "common"))


@pytest.fixture(scope="module")
def swept(tmp_path_factory):
    """Return the folder of the experiment, swept."""
    folder = tmp_path_factory.mktemp("imbalanced")
    frame().to_csv(folder / "rare.csv", index=False)
    (folder / "blind.py").write_text(STRATEGY)
    (folder / "rare.toml").write_text(tomli_w.dumps(EXPERIMENT | {"metric": METRICS[-1]}))
    sys.path.append(str(folder))
    alrun.run_sweep(folder / "rare.toml", folder / "results", jobs=0)
    yield folder
    sys.path.remove(str(folder))


def replayed(folder):
    """Yield each row of the curves with what scikit-learn says of the model of that round."""
    results, data = folder / "results", pd.read_csv(folder / "rare.csv")
    X, y = data[list("abcd")].to_numpy(), (data["target"] == "rare").to_numpy().astype(int)
    queries, splits = (
        pd.read_parquet(results / f"{name}.parquet") for name in ("queries", "splits")
    )
    for run, curve in pd.read_parquet(results / "curves.parquet").groupby("run_id"):
        split = splits[splits["seed"] == curve["seed"].iloc[0]]
        labelled = split.loc[split["role"] == "initial", "index"].tolist()
        test = split.loc[split["role"] == "test", "index"].to_numpy()
        for row in curve.sort_values("round").to_dict("records"):
            assert row["n_labels"] == len(labelled)
            yield row, y[labelled], y[test], *scored(row["model"], X, y, labelled, test)
            batch = queries[(queries["run_id"] == run) & (queries["round"] == row["round"])]
            labelled = labelled + batch.sort_values("position")["index"].tolist()


def scored(model, X, y, labelled, test):
    """Return predictions and ranking of the test part, of plain scikit-learn and ours."""
    if len(set(y[labelled])) == 1:
        return np.full(len(test), y[labelled[0]]), np.zeros(len(test))
    if model == "machine":
        scaler = StandardScaler().fit(X[labelled])
        fitted = SVC(C=5.0).fit(scaler.transform(X[labelled]), y[labelled])
        test_part = scaler.transform(X[test])
    else:
        fitted = Logistic(class_weight={1: 4.0}).fit(X[labelled], y[labelled])
        test_part = X[test]
    return fitted.predict(test_part), fitted.decision_function(test_part)


def test_the_scores_of_every_round_are_scikit_learns(swept):
    n_blind = 0
    for row, known, y, predicted, ranking in replayed(swept):
        n_blind += len(set(known)) == 1
        expected = {
            "average_precision": average_precision_score(y, ranking),
            "balanced_accuracy": balanced_accuracy_score(y, predicted),
            "macro_f1": f1_score(y, predicted, average="macro", zero_division=0),
        }
        for name, value in expected.items():
            assert row[name] == pytest.approx(value, rel=1e-9), (row, name)
    assert n_blind > 20  # rounds in which nobody has seen the rare class


def labels_of(curves, target, metric):
    """Return the fewest labels at the target of each run of a cell, by seed."""
    found = []
    for _, run in curves.sort_values("n_labels").groupby("seed"):
        at = [n for n, score in zip(run["n_labels"], run[metric], strict=True) if score >= target]
        found.append(min(at, default=np.inf))
    return np.array(found)


@pytest.mark.parametrize("metric", METRICS)
def test_labels_to_target_are_those_of_a_loop_over_the_curves(swept, metric):
    curves = alrun.load_curves(swept / "results")
    rows = alrun.report(swept / "results", TARGETS, metric=metric).rows
    assert len(rows) == 2 * 2 * 2 * 3  # models, batch sizes, targets, strategies
    n_reached = 0
    for row in rows.to_dict("records"):
        keys = ["model", "batch_size", "strategy"]
        cell = curves[(curves[keys].astype(str) == [str(row[key]) for key in keys]).all(axis=1)]
        labels = labels_of(cell, row["target"], metric)
        assert row["n_seeds"] == len(labels) == 3
        assert row["reached"] == (labels <= row["budget"]).sum()
        assert row["mean_labels"] == pytest.approx(np.minimum(labels, row["budget"]).mean())
        n_reached += row["reached"]
    assert 5 < n_reached < 60


def test_a_strategy_that_never_finds_the_rare_class_is_censored(swept):
    curves, queries, splits = (
        pd.read_parquet(swept / "results" / f"{name}.parquet")
        for name in ("curves", "queries", "splits")
    )
    is_rare = (frame()["target"] == "rare").to_numpy()
    initial = splits[splits["role"] == "initial"]
    found = set(initial.loc[is_rare[initial["index"]], "seed"])
    assert 0 < len(found) < 3
    never = curves[curves["strategy"] == "blind:never"]
    asked = queries[queries["run_id"].isin(never["run_id"])]
    assert set(asked["label"]) == {"common"}
    blind = never[~never["seed"].isin(found)]
    assert (blind["balanced_accuracy"] == 0.5).all()
    np.testing.assert_allclose(blind["average_precision"], 1 - blind["accuracy"])
    rows = alrun.report(swept / "results").rows  # the experiment's metric and targets
    reached = rows.loc[rows["strategy"] == "blind:never", "reached"]
    assert (reached <= len(found)).all()


# The commands


def told(*arguments):
    answer = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert answer.exit_code == 0, answer.output
    return answer.stdout


@pytest.mark.parametrize(
    ("written", "metric"),
    [(written, METRICS[-1]) for written in ("table", "markdown", "csv", "json", "latex")]
    + [("table", METRICS[0]), ("json", METRICS[1])],
)
def test_every_format_of_the_report_holds_the_metric(swept, written, metric):
    given = ["--metric", metric] if metric != METRICS[-1] else []  # that is the experiment's
    text = told("report", swept / "results", "--format", written, *given)
    if written == "json":
        content = json.loads(text)
        assert content["metric"] == metric
        assert len(content["rows"]) == 24
    elif written == "csv":
        assert len(text.splitlines()) == 25
    else:
        assert metric in text.replace("\\_", "_")
    assert "blind:never" in text.replace("\\_", "_")


def test_seeds_are_planned_and_runs_counted_on_a_rare_class(swept):
    assert "Seeds needed: rare.csv, machine, batch size 7" in told("sample-size", swept / "results")
    assert "36 runs: 36 done, 0 missing, 0 failed" in told("status", swept / "results")


def test_a_plot_is_of_the_metric(swept):
    pytest.importorskip("matplotlib")
    told("plot", swept / "results", "--kind", "curves", "--output", swept / "curves.svg")
    assert (swept / "curves.svg").is_file()


@pytest.mark.parametrize("metric", METRICS)
def test_another_metric_runs_nothing(swept, metric):
    plan = plan_sweep(swept / "rare.toml", swept / "results", [f"metric={metric}"])
    assert plan.missing() == []


def test_which_class_the_average_precision_is_of_is_said(swept):
    answer = CliRunner().invoke(app, ["sweep", str(swept / "rare.toml"), "--dry-run"])
    assert (
        "rare.csv: average_precision is that of 'rare', the second of its classes" in answer.stderr
    )


def test_a_metric_that_the_model_cannot_have_is_refused_before_the_sweep(swept):
    (swept / "silent.py").write_text(
        "class Silent:\n    def fit(self, X, y): ...\n    def predict(self, X): ...\n"
    )
    with pytest.raises(ExperimentError) as caught:
        plan_sweep(swept / "rare.toml", swept / "results", ['model={name="silent:Silent"}'])
    methods = "predict_proba or decision_function"
    needed = f"needs a model with {methods}, and silent:Silent does not have it; take another model"
    assert [line.split(": ", 1)[1] for line in caught.value.problems] == [
        f"metric: average_precision {needed}",
        f"strategies[2]: margin {needed}, or skip such pairs with skip_impossible = true",
    ]
