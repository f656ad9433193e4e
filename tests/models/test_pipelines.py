"""Pipelines, from the steps in a file to the runs and back."""

import tomllib

import numpy as np
import pytest
from experiment_texts import problems, read
from sklearn.datasets import load_iris
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from alrun.models.build import build, prediction_methods, resolve
from alrun.models.classifier import Classifier
from alrun.spec import run_id
from alrun.spec_parts import PIPELINE
from alrun.sweep.plan import plan_sweep
from alrun.sweep.run import run_missing

SCALER, SVM = "sklearn.preprocessing.StandardScaler", "sklearn.svm.SVC"
FEATURES, FOREST = (
    "sklearn.kernel_approximation.RBFSampler",
    "sklearn.ensemble.ExtraTreesClassifier",
)
STEPS = [SCALER, {"name": SVM, "C": 2.0}]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "question.toml"


def parameters(*steps):
    """Return the steps, each a name or a name with parameters, as an experiment hands them on."""
    pairs = [(step, {}) if isinstance(step, str) else step for step in steps]
    return {"steps": [{"name": name, "parameters": given} for name, given in pairs]}


def stream(seed=0):
    return np.random.default_rng(seed)


def specs(path, *overrides, **changes):
    read(path, **changes)
    return list(plan_sweep(path, path.parent / "results", overrides).specs.values())


# What it is


def test_a_pipeline_is_scikit_learns():
    X, y = load_iris(return_X_y=True)
    resolved = resolve(PIPELINE, parameters(SCALER, (SVM, {"C": 0.02})))
    ours = Classifier(PIPELINE, resolved, 3, stream()).fit(X, y)
    theirs = make_pipeline(StandardScaler(), SVC(C=0.02)).fit(X, y)
    np.testing.assert_array_equal(ours.decision(X), theirs.decision_function(X))
    np.testing.assert_array_equal(ours.predict(X), theirs.predict(X))


def test_a_class_without_labels_has_its_place():
    X, y = load_iris(return_X_y=True)
    resolved = resolve(PIPELINE, parameters(SCALER, "logistic"))
    given = Classifier(PIPELINE, resolved, 5, stream()).fit(X, y + 1).probabilities(X)
    assert given.shape == (150, 5)
    assert (given[:, [0, 4]] == 0).all()


def test_every_random_state_within_comes_from_the_stream():
    states = []
    for seed in (0, 0, 1):
        model = build(PIPELINE, resolve(PIPELINE, parameters(FEATURES, FOREST)), stream(seed))
        states.append(tuple(step.random_state for step in model))
    assert states[0] == states[1] != states[2]
    assert len({*states[0], *states[2]}) == 4


@pytest.mark.parametrize(
    ("last", "offered"),
    [("logistic", {"predict_proba", "decision_function"}), (SVM, {"decision_function"})],
)
def test_a_pipeline_offers_what_its_last_step_does(last, offered):
    assert prediction_methods(PIPELINE, parameters(SCALER, last)) == offered


def test_values_per_pair_of_classes_are_refused_in_a_pipeline_too():
    X, y = load_iris(return_X_y=True)
    given = parameters(SCALER, (SVM, {"decision_function_shape": "ovo"}))
    ours = Classifier(PIPELINE, resolve(PIPELINE, given), 3, stream()).fit(X, y)
    with pytest.raises(Exception, match=r"^SVC gave 3 decision values.*ovr"):
        ours.decision(X)


# In a file


def test_the_label_is_readable(path):
    models = [{"steps": STEPS}, {"steps": ["logistic"]}, {"steps": STEPS, "label": "mine"}]
    labels = [entry.label for entry in read(path, model=models).model]
    assert labels == ["StandardScaler + SVC", "logistic", "mine"]


def test_the_identity_is_that_of_the_steps_with_resolved_parameters(path):
    one = specs(path, model={"steps": STEPS})[0].model.identity()
    assert one["name"] == "pipeline"
    scaler, svm = one["parameters"]["steps"]
    defaults = {"copy": True, "with_mean": True, "with_std": True}
    assert scaler == {"name": SCALER, "parameters": defaults}
    assert svm == {"name": SVM, "parameters": resolve(SVM, {"C": 2.0})}


