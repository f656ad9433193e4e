"""The logistic regression, against its definition and against scikit-learn's solvers."""

import sys
import warnings

import numpy as np
import pytest
import sklearn
from long_double import NotDeterminedError, probabilities
from problems import Problem, drawn, objective
from scipy import sparse
from sklearn.datasets import load_breast_cancer, load_digits, load_iris
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.utils.estimator_checks import parametrize_with_checks

from alrun.models.logistic import newton
from alrun.models.logistic.estimator import Logistic, logistic
from alrun.models.logistic.preconditioner import Preconditioner

SEEDS = range(320)
OFTEN = SEEDS[::2]  # as various as all
PROMISE = 1e-8  # of the most that an example can add to a component of the gradient


def fitted(problem, **parameters):
    model = Logistic(C=problem.C, class_weight=problem.class_weight, **parameters)
    return model.fit(problem.X, problem.y)


def digits(n, divisor=16.0):
    X, y = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(y))[:n]
    return X[order] / divisor, y[order]


# The optimum


@pytest.mark.parametrize(
    "seed", [pytest.param(seed, marks=[] if seed in OFTEN else pytest.mark.slow) for seed in SEEDS]
)
def test_the_gradient_in_long_double_is_as_small_as_promised(seed):
    problem = drawn(seed)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        if problem.C * abs(problem.X).max() ** 2 > 1e6:  # scores may be lost in rounding
            warnings.filterwarnings("default", "logistic stopped", ConvergenceWarning)
        model = fitted(problem)
    _, gradient, unit = objective(model, problem)
    assert np.abs(gradient).max() <= PROMISE * unit, problem.traits
    assert model.n_iter_[0] < 130


@pytest.mark.parametrize("seeds", [OFTEN, pytest.param(SEEDS, marks=pytest.mark.slow)], ids=len)
def test_the_drawn_problems_are_as_various_as_they_are_meant_to_be(seeds):
    problems = [drawn(seed) for seed in seeds]
    traits = [trait for problem in problems for trait in problem.traits]
    assert min(traits.count(trait) for trait in set(traits)) > len(seeds) / 8
    assert len(set(traits)) == 8
    sizes = {len(np.unique(problem.y)) for problem in problems}
    assert sizes == {1, 2, 3, 10, 26}
    assert min(problem.X.shape[0] for problem in problems) < 10
    assert max(problem.X.shape[1] for problem in problems) > 1800
    assert max(abs(problem.X).max() for problem in problems) > 1000


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "first", [0, *(pytest.param(first, marks=pytest.mark.slow) for first in (1, 2, 3))]
)
def test_where_scikit_learn_gets_as_far_it_gets_to_the_same_place(first):
    """Its lbfgs and Newton's method are left to run; many of the problems are beyond them."""
    n_same = 0
    for seed in SEEDS[first::4]:
        problem = drawn(seed)
        n_weights = problem.X.shape[1] * len(np.unique(problem.y))
        if n_weights > 1000 or len(np.unique(problem.y)) < 2:
            continue
        ours = fitted(problem)
        value, gradient, unit = objective(ours, problem)
        solver = "lbfgs" if sparse.issparse(problem.X) else "newton-cholesky"
        theirs = LogisticRegression(
            C=problem.C, class_weight=problem.class_weight, solver=solver, tol=1e-12, max_iter=1000
        ).fit(problem.X, problem.y)
        their_value, their_gradient, _ = objective(theirs, problem)
        assert value <= their_value * (1 + 1e-9), problem.traits
        if np.abs(their_gradient).max() <= max(np.abs(gradient).max(), 1e-10 * unit):
            n_same += 1
            assert value == pytest.approx(their_value, rel=1e-9)
            np.testing.assert_allclose(
                ours.predict_proba(problem.X), theirs.predict_proba(problem.X), atol=1e-6
            )
    assert n_same > 30


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("separable", [False, True])
@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e3, 1e9])
def test_probabilities_are_exact_whatever_C_and_the_scale(scale, n_classes, separable):
    rng = np.random.default_rng(n_classes + 10 * separable)
    X = scale * rng.normal(size=(240, 3))
    scores = X / scale @ rng.normal(size=(3, n_classes)) + 0.3 * np.arange(n_classes)
    y = (scores if separable else scores + rng.gumbel(size=scores.shape)).argmax(axis=1)[:40]
    for C in 10.0 ** np.array([-20, -16, -12, -10, -9, -8, -6, -4, -2, 0, 2, 6, 9, 12]):
        if C * scale**2 > 100:
            break
        exact = probabilities(X[:40], y, C, X[40:])
        found = Logistic(C=C).fit(X[:40], y).predict_proba(X[40:])
        np.testing.assert_allclose(found, exact.astype(float), atol=1e-9, rtol=0, err_msg=f"{C}")
        chosen, best = exact[np.argsort(margins(found))[:20]], np.sort(margins(exact))[:20]
        # Probabilities resolve 1e-16, however close the margins are.
        np.testing.assert_allclose(
            np.sort(margins(chosen)).astype(float), best.astype(float), atol=1e-15, rtol=0
        )


