"""The loader for the data sets of an experiment, with the user's splits and initial sets."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from os.path import isfile
from pathlib import Path
from threading import Timer

from alrun.data.column_keys import ColumnKeys
from alrun.data.dataset import AnyDataset, Dataset
from alrun.data.load import load
from alrun.data.memory_map import mapped
from alrun.data.read_keys import AS_USUAL
from alrun.data.readers.memory_limit import as_size
from alrun.data.user_splits import with_user_initial, with_user_splits
from alrun.errors import DatasetError, ExperimentError
from alrun.experiment.names import entry_key
from alrun.experiment.settings import DatasetSettings, Experiment

# Seconds after which the reading of a data set is announced.
SLOW = 2.0


def load_all(
    path: Path,
    experiment: Experiment,
    on_message: Callable[[str], object] = lambda sentence: None,
    slow: float = SLOW,
) -> dict[str, AnyDataset]:
    """Load every data set of the experiment at `path`; return them by label.

    `on_message` gets a line for each data set that is read for more than `slow` seconds, at that
    moment and from another thread. Raises ExperimentError with the problems of all data sets.
    """
    datasets: dict[str, AnyDataset] = {}
    problems = []
    for place, entry in enumerate(experiment.dataset):
        key = entry_key("dataset", place) if len(experiment.dataset) > 1 else "dataset"
        try:
            draws_initial = experiment.initial is not None
            with _announced(entry.name, path.parent, on_message, slow):
                loaded = _load(entry, path.parent, experiment.seed_list, draws_initial)
            datasets[str(entry.label)] = loaded
        except DatasetError as error:
            problems.append(f"{path}: {key}: {error}")
    has_initial = [_has_initial(dataset, experiment) for dataset in datasets.values()]
    if not problems and experiment.initial is not None and all(has_initial):
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


def _with_size(name: str, folder: Path) -> str:
    """Return the name of a source, as a path with its size if it is a file."""
    path = folder / name
    return f"{path} ({as_size(path.stat().st_size)})" if isfile(path) else name


def _has_initial(dataset: AnyDataset, experiment: Experiment) -> bool:
    """Return whether the user's splits of a data set contain the initial sets."""
    user_split = dataset.user_split(experiment.seed_list[0])
    return user_split is not None and user_split[1] > 0


def _add_user_initial(
    path: Path, experiment: Experiment, datasets: dict[str, AnyDataset]
) -> list[str]:
    """Add the initial sets of the experiment's file, if any, to the data sets; return problems."""
    if experiment.initial is None or experiment.initial.file is None:
        return []
    file = path.parent / experiment.initial.file
    labels = [label for label, dataset in datasets.items() if not _has_initial(dataset, experiment)]
    problems: list[str] = []
    for label in labels:
        dataset = datasets.get(label)
        if isinstance(dataset, Dataset):
            try:
                datasets[label] = with_user_initial(
                    dataset, file, experiment.seed_list, label, len(labels) > 1
                )
            except DatasetError as error:
                problems.append(f"{path}: initial.file: {error}")
    return list(dict.fromkeys(problems))  # a problem of the file is found for each data set


def _load(
    entry: DatasetSettings, folder: Path, seeds: Sequence[int], draws_initial: bool
) -> AnyDataset:
    columns = ColumnKeys(
        None if entry.columns is None else tuple(entry.columns),
        tuple(entry.drop or ()),
        entry.missing,
        entry.missing_indicator is True,
        entry.test,
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
    if not isinstance(dataset, Dataset):
        return dataset
    dataset = mapped(dataset)
    if entry.splits is None:
        return dataset
    path = folder / entry.splits
    return with_user_splits(dataset, path, seeds, str(entry.label), draws_initial)
