"""The overhead of a sweep by its number of runs, and the cost of a round by its number of labels.

The runs of the sweep take almost no time, so that everything else is measured: planning, handing
out, storing, and the tables, on this machine and on a cluster of two processes.
"""

import sys
import time
from pathlib import Path
from unittest import mock

import numpy as np
from consumption import seconds_and_memory

from alrun import load_runs
from alrun.data.dataset import Dataset
from alrun.run import loop
from alrun.run.learner import Learner
from alrun.spec import RunSpec
from alrun.spec_parts import DatasetSpec, InitialSpec, ModelSpec, StrategySpec

sys.path.append(str(Path(__file__).parents[1] / "helpers"))
from clusters import cluster

COUNTS = (100, 1_000, 10_000)
EXPERIMENT = """
strategies  = ["random"]
batch_sizes = [5]
seeds       = {n}
budget      = 11
dataset     = {{name = "iris", test_size = 50}}
model       = {{name = "sklearn.dummy.DummyClassifier"}}
"""


def overhead(scratch: Path) -> dict[str, float]:
    """Return milliseconds of overhead per run, and the peak memory of a process.

    Two processes compute while the command does the rest, so that half of the seconds in runs are
    subtracted from those of the command.
    """
    figures = {}
    with cluster(2) as two:
        for kind, options in (("local", ("--jobs", "2")), ("dask", ("--dask", two.address))):
            for n in COUNTS:
                experiment, results = scratch / "trivial.toml", scratch / f"{kind}_{n}"
                experiment.write_text(EXPERIMENT.format(n=n))
                command = (sys.executable, "-m", "alrun", "sweep", str(experiment))
                seconds, mebibytes = seconds_and_memory(
                    *command, "--results", str(results), *options
                )
                in_runs = load_runs(results).filter(regex="^seconds_").sum().sum()
                figures[f"{kind}_{n}_ms_per_run"] = 1000 * (seconds - in_runs / 2) / n
                figures[f"{kind}_{n}_mib"] = mebibytes
    return figures


def rounds(scratch: Path) -> dict[str, float]:
    """Return CPU milliseconds of a round outside the fit, and the exponent of their growth.

    A label is bought at a time, up to 5,000, of 60,000 x 64. The milliseconds are medians of 250
    rounds; the exponent is the slope of their logarithm by that of the number of labels.
    """
    rng = np.random.default_rng(0)
    y = np.arange(60_000) % 2
    X = (rng.normal(size=(len(y), 64)) + y[:, None] / 4).astype(np.float32)
    figures = {}
    for name in ("random", "margin"):
        spec = RunSpec(
            DatasetSpec("made up", "made up", "made up", "none", 10_000),
            InitialSpec("per_class", 2),
            ModelSpec("logistic", "logistic", {"C": 1.0, "class_weight": None}, 1),
            StrategySpec(name, name, {}, 1),
            batch_size=1,
            budget=5_000,
            seed=0,
        )
        outside = _outside_the_fit(spec, Dataset(X, y, (0, 1), "made up"))
        medians = np.median(outside[: len(outside) // 250 * 250].reshape(-1, 250), axis=1)
        n_labels = 250 * (np.arange(len(medians)) + 0.5)
        figures[f"{name}_ms_at_first"] = 1000 * medians[0]
        figures[f"{name}_ms_at_last"] = 1000 * medians[-1]
        figures[f"{name}_exponent"] = np.polyfit(np.log(n_labels), np.log(medians), 1)[0]
    return figures


def _outside_the_fit(spec: RunSpec, dataset: Dataset) -> np.ndarray:
    """Return the CPU seconds between the fits of a run, shape (n_rounds - 1,)."""
    fit, started, ended = Learner.fit, [], []

    def timed(learner: Learner) -> object:
        started.append(time.process_time())
        predictions = fit(learner)
        ended.append(time.process_time())
        return predictions

    with mock.patch.object(Learner, "fit", timed):
        loop.run_active_learning(spec, dataset)
    return np.array(started[1:]) - np.array(ended[:-1])


MEASUREMENTS = {
    "rounds": (rounds, "an exponent of 0: outside the fit no round costs more than the first"),
    "overhead": (overhead, "at 10,000 runs at most 5 ms, on Dask 15; memory within 200 MiB"),
}
