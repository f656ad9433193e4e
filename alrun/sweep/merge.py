"""The joining of results directories: the run files of several, under one experiment."""

import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import pyarrow as pa

from alrun.errors import ResultsError
from alrun.experiment.join import join
from alrun.experiment.settings import Experiment
from alrun.experiment.toml import experiment_of, read_experiment, to_toml
from alrun.records import SIGNAL_TOLERANCES
from alrun.results.compare import agree
from alrun.results.reference_file import read_reference
from alrun.results.run_file import CorruptRunFile, read_run
from alrun.results.store import Store
from alrun.sweep.plan import SweepPlan, plan_experiment
from alrun.sweep.run import rebuild_tables

# Columns of lists, which are compared as they are.
_LISTS = ["batch", "labels"]
_NOT_COMPARED = [*_LISTS, *SIGNAL_TOLERANCES]


def merge(
    sources: Sequence[Path],
    results: Path,
    on_message: Callable[[str], object] = lambda sentence: None,
) -> SweepPlan:
    """Join the runs of results directories in another, and return the plan of the whole.

    The grid of the new directory holds those of all; if it has an experiment already, its own grid
    comes first. Files are copied, each at once, and none is overwritten: where two directories have
    a run, the first one counts. The tables are made anew. `on_message` gets a sentence on each
    damaged file, and on runs that are in two directories with other curves.

    Raises
    ------
    AlrunError
        Before anything is written, if a directory holds no experiment or no run of the whole, if
        the experiments contradict each other, or if tables would lose runs.
    """
    _check_directories(sources, results)
    plan, text = _plan_of_all(sources, results, on_message)
    found = {source: Store(source).finished() & plan.specs.keys() for source in sources}
    for source, runs in found.items():
        if not runs:
            raise ResultsError(
                f"{source} holds no file of a run of the joined experiment: it has tables alone, or"
                " its runs are of other data or code; join the directories that were swept"
            )
    _check_tables(plan, set().union(*found.values()))
    plan.store.prepare()
    plan.store.save_experiment(text)
    for source, runs in found.items():
        _copy_runs(plan, source, sorted(runs), on_message)
        _copy_references(plan, source)
    plan = plan.against_store()
    rebuild_tables(plan, on_message)
    return plan.against_store()


def _check_directories(sources: Sequence[Path], results: Path) -> None:
    """Raise ResultsError if a source is named twice or holds no experiment, or results has none."""
    if len({source.resolve() for source in sources}) < len(sources):
        raise ResultsError("a directory is named twice; name each once")
    for source in sources:
        if not (source / "experiment.toml").is_file():
            raise ResultsError(
                f"{source} holds no experiment.toml; name results directories of `alrun sweep`"
            )
    is_used = (results / "curves.parquet").exists() or bool(Store(results).finished())
    if is_used and not (results / "experiment.toml").is_file():
        raise ResultsError(
            f"{results} holds curves or runs, and no experiment.toml; name another with --results"
        )


def _plan_of_all(
    sources: Sequence[Path], results: Path, on_message: Callable[[str], object]
) -> tuple[SweepPlan, str]:
    """Return the plan of the joined experiment, and the experiment as TOML."""
    directories = {directory.resolve(): directory for directory in (results, *sources)}.values()
    first, *others = (each for each in directories if (each / "experiment.toml").is_file())
    # Paths are relative to the first one: a directory that is not there yet leads nowhere.
    experiments = {str(each): _moved(each, first) for each in (first, *others)}
    path, joined = first / "experiment.toml", join(experiments)
    experiment = experiment_of(tomllib.loads(to_toml(joined, first, first)), path, check=True)
    plan = plan_experiment(path, experiment, results, on_message)
    return plan, to_toml(joined, first, results)


def _moved(directory: Path, other: Path) -> Experiment:
    """Return the experiment of a directory with its paths relative to another."""
    experiment = read_experiment(directory / "experiment.toml")
    text = to_toml(experiment, directory, other)
    return experiment_of(tomllib.loads(text), directory / "experiment.toml")


def _check_tables(plan: SweepPlan, found: set[str]) -> None:
    """Raise ResultsError if the tables of the directory are the only copy of a run."""
    store, specs = plan.store, list(plan.specs.values())
    alone = store.runs_in_tables(specs) - store.finished() - found
    n_alone = len(alone) + store.count_only_in_tables(specs)
    if n_alone:
        raise ResultsError(
            f"{store.path} holds {n_alone} runs in its tables alone, without their files; name"
            " another with --results"
        )


def _copy_runs(
    plan: SweepPlan, source: Path, runs: Sequence[str], on_message: Callable[[str], object]
) -> None:
    """Copy the files of runs that the store has not; tell of damaged and of differing ones."""
    there, differing = plan.store.finished(), []
    for run in runs:
        path = source / "runs" / f"{run}.parquet"
        try:
            rounds, _ = read_run(path, plan.specs[run])
            if run not in there:
                plan.store.write_run(run, path.read_bytes())
                continue
            own, _ = read_run(plan.store.path / "runs" / path.name, plan.specs[run])
        except CorruptRunFile as reason:
            on_message(f"{path} is left out: {reason}")
            continue
        if not _same(own, rounds):
            differing.append(plan.specs[run])
    if differing:
        on_message(
            f"Warning: {len(differing)} runs of {source} are in {plan.store.path} already, with"
            f" other curves, and stay as they are there; the first is {differing[0]}"
        )


def _same(one: pa.Table, other: pa.Table) -> bool:
    """Return whether two files have the same rounds; a run of an earlier alrun has no signals."""
    are_equal = one.select(_LISTS).equals(other.select(_LISTS))
    return are_equal and agree(one.drop_columns(_NOT_COMPARED), other.drop_columns(_NOT_COMPARED))


def _copy_references(plan: SweepPlan, source: Path) -> None:
    """Copy the files of references that the store has not; those that are damaged are left out."""
    known = plan.store.known_references()
    for name, path in _reference_files(source, plan.references):
        if name in known:
            continue
        try:
            read_reference(path, plan.references[name])
        except CorruptRunFile:
            continue  # a sweep computes it
        plan.store.write_reference(name, path.read_bytes())


def _reference_files(source: Path, names: Mapping[str, object]) -> Iterator[tuple[str, Path]]:
    for name in names:
        path = source / "references" / f"{name}.parquet"
        if path.is_file() and not path.is_symlink():
            yield name, path
