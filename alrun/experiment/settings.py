"""The settings of an experiment: the tables of its file, validated.

Whether the named strategies, models and data sets exist is checked in `names`.
"""

import json
import math
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BeforeValidator,
    Field,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from alrun import metrics
from alrun.errors import quoted
from alrun.experiment.datasets import DatasetSettings
from alrun.experiment.oracles import CostSettings, OracleSettings
from alrun.experiment.parts import MOST, DisplayName, Named, Positive, Section, Size, Step
from alrun.spec_parts import PIPELINE, InitialSpec, without_folder
from alrun.targets import read_target
from alrun.util.numbers import is_whole


def _seeds(value: Any) -> Any:
    entries = value if isinstance(value, list) else [value]
    whole = all(map(is_whole, entries))
    lowest = 0 if isinstance(value, list) else 1
    most = MOST if isinstance(value, list) else _MOST_SEEDS
    if not entries or not whole or not all(lowest <= entry <= most for entry in entries):
        raise ValueError(
            f"should be the number of seeds (1 to {_MOST_SEEDS:,}), or a list of whole numbers from"
            f" 0, not {quoted(value)}"
        )
    return value


def _target(value: Any) -> Any:
    written = read_target(value).written
    if isinstance(written, float) and not math.isfinite(written):
        raise ValueError(f"should be a finite score, not {quoted(value)}")
    return written


_MOST_SEEDS = 100_000
# A plan keeps every run in memory, and so do the tables.
_MOST_RUNS = 250_000
TargetText = Annotated[float | str, BeforeValidator(_target)]
Seeds = Annotated[int | list[int], BeforeValidator(_seeds)]


class InitialSettings(Section):
    """An `[initial]` table: `per_class`, `size` with a `method`, or a `file` with rows.

    With `model_scores` the `size` examples are those of which an outside model is least sure.
    """

    per_class: Positive | None = None
    size: Size | None = None
    method: Literal["random", "stratified", "kmeans", "typical", "model_scores", "file"] | None = (
        None
    )
    file: str | None = None
    model_scores: str | None = None
    label: DisplayName | None = None

    @model_validator(mode="after")
    def _one_rule(self) -> Self:
        if self.method == "model_scores" or self.model_scores is not None:
            return self._scores_with_size()
        if self.method == "file" or self.file is not None:
            return self._file_alone()
        if (self.per_class is None) == (self.size is None):
            raise ValueError('give either per_class, or size with a method, or method = "file"')
        if self.per_class is not None and self.method is not None:
            raise ValueError("method goes with size, not with per_class; drop one")
        if self.size is not None and self.method is None:
            self.method = "stratified"
        return self

    def _file_alone(self) -> Self:
        if self.method != "file" or self.file is None:
            raise ValueError(
                'method = "file" goes with file, the path of a list of rows; give both or neither'
            )
        if self.size is not None or self.per_class is not None:
            raise ValueError("the file lists the initial rows; drop size and per_class")
        return self

    def _scores_with_size(self) -> Self:
        if self.method not in ("model_scores", None) or self.model_scores is None:
            raise ValueError(
                'method = "model_scores" goes with model_scores, the path of a table of'
                " probabilities; give both or neither"
            )
        if self.size is None or self.per_class is not None or self.file is not None:
            raise ValueError(
                "model_scores goes with size, the number of examples to start with; give it, and"
                " drop per_class and file"
            )
        self.method = "model_scores"
        return self

    @property
    def path(self) -> str | None:
        """The path of the file that it names, if any."""
        return self.file or self.model_scores

    def shown(self) -> str:
        """Return the label, or by default the rule in words: "2 per class", "20 random"."""
        if self.label or self.file:
            return self.label or Path(str(self.file)).name
        if self.size is None:
            return f"{self.per_class} per class"
        size = f"{self.size}" if isinstance(self.size, int) else f"{100 * self.size:g} %"
        return f"{size} {'by ' if self.model_scores else ''}{str(self.method).replace('_', ' ')}"

    def spec(self, n_training: int) -> InitialSpec:
        """Return the rule with its size as a count, for a training part of `n_training`.

        It covers all rules but that of a file, since that depends on the file's content.
        """
        name = self.label or ""
        if self.size is None:
            return InitialSpec("per_class", self.per_class or 0, display_name=name)
        size = max(1, as_count(self.size, n_training))
        return InitialSpec(str(self.method), size, display_name=name)


