"""Fully converged logistic regression, fast for refits with added labels.

Because it converges, no decision depends on the point at which a solver stops. It is accurate
because the gradient is evaluated on the features themselves. It is fast because it solves in as few
dimensions as possible, and starts from the previous fit.
"""

import math
import warnings
from dataclasses import replace
from typing import Any, Literal

import numpy as np
from scipy.sparse import hstack, issparse
from sklearn import get_config
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.class_weight import compute_class_weight
from sklearn.utils.validation import check_is_fitted, validate_data

from alrun.arrays import FloatArray
from alrun.data.features import squared_norms
from alrun.models.logistic import direct
from alrun.models.logistic.newton import Minimum, Objective, minimise, share_of, softmax
from alrun.models.logistic.preconditioner import Preconditioner
from alrun.models.logistic.row_space import RowSpace
from alrun.util.numbers import is_number

# With at most so many features, a change of coordinates costs more than it saves.
FEW_FEATURES = 200
# With more than MANY_EXAMPLES examples, products with sparse features are faster than with the
# dense matrix of the row space, which has a row and a column per example. The row space is still
# better for hard problems, in which the sum of s |x|^2 is not below EASY.
MANY_EXAMPLES = 400
EASY = 4e4
# Hard problems are those in which the largest weight of an example times the largest squared
# feature is more. In the hardest ones a preconditioner's estimate proves nothing about the scores.
HARD = 10.0
HARDEST = 1e5
# Limit for products of C and squared features, to avoid overflow.
LARGEST = 1e200


