"""An adapter for the pool strategies of scikit-activeml.

The arguments that a class needs are read from the signature of its `query`. It gets the fitted
model of the round and never fits it again. scikit-activeml is an optional dependency, imported on
first use.
"""

import inspect
import warnings
from collections.abc import Callable, Mapping
from functools import partial
from importlib import import_module, metadata
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, clone

from alrun.arrays import FloatArray, IntArray
from alrun.errors import StrategyError, first_line, nearest
from alrun.models.classifier import Classifier
from alrun.models.consecutive_codes import fitted
from alrun.models.predictions import Predictions
from alrun.strategies.committee import Member, committee_of, unfitted_copy
from alrun.strategies.support.pool import Pool
from alrun.util.install_hint import install_hint
from alrun.util.random_streams import draw_integer, generator

_PREFIX = "skactiveml:"
_MEMBERS = 5
# Raised when a class gets other arguments, or its picks are processed differently.
_ADAPTER_VERSION = 1
# Parameters set by alrun, or only used with neural networks that embed the features.
_NOT_PARAMETERS = {
    "classes",
    "missing_label",
    "random_state",
    "cluster_algo",
    "n_cluster_param_name",
    "distance_func",
    "clf_embedding_flag_name",
    "predict_dict",
    "sample_predictions_method_name",
    "sample_predictions_dict",
}
# Needs of classes that alrun cannot meet and their signatures do not show.
_HIDDEN_NEEDS = {
    "EpistemicUncertaintySampling": "a Parzen window or scikit-learn's own LogisticRegression",
    "ExpectedErrorReduction": "an error to reduce, as MonteCarloEER and ValueOfInformationEER have",
    "FourDs": "a mixture model",
}


def handles(name: str) -> bool:
    """Return whether a name has the prefix of scikit-activeml's strategies."""
    return name.startswith(_PREFIX)


def version() -> str:
    """Return the version of all these strategies, from the library and from this adapter."""
    # A part of identities: the words must stay.
    return f"scikit-activeml {metadata.version('scikit-activeml')}, asked as in {_ADAPTER_VERSION}"


def find(name: str) -> Callable[..., IntArray]:
    """Return a strategy of scikit-activeml as a function of a pool.

    Its parameters are those of the class, without `_NOT_PARAMETERS`. A class that needs an ensemble
    also takes `members`, the number of models in its committee. Raises StrategyError if there is no
    such class, or if alrun cannot meet its needs.
    """
    kind = _class_of(name)
    required = _required_arguments(kind)
    defaults = {
        key: parameter
        for key, parameter in inspect.signature(kind).parameters.items()
        if key not in _NOT_PARAMETERS
    }
    if "ensemble" in required:
        defaults["members"] = inspect.Parameter("members", _KEYWORD, default=_MEMBERS)

    def strategy(pool: Pool, n: int, rng: np.random.Generator, **parameters: Any) -> IntArray:
        return _query(kind, pool, n, rng, parameters)

    positional = list(inspect.signature(strategy).parameters.values())[:3]
    keywords = [parameter.replace(kind=_KEYWORD) for parameter in defaults.values()]
    signature = inspect.Signature([*positional, *keywords])
    strategy.__signature__ = signature  # type: ignore[attr-defined]
    bytes_per_pair, instead = _PAIRS.get(kind.__name__, (0, None))
    requirements = {
        "requires": ("predict_proba",) if required else (),
        "dense_only": True,
        "bytes_per_pair": bytes_per_pair,
        "instead": instead,
    }
    for key, value in requirements.items():
        setattr(strategy, key, value)
    return strategy


def validate_parameters(name: str, parameters: Mapping[str, Any]) -> None:
    """Raise StrategyError if a class rejects its parameters.

    A class checks them only in a query, so it queries a made-up pool. That pool has enough labels
    for any sensible number of neighbours or clusters.
    """
    costs = parameters.get("cost_matrix")
    n_classes = len(costs) if isinstance(costs, list) and len(costs) > 2 else 2
    rng = generator(0, "made-up pool")
    X, y = rng.normal(size=(220, 2)), np.arange(220) % n_classes
    labelled, unlabelled = np.arange(200), np.arange(200, 220)
    classifier = Classifier("logistic", {}, n_classes, rng).fit(X[labelled], y[labelled])
    pool = Pool(X, unlabelled, labelled, y[labelled], Predictions(classifier, X))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            find(name)(pool, 2, rng, **parameters)
        except StrategyError:
            raise
        except Exception as error:  # these classes raise almost anything
            raise StrategyError(f"{name}: {first_line(error)}") from error


