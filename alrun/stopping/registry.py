"""The registry of stopping rules: names, functions, parameters, and combinations of rules."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from alrun.errors import StoppingError, nearest
from alrun.stopping import hindsight, rules
from alrun.stopping.criterion import Criterion
from alrun.stopping.signals import NAMES, Curve, Signals
from alrun.util.entries import Entry, entry_of
from alrun.util.import_path import REQUIRED, completed, defaults_of, imported, located

BUILT_IN: dict[str, Callable[..., Criterion]] = {
    rule.__name__: rule
    for rule in (
        rules.budget,
        rules.kappa,
        rules.classification_change,
        rules.overall_uncertainty,
        rules.max_confidence,
        rules.min_error,
        rules.batch_accuracy,
        rules.performance_convergence,
        rules.uncertainty_convergence,
        rules.contradiction,
        rules.variance,
        rules.plateau,
        rules.diminishing_returns,
    )
}
HINDSIGHT: dict[str, Callable[..., Criterion]] = {
    rule.__name__: rule for rule in (hindsight.score_plateau, hindsight.score_target)
}
# Rules made of others: all of them must have stopped, or any of them.
COMBINED = ("all", "any")


@dataclass(frozen=True)
class Rule:
    """A rule with its parameters.

    Attributes
    ----------
    name
        As in an experiment: that of a built-in rule, `package.module:rule` or `mine.py:rule`.
    display_name
        The name, and in brackets the parameters that were given.
    is_hindsight
        Whether it sees test scores.
    parts
        The rules that `all` and `any` are made of.
    """

    name: str
    display_name: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    is_hindsight: bool = False
    parts: tuple["Rule", ...] = ()

    def stop(self, signals: Signals, curve: Curve) -> int | None:
        """Return the first round in which the rule stops a run, None if it never does.

        A rule of the user's is asked round by round, with what is known then. Raises StoppingError
        where it fails, or answers with anything but a round or None.
        """
        if self.parts:
            stops = [part.stop(signals, curve) for part in self.parts]
            fired = [stop for stop in stops if stop is not None]
            if self.name == "any":
                return min(fired, default=None)
            return max(fired) if len(fired) == len(stops) else None
        if self.is_hindsight:
            return HINDSIGHT[self.name](curve, **self.parameters).first
        if (criterion := self.criterion(signals)) is not None:
            return criterion.first
        function = _find(self.name)
        for round in range(len(signals)):
            if _asked(self, function, signals.known_in(round)) is not None:
                return round
        return None

    def criterion(self, signals: Signals) -> Criterion | None:
        """Return what the rule compares in each round; None unless it is a built-in one.

        A rule made of others has those of its parts, and one of the user's tells nothing but where
        it stops.
        """
        function = BUILT_IN.get(self.name)
        return None if function is None else function(signals, **self.parameters)


def make_rule(name: str, given: Mapping[str, Any], folder: Path | None = None) -> Rule:
    """Return the rule of a name and parameters; raises StoppingError where there is none such.

    Parameters of `all` and `any` are `rules`: a list of names and of tables with a name.
    """
    shown = name.rpartition("/")[2] if ".py:" in name else name
    if name in COMBINED:
        return _combined(name, given, folder)
    parameters = completed(name, parameters_of(name), given, StoppingError)
    listed = ", ".join(f"{key}={_shown(given[key])}" for key in sorted(given))
    display_name = f"{shown}({listed})" if listed else shown
    rule = Rule(name, display_name, parameters, name in HINDSIGHT)
    if name in BUILT_IN or name in HINDSIGHT:  # a wrong value is found before anything is read
        rule.stop(_EMPTY, _EMPTY_CURVE)
    return rule


def parameters_of(name: str) -> dict[str, Any]:
    """Return the parameters of a rule with their defaults; raises StoppingError."""
    if name in COMBINED:
        return {"rules": REQUIRED}
    try:
        return defaults_of(_find(name), n_skipped=1)
    except (TypeError, ValueError) as error:
        raise StoppingError(
            f"{name} must take (signals), and then any parameters of its own"
        ) from error


def default_rules() -> list[Rule]:
    """Return the built-in rules that need no parameter, with their defaults."""
    return [
        make_rule(name, {})
        for name in BUILT_IN
        if not any(value is REQUIRED for value in parameters_of(name).values())
    ]


def entries() -> list[Entry]:
    """Return an entry for each built-in rule and for each way to name another."""
    named = {**BUILT_IN, **HINDSIGHT}
    return [
        *(entry_of(name, rule, _printed(parameters_of(name))) for name, rule in named.items()),
        Entry("all", "Stop once every one of several rules has stopped.", ("rules",)),
        Entry("any", "Stop once the first of several rules stops.", ("rules",)),
        Entry("package.module:function", "A function of your own."),
        Entry("folder/file.py:function", "A function of your own, beside the experiment file."),
    ]


def _printed(parameters: Mapping[str, Any]) -> dict[str, Any]:
    return {key: _Needed() if value is REQUIRED else value for key, value in parameters.items()}


class _Needed:
    """The place of a parameter without a default."""

    def __repr__(self) -> str:
        return "..."


def _find(name: str) -> Callable[..., Any]:
    """Return the function of a rule; raises StoppingError."""
    known = {**BUILT_IN, **HINDSIGHT}
    if name in known:
        return known[name]
    if ":" not in name:
        raise StoppingError(
            f"there is no stopping rule '{name}' (name one of your own by its module or file, as in"
            f" package.module:rule or mine.py:rule){nearest(name, [*known, *COMBINED])}"
        )
    function = imported(name, ":", StoppingError)
    if not callable(function):
        raise StoppingError(f"'{name}' is not a function; name a function of (signals)")
    return function


def _combined(name: str, given: Mapping[str, Any], folder: Path | None) -> Rule:
    """Return a rule made of others; raises StoppingError."""
    completed(name, parameters_of(name), given, StoppingError)
    entries = given["rules"]
    if not isinstance(entries, Sequence) or isinstance(entries, str) or not entries:
        raise StoppingError(f'rules of {name} must be a list of rules, as in ["kappa", "variance"]')
    parts = tuple(rule_of(entry, folder) for entry in entries)
    listed = ", ".join(part.display_name for part in parts)
    is_hindsight = any(part.is_hindsight for part in parts)
    return Rule(name, f"{name}({listed})", {}, is_hindsight, parts)


def rule_of(entry: Any, folder: Path | None = None) -> Rule:
    """Return the rule of an entry: its name, or a table with name and parameters.

    A file of user code is found relative to `folder`, by default the current one. Raises
    StoppingError where there is no such rule.
    """
    table = {"name": entry} if isinstance(entry, str) else entry
    if not isinstance(table, Mapping) or not isinstance(table.get("name"), str):
        raise StoppingError(
            "a stopping rule is a name, or a table with a name, as in"
            ' { name = "kappa", threshold = 0.98 }'
        )
    given = {key: table[key] for key in table if key != "name"}
    return make_rule(located(table["name"], folder or Path()), given, folder)


def is_user_code(entry: Any) -> bool:
    """Return whether an entry, as of `rule_of`, names a function of a user's, in part or whole."""
    if isinstance(entry, str):
        return ":" in entry
    return is_user_code(entry["name"]) or any(map(is_user_code, entry.get("rules") or ()))


def _asked(rule: Rule, function: Callable[..., Any], known: Signals) -> int | None:
    """Return what a rule of the user's answers to what is known; raises StoppingError."""
    try:
        answer = function(known, **rule.parameters)
    except StoppingError:
        raise
    except Exception as error:  # it may raise anything
        raise StoppingError(
            f"{rule.display_name} failed in round {len(known) - 1}"
            f" ({type(error).__name__}: {error})"
        ) from error
    is_round = isinstance(answer, int | np.integer) and not isinstance(answer, bool)
    if answer is not None and not (is_round and 0 <= answer < len(known)):
        raise StoppingError(
            f"{rule.display_name} returned {answer!r} in round {len(known) - 1}; return a round up"
            " to the last one, counted from 0, or None to go on"
        )
    return None if answer is None else int(answer)


def _shown(value: Any) -> str:
    return json.dumps(value, default=str)


_EMPTY = Signals(*(np.zeros(0) for _ in ("n_labels", *NAMES)))
_EMPTY_CURVE = Curve(np.zeros(0), np.zeros(0))
