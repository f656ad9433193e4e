"""What cannot be run is said before the sweep, or skipped and listed."""

import numpy as np
import pandas as pd
import pytest
import tomli_w
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier

import alrun
from alrun.api import run_sweep
from alrun.cli.plan_text import announcement
from alrun.data.splits import split_of
from alrun.errors import ExperimentError
from alrun.models.classifier import Classifier
from alrun.spec import run_id
from alrun.sweep import preflight
from alrun.sweep.plan import plan_sweep

NEIGHBOURS = {"name": "sklearn.neighbors.KNeighborsClassifier", "n_neighbors": 10}
CALIBRATED = {"name": "sklearn.calibration.CalibratedClassifierCV", "cv": 5}


def experiment(folder, name="these", **changes):
    content = {
        "strategies": ["random", "margin"],
        "batch_sizes": [4],
        "seeds": 2,
        "targets": [0.8],
        "budget": 26,
        "dataset": {"name": "iris", "test_size": 50},
        "initial": {"per_class": 2},
        **changes,
    }
    path = folder / f"{name}.toml"
    path.write_text(tomli_w.dumps(content))
    return path


def refused(folder, **changes):
    with pytest.raises(ExperimentError) as caught:
        plan_sweep(experiment(folder, **changes), folder / "results")
    return str(caught.value).splitlines()


# The size of the initial set


@pytest.mark.parametrize(("model", "why"), [(NEIGHBOURS, "n_neighbors"), (CALIBRATED, "5")])
def test_a_model_that_needs_more_labels_than_the_start_has_is_refused(tmp_path, model, why):
    (line,) = refused(tmp_path, model=model)
    label = model["name"]
    assert f"model: {label} cannot be fitted to the 6 initial labels of iris (" in line
    assert why in line
    assert 'give it fallback = "logistic"' in line


def test_only_the_starts_that_are_too_small_are_named(tmp_path):
    starts = [{"per_class": 2}, {"per_class": 5}, {"per_class": 1, "label": "one each"}]
    lines = refused(tmp_path, initial=starts, model=[NEIGHBOURS, {"name": "logistic"}])
    assert [line.split(" initial labels")[0].split()[-1] for line in lines] == ["6", "3"]
    assert all("model[1]: " in line for line in lines)


def test_a_model_of_the_users_own_is_tried_at_the_size_of_the_start(tmp_path, monkeypatch):
    (tmp_path / "hungry_model.py").write_text(
        "from sklearn.linear_model import LogisticRegression\n"
        "class Hungry(LogisticRegression):\n"
        "    def fit(self, X, y):\n"
        "        if len(y) < 8:\n"
        "            raise ValueError(f'{len(y)} examples are too few for me')\n"
        "        return super().fit(X, y)\n"
    )
    monkeypatch.chdir(tmp_path)
    (line,) = refused(tmp_path, model={"name": "hungry_model:Hungry"})
    assert "6 examples are too few for me" in line


def test_a_fallback_takes_its_place_until_the_model_can_be_fitted(tmp_path):
    path = experiment(tmp_path, model={**NEIGHBOURS, "fallback": "logistic"})
    results = run_sweep(path, tmp_path / "results", jobs=0)
    plan = plan_sweep(path, results)
    curves, splits = alrun.load_curves(results), pd.read_parquet(results / "splits.parquet")
    runs = alrun.load_runs(results)
    assert (runs["status"] == "finished").all()
    assert (runs["fallback_rounds"] == 1).all()  # at 6 labels; at 10 there are ten neighbours
    queries = alrun.load_queries(results)
    for run, spec in plan.specs.items():
        dataset = plan.sources["iris"]
        split = split_of(spec, dataset)
        own = queries[queries["run_id"] == run].sort_values(["round", "position"])
        bought = np.concatenate([split.initial, own["index"]])
        for row in curves[curves["run_id"] == run].itertuples():
            rows = bought[: row.n_labels]
            model = KNeighborsClassifier(10) if row.n_labels >= 10 else LogisticRegression(tol=1e-9)
            model.fit(dataset.X[rows], dataset.y[rows])
            right = (model.predict(dataset.X[split.test]) == dataset.y[split.test]).sum()
            assert right == row.n_correct
    assert splits["seed"].nunique() == 2


def test_once_it_was_fitted_a_model_that_fails_is_an_error():
    X = np.random.default_rng(0).normal(size=(30, 2))
    y = (X[:, 0] > 0).astype(int)
    parameters = {"n_neighbors": 10}
    model = Classifier(NEIGHBOURS["name"], parameters, 2, np.random.default_rng(0), (), "logistic")
    model.fit(X[:6], y[:6])
    model.fit(X[:12], y[:12])
    assert model.n_fallbacks == 1
    with pytest.raises(ValueError, match="n_neighbors"):
        model.fit(X[:6], y[:6]).predict(X)


