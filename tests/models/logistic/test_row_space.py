"""Coordinates of the row space: as many as examples, and nothing lost."""

import numpy as np
import pytest
from scipy import sparse

from alrun.models.logistic.row_space import RowSpace


def rows(kind=np.asarray, n=12, d=90):
    rng = np.random.default_rng(0)
    return kind(rng.normal(size=(n, d)) * (rng.random((n, d)) < 0.4))


@pytest.mark.parametrize("kind", [np.asarray, sparse.csr_matrix, sparse.csr_array])
def test_scores_and_penalty_are_the_same_in_both(kind):
    X = rows(kind)
    space = RowSpace(X)
    assert space.A.shape == (12, 13)
    w = np.random.default_rng(1).normal(size=(3, 13))
    W = space.up(w)
    assert W.shape == (3, 91)
    np.testing.assert_allclose(W[:, :-1] @ X.T + W[:, -1:], w @ space.A.T, atol=1e-10)
    np.testing.assert_allclose((W[:, :-1] ** 2).sum(), (w[:, :-1] ** 2).sum())
    np.testing.assert_allclose(space.down(W), w, atol=1e-10)


def test_what_lies_outside_of_the_span_is_left_out():
    X = rows()
    space = RowSpace(X)
    W = np.random.default_rng(1).normal(size=(3, 91))
    inside = space.up(space.down(W))
    np.testing.assert_allclose((W - inside)[:, :-1] @ X.T, 0, atol=1e-10)
    np.testing.assert_allclose(inside[:, -1], W[:, -1])


def test_duplicates_and_empty_rows_do_no_harm():
    X = rows()
    X[3] = X[7]
    X[5] = 0
    space = RowSpace(X)
    w = np.random.default_rng(1).normal(size=(2, 13))
    assert np.isfinite(space.up(space.down(space.up(w)))).all()
    np.testing.assert_allclose(space.A[3], space.A[7], atol=1e-5)
    np.testing.assert_allclose(space.A[5, :-1], 0, atol=1e-5)
    np.testing.assert_allclose(RowSpace(np.zeros((3, 5))).A[:, -1], 1)