class Logistic(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """L2-penalised logistic regression, multinomial for more than two classes.

    The objective is that of scikit-learn: C times the sum of losses + |W|^2 / 2, with the intercept
    not penalised and one weight vector for two classes. At the end of `fit`, no component of the
    gradient exceeds 1e-8 times a unit, and most are far below; otherwise `fit` warns. The unit is
    the largest contribution of one example, C times its class weight times max(1, |x|). A C below
    1 is solved as one of 1 to 4 with smaller features, which is the same problem, so that the
    promise is not weaker for a small C.

    Probabilities agree to 1e-9 with a solution in 80 bits, or `fit` warns. This holds on every
    problem of the tests, with C from 1e-12 to 1e12 and features from 1e-6 to 1e9; it is not proved.
    Problems are hard if C times the largest squared feature exceeds 10. In these `fit` estimates
    the error of the scores from the next step of Newton's method, and solves directly what
    conjugate gradients do not. The estimate is for examples like those of the fit. Above 1e8,
    where rounding decides, it may be too large. Large problems above 1e5 that cannot be solved
    directly often warn.

    Parameters
    ----------
    C
        Weight of the loss of an example, relative to the penalty.
    class_weight
        "balanced" multiplies C by n / (number of classes x size of the class), a dict by its value
        for the class.
    warm_start
        Start from the solution of the previous fit. The solution is the same, found sooner.
    tolerance
        If given, `fit` stops as scikit-learn does at its `tol`, much sooner: where no component of
        the gradient exceeds this share of the total weight of the examples. It then promises
        neither exact probabilities nor the same ones after a warm start.

    Attributes
    ----------
    coef_, intercept_
        Shapes (k, n_features) and (k,), k = 1 for two classes.
    classes_
        The labels, sorted. A single label is predicted for every example.
    n_iter_
        Number of steps of Newton's method.
    """

    def __init__(
        self,
        C: float = 1.0,
        class_weight: Literal["balanced"] | dict[Any, float] | None = None,
        warm_start: bool = False,
        tolerance: float | None = None,
    ) -> None:
        self.C = C
        self.class_weight = class_weight
        self.warm_start = warm_start
        self.tolerance = tolerance

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags

    def fit(self, X: Any, y: Any) -> "Logistic":
        """Fit on X of shape (n, n_features), dense or sparse, and labels y of shape (n,).

        Raises ValueError for invalid data or parameters. Warns with ConvergenceWarning if the
        gradient or the estimated error of the scores is not as small as promised.
        """
        self.check_parameters()
        X, y = self._checked(X, y)
        if y.dtype.kind == "f" and not np.array_equal(y, np.trunc(y)):
            raise ValueError(
                "Unknown label type: y holds numbers that are not whole, so they are no classes"
            )
        classes = np.unique(y)
        s = np.full(len(y), float(self.C))
        if self.class_weight is not None:
            weights = compute_class_weight(self.class_weight, classes=classes, y=y)
            s *= weights[np.searchsorted(classes, y)]
            if not (s.min() >= 0 and 0 < s.max() < np.inf):
                raise ValueError("class weights must be positive numbers")
        start, preconditioner = self._start(classes, X.shape[1])
        if len(classes) == 1:
            minimum = Minimum(start, 0, 0.0, preconditioner)
        else:
            Y = (y == classes[:, None]).astype(np.float64)
            Y = Y[-len(start) :]
            minimum = _minimum(X, Y, s, start, preconditioner, self.tolerance)
            if not minimum.converged and start.any():  # the start may have been too far off
                minimum = _minimum(X, Y, s, np.zeros_like(start), None, self.tolerance)
        self._keep(classes, minimum)
        return self

    def check_parameters(self) -> None:
        """Raise ValueError if a parameter is invalid."""
        C: Any = self.C
        if not (is_number(C) or isinstance(C, np.number)) or not 0 < C < 1e300:
            raise ValueError(f"C must be a positive number, not {C!r}")
        if not (self.class_weight in (None, "balanced") or isinstance(self.class_weight, dict)):
            raise ValueError(
                f'class_weight must be "balanced", a dict or None, not {self.class_weight!r}'
            )
        tolerance: Any = self.tolerance
        if tolerance is not None and not (is_number(tolerance) and 0 < tolerance < 1):
            raise ValueError(
                f"tolerance must be a number between 0 and 1, such as 1e-4, not {tolerance!r}"
            )

    def decision_function(self, X: Any) -> FloatArray:
        """Return the scores of the classes, shape (n, n_classes).

        With two classes only the scores of the second are returned, shape (n,).
        """
        scores = self._scores(X)
        return scores[0] if len(scores) == 1 else scores.T

    def predict_proba(self, X: Any) -> FloatArray:
        """Return the probabilities of the classes, shape (n, n_classes)."""
        scores = self._scores(X)
        if len(self.classes_) == 1:
            return np.ones((scores.shape[1], 1))
        P, _ = softmax(scores)
        if len(P) == 1:
            P = np.concatenate([softmax(-scores)[0], P])
        return P.T

    def predict(self, X: Any) -> Any:
        """Return the most likely class of each row of X, shape (n,)."""
        scores = self._scores(X)
        if len(self.classes_) == 1:
            return np.repeat(self.classes_, scores.shape[1])
        likeliest = scores[0] > 0 if len(scores) == 1 else scores.argmax(axis=0)
        return self.classes_[likeliest.astype(np.intp)]

    def _scores(self, X: Any) -> FloatArray:
        if not hasattr(self, "coef_"):
            check_is_fitted(self)
        X, _ = self._checked(X, fitted=True)
        scores = np.asarray(self.coef_ @ X.T)
        scores += self.intercept_[:, None]
        return scores

    def _checked(self, X: Any, y: Any = None, fitted: bool = False) -> tuple[Any, Any]:
        """Check and convert the data, like every estimator of scikit-learn.

        With scikit-learn's setting `assume_finite`, float matrices are not checked: that would take
        a good part of the time of a round.
        """
        trusted = get_config()["assume_finite"] and not hasattr(self, "feature_names_in_")
        if trusted and isinstance(X, np.ndarray) and X.dtype == np.float64 and X.ndim == 2:
            if not fitted and isinstance(y, np.ndarray):
                self.n_features_in_ = X.shape[1]
                return X, y
            if fitted and X.shape[1] == self.n_features_in_:
                return X, None
        if fitted:
            return validate_data(self, X, accept_sparse="csr", dtype=np.float64, reset=False), None
        return validate_data(self, X, y, accept_sparse="csr", dtype=np.float64)

    def _start(self, classes: Any, n_features: int) -> tuple[FloatArray, Preconditioner | None]:
        """Return initial weights, shape (k, n_features + 1), and a preconditioner or None."""
        start = np.zeros((1 if len(classes) <= 2 else len(classes), n_features + 1))
        previous = getattr(self, "_previous", None) if self.warm_start else None
        if previous is None or previous[1].shape[1] != n_features + 1:
            return start, None
        old_classes, weights, preconditioner = previous
        if np.array_equal(old_classes, classes):
            return weights, preconditioner
        if min(len(old_classes), len(classes)) > 2:  # a class has been added or is gone
            _, rows, old_rows = np.intersect1d(classes, old_classes, return_indices=True)
            start[rows] = weights[old_rows]
        return start, None

    def _keep(self, classes: Any, minimum: Minimum) -> None:
        W, n_steps = minimum.W, minimum.n_steps
        is_reusable = self.warm_start and minimum.converged
        self._previous = (classes, W, minimum.preconditioner) if is_reusable else None
        self.classes_ = classes
        self.coef_, self.intercept_ = W[:, :-1].copy(), W[:, -1].copy()
        if len(W) > 1:  # adding a number to all of them changes nothing
            self.intercept_ -= self.intercept_.sum() / len(W)
        self.n_iter_ = np.array([n_steps])
        if not minimum.converged:
            warnings.warn(
                "logistic stopped before it had converged\n"
                f"after {n_steps} steps the gradient is {minimum.gradient:.0e} times its limit"
                f" and the scores may be off by {minimum.error:.0e}",
                ConvergenceWarning,
                stacklevel=3,
            )


def _minimum(
    X: Any,
    Y: FloatArray,
    s: FloatArray,
    start: FloatArray,
    preconditioner: Preconditioner | None,
    tolerance: float | None = None,
) -> Minimum:
    """Return the minimum of the objective, or with a tolerance a point near it.

    A small C is turned into one of 1 to 4. The objective divided by c has the same minimum, and
    features times the root of c, with weights divided by it, bring the penalty back. The root is a
    power of two, so that nothing is rounded.
    """
    if tolerance is not None:
        _check_size(X, s)
        return minimise(Objective(_with_ones(X), Y, s, tolerance=tolerance), start, preconditioner)
    half_exponent = (math.frexp(float(s.max()))[1] - 1) // 2
    root = 2.0 ** min(half_exponent, 0)
    if root == 1:
        return _minimum_of_scaled(X, Y, s, start, preconditioner)
    units = np.append(np.full(X.shape[1], root), 1.0)
    minimum = _minimum_of_scaled(X * root, Y, s / root / root, start / units, preconditioner)
    return replace(minimum, W=minimum.W * units)


def _minimum_of_scaled(
    X: Any, Y: FloatArray, s: FloatArray, start: FloatArray, preconditioner: Preconditioner | None
) -> Minimum:
    """Return the minimum of the objective for weights s of which the largest is at least 1.

    With many features it is found in fewer dimensions: without the constant features, and in the
    row space if there are more features than examples.
    """
    n_features = X.shape[1]
    largest = _check_size(X, s)
    if n_features > FEW_FEATURES and not issparse(X):
        # A constant feature has the weight zero, because the intercept has the same effect without
        # a penalty. The largest constant stays, so that its gradient is as small as the others.
        constant = np.flatnonzero(X[0] == X[-1])  # few are, so that the others need no look
        constant = constant[(X[0, constant] == X[:, constant]).all(axis=0)]
        constant = constant[np.abs(X[0, constant]).argsort()][:-1]
        varying = np.delete(np.arange(n_features), constant)
        if len(varying) < n_features:
            columns = np.append(varying, n_features)
            minimum = _minimum_of_scaled(X[:, varying], Y, s, start[:, columns], preconditioner)
            W = np.zeros_like(start)
            W[:, columns] = minimum.W
            return replace(minimum, W=W)
    hardness = float(s.max()) * largest * largest
    minimum = _iterated(X, Y, s, start, preconditioner, hardness > HARD)
    needs_proof = hardness > HARDEST
    if direct.is_solvable(X, len(Y)) and (needs_proof or not minimum.converged) and hardness > HARD:
        return _solved_directly(X, Y, s, minimum)
    if needs_proof:
        minimum = replace(minimum, error=max(minimum.error, _bound(X, Y, s, minimum.W)))
    return minimum


def _check_size(X: Any, s: FloatArray) -> float:
    """Return the largest feature; raise ValueError if its products would overflow."""
    largest = float(max(X.max(), -X.min()))
    if not float(s.sum()) * largest * largest < LARGEST:
        raise ValueError(
            "C or the features are so large that their product would overflow; scale the features,"
            " or lower C"
        )
    return largest


def _bound(X: Any, Y: FloatArray, s: FloatArray, W: FloatArray) -> float:
    """Return a bound of the error of the scores at W but for the intercept.

    No curvature is below that of the penalty, which is one.
    """
    gradient = Objective(_with_ones(X), Y, s, is_hard=True).at(W).gradient
    return float(np.linalg.norm(gradient)) * math.sqrt(1 + float(squared_norms(X).max()))


def _solved_directly(X: Any, Y: FloatArray, s: FloatArray, near: Minimum) -> Minimum:
    """Return the minimum by direct solutions, from `near` if that is a minimum more or less."""
    is_near = near.ended and near.gradient <= 1
    solution = direct.solve(X, Y, s, near.W if is_near else np.zeros_like(near.W))
    objective = Objective(_with_ones(X), Y, s, is_hard=True)
    gradient = share_of(objective.limit(), objective.at(solution.W).gradient)
    return replace(
        near,
        W=solution.W,
        n_steps=near.n_steps + solution.n_steps,
        gradient=gradient,
        ended=True,
        error=solution.error,
    )


def _iterated(
    X: Any,
    Y: FloatArray,
    s: FloatArray,
    start: FloatArray,
    preconditioner: Preconditioner | None,
    is_hard: bool,
) -> Minimum:
    """Return the minimum by conjugate gradients, in the row space if that has fewer dimensions."""
    n, n_features = X.shape
    if n_features <= max(n, FEW_FEATURES):
        A = _with_ones(X.toarray() if issparse(X) else X)
        return minimise(Objective(A, Y, s, is_hard), start, preconditioner)
    A = _with_ones(X)
    if issparse(X) and n > MANY_EXAMPLES and s @ squared_norms(X) < EASY:
        return minimise(Objective(A, Y, s, is_hard), start, preconditioner)
    rows = RowSpace(X)
    near = minimise(Objective(rows.A, Y, s, is_hard), rows.down(start))
    exact = minimise(Objective(A, Y, s, is_hard), rows.up(near.W), near.preconditioner, rows)
    return replace(exact, n_steps=near.n_steps + exact.n_steps)


def _with_ones(X: Any) -> Any:
    """Return features with a last column of ones."""
    n, n_features = X.shape
    if issparse(X):
        return hstack([X, np.ones((n, 1))], format="csr")
    A = np.ones((n, n_features + 1))
    A[:, :-1] = X
    return A


def logistic(
    C: float = 1.0,
    class_weight: Literal["balanced"] | dict[Any, float] | None = None,
    tolerance: float | None = None,
) -> Logistic:
    """Fit a converged, L2-penalised logistic regression, multinomial for more than two classes.

    Source: Nocedal and Wright 2006, Numerical optimization, algorithm 7.1.
    """
    model = Logistic(C=C, class_weight=class_weight, warm_start=True, tolerance=tolerance)
    model.check_parameters()
    return model
