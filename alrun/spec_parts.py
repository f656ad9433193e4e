"""The parts of a run's specification: data, initial labels, model, strategy, oracle and costs."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import PurePath
from typing import Any

from alrun.util.digest import canonical_json


class Part:
    """A part of a spec that has an identity of its own."""

    def identity(self) -> dict[str, Any]:
        """Return the part's share of a run's identity."""
        raise NotImplementedError

    @cached_property
    def canonical(self) -> str:
        """The identity as canonical JSON."""
        return canonical_json(self.identity()).decode()


@dataclass(frozen=True)
class DatasetSpec(Part):
    """A data set and how it is split.

    `test_size` is a count. It is 0 if the user gives the splits; `splits` is then their
    fingerprint. `subsample` is how many examples are used, None for all. `missing` is the rule for
    missing values, None if none is given, and `stratify` whether the classes of a drawn test part
    are in proportion. `name` and `display_name` are for people and not part of the identity.
    """

    display_name: str
    name: str
    fingerprint: str
    scale: str | float
    test_size: int
    splits: str | None = None
    subsample: int | None = None
    missing: str | float | Mapping[str, str | float] | None = None
    missing_indicator: bool = False
    stratify: bool = True

    def identity(self) -> dict[str, Any]:
        """Return the data set's part of a run's identity."""
        identity = {
            "fingerprint": self.fingerprint,
            "scale": self.scale,
            "test_size": self.test_size,
            "splits": self.splits,
        }
        # These keys are added only if they are given: runs of versions without them keep their ids.
        added = {
            "subsample": self.subsample,
            "missing": self.missing if self.missing is None else _plain(self.missing),
            "missing_indicator": self.missing_indicator or None,
            "stratify": None if self.stratify else False,
        }
        return identity | {key: value for key, value in added.items() if value is not None}


def _plain(rule: str | float | Mapping[str, str | float]) -> str | float | dict[str, str | float]:
    return dict(rule) if isinstance(rule, Mapping) else rule


@dataclass(frozen=True)
class InitialSpec(Part):
    """The rule of the initial set.

    The methods are `per_class`, `random`, `stratified`, `kmeans`, `typical`, `model_scores`,
    `file` and `splits`. `size` counts labels per class for `per_class`, and in all for the others.
    It is 0 for `splits`, where the user's splits contain the initial set. `rows` is the fingerprint
    of the listed rows for `file`, and of the scores for `model_scores`. `display_name` names the
    start in a grid with several, and is empty in others.
    """

    method: str
    size: int
    rows: str | None = None
    display_name: str = ""

    def identity(self) -> dict[str, Any]:
        """Return the initial set's part of a run's identity."""
        rows = {} if self.rows is None else {"rows": self.rows}
        # The old name of the rule stays in the identity, since ids must not change.
        method = "given" if self.method == "splits" else self.method
        return {"method": method, "size": self.size, **rows}


# The name of every model that an experiment describes by its steps.
PIPELINE = "pipeline"


@dataclass(frozen=True)
class ModelSpec(Part):
    """A model with its parameters, defaults resolved.

    `version` is that of the code, for a model of the user's own. `fallback` names the model that
    takes its place until it can be fitted.
    """

    display_name: str
    name: str
    parameters: Mapping[str, Any]
    version: int = 1
    fallback: str | None = None

    def identity(self) -> dict[str, Any]:
        """Return the model's part of a run's identity.

        `package.module:model` is written with dots only, since both forms mean the same model.
        """
        parameters = dict(self.parameters)
        if self.name == PIPELINE:
            steps = parameters["steps"]
            parameters = {"steps": [{**step, "name": _dotted(step["name"])} for step in steps]}
        identity: dict[str, Any] = {"name": _dotted(self.name), "parameters": parameters}
        if self.version != 1:
            identity["version"] = self.version
        return identity if self.fallback is None else {**identity, "fallback": self.fallback}

    @property
    def user_code(self) -> tuple[str, ...]:
        """Names of the model or its steps, if their code is no part of alrun; they have a colon."""
        steps = self.parameters["steps"] if self.name == PIPELINE else ()
        names = (self.name, *(step["name"] for step in steps))
        return tuple(name for name in names if ":" in name)


def _dotted(name: str) -> str:
    return name.replace(":", ".")


@dataclass(frozen=True)
class StrategySpec(Part):
    """A query strategy with its parameters, defaults resolved.

    If `name` starts with the path of a file, only the file's stem is part of the identity.
    `version` is a text if the strategy is another library's. `replica` changes only the random
    streams, so that a strategy can be compared with itself. With `per_cost` examples are ranked by
    their score divided by what their label costs.
    """

    display_name: str
    name: str
    parameters: Mapping[str, Any]
    version: int | str
    replica: int = 0
    per_cost: bool = False

    def identity(self) -> dict[str, Any]:
        """Return the strategy's part of a run's identity."""
        identity = {
            "name": without_folder(self.name),
            "parameters": dict(self.parameters),
            "version": self.version,
            "replica": self.replica,
        }
        return {**identity, "per_cost": True} if self.per_cost else identity


def without_folder(name: str) -> str:
    """Return a strategy's name with the path of its file cut down to the stem.

    >>> without_folder("/home/strategies/mine.py:softened")
    'mine:softened'
    """
    file, colon, function = name.rpartition(":")
    return f"{PurePath(file).stem}:{function}" if colon and file.endswith(".py") else name


# What joins the names of several annotators in `queries.parquet`.
BETWEEN_NAMES = " + "


@dataclass(frozen=True)
class AnnotatorSpec:
    """One annotator of an oracle.

    `noise` is the share of wrong answers; where `confusion` is given it stands instead: the
    probabilities of the answers, a row for each true class. `cost` is what an answer costs, None
    for the cost of the grid.
    """

    name: str
    noise: float = 0.0
    confusion: tuple[tuple[float, ...], ...] | None = None
    cost: float | None = None


@dataclass(frozen=True)
class OracleSpec(Part):
    """The annotators from whom labels are bought, and how they err.

    Attributes
    ----------
    kind
        "uniform", "instance" or "boundary": how wrong answers are spread over the examples.
    annotators
        At least one.
    votes
        Number of answers for each example; the most frequent one counts.
    abstain
        Share of answers that name no class.
    relabel
        "disagreement" if labelled examples are asked for again, else None.
    share
        The share of each batch that is asked for again.
    initial
        Whether the initial labels come from the oracle too; else they are true.
    display_name
        Its name in a grid with several, else empty.
    """

    kind: str
    annotators: tuple[AnnotatorSpec, ...]
    votes: int = 1
    abstain: float = 0.0
    relabel: str | None = None
    share: float = 0.0
    initial: bool = False
    display_name: str = ""

    def identity(self) -> dict[str, Any]:
        """Return the oracle's part of a run's identity."""
        return {key: value for key, value in asdict(self).items() if key != "display_name"}


@dataclass(frozen=True)
class CostSpec(Part):
    """What a label costs.

    Attributes
    ----------
    label
        The cost of an answer, unless one of the others is given.
    per_class
        The cost of an answer by the true class of the example, in the order of the codes.
    column
        The name of the column that costs depend on: `base` + `rate` times its value.
    display_name
        Its name in a grid with several, else empty.
    """

    label: float = 1.0
    per_class: tuple[float, ...] | None = None
    column: str | None = None
    base: float = 0.0
    rate: float = 1.0
    display_name: str = ""

    def identity(self) -> dict[str, Any]:
        """Return the costs' part of a run's identity."""
        return {key: value for key, value in asdict(self).items() if key != "display_name"}


def described_oracle(values: Mapping[str, Any] | None) -> OracleSpec | None:
    """Return an oracle from its description, in which tuples are lists."""
    if values is None:
        return None
    annotators = tuple(
        AnnotatorSpec(**{**entry, "confusion": _tuples(entry["confusion"])})
        for entry in values["annotators"]
    )
    return OracleSpec(**{**values, "annotators": annotators})


def described_cost(values: Mapping[str, Any] | None) -> CostSpec | None:
    """Return costs from their description, in which tuples are lists."""
    if values is None:
        return None
    return CostSpec(**{**values, "per_class": _tuples(values["per_class"])})


def _tuples(value: Any) -> Any:
    return tuple(map(_tuples, value)) if isinstance(value, list) else value
