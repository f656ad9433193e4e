"""The pool strategies of scikit-activeml, asked as if they were alrun's.

What a class needs is read off the signature of its `query`; it is given the model of the round as
it was fitted, and never fits that anew. scikit-activeml is an extra, imported when it is named.
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
from alrun.models.predictions import Predictions
from alrun.strategies.committee import Member, committee_of, unfitted_copy
from alrun.strategies.support.pool import Pool
from alrun.util.random_streams import draw_integer, generator

_PREFIX = "skactiveml:"
_MEMBERS = 5
# Raised when what is given to a class, or done with its picks, changes.
_ASKED = 1
# Set by alrun, or for networks that embed what they are shown.
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
# What alrun cannot give, where the signature does not tell.
_LACKS = {
    "EpistemicUncertaintySampling": "a Parzen window or scikit-learn's own LogisticRegression",
    "ExpectedErrorReduction": "an error to reduce, as MonteCarloEER and ValueOfInformationEER have",
    "FourDs": "a mixture model",
}


def handles(name: str) -> bool:
    """Return whether a strategy is named as one of scikit-activeml's."""
    return name.startswith(_PREFIX)


def version() -> str:
    """Return what stands for the version of each: the library's, and that of how it is asked."""
    return f"scikit-activeml {metadata.version('scikit-activeml')}, asked as in {_ASKED}"


def find(name: str) -> Callable[..., IntArray]:
    """Return a strategy of scikit-activeml's as a function of a pool.

    Its parameters are those of the class that are plain data; a class that asks for an ensemble
    takes `members` too, the number of models of its committee. Raises StrategyError where there is
    no such class, or it needs what no pool has.
    """
    kind = _class_of(name)
    wanted = _wanted(kind)
    defaults = {
        key: parameter
        for key, parameter in inspect.signature(kind).parameters.items()
        if key not in _NOT_PARAMETERS
    }
    if "ensemble" in wanted:
        defaults["members"] = inspect.Parameter("members", _KEYWORD, default=_MEMBERS)

    def strategy(pool: Pool, n: int, rng: np.random.Generator, **parameters: Any) -> IntArray:
        return _asked(kind, pool, n, rng, parameters)

    own = list(inspect.signature(strategy).parameters.values())[:3]
    keywords = [parameter.replace(kind=_KEYWORD) for parameter in defaults.values()]
    strategy.__signature__ = inspect.Signature([*own, *keywords])  # type: ignore[attr-defined]
    bytes_per_pair, instead = _PAIRS.get(kind.__name__, (0, None))
    said = {
        "requires": ("predict_proba",) if wanted else (),
        "dense_only": True,
        "bytes_per_pair": bytes_per_pair,
        "instead": instead,
    }
    for key, value in said.items():
        setattr(strategy, key, value)
    return strategy


def validate_parameters(name: str, parameters: Mapping[str, Any]) -> None:
    """Raise StrategyError where a class makes no sense of its parameters.

    They are looked at as it queries; so it queries a made-up pool, with so many labels that no
    number of neighbours or clusters that makes sense elsewhere is too large for it.
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
        except Exception as error:  # they raise almost anything
            raise StrategyError(f"{name}: {first_line(error)}") from error


_KEYWORD = inspect.Parameter.KEYWORD_ONLY


def _class_of(name: str) -> Any:
    try:
        library = import_module("skactiveml.pool")
    except ImportError as error:
        raise StrategyError(
            f"{name} needs scikit-activeml; install it with pip install 'alrun[activeml]'"
        ) from error
    kinds = {key: getattr(library, key) for key in library.__all__}
    kinds = {key: kind for key, kind in kinds.items() if inspect.isclass(kind)}
    class_name = name.removeprefix(_PREFIX)
    if class_name not in kinds:
        raise StrategyError(f"skactiveml.pool has no '{class_name}'{nearest(class_name, kinds)}")
    lacking = _lacking(kinds[class_name])
    if lacking:
        raise StrategyError(f"{name} needs {lacking}, which alrun cannot give")
    return kinds[class_name]


def _lacking(kind: Any) -> str | None:
    """Return what a class needs that no pool can give; None where there is nothing."""
    wanted = inspect.signature(kind.query).parameters
    if "reg" in wanted:
        return "a regressor"
    if "query_kwargs" in wanted:
        return "another strategy to wrap"
    unknown = set(_wanted(kind)) - _GIVEN.keys()
    return _LACKS.get(kind.__name__, ", ".join(sorted(unknown)) or None)


def _wanted(kind: Any) -> list[str]:
    """Return what a class wants for its query besides the features and labels."""
    parameters = list(inspect.signature(kind.query).parameters.values())
    return [
        parameter.name
        for parameter in parameters[3:]  # after self, X and y
        if parameter.default is parameter.empty and parameter.kind is not parameter.VAR_KEYWORD
    ]


def _asked(
    kind: Any, pool: Pool, n: int, rng: np.random.Generator, parameters: Mapping[str, Any]
) -> IntArray:
    """Return the rows that a new object of a class picks.

    It is new in every round, since an integer seed is applied again by every query.
    """
    own = {**parameters, "random_state": draw_integer(rng)}
    members = own.pop("members", _MEMBERS)
    takes = inspect.signature(kind).parameters
    if "classes" in takes:
        own["classes"] = list(range(pool.n_classes))
    if "cluster_algo_dict" in takes:  # not all hand their seed on to it
        chosen = own.get("cluster_algo_dict") or {}
        own["cluster_algo_dict"] = {**chosen, "random_state": draw_integer(rng)}
    strategy = kind(**own)
    given: dict[str, Any] = {}
    for wanted in _wanted(kind):
        given |= _GIVEN[wanted](kind, pool, rng, members)
    X = np.concatenate([pool.X_labelled, pool.X])
    y = np.concatenate([pool.y_labelled, np.full(len(pool), np.nan)])
    rows = strategy.query(X=X, y=y, batch_size=n, **given)
    _warn_of_empty_balls(strategy)
    return _distinct(kind, np.asarray(rows) - len(pool.y_labelled), pool, n, rng)


def _distinct(kind: Any, rows: IntArray, pool: Pool, n: int, rng: np.random.Generator) -> IntArray:
    """Return the rows without repetition; what then lacks to `n` is drawn from the others."""
    picked = np.array(list(dict.fromkeys(rows.tolist())), dtype=np.int64)
    if len(picked) == n:
        return picked
    warnings.warn(
        f"{_PREFIX}{kind.__name__} picked some examples more than once; others were drawn at"
        " random in their stead",
        stacklevel=2,
    )
    others = np.setdiff1d(np.arange(len(pool)), picked)
    return np.concatenate([picked, rng.choice(others, size=n - len(picked), replace=False)])


def _warn_of_empty_balls(strategy: Any) -> None:
    """Warn where ProbCover's radius, by default one for features of length 1, reaches nobody."""
    distances = getattr(strategy, "distances_", None)
    if distances is None:
        return
    n_empty = int(((distances <= strategy.delta_max_).sum(axis=1) <= 1).sum())
    if n_empty > len(distances) / 2:
        warnings.warn(
            f"{_PREFIX}ProbCover: {n_empty} of {len(distances)} balls of radius"
            f" {strategy.delta_max_:.6g} are empty but for their centre; raise deltas",
            stacklevel=2,
        )


