"""The loader for the data sets of an experiment, with the user's splits and initial sets."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from os.path import isfile
from pathlib import Path
from threading import Timer

from alrun.data.dataset import AnyDataset, Dataset
from alrun.data.load import load
from alrun.data.memory_map import mapped
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
            with _announced(entry.name, path.parent, on_message, slow):
                datasets[str(entry.label)] = _load(entry, path.parent, experiment.seed_list)
        except DatasetError as error:
            problems.append(f"{path}: {key}: {error}")
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


def _add_user_initial(
    path: Path, experiment: Experiment, datasets: dict[str, AnyDataset]
) -> list[str]:
    """Add the initial sets of the experiment's file, if any, to the data sets; return problems."""
    if experiment.initial is None or experiment.initial.file is None:
        return []
    file = path.parent / experiment.initial.file
    labels = [str(entry.label) for entry in experiment.dataset if entry.splits is None]
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


def _load(entry: DatasetSettings, folder: Path, seeds: Sequence[int]) -> AnyDataset:
    dataset = load(
        entry.name,
        entry.parameters,
        target=entry.target,
        text=entry.text,
        positive=entry.positive,
        scale=entry.scale,
        per_seed=entry.per_seed,
        folder=folder,
    )
    if not isinstance(dataset, Dataset):
        return dataset
    dataset = mapped(dataset)
    if entry.splits is None:
        return dataset
    return with_user_splits(dataset, folder / entry.splits, seeds, str(entry.label))
