"""Representatives of clusters: against their definition, and where rounding could decide."""

import os
import subprocess
import sys

import numpy as np
import pytest
from scipy import sparse

from alrun.data import kmeans
from alrun.data.kmeans import representatives
from alrun.util.random_streams import generator


def stream(seed=0):
    return generator(seed, "test")


def of_few_values(n=90, d=4):
    """Many distances are equal, and some rows."""
    return stream().integers(0, 4, size=(n, d)) / 3


@pytest.mark.parametrize("size", [1, 7, 40, 89, 90])
@pytest.mark.parametrize("kind", [np.asarray, np.float32, sparse.csr_matrix])
def test_each_is_the_nearest_of_its_cluster_to_the_mean(monkeypatch, kind, size):
    seen = []
    real = kmeans.k_means
    monkeypatch.setattr(kmeans, "k_means", lambda *given: seen.append(real(*given)) or seen[-1])
    X = stream(1).normal(size=(90, 5))
    chosen = representatives(kind(X), size, stream())
    (labels,) = seen
    assert len(set(chosen.tolist())) == size
    assert len(set(labels.tolist())) == size  # all rows are distinct, so that no cluster is empty
    for row in chosen:
        members = np.flatnonzero(labels == labels[row])
        mean = [sum(X[member, j] for member in members) / len(members) for j in range(5)]
        distances = {member: np.sqrt(sum((X[member] - mean) ** 2)) for member in members}
        assert distances[row] <= min(distances.values()) * (1 + 1e-5)


def test_clusters_are_as_good_as_those_of_scikit_learn():
    from sklearn.cluster import KMeans

    X = stream(2).normal(size=(6, 3))[stream(3).integers(6, size=300)] * 5
    X = X + stream(4).normal(size=X.shape)

    def spread(points):
        return ((X[:, None] - points) ** 2).sum(axis=2).min(axis=1).sum()

    best = spread(KMeans(12, n_init=5, random_state=0).fit(X).cluster_centers_)
    ours = [spread(X[representatives(X, 12, stream(seed))]) for seed in range(5)]
    drawn = [spread(X[stream(seed).choice(300, 12, replace=False)]) for seed in range(5)]
    assert max(ours) < 1.6 * best < min(drawn)


def test_of_a_cluster_of_two_either_is_taken_whatever_the_order_of_the_rows():
    X = np.repeat([[0.0], [50.0], [90.0]], 2, axis=0) + stream(6).random((6, 3))
    taken = np.zeros(6)
    for seed in range(60):
        chosen = representatives(X, 3, stream(seed))
        assert sorted(chosen // 2) == [0, 1, 2]
        taken[chosen] += 1
    assert taken.min() > 12


@pytest.mark.parametrize("n_features", [3, 90])
@pytest.mark.parametrize("size", [1, 1e25])  # the square of which single precision cannot hold
def test_single_precision_is_no_other_choice(n_features, size):
    X = (size * stream(7).normal(size=(120, n_features))).astype(np.float32)
    for seed in range(5):
        chosen = representatives(X, 20, stream(seed))
        np.testing.assert_array_equal(
            chosen, representatives(X.astype(np.float64), 20, stream(seed))
        )


def test_many_examples_are_clustered_by_minibatches(monkeypatch):
    X = stream(5).normal(size=(700, 3))
    at_once = representatives(X, 30, stream())
    monkeypatch.setattr(kmeans, "_MOST_AT_ONCE", 500)
    chosen = representatives(X, 30, stream())
    assert len(set(chosen.tolist())) == 30
    assert set(chosen) != set(at_once)


def test_the_representatives_are_the_same_for_ever():
    assert representatives(of_few_values(), 8, stream()).tolist() == [52, 3, 34, 80, 32, 85, 78, 43]


DRAW = """
from alrun.data.load import load
from alrun.data.kmeans import representatives
from alrun.util.random_streams import generator

wine = load("wine", {}).X
wine = wine / wine.std(axis=0)
for seed in range(12):
    rng = generator(seed, "test")
    print(*representatives(rng.integers(0, 5, size=(120, 4)) * 0.1, 50, rng))
    for _ in range(5):
        print(*representatives(wine[rng.permutation(178)[:60]], 25, rng))
"""


def test_rounding_decides_nothing():
    """With the kernels of another processor, on data of few values where much is a tie."""
    drawn = []
    for kernel, threads in (("Haswell", "1"), ("Nehalem", "2")):
        environment = os.environ | {"OPENBLAS_CORETYPE": kernel, "OPENBLAS_NUM_THREADS": threads}
        command = [sys.executable, "-c", DRAW]
        drawn.append(subprocess.check_output(command, env=environment, text=True))
    assert drawn[0] == drawn[1]
