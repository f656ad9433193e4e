"""The expansion of an experiment into the runs of its grid."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import product
from pathlib import Path

from alrun.data.dataset import AnyDataset, Dataset
from alrun.errors import DatasetError, first_line
from alrun.experiment.datasets import DatasetSettings
from alrun.experiment.names import entry_key
from alrun.experiment.oracles import read_confusion
from alrun.experiment.settings import Experiment, InitialSettings, as_count
from alrun.models import build
from alrun.spec import RunSpec
from alrun.spec_parts import CostSpec, DatasetSpec, InitialSpec, ModelSpec, OracleSpec, StrategySpec
from alrun.strategies.registry import resolve
from alrun.util.import_path import located


def expand(
    experiment: Experiment,
    datasets: Mapping[str, AnyDataset],
    folder: Path = Path(),
) -> Iterator[RunSpec]:
    """Yield every run of the grid, with defaults resolved and sizes as counts.

    `datasets` are the loaded data sets by label. Strategies in files are found relative to
    `folder`, that of the experiment. Raises DatasetError if a size does not fit the data.
    """
    models = [
        ModelSpec(
            str(entry.label),
            entry.name,
            build.resolve(entry.name, entry.parameters),
            build.version(entry.name),
            entry.fallback,
        )
        for entry in experiment.model
    ]
    strategies = []
    for entry in experiment.strategies:
        name = located(entry.name, folder)
        resolved = resolve(name, entry.parameters)
        per_cost = entry.per_cost is True
        strategies.append(StrategySpec(str(entry.label), name, *resolved, entry.replica, per_cost))
    confusions = _confusions(experiment, folder)
    for settings in experiment.dataset:
        loaded = datasets[str(settings.label)]
        sellers = _sellers(experiment, loaded, confusions)
        starts = [None] if has_initial(loaded, experiment) else experiment.initial
        for seed, start in product(experiment.seed_list, starts):
            dataset, initial = _split_specs(experiment, settings, start, loaded, seed)
            cells = product(models, strategies, experiment.batch_sizes, sellers)
            for model, strategy, batch_size, (oracle, cost) in cells:
                yield RunSpec(
                    dataset,
                    initial,
                    model,
                    strategy,
                    batch_size,
                    experiment.budget,
                    seed,
                    experiment.signals is not False,
                    oracle,
                    cost,
                    experiment.budget_cost,
                )


def _confusions(experiment: Experiment, folder: Path) -> dict[str, dict[str, dict[str, float]]]:
    """Return the confusions that oracles name by their files."""
    found = {}
    for name in (name for oracle in experiment.oracle for name in oracle.files):
        path = folder / name
        if not path.is_file():
            raise DatasetError(f"oracle.confusion: there is no file '{path}'")
        try:
            found[name] = read_confusion(path.read_text(encoding="utf-8-sig"))
        except (OSError, ValueError) as error:  # not UTF-8 is a ValueError too
            raise DatasetError(f"oracle.confusion: {path}: {first_line(error)}") from error
    return found


def _sellers(
    experiment: Experiment,
    dataset: AnyDataset,
    confusions: Mapping[str, Mapping[str, Mapping[str, float]]],
) -> list[tuple[OracleSpec | None, CostSpec | None]]:
    """Return every oracle with every cost, None for true labels and for costs of 1."""
    classes = dataset.labels
    oracles: list[OracleSpec | None] = []
    costs: list[CostSpec | None] = []
    for place, oracle in enumerate(experiment.oracle):
        key = entry_key("oracle", place) if len(experiment.oracle) > 1 else "oracle"
        try:
            oracles.append(oracle.spec(classes, confusions))
        except ValueError as error:
            raise DatasetError(f"{key}.{error}") from None
    for place, cost in enumerate(experiment.cost):
        key = entry_key("cost", place) if len(experiment.cost) > 1 else "cost"
        try:
            costs.append(cost.spec(classes))
        except ValueError as error:
            raise DatasetError(f"{key}.{error}") from None
    return list(product(oracles or [None], costs or [None]))


def has_initial(dataset: AnyDataset, experiment: Experiment) -> bool:
    """Return whether the user's splits of a data set contain the initial sets."""
    user_split = dataset.user_split(experiment.seed_list[0])
    return user_split is not None and user_split[1] > 0


def _split_specs(
    experiment: Experiment,
    settings: DatasetSettings,
    start: InitialSettings | None,
    dataset: AnyDataset,
    seed: int,
) -> tuple[DatasetSpec, InitialSpec]:
    """Return the specs of a data set and its initial set for one seed and start."""
    label = str(settings.label)
    fingerprint, n_initial = dataset.user_split(seed) or (None, 0)
    if n_initial:
        subsample, test_size, initial = None, 0, InitialSpec("splits", 0)
    else:
        assert start is not None  # filled in unless the user gives all splits
        subsample, test_size, n_training = _sizes(settings, dataset, seed)
        initial = _initial_spec(start, dataset, n_training, seed)
        n_initial = initial.size * (dataset.n_classes if initial.method == "per_class" else 1)
    if experiment.budget < n_initial:
        raise DatasetError(
            f"budget: {experiment.budget} is below the {n_initial} initial labels; raise it, or"
            " start with fewer labels"
        )
    spec = DatasetSpec(
        label,
        settings.name,
        dataset.fingerprint,
        dataset.scale,
        test_size,
        fingerprint,
        subsample,
        settings.missing,
        settings.missing_indicator is True,
        settings.stratify is not False,
    )
    return spec, initial


def _initial_spec(
    start: InitialSettings, dataset: AnyDataset, n_training: int, seed: int
) -> InitialSpec:
    """Return the rule of a start for one seed, with its size as a count."""
    if start.path is None:
        return start.spec(n_training)
    assert isinstance(dataset, Dataset)  # no file can list the rows of data drawn for each seed
    name = start.label or ""
    if start.file is not None:
        rows, size = dataset.user_initial(name, seed)
        return InitialSpec("file", size, rows, name)
    return replace(start.spec(n_training), rows=dataset.scores_of(name))


def _sizes(
    settings: DatasetSettings, dataset: AnyDataset, seed: int
) -> tuple[int | None, int, int]:
    """Return the sizes of subsample, None for all, test part and training part.

    That of the test part is 0 if the user's splits have one.
    """
    if isinstance(dataset, Dataset) and dataset.splits is not None:
        return None, 0, len(dataset.user_training(seed))
    subsample = _subsample(settings, dataset)
    n_examples = dataset.n_drawable if subsample is None else subsample
    if dataset.test is not None:
        return subsample, len(dataset.test), n_examples
    test_size = as_count(settings.test_size, n_examples)
    if not test_size or n_examples - test_size < 1:
        raise DatasetError(
            f"dataset.test_size: {test_size} of the {n_examples} examples of {settings.label}"
            " leave none to test on, or none to train on; choose another size"
        )
    return subsample, test_size, n_examples - test_size


def _subsample(settings: DatasetSettings, dataset: AnyDataset) -> int | None:
    """Return the number of examples for a seed, None for all."""
    if settings.subsample is None:
        return None
    size = as_count(settings.subsample, dataset.n_drawable)
    if size > dataset.n_drawable:
        raise DatasetError(
            f"dataset.subsample: {size} is more than the {dataset.n_drawable} examples of"
            f" {settings.label}; choose fewer"
        )
    return size
