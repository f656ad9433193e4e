"""The active-learning loop: fit, evaluate, query, from the initial labels to the budget."""

import warnings
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import numpy as np
import sklearn

from alrun.data.dataset import Dataset
from alrun.data.duplicates import count_duplicates, count_shared
from alrun.data.splits import split_of
from alrun.records import Round, RunResult
from alrun.run.buyer import Buyer
from alrun.run.learner import Learner
from alrun.run.setting import score_test_part
from alrun.run.signals import SignalMeter
from alrun.spec import RunSpec
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
    split = split_of(spec, dataset)
    learner = Learner.start(spec, dataset, split)
    buyer = Buyer(spec, dataset, learner)
    buyer.buy_initial()
    stopwatch = learner.training.stopwatch
    # Data sets are checked when they are loaded, not by every estimator in every round.
    with _recorded_warnings() as seen, sklearn.config_context(assume_finite=True):
        rounds = tuple(_rounds(spec, learner, buyer))
    stopwatch.enter(None)
    counts = {
        "batches": learner.n_batches,
        "tied_batches": learner.n_tied,
        "missing_classes": dataset.n_classes - len(np.unique(dataset.y[split.initial])),
        "pool_duplicates": count_duplicates(dataset, split.pool),
        "test_duplicates": count_shared(dataset, split.test, split.training),
        "fallback_rounds": learner.classifier.n_fallbacks,
    }
    seconds, cpu_seconds = stopwatch.seconds, stopwatch.cpu_seconds
    return RunResult(rounds, buyer.ended, seconds, cpu_seconds, dict(seen), counts)


def _rounds(spec: RunSpec, learner: Learner, buyer: Buyer) -> Iterator[Round]:
    """Yield the rounds of a run; the last one buys nothing."""
    test, y = learner.split.test, buyer.oracle.y
    has_answers = spec.oracle is not None or spec.cost is not None
    meter = SignalMeter(spec, learner.split.training, len(y)) if spec.signals else None
    enter = learner.training.stopwatch.enter
    is_over = False
    while not is_over:
        n_labels, unlabelled = len(learner.labelled), learner.unlabelled
        cost, n_wrong = buyer.spent, buyer.count_wrong()
        enter("fit")
        predictions = learner.fit()
        # The query comes first: the scores reuse predictions that it computes.
        enter("query")
        batch, answers = buyer.buy_batch(predictions)
        enter("evaluate")
        scores = score_test_part(predictions, test, y[test])
        # The signals come last: the scores are the same with and without them.
        enter("signals")
        signals: Mapping[str, float | None] = {}
        if meter is not None:
            bought = learner.labelled[n_labels:], learner.labels[n_labels:]
            signals = meter.measure(predictions, unlabelled, *bought)
        is_over = len(batch) == 0
        yield Round(
            n_labels,
            scores,
            learner.rows[batch],
            y[batch],
            signals,
            answers if has_answers else None,
            cost,
            n_wrong,
        )


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
