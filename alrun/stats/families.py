"""Families of tests: adjusted p values, and the fewest seeds for significance."""

from collections.abc import Iterator
from math import ceil, log2, nan

import numpy as np

from alrun.arrays import Array
from alrun.stats.paired import MONTE_CARLO_DRAWS, smallest_p
from alrun.stats.sign_draws import sign_draws
from alrun.util.random_streams import generator

ALPHA = 0.05
# Up to this many seeds all sign patterns are enumerated.
_MOST_ENUMERATED = 16
_AT_ONCE = 8192
# Tests below this share of the statistics that chance gives are taken to have p = 1, which is then
# checked.
_SHARE = 0.8


def holm(p_values: Array) -> Array:
    """Return Holm's adjusted p values; NaN stays NaN and is no test (Holm 1979)."""
    adjusted = np.full(len(p_values), nan)
    order = np.argsort(p_values)
    order = order[~np.isnan(p_values[order])]
    factors = len(order) - np.arange(len(order))
    steps = np.maximum.accumulate(p_values[order] * factors)
    adjusted[order] = np.minimum(steps, 1.0)
    return adjusted


def max_t(differences: Array, n_draws: int = MONTE_CARLO_DRAWS) -> Array:
    """Return the step-down maxT adjusted p values of paired sign-flip tests.

    One sign per seed is shared by all tests, so that their dependence is kept; u_j = |sum e d_j| /
    sqrt(sum d_j^2), 0 where all d are 0 (Westfall and Young 1993, Resampling-based multiple
    testing, algorithm 2.8; Romano and Wolf 2005). Exact for up to 16 seeds; beyond, `n_draws` from
    a fixed stream, so that p = (b + 1) / (n_draws + 1). Neither the order of the seeds nor that of
    the tests changes anything.

    Parameters
    ----------
    differences
        Shape (n_seeds, n_tests), no NaN: the same seeds in every test.
    n_draws
        How many sign patterns are drawn, also for fewer seeds if they have more patterns.
    """
    n, n_tests = differences.shape
    if n == 0 or n_tests == 0:
        return np.full(n_tests, nan)
    values = differences.astype(np.float64)
    lengths = np.sqrt((values**2).sum(axis=0))
    values = values / np.where(lengths > 0, lengths, 1.0)
    tests = np.lexsort(np.sort(values, axis=0))
    values = values[:, tests]
    values = values[np.lexsort(values.T)]
    observed = np.abs(values.sum(axis=0))
    steps = np.argsort(-observed, kind="stable")
    # The smallest comes first, so that the largest of those left is a running one.
    rising, thresholds = values[:, steps[::-1]], observed[steps[::-1]] - 1e-9
    signs = next(_sign_patterns(n, n_tests, n_draws))
    doubtful = int(thresholds.searchsorted(_SHARE * np.abs(signs @ rising).max(axis=1).min()))
    for first in (min(doubtful, n_tests - 1), 0):
        exceeding, n_patterns = _exceeding(n, n_draws, rising, thresholds, first)
        if exceeding[0] == n_patterns:  # so all smaller ones have p = 1 too
            break
    exceeding = np.append(np.full(n_tests - len(exceeding), n_patterns), exceeding)[::-1]
    drawn = _is_drawn(n, n_draws)
    stepwise = np.maximum.accumulate((exceeding + drawn) / (n_patterns + drawn))
    adjusted = np.empty(n_tests)
    adjusted[tests[steps]] = stepwise
    return adjusted


def _exceeding(
    n: int, n_draws: int, rising: Array, thresholds: Array, first: int
) -> tuple[Array, int]:
    """Return how many sign patterns exceed the threshold of each test from `first` on, and of all.

    A pattern exceeds it if its statistic does in this test or one before. The tests before `first`
    are not counted, which takes a third of the time.
    """
    exceeding, n_patterns = np.zeros(len(thresholds) - first), 0
    for signs in _sign_patterns(n, len(thresholds), n_draws):
        flipped = signs @ rising
        np.abs(flipped, out=flipped)
        flipped[:, first] = flipped[:, : first + 1].max(axis=1)
        largest = np.maximum.accumulate(flipped[:, first:], axis=1)
        exceeding += np.count_nonzero(largest >= thresholds[first:], axis=0)
        n_patterns += len(signs)
    return exceeding, n_patterns


def _is_drawn(n: int, n_draws: int) -> bool:
    return n > _MOST_ENUMERATED or 2 ** (n - 1) > n_draws


def _sign_patterns(n: int, n_tests: int, n_draws: int) -> Iterator[Array]:
    """Yield chunks of sign vectors, shape (n_patterns, n): all of them, or the fixed draws.

    A pattern and its opposite give the same statistic, so that half of all are enough.
    """
    if not _is_drawn(n, n_draws):
        patterns = np.arange(2 ** (n - 1))
        for start in range(0, len(patterns), _AT_ONCE):
            chunk = patterns[start : start + _AT_ONCE, None]
            yield 1.0 - 2.0 * (chunk >> np.arange(n) & 1)
        return
    yield from sign_draws(generator(0, "max-t", n), n_draws, n, n_tests)


def smallest_adjusted_p(n_seeds: Array, adjustment: str) -> Array:
    """Return the smallest possible adjusted p value of each test of a family.

    `n_seeds` holds the number of seeds of each.
    """
    smallest = smallest_p(n_seeds)
    if adjustment == "holm":
        return holm(smallest)
    drawn = n_seeds > _MOST_ENUMERATED
    return np.maximum(smallest, np.where(drawn, 1 / (MONTE_CARLO_DRAWS + 1), 0.0))


def fewest_seeds(family: int, adjustment: str = "holm") -> int:
    """Return the fewest seeds for a significant p value in a family."""
    return ceil(1 + log2((family if adjustment == "holm" else 1) / ALPHA))
