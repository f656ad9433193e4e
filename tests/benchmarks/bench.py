"""Benchmarks of a user's waiting time: sweep, report, planning and start.

Refits and rounds are measured too, beside those of other libraries. Each figure is printed with its
goal, and all are stored in results/benchmarks.json. Nothing is asserted, since machines differ.
Name measurements on the command line to take only those.
"""

import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path

import growth
import mapped
import million
import numpy as np
import peers
import psutil
import pyarrow as pa
import pyarrow.parquet as pq
import refits
import signals
import strategies
from consumption import seconds_and_memory

from alrun import load_runs, stats
from alrun.records import PHASES
from alrun.results.schema import CURVES
from alrun.sweep.plan import plan_sweep

ROOT = Path(__file__).parent.parent.parent
STORED = ROOT / "results" / "benchmarks.json"
MAIN = "from alrun.cli.app import main; main()"
GRID = """
strategies  = ["random", "least_confidence", "margin", "entropy"]
batch_sizes = [2, 5, 10, 20, 50]
seeds       = 500
targets     = [0.85, 0.90, 0.95]
budget      = 320
dataset     = {name = "digits", scale = 16, test_size = 540}
"""


def share_of_work(scratch: Path) -> dict[str, float]:
    """Return the share of wall time x cores that the digits sweep spends in its runs.

    The time starts when the experiment's file is written, just before the first run is handed out.
    """
    results = scratch / "digits"
    experiment = str(ROOT / "experiments" / "digits.toml")
    command = [sys.executable, "-c", MAIN, "sweep", experiment, "--results", str(results)]
    seconds, _ = seconds_and_memory(*command)
    stored = [path.stat().st_mtime for path in (results / "runs").iterdir()]
    wall = max(stored) - (results / "experiment.toml").stat().st_mtime
    runs, cores = load_runs(results), os.cpu_count() or 1
    worked = runs[[f"seconds_{phase}" for phase in PHASES if phase != "prepare"]].sum().sum()
    return {
        "runs": len(runs),
        "command_seconds": seconds,
        "wall_seconds": wall,
        "cores": cores,
        "share_of_work": worked / (wall * cores),
    }


WIDE = """
strategies  = ["random", "margin", "k_center"]
batch_sizes = [100]
seeds       = 2
budget      = 320
dataset     = {{name = "{name}", scale = 255, test_size = {test_size}}}
"""


def sweep_memory(scratch: Path) -> dict[str, float]:
    """Return the peak memory of a sweep on two workers over 70,000 x 784, as a share of the data.

    The memory of the same sweep over little data is subtracted. Memory-mapped files count once.
    """
    rng = np.random.default_rng(0)
    figures = {}
    for kind in (np.float64, np.float32):
        peaks = []
        for n in (700, 70_000):
            name = f"{n}_{kind.__name__}.npz"
            y = np.arange(n) % 10
            X = (255 * rng.random((n, 784))).astype(kind)
            np.savez(scratch / name, X=X, y=y)
            test_size = 200 if n == 700 else 10_000
            (scratch / "wide.toml").write_text(WIDE.format(name=name, test_size=test_size))
            peaks.append(peak_bytes(scratch / "wide.toml", scratch / name.replace(".npz", "")))
        figures[kind.__name__] = (peaks[1] - peaks[0]) / X.nbytes
    return figures


