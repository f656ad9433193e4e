"""The public functions `report`, `stopping`, `plot` and `run_sweep`.

Each imports the rest of alrun when it is called, so that `import alrun` is quick.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from alrun.errors import ResultsError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from alrun.execute import Executor
    from alrun.report.build import Report
    from alrun.report.stopping.build import StoppingReport
    from alrun.sweep.plan import SweepPlan

# Where an experiment without a file would be: its results go to `results/experiment`.
_NO_FILE = Path("experiment")


def report(
    path: str | Path,
    targets: Sequence[float | str] | None = None,
    *,
    metric: str | None = None,
    baseline: str = "random",
    sustain: int = 1,
    adjustment: str = "holm",
    axis: str = "labels",
) -> "Report":
    """Return the report of a results directory, or of any directory with a `curves.parquet`.

    Parameters
    ----------
    path
        The directory.
    targets
        Scores to reach, or texts such as "95% of full" and "random@end"; by default those of the
        experiment, or else 90 and 95 % of the score with all training labels. A score that falls as
        models improve, as log_loss, reaches a target from above.
    metric
        The score that targets are read on, by default that of the experiment.
    baseline
        Label of the strategy that the others are compared with.
    sustain
        In how many rounds in a row the score must be at the target.
    adjustment
        "holm" or "maxT"; maxT has more power and needs the same seeds in all tests.
    axis
        "labels" or "cost": what is counted up to a target. All columns about labels then hold
        costs.

    Returns
    -------
    Report
        Its `rows` are a DataFrame. `across` is one over the data sets, where there are several.
        `verdict` are sentences that answer the question, and `compare("margin", "entropy")` is a
        DataFrame on any two strategies. `notes` are sentences that belong under the tables. A
        notebook shows it as tables.

    Raises
    ------
    ResultsError
        If the results cannot be read, have no such metric or baseline, or a target is not a score.
    """
    from alrun.report.build import build_report
    from alrun.report.notebook import for_notebook
    from alrun.report.options import options_for

    results = Path(path)
    options = options_for(results, targets, metric, baseline, sustain, adjustment, axis=axis)
    return for_notebook(build_report(results, options))


def stopping(
    path: str | Path,
    rules: "Sequence[str | Mapping[str, Any]] | None" = None,
    *,
    metric: str | None = None,
    label_cost: float | None = None,
    error_costs: Sequence[float] | None = None,
) -> "StoppingReport":
    """Return stopping rules, judged on the runs of a results directory with signals.

    Parameters
    ----------
    path
        The directory.
    rules
        Names of rules, and tables such as `{"name": "kappa", "threshold": 0.98}`; one of your own
        is "mine.py:rule". By default those of the experiment, or else the built-in ones.
    metric
        The score, by default that of the experiment.
    label_cost, error_costs
        What a label costs, by default 1, and what all future mistakes would cost at an error rate
        of 1, by default 1,000, 10,000 and 100,000. Money needs accuracy.

    Returns
    -------
    StoppingReport
        Its `rows` are a DataFrame, a row per cell and rule; `cells` one without the rules.
        `paragraphs` are the verdict and `notes` belong under the tables. A notebook shows it as
        tables.

    Raises
    ------
    ResultsError
        If the results cannot be read or have no signals, or a cost makes no sense.
    StoppingError
        If a rule is unknown or fails.
    """
    from alrun.report.notebook import stopping_for_notebook
    from alrun.report.options import stopping_options
    from alrun.report.stopping.build import build_stopping
    from alrun.report.stopping.options import costs_of

    results = Path(path)
    costs = costs_of(label_cost, error_costs)
    options = stopping_options(results, metric)
    return stopping_for_notebook(build_stopping(results, options, rules, costs))


def plot(
    results: "str | Path | Report | StoppingReport",
    targets: Sequence[float | str] | None = None,
    *,
    kind: str | Sequence[str] | None = None,
    highlight: Sequence[str] = (),
    metric: str | None = None,
    baseline: str = "random",
    sustain: int = 1,
    axis: str = "labels",
) -> "Figure":
    """Return a picture of a results directory, as a figure of matplotlib that a notebook shows.

    Parameters
    ----------
    results
        The directory, or a report of it, which brings its own targets, metric and baseline, or
        stopping rules judged on it.
    kind
        "curves", "difference", "savings" or "reached", or several of them; by default all of these
        for which the report has a target and a baseline. Drawn only where named: "pairs", a heat
        map of every two strategies; "ranks", mean ranks over data sets; "pareto", labels to target
        against seconds of queries; and alone "stopping", where rules stop and what that costs.
    highlight
        Strategies in colour beside the baseline, the others in grey; by default all, and above
        eight strategies those that are the best somewhere.
    targets, metric, baseline, sustain, axis
        As for `report`.

    Raises
    ------
    ResultsError
        If matplotlib is missing, a kind is unknown or cannot be drawn, and as `report` does.
    """
    from alrun.report.build import Report
    from alrun.report.plots import KINDS, as_png, draw
    from alrun.report.stopping.build import StoppingReport
    from alrun.report.stopping.plot import draw_stopping

    kinds = [kind] if isinstance(kind, str) else kind or KINDS
    if "stopping" in kinds or isinstance(results, StoppingReport):
        if (kind and list(kinds) != ["stopping"]) or targets or highlight:
            raise ResultsError(
                "stopping rules are drawn alone, without targets and strategies in colour"
            )
        if isinstance(results, Report):
            raise ResultsError("a report holds no stopping rules; name its directory")
        if not isinstance(results, StoppingReport):
            results = stopping(results, metric=metric)
        figure = draw_stopping(results)
    else:
        if not isinstance(results, Report):
            results = report(
                results, targets, metric=metric, baseline=baseline, sustain=sustain, axis=axis
            )
        figure = draw(results, kinds, highlight=highlight)
    # A notebook shows what has this method; figures alone it shows after %matplotlib inline only.
    figure._repr_png_ = partial(as_png, figure)  # type: ignore[attr-defined]
    return figure


def run_sweep(
    experiment: str | Path | Mapping[str, Any],
    results: str | Path | None = None,
    *,
    jobs: int | None = None,
    overrides: Sequence[str] = (),
    retry_failed: bool = False,
    rerun: Sequence[str] = (),
    timeout: float | None = None,
    dask: str | None = None,
    backend: str | None = None,
    progress: bool = False,
) -> Path:
    """Run an experiment and return its results directory.

    It does what `alrun sweep` does, and prints nothing. Raises AlrunError if the input is wrong,
    and ResultsError if runs failed: the others are kept, and the tables are made from them.

    Parameters
    ----------
    experiment
        The path of its file, or its tables as a dict, as in `{"strategies": ["random", "margin"],
        "seeds": 10, "budget": 100, "dataset": {"name": "digits"}}`. Files that a dict names are
        found relative to the current directory.
    results
        The directory to write to, by default `results/<name>` in the current one, and for a dict
        `results/experiment`.
    jobs
        How many runs to compute at once, by default one per core. With 0 they are computed in this
        process, where a debugger can follow them.
    overrides
        Keys of the file with other values, as in `["seeds=3", "model.C=0.1"]`.
    retry_failed
        Whether to compute failed runs again.
    rerun
        Files or modules of your own, as "mine.py": finished runs that were computed with other code
        of them are computed again.
    timeout
        Seconds after which a run is ended and counts as failed.
    dask
        Address of a Dask scheduler; its workers compute the runs.
    backend
        Name of the joblib backend that computes on this machine: "isolated" (the default where the
        system can isolate processes), "loky", "threading", "sequential", or any that is registered.
    progress
        Whether to show a bar on a terminal, and in a notebook that has ipywidgets; elsewhere a line
        is printed for each tenth of the runs.
    """
    from alrun.execute import executor
    from alrun.sequential import run_experiment

    content = _plain(experiment) if isinstance(experiment, Mapping) else None
    path = _NO_FILE if isinstance(experiment, Mapping) else Path(experiment)
    directory = None if results is None else Path(results)
    with executor(jobs, timeout, dask, backend=backend) as workers:
        sweep = partial(_sweep, workers=workers, retry_failed=retry_failed, progress=progress)
        plan = run_experiment(path, sweep, directory, overrides, rerun=rerun, content=content)
    for run, failure in plan.failures.items():
        raise ResultsError(
            f"{len(plan.failures)} of {len(plan.specs)} runs failed; the first is"
            f" {plan.specs[run]}: {failure.error}"
        )
    return plan.store.path


def _sweep(
    plan: "SweepPlan", workers: "Executor", retry_failed: bool, progress: bool
) -> "SweepPlan":
    """Compute the missing runs of a plan, and return it as it then stands."""
    from alrun.progress import shown
    from alrun.sweep.run import run_missing

    if not progress:
        return run_missing(plan, workers, retry_failed)
    n_references = len(plan.missing_references(retry_failed))
    with shown(plan.missing(retry_failed), n_references) as on_progress:
        return run_missing(plan, workers, retry_failed, on_progress=on_progress)


def _plain(value: Any) -> Any:
    """Return the tables of an experiment with what TOML has in place of Python's and NumPy's."""
    if isinstance(value, Mapping):
        return {str(key): _plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple | range):
        return [_plain(entry) for entry in value]
    if isinstance(value, Path):
        return value.as_posix()
    return _plain(value.tolist()) if hasattr(value, "tolist") else value
