"""Data sets drawn by scikit-learn's `make_classification`."""

from collections.abc import Mapping
from typing import Any

from sklearn import datasets as bundled

from alrun.data.dataset import GENERATED, AnyDataset, Dataset, GeneratedDataset, encode_labels
from alrun.data.scaling import check_scale, divided
from alrun.errors import DatasetError, first_line
from alrun.util.digest import digest
from alrun.util.import_path import completed, defaults_of

# About as many numbers as MNIST has. The limit keeps a typing error from filling the memory.
_MOST_DRAWN = 50_000_000
_NOT_PARAMETERS = ("random_state", "return_X_y")


def load_generated(parameters: Mapping[str, Any], per_seed: bool, scale: str | float) -> AnyDataset:
    """Generate a data set, or return a generator of one per seed; raises DatasetError."""
    defaults = generator_parameters(per_seed)
    resolved = completed(GENERATED, defaults, parameters, DatasetError)
    _check_size(resolved)
    fingerprint = digest([GENERATED, resolved, per_seed])
    source = GeneratedDataset(
        {key: value for key, value in resolved.items() if key != "random_state"},
        scale,
        fingerprint,
    )
    try:
        if per_seed:
            dataset = source.at(0)
            encode_labels(GENERATED, dataset.y)
            check_scale(GENERATED, dataset.X, scale)
            return source
        X, y = bundled.make_classification(**resolved)
    except DatasetError:
        raise
    except Exception as error:  # the generator raises almost anything
        raise DatasetError(f"{GENERATED}: {first_line(error)}") from error
    classes, y = encode_labels(GENERATED, y)
    check_scale(GENERATED, X, scale)
    return Dataset(divided(GENERATED, X, scale), y, classes, fingerprint, scale)


def _check_size(parameters: Mapping[str, Any]) -> None:
    """Raise DatasetError if the generator would draw more than `_MOST_DRAWN` numbers."""
    # Values other than whole numbers count as 0 here; the generator itself reports them.
    sizes = {key: value if type(value) is int else 0 for key, value in parameters.items()}
    n_informative, n_features = sizes["n_informative"], sizes["n_features"]
    n_clusters = sizes["n_classes"] * sizes["n_clusters_per_class"]
    n_drawn = max(
        sizes["n_samples"] * n_features,
        n_informative * n_features,
        n_clusters * n_informative**2,  # each cluster has a matrix that mixes its features
    )
    if n_drawn > _MOST_DRAWN:
        raise DatasetError(
            f"{GENERATED}: it would draw more than {_MOST_DRAWN:,} numbers; reduce the numbers of"
            " samples, features, classes or clusters"
        )


def generator_parameters(per_seed: bool) -> dict[str, Any]:
    """Return the parameters of the generator with their defaults.

    `random_state` is one of them unless the data are drawn anew for each seed.
    """
    defaults = defaults_of(bundled.make_classification)
    defaults = {key: defaults[key] for key in defaults if key not in _NOT_PARAMETERS}
    return defaults if per_seed else {**defaults, "random_state": 0}
