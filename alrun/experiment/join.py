"""The experiment that holds the grids of several."""

from collections.abc import Iterator, Mapping
from typing import Any

from alrun.errors import ExperimentError
from alrun.experiment.settings import Experiment

# The dimensions of the grid with entries that have labels.
_LABELLED = ("dataset", "model", "strategies")
# What a run depends on beside its place in the grid; other keys are read off the curves.
_SHARED = ("budget", "budget_cost", "initial", "oracle", "cost")
# Keys of entries that name files: these may lie elsewhere on another machine, and what is in them
# is part of a run's id.
_PATHS = ("name", "splits", "test", "file", "model_scores", "confusion")


def join(experiments: Mapping[str, Experiment]) -> Experiment:
    """Return the experiment whose grid holds those of all, as far as possible in their order.

    `experiments` are by the name that messages show; paths, targets and metric are those of the
    first. Raises ExperimentError with everything that makes no sense together: other budgets or
    starts, other settings under one label, and grids that share nothing in two dimensions.
    """
    (first, joined), *others = experiments.items()
    for name, other in others:
        problems = [*_contradictions(joined, other), *_apart(joined, other)]
        if problems:
            raise ExperimentError(
                [f"{first} and {name} cannot be joined: {problem}" for problem in problems]
            )
        joined = _union(joined, other)
    return joined


def _contradictions(one: Experiment, other: Experiment) -> Iterator[str]:
    """Yield a sentence for each key or label of which the settings are different."""
    for key in _SHARED:
        if _comparable(getattr(one, key)) != _comparable(getattr(other, key)):
            values = f", {one.budget} and {other.budget}" if key == "budget" else ""
            yield f"their {key} differs{values}"
    for section in _LABELLED:
        known = {entry.label: entry for entry in getattr(one, section)}
        for entry in getattr(other, section):
            twin = known.get(entry.label, entry)
            mine, its = _comparable(twin), _comparable(entry)
            differing = sorted(key for key in {*mine, *its} if mine.get(key) != its.get(key))
            if differing:
                yield f"{section} '{entry.label}' has another {', '.join(differing)}"


def _comparable(value: Any) -> Any:
    """Return settings without keys that are not given, and of paths the name of the file alone."""
    if isinstance(value, list):
        return [_comparable(entry) for entry in value]
    if not hasattr(value, "model_dump"):
        return value
    content = value.model_dump(exclude_none=True)
    for key in content.keys() & set(_PATHS):
        if isinstance(content[key], str):
            content[key] = content[key].rstrip("/").rpartition("/")[2]
    return content


def _apart(one: Experiment, other: Experiment) -> Iterator[str]:
    """Yield a sentence if two grids share nothing in two dimensions: most runs would be missing."""
    axes: dict[str, list[set[Any]]] = {
        "data set": [{entry.label for entry in both.dataset} for both in (one, other)],
        "model": [{entry.label for entry in both.model} for both in (one, other)],
        "strategy": [{entry.label for entry in both.strategies} for both in (one, other)],
        "batch size": [set(both.batch_sizes) for both in (one, other)],
        "seed": [set(both.seed_list) for both in (one, other)],
    }
    disjoint = [axis for axis, (mine, its) in axes.items() if mine.isdisjoint(its)]
    if len(disjoint) > 1:
        yield f"they share no {' and no '.join(disjoint)}; report them one by one"


def _union(one: Experiment, other: Experiment) -> Experiment:
    content: dict[str, Any] = {}
    for section in _LABELLED:
        known = {entry.label for entry in getattr(one, section)}
        new = [entry for entry in getattr(other, section) if entry.label not in known]
        content[section] = [*getattr(one, section), *new]
    content["batch_sizes"] = list(dict.fromkeys([*one.batch_sizes, *other.batch_sizes]))
    seeds = sorted({*one.seed_list, *other.seed_list})
    content["seeds"] = len(seeds) if seeds == list(range(len(seeds))) else seeds
    joined = one.model_copy(update=content)
    try:
        joined.check_size()
    except ValueError as error:
        raise ExperimentError([str(error)]) from None
    return joined