def test_a_fallback_is_part_of_the_identity_only_where_it_is_given(tmp_path):
    model = {"name": "sklearn.naive_bayes.GaussianNB"}
    plain = plan_sweep(experiment(tmp_path, model=model), tmp_path / "results").specs
    other = {**model, "fallback": "logistic"}
    waiting = plan_sweep(experiment(tmp_path, model=other), tmp_path / "results").specs
    assert not plain.keys() & waiting.keys()
    assert all("fallback" not in spec.identity()["model"] for spec in plain.values())
    assert all(spec.identity()["model"]["fallback"] == "logistic" for spec in waiting.values())


def test_nothing_is_tried_where_runs_are_finished(tmp_path, monkeypatch):
    path = experiment(tmp_path, model={"name": "sklearn.naive_bayes.GaussianNB"})
    tried = []
    monkeypatch.setattr(preflight, "unfit_for_start", lambda *given: tried.append(given) or [])
    results = run_sweep(path, tmp_path / "results", jobs=0)
    assert len(tried) == 1
    plan_sweep(path, results)
    assert len(tried) == 1


# Pairs that cannot be


MODELS = [{"name": "sklearn.linear_model.Perceptron"}, {"name": "logistic"}]


def test_a_pair_that_cannot_be_refuses_the_file(tmp_path):
    (line,) = refused(tmp_path, strategies=["random", "entropy"], model=MODELS)
    assert "strategies[2]: entropy needs a model with predict_proba" in line
    assert "skip such pairs with skip_impossible = true" in line


def test_or_it_is_skipped_and_listed(tmp_path):
    path = experiment(
        tmp_path, strategies=["random", "entropy"], model=MODELS, skip_impossible=True
    )
    plan = plan_sweep(path, tmp_path / "results")
    pairs = {spec.display_names[1:] for spec in plan.specs.values()}
    assert pairs == {
        ("sklearn.linear_model.Perceptron", "random"),
        ("logistic", "random"),
        ("logistic", "entropy"),
    }
    assert all(run_id(spec) == run for run, spec in plan.specs.items())
    lines = [line for line in announcement(plan, []) if line.startswith("Skipped: ")]
    assert len(lines) == 1
    assert "entropy needs a model with predict_proba" in lines[0]
    assert "sklearn.linear_model.Perceptron" in lines[0]


def test_the_report_lists_what_was_skipped_and_misses_nothing(tmp_path):
    path = experiment(
        tmp_path, strategies=["random", "entropy"], model=MODELS, skip_impossible=True
    )
    results = run_sweep(path, tmp_path / "results", jobs=0)
    notes = alrun.report(results).notes
    (note,) = [note for note in notes if note.startswith("Skipped on iris: strategies[2]: entropy")]
    assert "sklearn.linear_model.Perceptron does not have it" in note
    assert not [note for note in notes if "are missing" in note]
    (results / "runs" / next(iter(plan_sweep(path, results).specs))).with_suffix(
        ".parquet"
    ).unlink()
    strict = plan_sweep(path, results, ["skip_impossible=true", "seeds=3"])
    assert len(strict.missing()) == 4


def test_a_model_is_skipped_for_the_start_that_it_cannot_be_fitted_to(tmp_path):
    starts = [{"per_class": 2}, {"per_class": 5}]
    path = experiment(
        tmp_path, initial=starts, model=[NEIGHBOURS, {"name": "logistic"}], skip_impossible=True
    )
    plan = plan_sweep(path, tmp_path / "results")
    cells = {(spec.start, spec.model.display_name) for spec in plan.specs.values()}
    assert len(cells) == 3
    assert ("2 per class", NEIGHBOURS["name"]) not in cells


def test_where_nothing_is_left_the_reasons_are_the_error(tmp_path):
    lines = refused(tmp_path, model=NEIGHBOURS, skip_impossible=True)
    assert len(lines) == 1


def test_a_metric_that_a_model_lacks_is_not_skipped(tmp_path):
    model = {"name": "sklearn.linear_model.Perceptron"}
    lines = refused(tmp_path, model=model, metric="log_loss", targets=[], skip_impossible=True)
    assert "metric: log_loss needs a model with predict_proba" in lines[0]


def test_the_report_counts_the_rounds_of_a_fallback(tmp_path):
    path = experiment(tmp_path, model={**NEIGHBOURS, "fallback": "logistic"})
    report = alrun.report(run_sweep(path, tmp_path / "results", jobs=0))
    (note,) = [note for note in report.notes if "fallback" in note]
    assert f"{NEIGHBOURS['name']} could not be fitted in 4 rounds of 4 runs" in note
