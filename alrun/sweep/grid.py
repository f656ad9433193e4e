"""An experiment and its data sets in, the runs of its grid out."""

from collections.abc import Iterator, Mapping
from itertools import product
from pathlib import Path

from alrun.data.dataset import AnyDataset
from alrun.errors import DatasetError
from alrun.experiment.settings import DatasetSettings, Experiment, as_count
from alrun.models import build
from alrun.spec import DatasetSpec, InitialSpec, ModelSpec, RunSpec, StrategySpec
from alrun.strategies.registry import resolve
from alrun.util.import_path import located


def expand(
    experiment: Experiment,
    sources: Mapping[str, AnyDataset],
    folder: Path = Path(),
) -> Iterator[RunSpec]:
    """Yield every run of the grid, defaults resolved and sizes as counts.

    `sources` holds the data sets by label; strategies in files are found relative to `folder`, that
    of the experiment. Raises DatasetError where a size does not fit the data.
    """
    models = [
        ModelSpec(
            str(entry.label),
            entry.name,
            build.resolve(entry.name, entry.parameters),
            build.version(entry.name),
        )
        for entry in experiment.model
    ]
    strategies = []
    for entry in experiment.strategies:
        name = located(entry.name, folder)
        resolved = resolve(name, entry.parameters)
        strategies.append(StrategySpec(str(entry.label), name, *resolved, replica=entry.replica))
    for data in experiment.dataset:
        source = sources[str(data.label)]
        for seed in experiment.seed_list:
            dataset, initial = _split_specs(experiment, data, source, seed)
            for model, strategy, batch_size in product(models, strategies, experiment.batch_sizes):
                yield RunSpec(
                    dataset, initial, model, strategy, batch_size, experiment.budget, seed
                )


def _split_specs(
    experiment: Experiment,
    entry: DatasetSettings,
    source: AnyDataset,
    seed: int,
) -> tuple[DatasetSpec, InitialSpec]:
    label = str(entry.label)
    given = source.user_split(seed)
    if given is not None:
        fingerprint, n_initial = given
        subsample, test_size, initial = None, 0, InitialSpec("splits", 0)
    else:
        assert experiment.initial is not None  # filled in unless all splits are given
        fingerprint = None
        subsample = _subsample(entry, source)
        n_examples = source.n_examples if subsample is None else subsample
        test_size = as_count(entry.test_size, n_examples)
        n_training = n_examples - test_size
        if not test_size or n_training < 1:
            raise DatasetError(
                f"dataset.test_size: {test_size} of the {n_examples} examples of {label}"
                " leave none to test on, or none to learn from"
            )
        listed = source.user_initial(seed)
        if listed is None:
            initial = experiment.initial.spec(n_training)
        else:
            initial = InitialSpec("file", listed[1], listed[0])
        n_initial = initial.size * (source.n_classes if initial.method == "per_class" else 1)
    if experiment.budget < n_initial:
        raise DatasetError(f"budget: {experiment.budget} is below the {n_initial} initial labels")
    spec = DatasetSpec(
        label, entry.name, source.fingerprint, source.scale, test_size, fingerprint, subsample
    )
    return spec, initial


def _subsample(entry: DatasetSettings, source: AnyDataset) -> int | None:
    """Return how many examples a seed uses, None for all."""
    if entry.subsample is None:
        return None
    size = as_count(entry.subsample, source.n_examples)
    if size > source.n_examples:
        raise DatasetError(
            f"dataset.subsample: {size} is more than the {source.n_examples} examples of"
            f" {entry.label}"
        )
    return size
