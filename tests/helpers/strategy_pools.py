"""Pools with chosen probabilities, for tests of strategies, and odd ones."""

from types import SimpleNamespace

import numpy as np
from hypothesis import strategies as st
from scipy import sparse

from alrun.models.predictions import Predictions
from alrun.run.query import query
from alrun.spec_parts import StrategySpec
from alrun.strategies.registry import find
from alrun.strategies.support.pool import Pool


def stream(seed=0):
    return np.random.default_rng(seed)


def pool_over(X, labelled=(), probabilities=None, order=None):
    """Return a pool of all rows of X but those `labelled`; its model returns `probabilities`.

    The rows are in the order of X, or in one drawn with the seed `order`.
    """
    probabilities = np.full((X.shape[0], 2), 0.5) if probabilities is None else probabilities
    model = SimpleNamespace(
        has_probabilities=True,
        n_classes=probabilities.shape[1],
        probabilities=lambda X: probabilities,
        estimator=None,
    )
    labelled = np.array(labelled, dtype=int)
    rest = np.setdiff1d(np.arange(X.shape[0]), labelled)
    unlabelled = rest if order is None else stream(order).permutation(rest)
    return Pool(X, unlabelled, labelled, labelled * 0, Predictions(model, X))


def pool_of(probabilities, X=None, labelled=(), as_sparse=False):
    """Return a pool with these features and probabilities.

    The labelled examples, with the features `labelled`, come before it in X."""
    probabilities = np.asarray(probabilities, dtype=float)
    X = np.ones((len(probabilities), 1)) if X is None else np.asarray(X, dtype=float)
    before = np.asarray(labelled, dtype=float).reshape(-1, X.shape[1])
    n_classes = probabilities.shape[1]
    table = np.vstack([np.full((len(before), n_classes), 1 / n_classes), probabilities])
    features = np.vstack([before, X])
    features = sparse.csr_matrix(features) if as_sparse else features
    return pool_over(features, range(len(before)), table)


def drawn(seed, n=30, n_features=4, n_classes=3, n_labelled=5, as_sparse=False):
    """Return a random pool; half of its features are zero."""
    rng = stream(seed)
    X = rng.normal(size=(n + n_labelled, n_features))
    X[rng.random(X.shape) < 0.5] = 0
    probabilities = rng.dirichlet(np.full(n_classes, 0.5), size=n)
    return pool_of(probabilities, X[n_labelled:], X[:n_labelled], as_sparse)


def picked(name, pool, n, seed=0, **parameters):
    """Return the batch of a strategy, checked as in a run."""
    spec = StrategySpec(name, name, parameters, 1)
    return query(spec, pool, n, stream(seed))[0].tolist()


def asked(name, pool, n=1, rng=None, **parameters):
    """Return the answer of a strategy's function, unchecked."""
    return find(name)(pool, n, stream() if rng is None else rng, **parameters)


class Scripted:
    """A random generator with a list of values to return."""

    def __init__(self, *values):
        self.values = list(values)

    def random(self, size=None):
        value = self.values.pop(0)
        assert np.shape(value) == (() if size is None else (size,))
        return value if size is None else np.array(value)


KINDS = {
    "any": lambda rng, n, k: rng.dirichlet(np.full(k, 0.5), size=n),
    "alike": lambda rng, n, k: np.tile(rng.dirichlet(np.ones(k)), (n, 1)),
    "one class labelled": lambda rng, n, k: np.tile(np.eye(k)[-1], (n, 1)),
    "certain": lambda rng, n, k: np.eye(k)[rng.integers(k, size=n)],
    "a toss-up": lambda rng, n, k: np.full((n, k), 1 / k),
    "a class unseen": lambda rng, n, k: np.insert(
        rng.dirichlet(np.ones(k - 1), size=n), rng.integers(k), 0.0, axis=1
    ),
    "almost certain": lambda rng, n, k: np.eye(k)[rng.integers(k, size=n)] * (1 - 1e-16) + 1e-17,
}


@st.composite
def odd_pools(draw):
    """Draw a small pool with duplicates, constant or single features, or extreme probabilities."""
    rng = stream(draw(st.integers(0, 2**32)))
    n, n_labelled = draw(st.integers(1, 25)), draw(st.integers(1, 4))
    n_features, n_classes = draw(st.integers(1, 3)), draw(st.integers(2, 4))
    n_values = draw(st.integers(1, 3))  # 1: all rows are the same
    size = draw(st.sampled_from([0.0, 1.0, 1e-6, 1e6]))
    X = size * rng.integers(n_values, size=(n + n_labelled, n_features))
    probabilities = KINDS[draw(st.sampled_from(sorted(KINDS)))](rng, n, n_classes)
    return pool_of(probabilities, X[n_labelled:], X[:n_labelled], draw(st.booleans()))
