"""The logistic regression, against its definition and against scikit-learn's solvers."""

import warnings

import numpy as np
import pytest
import sklearn
from problems import Problem, drawn, objective
from scipy import sparse
from sklearn.datasets import load_breast_cancer, load_digits, load_iris
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.utils.estimator_checks import parametrize_with_checks
from threadpoolctl import threadpool_limits

from alrun.models import newton
from alrun.models.logistic import Logistic, logistic
from alrun.models.newton import GRADIENT

SEEDS = range(320)


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    """As in a sweep; two threads take turns at matrices this small."""
    with threadpool_limits(1):
        yield


def fitted(problem, **parameters):
    model = Logistic(C=problem.C, class_weight=problem.class_weight, **parameters)
    return model.fit(problem.X, problem.y)


def digits(n, divisor=16.0):
    X, y = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(y))[:n]
    return X[order] / divisor, y[order]


# The optimum


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("seed", SEEDS)
def test_the_gradient_in_long_double_is_as_small_as_promised(seed):
    problem = drawn(seed)
    _, gradient, reach = objective(fitted(problem), problem)
    assert np.abs(gradient).max() <= GRADIENT * reach, problem.traits


def test_the_drawn_problems_are_as_various_as_they_are_meant_to_be():
    problems = [drawn(seed) for seed in SEEDS]
    traits = [trait for problem in problems for trait in problem.traits]
    assert min(traits.count(trait) for trait in set(traits)) > 40
    assert len(set(traits)) == 8
    sizes = {len(np.unique(problem.y)) for problem in problems}
    assert sizes == {1, 2, 3, 10, 26}
    assert min(problem.X.shape[0] for problem in problems) < 10
    assert max(problem.X.shape[1] for problem in problems) > 1800
    assert max(abs(problem.X).max() for problem in problems) > 1000


@pytest.mark.filterwarnings("ignore")
def test_where_scikit_learn_gets_as_far_it_gets_to_the_same_place():
    """Its lbfgs and Newton's method are left to run; many of the problems are beyond them."""
    n_same = 0
    for seed in SEEDS:
        problem = drawn(seed)
        n_weights = problem.X.shape[1] * len(np.unique(problem.y))
        if n_weights > 1000 or len(np.unique(problem.y)) < 2:
            continue
        ours = fitted(problem)
        value, gradient, reach = objective(ours, problem)
        solver = "lbfgs" if sparse.issparse(problem.X) else "newton-cholesky"
        theirs = LogisticRegression(
            C=problem.C, class_weight=problem.class_weight, solver=solver, tol=1e-12, max_iter=1000
        ).fit(problem.X, problem.y)
        their_value, their_gradient, _ = objective(theirs, problem)
        assert value <= their_value * (1 + 1e-9), problem.traits
        if np.abs(their_gradient).max() <= max(np.abs(gradient).max(), 1e-10 * reach):
            n_same += 1
            assert value == pytest.approx(their_value, rel=1e-9)
            np.testing.assert_allclose(
                ours.predict_proba(problem.X), theirs.predict_proba(problem.X), atol=1e-6
            )
    assert n_same > 60


@pytest.mark.parametrize("divisor", [1.0, 16.0])
def test_the_optimum_is_that_of_scikit_learn_on_digits(divisor):
    X, y = digits(300, divisor)
    rest = load_digits().data / divisor
    ours = Logistic().fit(X, y)
    theirs = LogisticRegression(solver="newton-cg", tol=1e-10, max_iter=1000).fit(X, y)
    np.testing.assert_allclose(ours.predict_proba(rest), theirs.predict_proba(rest), atol=1e-8)
    np.testing.assert_allclose(ours.coef_, theirs.coef_, atol=1e-7)
    np.testing.assert_allclose(ours.intercept_, theirs.intercept_, atol=1e-6)
    np.testing.assert_array_equal(ours.predict(rest), theirs.predict(rest))


