"""The training part in clusters: a projection of its features and k-means, once per split."""

from functools import partial

from scipy import sparse

from alrun import kmeans
from alrun.metrics import FloatArray
from alrun.spec import IntArray
from alrun.strategies.training import Training


def projected(training: Training, components: int) -> FloatArray:
    """Return the features on their first principal components, shape (n, components).

    Features that are no more than that stay as they are. Sparse ones are not centred, which moves
    all examples alike.
    """
    if training.X.shape[1] <= components and not sparse.issparse(training.X):
        return training.X
    return training.once(f"projected {components}", partial(kmeans.project, training.X, components))


def k_means(training: Training, n_clusters: int, components: int) -> IntArray:
    """Return the cluster of each example, shape (len(training),); some clusters may be empty.

    The clustering is that of the split and of the number of clusters, so that all runs on a split
    share it. Source: Sculley 2010, Web-scale k-means clustering, where there are more than 10,000
    examples.
    """
    X = projected(training, components)
    return training.once(
        f"k_means {n_clusters} {components}", partial(kmeans.k_means, X, n_clusters)
    )
