"""Logistic regression solved in long double, densely and without code of the package."""

import numpy as np

LONG = np.longdouble


def probabilities(X, y, C, pool):
    """Return the probabilities of the classes 0, 1, ... for a pool, exact to about 1e-16.

    Newton's method on the objective over C, in the scores' own scale: features are divided by the
    largest, which their penalty is told of.
    """
    scale = LONG(np.abs(X).max())
    k = y.max() + 1
    A, B = (np.column_stack([Z.astype(LONG) / scale, np.ones(len(Z), LONG)]) for Z in (X, pool))
    own = np.arange(k) == y[:, None]
    penalty = np.full((k, A.shape[1]), 1 / (LONG(C) * scale**2))
    if k == 2:  # one vector w for two classes: as (-w/2, w/2), of half the squared length
        penalty *= 2
    penalty[:, -1] = 0
    W = np.zeros((k, A.shape[1]), LONG)
    value, R, P = _at(W, A, own, penalty)
    for _ in range(500):
        gradient = R.T @ A + penalty * W
        step = _solved(_hessian(A, P, penalty), -gradient.ravel()).reshape(W.shape)
        slope, length = (gradient * step).sum(), LONG(1)
        while True:
            new = _at(W + length * step, A, own, penalty)
            if new[0] <= value + slope * length / 10000 or length < 1e-3:
                break
            length /= 2
        W, (value, R, P) = W + length * step, new
        if np.abs(length * step).max() < 1e-16 * max(1, np.abs(W).max()):
            return _softmax(B @ W.T)
    raise AssertionError("the solution in long double did not converge")


def _at(W, A, own, penalty):
    """Objective, residuals P - Y without cancellation, and probabilities."""
    Z = A @ W.T
    Z -= Z[own][:, None]
    others = np.where(own, 0, np.exp(np.minimum(Z, 11000)))
    losses = np.log1p(others.sum(axis=1))
    P = _softmax(Z)
    R = np.where(own, 0, P)
    R -= np.where(own, R.sum(axis=1, keepdims=True), 0)
    return losses.sum() + (penalty * W**2).sum() / 2, R, P


def _softmax(Z):
    E = np.exp(Z - Z.max(axis=1, keepdims=True))
    return E / E.sum(axis=1, keepdims=True)


def _hessian(A, P, penalty):
    k, m = penalty.shape
    H = np.zeros((k, m, k, m), LONG)
    for i in range(k):
        for j in range(k):
            if i != j:
                H[i, :, j] = -(A.T * (P[:, i] * P[:, j])) @ A
    for i in range(k):
        H[i, :, i] = -sum(H[i, :, j] for j in range(k) if j != i)
        H[i, range(m), i, range(m)] += penalty[i]
    # One number added to all intercepts changes nothing, so that any curvature will do.
    H[:, -1, :, -1] += np.abs(H[0, -1, 0, -1])
    return H.reshape(k * m, k * m)


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
