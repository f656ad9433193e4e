"""Options of a judgement of stopping rules."""

import math
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from alrun.errors import ResultsError, StoppingError

if TYPE_CHECKING:
    from alrun.experiment.settings import Experiment
    from alrun.stopping.registry import Rule

ERROR_COSTS = (1e3, 1e4, 1e5)


@dataclass(frozen=True)
class Costs:
    """The costs of labels and of mistakes.

    Attributes
    ----------
    label
        Of one label.
    errors
        Of all future mistakes at an error rate of 1; several.
    are_named
        Whether the user named any of them, so that they cannot be left out.

    Raises
    ------
    ResultsError
        Where a cost is below 0 or not finite, or an error cost stands twice.
    """

    label: float = 1.0
    errors: tuple[float, ...] = ERROR_COSTS
    are_named: bool = False

    def __post_init__(self) -> None:
        for cost in (self.label, *self.errors):
            if not (math.isfinite(cost) and cost >= 0):
                raise ResultsError(f"a cost is a finite number from 0 on, not {cost}")
        if len(set(self.errors)) < len(self.errors):
            raise ResultsError("an error cost is named twice; drop one")


DEFAULT_COSTS = Costs()


def costs_of(label: float | None, errors: Sequence[float] | None) -> Costs:
    """Return costs, with defaults for what is None; raises ResultsError as Costs does."""
    are_named = label is not None or bool(errors)
    return Costs(1.0 if label is None else label, tuple(errors or ERROR_COSTS), are_named)


def rules_of(
    written: Sequence[str | Mapping[str, Any]] | None,
    experiment: "Experiment | None",
    folder: Path,
) -> list["Rule"]:
    """Return the rules that are written, else those of the experiment, else the built-in ones.

    A rule is written as its name, or as a table such as `{ name = "kappa", threshold = 0.98 }`, in
    TOML or as a mapping.
    Files that the experiment names are found relative to `folder`. Raises StoppingError where a
    rule is unknown or stands twice.
    """
    from alrun.stopping.registry import default_rules, rule_of

    if written:
        rules = [rule_of(_entry(text)) for text in written]
    elif experiment is not None and experiment.stopping:
        rules = [rule_of(entry.model_dump(), folder) for entry in experiment.stopping]
    else:
        rules = default_rules()
    names = [rule.display_name for rule in rules]
    for name in names:
        if names.count(name) > 1:
            raise StoppingError(f"the stopping rule {name} is named twice; drop one")
    return rules


def built_in_rules_of(experiment: "Experiment | None") -> list["Rule"]:
    """Return the rules of an experiment that are no code of a user's, else the built-in ones.

    So what only shows results runs no code that came with them.
    """
    from alrun.stopping.registry import default_rules, is_user_code, rule_of

    if experiment is None or not experiment.stopping:
        return default_rules()
    written = [entry.model_dump() for entry in experiment.stopping]
    return [rule_of(entry) for entry in written if not is_user_code(entry)]


def _entry(text: str | Mapping[str, Any]) -> object:
    """Return a rule as an experiment has it."""
    if not isinstance(text, str) or not text.lstrip().startswith("{"):
        return text
    try:
        return tomllib.loads(f"rule = {text}")["rule"]
    except (ValueError, RecursionError) as error:
        raise StoppingError(f"--rule {text}: not a table of TOML: {error}") from None
