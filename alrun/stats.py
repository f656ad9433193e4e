"""Estimates, intervals and tests: arrays in, numbers out.

Throughout, an array holds one value per seed. Where two arrays are compared they are paired: the
same position is the same seed. What cannot be estimated is NaN, never a guess.
"""

from dataclasses import dataclass
from functools import lru_cache
from math import ceil, log2, nan
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import stats

from alrun.seeds import generator

CONFIDENCE = 0.95
ALPHA = 0.05
MONTE_CARLO_DRAWS = 99_999
# Up to this many differences all sign patterns are enumerated.
MOST_ENUMERATED = 20
# Beyond this the exact distribution, which has one entry for each value of the sum, gets too large.
_LARGEST_SUM = 5_000_000

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Interval:
    """An interval with `CONFIDENCE`; NaN where there is none, infinite where unbounded."""

    low: float = nan
    high: float = nan


def mean_interval(values: Array) -> Interval:
    """Return Student's t interval of the mean; none for fewer than two values."""
    n = len(values)
    if n < 2:
        return Interval()
    half = t_quantile(n) * float(np.std(values, ddof=1)) / n**0.5
    mean = float(np.mean(values))
    return Interval(mean - half, mean + half)


def t_quantile(n: int) -> float:
    """Return the two-sided quantile of Student's t with n - 1 degrees of freedom."""
    return float(stats.t.ppf((1 + CONFIDENCE) / 2, n - 1))


def median_interval(values: Array) -> Interval:
    """Return the order-statistic interval of the median; none below six values.

    Its ranks are the innermost whose coverage, from the binomial distribution with p = 1/2, is at
    least `CONFIDENCE` for any distribution of the values (David and Nagaraja 2003, Order
    Statistics, section 7.1). Values may be infinite.
    """
    n = len(values)
    rank = int(stats.binom.ppf((1 - CONFIDENCE) / 2, n, 0.5)) if n else 0
    # ppf is the smallest k with cdf(k) >= 2.5 %, so that rank k has cdf(k - 1) < 2.5 %.
    if rank < 1:
        return Interval()
    ordered = np.sort(values)
    return Interval(float(ordered[rank - 1]), float(ordered[n - rank]))


def share_interval(k: int, n: int) -> Interval:
    """Return Wilson's interval of a share of k in n (Wilson 1927)."""
    if n == 0:
        return Interval()
    interval = stats.binomtest(k, n).proportion_ci(confidence_level=CONFIDENCE, method="wilson")
    return Interval(float(interval.low), float(interval.high))


def saving(baseline: Array, strategy: Array) -> float:
    """Return 1 - mean(strategy) / mean(baseline), of labels cut at the common budget.

    NaN where the baseline needs no label at all.
    """
    if not np.any(baseline):
        return nan
    return 1.0 - float(np.mean(strategy)) / float(np.mean(baseline))


def saving_interval(baseline: Array, strategy: Array) -> Interval:
    """Return Fieller's interval of the saving; infinite bounds where it is unbounded.

    It holds the savings 1 - theta for all theta that the paired t-test on strategy - theta x
    baseline does not reject (Fieller 1954, Some problems in interval estimation). None for fewer
    than two seeds.
    """
    n = len(baseline)
    if n < 2:
        return Interval()
    mean_r, mean_s = float(np.mean(baseline)), float(np.mean(strategy))
    covariance = np.cov(baseline, strategy) / n
    t2 = t_quantile(n) ** 2
    a = mean_r**2 - t2 * covariance[0, 0]
    b = mean_r * mean_s - t2 * covariance[0, 1]
    c = mean_s**2 - t2 * covariance[1, 1]
    discriminant = b**2 - a * c
    if a <= 0 or discriminant < -1e-9 * b**2:
        return Interval(-np.inf, np.inf)
    root = float(np.sqrt(max(discriminant, 0.0)))
    return Interval(float(1 - (b + root) / a), float(1 - (b - root) / a))


