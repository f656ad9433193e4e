"""Suites in an experiment file: each stands for the data sets of its tasks."""

from collections.abc import Iterator, Mapping
from typing import Any

from alrun.errors import DatasetError
from alrun.experiment.names import entry_key

# Keys that do not go with a suite: each of its data sets has its own, or none.
_OWN = ("name", "label", "target", "text", "per_seed")
# It stands for a suite while the rest of the file is checked, so that no wrong key waits for OpenML
# or is reported for each data set.
_ANY = "openml:1"


def take_suites(content: dict[str, Any]) -> tuple[dict[int, str], list[str]]:
    """Put one data set in the place of each suite in the content of an experiment file.

    Returns the suites by their places, and what is wrong with them.
    """
    suites, problems = {}, []
    for place, key, table in _tables(content):
        if "suite" not in table:
            continue
        suites[place] = table.pop("suite")
        problem = _problem(suites[place], table)
        if problem:
            problems.append(f"{key}.suite: {problem}")
        for own in _OWN:
            table.pop(own, None)
        table |= {"name": _ANY, "label": str(suites[place])}
    return suites, problems


def put_datasets(content: dict[str, Any], suites: Mapping[int, str]) -> list[str]:
    """Put the data sets of suites in their places; return what is wrong with the suites."""
    from alrun.data.readers.openml_suite import read_suite

    expanded, problems = [], []
    for place, key, table in _tables(content):
        if place not in suites:
            expanded.append(table)
            continue
        try:
            found = read_suite(suites[place])
        except DatasetError as error:
            problems.append(f"{key}.suite: {error}")
            continue
        own = [{"name": each.name, "target": each.target, "label": each.label} for each in found]
        expanded += [{**table, **keys} for keys in own]
    content["dataset"] = expanded
    return problems


def _tables(content: Mapping[str, Any]) -> Iterator[tuple[int, str, dict[str, Any]]]:
    """Yield place, key in messages, and content of each table of a data set."""
    value = content.get("dataset")
    for place, table in enumerate(value if isinstance(value, list) else [value]):
        if isinstance(table, dict):
            yield (
                place,
                entry_key("dataset", place) if isinstance(value, list) else "dataset",
                table,
            )


def _problem(suite: Any, table: Mapping[str, Any]) -> str | None:
    """Return what is wrong with a suite, as far as OpenML need not be asked."""
    from alrun.data.readers.openml_suite import check_suite

    if own := [key for key in _OWN if key in table]:
        return f"each of its data sets has its own; drop {', '.join(own)}"
    try:
        check_suite(suite)
    except DatasetError as error:
        return str(error)
    return None
