"""K-means clusters of examples, on a few principal components of their features.

Both are computed by a single thread: the order of the sums, and so the result, does not depend on
the number of cores.
"""

import warnings
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.extmath import row_norms

from alrun.arrays import FloatArray, IntArray
from alrun.data.features import as_float64
from alrun.util.one_thread import one_thread
from alrun.util.random_streams import draw_integer

# With more examples than this k-means works on minibatches, since full steps take too long.
_MOST_AT_ONCE = 10_000
_BATCH = 5_000
_SHIFT = 1e-6
# Distances that differ by less than this share of the largest feature count as equal.
_ROUNDING = 1e-9


def project(X: Any, components: int, rng: np.random.Generator) -> FloatArray:
    """Return features on their first principal components, dense float64, shape (n, components).

    With at most `components` features these are returned unchanged. Sparse features are not
    centred; this shifts all examples alike.
    """
    from sklearn.decomposition import PCA, TruncatedSVD  # each worker would wait for it

    n, n_features = X.shape
    # Single precision has fewer digits than are kept below, and its squares overflow.
    X = as_float64(X)
    if n_features <= components:
        return X.toarray() if sparse.issparse(X) else X
    kind: Any = TruncatedSVD if sparse.issparse(X) else PCA
    scaler = kind(min(components, n), random_state=draw_integer(rng))
    # Features without variance make the explained share 0 / 0, which is not used here.
    with one_thread(), np.errstate(divide="ignore", invalid="ignore"):
        values = scaler.fit_transform(X)
    largest = np.sqrt(row_norms(X, squared=True).max())
    if not largest > 0:
        return np.zeros_like(values)
    # Keep nine digits of the largest norm. The rest is rounding noise, and would make equal
    # examples differ.
    unit = 2.0 ** (np.floor(np.log2(largest)) - 30)
    return np.rint(values / unit) * unit


def k_means(X: FloatArray, n_clusters: int, rng: np.random.Generator) -> IntArray:
    """Return the cluster of each row, shape (n,); some clusters may be empty.

    Source: Sculley 2010, Web-scale k-means clustering, for more than 10,000 rows.
    """
    from sklearn.cluster import KMeans, MiniBatchKMeans

    seed = draw_integer(rng)
    # Features with few values, such as counts, put many examples midway between two centres, and
    # rounding noise would decide. Bending each feature by a millionth moves the examples away from
    # the middle. Stretching it would not move those that are midway in that feature alone.
    largest = np.abs(X).max(axis=0)
    bend = _SHIFT * rng.random(X.shape[1])
    X = X * (1 + bend * (X / np.where(largest > 0, largest, 1)))
    # Two rows that are nearest to each other are equally good starts of a cluster. A difference in
    # weight of a millionth decides.
    weights = 1 + _SHIFT * rng.random(len(X))
    if len(X) > _MOST_AT_ONCE:
        estimator = MiniBatchKMeans(n_clusters, batch_size=_BATCH, n_init=1, random_state=seed)
    else:
        estimator = KMeans(n_clusters, max_iter=100, n_init=1, random_state=seed)
    with one_thread(), warnings.catch_warnings():
        # With fewer distinct examples than clusters, some clusters stay empty.
        warnings.simplefilter("ignore", ConvergenceWarning)
        return estimator.fit(X, sample_weight=weights).labels_


def representatives(X: Any, size: int, rng: np.random.Generator) -> IntArray:
    """Return the positions of `size` rows, the nearest to the mean of each of `size` clusters.

    Clusters and distances are computed on the first 64 principal components, or on the features
    themselves if they are at most 64. Random rows replace empty clusters, which occur with fewer
    distinct rows than clusters.

    Source: Kang, Ryu and Kwon 2004, Using cluster-based sampling to select initial training set for
    active learning in text classification.
    """
    X = project(X, 64, rng)
    clusters = k_means(X, size, rng)
    # Both rows of a cluster of two are equally near to its mean. Ties are broken at random, because
    # the order of the rows may depend on their classes.
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
    """Return the rows of each cluster, without the empty ones."""
    _, sizes = np.unique(clusters, return_counts=True)
    return np.split(np.argsort(clusters, kind="stable"), np.cumsum(sizes)[:-1])
