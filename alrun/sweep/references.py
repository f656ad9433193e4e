"""The references of an experiment: a floor and a ceiling for each data set, model and seed."""

from collections.abc import Iterable, Mapping

from alrun.data.dataset import AnyDataset
from alrun.data.splits import split_of
from alrun.experiment.settings import Experiment
from alrun.spec import ReferenceSpec, RunSpec, run_id

# Up to this many training examples the ceiling is computed without being asked for.
MOST_WITH_CEILING = 20_000


def references_of(
    experiment: Experiment, specs: Iterable[RunSpec], datasets: Mapping[str, AnyDataset]
) -> dict[str, ReferenceSpec]:
    """Return the references of the runs of an experiment, by id.

    Whether a data set has a ceiling is up to its key `ceiling`, or else to the size of its training
    part.
    """
    wanted = {str(entry.label): entry.ceiling for entry in experiment.dataset}
    one_each: dict[tuple[str, str, int], RunSpec] = {}
    # Rows that a file lists as initial are not tested on, so that a start without a file is better.
    for spec in sorted(specs, key=lambda spec: spec.initial.method == "file"):
        one_each.setdefault((spec.dataset.display_name, spec.model.display_name, spec.seed), spec)
    found = {}
    for (label, _, _), spec in one_each.items():
        ceiling = wanted[label]
        if ceiling is None:
            ceiling = _n_training(spec, datasets[label]) <= MOST_WITH_CEILING
        for kind in ("floor", "ceiling") if ceiling else ("floor",):
            reference = ReferenceSpec(kind, spec.dataset, spec.initial, spec.model, spec.seed)
            found[run_id(reference)] = reference
    return found


def _n_training(spec: RunSpec, dataset: AnyDataset) -> int:
    """Return the number of training examples, without drawing a split."""
    if spec.dataset.splits is not None:
        return len(split_of(spec, dataset.at(spec.seed)).training)
    n_examples = dataset.n_drawable if spec.dataset.subsample is None else spec.dataset.subsample
    return n_examples if dataset.test is not None else n_examples - spec.dataset.test_size
