"""Checks of models against the traits of data sets, before anything is run.

A plain estimator of scikit-learn declares its capabilities by tags, but a pipeline does not: after
a TruncatedSVD every model takes sparse features, and after a StandardScaler a model that needs
positive features fails. So any other model is fitted to a few examples, with and without the trait
in doubt. Foreign code may crash its process in such a trial.
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
from alrun.data.features import as_float64
from alrun.data.missing import impute, keeps_missing
from alrun.data.scaling import rescale
from alrun.data.splits import split_of
from alrun.errors import ModelError, first_line, nearest
from alrun.models.build import build
from alrun.models.class_weights import labels_weighted
from alrun.models.classifier import Classifier
from alrun.models.registry import BUILT_IN
from alrun.spec import RunSpec
from alrun.spec_parts import PIPELINE, ModelSpec
from alrun.util.process_state import put_back
from alrun.util.random_streams import generator

# Traits of data that some models cannot handle, and the advice for each.
_ADVICE = {
    "sparse features": "choose another model, or a pipeline with a step that makes them dense",
    "more than two classes": "choose another model",
    "features below zero": 'choose another model, or scale = "minmax"',
    "missing values": 'choose another model, or missing = "median" under [dataset]',
}
# Size of the trial data: enough for cross-validation, and for most numbers of neighbours and
# components.
_EXAMPLES, _FEATURES = 120, 64


def incompatibilities(
    key: str, spec: RunSpec, dataset: Dataset, ask: Callable[..., Any] = operator.call
) -> Iterator[str]:
    """Yield a sentence, `key: problem`, for each trait of its data set the model cannot handle.

    `key` is the place of the model in the experiment. A model with foreign code is fitted through
    `ask(function, *arguments)`, which isolates a crash and then returns None.
    """
    model, name = spec.model, spec.dataset.display_name
    for place, label in labels_weighted(model.name, model.parameters):
        if label not in dataset.labels:
            yield f"{key}.{place}: {name} has no such class{nearest(label, dataset.labels)}"
    with put_back():  # a process for trials begins in the state of this one
        declared = declared_capabilities(build(model.name, model.parameters, generator(0, "check")))
    doubtful = [
        trait
        for trait in _ADVICE
        if trait not in (declared or ()) and _has_trait(trait, dataset, spec.dataset.scale)
    ]
    if declared is not None and not doubtful:
        return
    X, y = _trial_data(min(_FEATURES, dataset.X.shape[1]))
    two_classes = np.minimum(y, 1)
    fit: Callable[..., Any] = partial(_try_fit, model, dataset.labels)
    if _has_foreign_code(model):
        fit = partial(ask, fit)
    match fit(X, two_classes):
        case str(problem):
            yield f"{key}: {problem}"
            return
        case False | None:  # it may still work with the real data
            return
    trials = {
        "sparse features": (sparse.csr_matrix(X), two_classes),
        "more than two classes": (X, y),
        "features below zero": (X - X.mean(axis=0), two_classes),
        "missing values": (_with_gaps(X), two_classes),
    }
    for trait in doubtful:
        match fit(*trials[trait]):
            case str(problem):
                yield f"{key}: {problem}"
            case False:
                problem = f"{name} has {trait}, which {model.display_name} does not take"
                yield f"{key}: {problem}; {_ADVICE[trait]}"


def unfit_for_start(
    key: str, spec: RunSpec, dataset: Dataset, ask: Callable[..., Any] = operator.call
) -> Iterator[str]:
    """Yield a sentence, `key: problem`, if the model cannot be fitted to the initial set of a run.

    A model with a fallback may wait. `ask` is as for `incompatibilities`.
    """
    model, name = spec.model, spec.dataset.display_name
    if model.fallback is not None or model.name in BUILT_IN:
        return
    split = split_of(spec, dataset)
    training = split.training
    filled = impute(dataset.X, dataset.fills, training)
    X = as_float64(rescale(filled, spec.dataset.scale, training)[split.initial])
    fit: Callable[..., Any] = partial(_error_of_fit, model, dataset.labels)
    if _has_foreign_code(model):
        fit = partial(ask, fit)
    problem = fit(X, dataset.y[split.initial])
    if problem:
        yield (
            f"{key}: {model.display_name} cannot be fitted to the {len(split.initial)} initial"
            f" labels of {name} ({problem}); start with more labels, choose another model, or give"
            ' it fallback = "logistic", which takes its place until it can be fitted'
        )


def _error_of_fit(model: ModelSpec, labels: Sequence[str], X: Any, y: IntArray) -> str:
    """Return the first line of the error of a fit to these examples; empty without one."""
    n_classes = max(len(labels), int(y.max()) + 1)
    classifier = Classifier(model.name, model.parameters, n_classes, generator(0, "check"), labels)
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            classifier.fit(X, y).predict(X[:2])
    except Exception as error:  # an estimator can raise anything
        return first_line(error)
    return ""


def _has_foreign_code(model: ModelSpec) -> bool:
    """Return whether a model contains code from outside scikit-learn and alrun."""
    names = [model.name]
    if model.name == PIPELINE:
        names = [step["name"] for step in model.parameters["steps"]]
    return any(":" in name for name in names)


def declared_capabilities(estimator: Any) -> set[str] | None:
    """Return the traits of data accepted by a plain estimator of scikit-learn or alrun.

    Returns None for any other estimator: its tags cannot be relied on.
    """
    is_plain = type(estimator).__module__.split(".")[0] in ("sklearn", "alrun")
    if not is_plain or any("__" in key for key in estimator.get_params()):
        return None
    tags = get_tags(estimator)
    accepted = {
        "sparse features": tags.input_tags.sparse,
        "more than two classes": tags.classifier_tags.multi_class,
        "features below zero": not tags.input_tags.positive_only,
        "missing values": tags.input_tags.allow_nan,
    }
    return {trait for trait in accepted if accepted[trait]}


def _has_trait(trait: str, dataset: Dataset, scale: str | float) -> bool:
    if trait == "sparse features":
        return bool(sparse.issparse(dataset.X))
    if trait == "more than two classes":
        return dataset.n_classes > 2
    if trait == "missing values":
        return keeps_missing(dataset.fills)
    return scale == "standard" or (scale != "minmax" and _smallest(dataset.X) < 0)


def _smallest(X: Any) -> float:
    """Return the smallest feature that is not missing."""
    return float(X.min() if sparse.issparse(X) else np.fmin.reduce(X, axis=None))


def _trial_data(n_features: int) -> tuple[FloatArray, IntArray]:
    """Return non-negative features and labels of three classes with different means."""
    y = np.arange(_EXAMPLES) % 3
    X = generator(0, "examples").integers(4, size=(_EXAMPLES, n_features)).astype(np.float64)
    return X + y[:, None] * (np.arange(n_features) % 2), y


def _with_gaps(X: FloatArray) -> FloatArray:
    """Return features with every seventh value missing."""
    gaps = X.copy()
    gaps.ravel()[::7] = np.nan
    return gaps


def _try_fit(model: ModelSpec, labels: Sequence[str], X: Any, y: IntArray) -> bool | str:
    """Return whether a model can be fitted to these examples, or the message of a ModelError."""
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