_KEYWORD = inspect.Parameter.KEYWORD_ONLY


def _class_of(name: str) -> Any:
    try:
        library = import_module("skactiveml.pool")
    except ImportError as error:
        raise StrategyError(
            f"{name} needs scikit-activeml; install it with {install_hint('activeml')}"
        ) from error
    kinds = {key: getattr(library, key) for key in library.__all__}
    kinds = {key: kind for key, kind in kinds.items() if inspect.isclass(kind)}
    class_name = name.removeprefix(_PREFIX)
    if class_name not in kinds:
        raise StrategyError(f"skactiveml.pool has no '{class_name}'{nearest(class_name, kinds)}")
    need = _unmet_need(kinds[class_name])
    if need:
        raise StrategyError(f"{name} needs {need}, which alrun cannot give; choose another class")
    return kinds[class_name]


def _unmet_need(kind: Any) -> str | None:
    """Return the name of a need of a class beyond alrun's means, or None."""
    arguments = inspect.signature(kind.query).parameters
    if "reg" in arguments:
        return "a regressor"
    if "query_kwargs" in arguments:
        return "another strategy to wrap"
    unknown = set(_required_arguments(kind)) - _ARGUMENTS.keys()
    return _HIDDEN_NEEDS.get(kind.__name__, ", ".join(sorted(unknown)) or None)


def _required_arguments(kind: Any) -> list[str]:
    """Return the required arguments of a class's query besides the features and labels."""
    parameters = list(inspect.signature(kind.query).parameters.values())
    return [
        parameter.name
        for parameter in parameters[3:]  # after self, X and y
        if parameter.default is parameter.empty and parameter.kind is not parameter.VAR_KEYWORD
    ]


def _query(
    kind: Any, pool: Pool, n: int, rng: np.random.Generator, parameters: Mapping[str, Any]
) -> IntArray:
    """Return the rows picked by a new object of a class.

    Each round needs a new object, because every query of an object starts from the same seed.
    """
    settings = {**parameters, "random_state": draw_integer(rng)}
    members = settings.pop("members", _MEMBERS)
    accepted = inspect.signature(kind).parameters
    if "classes" in accepted:
        settings["classes"] = list(range(pool.n_classes))
    if "cluster_algo_dict" in accepted:  # not every class passes its seed on to the clustering
        cluster_settings = settings.get("cluster_algo_dict") or {}
        settings["cluster_algo_dict"] = {**cluster_settings, "random_state": draw_integer(rng)}
    strategy = kind(**settings)
    arguments: dict[str, Any] = {}
    for key in _required_arguments(kind):
        arguments |= _ARGUMENTS[key](kind, pool, rng, members)
    X = np.concatenate([pool.X_labelled, pool.X])
    y = np.concatenate([pool.y_labelled, np.full(len(pool), np.nan)])
    rows = strategy.query(X=X, y=y, batch_size=n, **arguments)
    _warn_of_empty_balls(strategy)
    return _distinct(kind, np.asarray(rows) - len(pool.y_labelled), pool, n, rng)


def _distinct(kind: Any, rows: IntArray, pool: Pool, n: int, rng: np.random.Generator) -> IntArray:
    """Return the rows without repetitions, filled up to `n` with random others."""
    picked = np.array(list(dict.fromkeys(rows.tolist())), dtype=np.int64)
    if len(picked) == n:
        return picked
    warnings.warn(
        f"{_PREFIX}{kind.__name__} picked some examples more than once; random others replace the"
        " repetitions",
        stacklevel=2,
    )
    others = np.setdiff1d(np.arange(len(pool)), picked)
    return np.concatenate([picked, rng.choice(others, size=n - len(picked), replace=False)])


def _warn_of_empty_balls(strategy: Any) -> None:
    """Warn if most balls of ProbCover are empty; its default radius is for features of norm 1."""
    distances = getattr(strategy, "distances_", None)
    if distances is None:
        return
    n_empty = int(((distances <= strategy.delta_max_).sum(axis=1) <= 1).sum())
    if n_empty > len(distances) / 2:
        warnings.warn(
            f"{_PREFIX}ProbCover: {n_empty} of {len(distances)} balls of radius"
            f" {strategy.delta_max_:.6g} are empty: they hold no example except their centre; raise"
            " deltas",
            stacklevel=2,
        )


