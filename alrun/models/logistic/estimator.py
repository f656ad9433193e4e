"""Logistic regression for refits: converged, so that no decision depends on where a solver stops.

Accuracy comes from the gradient, which is evaluated on the features themselves; speed from solving
in as few dimensions as there are, and from what the fit before has left.
"""

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
from alrun.models.logistic.newton import Minimum, Objective, minimise, softmax
from alrun.models.logistic.preconditioner import Preconditioner, squared_norms
from alrun.models.logistic.row_space import RowSpace
from alrun.util.numbers import is_number

# Up to so many features, other coordinates save less than they cost.
FEW_FEATURES = 200
# From so many examples on, products of sparse features take less than those of a dense matrix with
# a row and a column for each of them; but they are without what helps in hard cases, in which the
# sum of s |x|^2 is large.
MANY_EXAMPLES = 400
EASY = 4e4
# So that nothing overflows.
LARGEST = 1e200


class Logistic(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """L2-penalised logistic regression, multinomial for more than two classes.

    The objective is scikit-learn's: C sum of losses + |W|^2 / 2, the intercept not penalised, one
    weight vector for two classes. Where `fit` ends, no component of its gradient exceeds 1e-8 times
    the most that one example can add to one, the largest C times class weight times max(1, |x|) if
    that is above 1; mostly it is far below. Else it warns.

    Parameters
    ----------
    C
        What the loss of an example counts, with respect to the penalty.
    class_weight
        "balanced" multiplies it by n / (number of classes x number of the class), a dict by the
        number that it has for the class.
    warm_start
        Start from the solution of the fit before. The solution is the same, found sooner.

    Attributes
    ----------
    coef_, intercept_
        Shapes (k, n_features) and (k,), k = 1 for two classes.
    classes_
        The labels, sorted; with a single one it is what is predicted.
    n_iter_
        Steps of Newton's method.
    """

    def __init__(
        self,
        C: float = 1.0,
        class_weight: Literal["balanced"] | dict[Any, float] | None = None,
        warm_start: bool = False,
    ) -> None:
        self.C = C
        self.class_weight = class_weight
        self.warm_start = warm_start

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags

    def fit(self, X: Any, y: Any) -> "Logistic":
        """Fit on X of shape (n, n_features), dense or sparse, and labels y of shape (n,).

        Raises ValueError where they, or a parameter, are not what they must be. Warns with
        ConvergenceWarning where the gradient is not as small as promised.
        """
        self.check_parameters()
        X, y = self._checked(X, y)
        if y.dtype.kind == "f" and not np.array_equal(y, np.trunc(y)):
            raise ValueError("Unknown label type: y holds numbers that are not whole, no classes")
        classes, codes = np.unique(y, return_inverse=True)
        s = np.full(len(codes), float(self.C))
        if self.class_weight is not None:
            s *= compute_class_weight(self.class_weight, classes=classes, y=y)[codes]
            if not (s.min() >= 0 and 0 < s.max() < np.inf):
                raise ValueError("class weights must be positive numbers")
        start, preconditioner = self._start(classes, X.shape[1])
        if len(classes) == 1:
            minimum = Minimum(start, 0, 0.0, preconditioner)
        else:
            Y = (codes == np.arange(len(classes))[:, None]).astype(np.float64)
            Y = Y[-len(start) :]
            minimum = _minimum(X, Y, s, start, preconditioner)
            if not minimum.converged and start.any():  # it can be too far off
                minimum = _minimum(X, Y, s, np.zeros_like(start), None)
        self._keep(classes, minimum)
        return self

    def check_parameters(self) -> None:
        """Raise ValueError where a parameter is not what it must be."""
        C: Any = self.C
        if not (is_number(C) or isinstance(C, np.number)) or not 0 < C < 1e300:
            raise ValueError(f"C must be a positive number, not {C!r}")
        if not (self.class_weight in (None, "balanced") or isinstance(self.class_weight, dict)):
            raise ValueError(
                f'class_weight must be "balanced", a dict or None, not {self.class_weight!r}'
            )

    def decision_function(self, X: Any) -> FloatArray:
        """Return the scores of the classes, shape (n, n_classes), of the second of two (n,)."""
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
        """Return the likeliest class of each row of X, shape (n,)."""
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
        """Check and convert the data, as every estimator of scikit-learn does.

        Where its setting `assume_finite` says that they are right, matrices of floats are taken as
        they are: to check them in every round would be a good part of its time.
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
        """Return the weights to start from, shape (k, n_features + 1)."""
        start = np.zeros((1 if len(classes) <= 2 else len(classes), n_features + 1))
        reached = getattr(self, "_reached", None) if self.warm_start else None
        if reached is None or reached[1].shape[1] != n_features + 1:
            return start, None
        before, weights, preconditioner = reached
        if np.array_equal(before, classes):
            return weights, preconditioner
        if min(len(before), len(classes)) > 2:  # a class has come or gone
            _, here, there = np.intersect1d(classes, before, return_indices=True)
            start[here] = weights[there]
        return start, None

    def _keep(self, classes: Any, minimum: Minimum) -> None:
        W, n_steps = minimum.W, minimum.n_steps
        goes_on = self.warm_start and minimum.converged
        self._reached = (classes, W, minimum.preconditioner) if goes_on else None
        self.classes_ = classes
        self.coef_, self.intercept_ = W[:, :-1].copy(), W[:, -1].copy()
        if len(W) > 1:  # to add a number to all of them changes nothing
            self.intercept_ -= self.intercept_.sum() / len(W)
        self.n_iter_ = np.array([n_steps])
        if not minimum.converged:
            warnings.warn(
                "logistic stopped before it had converged\n"
                f"after {n_steps} steps the gradient is {minimum.gradient:.0e}",
                ConvergenceWarning,
                stacklevel=3,
            )


def _minimum(
    X: Any, Y: FloatArray, s: FloatArray, start: FloatArray, preconditioner: Preconditioner | None
) -> Minimum:
    """Return the minimum of the objective.

    Where there are many features it is found in fewer dimensions: without those that are constant,
    and in the row space if they are more than the examples.
    """
    n, n_features = X.shape
    largest = float(abs(X).max())
    if not float(s.sum()) * largest * largest < LARGEST:
        raise ValueError("C or the features are too large to be multiplied; divide them")
    if n_features > FEW_FEATURES and not issparse(X):
        # A constant feature has the weight zero: the intercept does the same without a penalty. The
        # largest stays, so that the gradient is as small for it as for the others.
        varying = (X[0] != X).any(axis=0)
        varying[np.where(varying, 0, np.abs(X[0])).argmax()] = True
        varying = np.flatnonzero(varying)
        if len(varying) < n_features:
            columns = np.append(varying, n_features)
            found = _minimum(X[:, varying], Y, s, start[:, columns], preconditioner)
            W = np.zeros_like(start)
            W[:, columns] = found.W
            return replace(found, W=W)
    if n_features <= max(n, FEW_FEATURES):
        A = np.ones((n, n_features + 1))
        A[:, :-1] = X.toarray() if issparse(X) else X
        return minimise(Objective(A, Y, s), start, preconditioner)
    ones = np.ones((n, 1))
    A = hstack([X, ones], format="csr") if issparse(X) else np.hstack([X, ones])
    if issparse(X) and n > MANY_EXAMPLES and s @ squared_norms(X) < EASY:
        return minimise(Objective(A, Y, s), start, preconditioner)
    rows = RowSpace(X)
    near = minimise(Objective(rows.A, Y, s), rows.down(start))
    exact = minimise(Objective(A, Y, s), rows.up(near.W), near.preconditioner, rows)
    return replace(exact, n_steps=near.n_steps + exact.n_steps)


def logistic(
    C: float = 1.0, class_weight: Literal["balanced"] | dict[Any, float] | None = None
) -> Logistic:
    """Fit an L2-penalised logistic regression, converged, multinomial for more than two classes.

    Source: Nocedal and Wright 2006, Numerical optimization, algorithm 7.1.
    """
    model = Logistic(C=C, class_weight=class_weight, warm_start=True)
    model.check_parameters()
    return model