def _named_or_table(value: Any) -> Any:
    if not isinstance(value, list):
        return value
    return [{"name": item} if isinstance(item, str) else item for item in value]


class ModelSettings(Named):
    """A `[model]` table: a name, or the steps of a pipeline.

    The `fallback` takes its place until it can be fitted.
    """

    name: str = "logistic"
    fallback: Literal["logistic"] | None = None
    steps: Annotated[list[Step], BeforeValidator(_named_or_table), Field(min_length=1)] | None = (
        None
    )

    @model_validator(mode="after")
    def _name_or_steps(self) -> Self:
        if self.steps is not None:
            if "name" in self.model_fields_set:
                raise ValueError(
                    "name and steps exclude each other: steps make a pipeline, which has no name of"
                    " its own; drop one"
                )
            self.name = PIPELINE
        return self

    @property
    def parameters(self) -> dict[str, Any]:
        """Parameters of the model; of a pipeline its steps, each with a name and parameters."""
        if self.steps is None:
            return super().parameters
        return {"steps": [{"name": s.name, "parameters": s.parameters} for s in self.steps]}

    def shown(self) -> str:
        """Return the label, or by default the name; of a pipeline those of its steps, shortened."""
        plain = [re.split("[.:]", step.name)[-1] for step in self.steps or ()]
        return self.label or " + ".join(plain) or self.name


class StrategySettings(Named):
    """A strategy: its name, or a table with parameters."""

    replica: Annotated[int, Field(ge=0)] = 0
    # None where it is not given, as the optional keys of a data set
    per_cost: bool | None = None

    def shown(self) -> str:
        """Return the label, or by default the name with its parameters in brackets."""
        settings = self.parameters | ({"replica": self.replica} if self.replica else {})
        settings |= {"per_cost": True} if self.per_cost else {}
        shown = [f"{key}={json.dumps(settings[key], default=str)}" for key in sorted(settings)]
        inside = ", ".join(shown)
        name = without_folder(self.name)
        return self.label or (f"{name}({inside})" if inside else name)


class RuleSettings(Step):
    """A stopping rule: its name, or a table with parameters."""


def _one_or_more(value: Any) -> Any:
    return [value] if isinstance(value, dict) else value


def _no_twins(values: Sequence[Any], kind: str) -> None:
    twins = sorted(value for value, n in Counter(values).items() if n > 1)
    if twins:
        raise ValueError(f"{kind} {', '.join(map(str, twins))} is given more than once")


