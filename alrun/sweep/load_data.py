"""The loader for the data sets of an experiment, with the user's splits and initial sets."""

from collections.abc import Sequence
from pathlib import Path

from alrun.data.dataset import AnyDataset, Dataset
from alrun.data.load import load
from alrun.data.memory_map import mapped
from alrun.data.user_splits import with_user_initial, with_user_splits
from alrun.errors import DatasetError, ExperimentError
from alrun.experiment.names import entry_key
from alrun.experiment.settings import DatasetSettings, Experiment


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
