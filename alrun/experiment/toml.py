"""The reader and the writer of experiment files.

The reader collects everything that is wrong with a file, so that all of it can be mended at once.
"""

import copy
import os
import re
import tomllib
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from types import MappingProxyType
from typing import Any

from pydantic import BaseModel, ValidationError

from alrun.errors import ExperimentError, nearest, quoted
from alrun.experiment.datasets import DatasetSettings
from alrun.experiment.names import check_names, entry_key
from alrun.experiment.oracles import CostSettings, OracleSettings
from alrun.experiment.settings import (
    Experiment,
    InitialSettings,
    ModelSettings,
    RuleSettings,
    StrategySettings,
)
from alrun.experiment.suites import put_datasets, take_suites
from alrun.util.import_path import file_of
from alrun.util.user_code import forget

# Tables and lists may be nested so deep; no experiment needs as much.
_DEEPEST = 50


def read_experiment(path: Path, overrides: Sequence[str] = (), check: bool = False) -> Experiment:
    """Read and validate an experiment file.

    `overrides` are texts like `model.C=0.1`. Suites of data sets are replaced by these. With
    `check` the names of strategies, models and data sets are looked up too, and files of user code
    are read anew. Raises ExperimentError with everything that is wrong, each as
    `file: key: what is wrong`.
    """
    return experiment_of(read_toml(path), path, overrides, check)


def experiment_of(
    content: Mapping[str, Any], path: Path, overrides: Sequence[str] = (), check: bool = False
) -> Experiment:
    """Return the experiment in the content of a file, as `read_experiment` does.

    `path` is where the file is or would be: messages name it, and data are found beside it.
    """
    changed = copy.deepcopy(dict(content))
    for override in overrides:
        _override(path, changed, override)
    suites, problems = take_suites(changed)
    experiment = _validated(changed, problems)
    if check:
        forget()
        problems += check_names(changed, path.parent)
    if suites and not problems:
        problems = put_datasets(changed, suites)
        experiment = None if problems else _validated(changed, problems)
    if experiment is None or problems:
        raise ExperimentError([f"{path}: {problem}" for problem in problems])
    return experiment


def _validated(content: Mapping[str, Any], problems: list[str]) -> Experiment | None:
    """Return the settings in the content of a file, or None if it adds to `problems`."""
    try:
        return Experiment.model_validate(content)
    except ValidationError as error:
        problems += sentences(content, error)
        return None


