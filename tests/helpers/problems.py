"""Classification problems drawn at random, and their objective in long double."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy import sparse

CLASSES = [1, 2, 3, 10, 26]


@dataclass
class Problem:
    X: Any
    y: Any
    C: float
    class_weight: str | None
    traits: list[str] = field(default_factory=list)


def drawn(seed):
    """Draw a problem: sizes and C evenly on a logarithmic scale, each trait independently."""
    rng = np.random.default_rng(seed)
    n_classes = int(rng.choice(CLASSES, p=[0.04, 0.26, 0.25, 0.25, 0.2]))
    n = max(int(np.exp(rng.uniform(np.log(5), np.log(500)))), n_classes)
    d = int(np.exp(rng.uniform(np.log(2), np.log(2000))))
    problem = Problem(
        X=rng.random((n, d)) if rng.random() < 0.3 else rng.normal(size=(n, d)),
        y=np.zeros(n, dtype=int),
        C=float(10 ** rng.uniform(-2, 2)),
        class_weight="balanced" if rng.random() < 0.3 else None,
    )
    traits = problem.traits
    scores = problem.X @ rng.normal(size=(d, n_classes)) * rng.choice([1, 3, 10]) / np.sqrt(d)
    if rng.random() < 0.4:
        traits.append("separable")
    else:
        scores = scores * rng.choice([0, 1]) + rng.gumbel(size=scores.shape)
    problem.y = scores.argmax(axis=1)
    problem.y[:n_classes] = np.arange(n_classes)
    if rng.random() < 0.2:
        traits.append("a class with one example")
        problem.y[n_classes:][problem.y[n_classes:] == 0] = n_classes - 1
    for trait, change in TRAITS.items():
        if rng.random() < 0.25:
            traits.append(trait)
            problem.X = change(problem.X, rng)
    return problem


def duplicated(X, rng):
    some, others = rng.integers(len(X), size=(2, len(X) // 3))
    X[some] = X[others]
    return X


def collinear(X, rng):
    X[:, 0] = rng.choice([0.0, 1.0, 7.0])
    X[:, -1] = 2 * X[:, X.shape[1] // 2]
    return X


def raw(X, rng):
    return X * 10 ** rng.uniform(0, 3)


def shifted(X, rng):
    return X + 3 * np.abs(X).max() * rng.normal(size=X.shape[1])


def of_unequal_scales(X, rng):
    return X * 10 ** rng.uniform(-1.5, 1.5, size=X.shape[1])


def sparse_rows(X, rng):
    return sparse.csr_matrix(X * (rng.random(X.shape) < 0.1))


TRAITS = {
    "duplicated rows": duplicated,
    "constant and collinear columns": collinear,
    "raw scale": raw,
    "shifted": shifted,
    "unequal scales": of_unequal_scales,
    "sparse": sparse_rows,
}


def objective(model, problem):
    """Return the objective at a model's weights, its gradient, and the scale of one example's part.

    All is computed in long double, from the formula in scikit-learn's documentation, without code
    of the package.
    """
    X = problem.X.toarray() if sparse.issparse(problem.X) else problem.X
    X = X.astype(np.longdouble)
    n, n_classes = len(X), len(model.classes_)
    own = model.classes_ == problem.y[:, None]
    s = np.full(n, np.longdouble(problem.C))
    if problem.class_weight == "balanced":
        s *= n / (n_classes * own.sum(axis=0)[own.argmax(axis=1)].astype(np.longdouble))
    W, b = model.coef_.astype(np.longdouble), model.intercept_.astype(np.longdouble)
    Z = X @ W.T + b
    if n_classes == 2:
        Z = np.column_stack([np.zeros(n, np.longdouble), Z])
    Z -= Z.max(axis=1, keepdims=True)
    losses = np.log(np.exp(Z).sum(axis=1)) - Z[own]
    residual = s[:, None] * (np.exp(Z) / np.exp(Z).sum(axis=1, keepdims=True) - own)
    if n_classes == 2:
        residual = residual[:, 1:]
    gradient = np.column_stack([residual.T @ X + W, residual.sum(axis=0)])
    unit = max(1.0, float(s.max()) * max(1.0, float(np.abs(X).max())))
    return float(s @ losses + (W**2).sum() / 2), gradient, unit
