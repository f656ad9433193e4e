"""The plan of a sweep: every run of an experiment, done or missing."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from alrun.data.dataset import AnyDataset, Dataset
from alrun.data.splits import split_of
from alrun.errors import DatasetError, ExperimentError, ResultsError, nearest
from alrun.experiment.settings import Experiment
from alrun.experiment.toml import read_experiment
from alrun.metrics import METRICS
from alrun.records import Failure, Split
from alrun.results.schema import SKIPPED
from alrun.results.store import Store
from alrun.run.provenance import code_of
from alrun.spec import ReferenceSpec, RunSpec, run_id
from alrun.sweep.default_results import default_results
from alrun.sweep.grid import expand
from alrun.sweep.load_data import ShowShare, load_all
from alrun.sweep.preflight import Impossible, find_impossible
from alrun.sweep.references import MOST_WITH_CEILING, outdated, references_of
from alrun.targets import read_target
from alrun.util.import_path import module_of
from alrun.util.process_state import put_back
from alrun.util.user_code import Source, fingerprints, sources_of


@dataclass(frozen=True)
class SweepPlan:
    """The runs of an experiment, and their state in its results directory.

    Attributes
    ----------
    specs
        Every run of the grid by its id.
    sources
        The data sets by label.
    skipped
        The combinations left out of the grid, since they cannot be run.
    finished
        Ids of the runs with a file.
    failures
        The failures of other runs, by id.
    code
        The sources of user code, as they were when the plan was made.
    edited
        Finished runs that had other code, by the file or module that was edited.
    rerun
        The files or modules of which such runs count as missing.
    references
        Every reference of the runs by its id.
    known_references
        Ids of the references with scores.
    outdated_references
        Ids of references whose scores are of other code than their runs.
    reference_failures
        The failures of other references, by id.
    """

    path: Path
    experiment: Experiment
    store: Store
    specs: Mapping[str, RunSpec]
    sources: Mapping[str, AnyDataset]
    skipped: tuple[Impossible, ...] = ()
    finished: frozenset[str] = frozenset()
    failures: Mapping[str, Failure] = field(default_factory=dict)
    code: Mapping[str, Source] = field(default_factory=dict)
    edited: Mapping[str, frozenset[str]] = field(default_factory=dict)
    rerun: tuple[str, ...] = ()
    references: Mapping[str, ReferenceSpec] = field(default_factory=dict)
    known_references: frozenset[str] = frozenset()
    outdated_references: frozenset[str] = frozenset()
    reference_failures: Mapping[str, Failure] = field(default_factory=dict)

    def missing(self, retry_failed: bool = False) -> list[RunSpec]:
        """Return the runs to compute, the longest first.

        The order keeps all workers busy to the end: none is left alone with a long run.
        """
        done = self.finished if retry_failed else self.finished | self.failures.keys()
        left = [spec for run, spec in self.specs.items() if run not in done]
        return sorted(left, key=n_rounds, reverse=True)

    def missing_references(self, retry_failed: bool = False) -> list[ReferenceSpec]:
        """Return the references to compute, the ceilings first: they take longer."""
        done = self.known_references
        if not retry_failed:
            done = done | self.reference_failures.keys()
        left = [spec for name, spec in self.references.items() if name not in done]
        return sorted(left, key=lambda spec: spec.kind)

    def against_store(self) -> "SweepPlan":
        """Return the plan with the present state of the results directory."""
        failures = self.store.failures()
        known = self.store.known_references()
        unknown = self.store.reference_failures()
        finished = frozenset(self.store.finished() & self.specs.keys())
        edited = self._edited(finished)
        old = {run for name in self.rerun for run in edited.get(name, ())}
        kept = {name: runs - old for name, runs in edited.items()}
        outdated = self._outdated(known & self.references.keys(), kept)
        return replace(
            self,
            known_references=frozenset(known & self.references.keys() - outdated),
            outdated_references=outdated,
            reference_failures={
                name: unknown[name]
                for name in self.references
                if name in unknown and name not in known
            },
            finished=finished - old,
            failures={run: failures[run] for run in self.specs if run in failures},
            edited=edited,
        )

    def _outdated(
        self, known: Collection[str], kept: Mapping[str, Collection[str]]
    ) -> frozenset[str]:
        """Return the outdated among known references.

        `kept` are the finished runs of other code, by the file or module that was edited.
        """
        by_model: dict[str, Mapping[str, str]] = {}

        def now(spec: ReferenceSpec) -> Mapping[str, str]:
            if spec.user_code and spec.model.display_name not in by_model:
                by_model[spec.model.display_name] = code_of(spec)
            return by_model[spec.model.display_name] if spec.user_code else {}

        runs = ((self.specs[run], name) for name, those in kept.items() for run in those)
        references = {name: self.references[name] for name in known}
        return outdated(references, self.store.code_of_reference, now, runs)

    def _edited(self, finished: Collection[str]) -> dict[str, frozenset[str]]:
        """Return the runs of other code than now, by the file or module that was edited."""
        now, found = fingerprints(self.code), defaultdict(set)
        for run in finished if now else ():
            if self.specs[run].user_code:
                for name, then in self.store.code_of(run).items():
                    if now.get(name, then) != then:
                        found[name].add(run)
        return {name: frozenset(runs) for name, runs in sorted(found.items())}

    @property
    def notes(self) -> dict[str, tuple[str, ...]]:
        """What was done to each data set for every seed, and what was skipped on it, by label."""
        return {
            label: (
                *(source.notes if isinstance(source, Dataset) else ()),
                *(
                    f"{SKIPPED}{entry.reason}"
                    for entry in self.skipped
                    if entry.dataset in (None, label)
                ),
            )
            for label, source in self.sources.items()
        }

    def splits(self, specs: Sequence[RunSpec]) -> Iterator[tuple[str, str, int, Split]]:
        """Yield the split of each data set, start and seed among the runs, after these three."""
        one_each = {(spec.dataset.display_name, spec.start, spec.seed): spec for spec in specs}
        for (label, start, seed), spec in sorted(one_each.items()):
            yield label, start, seed, split_of(spec, self.sources[label].at(seed))


def plan_sweep(path: Path, results: Path | None = None, overrides: Sequence[str] = ()) -> SweepPlan:
    """Read an experiment, load its data sets, and return the plan of its sweep.

    `results` is the results directory, by default `results/<name>` with the file's stem as name.
    Raises AlrunError if the experiment cannot be run.
    """
    return plan_experiment(path, read_experiment(path, overrides, check=True), results)


def plan_experiment(
    path: Path,
    experiment: Experiment,
    results: Path | None = None,
    on_message: Callable[[str], object] = lambda sentence: None,
    rerun: Sequence[str] = (),
    on_share: ShowShare | None = None,
) -> SweepPlan:
    """Return the plan of a sweep as `plan_sweep` does, for an experiment read from `path`.

    `on_message` gets a line for each data set that is slow to read, and `on_share` how far it is
    read. Runs that used other code of the files or modules in `rerun` than there is now count as
    missing.
    """
    store = Store(results if results is not None else default_results(path))
    datasets = load_all(path, experiment, on_message, on_share=on_share)
    for label, dataset in datasets.items():
        if METRICS[experiment.metric].binary_only and dataset.n_classes != 2:
            problem = f"{experiment.metric} is for two classes; {label} has {dataset.n_classes}"
            raise ExperimentError([f"{path}: metric: {problem}"])
    try:
        with put_back():  # models of users are built
            specs = _by_id(path, expand(experiment, datasets, path.parent))
        with put_back():
            impossible = find_impossible(experiment, specs, datasets, store.finished())
    except DatasetError as error:
        raise ExperimentError([f"{path}: {error}"]) from error
    possible = specs
    if impossible:
        possible = {
            run: spec
            for run, spec in specs.items()
            if not any(entry.covers(spec) for entry in impossible)
        }
    if impossible and not (experiment.skip_impossible and possible):
        raise ExperimentError([f"{path}: {entry.reason}" for entry in impossible])
    references = references_of(experiment, possible.values(), datasets)
    _check_ceilings(path, experiment, references.values())
    plan = SweepPlan(
        path,
        experiment,
        store,
        possible,
        datasets,
        tuple(impossible),
        code=_code_of(possible.values(), rerun),
        rerun=(*rerun,),
        references=references,
    )
    return plan.against_store()


def _code_of(specs: Iterable[RunSpec], rerun: Sequence[str]) -> dict[str, Source]:
    """Return the sources of user code; raises ExperimentError if `rerun` names another file."""
    code = sources_of(map(module_of, {name for spec in specs for name in spec.user_code}))
    known = fingerprints(code)
    for name in rerun:
        if name not in known:
            problem = f"the experiment uses no such file or module{nearest(name, known)}"
            raise ExperimentError([f"--rerun {name}: {problem}"])
    return code


def _check_ceilings(
    path: Path, experiment: Experiment, references: Iterable[ReferenceSpec]
) -> None:
    """Raise ExperimentError where a target is a share of a ceiling that is not computed."""
    shares = [text for text in experiment.targets if read_target(text).share is not None]
    have = {spec.dataset.display_name for spec in references if spec.kind == "ceiling"}
    lacking = [entry for entry in experiment.dataset if entry.label not in have]
    if shares and lacking:
        why = (
            "has ceiling = false"
            if lacking[0].ceiling is False
            else f"has more than {MOST_WITH_CEILING:,} training examples"
        )
        raise ExperimentError(
            [
                f"{path}: targets: '{shares[0]}' needs the score with all training labels, and"
                f" {lacking[0].label} {why}; set ceiling = true in its [dataset]"
            ]
        )


def plan_of(results: Path) -> SweepPlan:
    """Return the plan of the experiment saved in a results directory.

    Raises AlrunError if there is none, or if it cannot be run any more.
    """
    if not (results / "experiment.toml").is_file():
        raise ResultsError(
            f"{results} holds no experiment.toml; sweep an experiment into it first, with --results"
        )
    return plan_sweep(results / "experiment.toml", results)


def n_rounds(spec: RunSpec) -> int:
    """Return roughly the number of rounds of a run, to tell long runs from short ones."""
    return -(-spec.budget // spec.batch_size)


def _by_id(path: Path, specs: Iterable[RunSpec]) -> dict[str, RunSpec]:
    by_id: dict[str, RunSpec] = {}
    for spec in specs:
        twin = by_id.setdefault(run_id(spec), spec)
        if twin is not spec:
            raise ExperimentError(
                [
                    f"{path}: '{twin}' and '{spec}' are the same run; drop one, or give one of the"
                    " strategies replica = 1 to compare it with itself"
                ]
            )
    return by_id
