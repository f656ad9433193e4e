"""The overhead of a sweep by its number of runs, on this machine and on a cluster of two processes.

The runs take almost no time, so that everything else is measured: planning, handing out, storing,
and the tables.
"""

import sys
from pathlib import Path

from consumption import seconds_and_memory

from alrun import load_runs

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


MEASUREMENTS = {
    "overhead": (overhead, "at 10,000 runs at most 5 ms, on Dask 15; memory within 200 MiB"),
}
