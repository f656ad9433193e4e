"""Queries in a pool of a million examples, beside scikit-activeml's where they can be had.

Each strategy has a process of its own, which queries twice. Those of scikit-activeml may take 100
seconds and 8 GB of memory; most of them need more. Run as a program, this module is such a process.
"""

import json
import os
import resource
import subprocess
import sys
import time
import warnings
from pathlib import Path

import numpy as np
import sklearn
from strategies import BATCH, N_LABELS, PEERS, SECONDS_AT_MOST, mib, stream
from threadpoolctl import threadpool_limits

from alrun.models.classifier import Classifier
from alrun.models.predictions import Predictions
from alrun.run.query import query
from alrun.spec_parts import StrategySpec
from alrun.strategies.registry import resolve
from alrun.strategies.support.pool import Pool

ROWS = int(os.environ.get("ALRUN_BENCH_MILLION", "1000000"))
FEATURES, BYTES_AT_MOST = 128, 8 * 2**30
STRATEGIES = (
    "margin",
    "k_center",
    "k_means_pp",
    "badge",
    "balanced",
    "falcun",
    "typiclust",
    "cluster_margin",
    "prob_cover",
    "max_herding",
)
FIVE_RUNS = """
strategies  = ["random", "margin", "badge", "k_center", "typiclust"]
batch_sizes = [100]
seeds       = 1
budget      = 320
signals     = false
initial     = {per_class = 2}
dataset     = {name = "X.npy", target = "y.npy", test_size = 10_000, ceiling = false}
"""


def million(scratch: Path) -> dict[str, float]:
    """Return CPU seconds of two queries of 100, those once per split, and peak MiB, and theirs.

    The peak is that of the whole process, data included.
    """
    np.save(scratch / "X.npy", (features := made_up())[0])
    np.save(scratch / "y.npy", features[1])
    figures = {"data_mib": features[0].nbytes / 2**20}
    for name in STRATEGIES:
        ours = _measured(name, {}, scratch)
        figures |= {f"{name}_{key}": value for key, value in ours.items()}
        print(f"  {name} {ours}", file=sys.stderr, flush=True)
        if name in PEERS:
            peer, parameters = PEERS[name]
            try:
                theirs = _measured(f"skactiveml:{peer}", parameters, scratch)
            except (subprocess.TimeoutExpired, subprocess.CalledProcessError) as error:
                print(f"  {peer}: {error}"[:100], file=sys.stderr)
                continue
            figures[f"{name}_scikit_activeml_seconds"] = theirs["seconds"]
            figures[f"{name}_scikit_activeml_mib"] = theirs["mib"]
    (scratch / "five.toml").write_text(FIVE_RUNS)
    command = [sys.executable, "-m", "alrun", "sweep", str(scratch / "five.toml"), "--jobs", "1"]
    sweep = subprocess.Popen(
        [*command, "--results", str(scratch / "five")],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    _, status, usage = os.wait4(sweep.pid, 0)
    figures["five_runs_seconds"] = usage.ru_utime + usage.ru_stime if status == 0 else np.nan
    figures["five_runs_mib"] = usage.ru_maxrss / 1024
    return figures


def made_up() -> tuple[np.ndarray, np.ndarray]:
    """Return features in single precision, in 60 clusters, and ten classes."""
    rng = np.random.default_rng(0)
    cluster = rng.integers(0, 60, ROWS)
    X = rng.standard_normal((ROWS, FEATURES), dtype=np.float32)
    X += rng.normal(size=(60, FEATURES)).astype(np.float32)[cluster]
    return X, cluster % 10


def _measured(name: str, parameters: dict[str, object], scratch: Path) -> dict[str, float]:
    command = [sys.executable, __file__, name, json.dumps(parameters), str(scratch)]
    is_peer = not name.isidentifier()
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=True,
        timeout=SECONDS_AT_MOST if is_peer else None,
        preexec_fn=(lambda: resource.setrlimit(resource.RLIMIT_DATA, (BYTES_AT_MOST,) * 2))
        if is_peer
        else None,
    )
    return json.loads(done.stdout)


def two_queries(name: str, parameters: dict[str, object], scratch: Path) -> dict[str, float]:
    """Return CPU seconds of the first query, of what is once per split, and of the next."""
    X, y = np.load(scratch / "X.npy"), np.load(scratch / "y.npy")
    labelled = np.arange(N_LABELS)
    unlabelled = N_LABELS + np.random.default_rng(1).permutation(len(X) - N_LABELS)
    classifier = Classifier("logistic", {"C": 1.0}, 10, np.random.default_rng(0))
    classifier.fit(X[labelled].astype(float), y[labelled])
    spec = StrategySpec(name, name, *resolve(name, parameters))
    small = Predictions(classifier, X[:500])  # a first query, to import everything
    query(spec, Pool(X[:500], np.arange(300, 500), labelled, y[labelled], small), 5, stream())
    training, seconds, prepares = None, [], []
    for _ in range(2 if name.isidentifier() else 1):  # theirs caches nothing between rounds
        predictions = Predictions(classifier, X)
        pool = Pool(X, unlabelled, labelled, y[labelled], predictions, training)
        training = pool.training
        before = training.stopwatch.cpu_seconds["prepare"]
        started = time.process_time()
        picked = query(spec, pool, BATCH, stream())[0]
        elapsed = time.process_time() - started
        prepares.append(training.stopwatch.cpu_seconds["prepare"] - before)
        seconds.append(elapsed - prepares[-1])
        labelled = np.concatenate([labelled, unlabelled[picked]])
        unlabelled = np.delete(unlabelled, picked)
    return {
        "seconds": seconds[0],
        "next_seconds": seconds[-1],
        "prepare_seconds": sum(prepares),
        "mib": mib("VmHWM"),
    }


MEASUREMENTS = {
    "million": (
        million,
        "margin .3 s; k_center, k_means_pp, badge 3; balanced, falcun 5; the others 10 and 60 once;"
        " twice the data and 512 MiB; five runs in 90 s",
    ),
}

if __name__ == "__main__":
    with (
        threadpool_limits(1),
        sklearn.config_context(assume_finite=True),
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore")
        print(json.dumps(two_queries(sys.argv[1], json.loads(sys.argv[2]), Path(sys.argv[3]))))
