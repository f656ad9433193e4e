"""Class weights by label: the same fits as scikit-learn's with the class codes as keys."""

import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from sklearn.utils import all_estimators

from alrun.errors import ModelError
from alrun.models.build import resolve
from alrun.models.class_weights import labels_weighted, weights_by_code
from alrun.models.classifier import Classifier
from alrun.spec_parts import PIPELINE

# libsvm has no use for them in this one.
INDIFFERENT = "sklearn.svm._classes.NuSVC"
QUICK = {
    "HistGradientBoostingClassifier": {"max_iter": 2},
    "LogisticRegressionCV": {"Cs": 2, "cv": 2},
    "RandomForestClassifier": {"n_estimators": 5},
    "ExtraTreesClassifier": {"n_estimators": 5},
}
LABELS = ("setosa", "not setosa", "7", "none")
BY_LABEL = {"not setosa": 5.0, "7": 0.25, "none": 2.0}
BY_CODE = {1: 5.0, 2: 0.25}
WEIGHTED = [
    f"{kind.__module__}.{label}"
    for label, kind in all_estimators(type_filter="classifier")
    if "class_weight" in getattr(kind, "_parameter_constraints", {})
]


def overlapping(n_classes):
    """Iris of the first so many classes, with so much noise that weights matter; then new rows."""
    X, y = load_iris(return_X_y=True)
    rng = np.random.default_rng(0)
    X, others = X + rng.normal(size=X.shape), X + rng.normal(size=X.shape)
    return X[y < n_classes], y[y < n_classes], others


def fitted(name, parameters, X, y):
    """Return the estimator of our classifier, of four classes not all of which are seen."""
    resolved = resolve(name, parameters)
    return Classifier(name, resolved, 4, np.random.default_rng(0), LABELS).fit(X, y).estimator


def values(estimator, X):
    method = "predict_proba" if hasattr(estimator, "predict_proba") else "decision_function"
    return getattr(estimator, method)(X)


def test_there_are_models_with_weights():
    assert len(WEIGHTED) >= 12


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("n_seen", [2, 3])
@pytest.mark.parametrize("name", WEIGHTED)
def test_weights_by_label_are_those_by_code(name, n_seen):
    X, y, others = overlapping(n_seen)
    given = QUICK.get(name.rpartition(".")[-1], {})
    ours = fitted(name, {"class_weight": BY_LABEL, **given}, X, y)
    by_code = {code: weight for code, weight in BY_CODE.items() if code < n_seen}
    state = {"random_state": ours.random_state} if hasattr(ours, "random_state") else {}
    theirs = type(ours)(class_weight=by_code, **state, **given).fit(X, y)
    np.testing.assert_array_equal(values(ours, others), values(theirs, others))
    plain = type(ours)(**state, **given).fit(X, y)
    assert (name == INDIFFERENT) == np.array_equal(values(ours, others), values(plain, others))


@pytest.mark.parametrize("n_seen", [2, 3])
def test_weights_of_our_logistic_regression(n_seen):
    X, y, others = overlapping(n_seen)
    by_code = {code: weight for code, weight in BY_CODE.items() if code < n_seen}
    theirs = LogisticRegression(class_weight=by_code, solver="newton-cg", tol=1e-9, max_iter=999)
    ours = fitted("logistic", {"class_weight": BY_LABEL}, X, y)
    np.testing.assert_allclose(values(ours, others), values(theirs.fit(X, y), others), atol=1e-6)


def test_weights_within_a_pipeline():
    X, y, others = overlapping(3)
    steps = [
        {"name": "sklearn.preprocessing.StandardScaler", "parameters": {}},
        {"name": "sklearn.svm.SVC", "parameters": {"class_weight": BY_LABEL}},
    ]
    ours = fitted(PIPELINE, {"steps": steps}, X, y)
    theirs = make_pipeline(StandardScaler(), SVC(class_weight=BY_CODE)).fit(X, y)
    np.testing.assert_array_equal(values(ours, others), values(theirs, others))


def test_the_fits_of_later_rounds_weigh_the_classes_seen_then():
    X, y, others = overlapping(3)
    resolved = resolve("logistic", {"class_weight": BY_LABEL})
    ours = Classifier("logistic", resolved, 4, np.random.default_rng(0), LABELS)
    for n_seen in (1, 2, 3):
        ours.fit(X[y < n_seen], y[y < n_seen])
    once = fitted("logistic", {"class_weight": BY_LABEL}, X, y)
    np.testing.assert_allclose(values(ours.estimator, others), values(once, others), atol=1e-6)


def test_a_class_that_is_not_named_weighs_one():
    labels = {0: "setosa", 2: "7"}
    assert weights_by_code("logistic", {"class_weight": {"7": 3.0, "none": 2.0}}, labels) == {
        "class_weight": {0: 1.0, 2: 3.0}
    }


@pytest.mark.parametrize("given", [None, "balanced"])
def test_other_weights_stay_as_they_are(given):
    assert weights_by_code("logistic", {"class_weight": given}, {0: "7"}) == {"class_weight": given}
    assert list(labels_weighted("logistic", {"class_weight": given})) == []


def test_a_whole_number_is_the_same_weight_as_its_float():
    one = resolve("logistic", {"class_weight": {"7": 2}})
    assert one == resolve("logistic", {"class_weight": {"7": 2.0}})
    assert isinstance(one["class_weight"]["7"], float)


@pytest.mark.parametrize("weight", [0, -1.0, True, "much", float("inf"), float("nan"), [1]])
@pytest.mark.parametrize("name", ["logistic", "sklearn.svm.SVC"])
def test_what_is_no_weight_is_refused(name, weight):
    with pytest.raises(ModelError, match=r"^class_weight\.7 must be a positive number"):
        resolve(name, {"class_weight": {"7": weight}})


def test_a_list_of_tables_is_refused():
    with pytest.raises(ModelError, match="one table of labels"):
        resolve("sklearn.ensemble.RandomForestClassifier", {"class_weight": [{"7": 2.0}]})
