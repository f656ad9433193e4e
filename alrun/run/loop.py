"""The active-learning loop: fit, evaluate, query, from the initial labels to the budget."""

import warnings
from collections import Counter
from collections.abc import Hashable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import sklearn

from alrun.arrays import IntArray
from alrun.data.dataset import Dataset
from alrun.data.duplicates import count_duplicates, count_shared
from alrun.data.features import as_float64
from alrun.data.missing import impute, impute_kept
from alrun.data.scaling import rescale
from alrun.data.splits import split_of
from alrun.models.classifier import Classifier
from alrun.models.predictions import Predictions
from alrun.records import Round, RunResult, Scores, Split
from alrun.run.oracle import TrueLabels
from alrun.run.query import query
from alrun.run.setting import new_classifier, score_test_part, select_rows
from alrun.run.signals import SignalMeter
from alrun.spec import RunSpec
from alrun.strategies.registry import find
from alrun.strategies.support.pool import Pool
from alrun.strategies.support.training_set import TrainingSet
from alrun.util.process_state import seeded
from alrun.util.random_streams import generator


def run_active_learning(spec: RunSpec, dataset: Dataset) -> RunResult:
    """Compute one run of the grid.

    It is a pure function: the same arguments give the same rounds, on any number of workers. The
    feature matrix is indexed, not copied as a whole, unless `spec` asks for scaling or imputation,
    which are fitted on the training part. The global generators of NumPy and Python are seeded too,
    for code that draws from them, and have their states back afterwards.

    Raises AlrunError if the model or the strategy gives a wrong answer.
    """
    with seeded(generator(spec.seed, "global", spec.stream_key())):
        return _run(spec, dataset)


def _run(spec: RunSpec, dataset: Dataset) -> RunResult:
    learner = _Learner.start(spec, dataset)
    stopwatch = learner.training.stopwatch
    rounds: list[Round] = []
    # Data sets are checked when they are loaded, not by every estimator in every round.
    with _recorded_warnings() as seen, sklearn.config_context(assume_finite=True):
        while True:
            n_labels, unlabelled = len(learner.labelled), learner.unlabelled
            stopwatch.enter("fit")
            predictions = learner.fit()
            # The query comes first: the scores reuse predictions that it computes.
            stopwatch.enter("query")
            batch, labels = learner.query(predictions)
            stopwatch.enter("evaluate")
            scores = learner.evaluate(predictions)
            # The signals come last: the scores are the same with and without them.
            stopwatch.enter("signals")
            signals = learner.measure(predictions, n_labels, unlabelled)
            rounds.append(Round(n_labels, scores, batch, labels, signals))
            if len(batch) == 0:
                break
    stopwatch.enter(None)
    return RunResult(
        tuple(rounds),
        "budget" if n_labels >= spec.budget else "pool empty",
        stopwatch.seconds,
        stopwatch.cpu_seconds,
        dict(seen),
        {**learner.diagnostics, "fallback_rounds": learner.classifier.n_fallbacks},
    )


