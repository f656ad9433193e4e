"""The memory of a sweep over features that do not fit in memory."""

import os
import resource
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import psutil

# With `ALRUN_BENCH_ROWS=4000000` the features take 4 GB.
ROWS = int(os.environ.get("ALRUN_BENCH_ROWS", "200000"))
FEATURES, CLASSES, BLOCK = 256, 10, 50_000
# The limit on the data of each process, as by `ulimit -d 3145728`.
LIMIT = 3 * 2**30
STRATEGIES = ("random", "margin", "entropy", "badge", "k_center")
EXPERIMENT = """
strategies  = ["{strategy}"]
batch_sizes = [100]
seeds       = 1
budget      = 320
initial     = {{per_class = 2}}
dataset     = {{name = "{name}", target = "{target}", test_size = 10_000{more}}}
"""


def write_npy(folder: Path) -> tuple[str, str]:
    """Write overlapping classes to a .npy file, block by block; return its name and the target."""
    rng = np.random.default_rng(0)
    means = rng.normal(size=(CLASSES, FEATURES)).astype(np.float32) / 8
    X = np.lib.format.open_memmap(folder / "X.npy", "w+", np.float32, (ROWS, FEATURES))
    y = np.arange(ROWS) % CLASSES
    for start in range(0, ROWS, BLOCK):
        codes = y[start : start + BLOCK]
        noise = rng.standard_normal((len(codes), FEATURES), dtype=np.float32)
        X[start : start + BLOCK] = means[codes] + noise
    np.save(folder / "y.npy", y)
    return "X.npy", "y.npy"


def write_parquet(folder: Path) -> tuple[str, str]:
    """Write the same as columns of a Parquet file."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    X, y = np.load(folder / "X.npy", mmap_mode="r"), np.load(folder / "y.npy")
    names = [f"f{place}" for place in range(FEATURES)]
    schema = pa.schema([*((name, pa.float32()) for name in names), ("target", pa.int64())])
    with pq.ParquetWriter(folder / "m.parquet", schema) as writer:
        for start in range(0, ROWS, BLOCK):
            rows = slice(start, start + BLOCK)
            columns = [*np.ascontiguousarray(X[rows].T), y[rows]]
            writer.write_table(pa.table(dict(zip(schema.names, columns, strict=True)), schema))
    return "m.parquet", "target"


def not_in_memory(scratch: Path) -> dict[str, float]:
    """Return seconds, and the peak of anonymous memory of one process, of sweeps of one run."""
    figures: dict[str, float] = {"gigabytes": ROWS * FEATURES * 4 / 1e9}
    npy, parquet = write_npy(scratch), write_parquet(scratch)
    cases = [(strategy, strategy, *npy, "") for strategy in STRATEGIES]
    cases.append(("margin_parquet", "margin", *parquet, ""))
    cases.append(("margin_standard", "margin", *npy, ', scale = "standard"'))
    for case, strategy, name, target, more in cases:
        text = EXPERIMENT.format(strategy=strategy, name=name, target=target, more=more)
        (scratch / f"{case}.toml").write_text(text)
        status, seconds, peak = watched(scratch / f"{case}.toml", scratch / case)
        figures[f"{case}_seconds"] = seconds if status == 0 else np.nan
        figures[f"{case}_peak_mib"] = peak / 2**20
    return figures


def watched(experiment: Path, results: Path) -> tuple[int, float, int]:
    """Return exit code, seconds and the largest RssAnon of any process of a sweep, in bytes."""
    command = [sys.executable, "-m", "alrun", "sweep", str(experiment), "--jobs", "1"]
    started, peak = time.perf_counter(), 0
    sweep = psutil.Popen(
        [*command, "--results", str(results)],
        stdout=subprocess.DEVNULL,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_DATA, (LIMIT, LIMIT)),
    )
    while sweep.poll() is None:
        with suppress(psutil.NoSuchProcess):
            for process in (sweep, *sweep.children(recursive=True)):
                with suppress(OSError, IndexError):  # the process may have ended
                    status = Path(f"/proc/{process.pid}/status").read_text()
                    peak = max(peak, 1024 * int(status.split("RssAnon:")[1].split()[0]))
        time.sleep(0.05)
    return sweep.returncode, time.perf_counter() - started, peak


MEASUREMENTS = {
    "not_in_memory": (not_in_memory, "at 4 GB and `ulimit -d 3145728` at most 3,072 MiB"),
}
