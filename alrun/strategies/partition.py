"""The training part in clusters: a projection of its features and k-means, once per split.

One thread computes both, so that their sums have one order whatever the number of cores.
"""

import warnings
from functools import partial
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.cluster import KMeans, MiniBatchKMeans
from sklearn.decomposition import PCA, TruncatedSVD
from sklearn.exceptions import ConvergenceWarning
from threadpoolctl import threadpool_limits

from alrun.metrics import FloatArray
from alrun.seeds import draw_integer
from alrun.spec import IntArray
from alrun.strategies.training import Training

# Examples up to which k-means sees all of them in every step; beyond, that takes too long.
_MOST_AT_ONCE = 10_000
_BATCH = 5_000
_SHIFT = 1e-6


def projected(training: Training, components: int) -> FloatArray:
    """Return the features on their first principal components, shape (n, components).

    Features that are no more than that stay as they are. Sparse ones are not centred, which moves
    all examples alike.
    """
    if training.n_features <= components and not training.is_sparse:
        return training.X
    return training.once(f"projected {components}", partial(_project, training, components))


def k_means(training: Training, n_clusters: int, components: int) -> IntArray:
    """Return the cluster of each example, shape (len(training),); some clusters may be empty.

    The clustering is that of the split and of the number of clusters, so that all runs on a split
    share it. Source: Sculley 2010, Web-scale k-means clustering, where there are more than 10,000
    examples.
    """
    X = projected(training, components)
    return training.once(f"k_means {n_clusters} {components}", partial(_cluster, X, n_clusters))


def _project(training: Training, components: int, rng: np.random.Generator) -> FloatArray:
    X: Any = training.features(np.arange(len(training)))
    n, n_features = X.shape
    if n_features <= components:
        return X.toarray()
    kind: Any = TruncatedSVD if sparse.issparse(X) else PCA
    scaler = kind(min(components, n), random_state=draw_integer(rng))
    # Of features without variance no share is explained, which is no concern here.
    with threadpool_limits(1), np.errstate(divide="ignore", invalid="ignore"):
        values = scaler.fit_transform(X)
    largest = np.sqrt(training.squared_norms.max())
    if not largest > 0:
        return np.zeros_like(values)
    # Nine digits of the largest norm: below is rounding, which must not part what is equal.
    unit = 2.0 ** (np.floor(np.log2(largest)) - 30)
    return np.rint(values / unit) * unit


def _cluster(X: FloatArray, n_clusters: int, rng: np.random.Generator) -> IntArray:
    seed = draw_integer(rng)
    # Features of few values, such as counts, put many examples midway between two centres, where
    # rounding noise decides. A millionth more or less of each feature moves them off there.
    X = X * (1 + _SHIFT * rng.random(X.shape[1]))
    if len(X) > _MOST_AT_ONCE:
        estimator = MiniBatchKMeans(n_clusters, batch_size=_BATCH, n_init=1, random_state=seed)
    else:
        estimator = KMeans(n_clusters, max_iter=100, n_init=1, random_state=seed)
    with threadpool_limits(1), warnings.catch_warnings():
        # Fewer distinct examples than clusters leave some empty.
        warnings.simplefilter("ignore", ConvergenceWarning)
        return estimator.fit(X).labels_
