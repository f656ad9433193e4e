"""Duplicates, against a comparison of every row with every other."""

import gc
import weakref

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import sparse

from alrun.data.dataset import Dataset
from alrun.data.duplicates import count_duplicates, count_shared
from alrun.data.load import load

FEW = settings(max_examples=60)
VALUES = st.sampled_from([0.0, -0.0, 1.0, -1.0, 0.5])


def dataset(X, y=None, fingerprint="made up"):
    """Return a data set of these features; without classes each has its own."""
    n = X.shape[0]
    y = np.arange(n) if y is None else y
    return Dataset(X, y, tuple(range(n)), fingerprint)


def naive_count(X, rows):
    """Return how many of the rows equal another of them, each compared with each."""
    return sum(
        any((X[row] == X[other]).all() for j, other in enumerate(rows) if j != i)
        for i, row in enumerate(rows)
    )


def own_fingerprint(X):
    return f"{X.shape} {X.tobytes().hex()}"


matrices = st.tuples(st.integers(1, 12), st.integers(1, 3)).flatmap(
    lambda shape: arrays(np.float64, shape, elements=VALUES)
)


@FEW
@given(matrices, st.data())
def test_rows_are_counted_as_by_comparing_each_with_each(X, data):
    rows = np.array(data.draw(st.lists(st.integers(0, len(X) - 1), unique=True)), dtype=int)
    expected = naive_count(X, rows.tolist())
    fingerprint = own_fingerprint(X)
    assert count_duplicates(dataset(X, fingerprint=fingerprint), rows) == expected
    as_sparse = dataset(sparse.csr_matrix(X), fingerprint=f"sparse {fingerprint}")
    assert count_duplicates(as_sparse, rows) == expected


@FEW
@given(matrices, st.data())
def test_rows_that_others_hold_too_are_counted_as_by_comparing_each_with_each(X, data):
    role = np.array([data.draw(st.integers(0, 2)) for _ in X])
    rows, others = np.flatnonzero(role == 0), np.flatnonzero(role == 1)
    expected = sum(any((X[row] == X[other]).all() for other in others) for row in rows)
    assert count_shared(dataset(X, fingerprint=own_fingerprint(X)), rows, others) == expected


def test_all_of_a_group_are_counted_and_only_among_the_rows_asked_for():
    X = np.array([[1, 2], [1, 2], [3, 4], [1, 2], [5, 6], [3, 4]], dtype=float)
    assert count_duplicates(dataset(X), np.arange(6)) == 5
    assert count_duplicates(dataset(X), np.array([0, 1, 2, 4])) == 2
    assert count_duplicates(dataset(X), np.array([0, 2, 4])) == 0
    assert count_duplicates(dataset(X), np.array([], dtype=int)) == 0


def test_classes_have_no_part_in_it():
    X = np.ones((4, 2))
    assert count_duplicates(dataset(X, np.array([0, 1, 0, 1])), np.arange(4)) == 4


@pytest.mark.parametrize("kind", [np.asarray, sparse.csr_matrix])
def test_minus_zero_is_zero(kind):
    X = kind(np.array([[0.0, 1.0], [-0.0, 1.0], [2.0, -0.0], [2.0, 0.0]]))
    assert count_duplicates(dataset(X, fingerprint=kind.__name__), np.arange(4)) == 4


def test_zeros_that_a_sparse_file_names_are_those_that_it_does_not(tmp_path):
    path = tmp_path / "zeros.svmlight"
    path.write_text("1 1:0 2:3\n0 2:3\n1 1:3\n0 2:3 3:0\n")
    source = load(str(path), {})
    assert source.X.nnz > 4  # the zeros are stored
    assert count_duplicates(source, np.arange(4)) == 3


def test_equal_values_in_other_columns_are_no_duplicates():
    X = sparse.csr_matrix(np.array([[1.0, 0.0, 2.0], [0.0, 1.0, 2.0], [1.0, 2.0, 0.0]]))
    assert count_duplicates(dataset(X, fingerprint="columns"), np.arange(3)) == 0


@pytest.mark.parametrize("y", [None, np.zeros(3, dtype=int)], ids=["classes", "features alone"])
def test_data_drawn_anew_for_each_seed_are_told_apart(y):
    """All draws have one fingerprint, and where they are not shuffled one order of classes."""
    first = np.array([[1.0], [1.0], [1.0]])
    second = np.array([[2.0], [3.0], [4.0]])
    other = y if y is not None else np.array([2, 1, 0])
    for _ in range(2):
        assert count_duplicates(dataset(first, y, "drawn"), np.arange(3)) == 3
        assert count_duplicates(dataset(second, other, "drawn"), np.arange(3)) == 0


def test_draws_of_the_generator_hold_no_duplicates():
    source = load("make_classification", {"n_samples": 40, "shuffle": False}, per_seed=True)
    for seed in range(3):
        assert count_duplicates(source.at(seed), np.arange(40)) == 0
    repeated = source.at(1)
    rows = np.repeat(np.arange(20), 2)
    doubled = Dataset(repeated.X[rows], repeated.y[rows], repeated.classes, repeated.fingerprint)
    assert count_duplicates(doubled, np.arange(40)) == 40


def test_the_flowers_that_are_known_to_be_alike_are_counted():
    """Of iris, examples 101 and 142 are the same."""
    iris = load("iris", {})
    assert (iris.X[101] == iris.X[142]).all()
    assert count_duplicates(iris, np.array([101, 142, 7])) == 2
    assert count_duplicates(iris, np.arange(150)) == naive_count(iris.X, range(150))


def test_the_features_are_not_kept_alive():
    made = dataset(np.ones((4, 2)), fingerprint="let go")
    features = weakref.ref(made.X)
    assert count_duplicates(made, np.arange(4)) == 4
    del made
    gc.collect()
    assert features() is None
