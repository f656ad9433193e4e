"""The same decisions and scores on every processor, by making this one behave like others.

OpenBLAS takes the kernels of the processor that OPENBLAS_CORETYPE names, NumPy drops the loops for
the instructions that NPY_DISABLE_CPU_FEATURES names. Each changes the rounding of almost every sum.
"""

import os
import subprocess
import sys
from functools import cache

import numpy as np
import pandas as pd
import pytest
from numpy._core import _multiarray_umath

from alrun.metrics import METRICS
from alrun.records import SIGNAL_TOLERANCES
from alrun.strategies.registry import BUILT_IN

LOOPS = _multiarray_umath.__cpu_dispatch__
GRID = """
strategies  = ["random", "least_confidence", "margin", "entropy"]
batch_sizes = [10]
seeds       = {seeds}
budget      = {budget}
"""
EVERY = f"""
strategies  = {list(BUILT_IN)}
batch_sizes = [10]
seeds       = {{seeds}}
budget      = {{budget_of_every}}
initial     = {{{{size = 10, method = "kmeans"}}}}
"""
LATE = """
strategies  = ["margin", "entropy"]
batch_sizes = [10]
seeds       = 1
budget      = {budget_of_late}
initial     = {{size = 370, method = "random"}}
"""
NOISY = """
strategies  = ["margin"]
seeds       = 1
budget      = 40
oracle      = [
    {{kind = "boundary", noise = 0.2}}, {{kind = "instance", noise = 0.2}},
    {{noise = 0.2, votes = 3, relabel = "disagreement", share = 0.3}},
]
"""
EXPERIMENTS = {
    "digits": GRID + 'dataset = {{name = "digits", scale = 16, test_size = 540}}',
    "raw": GRID + 'dataset = {{name = "digits", test_size = 540}}',
    "late": LATE + 'dataset = {{name = "digits", scale = 16, test_size = 540}}',  # large fits
    "two_classes": GRID + 'dataset = {{name = "breast_cancer"}}',
    "noisy": NOISY + 'dataset = {{name = "digits", scale = 16, test_size = 540}}',
    "every": EVERY + 'dataset = {{name = "breast_cancer", scale = "standard"}}',
}
SIZES = {
    "short": {"seeds": 1, "budget": 60, "budget_of_every": 40, "budget_of_late": 390},
    "long": {"seeds": 2, "budget": 130, "budget_of_every": 60, "budget_of_late": 450},
}
# Not through a worker, which would keep to one thread. Prints the kernels that were used.
COMPUTE = """
import sys
from pathlib import Path
from threadpoolctl import threadpool_info
from alrun.run.loop import run_active_learning
from alrun.spec import run_id
from alrun.results.run_file import serialize_run
from alrun.sweep.plan import plan_sweep
from alrun.sweep.run import rebuild_tables

for path in map(Path, sys.argv[2:]):
    plan = plan_sweep(path, Path(sys.argv[1]) / path.stem)
    plan.store.prepare()
    for spec in plan.specs.values():
        dataset = plan.sources[spec.dataset.display_name].at(spec.seed)
        result = run_active_learning(spec, dataset)
        content = serialize_run(spec, result, dataset.classes, {})
        plan.store.write_run(run_id(spec), content)
    rebuild_tables(plan)
pools = threadpool_info()
print(*{(pool.get("architecture"), pool["num_threads"]) for pool in pools
        if pool["user_api"] == "blas"}, sep=";")
"""
# Threads that wait for work are to sleep: spinning they take many times the processor time of the
# work, and that from each other where there are few cores.
SLEEPING = {"OPENBLAS_THREAD_TIMEOUT": "4"}  # a power of two in cycles
MACHINES = [
    *(
        {"OPENBLAS_CORETYPE": kernel, "OPENBLAS_NUM_THREADS": threads}
        for kernel in ("Haswell", "SkylakeX", "Nehalem")
        for threads in ("1", "2")
    ),
    {"NPY_DISABLE_CPU_FEATURES": " ".join(LOOPS), "OPENBLAS_NUM_THREADS": "1"},
]
# They are compared with this machine, whose own kernels are one of these, with all its threads.
CASES = [
    *((MACHINES[place], "short") for place in (0, 5, 6)),
    *(pytest.param(machine, "long", marks=pytest.mark.slow) for machine in MACHINES),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("everywhere")
    for size, numbers in SIZES.items():
        (folder / size).mkdir()
        for name, content in EXPERIMENTS.items():
            (folder / size / f"{name}.toml").write_text(content.format(**numbers))
    return folder


def computed(folder, name, environment):
    """Compute the experiments in a process with this environment; return the kernels it used."""
    files = [str(folder / f"{experiment}.toml") for experiment in EXPERIMENTS]
    command = [sys.executable, "-c", COMPUTE, str(folder / name), *files]
    kept = {key: value for key, value in os.environ.items() if not key.startswith("OPENBLAS")}
    process = subprocess.run(
        command, env=kept | SLEEPING | environment, capture_output=True, text=True, check=False
    )
    assert process.returncode == 0, process.stderr
    return process.stdout


@pytest.fixture(scope="module")
def here(folder):
    """Return how to get the results of this machine, computed once for each size."""

    @cache
    def of(size):
        computed(folder / size, "here", {})
        return folder / size / "here"

    return of


def id_of(value):
    return value if isinstance(value, str) else "-".join(value.values())


@pytest.mark.parametrize(("machine", "size"), CASES, ids=id_of)
def test_decisions_and_counts_are_equal_and_losses_to_six_digits(folder, here, machine, size):
    name = id_of(machine).replace(" ", "-")
    used = computed(folder / size, name, machine)
    kernel = machine.get("OPENBLAS_CORETYPE")
    if kernel is not None and used.strip() != str((kernel, int(machine["OPENBLAS_NUM_THREADS"]))):
        pytest.skip(f"{kernel} kernels and its threads are not to be had here, but {used.strip()}")
    if not LOOPS:
        pytest.skip("this NumPy has one set of loops")
    for experiment in EXPERIMENTS:
        ours, theirs = here(size) / experiment, folder / size / name / experiment
        pd.testing.assert_frame_equal(
            pd.read_parquet(theirs / "queries.parquet"), pd.read_parquet(ours / "queries.parquet")
        )
        close = {name: metric.tolerance for name, metric in METRICS.items()}
        for table, tolerances in (("curves", close), ("signals", SIGNAL_TOLERANCES)):
            assert_agree(ours / f"{table}.parquet", theirs / f"{table}.parquet", tolerances)


def assert_agree(ours, theirs, tolerances):
    """Check that two tables are equal but for columns with a tolerance, which is 1e-6."""
    ours, theirs = pd.read_parquet(ours), pd.read_parquet(theirs)
    close = [name for name, tolerance in tolerances.items() if tolerance]
    assert {tolerances[name] for name in close} == {1e-6}
    assert ours[close].notna().any().all()
    np.testing.assert_allclose(theirs[close], ours[close], rtol=0, atol=1e-6)
    pd.testing.assert_frame_equal(
        theirs.drop(columns=close), ours.drop(columns=close), check_exact=True
    )


def test_other_kernels_do_round_differently(folder):
    """Else the test above would compare a thing with itself."""
    for size in SIZES:
        files = list(folder.glob(f"{size}/*/raw/curves.parquet"))
        losses = {pd.read_parquet(path)["log_loss"].to_numpy().tobytes() for path in files}
        if len(files) > 1 and LOOPS:
            assert len(losses) > 1
