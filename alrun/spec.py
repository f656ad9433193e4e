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
    streams, so that a strategy can be compared with itself.
    """

    display_name: str
    name: str
    parameters: Mapping[str, Any]
    version: int | str
    replica: int = 0

    def identity(self) -> dict[str, Any]:
        """Return the strategy's part of a run's identity."""
        return {
            "name": without_folder(self.name),
            "parameters": dict(self.parameters),
            "version": self.version,
            "replica": self.replica,
        }


def without_folder(name: str) -> str:
    """Return a strategy's name with the path of its file cut down to the stem.

    >>> without_folder("/home/strategies/mine.py:softened")
    'mine:softened'
    """
    file, colon, function = name.rpartition(":")
    return f"{PurePath(file).stem}:{function}" if colon and file.endswith(".py") else name


@dataclass(frozen=True)
class RunSpec:
    """The full specification of one run of the grid; only the data come on top.

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

    def identity(self) -> dict[str, Any]:
        """Return the run's identity, as JSON can hold it.

        It has everything that can change the curve, and nothing else.
        """
        return {
            "spec": SPEC_VERSION,
            "dataset": self.dataset.identity(),
            "initial": self.initial.identity(),
            "model": self.model.identity(),
            "strategy": self.strategy.identity(),
            "batch_size": self.batch_size,
            "budget": self.budget,
            "seed": self.seed,
        }

    def stream_key(self) -> dict[str, Any]:
        """Return the identity less the budget.

        The random streams are drawn from it, so that a longer run begins with the shorter one.
        """
        identity = self.identity()
        del identity["budget"]
        return identity

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
        return description

    def _digest(self) -> str:
        """Return the digest of the identity, whose parts many runs share."""
        parts = (self.dataset, self.initial, self.model, self.strategy)
        dataset, initial, model, strategy = (part.canonical for part in parts)
        return digest_of_bytes(
            f'{{"batch_size":{self.batch_size},"budget":{self.budget},"dataset":{dataset},'
            f'"initial":{initial},"model":{model},"seed":{self.seed},"spec":{SPEC_VERSION},'
            f'"strategy":{strategy}}}'.encode()
        )

    @property
    def start(self) -> str:
        """Display name of the start; empty in a grid with one."""
        return self.initial.display_name

    @property
    def display_names(self) -> tuple[str, str, str]:
        """Display names of data set, model and strategy."""
        return (self.dataset.display_name, self.model.display_name, self.strategy.display_name)

    def __str__(self) -> str:
        start = f" / {self.start}" if self.start else ""
        names = " / ".join(self.display_names)
        return f"{names}{start} / batch size {self.batch_size} / seed {self.seed}"


# The floor names the most frequent class of the training part; the ceiling has all its labels.
REFERENCES = ("ceiling", "floor")


@dataclass(frozen=True)
class ReferenceSpec:
    """The specification of a score that runs are read against: `kind` is one of REFERENCES.

    `initial` is that of the runs. It is part of the identity only where the split depends on it.
    """

    kind: str
    dataset: DatasetSpec
    initial: InitialSpec
    model: ModelSpec
    seed: int

    def identity(self) -> dict[str, Any]:
        """Return the reference's identity, as JSON can hold it."""
        identity = {
            "spec": SPEC_VERSION,
            "reference": self.kind,
            "dataset": self.dataset.identity(),
            "model": self.model.identity(),
            "seed": self.seed,
        }
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
        return self.model.user_code if self.kind == "ceiling" else ()

    def __str__(self) -> str:
        names = f"{self.dataset.display_name} / {self.model.display_name}"
        start = f" / {self.start}" if self.start else ""
        return f"{self.kind} of {names}{start} / seed {self.seed}"


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
        _part(DatasetSpec, description["dataset"]),
        _part(InitialSpec, description["initial"]),
        _part(ModelSpec, description["model"]),
        _part(StrategySpec, description["strategy"]),
        *(description[key] for key in ("batch_size", "budget", "seed")),
    )


def _part(kind: type[_AnyPart], values: Mapping[str, Any]) -> _AnyPart:
    """Return a part of a spec from its description."""
    values = {"display_name": values.get("label", ""), **values}
    if values.get("method") == "given":
        values["method"] = "splits"
    # Unknown keys are dropped: the identity of a run of this version cannot depend on them.
    return kind(
        **{entry.name: values[entry.name] for entry in fields(kind) if entry.name in values}
    )
