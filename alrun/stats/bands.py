"""Simultaneous bands around mean curves."""

from collections.abc import Iterator
from math import nan

import numpy as np

from alrun.arrays import Array
from alrun.stats.estimates import CONFIDENCE
from alrun.stats.sign_draws import sign_draws
from alrun.util.random_streams import generator

# Below this many seeds there is no band.
FEWEST_SEEDS = 5
_MOST_ENUMERATED = 12
_DRAWS = 9_999


def band_half_width(curves: Array) -> Array:
    """Return the half-width of the simultaneous band around the mean of curves.

    The band mean +- c sd / sqrt(n) holds the whole true mean curve with `CONFIDENCE`. c is the
    quantile of the largest studentised deviation of the centred curves under sign flips, with the
    standard error computed anew for each flip: a sup-t band (Montiel Olea and
    Plagborg-Moller 2019, Simultaneous confidence bands, definition 2) with the critical value of a
    symmetrised bootstrap-t. All flips for up to 12 seeds, beyond 9,999 from a fixed stream; the
    order of the seeds changes nothing.

    Parameters
    ----------
    curves
        Shape (n_seeds, n_points): a score, or a paired difference of scores, per seed and point.

    Returns
    -------
    array
        Shape (n_points,). 0 where all seeds agree, as on a paired difference in round 0; NaN
        everywhere below five seeds.
    """
    n, n_points = curves.shape
    if n < FEWEST_SEEDS:
        return np.full(n_points, nan)
    deviations = curves - curves.mean(axis=0)
    # Curves that agree differ from their mean by rounding.
    scale = np.abs(curves).max(axis=0, initial=0.0)
    varies = np.abs(deviations).max(axis=0) > 1e-12 * scale
    standard_error = np.std(curves, axis=0, ddof=1) / n**0.5
    half_width = np.zeros(n_points)
    if varies.any():
        critical = _critical_value(deviations[:, varies])
        half_width[varies] = critical * standard_error[varies]
    return half_width


def _critical_value(deviations: Array) -> float:
    """Return the quantile over sign flips of the largest |mean| / standard error."""
    n, n_points = deviations.shape
    deviations = deviations[np.lexsort(deviations.T)]
    sum_of_squares = (deviations**2).sum(axis=0)
    largest = []
    for signs in _signs(n, n_points):
        mean = signs @ deviations / n
        variance = np.maximum(sum_of_squares - n * mean**2, 0.0) / (n - 1)
        with np.errstate(divide="ignore"):  # a flip may make all deviations equal
            largest.append((np.abs(mean) / np.sqrt(variance / n)).max(axis=1))
    return float(np.quantile(np.concatenate(largest), CONFIDENCE, method="higher"))


def _signs(n: int, n_points: int) -> Iterator[Array]:
    """Yield sign vectors in blocks, shape (n_flips, n)."""
    if n <= _MOST_ENUMERATED:
        yield 1.0 - 2.0 * (np.arange(2**n)[:, None] >> np.arange(n) & 1)
    else:
        yield from sign_draws(generator(0, "band", n), _DRAWS, n, n_points)
