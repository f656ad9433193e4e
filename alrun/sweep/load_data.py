"""The loader for the data sets of an experiment, with the user's splits and initial sets."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import product
from os.path import isfile
from pathlib import Path
from threading import Event, Thread, Timer

from alrun.data.column_keys import ColumnKeys
from alrun.data.dataset import AnyDataset, Dataset
from alrun.data.load import load
from alrun.data.memory_map import mapped
from alrun.data.read_keys import AS_USUAL
from alrun.data.readers.memory_limit import as_size
from alrun.data.readers.source_file import share_read
from alrun.data.user_splits import read_initial, read_sureness, with_user_splits
from alrun.errors import DatasetError, ExperimentError
from alrun.experiment.datasets import DatasetSettings
from alrun.experiment.names import entry_key
from alrun.experiment.settings import Experiment, InitialSettings
from alrun.sweep.grid import has_initial

# Seconds after which the reading of a data set is announced, and between looks at how far it is.
SLOW, _EVERY = 2.0, 0.2

# A function that shows how far a file is read, from 0 to 1, or None once it is no longer read.
ShowShare = Callable[[float | None], object]


def load_all(
    path: Path,
    experiment: Experiment,
    on_message: Callable[[str], object] = lambda sentence: None,
    slow: float = SLOW,
    classes: tuple[str, ...] | None = None,
    on_share: ShowShare | None = None,
) -> dict[str, AnyDataset]:
    """Load every data set of the experiment at `path`; return them by label.

    With `classes`, rows may lack a label, and the classes are those of the labels and these.
    `on_message` gets a line for each data set that is read for more than `slow` seconds, at that
    moment and from another thread, and `on_share` how far it is read from then on. Raises
    ExperimentError with the problems of all data sets.
    """
    datasets: dict[str, AnyDataset] = {}
    problems = []
    for place, entry in enumerate(experiment.dataset):
        key = entry_key("dataset", place) if len(experiment.dataset) > 1 else "dataset"
        try:
            draws_initial = bool(experiment.initial)
            with _announced(entry.name, path.parent, on_message, slow), _shown(on_share, slow):
                costs = tuple(dict.fromkeys(c.column for c in experiment.cost if c.column))
                loaded = _load(
                    entry, path.parent, experiment.seed_list, draws_initial, costs, classes
                )
            datasets[str(entry.label)] = loaded
        except DatasetError as error:
            problems.append(f"{path}: {key}: {error}")
    are_split = all(has_initial(dataset, experiment) for dataset in datasets.values())
    if not problems and experiment.initial and are_split:
        problems.append(
            f"{path}: [initial] and splits exclude each other: the splits say which rows are"
            " initial; drop one"
        )
    problems += _add_user_initial(path, experiment, datasets)
    if problems:
        raise ExperimentError(problems)
    return datasets


@contextmanager
def _announced(
    name: str, folder: Path, on_message: Callable[[str], object], slow: float
) -> Iterator[None]:
    """Tell what is read if it takes more than `slow` seconds."""
    timer = Timer(slow, on_message, [f"Reading {_with_size(name, folder)}"])
    timer.daemon = True  # an interrupted sweep does not wait for it
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()  # no line comes later, among others


@contextmanager
def _shown(on_share: ShowShare | None, slow: float) -> Iterator[None]:
    """Show how far a file is read if it takes more than `slow` seconds."""
    if on_share is None:
        yield
        return
    done = Event()
    thread = Thread(target=_show_until, args=(done, on_share, slow), daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()  # no share comes later, among others


def _show_until(done: Event, on_share: ShowShare, slow: float) -> None:
    if done.wait(slow):
        return
    while not done.wait(_EVERY):
        on_share(share_read())
    on_share(None)


def _with_size(name: str, folder: Path) -> str:
    """Return the name of a source, as a path with its size if it is a file."""
    path = folder / name
    return f"{path} ({as_size(path.stat().st_size)})" if isfile(path) else name


def _add_user_initial(
    path: Path, experiment: Experiment, datasets: dict[str, AnyDataset]
) -> list[str]:
    """Add what files say about the initial sets to the data sets; return problems."""
    labels = [label for label, dataset in datasets.items() if not has_initial(dataset, experiment)]
    starts = [entry for entry in enumerate(experiment.initial) if entry[1].path is not None]
    problems: list[str] = []
    for (place, start), label in product(starts, labels):
        dataset = datasets.get(label)
        key = entry_key("initial", place) if len(experiment.initial) > 1 else "initial"
        key = f"{key}.{'model_scores' if start.file is None else 'file'}"
        if isinstance(dataset, Dataset):
            try:
                datasets[label] = _with_start(
                    dataset, start, path.parent, experiment.seed_list, label, len(labels) > 1
                )
            except DatasetError as error:
                problems.append(f"{path}: {key}: {error}")
    return list(dict.fromkeys(problems))  # a problem of the file is found for each data set


def _with_start(
    dataset: Dataset,
    start: InitialSettings,
    folder: Path,
    seeds: Sequence[int],
    label: str,
    is_shared: bool,
) -> Dataset:
    name, file = start.label or "", folder / str(start.path)
    if start.file is None:
        if is_shared:
            raise DatasetError(
                "it has a row for each example of one data set, and the experiment has several;"
                " divide it into several experiments"
            )
        return replace(dataset, sureness={**dataset.sureness, name: read_sureness(file, dataset)})
    rows = read_initial(file, dataset, seeds, label, is_shared)
    return replace(dataset, initial={**dataset.initial, name: rows})


def _load(
    entry: DatasetSettings,
    folder: Path,
    seeds: Sequence[int],
    draws_initial: bool,
    costs: tuple[str, ...],
    classes: tuple[str, ...] | None,
) -> AnyDataset:
    columns = ColumnKeys(
        None if entry.columns is None else tuple(entry.columns),
        tuple(entry.drop or ()),
        entry.missing,
        entry.missing_indicator is True,
        entry.test,
        costs,
        classes,
    )
    dataset = load(
        entry.name,
        entry.parameters,
        target=entry.target,
        text=entry.text,
        positive=entry.positive,
        scale=entry.scale,
        per_seed=entry.per_seed,
        folder=folder,
        columns=columns,
        read=AS_USUAL if entry.read is None else entry.read.keys(),
        bins=entry.bins,
        rare=entry.rare,
        rare_below=entry.rare_below or 0,
    )
    if costs and not (isinstance(dataset, Dataset) and dataset.costs):
        raise DatasetError(
            f"cost.column: {entry.label} has no columns with names; costs by a column go with"
            " tables, such as CSV or Parquet"
        )
    if not isinstance(dataset, Dataset):
        return dataset
    dataset = mapped(dataset)
    if entry.splits is None:
        return dataset
    path = folder / entry.splits
    return with_user_splits(dataset, path, seeds, str(entry.label), draws_initial)