class _Fitted(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """A model over all classes of a data set that is fitted already, and stays as it is.

    Parameters
    ----------
    pool
        What it predicts for has the classes and as many features as this.
    probabilities_of, classes_of
        Features in, class probabilities and class codes out. Functions, since it is copied in
        depth, and no copy is made of a function.
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
        """Be asked for by scikit-activeml's wrapper, which never calls it."""
        raise AssertionError("a fitted model is not to be fitted anew")


class _Weightless(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """A model that is handed weights by who has none, though its `fit` may not take any."""

    def __init__(self, estimator: Any) -> None:
        self.estimator = estimator

    def fit(self, X: Any, y: IntArray, sample_weight: None = None) -> Self:
        """Fit the model; there are no weights."""
        self.estimator_ = clone(self.estimator).fit(X, y)
        self.classes_ = self.estimator_.classes_
        return self

    def predict_proba(self, X: Any) -> FloatArray:
        """Return the probabilities of the classes that it was fitted on."""
        return self.estimator_.predict_proba(X)

    def predict(self, X: Any) -> IntArray:
        """Return a class for each row."""
        return self.estimator_.predict(X)


def _wrapped(estimator: Any, n_classes: int, rng: np.random.Generator) -> Any:
    """Return an estimator as scikit-activeml takes it."""
    wrapper = import_module("skactiveml.classifier").SklearnClassifier
    classes = list(range(n_classes))
    return wrapper(estimator, classes=classes, random_state=draw_integer(rng))


def _model(
    wanted: str, kind: Any, pool: Pool, rng: np.random.Generator, members: object
) -> dict[str, Any]:
    """Give the model of the round; where labels are tried out, one to be fitted on them."""
    if "ignore_partial_fit" in inspect.signature(kind.query).parameters:
        unfitted = _Weightless(unfitted_copy(pool.model, rng))
        return {wanted: _wrapped(unfitted, pool.n_classes, rng)}

    def probabilities_of(X: Any) -> FloatArray:
        is_pool = X.shape == pool.X.shape and np.array_equal(X, pool.X)
        return pool.probabilities if is_pool else pool.probabilities_of(X)

    fitted = _Fitted(pool, probabilities_of, lambda X: pool.classes_of(X))
    return {wanted: _wrapped(fitted, pool.n_classes, rng), f"fit_{wanted}": False}


def _ensemble(kind: Any, pool: Pool, rng: np.random.Generator, members: Any) -> dict[str, Any]:
    """Give a committee: the model fitted anew on bootstraps of the labelled examples."""
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
    """Give a model like that of the round, to tell the labelled from the unlabelled."""
    return {"discriminator": _wrapped(unfitted_copy(pool.model, rng), 2, rng)}


_GIVEN: dict[str, Callable[..., dict[str, Any]]] = {
    "clf": partial(_model, "clf"),
    "estimator": partial(_model, "estimator"),
    "ensemble": _ensemble,
    "discriminator": _discriminator,
}
# Bytes for each pair of examples where all pairs are held at once, as measured with 1.0.1, and the
# strategy of alrun's that holds none.
_PAIRS = {
    "GreedySamplingX": (16, "k_center"),
    "MaxHerding": (24, "max_herding"),
    "ProbabilisticAL": (8, None),
    "ProbCover": (11, "prob_cover"),
    "Quire": (56, None),
}
