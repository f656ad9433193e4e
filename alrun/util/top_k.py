"""Selection of the highest scores, reproducible on every machine."""

import numpy as np

from alrun.arrays import FloatArray, IntArray


def top_k(scores: FloatArray, n: int) -> tuple[IntArray, bool]:
    """Return the positions of the `n` highest scores, and whether a tie decided the last.

    Among equal scores the first wins; the pool has a random order, so ties are broken at random.
    Scores are compared at nine significant digits. Further digits are rounding noise that differs
    between processors, and duplicates must tie on all of these.
    """
    rows = np.arange(len(scores))
    if 0 < n < len(scores):
        # For a single one the maximum is several times as fast.
        lowest = scores.max() if n == 1 else np.partition(scores, len(scores) - n)[-n]
        if np.isfinite(lowest):  # rounding cannot lift any other score among the highest
            rows = np.flatnonzero(scores >= lowest - 1e-8 * abs(lowest))
    rounded = nine_digits(scores[rows])
    order = np.argsort(-rounded, kind="stable")
    is_tied = 0 < n < len(rows) and bool(rounded[order[n - 1]] == rounded[order[n]])
    return rows[order[:n]], is_tied


def highest(values: FloatArray, n: int) -> tuple[IntArray, float]:
    """Return the positions of the `n` highest values, ascending, and the highest other value.

    Unlike top_k it knows no ties. Without other values the highest is -inf.
    """
    first = len(values) - n
    if first <= 0:
        return np.arange(len(values)), -np.inf
    order = np.argpartition(values, first - 1)
    return np.sort(order[first:]), float(values[order[first - 1]])


def nine_digits(values: FloatArray) -> FloatArray:
    """Round to nine significant digits; zeros and infinities are unchanged."""
    rounded = values.astype(np.float64)
    ordinary = np.isfinite(rounded) & (rounded != 0)
    sizes = np.abs(rounded[ordinary])
    exponents = np.floor(np.log10(sizes)) - 8
    digits = np.rint(_times_power_of_ten(sizes, -exponents))
    # 999999999.9 is rounded to ten digits, 1000000000. Shorten it, so that each number has only
    # one representation.
    carried = digits >= 1e9
    digits[carried] = 1e8
    exponents[carried] += 1
    rounded[ordinary] = np.copysign(_times_power_of_ten(digits, exponents), rounded[ordinary])
    return rounded


def _times_power_of_ten(values: FloatArray, exponents: FloatArray) -> FloatArray:
    """Return values x 10^exponents, computed with exact powers of ten where possible."""
    half = np.trunc(exponents / 2)  # in two steps: 10^324 is beyond a float
    for power in (half, exponents - half):
        values = values * 10.0 ** np.maximum(power, 0) / 10.0 ** np.maximum(-power, 0)
    return values