KINDS = ["overlapping", "separable", "nearly separable", "a single one", "duplicated", "constant"]


def of_kind(kind, n_classes, scale):
    """Features of a small problem and 100 more rows, and classes; also features for the oracle."""
    rng = np.random.default_rng([n_classes, KINDS.index(kind)])
    n = 80 if n_classes == 10 else 40
    X = rng.normal(size=(n + 100, 4 if n_classes == 10 else 3))
    scores = X @ rng.normal(size=(X.shape[1], n_classes)) + 0.3 * np.arange(n_classes)
    noise = {"separable": 0, "duplicated": 0, "nearly separable": 0.15}.get(kind, 1)
    y = (scores + noise * rng.gumbel(size=scores.shape)).argmax(axis=1)[:n]
    if noise == 1:
        y[:n_classes] = np.arange(n_classes)
    y = np.unique(y, return_inverse=True)[1]
    if kind == "a single one":
        y[1:][y[1:] == y[0]] = (y[0] + 1) % n_classes
    X = scale * X
    if kind == "duplicated":  # is one feature with the root of two
        root = np.append(np.ones(X.shape[1] - 1), np.sqrt(np.longdouble(2)))
        return np.column_stack([X, X[:, -1]]), X * root, y
    return (np.column_stack([X, np.full(len(X), scale)]) if kind == "constant" else X), X, y


def check_exact_or_warned(kind, n_classes, scale, C):
    """Check the promise on probabilities, and that no warning is needless up to the stated limit.

    Above 1e8, as C times the largest squared feature, the estimate of the error may be too large.
    """
    X, equivalent, y = of_kind(kind, n_classes, scale)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        found = Logistic(C=C).fit(X[: len(y)], y).predict_proba(X)
    warned = any(issubclass(one.category, ConvergenceWarning) for one in caught)
    try:
        exact = probabilities(equivalent[: len(y)], y, C, equivalent)
    except NotDeterminedError:
        assert warned, (kind, n_classes, scale, C)
        return
    error = float(np.abs(found - exact).max())
    assert warned or error <= 1e-9, (kind, n_classes, scale, C, error)
    is_within = C * np.abs(X).max() ** 2 <= 1e8
    assert not (warned and is_within and error <= 1e-9), (kind, n_classes, scale, C, error)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("n_classes", [2, 3])
def test_hard_problems_have_exact_probabilities_or_a_warning(kind, n_classes):
    for scale, C in [(1.0, 10.0), (1.0, 1e3), (1e3, 1e-1), (1.0, 1e7), (1e6, 1e1), (1e9, 1e12)]:
        check_exact_or_warned(kind, n_classes, scale, C)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("n_classes", [2, 3, 10])
@pytest.mark.parametrize("scale", [1e-6, 1e-3, 1.0, 1e3, 1e6, 1e9])
def test_probabilities_are_exact_or_warned_of_on_a_whole_grid(scale, n_classes, kind):
    for exponent in range(-12, 13, 4 if n_classes == 10 else 1):
        check_exact_or_warned(kind, n_classes, scale, 10.0**exponent)


def margins(P):
    ordered = np.sort(P, axis=1)
    return ordered[:, -1] - ordered[:, -2]


@pytest.mark.parametrize("n_features", [3, 300])
@pytest.mark.parametrize("kind", [np.asarray, sparse.csr_array])
def test_a_warm_start_is_exact_for_a_small_C_too(kind, n_features):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(60, n_features)), rng.integers(3, size=60)
    warm = Logistic(C=1e-10, class_weight="balanced", warm_start=True)
    for n in range(20, 61, 5):
        warm.fit(kind(X[:n]), y[:n])
        cold = Logistic(C=1e-10, class_weight="balanced").fit(X[:n], y[:n])
        np.testing.assert_allclose(warm.predict_proba(X), cold.predict_proba(X), atol=1e-9)
        np.testing.assert_allclose(warm.coef_, cold.coef_, atol=1e-6 * np.abs(cold.coef_).max())


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


