"""Notes on differences in provenance: versions, user code, commits and processors."""

import json
import shlex
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from types import MappingProxyType

import pandas as pd

from alrun.experiment.settings import Experiment, ModelSettings
from alrun.report.phrasing import counted, listed

# How many runs have each value, by key.
Said = defaultdict[str, Counter[str]]
# The keys of a provenance that are no versions, or of what no number depends on.
_NO_VERSIONS = frozenset(("machine", "processor", "blas", "pyarrow", "commit", "tree"))


def find_mixtures(
    runs: pd.DataFrame,
    experiment: Experiment | None,
    code: Mapping[str, str] = MappingProxyType({}),
) -> Iterator[str]:
    """Yield a sentence for each kind of difference between runs, and for models that allow some.

    A run without provenance, such as one of an earlier alrun, is passed over. Processors matter
    where an experiment has models or strategies that are not alrun's own.

    Parameters
    ----------
    runs
        A row per run with its model, strategy and provenance, a category of JSON.
    code
        Digests of the user's own files and modules as they are now, by name.
    """
    said = _said(runs)
    yield from _versions(said)
    yield from _code(_said(runs, "code"), code)
    yield from _commits(said, len(runs))
    yield from _machines(_said(_not_ours(runs, experiment)))
    yield from _tolerances(experiment)


def origins_of(runs: pd.DataFrame) -> Iterator[tuple[str, str]]:
    """Yield each thing that computed the runs, and each value of it with its number of runs."""
    for part, said in (("", _said(runs)), ("code ", _said(runs, "code"))):
        for name, counts in sorted(said.items()):
            yield f"{part}{name}", _each(counts)


def _versions(said: Said) -> Iterator[str]:
    named = [
        f"{name} {_each(counts)}"
        for name, counts in sorted(said.items())
        if name not in _NO_VERSIONS and len(counts) > 1
    ]
    if named:
        yield (
            "Warning: the runs were computed with different versions, and differences between"
            f" strategies may be due to them: {listed(named, '; ')}."
        )


def _code(said: Said, code: Mapping[str, str]) -> Iterator[str]:
    for name, counts in sorted(said.items()):
        n_old = sum(n for digest, n in counts.items() if digest != code.get(name, digest))
        if n_old:
            yield (
                f"Warning: {name} was edited since {counted(n_old, 'run')} finished, and their"
                f" curves are those of the old code; `alrun sweep --rerun {shlex.quote(name)}`"
                " computes them again."
            )
    named = [
        f"{name} {_each(counts, n_characters=10)}"
        for name, counts in sorted(said.items())
        if len(counts) > 1
    ]
    if named:
        yield (
            "Warning: files of your own were edited between runs, which were computed with"
            f" different code: {listed(named, '; ')}."
        )


def _commits(said: Said, n_runs: int) -> Iterator[str]:
    if len(said["commit"]) > 1:
        commits = _each(said["commit"], n_characters=10)
        yield f"Note: the runs were computed at different commits: {commits}."
    changed = said["tree"]["changed"]
    if changed:
        yield (
            f"Note: {counted(changed, 'run')} of {n_runs} {'was' if changed == 1 else 'were'}"
            " computed in a tree with uncommitted changes."
        )


def _machines(said: Said) -> Iterator[str]:
    named = [_each(said[key]) for key in ("processor", "blas") if len(said[key]) > 1]
    if named:
        yield (
            "Note: models and strategies that are not alrun's own may query other examples on"
            f" another processor, and theirs differed: {'; '.join(named)}."
        )


def _tolerances(experiment: Experiment | None) -> Iterator[str]:
    models = experiment.model if experiment is not None else ()
    named = [
        f"{entry.label} at {entry.parameters['tolerance']:g}"
        for entry in models
        if _is_rough(entry)
    ]
    if named:
        yield (
            f"Note: the fits stop at a tolerance ({listed(named)}), so that on another processor"
            " the same runs may query other examples."
        )


def _is_rough(entry: ModelSettings) -> bool:
    """Return whether a model is alrun's logistic regression, but stops at a tolerance."""
    return entry.name == "logistic" and entry.parameters.get("tolerance") is not None


def _said(runs: pd.DataFrame, part: str | None = None) -> Said:
    """Return what the provenances say, or what a part of them says that has keys of its own."""
    said: Said = defaultdict(Counter)
    for text, n in runs["provenance"].value_counts().items():
        if n:
            for key, value in _parsed(str(text), part).items():
                said[key][value] += int(n)
    return said


def _parsed(text: str, part: str | None) -> dict[str, str]:
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):  # the table may be anybody's
        return {}
    if part is not None:
        content = content.get(part) if isinstance(content, dict) else None
    if not isinstance(content, dict):
        return {}
    return {key: value for key, value in content.items() if isinstance(value, str)}


def _not_ours(runs: pd.DataFrame, experiment: Experiment | None) -> pd.DataFrame:
    """Return the runs with a model or strategy that processors matter for; none if not known."""
    if experiment is None:
        return runs[:0]
    models = {
        str(entry.label)
        for entry in experiment.model
        if entry.name != "logistic" or _is_rough(entry)
    }
    strategies = {str(entry.label) for entry in experiment.strategies if ":" in entry.name}
    return runs[runs["model"].isin(models) | runs["strategy"].isin(strategies)]


def _each(counts: Counter[str], n_characters: int | None = None) -> str:
    """Return each value with its number of runs, the most frequent first."""
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return listed(f"{value[:n_characters]} ({counted(n, 'run')})" for value, n in ordered)
