"""A run's specification and its identity."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import PurePath
from typing import Any, TypeVar

from alrun.util.random_streams import canonical_json

# Raised when the meaning of a spec changes, so that no old run is taken for a new one.
SPEC_VERSION = 1


@dataclass(frozen=True)
class DatasetSpec:
    """A data set and how it is split.

    `test_size` is a count, and 0 where the splits are given: then `splits` is their fingerprint.
    `subsample` counts the examples that are used at all; None where all are.
    `name` and `display_name` are for people and stand in no identity.
    """

    display_name: str
    name: str
    fingerprint: str
    scale: str | float
    test_size: int
    splits: str | None = None
    subsample: int | None = None

    def identity(self) -> dict[str, Any]:
        """Return what of this can change a curve."""
        identity = {
            "fingerprint": self.fingerprint,
            "scale": self.scale,
            "test_size": self.test_size,
            "splits": self.splits,
        }
        # Only where there is one, so that the runs of before there were any keep their ids.
        return identity if self.subsample is None else identity | {"subsample": self.subsample}


@dataclass(frozen=True)
class InitialSpec:
    """The rule of the initial set: `per_class`, `random`, `stratified`, `kmeans`, `file`, `splits`.

    `size` counts labels per class for `per_class`, in all for the others, and is 0 where the
    initial set is given with the splits. For `file`, `rows` is the fingerprint of those listed.
    """

    method: str
    size: int
    rows: str | None = None

    def identity(self) -> dict[str, Any]:
        """Return what of this can change a curve: everything."""
        rows = {} if self.rows is None else {"rows": self.rows}
        # Named so when the rule was added; ids must stay.
        method = "given" if self.method == "splits" else self.method
        return {"method": method, "size": self.size, **rows}


# The name of a model that is given by its steps.
PIPELINE = "pipeline"


@dataclass(frozen=True)
class ModelSpec:
    """A model with its parameters, defaults resolved.

    `version` is that of the code, for one of a user's own.
    """

    display_name: str
    name: str
    parameters: Mapping[str, Any]
    version: int = 1

    def identity(self) -> dict[str, Any]:
        """Return what of this can change a curve.

        A name has dots alone in it, as it had when `package.module.model` was the same as
        `package.module:model`.
        """
        parameters = dict(self.parameters)
        if self.name == PIPELINE:
            steps = parameters["steps"]
            parameters = {"steps": [{**step, "name": _dotted(step["name"])} for step in steps]}
        identity = {"name": _dotted(self.name), "parameters": parameters}
        return identity if self.version == 1 else {**identity, "version": self.version}


def _dotted(name: str) -> str:
    return name.replace(":", ".")


@dataclass(frozen=True)
class StrategySpec:
    """A query strategy with its parameters, defaults resolved.

    `name` finds it from anywhere; where that is by a file, its stem alone stands in the identity.
    `version` is a text where another library has made the strategy. `replica` changes nothing but
    the streams, so that a strategy can be compared with itself.
    """

    display_name: str
    name: str
    parameters: Mapping[str, Any]
    version: int | str
    replica: int = 0

    def identity(self) -> dict[str, Any]:
        """Return what of this can change a curve."""
        return {
            "name": without_folder(self.name),
            "parameters": dict(self.parameters),
            "version": self.version,
            "replica": self.replica,
        }


def without_folder(name: str) -> str:
    """Return the name of what stands in a file as if the file were a module on the path.

    >>> without_folder("/home/strategies/mine.py:softened")
    'mine:softened'
    """
    file, colon, function = name.rpartition(":")
    return f"{PurePath(file).stem}:{function}" if colon and file.endswith(".py") else name


@dataclass(frozen=True)
class RunSpec:
    """One cell of the grid: everything that `run_active_learning` needs beside the data."""

    dataset: DatasetSpec
    initial: InitialSpec
    model: ModelSpec
    strategy: StrategySpec
    batch_size: int
    budget: int
    seed: int

    def identity(self) -> dict[str, Any]:
        """Return everything that can change the curve, and nothing else."""
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
        """Return the identity less the budget: a longer run begins with the shorter one."""
        identity = self.identity()
        del identity["budget"]
        return identity

    def describe(self) -> dict[str, Any]:
        """Return the whole spec, labels included, as JSON can hold it."""
        description = asdict(self)
        for part in ("dataset", "model", "strategy"):
            description[part]["label"] = description[part].pop("display_name")
        return description

    @property
    def display_names(self) -> tuple[str, str, str]:
        """Names of data set, model and strategy, as the tables show them."""
        return (self.dataset.display_name, self.model.display_name, self.strategy.display_name)

    def __str__(self) -> str:
        names = " / ".join(self.display_names)
        return f"{names} / batch size {self.batch_size} / seed {self.seed}"


def run_id(spec: RunSpec) -> str:
    """Return the identity of a run: 16 hex digits of the SHA-256 of its canonical JSON."""
    return hashlib.sha256(canonical_json(spec.identity())).hexdigest()[:16]


_Part = TypeVar("_Part", DatasetSpec, InitialSpec, ModelSpec, StrategySpec)


def same_run(one: str, other: str) -> bool:
    """Return whether two descriptions, as JSON, are of one run, whatever its labels.

    Either may be of another version of alrun: what it lacks has its default. Raises an error of
    any kind where it is no description.
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


def _part(kind: type[_Part], values: Mapping[str, Any]) -> _Part:
    """Make a part of a spec; what it does not know can be in no identity that is asked for."""
    values = {"display_name": values.get("label"), **values}
    if values.get("method") == "given":
        values["method"] = "splits"
    return kind(
        **{entry.name: values[entry.name] for entry in fields(kind) if entry.name in values}
    )
