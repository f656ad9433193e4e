"""The references of an experiment: floors and ceilings for each data set, model and seed."""

from collections.abc import Callable, Iterable, Mapping

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

    A start with a file has its own, since its split is another; all other starts share theirs.
    Whether a data set has a ceiling is up to its key `ceiling`, or else to the size of its training
    part.
    """
    wanted = {str(entry.label): entry.ceiling for entry in experiment.dataset}
    by_axes: dict[tuple[str, str, str, str, int], RunSpec] = {}
    for spec in specs:  # there may be a hundred thousand
        names = (spec.dataset.display_name, spec.model.display_name, spec.start, spec.oracle_name)
        by_axes.setdefault((*names, spec.seed), spec)
    one_each: dict[tuple[str, str, str, str, int], RunSpec] = {}
    for spec in by_axes.values():
        one_each.setdefault(key_of(_reference("noisy ceiling", spec)), spec)
    found = {}
    for (label, *_), spec in one_each.items():
        ceiling = wanted[label]
        if ceiling is None:
            ceiling = _n_training(spec, datasets[label]) <= MOST_WITH_CEILING
        kinds = ["floor", "ceiling"] if ceiling else ["floor"]
        kinds += ["noisy ceiling"] if ceiling and spec.oracle is not None else []
        for reference in (_reference(kind, spec) for kind in kinds):
            found[run_id(reference)] = reference
    return found


def key_of(reference: ReferenceSpec) -> tuple[str, str, str, str, int]:
    """Return what the runs of a reference have in common.

    It is data set, model, start, oracle and seed; the oracle is empty for all but a noisy ceiling.
    """
    names = reference.dataset.display_name, reference.model.display_name, reference.start
    return (*names, reference.oracle_name, reference.seed)


def _reference(kind: str, spec: RunSpec) -> ReferenceSpec:
    oracle = spec.oracle if kind == "noisy ceiling" else None
    return ReferenceSpec(kind, spec.dataset, spec.initial, spec.model, spec.seed, oracle)


def outdated(
    references: Mapping[str, ReferenceSpec],
    stored: Callable[[str], Mapping[str, str]],
    now: Callable[[ReferenceSpec], Mapping[str, str]],
    kept: Iterable[tuple[RunSpec, str]],
) -> frozenset[str]:
    """Return the ids of the references of other code than now, unless their runs have it too.

    Parameters
    ----------
    stored
        Gives the digests of the code that a reference was computed with, by file or module.
    now
        Gives those of the code that it would be computed with.
    kept
        Finished runs of other code than now, with the file or module that differs.
    """
    of_old_code = {(key_of(_reference("ceiling", spec)), name) for spec, name in kept}

    def is_outdated(reference: str, spec: ReferenceSpec) -> bool:
        code = now(spec)
        then = stored(reference) if code else {}
        differing = {(key_of(spec), name) for name in code if then.get(name) != code[name]}
        return bool(differing) and differing.isdisjoint(of_old_code)

    return frozenset(name for name, spec in references.items() if is_outdated(name, spec))


def _n_training(spec: RunSpec, dataset: AnyDataset) -> int:
    """Return the number of training examples, without drawing a split."""
    if spec.dataset.splits is not None:
        return len(split_of(spec, dataset.at(spec.seed)).training)
    n_examples = dataset.n_drawable if spec.dataset.subsample is None else spec.dataset.subsample
    return n_examples if dataset.test is not None else n_examples - spec.dataset.test_size
