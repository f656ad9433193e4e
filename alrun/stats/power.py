"""Power of the paired test, and the number of seeds for seeing a difference."""

from math import isnan

from scipy import stats

# The chance that the true spread is below its upper limit. With the pilot's own spread, the planned
# power would be reached only half of the time.
ASSURANCE = 0.80
MOST_SEEDS = 100_000


def upper_spread(spread: float, n_pilot: int) -> float:
    """Return the upper limit of a standard deviation from a pilot of n seeds.

    sd sqrt((n - 1) / chi2(.20, n - 1)), the one-sided 80 % limit for normal differences (Browne
    1995, On the use of a pilot sample for sample size determination).
    """
    quantile = float(stats.chi2.ppf(1 - ASSURANCE, n_pilot - 1))
    return float(spread * ((n_pilot - 1) / quantile) ** 0.5)


def power_of(n: int, difference: float, spread: float, alpha: float) -> float:
    """Return the power of the two-sided paired t test of n seeds."""
    shift = difference * n**0.5 / spread
    critical = stats.t.ppf(1 - alpha / 2, n - 1)
    below = float(stats.nct.cdf(-critical, n - 1, shift))
    # scipy has NaN for some of the chances that are too small to count.
    return float(stats.nct.sf(critical, n - 1, shift)) + (0.0 if isnan(below) else below)


def seeds_for(difference: float, spread: float, power: float, alpha: float) -> int | None:
    """Return the fewest seeds with at least this power; None above `MOST_SEEDS`.

    Parameters
    ----------
    difference, spread
        The mean of the paired differences to be seen, not 0, and their standard deviation.
    power, alpha
        Chances between 0 and 1; `alpha` is for one test: the family's level divided by its size.
    """
    if spread == 0:
        return 2
    low, high = 1, 2  # power(low) is too small
    while power_of(high, difference, spread, alpha) < power:
        low, high = high, 2 * high
        if low > MOST_SEEDS:
            return None
    while high - low > 1:
        middle = (low + high) // 2
        if power_of(middle, difference, spread, alpha) < power:
            low = middle
        else:
            high = middle
    return high


def smallest_effect(n: int, power: float, alpha: float) -> float:
    """Return the smallest mean difference that n >= 2 seeds see with at least this power.

    It is in standard deviations of the paired differences. `power` and `alpha` are as for
    `seeds_for`.
    """
    low, high = 0.0, 1.0
    while power_of(n, high, 1.0, alpha) < power:
        low, high = high, 2 * high
    while high - low > 1e-4 * high:
        middle = (low + high) / 2
        if power_of(n, middle, 1.0, alpha) < power:
            low = middle
        else:
            high = middle
    return high
