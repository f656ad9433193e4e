"""Preflight checks: combinations of data, model and strategy that cannot run."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from operator import itemgetter

from scipy.sparse import issparse

from alrun.data.dataset import AnyDataset
from alrun.data.splits import split_of
from alrun.errors import DatasetError
from alrun.execute.sandbox import Sandbox
from alrun.experiment.names import entry_key
from alrun.experiment.settings import Experiment, Named
from alrun.models.compatibility import incompatibilities
from alrun.spec import RunSpec
from alrun.strategies.registry import requirements_of
from alrun.strategies.support.requirements import DataTraits


def find_impossible(
    experiment: Experiment, specs: Sequence[RunSpec], datasets: Mapping[str, AnyDataset]
) -> list[str]:
    """Return the reasons why some runs cannot be computed.

    Each is written as `key: what is wrong`, as those of the functions below. Data sets that cannot
    be split are reported alone, as `label: why`, since the checks of models and strategies need the
    splits.
    """
    problems = _without_a_split(specs, datasets)
    if problems:
        return problems
    by_models = _refused_by_models(experiment, specs, datasets)
    by_strategies = _refused_by_strategies(experiment, specs, datasets)
    return list(dict.fromkeys([*by_models, *by_strategies]))


def _without_a_split(specs: Iterable[RunSpec], datasets: Mapping[str, AnyDataset]) -> list[str]:
    """Return one reason for each data set without a possible split.

    A reason starts with the label if there are several data sets.
    """
    problems: dict[str, str] = {}
    for spec in _one_per_initial_set(specs):
        label = spec.dataset.display_name
        try:
            split_of(spec, datasets[label].at(spec.seed))
        except DatasetError as error:
            problems.setdefault(label, f"{label}: {error}" if len(datasets) > 1 else str(error))
    return list(problems.values())


def _refused_by_models(
    experiment: Experiment, specs: Iterable[RunSpec], datasets: Mapping[str, AnyDataset]
) -> Iterator[str]:
    """Yield the incompatibilities of models with data sets."""
    runs = {(spec.model.display_name, spec.dataset.display_name): spec for spec in specs}
    with Sandbox() as sandbox:
        for place, spec in _by_place(experiment.model, runs):
            key = entry_key("model", place) if len(experiment.model) > 1 else "model"
            yield from incompatibilities(
                key, spec, datasets[spec.dataset.display_name].at(spec.seed), sandbox.call
            )


def _refused_by_strategies(
    experiment: Experiment, specs: Iterable[RunSpec], datasets: Mapping[str, AnyDataset]
) -> Iterator[str]:
    """Yield the unmet requirements of strategies on data sets."""
    runs = {(spec.strategy.display_name, spec.dataset.display_name): spec for spec in specs}
    for place, spec in _by_place(experiment.strategies, runs):
        dataset = datasets[spec.dataset.display_name].at(spec.seed)
        traits = DataTraits(
            display_name=spec.dataset.display_name,
            is_sparse=issparse(dataset.X),
            n_classes=dataset.n_classes,
            n_training=len(split_of(spec, dataset).training),
        )
        for problem in requirements_of(spec.strategy.name).unmet_requirements(traits):
            yield f"{entry_key('strategies', place)}: {problem}"


def _by_place(
    entries: Sequence[Named], runs: Mapping[tuple[str, str], RunSpec]
) -> list[tuple[int, RunSpec]]:
    """Return runs with the positions of their entries, in this order.

    `runs` are by the label of an entry and that of a data set.
    """
    places = {str(entry.label): place for place, entry in enumerate(entries)}
    placed = [(places[label], spec) for (label, _), spec in runs.items()]
    return sorted(placed, key=itemgetter(0))


def _one_per_initial_set(specs: Iterable[RunSpec]) -> list[RunSpec]:
    """Return one run for each data set, split of the user's and initial set."""
    runs = {(spec.dataset.display_name, spec.dataset.splits, spec.initial): spec for spec in specs}
    return list(runs.values())
