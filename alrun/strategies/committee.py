"""Strategies querying the examples on which a committee disagrees.

The members of the committee are copies of the model, each fitted on a bootstrap of the labelled
examples: as many of them, drawn with replacement.
"""

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from sklearn.base import clone

from alrun.arrays import FloatArray, IntArray
from alrun.errors import StrategyError
from alrun.models.build import with_states_drawn
from alrun.models.classifier import check_sums
from alrun.models.consecutive_codes import fitted
from alrun.strategies.support.pool import Pool
from alrun.strategies.support.requirements import requires
from alrun.strategies.support.validation import whole_number
from alrun.strategies.uncertainty import entropy_of


def qbc_vote(pool: Pool, n: int, rng: np.random.Generator, members: int = 5) -> FloatArray:
    """Score by the entropy of the committee's votes.

    A small committee produces few different entropies, so most examples tie and chance decides.
    Source: Seung, Opper and Sompolinsky 1992, Query by committee; vote entropy after Dagan and
    Engelson 1995.
    """
    committee = committee_of(pool, rng, members)
    shares = np.zeros((len(pool), pool.n_classes))
    for member in committee:
        shares[np.arange(len(pool)), pool.predict_rows(member.votes)] += 1 / members
    return entropy_of(shares)


@requires("predict_proba")
def qbc_kl(pool: Pool, n: int, rng: np.random.Generator, members: int = 5) -> FloatArray:
    """Score by the mean KL divergence of the members' probabilities from their mean.

    Source: McCallum and Nigam 1998, Employing EM and pool-based active learning for text
    classification.
    """
    committee = committee_of(pool, rng, members)
    consensus = np.zeros((len(pool), pool.n_classes))
    member_entropy = np.zeros(len(pool))
    for member in committee:
        probabilities = pool.predict_rows(partial(member.probabilities, n_classes=pool.n_classes))
        consensus += probabilities / members
        member_entropy += entropy_of(probabilities) / members
    # This equals the mean of sum p log(p / consensus). If all agree it is 0 up to rounding noise.
    score = entropy_of(consensus) - member_entropy
    return np.where(score < _ROUNDING, 0.0, score)


@requires("predict_proba")
def bald(pool: Pool, n: int, rng: np.random.Generator, members: int = 5) -> FloatArray:
    """Score by the mutual information of the label and the committee member; equals qbc_kl.

    For a finite committee, the entropy of the mean minus the mean entropy is the mean divergence
    from the mean. Source: Houlsby, Huszar, Ghahramani and Lengyel 2011, Bayesian active learning
    for classification and preference learning.
    """
    return qbc_kl(pool, n, rng, members)


# Bootstraps to draw until one has two classes.
_MAX_DRAWS = 10
_ROUNDING = 1e-12


@dataclass(frozen=True)
class Member:
    """An estimator with the classes in its bootstrap.

    With a single class the estimator is not fitted, and that class is always predicted.
    """

    estimator: Any
    seen: IntArray

    def votes(self, X: Any) -> IntArray:
        """Return the predicted class code of each row, shape (n,)."""
        if len(self.seen) == 1:
            return np.full(X.shape[0], self.seen[0])
        return np.asarray(self.estimator.predict(X)).astype(np.int64)

    def probabilities(self, X: Any, n_classes: int) -> FloatArray:
        """Return the probabilities of all classes, 0 for unseen ones, shape (n, n_classes)."""
        whole = np.zeros((X.shape[0], n_classes))
        whole[:, self.seen] = 1.0 if len(self.seen) == 1 else self.estimator.predict_proba(X)
        model = f"{type(self.estimator).__name__}, fitted on a bootstrap,"
        check_sums(whole, model, StrategyError)
        return whole


def committee_of(pool: Pool, rng: np.random.Generator, n_members: int) -> list[Member]:
    """Fit each member on its own bootstrap; raises StrategyError for fewer than two members."""
    whole_number("a committee", "members", n_members, 2)
    committee = []
    for _ in range(n_members):
        rows = _bootstrap(pool.y_labelled, rng)
        estimator, seen = unfitted_copy(pool.model, rng), np.unique(pool.y_labelled[rows])
        if len(seen) > 1:
            estimator = fitted(estimator, pool.X_labelled[rows], pool.y_labelled[rows])
        committee.append(Member(estimator, seen))
    return committee


def _bootstrap(labels: IntArray, rng: np.random.Generator) -> IntArray:
    """Draw as many rows as there are labels, with replacement; try to get two classes."""
    for _ in range(_MAX_DRAWS):
        rows = rng.integers(len(labels), size=len(labels))
        if len(np.unique(labels[rows])) > 1:
            break
    return rows


def unfitted_copy(model: Any, rng: np.random.Generator) -> Any:
    """Return an unfitted copy of an estimator, with every `random_state` drawn from `rng`."""
    return with_states_drawn(clone(model), rng)
