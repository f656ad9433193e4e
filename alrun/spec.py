"""The specifications of a run and of a reference, and their ids."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from functools import cached_property
from pathlib import PurePath
from typing import Any, TypeVar

from alrun.util.digest import canonical_json, digest, digest_of_bytes

# Raise it when the meaning of a spec changes, so that no old run is taken for a new one.
SPEC_VERSION = 1


class _Part:
    """A part of a spec that has an identity of its own."""

    def identity(self) -> dict[str, Any]:
        """Return the part's share of a run's identity."""
        raise NotImplementedError

    @cached_property
    def canonical(self) -> str:
        """The identity as canonical JSON."""
        return canonical_json(self.identity()).decode()


@dataclass(frozen=True)
class DatasetSpec(_Part):
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
class InitialSpec(_Part):
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
class ModelSpec(_Part):
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
class StrategySpec(_Part):
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
class OracleSpec(_Part):
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
class CostSpec(_Part):
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


@dataclass(frozen=True)
class RunSpec:
    """The full specification of one run of the grid; only the data come on top.

    Without an `oracle` all labels are true, and without a `cost` each answer costs 1. A run also
    ends before its answers cost more than `budget_cost`.

    `signals` says whether its signals are computed. They change no curve, so it is not part of the
    identity.
    """

    dataset: DatasetSpec
    initial: InitialSpec
    model: ModelSpec
    strategy: StrategySpec
    batch_size: int
    budget: int
    seed: int
    signals: bool = True
    oracle: OracleSpec | None = None
    cost: CostSpec | None = None
    budget_cost: float | None = None

    def identity(self) -> dict[str, Any]:
        """Return the run's identity, as JSON can hold it.

        It has everything that can change the curve, and nothing else.
        """
        # These are added only if they are given: runs without them keep their ids.
        added = {
            "oracle": self.oracle and self.oracle.identity(),
            "cost": self.cost and self.cost.identity(),
            "budget_cost": self.budget_cost,
        }
        return {
            "spec": SPEC_VERSION,
            "dataset": self.dataset.identity(),
            "initial": self.initial.identity(),
            "model": self.model.identity(),
            "strategy": self.strategy.identity(),
            "batch_size": self.batch_size,
            "budget": self.budget,
            "seed": self.seed,
            **{key: value for key, value in added.items() if value is not None},
        }

    def stream_key(self) -> dict[str, Any]:
        """Return the identity less budgets, oracle and costs.

        The random streams are drawn from it, so that a longer run begins with the shorter one, and
        a run whose labels are right and cost 1 is the same with and without an oracle.
        """
        apart = ("budget", "budget_cost", "oracle", "cost")
        return {key: value for key, value in self.identity().items() if key not in apart}

    @property
    def user_code(self) -> tuple[str, ...]:
        """Names of the strategy, and of the model or its steps, if their code is no part of alrun.

        They have a colon; scikit-learn's classes, named with dots alone, are not among them.
        """
        own = (self.strategy.name,) if ":" in self.strategy.name else ()
        return (*own, *self.model.user_code)

    def describe(self) -> dict[str, Any]:
        """Return the whole spec, labels included, as JSON can hold it."""
        description = asdict(self)
        for part in ("dataset", "model", "strategy", "initial"):
            description[part]["label"] = description[part].pop("display_name")
        if not self.start:  # as in the files of earlier versions
            del description["initial"]["label"]
        if self.signals:
            del description["signals"]
        for key in ("oracle", "cost", "budget_cost"):
            if description[key] is None:
                del description[key]
        if not self.strategy.per_cost:
            del description["strategy"]["per_cost"]
        return description

    def _digest(self) -> str:
        """Return the digest of the identity, whose parts many runs share."""
        parts = {
            "batch_size": self.batch_size,
            "budget": self.budget,
            "budget_cost": self.budget_cost and canonical_json(self.budget_cost).decode(),
            "cost": self.cost and self.cost.canonical,
            "dataset": self.dataset.canonical,
            "initial": self.initial.canonical,
            "model": self.model.canonical,
            "oracle": self.oracle and self.oracle.canonical,
            "seed": self.seed,
            "spec": SPEC_VERSION,
            "strategy": self.strategy.canonical,
        }
        given = (f'"{key}":{value}' for key, value in parts.items() if value is not None)
        return digest_of_bytes(f"{{{','.join(given)}}}".encode())

    @property
    def start(self) -> str:
        """Display name of the start; empty in a grid with one."""
        return self.initial.display_name

    @property
    def oracle_name(self) -> str:
        """Display name of the oracle; empty in a grid with one or none."""
        return "" if self.oracle is None else self.oracle.display_name

    @property
    def cost_name(self) -> str:
        """Display name of the costs; empty in a grid with one or none."""
        return "" if self.cost is None else self.cost.display_name

    @property
    def display_names(self) -> tuple[str, str, str]:
        """Display names of data set, model and strategy."""
        return (self.dataset.display_name, self.model.display_name, self.strategy.display_name)

    def __str__(self) -> str:
        axes = (self.start, self.oracle_name, self.cost_name)
        names = " / ".join([*self.display_names, *(name for name in axes if name)])
        return f"{names} / batch size {self.batch_size} / seed {self.seed}"


# The floor names the most frequent class of the training part; the ceiling has all its labels, and
# the noisy ceiling all that the oracle would give.
REFERENCES = ("ceiling", "floor", "noisy ceiling")


@dataclass(frozen=True)
class ReferenceSpec:
    """The specification of a score that runs are read against: `kind` is one of REFERENCES.

    `initial` is that of the runs. It is part of the identity only where the split depends on it.
    A noisy ceiling has the `oracle` of its runs; the others have none.
    """

    kind: str
    dataset: DatasetSpec
    initial: InitialSpec
    model: ModelSpec
    seed: int
    oracle: OracleSpec | None = None

    def identity(self) -> dict[str, Any]:
        """Return the reference's identity, as JSON can hold it."""
        identity = {
            "spec": SPEC_VERSION,
            "reference": self.kind,
            "dataset": self.dataset.identity(),
            "model": self.model.identity(),
            "seed": self.seed,
        }
        if self.oracle is not None:
            identity["oracle"] = self.oracle.identity()
        return {**identity, "initial": self.initial.identity()} if self.has_own_split else identity

    @property
    def has_own_split(self) -> bool:
        """Whether the split depends on the start: rows that a file lists are never tested on."""
        return self.initial.method == "file"

    @property
    def start(self) -> str:
        """Display name of the only start that it is for; empty if it is for all others."""
        return self.initial.display_name if self.has_own_split else ""

    @property
    def user_code(self) -> tuple[str, ...]:
        """Names of the model or its steps, if their code is no part of alrun.

        A floor needs none.
        """
        return () if self.kind == "floor" else self.model.user_code

    @property
    def oracle_name(self) -> str:
        """Display name of the oracle; empty in a grid with one or none, and for other kinds."""
        return "" if self.oracle is None else self.oracle.display_name

    def __str__(self) -> str:
        names = f"{self.dataset.display_name} / {self.model.display_name}"
        axes = "".join(f" / {name}" for name in (self.start, self.oracle_name) if name)
        return f"{self.kind} of {names}{axes} / seed {self.seed}"