class Experiment(Section):
    """An experiment file, its defaults filled in."""

    strategies: Annotated[
        list[StrategySettings], BeforeValidator(_named_or_table), Field(min_length=1)
    ]
    batch_sizes: Annotated[list[Positive], Field(min_length=1)] = Field(default=[10])
    seeds: Seeds
    targets: list[TargetText] = Field(default=[])
    budget: Positive
    budget_cost: Annotated[float, Field(gt=0)] | None = None
    metric: Annotated[str, Field(validate_default=True)] = "accuracy"
    # None where they are not given, as the optional keys of a data set
    skip_impossible: bool | None = None
    signals: bool | None = None
    stopping: (
        Annotated[list[RuleSettings], BeforeValidator(_named_or_table), Field(min_length=1)] | None
    ) = None
    until_halfwidth: Annotated[float, Field(gt=0, lt=1)] | None = None
    max_seeds: Annotated[int, Field(gt=0, le=_MOST_SEEDS)] | None = None
    dataset: Annotated[list[DatasetSettings], BeforeValidator(_one_or_more), Field(min_length=1)]
    initial: Annotated[list[InitialSettings], BeforeValidator(_one_or_more)] = Field(default=[])
    model: Annotated[list[ModelSettings], BeforeValidator(_one_or_more), Field(min_length=1)] = (
        Field(default=[{}], validate_default=True)
    )
    oracle: Annotated[list[OracleSettings], BeforeValidator(_one_or_more)] = Field(default=[])
    cost: Annotated[list[CostSettings], BeforeValidator(_one_or_more)] = Field(default=[])

    @field_validator("metric")
    @classmethod
    def _has_the_targets(cls, value: str, others: ValidationInfo) -> str:
        metric = metrics.find(value)
        for place, target in enumerate(others.data.get("targets", [])):
            try:
                read_target(target).check(value, metric)
            except ValueError as error:
                context = {"what": str(error), "location": ("targets", place)}
                raise PydanticCustomError("value_error", "{what}", context) from None
        return value

    @field_validator("batch_sizes", "seeds", "targets")
    @classmethod
    def _distinct(cls, value: Any) -> Any:
        if isinstance(value, list):
            _no_twins(value, "the value")
        return value

    @field_validator("dataset", "model", "strategies")
    @classmethod
    def _distinct_labels(cls, value: Any) -> Any:
        for entry in value:
            entry.label = entry.shown()
        _no_twins([entry.label for entry in value], "the label")
        return value

    @field_validator("initial", "oracle")
    @classmethod
    def _distinct_labels_of_several(cls, value: Any) -> Any:
        for entry in value:
            entry.label = entry.shown() if len(value) > 1 else None
        _no_twins([entry.label for entry in value], "the label")
        return value

    @field_validator("cost")
    @classmethod
    def _distinct_costs(cls, value: Any) -> Any:
        for entry in value:
            entry.name = entry.shown() if len(value) > 1 else None
        _no_twins([entry.name for entry in value], "the name")
        return value

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        have_splits = all(entry.splits is not None for entry in self.dataset)
        for key in ("file", "model_scores"):
            is_listed = any(getattr(entry, key) is not None for entry in self.initial)
            if is_listed and any(entry.per_seed for entry in self.dataset):
                raise ValueError(
                    f"per_seed and initial.{key} exclude each other: each seed has other rows; drop"
                    " one"
                )
        self.check_size()
        self._check_prices()
        if self.max_seeds is not None and self.until_halfwidth is None:
            raise ValueError("max_seeds goes with until_halfwidth; give both, or drop it")
        if not self.initial and not have_splits:
            self.initial = [InitialSettings(per_class=2)]
        return self

    def _check_prices(self) -> None:
        """Raise ValueError if an answer has two prices: its annotator's, and its example's."""
        for key in ("column", "per_class"):
            by_example = any(getattr(entry, key) is not None for entry in self.cost)
            people = (who for oracle in self.oracle for who in oracle.people())
            if by_example and any(who.cost is not None for who in people):
                raise ValueError(
                    f"cost.{key} and the cost of an annotator exclude each other: an answer has one"
                    " price; drop one"
                )

    def check_size(self) -> None:
        """Raise ValueError if the grid has more runs than a plan may have."""
        n_models = len(self.dataset) * len(self.model) * len(self.starts)
        n_models *= len(self.oracles) * len(self.cost_models)
        n_runs = n_models * len(self.strategies) * len(self.batch_sizes) * len(self.seed_list)
        if n_runs > _MOST_RUNS:
            raise ValueError(
                f"the grid has {n_runs:,} runs, more than {_MOST_RUNS:,}; drop some seeds, or"
                " divide it into several experiments"
            )

    @property
    def starts(self) -> list[str]:
        """The labels of the starts; that of a single one is empty."""
        return [entry.label or "" for entry in self.initial] or [""]

    @property
    def oracles(self) -> list[str]:
        """The labels of the oracles; that of a single one, or of none, is empty."""
        return [entry.label or "" for entry in self.oracle] or [""]

    @property
    def cost_models(self) -> list[str]:
        """The names of the costs; that of a single one, or of none, is empty."""
        return [entry.name or "" for entry in self.cost] or [""]

    @property
    def seed_list(self) -> list[int]:
        """The seeds as a list; a count n means 0 ... n - 1."""
        return list(range(self.seeds)) if isinstance(self.seeds, int) else self.seeds


def as_count(size: int | float, n: int) -> int:
    """Return a size as a count; a fraction is that of `n`, rounded to the nearest integer."""
    return size if isinstance(size, int) else int(size * n + 0.5)