def test_many_classes_with_few_features_are_fitted():
    rng = np.random.default_rng(0)
    for n_classes, d in [(200, 2), (600, 5), (70, 300)]:
        y = np.arange(2 * n_classes) % n_classes
        problem = Problem(rng.normal(size=(len(y), d)), y, 1.0, None)
        _, gradient, unit = objective(fitted(problem), problem)
        assert np.abs(gradient).max() <= PROMISE * unit


@pytest.mark.parametrize("distance", [1e-3, 1e-7, 0.0])
@pytest.mark.parametrize("scale", [1.0, 1e3])
def test_near_duplicates_of_other_classes_are_told_apart(distance, scale):
    rng = np.random.default_rng(0)
    X = np.concatenate([rng.normal(size=(30, 800))] * 2)
    X[30:] *= 1 + distance * rng.normal(size=(30, 800))
    problem = Problem(scale * X, rng.integers(3, size=60), 100.0, None)
    model = fitted(problem)
    _, gradient, unit = objective(model, problem)
    assert np.abs(gradient).max() <= PROMISE * unit
    assert model.n_iter_[0] < 100


@pytest.mark.parametrize("constant", [0.0, 1.0, 1e4])
@pytest.mark.parametrize("C", [1e-3, 1.0])
def test_the_gradient_is_small_for_constant_features_too(constant, C):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(400, 300))
    X[:, 7:20] = constant * np.arange(13)
    problem = Problem(X, rng.integers(3, size=400), C, None)
    model = fitted(problem)
    _, gradient, unit = objective(model, problem)
    assert np.abs(gradient).max() <= PROMISE * unit
    np.testing.assert_allclose(model.coef_[:, 7:20], 0, atol=1e-6)


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


@pytest.mark.filterwarnings("error", "ignore::sklearn.exceptions.ConvergenceWarning")
def test_a_start_however_far_off_does_no_harm():
    for seed in range(30):
        rng = np.random.default_rng(seed)
        X = rng.normal(size=(40, 2))
        y = (X[:, 0] > 0).astype(int)
        for C, features, classes in [(100.0, 100 * X, 1 - y), (1e4, -X, y)]:
            warm = Logistic(C=C, warm_start=True).fit(X, y).fit(features, classes)
            cold = Logistic(C=C).fit(features, classes)
            np.testing.assert_allclose(warm.coef_, cold.coef_, rtol=1e-5, atol=1e-7)
            np.testing.assert_allclose(
                warm.fit(X, y).coef_, Logistic(C=C).fit(X, y).coef_, rtol=1e-5, atol=1e-7
            )


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("shift", [1e3, 1e5, 1e6])
def test_shifted_features_are_no_reason_to_stop(shift):
    for seed in range(40):
        rng = np.random.default_rng(seed)
        problem = Problem(rng.normal(size=(30, 3)) + shift, rng.integers(3, size=30), 1.0, None)
        _, gradient, unit = objective(fitted(problem), problem)
        assert np.abs(gradient).max() <= PROMISE * unit


