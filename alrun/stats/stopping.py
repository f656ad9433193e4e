"""Judgements of a stopping rule from curves and the labels at which it stopped each of them.

Matrices have a row per seed: its score, and a column per seed: the labels at which the rule stopped
that one. Higher scores are better.
"""

from collections.abc import Iterator
from functools import lru_cache
from itertools import permutations

import numpy as np

from alrun.arrays import Array
from alrun.stats.estimates import Interval, mean_interval
from alrun.stats.paired import MONTE_CARLO_DRAWS
from alrun.util.random_streams import generator

# Below this many seeds all permutations are enumerated.
_FEWEST_DRAWN = 8
# Entries of a block of permutations, and seeds up to which the permutations are kept.
_BLOCK_SIZE, _MOST_CACHED = 2**20, 64


def adaptation(scores: Array) -> float:
    """Return the one-sided p value of the test that a rule adapts to the run that it stops.

    The rule's stops are dealt to the seeds at random; p is the share of deals with a mean score at
    least as high as that of the rule. It is exact below eight seeds; beyond, 99,999 deals come from
    a fixed stream, so that p = (b + 1) / 100,000. The order of the seeds changes nothing. NaN for
    fewer than two seeds or a NaN.

    Parameters
    ----------
    scores
        Shape (n_seeds, n_seeds): the score of the run in the row, at the stop of that in the
        column.
    """
    n = len(scores)
    if n < 2 or np.isnan(scores).any():
        return float("nan")
    order = np.lexsort([scores.sum(axis=0), scores.sum(axis=1), np.diag(scores)])
    scores = scores[np.ix_(order, order)]
    observed = float(np.trace(scores)) - 1e-9
    exceeding, n_deals = 0, 0
    for deals in _deals(n):
        sums = np.zeros(deals.shape[1])
        for row, columns in zip(scores, deals, strict=True):
            sums += row[columns]
        exceeding += int(np.count_nonzero(sums >= observed))
        n_deals += len(sums)
    drawn = n >= _FEWEST_DRAWN
    return (exceeding + drawn) / (n_deals + drawn)


def _deals(n: int) -> Iterator[Array]:
    """Yield blocks of permutations, shape (n, n_deals): all of them, or the fixed draws."""
    if n < _FEWEST_DRAWN:
        yield np.array(list(permutations(range(n)))).T
    elif n <= _MOST_CACHED:
        yield from _cached_deals(n)
    else:
        yield from _drawn_deals(n)


def _drawn_deals(n: int) -> Iterator[Array]:
    rng = generator(0, "deal-stops", n)
    n_rows = max(1, _BLOCK_SIZE // n)
    for start in range(0, MONTE_CARLO_DRAWS, n_rows):
        size = min(n_rows, MONTE_CARLO_DRAWS - start)
        # The order of raw numbers: NumPy may change how its generators permute.
        raw = rng.bit_generator.random_raw(size * n).reshape(size, n)
        yield np.ascontiguousarray(raw.argsort(axis=1).T)


@lru_cache(maxsize=2)
def _cached_deals(n: int) -> list[Array]:
    """Return the draws as a list that is kept, as many tests share them."""
    return [block.astype(np.int32) for block in _drawn_deals(n)]


def against_budget(differences: Array, slope: float, stops: Array) -> Interval:
    """Return the interval of the mean gain of a rule over a fixed budget of the same mean labels.

    Where the fixed budget comes from the stops themselves, its error moves all differences; the
    slope of the mean curve there takes that out, to first order.

    Parameters
    ----------
    differences
        Score at the stop less the score at the mean of the stops, per seed.
    slope
        Of the mean curve at the mean of the stops, in score per label.
    stops
        Labels at the stop, per seed.
    """
    return mean_interval(differences - slope * (stops - stops.mean()))
