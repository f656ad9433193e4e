"""Options of a report."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING

from alrun.errors import ResultsError, nearest
from alrun.report.axis import Axis

if TYPE_CHECKING:
    from alrun.experiment.settings import Experiment
    from alrun.targets import Written


class Adjustment(StrEnum):
    """How p values are adjusted for many tests."""

    holm = "holm"
    maxT = "maxT"  # noqa: N815 -- the name of the field

    @property
    def words(self) -> str:
        """Its name in a sentence."""
        return {"holm": "Holm's correction", "maxT": "step-down maxT"}[self]


@dataclass(frozen=True)
class Selection:
    """The part of results that a report is about, by labels and batch sizes; all where empty."""

    strategy: tuple[str, ...] = ()
    dataset: tuple[str, ...] = ()
    model: tuple[str, ...] = ()
    start: tuple[str, ...] = ()
    oracle: tuple[str, ...] = ()
    cost_model: tuple[str, ...] = ()
    batch_size: tuple[int, ...] = ()

    @property
    def named(self) -> "dict[str, tuple[str, ...] | tuple[int, ...]]":
        """What is selected, by column; columns of which all is are left out."""
        return {column: values for column, values in vars(self).items() if values}


@dataclass(frozen=True)
class ReportOptions:
    """The score, the baseline and the targets of a report, and how it counts and tests.

    Attributes
    ----------
    metric
        The score that targets are read on.
    baseline
        Label of the strategy that the others are compared with.
    targets
        What to reach, in ascending order: scores, and texts as `alrun.targets` reads them. Where
        less is better a score reaches a target from above.
    chooses
        Whether the report chooses targets if none is named.
    sustain
        In how many rounds in a row the score must be at the target.
    adjustment
        How p values are adjusted.
    rope
        By which share mean labels may differ and still be called the same.
    selection
        The part of the results that the report is about.
    axis
        What is counted up to a target: labels, or what they cost.

    Raises
    ------
    ResultsError
        Where there is no such metric or adjustment, a target is no score, `sustain` is below 1, or
        `rope` is not above 0.
    """

    metric: str = "accuracy"
    baseline: str = "random"
    targets: "tuple[Written, ...]" = ()
    chooses: bool = False
    sustain: int = 1
    adjustment: Adjustment = Adjustment.holm
    rope: float = 0.1
    selection: Selection = Selection()
    axis: Axis = Axis.labels

    def __post_init__(self) -> None:
        from alrun import metrics  # the command line starts without NumPy
        from alrun.targets import read_target

        if self.sustain < 1:
            raise ResultsError(
                f"a target is sustained for one round at least, not for {self.sustain}"
            )
        if not 0 < self.rope < inf:
            raise ResultsError(
                f"rope is a share of the labels above 0, as in 0.1 for 10 %, not {self.rope:g}"
            )
        try:
            metric = metrics.find(self.metric)
            for target in self.targets:
                read_target(target).check(self.metric, metric)
        except ValueError as error:
            raise ResultsError(str(error)) from None

    @property
    def sensitivity(self) -> int:
        """How many rounds in a row the sensitivity check asks for: 2, or 1 beside more."""
        return 2 if self.sustain == 1 else 1


def experiment_of(results: Path) -> "Experiment | None":
    """Return the experiment of a results directory; None without its file."""
    from alrun.experiment.toml import read_experiment

    file = results / "experiment.toml"
    return read_experiment(file) if file.is_file() else None


def options_for(
    results: Path,
    targets: "Sequence[Written] | None" = None,
    metric: str | None = None,
    baseline: str = "random",
    sustain: int = 1,
    adjustment: str = "holm",
    rope: float = ReportOptions.rope,
    selection: Selection = ReportOptions.selection,
    axis: str = Axis.labels.value,
) -> ReportOptions:
    """Return the options of a report of a results directory.

    Targets and metric that are None are those of its experiment; there are no targets where its
    metric rises as models improve and this one falls, or the other way round. The report chooses
    its targets where none is named here or there. Raises ResultsError as ReportOptions does.
    """
    from alrun.targets import in_order, read_target

    if adjustment not in list(Adjustment):
        raise ResultsError(
            f"there is no adjustment '{adjustment}'{nearest(adjustment, Adjustment)}"
        )
    if axis not in list(Axis):
        raise ResultsError(f"there is no axis '{axis}'{nearest(axis, Axis)}")
    experiment = experiment_of(results)
    own = experiment.metric if experiment else ReportOptions.metric
    metric = metric or own
    chooses = targets is None
    if targets is None and experiment is not None and _same_direction(metric, own):
        targets = experiment.targets
    try:
        written = {read_target(target).written for target in targets or ()}
    except ValueError as error:
        raise ResultsError(f"a target {error}") from None
    return ReportOptions(
        metric=metric,
        baseline=baseline,
        targets=in_order(written),
        chooses=chooses,
        sustain=sustain,
        adjustment=Adjustment(adjustment),
        rope=rope,
        selection=selection,
        axis=Axis(axis),
    )


def stopping_options(
    results: Path, metric: str | None = None, selection: Selection = ReportOptions.selection
) -> ReportOptions:
    """Return the options of a judgement of stopping rules: no target, no baseline."""
    options = options_for(results, (), metric, selection=selection)
    return replace(options, baseline="")  # else it would always be selected


def _same_direction(metric: str, other: str) -> bool:
    """Return whether targets on one metric can be read on the other; True if one is unknown."""
    from alrun.metrics import METRICS

    known = METRICS.get(metric), METRICS.get(other)
    return len({entry.greater_is_better for entry in known if entry is not None}) < 2
