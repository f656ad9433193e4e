"""The loader for the data sets of an experiment, with the user's splits and initial sets."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path

from alrun.data.dataset import AnyDataset, Dataset
from alrun.data.load import load
from alrun.data.memory_map import mapped
from alrun.data.user_splits import read_initial, read_sureness, with_user_splits
from alrun.errors import DatasetError, ExperimentError
from alrun.experiment.names import entry_key
from alrun.experiment.settings import DatasetSettings, Experiment, InitialSettings


def load_all(path: Path, experiment: Experiment) -> dict[str, AnyDataset]:
    """Load every data set of the experiment at `path`; return them by label.

    Raises ExperimentError with the problems of all of them.
    """
    datasets: dict[str, AnyDataset] = {}
    problems = []
    for place, entry in enumerate(experiment.dataset):
        key = entry_key("dataset", place) if len(experiment.dataset) > 1 else "dataset"
        try:
            datasets[str(entry.label)] = _load(entry, path.parent, experiment.seed_list)
        except DatasetError as error:
            problems.append(f"{path}: {key}: {error}")
    problems += _add_user_initial(path, experiment, datasets)
    if problems:
        raise ExperimentError(problems)
    return datasets


def _add_user_initial(
    path: Path, experiment: Experiment, datasets: dict[str, AnyDataset]
) -> list[str]:
    """Add what files say about the initial sets to the data sets; return problems."""
    labels = [str(entry.label) for entry in experiment.dataset if entry.splits is None]
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
