"""Estimates of one strategy and of one comparison, with their intervals."""

from dataclasses import dataclass
from functools import cache
from math import nan

import numpy as np
from scipy import stats

from alrun.arrays import Array

CONFIDENCE = 0.95
# Below this many pairs that differ, two means are not called equivalent.
FEWEST_DIFFERENT = 5


@dataclass(frozen=True)
class Interval:
    """An interval with `CONFIDENCE`; NaN for no interval, infinite if unbounded."""

    low: float = nan
    high: float = nan

    def within(self, least: float, most: float) -> "Interval":
        """Return the interval cut to the range of possible values."""
        return Interval(*(float(np.clip(end, least, most)) for end in (self.low, self.high)))


def mean_interval(values: Array) -> Interval:
    """Return Student's t interval of the mean; none for fewer than two values."""
    n = len(values)
    if n < 2:
        return Interval()
    half = t_quantile(n) * float(np.std(values, ddof=1)) / n**0.5
    mean = float(np.mean(values))
    return Interval(mean - half, mean + half)


@cache
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
    """Return Fieller's interval of the saving; infinite if unbounded.

    None for fewer than two seeds.
    """
    ratio = ratio_interval(strategy, baseline)
    return Interval(1 - ratio.high, 1 - ratio.low)


def ratio_interval(numerator: Array, denominator: Array) -> Interval:
    """Return Fieller's interval of mean(numerator) / mean(denominator); infinite if unbounded.

    It holds every theta for which the paired t-test on numerator - theta x denominator does not
    reject (Fieller 1954, Some problems in interval estimation). None for fewer than two pairs.
    """
    n = len(denominator)
    if n < 2:
        return Interval()
    values = np.array([denominator, numerator], dtype=np.float64)
    means = values.mean(axis=1)
    values -= means[:, None]
    covariance = values @ values.T * (1 / (n - 1)) / n  # several times as fast as np.cov
    mean_r, mean_s = means.tolist()
    t2 = t_quantile(n) ** 2
    a = mean_r**2 - t2 * covariance[0, 0]
    b = mean_r * mean_s - t2 * covariance[0, 1]
    c = mean_s**2 - t2 * covariance[1, 1]
    if a <= 0:
        return Interval(-np.inf, np.inf)
    root = float(np.sqrt(max(b**2 - a * c, 0.0)))  # real, since the ratio itself is not rejected
    return Interval(float((b - root) / a), float((b + root) / a))


def is_equivalent(
    numerator: Array, denominator: Array, rope: float, interval: Interval | None = None
) -> bool:
    """Return whether two means are shown to be the same within a share `rope` of each other.

    The interval of their ratio lies inside [1 / (1 + rope), 1 + rope], and at least
    FEWEST_DIFFERENT pairs differ. With fewer the interval is that of rare differences which the
    sample may have missed: it would call means that are 10 % apart the same in up to 75 % of
    samples. `interval` is that of `ratio_interval`, where it is known.
    """
    if np.count_nonzero(numerator != denominator) < FEWEST_DIFFERENT:
        return False
    if interval is None:
        interval = ratio_interval(numerator, denominator)
    return 1 / (1 + rope) <= interval.low and interval.high <= 1 + rope


def geometric_saving(log_ratios: Array) -> tuple[float, Interval]:
    """Return the saving across data sets, 1 - exp(mean), and its t interval.

    `log_ratios` holds log(mean labels of the strategy / of the baseline), one per data set. There
    is no interval for fewer than two.
    """
    if len(log_ratios) == 0:
        return nan, Interval()
    interval = mean_interval(log_ratios)
    low, high = -np.expm1([interval.high, interval.low])
    return float(-np.expm1(np.mean(log_ratios))), Interval(float(low), float(high))


def improvement(wins: int, ties: int, losses: int) -> float:
    """Return the probability of improvement: the share of pairs won, a tie as half.

    NaN without pairs (Agarwal et al. 2021, Deep reinforcement learning at the edge of the
    statistical precipice, section 4.3).
    """
    n = wins + ties + losses
    return (wins + ties / 2) / n if n else nan
