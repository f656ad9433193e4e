"""What a project takes over from a sweep: data preparation, model, strategy, and a promise."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from alrun.errors import AlrunError, LabellingError
from alrun.experiment.datasets import DatasetSettings
from alrun.experiment.settings import Experiment

# The keys of a data set that say how it is prepared.
_PREPARATION = (
    "scale",
    "target",
    "text",
    "columns",
    "drop",
    "missing",
    "missing_indicator",
    "read",
)
# The rules of an initial set that need neither labels nor a file.
_WITHOUT_LABELS = ("random", "kmeans", "typical")
Content = dict[str, Any]


def promise_of(results: Path, content: Mapping[str, Any]) -> Content:
    """Return what a project with this content takes over from a results directory.

    `settings` are the keys of a project file, and `cell` names the runs that promise a curve. The
    strategy is the one with the largest mean saving over the targets, or the baseline if none saves
    labels. Raises LabellingError if there are several data sets or models to choose from.
    """
    from alrun.report.options import experiment_of

    experiment = experiment_of(results)
    if experiment is None:
        raise LabellingError(f"from: {results} is no results directory with an experiment.toml")
    for name, entries in (("data sets", experiment.dataset), ("models", experiment.model)):
        if len(entries) > 1:
            raise LabellingError(
                f"from: {results} has {len(entries)} {name}; sweep the one of the project alone, or"
                " leave from out and write its keys yourself"
            )
    batch_size = _batch_size(results, experiment, content)
    label = _best(results, experiment, batch_size)
    settings: Content = {
        "strategy": _strategy(experiment, label),
        "batch_size": batch_size,
        "model": _table(experiment.model[0]),
        "dataset": _preparation(experiment.dataset[0]),
    }
    if len(experiment.initial) == 1 and experiment.initial[0].method in _WITHOUT_LABELS:
        settings["initial"] = _table(experiment.initial[0])
    labels = (experiment.dataset[0].label, experiment.model[0].label, label, batch_size)
    names = ("dataset", "model", "strategy", "batch_size")
    return {"settings": settings, "cell": dict(zip(names, labels, strict=True))}


def completed(content: Mapping[str, Any], settings: Mapping[str, Any]) -> Content:
    """Return the content of a project file with what it lacks taken from a sweep."""
    whole = {**settings, **content}
    if isinstance(content.get("dataset"), dict):
        whole["dataset"] = {**settings["dataset"], **content["dataset"]}
    return whole


def expected_scores(results: Path, cell: Mapping[str, Any]) -> Any:
    """Return labels and mean accuracy of the runs of a cell, each of shape (n,); None without any.

    A results directory that is gone promises nothing any more.
    """
    from alrun.results.load import load_curves

    try:
        curves = load_curves(results)
    except AlrunError:
        return None
    for name, value in cell.items():
        curves = curves[curves[name].astype(type(value)) == value]
    mean = curves.groupby("n_labels")["accuracy"].mean()
    return (mean.index.to_numpy(np.float64), mean.to_numpy()) if len(mean) else None


def _batch_size(results: Path, experiment: Experiment, content: Mapping[str, Any]) -> int:
    """Return the batch size of the project, which has to be one of the sweep."""
    wanted = content.get("batch_size", experiment.batch_sizes[0])
    if wanted not in experiment.batch_sizes:
        known = ", ".join(map(str, experiment.batch_sizes))
        raise LabellingError(f"from: {results} has no batch size {wanted}; it has {known}")
    return int(wanted)


def _best(results: Path, experiment: Experiment, batch_size: int) -> str:
    """Return the label of the strategy with the largest mean saving over the targets."""
    from alrun.report.build import build_report
    from alrun.report.options import options_for

    rows = build_report(results, options_for(results)).rows
    rows = rows[(rows["batch_size"] == batch_size) & rows["saving"].notna() & ~rows["is_baseline"]]
    savings = rows.groupby(rows["strategy"].astype(str))["saving"].mean()
    if len(savings) and savings.max() > 0:
        return str(savings.idxmax())
    labels = [str(entry.label) for entry in experiment.strategies]
    return "random" if "random" in labels else labels[0]


def _strategy(experiment: Experiment, label: str) -> Content:
    (entry,) = (entry for entry in experiment.strategies if entry.label == label)
    return _table(entry)


def _table(entry: Any) -> Content:
    """Return the keys of a table as they are written, without its label."""
    table: Content = entry.model_dump(exclude_none=True)
    table.pop("label", None)
    if "steps" in table:
        table.pop("name")
    return table


def _preparation(entry: DatasetSettings) -> Content:
    whole = entry.model_dump(exclude_none=True)
    return {key: whole[key] for key in (*_PREPARATION, *entry.parameters) if key in whole}
