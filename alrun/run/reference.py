"""References of a split: the scores without any learning, and with all training labels."""

import warnings

import numpy as np
import sklearn

from alrun.data.dataset import Dataset
from alrun.data.splits import split_of
from alrun.metrics import ModelOutputs, score
from alrun.records import ABSTAINED, Scores, Split
from alrun.run.learner import Learner
from alrun.run.oracle import Oracle
from alrun.run.setting import score_test_part
from alrun.spec import ReferenceSpec, RunSpec
from alrun.spec_parts import StrategySpec
from alrun.util.process_state import seeded
from alrun.util.random_streams import generator


def compute_reference(spec: ReferenceSpec, dataset: Dataset) -> Scores:
    """Return the scores of a floor, a ceiling or a noisy ceiling on the test part.

    It is a pure function: the same arguments give the same scores. Raises AlrunError if the model
    gives a wrong answer.
    """
    split = split_of(spec, dataset)
    return _floor(dataset, split) if spec.kind == "floor" else _ceiling(spec, dataset, split)


def _floor(dataset: Dataset, split: Split) -> Scores:
    """Score the most frequent class of the training part, with the class frequencies there.

    Of equally frequent classes it is the first in order.
    """
    counts = np.bincount(dataset.y[split.training], minlength=dataset.n_classes)
    n_test = len(split.test)
    probabilities = np.tile(counts / counts.sum(), (n_test, 1))
    outputs = ModelOutputs(
        y=dataset.y[split.test],
        predicted=np.full(n_test, counts.argmax()),
        probabilities=probabilities,
        ranking=probabilities[:, 1] if dataset.n_classes == 2 else None,
        n_classes=dataset.n_classes,
    )
    return score(outputs)


def _ceiling(spec: ReferenceSpec, dataset: Dataset, split: Split) -> Scores:
    """Score the model of the runs, fitted on the whole training part.

    Its labels are those that the oracle gives, true ones without an oracle.
    """
    # The strategy is never asked.
    nobody = StrategySpec("", "random", {}, 1)
    run = RunSpec(
        spec.dataset, spec.initial, spec.model, nobody, 1, 0, spec.seed, oracle=spec.oracle
    )
    learner = Learner.start(run, dataset, split)
    training, test, y = learner.split.training, learner.split.test, dataset.y[learner.rows]
    labels = Oracle(run, dataset, learner).ask(training).given if spec.oracle else y[training]
    learner.receive(training, labels, labels != ABSTAINED)
    global_rng = generator(spec.seed, "global", spec.identity())
    with (
        seeded(global_rng),
        warnings.catch_warnings(),
        sklearn.config_context(assume_finite=True),
    ):
        warnings.simplefilter("ignore")  # a fit that stops early is a reference all the same
        return score_test_part(learner.fit(), test, y[test])
