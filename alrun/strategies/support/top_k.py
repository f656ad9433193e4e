"""From scores to the highest of them, the same on every machine."""

import numpy as np

from alrun.arrays import FloatArray, IntArray


def top_k(scores: FloatArray, n: int) -> tuple[IntArray, bool]:
    """Return the positions of the `n` highest scores; among equal ones the first wins.

    And whether the last of them had an equal that is left out. The pool stands in a random order,
    so that ties are broken at random. Scores are compared at nine significant digits: what is below
    is rounding noise that differs between processors, and duplicates must tie on all of them.
    """
    rows = np.arange(len(scores))
    if 0 < n < len(scores):
        lowest = np.partition(scores, len(scores) - n)[len(scores) - n]
        if np.isfinite(lowest):  # rounding moves no score by more than this: the rest is out
            rows = np.flatnonzero(scores >= lowest - 1e-8 * abs(lowest))
    rounded = nine_digits(scores[rows])
    order = np.argsort(-rounded, kind="stable")
    is_tied = 0 < n < len(rows) and bool(rounded[order[n - 1]] == rounded[order[n]])
    return rows[order[:n]], is_tied


def nine_digits(values: FloatArray) -> FloatArray:
    """Round to nine significant digits; zeros and infinities stay as they are."""
    rounded = values.astype(np.float64)
    ordinary = np.isfinite(rounded) & (rounded != 0)
    sizes = np.abs(rounded[ordinary])
    exponents = np.floor(np.log10(sizes)) - 8
    digits = np.rint(_times_power_of_ten(sizes, -exponents))
    # 999999999.9 becomes 1000000000: written as 100000000, a number has one form and no other.
    carried = digits >= 1e9
    digits[carried] = 1e8
    exponents[carried] += 1
    rounded[ordinary] = np.copysign(_times_power_of_ten(digits, exponents), rounded[ordinary])
    return rounded


def _times_power_of_ten(values: FloatArray, exponents: FloatArray) -> FloatArray:
    """Return values x 10^exponents, by powers that a float holds exactly where it can."""
    half = np.trunc(exponents / 2)  # in two steps: 10^324 is beyond a float
    for power in (half, exponents - half):
        values = values * 10.0 ** np.maximum(power, 0) / 10.0 ** np.maximum(-power, 0)
    return values
