"""The training part: distances against a naive computation, and what is computed only once."""

import numpy as np
import pytest
from scipy import sparse

from alrun.strategies.support import training_set as module
from alrun.strategies.support.training_set import TrainingSet
from alrun.util.random_streams import generator


def training_of(X, rows=None, identity=None):
    rows = np.arange(X.shape[0]) if rows is None else rows
    return TrainingSet(X, rows, identity or object(), lambda key: generator(0, "training", key))


def naive_squared_distances(X, rows):
    return [[sum((a - b) ** 2 for a, b in zip(x, X[row], strict=True)) for row in rows] for x in X]


@pytest.mark.parametrize("form", [np.array, sparse.csr_matrix])
def test_squared_distances_are_those_of_the_definition(form):
    X = np.random.default_rng(0).normal(size=(12, 5)) + 100
    found = training_of(form(X)).squared_distances(slice(0, 12), np.array([3, 0]))
    np.testing.assert_allclose(found, naive_squared_distances(X, [3, 0]), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("form", [np.array, sparse.csr_matrix])
def test_equal_rows_are_at_no_distance_however_large_they_are(form):
    X = np.repeat(np.random.default_rng(0).normal(size=(3, 40)) * 1e3, 2, axis=0)
    found = training_of(form(X)).squared_distances(slice(0, 6), np.arange(6))
    assert ((found == 0) == np.kron(np.eye(3), np.ones((2, 2)))).all()


def test_positions_number_the_training_part_alone():
    X = np.arange(20.0).reshape(10, 2)
    training = training_of(X, rows=np.array([1, 4, 5, 9]))
    assert len(training) == 4
    assert training.positions(np.array([9, 1, 5])).tolist() == [3, 0, 2]
    assert training.X[3].tolist() == [18, 19]


def test_what_depends_on_the_split_alone_is_computed_by_the_first_run_on_it():
    X, made = np.eye(4), []

    def make(rng):
        made.append(rng.random())
        return made[-1]

    one, other, third = (training_of(X, identity=name) for name in ("a", "a", "b"))
    assert one.cached("key", make) == other.cached("key", make) == one.cached("key", make)
    assert len(made) == 1
    third.cached("key", make)
    one.cached("another", make)
    assert len(made) == 3
    assert made[0] == made[1] != made[2]  # a stream for each key
    one.stopwatch.enter("query")
    one.cached("within a query", make)
    assert one.stopwatch.enter(None) == "query"
    assert one.stopwatch.seconds["prepare"] > 0 == other.stopwatch.seconds["prepare"]


def test_no_more_than_the_last_splits_are_kept():
    for name in range(10):
        training_of(np.eye(2), identity=name).cached("key", lambda rng: 0)
    assert len(module._split_results) == 2
    assert 9 in module._split_results


@pytest.mark.parametrize("rows", [[1, 4, 5, 9], [0, 2, 3, 5, 6, 8, 9]], ids=["few", "most"])
@pytest.mark.parametrize("form", [np.array, np.float32, sparse.csr_matrix])
def test_what_is_computed_is_of_the_training_part_alone(form, rows, monkeypatch):
    """Whether its rows are copied out, or the whole matrix is gone through."""
    monkeypatch.setattr("alrun.data.features._WIDENED", 6)  # a few rows at a time
    X = np.random.default_rng(3).integers(-9, 9, size=(10, 3)).astype(float)
    training, own = training_of(form(X), rows=np.array(rows)), X[rows]
    positions, weights = np.array([2, 0]), np.arange(1.0, len(rows) + 1)
    np.testing.assert_allclose(training.squared_norms, (own**2).sum(axis=1))
    distances = np.array(naive_squared_distances(own, positions))
    some = np.array([3, 0, 2])
    for of in (some, slice(1, 4)):
        np.testing.assert_allclose(training.products(of, positions), own[of] @ own[positions].T)
        found = training.squared_distances(of, positions)
        np.testing.assert_allclose(found, distances[of])
        assert found[:, 0].flags.c_contiguous
    np.testing.assert_allclose(training.weighted_mean(weights), weights @ own / len(rows))


@pytest.mark.parametrize("form", [np.array, sparse.csr_matrix])
def test_blocks_are_all_positions_one_after_the_other(form, monkeypatch):
    monkeypatch.setattr(module, "_CACHED", 10)
    training = training_of(form(np.eye(8)[:, :3]), rows=np.array([0, 1, 3, 4, 5, 7]))
    blocks = [np.arange(6)[block].tolist() for block in training.blocks()]
    assert np.concatenate(blocks).tolist() == list(range(6))
    assert len(blocks) == (1 if training.is_sparse else 2)
