"""What a model cannot do for a data set, said before anything is run.

scikit-learn's tags say what its own estimators take, but not what a pipeline of them takes: after a
TruncatedSVD every model takes sparse features, after a StandardScaler none that must be positive.
So any other model is fitted to a few examples, with and without what it may not take. One that is
not scikit-learn's may end its process there.
"""

import operator
import warnings
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.utils import get_tags

from alrun.arrays import FloatArray, IntArray
from alrun.data.dataset import Dataset
from alrun.errors import ModelError, nearest
from alrun.models.build import build
from alrun.models.class_weights import labels_weighted
from alrun.models.classifier import Classifier
from alrun.spec import PIPELINE, ModelSpec, RunSpec
from alrun.util.random_streams import generator

# What data can have that some models do not take.
_REFUSED = {
    "sparse features": "choose another, or a pipeline with a step that makes them dense",
    "more than two classes": "choose another",
    "features below zero": 'choose another, or scale = "minmax"',
}
# Of what is tried: enough for cross-validation, and for most numbers of neighbours and components.
_EXAMPLES, _FEATURES = 120, 64


def incompatibilities(
    key: str, spec: RunSpec, dataset: Dataset, ask: Callable[..., Any] = operator.call
) -> Iterator[str]:
    """Yield what the model of a run cannot do for its data set, each as `key: what`.

    `key` is where the model stands in the experiment. Where it is code of the user's it is fitted
    by `ask`, which calls a function where that may end the process, and then returns None.
    """
    model, name = spec.model, spec.dataset.display_name
    for place, label in labels_weighted(model.name, model.parameters):
        if label not in dataset.labels:
            yield f"{key}.{place}: {name} has no such class{nearest(label, dataset.labels)}"
    taken = declared_capabilities(build(model.name, model.parameters, generator(0, "check")))
    doubted = [
        trait
        for trait in _REFUSED
        if trait not in (taken or ()) and _has(trait, dataset, spec.dataset.scale)
    ]
    if taken is not None and not doubted:
        return
    X, y = _examples(min(_FEATURES, dataset.X.shape[1]))
    two = np.minimum(y, 1)
    fits: Callable[..., Any] = partial(_fits, model, dataset.labels)
    if _is_foreign(model):
        fits = partial(ask, fits)
    match fits(X, two):
        case str(problem):
            yield f"{key}: {problem}"
            return
        case False | None:  # with the data themselves it may
            return
    tried = {
        "sparse features": (sparse.csr_matrix(X), two),
        "more than two classes": (X, y),
        "features below zero": (X - X.mean(axis=0), two),
    }
    for trait in doubted:
        match fits(*tried[trait]):
            case str(problem):
                yield f"{key}: {problem}"
            case False:
                what = f"{name} has {trait}, which {model.display_name} does not take"
                yield f"{key}: {what}; {_REFUSED[trait]}"


def _is_foreign(model: ModelSpec) -> bool:
    """Return whether code that is neither scikit-learn's nor ours is in a model."""
    names = [model.name]
    if model.name == PIPELINE:
        names = [step["name"] for step in model.parameters["steps"]]
    return any(":" in name for name in names)


def declared_capabilities(estimator: Any) -> set[str] | None:
    """Return what a plain estimator of scikit-learn or alrun takes; None for any other."""
    is_plain = type(estimator).__module__.split(".")[0] in ("sklearn", "alrun")
    if not is_plain or any("__" in key for key in estimator.get_params()):
        return None
    tags = get_tags(estimator)
    taken = {
        "sparse features": tags.input_tags.sparse,
        "more than two classes": tags.classifier_tags.multi_class,
        "features below zero": not tags.input_tags.positive_only,
    }
    return {trait for trait in taken if taken[trait]}


def _has(trait: str, dataset: Dataset, scale: str | float) -> bool:
    if trait == "sparse features":
        return bool(sparse.issparse(dataset.X))
    if trait == "more than two classes":
        return dataset.n_classes > 2
    return scale == "standard" or (scale != "minmax" and bool(dataset.X.min() < 0))


def _examples(n_features: int) -> tuple[FloatArray, IntArray]:
    """Return features of counts from 0 on, and three classes by which they differ."""
    y = np.arange(_EXAMPLES) % 3
    X = generator(0, "examples").integers(4, size=(_EXAMPLES, n_features)).astype(np.float64)
    return X + y[:, None] * (np.arange(n_features) % 2), y


def _fits(model: ModelSpec, labels: Sequence[str], X: Any, y: IntArray) -> bool | str:
    """Return whether a model can be fitted, or what is wrong with it where that can be said."""
    classifier = Classifier(model.name, model.parameters, 3, generator(0, "check"), labels)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            classifier.fit(X, y).predict(X)
    except ModelError as error:
        return str(error)
    except Exception:  # an estimator can raise anything
        return False
    return True
