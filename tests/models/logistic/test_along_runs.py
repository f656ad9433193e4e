"""Refits along runs with up to hundreds of classes, where other means are used than for a few.

The gradient is computed by SciPy, and scikit-learn is left to converge.
"""

import numpy as np
import pytest
from scipy import sparse
from scipy.special import log_softmax
from sklearn.linear_model import LogisticRegression
from sklearn.utils.class_weight import compute_sample_weight

from alrun.models.logistic import newton
from alrun.models.logistic.estimator import Logistic, logistic

PROMISE = 1e-8
# Classes, features, batch size and labels at the end.
RUNS = [
    (2, 400, 20, 820),
    (10, 60, 20, 600),
    (20, 40, 30, 480),
    (100, 30, 40, 360),
    (300, 12, 60, 900),
]
LONG = [
    pytest.param((100, 384, 100, 1600), marks=pytest.mark.slow),
    pytest.param((10, 384, 10, 210), marks=pytest.mark.slow),
]


def overlapping(n_classes, d, n):
    rng = np.random.default_rng([n_classes, d])
    y = np.append(np.arange(n_classes), rng.integers(n_classes, size=n - n_classes))
    return 0.3 * (rng.normal(size=(n, d)) + 0.4 * rng.normal(size=(n_classes, d))[y]), y


def gradient_of(model, X, y, s=1.0):
    """The gradient of the objective at a fitted model, with a row per class of probabilities."""
    scores = model.decision_function(X)
    if scores.ndim == 1:
        scores = np.column_stack([np.zeros_like(scores), scores])
    residual = np.exp(log_softmax(scores, axis=1)) - (y[:, None] == model.classes_)
    residual = (residual * np.reshape(s, (-1, 1)))[:, -len(model.coef_) :]
    of_features = np.asarray(X.T @ residual).T + model.coef_
    return np.column_stack([of_features, residual.sum(axis=0)])


def rounds(run):
    n_classes, d, batch_size, n_labels = run
    X, y = overlapping(n_classes, d, n_labels)
    for n in range(n_labels - 4 * batch_size, n_labels + 1, batch_size):
        yield X[:n], y[:n]


@pytest.fixture
def descents(monkeypatch):
    """Where each descent in single precision ended."""
    ends, descend = [], newton.descend

    def watched(*arguments):
        ends.append(descend(*arguments))
        return ends[-1]

    monkeypatch.setattr(newton, "descend", watched)
    return ends


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("run", [*RUNS, *LONG])
def test_every_fit_is_exact_and_the_last_one_is_scikit_learns(run, descents):
    model = Logistic(warm_start=True)
    for X, y in rounds(run):
        model.fit(X, y)
        assert np.abs(gradient_of(model, X, y)).max() <= PROMISE * max(1, np.abs(X).max())
    if run[3] != 210:  # fewer examples than features
        assert [end.arrived for end in descents] == [True] * 4
    theirs = LogisticRegression(tol=1e-9, max_iter=10_000).fit(X, y)
    np.testing.assert_allclose(model.predict_proba(X), theirs.predict_proba(X), atol=1e-6)
    np.testing.assert_allclose(
        model.predict_proba(X), Logistic().fit(X, y).predict_proba(X), atol=1e-9
    )


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("run", [*RUNS, *LONG])
def test_a_tolerance_stops_where_scikit_learn_stops(run, descents):
    model, exact = Logistic(warm_start=True, tolerance=1e-4), Logistic(warm_start=True)
    for X, y in rounds(run):
        model.fit(X, y)
        limit = 1e-4 * len(y)
        assert np.abs(gradient_of(model, X, y)).max() <= limit
        theirs = LogisticRegression().fit(X, y)
        assert np.abs(gradient_of(theirs, X, y)).max() <= limit * (1 + 1e-6)
    exact.fit(X, y)
    assert np.abs(gradient_of(model, X, y)).max() > 1e-3 * limit  # it does stop early
    off = np.abs(model.predict_proba(X) - exact.predict_proba(X)).mean()
    assert off <= 2 * np.abs(theirs.predict_proba(X) - exact.predict_proba(X)).mean() + 1e-4
    if run[3] != 210:
        assert [end.arrived for end in descents[:4]] == [True] * 4


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("tolerance", [1e-3, 1e-5, 1e-7, 1e-9])
@pytest.mark.parametrize("kind", ["many", "few", "wide", "sparse", "weighted", "hard"])
def test_any_tolerance_is_kept_on_any_problem(kind, tolerance):
    run = {"many": RUNS[3], "wide": (3, 300, 10, 90)}.get(kind, (3, 10, 10, 90))
    C, weights = {"weighted": 5.0, "hard": 100.0}.get(kind, 1.0), None
    model = Logistic(C=C, warm_start=True, tolerance=tolerance)
    if kind == "weighted":
        weights = model.class_weight = {0: 3.0, 1: 0.5}
    for X, y in rounds(run):
        features = sparse.csr_array(X) if kind == "sparse" else X
        model.fit(features, y)
        s = C * compute_sample_weight(weights, y)
        assert np.abs(gradient_of(model, features, y, s)).max() <= tolerance * s.sum()


def test_a_descent_that_loses_its_way_costs_time_alone(monkeypatch):
    """Probabilities do not show it."""
    monkeypatch.setattr("alrun.models.logistic.descent.MAX_EVALUATIONS", 2)
    for tolerance, atol in ((None, 1e-9), (1e-4, 0.05)):
        model = Logistic(warm_start=True, tolerance=tolerance)
        for X, y in rounds(RUNS[3]):
            model.fit(X, y)
        cold = Logistic().fit(X, y)
        np.testing.assert_allclose(model.predict_proba(X), cold.predict_proba(X), atol=atol)
        assert np.abs(gradient_of(model, X, y)).max() <= (tolerance or PROMISE / len(y)) * len(y)


@pytest.mark.parametrize("tolerance", [0, -1.0, 1, float("nan"), True, "1e-4"])
def test_what_is_no_tolerance_is_named(tolerance):
    with pytest.raises(ValueError, match="tolerance must be a number between 0 and 1"):
        logistic(tolerance=tolerance)


def test_single_precision_stays_near_enough_to_stop_at_the_same_gradient():
    """The gradient in single precision, by which it stops, against that in double precision."""
    X, y = overlapping(100, 30, 360)
    Y = (y == np.arange(100)[:, None]).astype(float)
    A = np.column_stack([X, np.ones(len(X))])
    objective = newton.Objective(A, Y, np.ones(len(y)))
    W = np.random.default_rng(0).normal(size=(100, 31))
    single = objective.in_precision(np.float32).gradient_at(W.astype(np.float32))
    np.testing.assert_allclose(objective.gradient_at(W), objective.at(W).gradient, atol=1e-10)
    assert single.dtype == np.float32
    np.testing.assert_allclose(single, objective.at(W).gradient, atol=1e-6 * len(y))