def sign_flip(differences: Array) -> float:
    """Return the two-sided p value of the paired sign-flip test on the mean difference.

    p is the share of sign patterns over the nonzero d with |sum e_i |d_i|| >= |sum d_i| (Fisher
    1935, The Design of Experiments, section 21). Exact for any number of integers whose sum,
    divided by their greatest common divisor, is at most five million, and for up to 20 floats;
    beyond, 99,999 draws from a fixed stream, so that p = (b + 1) / 100,000. The order
    of the seeds changes nothing. NaN for no values or a NaN among them, 1 where all are zero.
    """
    if len(differences) == 0 or np.isnan(differences).any():
        return nan
    nonzero = differences[differences != 0]
    if len(nonzero) == 0:
        return 1.0
    magnitudes = np.sort(np.abs(nonzero))
    observed = abs(nonzero.sum())
    if nonzero.dtype.kind in "iu":
        divisor = np.gcd.reduce(magnitudes)
        if magnitudes.sum() // divisor <= _LARGEST_SUM:
            return _integer_tail(magnitudes // divisor, int(observed // divisor))
    magnitudes = magnitudes.astype(np.float64)
    return _float_tail(magnitudes, float(observed) - 1e-9 * float(magnitudes.sum()))


def _integer_tail(magnitudes: Array, observed: int) -> float:
    """Return P(|sum e_i m_i| >= observed) from the exact distribution of the sum.

    The sum is 2 S - M with S the sum of the magnitudes with a plus sign and M that of all; the
    distribution of S grows by one shift and one addition for each magnitude.
    """
    total = int(magnitudes.sum())
    probability = np.zeros(total + 1)
    probability[0] = 1.0
    reached = 0
    for magnitude in magnitudes:
        step = int(magnitude)
        grown = probability[: reached + step + 1] * 0.5
        grown[step:] += probability[: reached + 1] * 0.5
        reached += step
        probability[: reached + 1] = grown
    sums = 2 * np.arange(total + 1) - total
    return min(1.0, float(probability[np.abs(sums) >= observed].sum()))


def _float_tail(magnitudes: Array, threshold: float) -> float:
    n = len(magnitudes)
    if n <= MOST_ENUMERATED:
        sums = np.zeros(1)
        for magnitude in magnitudes:
            sums = np.concatenate([sums - magnitude, sums + magnitude])
        return float(np.mean(np.abs(sums) >= threshold))
    padded = np.zeros(8 * -(-n // 8))
    padded[:n] = magnitudes
    draws = _sign_bytes(len(padded) // 8)
    # Each byte is the signs of eight differences; their sums are looked up, not added up.
    tables = padded.reshape(-1, 8) @ _SIGNS_OF_BYTES.T
    sums = sum(table[byte] for table, byte in zip(tables, draws, strict=True))
    exceeding = int(np.count_nonzero(np.abs(sums) >= threshold))
    return (exceeding + 1) / (MONTE_CARLO_DRAWS + 1)


_SIGNS_OF_BYTES = 2.0 * np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1) - 1.0


@lru_cache(maxsize=4)
def _sign_bytes(n_bytes: int) -> Array:
    """Return the fixed draws, shape (n_bytes, draws); kept, since many tests share them."""
    rng = generator(0, "sign-flip", n_bytes)
    return rng.integers(0, 256, size=(n_bytes, MONTE_CARLO_DRAWS), dtype=np.uint8)


def holm(p_values: Array) -> Array:
    """Return Holm's adjusted p values; NaN stays NaN and counts for nothing (Holm 1979)."""
    adjusted = np.full(len(p_values), nan)
    order = np.argsort(p_values)
    order = order[~np.isnan(p_values[order])]
    factors = len(order) - np.arange(len(order))
    steps = np.maximum.accumulate(p_values[order] * factors)
    adjusted[order] = np.minimum(steps, 1.0)
    return adjusted


def smallest_p(n: int) -> float:
    """Return the smallest p value that the sign-flip test of n seeds can give."""
    return float(2.0 ** (1 - n))


def fewest_seeds(family: int) -> int:
    """Return how many seeds a family of tests needs for its smallest p value to be significant."""
    return ceil(1 + log2(family / ALPHA))
