"""Checks of the names and parameters in an experiment against the registries.

The registries are imported inside the functions, so that a report can read an experiment without
loading any strategy, model or data set.
"""

import json
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from alrun.errors import AlrunError, nearest
from alrun.experiment.datasets import DatasetSettings
from alrun.experiment.parts import Step
from alrun.experiment.settings import Experiment, ModelSettings, RuleSettings, StrategySettings
from alrun.metrics import METRICS
from alrun.spec_parts import PIPELINE, without_folder
from alrun.util.import_path import located, module_of
from alrun.util.user_code import fingerprints

# The end of the message on a pair of a strategy and a model that cannot be.
SKIP = ", or skip such pairs with skip_impossible = true"


def check_names(content: Mapping[str, Any], folder: Path) -> list[str]:
    """Return the problems with names and parameters in a file.

    Each is written as `key: what is wrong`. `content` may be wrong in any other way too; values of
    the wrong type are passed over. Files are found relative to `folder`.

    User code is imported and models are built; what that changes in the process is put back.
    """
    from alrun.util.process_state import put_back

    with put_back():
        return _problems(content, folder)


def _problems(content: Mapping[str, Any], folder: Path) -> list[str]:
    from alrun.data import registry as datasets

    problems: list[str] = []
    for key, table in _entries(content, "dataset", DatasetSettings):
        with _noted(problems, key):
            per_seed = table.get("per_seed") is True
            known = datasets.check_name(table["name"], per_seed, folder, table.keys())
            _known_parameters(key, table, DatasetSettings, known, problems)
    problems += _rules(content, folder)
    strategies = _strategies(content, folder, problems)
    problems += _same_stems({key: name for key, name, _ in strategies})
    # Where impossible pairs are skipped, the plan leaves out those of strategies.
    is_strict = content.get("skip_impossible") is not True
    requirements = [entry for entry in strategies if entry[2] and is_strict]
    metric = content.get("metric")
    if isinstance(metric, str) and metric in METRICS and METRICS[metric].requires:
        requirements.insert(0, ("metric", metric, METRICS[metric].requires))
    for model, offered in _models(content, problems):
        for key, name, required in requirements:
            if not offered.intersection(required):
                skip = "" if key == "metric" else SKIP
                problems.append(f"{key}: {unmet_methods(name, required, model)}{skip}")
    return problems


def code_of(experiment: Experiment, folder: Path) -> dict[str, str]:
    """Return the digests of the user code that an experiment names, by file or module.

    Nothing is imported. Files are found relative to `folder`; those that are gone are left out.
    """
    steps = (step for entry in experiment.model for step in entry.steps or ())
    entries = [*experiment.strategies, *experiment.model, *steps]
    names = [located(entry.name, folder) for entry in entries if ":" in entry.name]
    return fingerprints(map(module_of, names))


def unmet_methods(name: str, required: Collection[str], model: str) -> str:
    """Return a sentence on a model that lacks the methods, of which one is needed."""
    methods = " or ".join(required)
    return f"{name} needs a model with {methods}, and {model} does not have it; take another model"


def _strategies(
    content: Mapping[str, Any], folder: Path, problems: list[str]
) -> list[tuple[str, str, Collection[str]]]:
    """Return key, name and required methods of each valid strategy.

    The problems of the others are added to `problems`, as in the functions below.
    """
    from alrun.strategies import registry as strategies

    found: list[tuple[str, str, Collection[str]]] = []
    for key, table in _entries(content, "strategies", StrategySettings):
        with _noted(problems, key):
            name = located(table["name"], folder)
            known = strategies.parameters_of(name)
            parameters = _known_parameters(key, table, StrategySettings, known, problems)
            found.append((key, name, strategies.requirements_of(name).requires))
            strategies.resolve(name, parameters)
    return found


def _rules(content: Mapping[str, Any], folder: Path) -> list[str]:
    """Return the problems with stopping rules."""
    from alrun.stopping.registry import rule_of

    problems: list[str] = []
    for key, table in _entries(content, "stopping", RuleSettings):
        with _noted(problems, key):
            rule_of(table, folder)
    return problems


