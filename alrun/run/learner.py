"""The learner: fits a model on the labels so far, asks a strategy for a batch, and takes it over.

It is the part that the loop of a run and a labelling project share. It never sees a label that was
not handed to it.
"""

from collections.abc import Hashable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from alrun.arrays import BoolArray, FloatArray, IntArray
from alrun.data.dataset import Dataset
from alrun.data.features import as_float64
from alrun.data.missing import impute, impute_kept
from alrun.data.scaling import rescale
from alrun.models.classifier import Classifier
from alrun.models.predictions import Predictions
from alrun.records import ABSTAINED, Split
from alrun.run.query import query
from alrun.run.setting import new_classifier, select_rows
from alrun.spec import RunSpec
from alrun.strategies.registry import find
from alrun.strategies.support.pool import Pool
from alrun.strategies.support.training_set import TrainingSet
from alrun.util.random_streams import generator


@dataclass
class Learner:
    """The state of one active-learning loop: its data, its labels, and its random streams.

    Attributes
    ----------
    rows
        The rows of the data set that X has, in order. All other indices are positions in X.
    split
        The split, as positions in X.
    X_of_strategy
        The features as the strategy sees them: X without missing values.
    labelled, labels
        The labelled examples and their class codes, of the same length.
    unlabelled
        The rest of the pool.
    costs
        What the label of each example is known to cost, shape (len(X),); None if all cost the same
        or nothing is known.
    n_batches, n_tied
        Number of batches asked for, and of those in which a tie was broken.
    """

    spec: RunSpec
    rows: IntArray
    split: Split
    X: Any
    X_of_strategy: Any
    labelled: IntArray
    labels: IntArray
    unlabelled: IntArray
    training: TrainingSet
    classifier: Classifier
    strategy_rng: np.random.Generator
    costs: FloatArray | None = None
    n_batches: int = 0
    n_tied: int = 0

    @classmethod
    def start(cls, spec: RunSpec, dataset: Dataset, split: Split) -> "Learner":
        """Return the state before the first round, without any label.

        `split` has rows of the data set. The initial set is not labelled yet; `receive` does that.
        """
        find(spec.strategy.name)  # imported now, so that no query is charged for it
        cache_key = _cache_key(spec, split)
        rows, X, split = select_rows(dataset, split)
        X = impute(X, dataset.fills, split.training, cache_key)
        X = rescale(X, spec.dataset.scale, split.training)
        # The model may take missing values, but distances to them are not defined.
        X_of_strategy = impute_kept(X, dataset.fills, split.training, cache_key)
        # Files are often sorted by class. The pool is shuffled, so that this order breaks no tie.
        order = generator(spec.seed, "order", spec.stream_key()).permutation(len(split.pool))
        nothing = np.empty(0, dtype=np.int64)
        return cls(
            spec=spec,
            rows=rows,
            split=split,
            X=X,
            X_of_strategy=X_of_strategy,
            labelled=nothing,
            labels=nothing,
            unlabelled=split.pool[order],
            training=TrainingSet(
                X_of_strategy,
                split.training,
                cache_key,
                partial(generator, spec.seed, "training", spec.dataset.fingerprint),
            ),
            classifier=new_classifier(spec, dataset),
            strategy_rng=generator(spec.seed, "strategy", spec.stream_key()),
        )

    def fit(self) -> Predictions:
        """Fit the model on the labels so far and return its predictions."""
        self.classifier.fit(as_float64(self.X[self.labelled]), self.labels)
        return Predictions(self.classifier, self.X)

    def ask(self, predictions: Predictions, n: int) -> IntArray:
        """Return the strategy's batch of `n` unlabelled examples, best first."""
        pool = Pool(
            self.X_of_strategy,
            self.unlabelled,
            self.labelled,
            self.labels,
            predictions,
            self.training,
            self.costs,
        )
        picked, is_tied = query(self.spec.strategy, pool, n, self.strategy_rng)
        self.n_batches += 1
        self.n_tied += is_tied
        return self.unlabelled[picked]

    def receive(self, batch: IntArray, labels: IntArray, is_labelled: BoolArray) -> None:
        """Take a batch out of the pool, with the class codes of those that got a label.

        `labels` and `is_labelled` have a value for each example of the batch. The others get no
        label and leave the pool all the same.
        """
        self.labelled = np.concatenate([self.labelled, batch[is_labelled]])
        self.labels = np.concatenate([self.labels, labels[is_labelled]])
        gone = np.zeros(len(self.rows), dtype=bool)
        gone[batch] = True
        self.unlabelled = self.unlabelled[~gone[self.unlabelled]]

    def correct(self, examples: IntArray, labels: IntArray) -> None:
        """Replace the labels of labelled examples; where no class is named the label stays."""
        corrected = self.labels.copy()
        for example, label in zip(examples.tolist(), labels.tolist(), strict=True):
            if label != ABSTAINED:
                corrected[self.labelled == example] = label
        self.labels = corrected


def _cache_key(spec: RunSpec, split: Split) -> Hashable:
    """Return the cache key of a training part, for results shared by its runs."""
    rows = hash(split.training.tobytes())
    part = spec.dataset
    prepared = (part.scale, repr(part.missing), part.missing_indicator)
    return (part.fingerprint, prepared, spec.seed, rows)