@pytest.mark.parametrize("weights", ["balanced", {0: 1.0, 1: 5.0}, {0: 2.0}])
def test_class_weights_are_scikit_learns(weights):
    X, y = load_breast_cancer(return_X_y=True)
    X = X / X.max(axis=0)
    ours = Logistic(C=3.0, class_weight=weights).fit(X, y)
    theirs = LogisticRegression(
        C=3.0, class_weight=weights, solver="newton-cholesky", tol=1e-12
    ).fit(X, y)
    np.testing.assert_allclose(ours.coef_, theirs.coef_, atol=1e-8)
    np.testing.assert_allclose(ours.decision_function(X), theirs.decision_function(X), atol=1e-8)


def test_a_constant_feature_has_no_weight_however_many_features_there_are():
    rng = np.random.default_rng(0)
    for d in (5, 300):
        X, y = rng.normal(size=(400, d)), rng.integers(3, size=400)
        X[:, 2] = 9.0
        model = Logistic().fit(X, y)
        np.testing.assert_allclose(model.coef_[:, 2], 0, atol=1e-8)
        assert np.abs(objective(model, Problem(X, y, 1.0, None))[1]).max() < 1e-7


@pytest.mark.parametrize("shape", [(30, 500), (300, 40)])
def test_sparse_features_give_what_dense_ones_give(shape):
    rng = np.random.default_rng(1)
    X, y = rng.random(shape) * (rng.random(shape) < 0.2), rng.integers(4, size=shape[0])
    dense = Logistic(C=10.0).fit(X, y)
    for kind in (sparse.csr_matrix, sparse.csr_array, sparse.csc_matrix):
        other = Logistic(C=10.0).fit(kind(X), y)
        np.testing.assert_allclose(other.coef_, dense.coef_, atol=1e-8)
        np.testing.assert_allclose(other.predict_proba(kind(X)), dense.predict_proba(X), atol=1e-9)


# From round to round


@pytest.mark.parametrize("divisor", [1.0, 16.0])
def test_a_warm_start_changes_nothing_but_the_steps(divisor):
    X, y = digits(200, divisor)
    warm = Logistic(warm_start=True)
    n_warm = n_cold = 0
    for n in range(20, 201, 10):  # at twenty labels not every class is there
        warm.fit(X[:n], y[:n])
        cold = Logistic().fit(X[:n], y[:n])
        n_warm, n_cold = n_warm + warm.n_iter_[0], n_cold + cold.n_iter_[0]
        np.testing.assert_allclose(
            warm.predict_proba(X), cold.predict_proba(X), atol=1e-8, rtol=1e-6
        )
    assert n_warm < n_cold


def test_a_warm_start_survives_whatever_changes():
    rng = np.random.default_rng(2)
    warm = Logistic(warm_start=True)
    for n_classes, d in [(2, 4), (2, 4), (3, 4), (5, 4), (3, 4), (2, 4), (1, 4), (2, 300), (4, 2)]:
        X = rng.normal(size=(40, d))
        y = np.arange(40) % n_classes + rng.integers(3)
        warm.fit(X, y)
        cold = Logistic().fit(X, y)
        np.testing.assert_array_equal(warm.classes_, cold.classes_)
        np.testing.assert_allclose(warm.coef_, cold.coef_, atol=1e-7)
        np.testing.assert_allclose(warm.predict_proba(X), cold.predict_proba(X), atol=1e-8)


# What it says