def _models(content: Mapping[str, Any], problems: list[str]) -> list[tuple[str, frozenset[str]]]:
    """Return name and prediction methods of each valid model."""
    from alrun.models import build as models
    from alrun.models.registry import parameters_of

    built = []
    for key, table in _entries(content, "model", ModelSettings):
        with _noted(problems, key):
            parameters: dict[str, Any] | None
            if "steps" in table:
                name, parameters = PIPELINE, _pipeline(key, table, problems)
            else:
                name, known = table["name"], parameters_of(table["name"], table)
                parameters = _known_parameters(key, table, ModelSettings, known, problems)
                models.resolve(name, parameters)
            if parameters is not None:
                shown = f"the pipeline {key}" if name == PIPELINE else name
                built.append((shown, models.prediction_methods(name, parameters)))
    return built


def _same_stems(strategies: Mapping[str, str]) -> Iterator[str]:
    """Yield a problem for each two strategy files of the same stem.

    Only the stem is part of a run's id, so that their runs would be mixed up. `strategies` are the
    names by key.
    """
    files: dict[str, str] = {}
    for key, name in strategies.items():
        file, stem = name.rpartition(":")[0], without_folder(name).rpartition(":")[0]
        other = files.setdefault(stem, file)
        if other != file:
            yield (
                f"{key}: {other} and {file} have the same name, so that their runs would be mixed"
                " up; rename one of the files"
            )


def _entries(
    content: Mapping[str, Any], section: str, kind: type[Step]
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield key and table of each entry of a section, if it has a name to look up."""
    default = kind.model_fields["name"].default
    value = content.get(section, {} if isinstance(default, str) else None)
    for place, entry in enumerate(value if isinstance(value, list) else [value]):
        table = {"name": entry} if isinstance(entry, str) else entry
        if isinstance(table, dict) and isinstance(table.get("name", default), str):
            key = entry_key(section, place) if isinstance(value, list) else section
            yield key, {"name": default, **table}


def entry_key(section: str, place: int) -> str:
    """Return the key of an entry of a list in messages, where the first entry is 1.

    >>> entry_key("strategies", 0)
    'strategies[1]'
    """
    return f"{section}[{place + 1}]"


def _pipeline(key: str, table: Mapping[str, Any], problems: list[str]) -> dict[str, Any] | None:
    """Return the parameters of a pipeline, or None if its steps add to `problems`."""
    from alrun.models.build import resolve_step
    from alrun.models.registry import parameters_of

    n_before = len(problems)
    _known_parameters(key, table, ModelSettings, (), problems)
    entries = table["steps"] if isinstance(table["steps"], list) else []
    steps = []
    for place, step in _entries({"steps": entries}, "steps", Step):
        with _noted(problems, f"{key}.{place}"):
            known = parameters_of(step["name"], step)
            parameters = _known_parameters(f"{key}.{place}", step, Step, known, problems)
            is_last = place == entry_key("steps", len(entries) - 1)
            resolve_step(step["name"], parameters, is_last)
            steps.append({"name": step["name"], "parameters": parameters})
    is_valid = 0 < len(steps) == len(entries) and len(problems) == n_before
    return {"steps": steps} if is_valid else None


@contextmanager
def _noted(problems: list[str], key: str) -> Iterator[None]:
    """Add an AlrunError raised in the context to `problems`."""
    try:
        yield
    except AlrunError as error:
        problems.append(f"{key}: {error}")


def _known_parameters(
    key: str,
    table: Mapping[str, Any],
    kind: type[Step],
    known: Collection[str],
    problems: list[str],
) -> dict[str, Any]:
    """Return the valid parameters of an entry; add a problem for each of the others."""
    own = kind.model_fields
    parameters = {}
    for name, value in table.items():
        if name in own:
            continue
        if name not in known:
            problems.append(f"{key}.{name}: unknown key{nearest(name, [*own, *known])}")
        elif not _is_plain(value):
            problems.append(f"{key}.{name}: should be a finite number, a text, a list or a table")
        else:
            parameters[name] = value
    return parameters


def _is_plain(value: Any) -> bool:
    """Return whether a value can be written as JSON, as run ids need it."""
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError):
        return False
    return True
