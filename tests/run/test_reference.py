"""The floor and the ceiling, compared with scikit-learn."""

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_iris
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import (
    average_precision_score,
    balanced_accuracy_score,
    brier_score_loss,
    f1_score,
    log_loss,
    recall_score,
    roc_auc_score,
)
from sklearn.preprocessing import StandardScaler

from alrun.data.load import load
from alrun.data.splits import split_of
from alrun.run.reference import compute_reference
from alrun.spec import ReferenceSpec, run_id
from alrun.spec_parts import DatasetSpec, InitialSpec, ModelSpec

LOADERS = {"iris": load_iris, "breast_cancer": load_breast_cancer}
LOGISTIC = ModelSpec("logistic", "logistic", {"C": 1.0, "class_weight": None})


def reference(kind, name="breast_cancer", model=LOGISTIC, seed=3, initial=None, scale="standard"):
    """Return the spec of a reference and its data set."""
    dataset = load(name, {}, scale=scale)
    spec = DatasetSpec(name, name, dataset.fingerprint, scale, len(dataset.y) // 4)
    return ReferenceSpec(kind, spec, initial or InitialSpec("per_class", 2), model, seed), dataset


def parts(spec, dataset):
    """Return scaled features and classes of the training part and of the test part."""
    X, _ = LOADERS[spec.dataset.name](return_X_y=True)
    split = split_of(spec, dataset)
    scaler = StandardScaler().fit(X[split.training])
    return ((scaler.transform(X[rows]), dataset.y[rows]) for rows in (split.training, split.test))


def expected(model, X, y):
    """Return scikit-learn's scores of a fitted model."""
    predicted, probabilities = model.predict(X), model.predict_proba(X)
    scores = {
        "accuracy": np.mean(predicted == y),
        "balanced_accuracy": balanced_accuracy_score(y, predicted),
        "macro_f1": f1_score(y, predicted, average="macro"),
        "log_loss": log_loss(y, probabilities, labels=model.classes_),
    }
    if len(model.classes_) > 2:
        return scores | {"roc_auc": roc_auc_score(y, probabilities, multi_class="ovr")}
    return scores | {
        "average_precision": average_precision_score(y, probabilities[:, 1]),
        "roc_auc": roc_auc_score(y, probabilities[:, 1]),
        "brier": brier_score_loss(y, probabilities[:, 1]),
        "f1": f1_score(y, predicted),
        "recall": recall_score(y, predicted),
    }


@pytest.mark.parametrize("name", LOADERS)
@pytest.mark.parametrize("kind", ["floor", "ceiling"])
def test_a_reference_is_that_of_scikit_learn(kind, name):
    spec, dataset = reference(kind, name)
    (X, y), (X_test, y_test) = parts(spec, dataset)
    model = (
        DummyClassifier(strategy="prior")
        if kind == "floor"
        else LogisticRegression(C=1.0, tol=1e-10, max_iter=10_000)
    )
    scores = compute_reference(spec, dataset)
    theirs = expected(model.fit(X, y), X_test, y_test)
    assert scores.n_test == len(y_test)
    assert scores.n_correct == round(theirs["accuracy"] * len(y_test))
    for name, value in theirs.items():
        assert scores.values[name] == pytest.approx(value, abs=1e-6), name


def test_the_floor_names_the_first_of_equally_frequent_classes():
    spec, dataset = reference("floor", "iris")
    y = dataset.y[split_of(spec, dataset).training]
    counts = np.bincount(y)
    scores = compute_reference(spec, dataset)
    test = dataset.y[split_of(spec, dataset).test]
    assert scores.n_correct == (test == counts.argmax()).sum()
    assert scores.values["roc_auc"] == 0.5


def test_a_model_without_probabilities_has_a_ceiling_all_the_same():
    svc = ModelSpec("svc", "sklearn.svm.LinearSVC", {})
    scores = compute_reference(*reference("ceiling", model=svc))
    assert scores.n_correct / scores.n_test > 0.9
    assert scores.values["log_loss"] is None
    assert scores.values["roc_auc"] > 0.9


def test_the_id_leaves_out_the_start_where_the_split_does_not_depend_on_it():
    ids = {
        run_id(reference("ceiling", initial=initial)[0])
        for initial in (InitialSpec("per_class", 2), InitialSpec("random", 30))
    }
    assert len(ids) == 1
    listed = [
        run_id(reference("ceiling", initial=InitialSpec("file", 4, rows))[0]) for rows in "ab"
    ]
    assert len(ids | set(listed)) == 3


def test_the_id_has_everything_else():
    variants = [
        reference("ceiling"),
        reference("floor"),
        reference("ceiling", "iris"),
        reference("ceiling", seed=4),
        reference("ceiling", scale="minmax"),
        reference("ceiling", model=ModelSpec("l", "logistic", {"C": 2.0, "class_weight": None})),
    ]
    assert len({run_id(spec) for spec, _ in variants}) == len(variants)