@pytest.mark.filterwarnings("error", "ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("scale", [1e-300, 1e-8, 1e6, 1e9, 1e30, 1e90])
def test_whatever_the_scale_the_weights_are_finite(scale):
    for seed in range(20):
        rng = np.random.default_rng(seed)
        X, y = rng.normal(size=(30, 3)), rng.integers(3, size=30)
        for C in (1.0, 1e4):
            model = Logistic(C=C).fit(scale * X, y)
            assert np.isfinite(model.coef_).all()
            assert np.isfinite(model.predict_proba(scale * X)).all()


@pytest.mark.parametrize("n_classes", [2, 5])
@pytest.mark.parametrize("C", [1.0, 100.0])
def test_texts_of_many_words_are_fitted(n_classes, C):
    rng = np.random.default_rng(0)
    X = rng.random((600, 3000)) * (rng.random((600, 3000)) < 0.02)
    X = sparse.csr_array(X / np.linalg.norm(X, axis=1)[:, None])
    problem = Problem(X, rng.integers(n_classes, size=600), C, None)
    _, gradient, unit = objective(fitted(problem), problem)
    assert np.abs(gradient).max() <= PROMISE * unit


def test_switching_the_warm_start_or_the_classes_leaves_nothing_behind():
    rng = np.random.default_rng(3)
    X, y = rng.normal(size=(60, 5)), np.arange(60) % 3
    model = Logistic().fit(X, y).set_params(warm_start=True)
    cold = Logistic().fit(X, y)
    np.testing.assert_allclose(model.fit(X, y).coef_, cold.coef_, atol=1e-9)
    model.fit(X, y % 2)
    model.set_params(warm_start=False).fit(X, y)
    np.testing.assert_allclose(
        model.set_params(warm_start=True).fit(X, y).coef_, cold.coef_, atol=1e-9
    )


def test_an_interrupted_fit_leaves_the_one_before(monkeypatch):
    X, y = digits(60)
    model = Logistic(warm_start=True).fit(X[:30], y[:30] % 2)
    before = model.predict_proba(X)

    def interrupted(*arguments):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(sys.modules[Logistic.__module__], "minimise", interrupted)
        with pytest.raises(KeyboardInterrupt):
            model.fit(X, y)
    np.testing.assert_array_equal(model.predict_proba(X), before)
    np.testing.assert_allclose(model.fit(X, y).coef_, Logistic().fit(X, y).coef_, atol=1e-8)


@pytest.mark.parametrize("d", [64, 300])
def test_refits_take_fewer_products_than_fits_from_scratch(d, monkeypatch):
    """The preconditioner goes on serving, and a new class does not make all be forgotten."""
    counts = {"built": 0, "products": 0}
    init, call = Preconditioner.__init__, Preconditioner.__call__

    def counted_init(self, *arguments):
        counts["built"] += 1
        init(self, *arguments)

    def counted_call(self, R):
        counts["products"] += 1
        return call(self, R)

    monkeypatch.setattr(Preconditioner, "__init__", counted_init)
    monkeypatch.setattr(Preconditioner, "__call__", counted_call)
    X, y = digits(400)
    if d > 64:
        X = np.tanh(X @ np.random.default_rng(0).normal(size=(64, d)))
    sizes = range(320, 400, 5)
    spent = []
    for warm in (True, False):
        model = Logistic(warm_start=True).fit(X[:315], np.where(y == 9, 8, y)[:315])
        counts.update(built=0, products=0)
        for n in sizes:
            if not warm:
                model = Logistic()
            model.fit(X[:n], y[:n])  # of nine classes before, of ten now
        spent.append(dict(counts))
    assert spent[0]["built"] <= spent[1]["built"] / 2
    assert spent[0]["products"] < 0.8 * spent[1]["products"]


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
        ({"C": 10**400}, "C must be"),
    ],
)
def test_wrong_parameters_are_named(parameters, fragment):
    with pytest.raises(ValueError, match=fragment):
        Logistic(**parameters).fit(np.eye(2), [0, 1])
    with pytest.raises(ValueError, match=fragment):
        logistic(**parameters)


@pytest.mark.parametrize("weight", [np.nan, np.inf, -1.0])
def test_class_weights_that_are_none_are_refused(weight):
    with pytest.raises(ValueError, match="class weights"):
        Logistic(class_weight={0: weight}).fit(np.eye(2), [0, 1])


def test_what_cannot_be_multiplied_is_refused():
    X, y = digits(30)
    for model, features in [(Logistic(), 1e160 * X), (Logistic(C=1e250), X)]:
        with pytest.raises(ValueError, match="so large that their product would overflow"):
            model.fit(features, y)


def test_what_rounding_leaves_open_is_not_called_converged():
    """Equal examples of different classes leave the others to the last digits of large numbers."""
    rng = np.random.default_rng(0)
    X = 1e3 * np.concatenate([rng.normal(size=(30, 800))] * 2)
    with pytest.warns(ConvergenceWarning, match="scores may be off by"):
        Logistic(C=100.0).fit(X, rng.integers(3, size=60))


def test_separable_classes_are_determined_whatever_C():
    X, y = load_iris(return_X_y=True)
    X, y = X[:100], y[:100]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = Logistic(C=1e12).fit(X, y).predict_proba(X)
    np.testing.assert_allclose(found, probabilities(X, y, 1e12, X).astype(float), atol=1e-9)


def test_numbers_that_are_no_classes_are_refused():
    with pytest.raises(ValueError, match="Unknown label type"):
        Logistic().fit(np.eye(2), [0.5, 1.0])


def test_nothing_is_predicted_before_a_fit():
    with pytest.raises(NotFittedError):
        Logistic().predict(np.eye(2))


def test_a_fit_that_stops_short_says_so(monkeypatch):
    X, y = digits(100)
    monkeypatch.setattr(newton, "MAX_STEPS", 2)
    with pytest.warns(ConvergenceWarning, match=r"before it had.*\nafter 2 steps"):
        short = Logistic().fit(X, y)
    assert np.abs(objective(short, Problem(X, y, 1.0, None))[1]).max() > PROMISE


def test_a_fit_that_converges_says_nothing():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Logistic().fit(*digits(100))