@pytest.mark.parametrize("n_classes", [1, 2, 3])
def test_probabilities_sum_to_one_and_agree_with_decision_and_prediction(n_classes):
    X, y = load_iris(return_X_y=True)
    X, y = X[y < n_classes], np.array(["c", "a", "b"])[y[y < n_classes]]
    model = Logistic().fit(X, y)
    P, decision = model.predict_proba(X), model.decision_function(X)
    assert P.shape == (len(X), n_classes)
    np.testing.assert_allclose(P.sum(axis=1), 1, atol=1e-15)
    np.testing.assert_array_equal(model.predict(X), model.classes_[P.argmax(axis=1)])
    if n_classes == 2:
        np.testing.assert_allclose(np.log(P[:, 1] / P[:, 0]), decision, atol=1e-12)
    if n_classes == 3:
        np.testing.assert_allclose(
            np.log(P) - np.log(P[:, :1]), decision - decision[:, :1], atol=1e-12
        )


@pytest.mark.parametrize("n_classes", [2, 3])
def test_far_from_the_data_probabilities_neither_overflow_nor_vanish(n_classes):
    X, y = load_iris(return_X_y=True)
    model = Logistic().fit(X[y < n_classes], y[y < n_classes])
    with np.errstate(over="raise", invalid="raise"):
        P = model.predict_proba(X * 1e6)
    assert np.isfinite(P).all()
    np.testing.assert_allclose(P.sum(axis=1), 1)
    near = model.predict_proba(X[:1] + np.array([0, 0, 40, 40]))
    assert 0 < near[0, 0] < 1e-20  # not lost in one minus the other


def test_one_class_is_what_is_predicted():
    model = Logistic().fit(np.eye(3), ["only"] * 3)
    assert model.predict(np.zeros((2, 3))).tolist() == ["only", "only"]
    np.testing.assert_array_equal(model.predict_proba(np.zeros((2, 3))), np.ones((2, 1)))
    np.testing.assert_array_equal(model.coef_, np.zeros((1, 3)))


def test_where_data_are_said_to_be_right_nothing_else_changes():
    X, y = digits(100)
    model = Logistic().fit(X, y)
    with sklearn.config_context(assume_finite=True):
        trusting = Logistic().fit(X, y)
        np.testing.assert_array_equal(trusting.coef_, model.coef_)
        np.testing.assert_array_equal(trusting.predict_proba(X), model.predict_proba(X))
        assert trusting.n_features_in_ == 64
        with pytest.raises(ValueError, match="63 features"):
            trusting.predict(X[:, 1:])


# What goes wrong


@parametrize_with_checks([Logistic(), Logistic(warm_start=True)])
def test_it_is_an_estimator_of_scikit_learn(estimator, check):
    check(estimator)


@pytest.mark.parametrize(
    ("parameters", "fragment"),
    [
        ({"C": 0}, "C must be a positive number, not 0"),
        ({"C": -1.0}, "-1.0"),
        ({"C": float("nan")}, "nan"),
        ({"C": float("inf")}, "inf"),
        ({"C": True}, "True"),
        ({"C": "1"}, "'1'"),
        ({"class_weight": "even"}, "'even'"),
    ],
)
def test_wrong_parameters_are_named(parameters, fragment):
    with pytest.raises(ValueError, match=fragment):
        Logistic(**parameters).fit(np.eye(2), [0, 1])
    with pytest.raises(ValueError, match=fragment):
        logistic(**parameters)


def test_numbers_that_are_no_classes_are_refused():
    with pytest.raises(ValueError, match="Unknown label type"):
        Logistic().fit(np.eye(2), [0.5, 1.0])


def test_nothing_is_predicted_before_a_fit():
    with pytest.raises(NotFittedError):
        Logistic().predict(np.eye(2))


def test_a_fit_that_stops_short_says_so(monkeypatch):
    X, y = digits(100)
    monkeypatch.setattr(newton, "MAX_STEPS", 2)
    with pytest.warns(
        ConvergenceWarning, match=r"stopped before.*\nafter 2 steps it is \de[-+]\d\d"
    ):
        short = Logistic().fit(X, y)
    assert np.abs(objective(short, Problem(X, y, 1.0, None))[1]).max() > GRADIENT


def test_a_fit_that_converges_says_nothing():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Logistic().fit(*digits(100))
