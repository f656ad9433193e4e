"""Checks the names and parameters of an experiment against the registries.

The registries are imported when names are checked, so that a report can read an experiment without
loading a strategy, a model or a data set.
"""

import json
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from alrun.errors import AlrunError, nearest
from alrun.experiment.settings import DatasetSettings, ModelSettings, Step, StrategySettings
from alrun.metrics import METRICS
from alrun.spec import PIPELINE, without_folder
from alrun.util.import_path import located


def check_names(content: Mapping[str, Any], folder: Path) -> list[str]:
    """Return what is wrong with the names and parameters in a file, each as `key: what is wrong`.

    `content` may be wrong in any other way too: what is no name is passed over. Files are found
    relative to `folder`.
    """
    from alrun.data import registry as datasets

    problems: list[str] = []
    for key, table in _entries(content, "dataset", DatasetSettings):
        with _noted(problems, key):
            per_seed = table.get("per_seed") is True
            known = datasets.check_name(table["name"], per_seed, folder, table.keys())
            _known_parameters(key, table, DatasetSettings, known, problems)
    strategies = _strategies(content, folder, problems)
    problems += _of_one_stem({key: name for key, name, _ in strategies})
    needs = [(key, name, required) for key, name, required in strategies if required]
    metric = content.get("metric")
    if isinstance(metric, str) and metric in METRICS and METRICS[metric].requires:
        needs.insert(0, ("metric", metric, METRICS[metric].requires))
    for model, offered in _models(content, problems):
        for key, name, required in needs:
            if not offered.intersection(required):
                what = " or ".join(required)
                problems.append(f"{key}: {name} needs a model with {what}; {model} has none")
    return problems


def _strategies(
    content: Mapping[str, Any], folder: Path, problems: list[str]
) -> list[tuple[str, str, Collection[str]]]:
    """Return key, name and needs of the strategies there are, and note what is wrong with any."""
    from alrun.strategies import registry as strategies

    found: list[tuple[str, str, Collection[str]]] = []
    for key, table in _entries(content, "strategies", StrategySettings):
        with _noted(problems, key):
            name = located(table["name"], folder)
            known = strategies.parameters_of(name)
            given = _known_parameters(key, table, StrategySettings, known, problems)
            found.append((key, name, strategies.requirements_of(name).requires))
            strategies.resolve(name, given)
    return found


def _models(content: Mapping[str, Any], problems: list[str]) -> list[tuple[str, frozenset[str]]]:
    """Return name and methods of the models that can be built, and note what is wrong with any."""
    from alrun.models import build as models
    from alrun.models.registry import parameters_of

    built = []
    for key, table in _entries(content, "model", ModelSettings):
        with _noted(problems, key):
            found: dict[str, Any] | None
            if "steps" in table:
                name, found = PIPELINE, _pipeline(key, table, problems)
            else:
                name, known = table["name"], parameters_of(table["name"])
                found = _known_parameters(key, table, ModelSettings, known, problems)
                models.resolve(name, found)
            if found is not None:
                called = f"the pipeline {key}" if name == PIPELINE else name
                built.append((called, models.prediction_methods(name, found)))
    return built


def _of_one_stem(strategies: Mapping[str, str]) -> Iterator[str]:
    """Say which strategies, names by key, have runs that could be taken for another file's."""
    files: dict[str, str] = {}
    for key, name in strategies.items():
        file, stem = (what.rpartition(":")[0] for what in (name, without_folder(name)))
        other = files.setdefault(stem, file)
        if other != file:
            yield (
                f"{key}: {other} and {file} have the same name, and so would have their runs;"
                " rename one"
            )


def _entries(
    content: Mapping[str, Any], section: str, kind: type[Step]
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield key and table of each entry of a section that has a name to look up."""
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
    """Return the parameters of a pipeline, or note what is wrong with its steps."""
    from alrun.models.build import resolve_step
    from alrun.models.registry import parameters_of

    n_before = len(problems)
    _known_parameters(key, table, ModelSettings, (), problems)
    places = table["steps"] if isinstance(table["steps"], list) else []
    steps = []
    for place, step in _entries({"steps": places}, "steps", Step):
        with _noted(problems, f"{key}.{place}"):
            known = parameters_of(step["name"])
            given = _known_parameters(f"{key}.{place}", step, Step, known, problems)
            is_last = place == entry_key("steps", len(places) - 1)
            resolve_step(step["name"], given, is_last)
            steps.append({"name": step["name"], "parameters": given})
    is_whole = 0 < len(steps) == len(places) and len(problems) == n_before
    return {"steps": steps} if is_whole else None


@contextmanager
def _noted(problems: list[str], key: str) -> Iterator[None]:
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
    """Return the parameters of an entry that can be looked at further, and note the others."""
    own = kind.model_fields
    given = {}
    for name, value in table.items():
        if name in own:
            continue
        if name not in known:
            problems.append(f"{key}.{name}: unknown key{nearest(name, [*own, *known])}")
        elif not _is_plain(value):
            problems.append(f"{key}.{name}: should be a finite number, a text, a list or a table")
        else:
            given[name] = value
    return given


def _is_plain(value: Any) -> bool:
    """Return whether JSON, in which identities are computed, can hold a value."""
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError):
        return False
    return True