def read_toml(path: Path) -> dict[str, Any]:
    """Return the content of a TOML file; raises ExperimentError where there is none."""
    try:
        return _parsed(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ExperimentError([f"{path}: there is no such file"]) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ExperimentError([f"{path}: cannot be read: {error}"]) from None
    except RecursionError:
        raise ExperimentError([f"{path}: not TOML: nested too deeply"]) from None
    except ValueError as error:  # a syntax error, or a number of thousands of digits
        raise ExperimentError([f"{path}: not TOML: {error}"]) from None


def _parsed(text: str) -> dict[str, Any]:
    """Parse TOML; raises RecursionError if it is nested more than _DEEPEST levels.

    Deeper content could exhaust the stack in validation.
    """
    content = tomllib.loads(text)
    level: list[Any] = [content]
    for _ in range(_DEEPEST):
        tables = (value.values() if isinstance(value, dict) else value for value in level)
        level = [value for table in tables for value in table if isinstance(value, dict | list)]
    if level:
        raise RecursionError
    return content


# An entry of a list as messages name it, strategies[1], is the same as strategies.0.
_ENTRY = re.compile(r"\[([1-9][0-9]{0,8})\]")


def _place(entry: re.Match[str]) -> str:
    return f".{int(entry[1]) - 1}"


def _override(path: Path, content: dict[str, Any], override: str) -> None:
    """Change `content` by a text like `model.C=0.1`; a value that is not TOML is a text."""
    key, equals, text = override.partition("=")
    if not equals or not key.strip():
        raise ExperimentError([f"--set {override}: should be key=value, as in model.C=0.1"])
    try:
        value = _parsed(f"value = {text}")["value"]
    except (ValueError, RecursionError):
        value = text.strip()
    *tables, last = _ENTRY.sub(_place, key.strip()).split(".")
    table: Any = content
    for depth, name in enumerate(tables):
        parent = table
        table = table.setdefault(name, {}) if isinstance(table, dict) else _item(table, name)
        if isinstance(table, str) and isinstance(parent, list):  # an entry given by its name alone
            table = parent[int(name)] = {"name": table}
        if not isinstance(table, (dict, list)):
            where = _shown(tables[: depth + 1])
            raise ExperimentError([f"--set {override}: {path} has no table '{where}'"])
    if _item(table, last) is not None:
        table[int(last)] = value
        return
    if isinstance(table, list):
        where = _shown(tables)
        if _is_position(last):
            problem = f"'{where}' has no entry {_shown([where, last])}; the list has {len(table)}"
        else:
            problem = f"'{where}' is a list; name an entry, as in {entry_key(where, 0)}.{last}"
        raise ExperimentError([f"--set {override}: {problem}"])
    table[last] = value


def _shown(parts: Sequence[str]) -> str:
    """Return the parts of a key as messages name it: strategies[1] for strategies and 0."""
    shown = ""
    for part in parts:
        if shown and _is_position(part):
            shown = entry_key(shown, int(part))
        else:
            shown = f"{shown}.{part}" if shown else part
    return shown


def _item(entries: Any, position: str) -> Any:
    """Return the entry of a list at a position written as text, or None if there is none."""
    has_positions = isinstance(entries, list) and _is_position(position)
    return entries[int(position)] if has_positions and int(position) < len(entries) else None


def _is_position(text: str) -> bool:
    """Return whether a part of a key is the position of an entry, and not absurdly large."""
    return text.isdecimal() and len(text) < 10


# Sections that are one table or a list of tables.
_ONE_OR_MORE = ("dataset", "model", "initial", "oracle", "cost")
_KNOWN: dict[str, type[BaseModel]] = {
    "initial": InitialSettings,
    "dataset": DatasetSettings,
    "model": ModelSettings,
    "strategies": StrategySettings,
    "stopping": RuleSettings,
    "oracle": OracleSettings,
    "cost": CostSettings,
}


def sentences(
    content: Mapping[str, Any], error: ValidationError, kind: type[BaseModel] = Experiment
) -> list[str]:
    """Return a sentence for each error in the content of a file, without repetitions.

    `kind` is what the file is, for the names of its keys.
    """
    lines = []
    for problem in error.errors(include_url=False):
        location = problem.get("ctx", {}).get("location", problem["loc"])
        key, message = _key(content, location), problem["msg"]
        message = message.removeprefix("Value error, ").removeprefix("Input ")
        if problem["type"] == "extra_forbidden":
            section = _KNOWN.get(str(problem["loc"][0])) if len(problem["loc"]) > 1 else kind
            known = section.model_fields if section else {}
            message = f"unknown key{nearest(str(problem['loc'][-1]), known)}"
        elif problem["type"] == "missing":
            twins = get_close_matches(str(problem["loc"][-1]), map(str, problem["input"]), n=1)
            message = f"is missing; is '{twins[0]}' a misspelling of it?" if twins else "is missing"
        elif problem["type"] not in ("value_error", "too_short"):
            message += f", not {quoted(problem['input'])}"
        line = f"{key}: {message}" if key else message
        if line not in lines:
            lines.append(line)
    return lines


def _key(content: Mapping[str, Any], location: Sequence[int | str]) -> str:
    """Return a key as in the file, without pydantic's names for the types of a union."""
    parts: list[str] = []
    value: Any = content
    for part in location:
        if isinstance(value, dict) and part == 0 and parts and parts[-1] in _ONE_OR_MORE:
            continue
        if isinstance(value, dict):
            if part not in value and not str(part).isidentifier():
                continue
            parts.append(str(part))
            value = value.get(str(part))
        elif isinstance(value, list) and isinstance(part, int):
            parts[-1] = entry_key(parts[-1], part)
            value = value[part] if part < len(value) else None
    return ".".join(parts)


def to_toml(
    experiment: Experiment,
    folder: Path,
    new_folder: Path,
    parameters: Mapping[tuple[str, str], Mapping[str, Any]] = MappingProxyType({}),
) -> str:
    """Return an experiment as TOML with every default written out, to be saved in `new_folder`.

    Paths of files are relative to `folder`; they are rewritten to be relative to `new_folder`.
    `parameters` are the resolved ones, by section and label.
    """
    import tomli_w

    experiment = experiment.model_copy(deep=True)
    for (section, label), resolved in parameters.items():
        for entry in getattr(experiment, section):
            if entry.label == label:
                for key, value in resolved.items():
                    setattr(entry, key, value)
    content = experiment.model_dump(exclude_none=True)
    for entry in content["model"]:
        if "steps" in entry:
            entry.pop("name")
    for entry in content["initial"]:
        for key in entry.keys() & {"file", "model_scores"}:
            entry[key] = _moved(entry[key], folder, new_folder)
    if len(content["initial"]) < 2:  # a single start has no label, so that it is a table
        content["initial"] = dict(*content["initial"])
    if not content["initial"]:
        del content["initial"]
    for axis in ("oracle", "cost"):
        if len(content[axis]) < 2:
            content[axis] = dict(*content[axis])
        if not content[axis]:
            del content[axis]
    _move_confusions(content.get("oracle", []), folder, new_folder)
    for entry in content["dataset"]:
        if entry.get("splits") is not None:
            entry.pop("test_size")
            entry["splits"] = _moved(entry["splits"], folder, new_folder)
        if entry.get("test") is not None:
            entry.pop("test_size")
            entry["test"] = _moved(entry["test"], folder, new_folder)
        entry["name"] = _moved_dataset(entry["name"], folder, new_folder)
    for entry in content["strategies"]:
        entry["name"] = _moved_code(entry["name"], folder, new_folder)
    if "stopping" in content:
        content["stopping"] = _moved_rules(content["stopping"], folder, new_folder)
    return tomli_w.dumps(content)


def _move_confusions(oracles: Any, folder: Path, new_folder: Path) -> None:
    """Make the paths of confusions in `[oracle]` tables relative to another folder."""
    for oracle in [oracles] if isinstance(oracles, dict) else oracles:
        for entry in [oracle, *oracle.get("annotators", [])]:
            if isinstance(entry.get("confusion"), str):
                entry["confusion"] = _moved(entry["confusion"], folder, new_folder)


def _moved(name: str, folder: Path, new_folder: Path) -> str:
    """Return a path relative to another folder."""
    return Path(os.path.relpath((folder / name).resolve(), new_folder.resolve())).as_posix()


def _moved_code(name: str, folder: Path, new_folder: Path) -> str:
    """Return the name of user code; if it lies in a file, relative to another folder."""
    file = file_of(name)
    return name if file is None else _moved(file, folder, new_folder) + name.removeprefix(file)


def _moved_rules(entries: Any, folder: Path, new_folder: Path) -> Any:
    """Return stopping rules, and the rules that they are made of, relative to another folder."""
    moved = []
    for entry in entries:
        table = {"name": entry} if isinstance(entry, str) else dict(entry)
        table["name"] = _moved_code(table["name"], folder, new_folder)
        if isinstance(table.get("rules"), list):
            table["rules"] = _moved_rules(table["rules"], folder, new_folder)
        moved.append(table)
    return moved


def _moved_dataset(name: str, folder: Path, new_folder: Path) -> str:
    """Return the name of a data set; if it is a path, relative to another folder."""
    if name.startswith("idx:"):
        return "idx:" + _moved(name.removeprefix("idx:"), folder, new_folder)
    if name.endswith("/"):
        return _moved(name, folder, new_folder) + "/"
    is_file = Path(name).suffix and (folder / name).is_file()
    return _moved(name, folder, new_folder) if is_file else name
