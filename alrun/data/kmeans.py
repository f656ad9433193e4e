"""Clusters of examples by k-means, found on few components of their features.

One thread computes both, so that their sums have one order whatever the number of cores.
"""

import warnings
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.cluster import KMeans, MiniBatchKMeans
from sklearn.decomposition import PCA, TruncatedSVD
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.extmath import row_norms
from threadpoolctl import threadpool_limits

from alrun.arrays import FloatArray, IntArray
from alrun.data.features import as_float64
from alrun.util.random_streams import draw_integer

# Examples up to which k-means sees all of them in every step; beyond, that takes too long.
_MOST_AT_ONCE = 10_000
_BATCH = 5_000
_SHIFT = 1e-6
# Distances that differ by less, as a share of the largest feature, are equal.
_ROUNDING = 1e-9


def project(X: Any, components: int, rng: np.random.Generator) -> FloatArray:
    """Return features on their first principal components, dense float64, shape (n, components).

    Features that are no more than that stay as they are. Sparse ones are not centred, which moves
    all examples alike.
    """
    n, n_features = X.shape
    X = as_float64(
        X
    )  # single precision has fewer digits than are kept below, and its squares overflow
    if n_features <= components:
        return X.toarray() if sparse.issparse(X) else X
    kind: Any = TruncatedSVD if sparse.issparse(X) else PCA
    scaler = kind(min(components, n), random_state=draw_integer(rng))
    # Of features without variance no share is explained, which is no concern here.
    with threadpool_limits(1), np.errstate(divide="ignore", invalid="ignore"):
        values = scaler.fit_transform(X)
    largest = np.sqrt(row_norms(X, squared=True).max())
    if not largest > 0:
        return np.zeros_like(values)
    # Nine digits of the largest norm: below is rounding, which must not part what is equal.
    unit = 2.0 ** (np.floor(np.log2(largest)) - 30)
    return np.rint(values / unit) * unit


def k_means(X: FloatArray, n_clusters: int, rng: np.random.Generator) -> IntArray:
    """Return the cluster of each row, shape (n,); some clusters may be empty.

    Source: Sculley 2010, Web-scale k-means clustering, where there are more than 10,000 rows.
    """
    seed = draw_integer(rng)
    # Features of few values, such as counts, put many examples midway between two centres, where
    # rounding noise would decide. To bend each feature by a millionth moves them off there; to
    # stretch it would leave midway what is so in that feature alone.
    largest = np.abs(X).max(axis=0)
    bend = _SHIFT * rng.random(X.shape[1])
    X = X * (1 + bend * (X / np.where(largest > 0, largest, 1)))
    # Of two rows that are nearest to each other either is as good to start a cluster from. A
    # millionth more weight decides.
    weights = 1 + _SHIFT * rng.random(len(X))
    if len(X) > _MOST_AT_ONCE:
        estimator = MiniBatchKMeans(n_clusters, batch_size=_BATCH, n_init=1, random_state=seed)
    else:
        estimator = KMeans(n_clusters, max_iter=100, n_init=1, random_state=seed)
    with threadpool_limits(1), warnings.catch_warnings():
        # Fewer distinct examples than clusters leave some empty.
        warnings.simplefilter("ignore", ConvergenceWarning)
        return estimator.fit(X, sample_weight=weights).labels_


def representatives(X: Any, size: int, rng: np.random.Generator) -> IntArray:
    """Return the positions of `size` rows: of each of so many clusters that nearest to its mean.

    Clusters and distances are of the features on their first 64 principal components; with no more
    features than that, of these. Rows drawn at random stand for clusters that are empty, as where
    there are fewer distinct rows than clusters.

    Source: Kang, Ryu and Kwon 2004, Using cluster-based sampling to select initial training set for
    active learning in text classification.
    """
    X = project(X, 64, rng)
    clusters = k_means(X, size, rng)
    # Both rows of a cluster of two are as near to its mean; the order of the rows may tell classes.
    turn = rng.permutation(len(X))
    slack = _ROUNDING * np.abs(X).max()
    chosen = []
    for members in _groups(clusters):
        distances = np.linalg.norm(X[members] - X[members].mean(axis=0), axis=1)
        nearest = members[distances <= distances.min() + slack]
        chosen.append(nearest[turn[nearest].argmin()])
    others = np.setdiff1d(np.arange(len(X)), chosen)
    others = others[turn[others].argsort()]
    return np.concatenate([chosen, others[: size - len(chosen)]]).astype(np.int64)


def _groups(clusters: IntArray) -> list[IntArray]:
    """Return the rows of each cluster that has any."""
    _, sizes = np.unique(clusters, return_counts=True)
    return np.split(np.argsort(clusters, kind="stable"), np.cumsum(sizes)[:-1])