def peak_bytes(experiment: Path, results: Path) -> float:
    """Return the peak memory of a sweep and its two workers together."""
    command = [sys.executable, "-c", MAIN, "sweep", str(experiment), "--jobs", "2"]
    sweep = psutil.Popen(
        [*command, "--results", str(results)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    peak = 0
    while sweep.poll() is None:
        own, of_files = 0, 0
        for process in (sweep, *sweep.children(recursive=True)):
            with suppress(OSError, IndexError):  # the process may have ended
                status = Path(f"/proc/{process.pid}/status").read_text()
                own += kilobytes("RssAnon", status)
                of_files = max(of_files, kilobytes("RssFile", status))
        peak = max(peak, own + of_files)
        time.sleep(0.02)
    if sweep.returncode:
        raise RuntimeError(f"{command} ended with {sweep.returncode}")
    return 1024 * peak


def kilobytes(key: str, status: str) -> int:
    """Return a figure from the text of a process's status."""
    return int(status.split(f"{key}:")[1].split()[0])


def start(scratch: Path) -> dict[str, float]:
    """Return the seconds of `alrun --help` and of a bare interpreter, measured in turn."""
    helps, bares = [], []
    for _ in range(15):
        helps.append(seconds_and_memory(sys.executable, "-c", MAIN, "--help")[0])
        bares.append(seconds_and_memory(sys.executable, "-c", "pass")[0])
    return {
        "help_seconds": statistics.median(helps),
        "bare_python_seconds": statistics.median(bares),
    }


def made_up_curves(
    path: Path,
    n_seeds: int = 250,
    n_rounds: int = 100,
    strategies: Sequence[str] = ("entropy", "least_confidence", "margin", "random"),
    batch_sizes: Sequence[int] = (2, 5, 10, 20, 50),
    datasets: Sequence[str] = ("one", "two"),
) -> None:
    """Write curves, rising to about .95; by default of 10,000 runs x 100 rounds."""
    rng = np.random.default_rng(0)
    cells = [
        (dataset, "logistic", strategy, batch_size, seed)
        for dataset in datasets
        for strategy in strategies
        for batch_size in batch_sizes
        for seed in range(n_seeds)
    ]
    columns = [np.repeat(np.array(values), n_rounds) for values in zip(*cells, strict=True)]
    rounds = np.tile(np.arange(n_rounds), len(cells))
    speed = np.repeat(rng.uniform(0.02, 0.06, len(cells)), n_rounds)
    accuracy = 0.95 - 0.3 * np.exp(-speed * rounds) + rng.normal(0, 0.005, len(rounds))
    n_correct = np.rint(1000 * accuracy).astype(np.int32)
    values = dict(zip(("dataset", "model", "strategy", "batch_size", "seed"), columns, strict=True))
    values |= {
        "round": rounds,
        "run_id": np.repeat([f"{run:016x}" for run in range(len(cells))], n_rounds),
        "n_labels": 20 + values["batch_size"] * rounds,
        "n_test": np.full(len(rounds), 1000),
        "n_correct": n_correct,
        **dict.fromkeys(("accuracy", "balanced_accuracy", "macro_f1"), n_correct / 1000),
        "log_loss": rng.uniform(size=len(rounds)),
        "average_precision": np.full(len(rounds), np.nan),
    }
    values["start"] = [""] * len(rounds)
    arrays = [
        pa.array(values[field.name]).cast(field.type)
        if field.name in values
        else pa.nulls(len(rounds), field.type)
        for field in CURVES
    ]
    path.mkdir(parents=True)
    pq.write_table(pa.table(arrays, schema=CURVES), path / "curves.parquet", compression="zstd")


def report(scratch: Path) -> dict[str, float]:
    """Return seconds and memory of `alrun report` on 10,000 runs x 100 rounds."""
    made_up_curves(scratch / "many")
    return _report_figures(scratch / "many")


def report_of_many_strategies(scratch: Path) -> dict[str, float]:
    """Return seconds and memory of `alrun report` on 300 strategies x 20 seeds x 30 rounds."""
    names = ["random", *(f"strategy_{place}" for place in range(299))]
    made_up_curves(scratch / "many", 20, 30, names, [10], ["one"])
    return _report_figures(scratch / "many")


def _report_figures(path: Path) -> dict[str, float]:
    targets = ["--target", "0.85", "--target", "0.9"]
    command = [sys.executable, "-c", MAIN, "report", str(path), *targets]
    figures = [seconds_and_memory(*command) for _ in range(3)]
    return {
        "report_seconds": statistics.median(seconds for seconds, _ in figures),
        "report_peak_mib": max(memory for _, memory in figures),
    }


def joint_statistics(scratch: Path) -> dict[str, float]:
    """Return the seconds of maxT over 24 tests of 50 seeds, and of 24 bands of 100 points."""
    rng = np.random.default_rng(0)
    differences = rng.integers(-10, 15, size=(50, 24))
    curves = rng.normal(size=(24, 50, 100)).cumsum(axis=2)
    times = []
    for _ in range(3):
        started = time.perf_counter()
        stats.max_t(differences)
        for one in curves:
            stats.band_half_width(one)
        times.append(time.perf_counter() - started)
    return {"seconds": statistics.median(times)}


def planning(scratch: Path) -> dict[str, float]:
    """Return the seconds to plan a sweep of 10,000 finished runs."""
    (scratch / "grid.toml").write_text(GRID)
    plan = plan_sweep(scratch / "grid.toml", scratch / "grid")
    plan.store.prepare()
    for identity in plan.specs:
        (scratch / "grid" / "runs" / f"{identity}.parquet").touch()
    times = []
    for _ in range(3):
        started = time.perf_counter()
        missing = plan_sweep(scratch / "grid.toml", scratch / "grid").missing()
        times.append(time.perf_counter() - started)
    return {
        "runs_planned": len(plan.specs),
        "runs_missing": len(missing),
        "planning_seconds": statistics.median(times),
    }


MEASUREMENTS = {
    "start": (start, "help at most .3 s"),
    "planning": (planning, "at most 2 s for 10,000 runs"),
    "report": (report, "at most 3 s and 1 GiB for a million rows"),
    "report_of_many_strategies": (report_of_many_strategies, "at most 10 s"),
    "joint_statistics": (joint_statistics, "at most 2 s"),
    "share_of_work": (share_of_work, "at least .90, in 40 s"),
    "sweep_memory": (sweep_memory, "at most 1.6: the data once, and .30 of them per worker"),
    **growth.MEASUREMENTS,
    **mapped.MEASUREMENTS,
    **million.MEASUREMENTS,
    **peers.MEASUREMENTS,
    **refits.MEASUREMENTS,
    **signals.MEASUREMENTS,
    **strategies.MEASUREMENTS,
}


def main() -> None:
    """Take the measurements named on the command line, or all."""
    stored = json.loads(STORED.read_text()) if STORED.is_file() else {}
    packages = ("numpy", "scikit-learn", "pandas", "pyarrow", "distributed", "scikit-activeml")
    stored["machine"] = f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores"
    stored["versions"] = {"python": platform.python_version()} | {
        package: version(package) for package in packages
    }
    for name in sys.argv[1:] or MEASUREMENTS:
        measure, goal = MEASUREMENTS[name]
        with tempfile.TemporaryDirectory() as scratch:
            measured = measure(Path(scratch))
            figures = {key: float(f"{value:.5g}") for key, value in measured.items()}
        stored[name] = figures
        print(f"{name} (goal: {goal})")
        for key, value in figures.items():
            print(f"  {key:28} {value:g}", flush=True)
    STORED.write_text(json.dumps(stored, indent=1) + "\n")


if __name__ == "__main__":
    main()