@dataclass
class _Learner:
    """The state of one run: its data, the labels bought so far, and its random streams.

    Attributes
    ----------
    rows
        The rows of the data set that X has, in order. All other indices are positions in X.
    X_of_strategy
        The features as the strategy sees them: X without missing values.
    labelled, labels
        The labelled examples and their class codes, of the same length.
    unlabelled
        The rest of the pool.
    test, y_test
        The test part and its class codes.
    """

    spec: RunSpec
    rows: IntArray
    X: Any
    X_of_strategy: Any
    oracle: TrueLabels
    labelled: IntArray
    labels: IntArray
    unlabelled: IntArray
    test: IntArray
    y_test: IntArray
    training: TrainingSet
    classifier: Classifier
    meter: SignalMeter | None
    strategy_rng: np.random.Generator
    diagnostics: dict[str, int]

    @classmethod
    def start(cls, spec: RunSpec, dataset: Dataset) -> "_Learner":
        """Return the state before the first round."""
        find(spec.strategy.name)  # imported now, so that no query is charged for it
        split_in_dataset = split_of(spec, dataset)
        rows, X, y, split = select_rows(dataset, split_in_dataset)
        cache_key = _cache_key(spec, split_in_dataset)
        X = impute(X, dataset.fills, split.training, cache_key)
        X = rescale(X, spec.dataset.scale, split.training)
        # The model may take missing values, but distances to them are not defined.
        X_of_strategy = impute_kept(X, dataset.fills, split.training, cache_key)
        # Files are often sorted by class. The pool is shuffled, so that this order breaks no tie.
        order = generator(spec.seed, "order", spec.stream_key()).permutation(len(split.pool))
        oracle = TrueLabels(y)
        return cls(
            spec=spec,
            rows=rows,
            X=X,
            X_of_strategy=X_of_strategy,
            oracle=oracle,
            labelled=split.initial,
            labels=oracle.label(split.initial),
            unlabelled=split.pool[order],
            test=split.test,
            y_test=y[split.test],
            training=TrainingSet(
                X_of_strategy,
                split.training,
                cache_key,
                partial(generator, spec.seed, "training", spec.dataset.fingerprint),
            ),
            classifier=new_classifier(spec, dataset),
            meter=SignalMeter(spec, split.training, len(rows)) if spec.signals else None,
            strategy_rng=generator(spec.seed, "strategy", spec.stream_key()),
            diagnostics={
                "batches": 0,
                "tied_batches": 0,
                "missing_classes": dataset.n_classes - len(np.unique(y[split.initial])),
                "pool_duplicates": count_duplicates(dataset, rows[split.pool]),
                "test_duplicates": count_shared(dataset, rows[split.test], rows[split.training]),
            },
        )

    def fit(self) -> Predictions:
        """Fit the model on the labels so far and return its predictions."""
        self.classifier.fit(as_float64(self.X[self.labelled]), self.labels)
        return Predictions(self.classifier, self.X)

    def query(self, predictions: Predictions) -> tuple[IntArray, IntArray]:
        """Buy the labels of a batch; return its rows of the data set, and their class codes.

        Both have shape (n,), and n is 0 at the end of the run.
        """
        left = self.spec.budget - len(self.labelled)
        n = min(self.spec.batch_size, left, len(self.unlabelled))
        if n <= 0:
            return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
        pool = Pool(
            self.X_of_strategy,
            self.unlabelled,
            self.labelled,
            self.labels,
            predictions,
            self.training,
        )
        picked, is_tied = query(self.spec.strategy, pool, n, self.strategy_rng)
        self.diagnostics["batches"] += 1
        self.diagnostics["tied_batches"] += is_tied
        batch = self.unlabelled[picked]
        labels = self.oracle.label(batch)
        self.labelled = np.concatenate([self.labelled, batch])
        self.labels = np.concatenate([self.labels, labels])
        self.unlabelled = np.delete(self.unlabelled, picked)
        return self.rows[batch], labels

    def evaluate(self, predictions: Predictions) -> Scores:
        """Return the model's scores on the test part."""
        return score_test_part(predictions, self.test, self.y_test)

    def measure(
        self, predictions: Predictions, n_labels: int, unlabelled: IntArray
    ) -> Mapping[str, float | None]:
        """Return the signals of the round, by name; none without a meter.

        `n_labels` and `unlabelled` are those from before the query.
        """
        if self.meter is None:
            return {}
        batch, labels = self.labelled[n_labels:], self.labels[n_labels:]
        return self.meter.measure(predictions, unlabelled, batch, labels)


def _cache_key(spec: RunSpec, split: Split) -> Hashable:
    """Return the cache key of a training part, for results shared by its runs."""
    rows = hash(split.training.tobytes())
    part = spec.dataset
    prepared = (part.scale, repr(part.missing), part.missing_indicator)
    return (part.fingerprint, prepared, spec.seed, rows)


@contextmanager
def _recorded_warnings() -> Iterator[Counter[str]]:
    """Count the warnings in the context by their first line."""
    counts: Counter[str] = Counter()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield counts
        for warning in caught:
            text = str(warning.message).splitlines() or [""]
            counts[f"{warning.category.__name__}: {text[0]}"] += 1