# What a worker computes.
TaskSpec = RunSpec | ReferenceSpec


def run_id(spec: TaskSpec) -> str:
    """Return the id of a run or a reference.

    It has 16 hex digits: of the SHA-256 of its identity as canonical JSON.
    """
    if isinstance(spec, ReferenceSpec):
        return digest(spec.identity())
    # A command asks for it several times, and grids are large: a cached_property takes a lock.
    known = vars(spec)
    if "_run_id" not in known:
        known["_run_id"] = spec._digest()
    run: str = known["_run_id"]
    return run


_AnyPart = TypeVar("_AnyPart", DatasetSpec, InitialSpec, ModelSpec, StrategySpec)


def same_run(one: str, other: str) -> bool:
    """Return whether two descriptions of runs, as JSON, have the same identity.

    Either may come from another version of alrun; keys that it lacks get their defaults. Raises an
    error of any kind for a text of another form.
    """
    if one == other:
        return True
    return _described(json.loads(one)).identity() == _described(json.loads(other)).identity()


def _described(description: Mapping[str, Any]) -> RunSpec:
    return RunSpec(
        dataset=_part(DatasetSpec, description["dataset"]),
        initial=_part(InitialSpec, description["initial"]),
        model=_part(ModelSpec, description["model"]),
        strategy=_part(StrategySpec, description["strategy"]),
        batch_size=description["batch_size"],
        budget=description["budget"],
        seed=description["seed"],
        oracle=_oracle(description.get("oracle")),
        cost=_cost(description.get("cost")),
        budget_cost=description.get("budget_cost"),
    )


def _oracle(values: Mapping[str, Any] | None) -> OracleSpec | None:
    """Return an oracle from its description, in which tuples are lists."""
    if values is None:
        return None
    annotators = tuple(
        AnnotatorSpec(**{**entry, "confusion": _tuples(entry["confusion"])})
        for entry in values["annotators"]
    )
    return OracleSpec(**{**values, "annotators": annotators})


def _cost(values: Mapping[str, Any] | None) -> CostSpec | None:
    """Return costs from their description, in which tuples are lists."""
    if values is None:
        return None
    return CostSpec(**{**values, "per_class": _tuples(values["per_class"])})


def _tuples(value: Any) -> Any:
    return tuple(map(_tuples, value)) if isinstance(value, list) else value


def _part(kind: type[_AnyPart], values: Mapping[str, Any]) -> _AnyPart:
    """Return a part of a spec from its description."""
    values = {"display_name": values.get("label", ""), **values}
    if values.get("method") == "given":
        values["method"] = "splits"
    # Unknown keys are dropped: the identity of a run of this version cannot depend on them.
    return kind(
        **{entry.name: values[entry.name] for entry in fields(kind) if entry.name in values}
    )
