"""The data sets of an experiment, loaded, with the splits and initial sets of its files."""

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
    """Load every data set of the experiment at `path`, by label.

    Raises ExperimentError with what is wrong with each.
    """
    sources: dict[str, AnyDataset] = {}
    problems = []
    for place, entry in enumerate(experiment.dataset):
        key = entry_key("dataset", place) if len(experiment.dataset) > 1 else "dataset"
        try:
            sources[str(entry.label)] = _load(entry, path.parent, experiment.seed_list)
        except DatasetError as error:
            problems.append(f"{path}: {key}: {error}")
    problems += _list_initial(path, experiment, sources)
    if problems:
        raise ExperimentError(problems)
    return sources


def _list_initial(path: Path, experiment: Experiment, sources: dict[str, AnyDataset]) -> list[str]:
    """Give the data sets the initial sets that a file lists, and return what is wrong with it."""
    if experiment.initial is None or experiment.initial.file is None:
        return []
    file = path.parent / experiment.initial.file
    labels = [str(entry.label) for entry in experiment.dataset if entry.splits is None]
    problems: list[str] = []
    for label in labels:
        source = sources.get(label)
        if isinstance(source, Dataset):
            try:
                sources[label] = with_user_initial(
                    source, file, experiment.seed_list, label, len(labels) > 1
                )
            except DatasetError as error:
                problems.append(f"{path}: initial.file: {error}")
    return list(dict.fromkeys(problems))  # what is wrong with the file itself is so for each


def _load(entry: DatasetSettings, folder: Path, seeds: Sequence[int]) -> AnyDataset:
    source = load(
        entry.name,
        entry.parameters,
        target=entry.target,
        text=entry.text,
        positive=entry.positive,
        scale=entry.scale,
        per_seed=entry.per_seed,
        folder=folder,
    )
    if not isinstance(source, Dataset):
        return source
    source = mapped(source)
    if entry.splits is None:
        return source
    return with_user_splits(source, folder / entry.splits, seeds, str(entry.label))
