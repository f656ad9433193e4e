"""Benchmarks of refits to embeddings with up to a hundred classes, beside those of scikit-learn.

A random run labels examples of overlapping classes, and every model is fitted after each batch. One
thread is used, and the models take turns, since ratios are less noisy than times.
"""

import gc
import statistics
import time
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import sklearn
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

from alrun.arrays import FloatArray, IntArray
from alrun.models.logistic.estimator import Logistic
from alrun.models.logistic.newton import Objective

# Classes, features, batch size and labels at the end.
RUNS = (
    (2, 384, 50, 970),
    (10, 384, 10, 210),
    (10, 384, 100, 1510),
    (20, 384, 100, 1520),
    (100, 128, 100, 1600),
    (100, 384, 100, 1600),
    (100, 384, 500, 5100),
)
# Rounds that are measured, and others before them.
ROUNDS, ROUNDS_BEFORE = 8, 2


def overlapping(n: int, n_classes: int, n_features: int) -> tuple[FloatArray, IntArray]:
    """Return n examples around the centres of their classes, which overlap.

    A random run over more examples of their kind labels such examples, so that no more are needed.
    """
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(n_classes, n_features))
    y = rng.integers(n_classes, size=n)
    y[:n_classes] = np.arange(n_classes)  # scikit-learn's warm start takes no new classes
    return 0.2 * (rng.normal(size=(n, n_features)) + 0.17 * centres[y]), y


def fresh_models() -> dict[str, Any]:
    """Return the models in the order of their turns; cold ones start each fit from zero."""
    return {
        "ours": Logistic(warm_start=True),
        "tolerant": Logistic(warm_start=True, tolerance=1e-4),
        "scikit_learn": LogisticRegression(),
        "warm_scikit_learn": LogisticRegression(warm_start=True),
    }


def times_along(
    n_classes: int, n_features: int, batch_size: int, n_labels: int
) -> Mapping[str, Any]:
    """Return the CPU milliseconds of each model's fits in the last rounds of the run, a list each.

    Under "iterations" stand those of scikit-learn's default, and under "gradient" with the name of
    a model the largest component, as a share of the number of labels: 1e-4 is the default's limit.
    """
    times: dict[str, list[float]] = {"iterations": []}
    X, y = overlapping(n_labels, n_classes, n_features)
    models = fresh_models()
    n_rounds = min(ROUNDS + ROUNDS_BEFORE, n_labels // batch_size)
    for left in reversed(range(n_rounds)):
        n = n_labels - left * batch_size
        for name, model in models.items():
            features, labels = X[:n].copy(), y[:n].copy()
            gc.collect()
            started = time.process_time()
            model.fit(features, labels)
            if left < ROUNDS:
                times.setdefault(f"{name}_ms", []).append(1000 * (time.process_time() - started))
                times.setdefault(f"{name}_gradient", []).append(
                    gradient_share(model, features, labels)
                )
        times["iterations"].append(float(models["scikit_learn"].n_iter_[0]))
    return times


def gradient_share(model: Any, X: FloatArray, y: IntArray) -> float:
    """Return the largest component of the gradient at a fitted model of C = 1, per label."""
    A = np.column_stack([X, np.ones(len(X))])
    Y = (y == model.classes_[:, None]).astype(float)[-len(model.coef_) :]
    weights = np.column_stack([model.coef_, model.intercept_])
    return float(np.abs(Objective(A, Y, np.ones(len(X))).at(weights).gradient).max()) / len(y)


def refits(scratch: Path) -> dict[str, float]:
    """Return milliseconds per refit of each model, and how many times as long scikit-learn takes.

    The ratios are medians over the rounds, the other figures means. Ratios are to the default of
    scikit-learn, fitted from scratch.
    """
    figures = {}
    for run in RUNS:
        with (
            threadpool_limits(1),
            sklearn.config_context(assume_finite=True),
            warnings.catch_warnings(),
        ):
            warnings.simplefilter("ignore")
            times = times_along(*run)
        name = "{}x{}_{}_to_{}".format(*run)
        figures |= {f"{name}_{kind}": statistics.fmean(values) for kind, values in times.items()}
        for kind, ratio in (("ours", "ratio"), ("tolerant", "tolerant_ratio")):
            peer = times["scikit_learn_ms"]
            figures[f"{name}_{ratio}"] = median_ratio(peer, times[f"{kind}_ms"])
    return figures


def median_ratio(slow: list[float], fast: list[float]) -> float:
    """Return the median of the quotients of the paired times."""
    return statistics.median(a / b for a, b in zip(slow, fast, strict=True))


MEASUREMENTS = {
    "refits": (
        refits,
        "scikit-learn's default takes at least 1, 2, 1, 1, .8, .6, .5 times as long, and with the"
        " tolerance of its default 1.5 times, 2 in the second run",
    ),
}
