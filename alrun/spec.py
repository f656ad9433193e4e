"""The specifications of a run and of a reference, and their ids."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, TypeVar

from alrun.spec_parts import (
    CostSpec,
    DatasetSpec,
    InitialSpec,
    ModelSpec,
    OracleSpec,
    StrategySpec,
    described_cost,
    described_oracle,
)
from alrun.util.digest import canonical_json, digest, digest_of_bytes

# Raise it when the meaning of a spec changes, so that no old run is taken for a new one.
SPEC_VERSION = 1


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
        oracle=described_oracle(description.get("oracle")),
        cost=described_cost(description.get("cost")),
        budget_cost=description.get("budget_cost"),
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
