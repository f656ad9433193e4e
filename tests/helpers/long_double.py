"""Logistic regression solved in long double, densely and without code of the package."""

import numpy as np

LONG = np.longdouble


class NotDeterminedError(AssertionError):
    """Raised if long double does not resolve the solution either."""


def probabilities(X, y, C, pool):
    """Return the probabilities of the classes 0, 1, ... for a pool.

    Newton's method on the objective over C with centred features, divided by the largest. Weights
    are those of contrasts between classes. A step that changes scores by D is shortened to
    log(1 + D) / D of its length. The last one changes no score by more than 1e-12, so that what is
    left is rounding.
    """
    X, pool = X.astype(LONG), pool.astype(LONG)
    mean = X.mean(axis=0)
    scale = np.abs(X - mean).max()
    A, B = (np.column_stack([(Z - mean) / scale, np.ones(len(Z), LONG)]) for Z in (X, pool))
    contrasts = _contrasts(int(y.max()) + 1)
    own = np.arange(len(contrasts)) == y[:, None]
    penalty = np.full(A.shape[1], 1 / (LONG(C) * scale**2))
    penalty[-1] = 0
    W = np.zeros((contrasts.shape[1], A.shape[1]), LONG)
    for _ in range(1000):
        P = _softmax(A @ W.T @ contrasts.T)
        R = np.where(own, 0, P)
        R -= np.where(own, R.sum(axis=1, keepdims=True), 0)
        gradient = (R @ contrasts).T @ A + penalty * W
        step = _solved(_hessian(A, P, contrasts, penalty), -gradient.ravel()).reshape(W.shape)
        change = np.ptp(A @ step.T @ contrasts.T, axis=1).max()
        if not np.isfinite(change):
            break
        W += step * (np.log1p(change) / change if change > 1e-6 else 1)
        if change < 1e-12:
            return _softmax(B @ W.T @ contrasts.T)
    raise NotDeterminedError("the solution in long double did not converge")


def _contrasts(k):
    """Orthonormal columns of sum zero; for two classes, the score of the second alone."""
    if k == 2:
        return np.array([[0], [1]], LONG)
    T = np.zeros((k, k - 1), LONG)
    for j in range(1, k):
        T[:j, j - 1], T[j, j - 1] = 1, -j
        T[:, j - 1] /= np.sqrt(LONG(j * (j + 1)))
    return T


def _softmax(Z):
    E = np.exp(Z - Z.max(axis=1, keepdims=True))
    return E / E.sum(axis=1, keepdims=True)


def _hessian(A, P, contrasts, penalty):
    """The covariance of the contrasts comes from the classes that are not the likeliest."""
    n, m = A.shape
    likeliest = P.argmax(axis=1)
    others = P.copy()
    others[np.arange(n), likeliest] = 0
    differences = contrasts - contrasts[likeliest][:, None]
    weighted = others[:, :, None] * differences
    mean = weighted.sum(axis=1)
    covariance = (weighted[:, :, :, None] * differences[:, :, None]).sum(axis=1)
    covariance -= mean[:, :, None] * mean[:, None]
    c = contrasts.shape[1]
    H = np.zeros((c, m, c, m), LONG)
    for i in range(c):
        for j in range(c):
            H[i, :, j] = (A.T * covariance[:, i, j]) @ A
        H[i, range(m), i, range(m)] += penalty
    return H.reshape(c * m, c * m)


def _solved(H, b):
    """Solve H x = b by elimination, H being positive definite, scaled to a diagonal of ones."""
    root = np.sqrt(H.diagonal())
    M = np.column_stack([H / root / root[:, None], b / root])
    n = len(M)
    for i in range(n):
        M[i + 1 :] -= np.outer(M[i + 1 :, i] / M[i, i], M[i])
    x = np.zeros(n, LONG)
    for i in reversed(range(n)):
        x[i] = (M[i, -1] - M[i, i + 1 : n] @ x[i + 1 :]) / M[i, i]
    return x / root