class _Fitted(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """A read-only, fitted model over all classes of a data set.

    Parameters
    ----------
    pool
        It determines the classes and the number of features.
    probabilities_of, classes_of
        Functions from features to class probabilities and to class codes. scikit-activeml makes a
        deep copy of the model, and functions are not copied.
    """

    def __init__(
        self,
        pool: Pool,
        probabilities_of: Callable[[Any], FloatArray],
        classes_of: Callable[[Any], IntArray],
    ) -> None:
        self.classes_ = np.arange(pool.n_classes)
        self.n_features_in_ = pool.X.shape[1]
        self.predict_proba = probabilities_of
        self.predict = classes_of

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def fit(self, X: Any, y: Any) -> Self:
        """Raise AssertionError: the wrapper requires this method, but never calls it."""
        raise AssertionError("a fitted model must not be fitted again")


class _Weightless(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """A wrapper for models without sample weights: scikit-activeml passes None for them."""

    def __init__(self, estimator: Any) -> None:
        self.estimator = estimator

    def fit(self, X: Any, y: IntArray, sample_weight: None = None) -> Self:
        """Fit the model; `sample_weight` is always None."""
        self.estimator_ = fitted(clone(self.estimator), X, y)
        self.classes_ = self.estimator_.classes_
        return self

    def predict_proba(self, X: Any) -> FloatArray:
        """Return the probabilities of the classes in `classes_`, shape (n, len(classes_))."""
        return self.estimator_.predict_proba(X)

    def predict(self, X: Any) -> IntArray:
        """Return a class for each row."""
        return self.estimator_.predict(X)


def _wrapped(estimator: Any, n_classes: int, rng: np.random.Generator) -> Any:
    """Wrap an estimator for scikit-activeml."""
    wrapper = import_module("skactiveml.classifier").SklearnClassifier
    classes = list(range(n_classes))
    return wrapper(estimator, classes=classes, random_state=draw_integer(rng))


def _model(
    key: str, kind: Any, pool: Pool, rng: np.random.Generator, members: object
) -> dict[str, Any]:
    """Return the model of the round as arguments of a query.

    A class that tries out labels fits the model itself, so it gets an unfitted one.
    """
    if "ignore_partial_fit" in inspect.signature(kind.query).parameters:
        unfitted = _Weightless(unfitted_copy(pool.model, rng))
        return {key: _wrapped(unfitted, pool.n_classes, rng)}

    def probabilities_of(X: Any) -> FloatArray:
        is_pool = X.shape == pool.X.shape and np.array_equal(X, pool.X)
        return pool.probabilities if is_pool else pool.probabilities_of(X)

    fitted = _Fitted(pool, probabilities_of, lambda X: pool.classes_of(X))
    return {key: _wrapped(fitted, pool.n_classes, rng), f"fit_{key}": False}


def _ensemble(kind: Any, pool: Pool, rng: np.random.Generator, members: Any) -> dict[str, Any]:
    """Return a committee as arguments of a query: models fitted on bootstraps of the labels."""
    n_classes = pool.n_classes

    def fitted(member: Member) -> _Fitted:
        return _Fitted(
            pool, lambda X: member.probabilities(X, n_classes), lambda X: member.votes(X)
        )

    committee = [fitted(member) for member in committee_of(pool, rng, members)]
    ensemble = [_wrapped(member, n_classes, rng) for member in committee]
    return {"ensemble": ensemble, "fit_ensemble": False}


def _discriminator(
    kind: Any, pool: Pool, rng: np.random.Generator, members: object
) -> dict[str, Any]:
    """Return an unfitted model as argument of a query, to tell labelled from unlabelled."""
    return {"discriminator": _wrapped(unfitted_copy(pool.model, rng), 2, rng)}


# Functions that make the arguments of a query, by the name of the required argument.
_ARGUMENTS: dict[str, Callable[..., dict[str, Any]]] = {
    "clf": partial(_model, "clf"),
    "estimator": partial(_model, "estimator"),
    "ensemble": _ensemble,
    "discriminator": _discriminator,
}
# Bytes for each pair of examples, for classes that hold all pairs at once, as measured with version
# 1.0.1; and the strategy of alrun that holds no pairs.
_PAIRS = {
    "GreedySamplingX": (16, "k_center"),
    "MaxHerding": (24, "max_herding"),
    "ProbabilisticAL": (8, None),
    "ProbCover": (11, "prob_cover"),
    "Quire": (56, None),
}
