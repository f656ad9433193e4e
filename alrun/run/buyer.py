"""The buyer: asks the oracle for the labels of a run, within its budgets."""

from functools import partial

import numpy as np

from alrun.arrays import IntArray
from alrun.data.dataset import Dataset
from alrun.models.predictions import Predictions
from alrun.records import ABSTAINED, Answers
from alrun.run.disputed import most_disputed, out_of_fold_confidence
from alrun.run.learner import Learner
from alrun.run.oracle import Oracle
from alrun.run.setting import new_classifier
from alrun.spec import RunSpec
from alrun.util.random_streams import generator

# A budget in cost is reached up to rounding: ten times .1 is more than 1 in the last digit.
_ROUNDING = 1e-9


class Buyer:
    """Buys labels for a learner.

    Attributes
    ----------
    oracle
        The oracle that sells them.
    spent
        What all answers so far cost; the initial labels are free.
    ended
        Why nothing could be bought: "budget", "budget_cost" or "pool empty".
    """

    def __init__(self, spec: RunSpec, dataset: Dataset, learner: Learner) -> None:
        self._spec, self._learner = spec, learner
        self.oracle = Oracle(spec, dataset, learner)
        self.spent = 0.0
        self.ended = ""
        learner.costs = self.oracle.costs
        self._new_classifier = partial(new_classifier, spec, dataset)
        self._relabel_rng = generator(spec.seed, "relabel", spec.stream_key())
        # How many examples were asked for, and how many of those again.
        self._n_asked, self._n_again = 0, 0

    def buy_initial(self) -> None:
        """Label the initial set: truly, unless the oracle is to label it too."""
        initial, spec = self._learner.split.initial, self._spec.oracle
        labels = self.oracle.y[initial]
        if spec is not None and spec.initial:
            labels = self.oracle.ask(initial).given
        self._learner.receive(initial, labels, np.ones(len(initial), dtype=bool))

    def buy_batch(self, predictions: Predictions) -> tuple[IntArray, Answers]:
        """Buy answers about the next batch; return its positions in X, and the answers.

        The batch is empty at the end of the run. Examples that are asked for again come last.
        """
        learner, left = self._learner, self._spec.budget - len(self._learner.labelled)
        n = min(self._spec.batch_size, left, len(learner.unlabelled))
        if n <= 0:
            return self._nothing("budget" if left <= 0 else "pool empty")
        n_again = self._how_many_again(n)
        batch: IntArray = np.empty(0, dtype=np.int64)
        if n > n_again:
            batch = learner.ask(predictions, n - n_again)
        n_new = len(batch)
        if n_again:
            batch = np.concatenate([batch, self._disputed(n_again)])
        batch = batch[: self._count_affordable(batch)]
        if len(batch) == 0:
            return self._nothing("budget_cost")
        answers = self.oracle.ask(batch)
        self.spent += float(answers.costs.sum())
        self._n_asked += len(batch)
        self._n_again += max(0, len(batch) - n_new)
        has_label = answers.given != ABSTAINED
        learner.receive(batch[:n_new], answers.given[:n_new], has_label[:n_new])
        learner.correct(batch[n_new:], answers.given[n_new:])
        return batch, answers

    def count_wrong(self) -> int:
        """Return the number of labels so far that are not the true ones."""
        learner = self._learner
        return int(np.count_nonzero(learner.labels != self.oracle.y[learner.labelled]))

    def _nothing(self, ended: str) -> tuple[IntArray, Answers]:
        self.ended = ended
        nothing = np.empty(0, dtype=np.int64)
        return nothing, Answers(nothing, (), np.empty(0))

    def _how_many_again(self, n: int) -> int:
        """Return how many of the next n examples are asked for again.

        It is such that their share of all examples asked for so far is that of the oracle, as far
        as labels were bought.
        """
        spec = self._spec.oracle
        if spec is None or spec.relabel is None:
            return 0
        wanted = int(spec.share * (self._n_asked + n)) - self._n_again
        n_sold = int(self.oracle.has_sold(self._learner.labelled).sum())
        return min(n, wanted, n_sold)

    def _disputed(self, n: int) -> IntArray:
        """Return the labelled examples that are asked for again: bought ones, not true ones."""
        learner = self._learner
        confidence = out_of_fold_confidence(learner, self._new_classifier, self._relabel_rng)
        was_bought = self.oracle.has_sold(learner.labelled)
        return learner.labelled[most_disputed(np.where(was_bought, confidence, np.inf), n)]

    def _count_affordable(self, batch: IntArray) -> int:
        """Return how many of a batch can be bought whatever their answers will cost."""
        if self._spec.budget_cost is None:
            return len(batch)
        after = self.spent + np.cumsum(self.oracle.most_cost(batch))
        return int(np.count_nonzero(after <= self._spec.budget_cost * (1 + _ROUNDING)))
