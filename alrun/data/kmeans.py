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
from alrun.data.features import as_float64, map_each_block, map_in_blocks, slices, squared_norms
from alrun.util.one_thread import one_thread
from alrun.util.random_streams import draw_integer

# With more examples than this k-means works on minibatches, since full steps take too long.
_MOST_AT_ONCE = 10_000
_BATCH = 5_000
# With more features scikit-learn does not take principal components from their covariance.
_MOST_FEATURES = 1000
# Numbers in a block of features in double precision, which fits into the processor's cache.
_PER_BLOCK = 250_000
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
    seed = draw_integer(rng) if n_features > components else 0
    if n_features > components and _is_tall(X):
        values = _tall_principal(X, components)
        largest = np.sqrt(map_in_blocks(squared_norms, X).max())
    else:
        # Single precision has fewer digits than are kept below, and its squares overflow.
        X = as_float64(X)
        if n_features <= components:
            return X.toarray() if sparse.issparse(X) else X
        kind: Any = TruncatedSVD if sparse.issparse(X) else PCA
        scaler = kind(min(components, n), random_state=seed)
        # Features without variance make the explained share 0 / 0, which is not used here.
        with one_thread(), np.errstate(divide="ignore", invalid="ignore"):
            values = scaler.fit_transform(X)
        largest = np.sqrt(row_norms(X, squared=True).max())
    if not largest > 0:
        return np.zeros_like(values)
    # Keep nine digits of the largest norm. The rest is rounding noise, and would make equal
    # examples differ. A power of two scales without rounding, in place for little memory.
    unit = 2.0 ** (np.floor(np.log2(largest)) - 30)
    values /= unit
    np.rint(values, out=values)
    values *= unit
    return values


def _is_tall(X: Any) -> bool:
    """Return whether dense X has so many rows that no copy of it should be made.

    For these scikit-learn, too, takes the principal components from the covariance.
    """
    n, n_features = X.shape
    is_tall = n > _MOST_AT_ONCE and n >= 10 * n_features
    return not sparse.issparse(X) and is_tall and n_features <= _MOST_FEATURES


def _tall_principal(X: Any, components: int) -> FloatArray:
    """Return tall X on its first principal components, as PCA of scikit-learn, block by block."""
    n, n_features = X.shape
    with one_thread():
        total, products = np.zeros(n_features), np.zeros((n_features, n_features))
        for block in slices(X, _PER_BLOCK):
            rows = as_float64(X[block])
            total += rows.sum(axis=0)
            products += rows.T @ rows
        mean = total / n
        _, vectors = np.linalg.eigh((products - n * np.outer(mean, mean)) / (n - 1))
        chosen = vectors[:, ::-1][:, :components]
        # The largest entry of each is positive, so that the signs are always the same.
        chosen = chosen * np.sign(chosen[np.abs(chosen).argmax(axis=0), np.arange(chosen.shape[1])])
        return np.asarray(map_each_block(lambda rows: rows @ chosen - mean @ chosen, X))


def k_means(X: FloatArray, n_clusters: int, rng: np.random.Generator) -> IntArray:
    """Return the cluster of each row, shape (n,); some clusters may be empty.

    Source: Sculley 2010, Web-scale k-means clustering, for more than 10,000 rows.
    """
    from sklearn.cluster import KMeans, MiniBatchKMeans

    seed = draw_integer(rng)
    # Features with few values, such as counts, put many examples midway between two centres, and
    # rounding noise would decide. Bending each feature by a millionth moves the examples away from
    # the middle. Stretching it would not move those that are midway in that feature alone.
    largest = np.maximum(X.max(axis=0), -X.min(axis=0))
    bend = _SHIFT * rng.random(X.shape[1])
    scale = np.where(largest > 0, largest, 1)
    bent = np.empty_like(X)
    for block in slices(X, _PER_BLOCK):
        bent[block] = X[block] * (1 + bend * (X[block] / scale))
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
        return estimator.fit(bent, sample_weight=weights).labels_


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
