"""Benchmarks of a query by every strategy in pools of three sizes, beside scikit-activeml's.

Ours and theirs query the same pool with the same fitted model. Each has a process of its own, one
after the other, to measure its memory and to stop it if it takes too long. Run as a program, this
module is such a process.
"""

import json
import statistics
import subprocess
import sys
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from alrun.models.classifier import Classifier
from alrun.models.predictions import Predictions
from alrun.run.query import query
from alrun.spec_parts import StrategySpec
from alrun.strategies.registry import BUILT_IN, resolve
from alrun.strategies.support.pool import Pool

SIZES = (1_000, 10_000, 60_000)
N_LABELS, BATCH, SECONDS_AT_MOST = 300, 100, 100
# Their strategy by ours, with the parameters that make them the same rule.
PEERS: dict[str, tuple[str, dict[str, Any]]] = {
    "random": ("RandomSampling", {}),
    "least_confidence": ("UncertaintySampling", {"method": "least_confident"}),
    "margin": ("UncertaintySampling", {"method": "margin_sampling"}),
    "entropy": ("UncertaintySampling", {"method": "entropy"}),
    "k_center": ("CoreSet", {}),
    "badge": ("Badge", {}),
    "falcun": ("Falcun", {}),
    "typiclust": ("TypiClust", {}),
    "prob_cover": ("ProbCover", {}),
    "max_herding": ("MaxHerding", {}),
    "qbc_vote": ("QueryByCommittee", {"method": "vote_entropy"}),
    "qbc_kl": ("QueryByCommittee", {"method": "KL_divergence"}),
}


def queries(scratch: Path) -> dict[str, float]:
    """Return seconds and MiB of a query of 100 by strategy and size, and theirs."""
    figures: dict[str, float] = {}
    for size in SIZES:
        for name in BUILT_IN:
            ours = measured(name, {}, size)
            assert ours is not None
            figures |= {f"{name}_{size}_{key}": value for key, value in ours.items()}
            if name not in PEERS:
                continue
            peer, parameters = PEERS[name]
            theirs = measured(f"skactiveml:{peer}", parameters, size)
            if theirs is not None:
                seconds = theirs["seconds"]
                figures[f"{name}_{size}_scikit_activeml_seconds"] = seconds
                figures[f"{name}_{size}_scikit_activeml_mib"] = theirs["mib"]
                figures[f"{name}_{size}_ratio"] = seconds / ours["seconds"]
    return figures


def measured(name: str, parameters: dict[str, Any], size: int) -> dict[str, float] | None:
    """Return the figures of one strategy, or None if it takes too long or too much memory."""
    command = [sys.executable, __file__, name, json.dumps(parameters), str(size)]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=SECONDS_AT_MOST, check=True
        )
    except (subprocess.TimeoutExpired, subprocess.CalledProcessError) as error:
        if name in BUILT_IN:
            raise
        print(f"  {name} at {size}: {error}"[:100], file=sys.stderr)
        return None
    return json.loads(done.stdout)


def made_up(size: int) -> tuple[Any, Any]:
    """Return features of MNIST's width in 60 clusters of unequal size, and ten classes."""
    rng = np.random.default_rng(0)
    cluster = rng.choice(60, size=size, p=rng.dirichlet(np.full(60, 2.0)))
    latent = 2 * rng.normal(size=(60, 30))[cluster] + rng.normal(size=(size, 30))
    X = latent @ rng.normal(size=(30, 784)) / 30 + 0.1 * rng.normal(size=(size, 784))
    return X, cluster % 10


def one_query(name: str, parameters: dict[str, Any], size: int) -> dict[str, float]:
    """Return CPU seconds of the first query and of the next, those once per split, and MiB."""
    X, y = made_up(size)
    labelled, unlabelled = np.arange(N_LABELS), np.arange(N_LABELS, size)
    classifier = Classifier("logistic", {"C": 1.0}, 10, np.random.default_rng(0))
    classifier.fit(X[labelled], y[labelled])
    spec = StrategySpec(name, name, *resolve(name, parameters))
    small = np.arange(N_LABELS, N_LABELS + 200)  # a first query, to import everything
    query(spec, Pool(X, small, labelled, y[labelled], Predictions(classifier, X)), 5, stream())
    firsts, nexts, prepares = [], [], []
    before = mib("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # the peak from here on
    while not firsts or (len(firsts) < 3 and sum(firsts) < 5):
        pool = Pool(X, unlabelled, labelled, y[labelled], Predictions(classifier, X))
        started = time.process_time()
        picked = query(spec, pool, BATCH, stream())[0]
        prepares.append(pool.training.stopwatch.cpu_seconds["prepare"])
        firsts.append(time.process_time() - started - prepares[-1])
        paid = np.concatenate([labelled, unlabelled[picked]])
        left = np.delete(unlabelled, picked)
        pool = Pool(X, left, paid, y[paid], Predictions(classifier, X), pool.training)
        started = time.process_time()
        query(spec, pool, min(BATCH, len(left)), stream())
        nexts.append(time.process_time() - started)
        if not name.isidentifier():  # theirs caches nothing between rounds
            break
    return {
        "seconds": statistics.median(firsts) + statistics.median(prepares),
        "prepare_seconds": statistics.median(prepares),
        "next_seconds": statistics.median(nexts),
        "mib": mib("VmHWM") - before,
    }


def stream() -> np.random.Generator:
    """Return the generator of a query."""
    return np.random.default_rng(0)


def mib(key: str) -> float:
    """Return a figure of this process's memory in MiB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(key)) / 1024


MEASUREMENTS = {
    "queries": (
        queries,
        "at 60,000 at most 10 s and 1 GiB; at 10,000 k_center, badge, typiclust"
        " at least 5 times scikit-activeml",
    ),
}

if __name__ == "__main__":
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        print(json.dumps(one_query(sys.argv[1], json.loads(sys.argv[2]), int(sys.argv[3]))))
