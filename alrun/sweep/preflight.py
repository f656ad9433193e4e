"""Preflight checks: combinations of data, model and strategy that cannot run."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter

from scipy.sparse import issparse

from alrun.data.dataset import AnyDataset
from alrun.data.splits import split_of
from alrun.errors import DatasetError
from alrun.execute.sandbox import Sandbox
from alrun.experiment.names import entry_key, unmet_methods
from alrun.experiment.parts import Named
from alrun.experiment.settings import Experiment
from alrun.models.build import prediction_methods
from alrun.models.compatibility import incompatibilities, unfit_for_start
from alrun.spec import RunSpec
from alrun.strategies.registry import requirements_of
from alrun.strategies.support.requirements import DataTraits


@dataclass(frozen=True)
class Impossible:
    """A combination that cannot be run, with the reason, written as `key: what is wrong`.

    It has the display names of a data set, a start, a model and a strategy; None stands for any.
    """

    reason: str
    dataset: str | None = None
    start: str | None = None
    model: str | None = None
    strategy: str | None = None

    def covers(self, spec: RunSpec) -> bool:
        """Return whether a run is of this combination."""
        dataset, model, strategy = spec.display_names
        names = (dataset, spec.start, model, strategy)
        wanted = (self.dataset, self.start, self.model, self.strategy)
        return all(want in (None, name) for want, name in zip(wanted, names, strict=True))


def find_impossible(
    experiment: Experiment,
    specs: Mapping[str, RunSpec],
    datasets: Mapping[str, AnyDataset],
    finished: Collection[str] = (),
) -> list[Impossible]:
    """Return the combinations that cannot be run, among the runs in `specs`, by id.

    Models and strategies are checked where the splits can be drawn. Where a run of the same model
    and initial set is among the `finished` ids, no fit is tried.
    """
    unsplit = _without_a_split(specs.values(), datasets)
    left = {
        run: spec for run, spec in specs.items() if not any(entry.covers(spec) for entry in unsplit)
    }
    by_models = _refused_by_models(experiment, left, datasets, finished)
    by_strategies = _refused_by_strategies(experiment, left.values(), datasets)
    return list(dict.fromkeys([*unsplit, *by_models, *by_strategies]))


def _without_a_split(
    specs: Iterable[RunSpec], datasets: Mapping[str, AnyDataset]
) -> list[Impossible]:
    """Return one reason for each data set and start without a possible split.

    A reason starts with the label if there are several data sets.
    """
    found: dict[tuple[str, str], Impossible] = {}
    for spec in _one_per_initial_set(specs):
        label = spec.dataset.display_name
        try:
            split_of(spec, datasets[label].at(spec.seed))
        except DatasetError as error:
            reason = f"{label}: {error}" if len(datasets) > 1 else str(error)
            found.setdefault((label, spec.start), Impossible(reason, label, spec.start))
    return list(found.values())


def _refused_by_models(
    experiment: Experiment,
    specs: Mapping[str, RunSpec],
    datasets: Mapping[str, AnyDataset],
    finished: Collection[str],
) -> list[Impossible]:
    """Return the incompatibilities of models with data sets, and with their initial sets."""
    runs = {(s.model.display_name, s.dataset.display_name): s for s in specs.values()}
    several = len(experiment.model) > 1
    found = []
    with Sandbox() as sandbox:
        for place, spec in _by_place(experiment.model, runs):
            label, model, _ = spec.display_names
            key = entry_key("model", place) if several else "model"
            dataset = datasets[label].at(spec.seed)
            reasons = list(incompatibilities(key, spec, dataset, sandbox.call))
            found += [Impossible(reason, label, model=model) for reason in reasons]
            for run in _untried(specs, spec, finished) if not reasons else ():
                dataset = datasets[label].at(run.seed)
                for reason in unfit_for_start(key, run, dataset, sandbox.call):
                    found.append(Impossible(reason, label, run.start, model))
    return found


def _untried(
    specs: Mapping[str, RunSpec], like: RunSpec, finished: Collection[str]
) -> list[RunSpec]:
    """Return one run for each start of which no run with the data set and model is finished."""
    alike = {
        run: spec
        for run, spec in specs.items()
        if (spec.dataset.display_name, spec.model) == (like.dataset.display_name, like.model)
    }
    done = {spec.start for run, spec in alike.items() if run in finished}
    one_each: dict[str, RunSpec] = {}
    for spec in alike.values():
        one_each.setdefault(spec.start, spec)
    return [spec for start, spec in one_each.items() if start not in done]


def _refused_by_strategies(
    experiment: Experiment, specs: Iterable[RunSpec], datasets: Mapping[str, AnyDataset]
) -> Iterator[Impossible]:
    """Yield the unmet requirements of strategies on data sets and on models."""
    specs = list(specs)
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
            label, _, strategy = spec.display_names
            reason = f"{entry_key('strategies', place)}: {problem}"
            yield Impossible(reason, label, strategy=strategy)
    pairs = {(spec.strategy.display_name, spec.model.display_name): spec for spec in specs}
    for place, spec in _by_place(experiment.strategies, pairs):
        _, model, strategy = spec.display_names
        offered = prediction_methods(spec.model.name, spec.model.parameters)
        required = requirements_of(spec.strategy.name).requires
        if required and not offered.intersection(required):
            problem = unmet_methods(strategy, required, model)
            reason = f"{entry_key('strategies', place)}: {problem}"
            yield Impossible(reason, model=model, strategy=strategy)


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