@pytest.mark.parametrize(
    ("steps", "is_same"),
    [
        ([{"name": SCALER}, {"name": SVM, "C": 2}], True),
        ([{"name": SCALER, "with_mean": True}, {"name": SVM, "C": 2.0}], True),
        (["sklearn.preprocessing:StandardScaler", {"name": "sklearn.svm:SVC", "C": 2.0}], True),
        ([SCALER, SVM], False),
        ([{"name": SCALER, "with_mean": False}, {"name": SVM, "C": 2.0}], False),
        ([{"name": SVM, "C": 2.0}], False),
    ],
)
def test_the_run_is_the_same_where_the_steps_are(path, steps, is_same):
    ids = [run_id(specs(path, model={"steps": given})[0]) for given in (STEPS, steps)]
    assert (ids[0] == ids[1]) == is_same


def test_the_saved_experiment_finds_the_same_runs(path, tmp_path):
    from alrun.execute.local import Workers

    weighted = {"name": "logistic", "class_weight": {"setosa": 2}}
    models = [{"steps": STEPS}, {"steps": [SCALER, weighted], "label": "2"}, weighted]
    read(path, model=models, budget=8, seeds=1)
    with Workers(0) as workers:
        done = run_missing(plan_sweep(path, tmp_path / "deeper" / "results"), workers)
    assert len(done.finished) == 3
    again = plan_sweep(done.store.experiment, done.store.path)
    assert (again.finished, again.specs.keys()) == (done.finished, done.specs.keys())
    saved = tomllib.loads(done.store.experiment.read_text())["model"]
    assert saved[0]["steps"] == [{"name": SCALER}, {"name": SVM, "C": 2.0}]


def test_an_override_reaches_into_a_step(path):
    (run, *_) = specs(path, "model.steps.1.C=7", model={"steps": STEPS})
    assert run.model.parameters["steps"][1]["parameters"]["C"] == 7.0


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        (
            {"steps": [SCALER, {"name": SVM, "gama": 1}]},
            "model.steps[2].gama: unknown key; did",
        ),
        ({"steps": [{"name": SVM, "c": 1}]}, "model.steps[1].c: unknown key; did you mean 'C'?"),
        (
            {"steps": [{"name": SCALER, "with": 1}, SVM]},
            "model.steps[1].with: unknown key; did",
        ),
        ({"steps": [SCALER, {"name": SVM, "C": -1.0}]}, "model.steps[2]: sklearn.svm.SVC: The 'C'"),
        (
            {"steps": [SCALER, {"name": SVM, "random_state": 1}]},
            "model.steps[2].random_state: unk",
        ),
        ({"steps": ["sklearn.svm.SVX"]}, "model.steps[1]: sklearn.svm has no 'SVX'; did you mean"),
        (
            {"steps": [SVM, SVM]},
            "model.steps[1]: 'sklearn.svm.SVC' is not a transformer; it has",
        ),
        ({"steps": [SCALER]}, f"model.steps[1]: '{SCALER}' is not a classifier; it has no method"),
        ({"steps": [SCALER, "pipeline"]}, "model.steps[2]: there is no model 'pipeline'"),
        ({"steps": [{"C": 1}]}, "model.steps[1].name: is missing"),
        ({"steps": []}, "model.steps: "),
        ({"steps": SVM}, "model.steps: should be a valid list"),
        ({"steps": [3]}, "model.steps[1]: "),
        ({"steps": STEPS, "name": "logistic"}, "model: name and steps exclude each other"),
        ({"steps": STEPS, "C": 1.0}, "model.C: unknown key"),
        ({"name": "pipeline"}, "model: there is no model 'pipeline'"),
    ],
)
def test_what_is_wrong_with_the_steps_is_one_line(path, model, expected):
    (line,) = problems(path, model=model)
    assert line.startswith(f"{path}: {expected}")


def test_all_that_is_wrong_with_the_steps_is_said_at_once(path):
    steps = [{"name": SCALER, "wiht_mean": True}, {"name": SVM, "c": 1, "kernal": "rbf"}]
    lines = problems(path, model=[{"name": "logistc"}, {"steps": steps}])
    assert [line.split(": ")[1] for line in lines] == [
        "model[1]",
        "model[2].steps[1].wiht_mean",
        "model[2].steps[2].c",
        "model[2].steps[2].kernal",
    ]


def test_a_strategy_that_the_last_step_cannot_serve_is_refused(path):
    (line,) = problems(path, model={"steps": STEPS}, strategies=["entropy"])
    assert "strategies[1]: entropy needs a model with predict_proba, and the pipeline model" in line
