"""What answers cost: by annotator, by class, or by a column of the data."""

from dataclasses import dataclass

import numpy as np

from alrun.arrays import FloatArray, IntArray
from alrun.data.dataset import Dataset
from alrun.spec_parts import AnnotatorSpec, CostSpec


@dataclass(frozen=True)
class Prices:
    """The costs of answers.

    Attributes
    ----------
    each
        What an answer of each annotator costs, shape (n_examples, n_annotators).
    most
        The most that an answer may cost, as far as that is known before, shape (n_examples,).
    known
        What an answer costs, shape (n_examples,); None if that is not known before, or all cost the
        same.
    """

    each: FloatArray
    most: FloatArray
    known: FloatArray | None = None


def prices_of(
    cost: CostSpec, annotators: tuple[AnnotatorSpec, ...], dataset: Dataset, rows: IntArray
) -> Prices:
    """Return the costs of answers about these rows of a data set."""
    n = len(rows)
    if cost.column is not None:
        known = cost.base + cost.rate * dataset.costs[cost.column][rows]
        return Prices(np.broadcast_to(known[:, None], (n, len(annotators))), known, known)
    if cost.per_class is not None:
        by_class = np.array(cost.per_class)
        each = np.broadcast_to(by_class[dataset.y[rows]][:, None], (n, len(annotators)))
        return Prices(each, np.broadcast_to(by_class.max(), n))
    own = np.array([cost.label if who.cost is None else who.cost for who in annotators])
    return Prices(np.broadcast_to(own, (n, len(own))), np.broadcast_to(own.max(), n))
