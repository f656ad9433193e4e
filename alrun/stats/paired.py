"""The exact paired sign-flip test."""

from collections.abc import Iterable, Iterator
from functools import lru_cache
from math import nan
from typing import Any

import numpy as np

from alrun.arrays import Array
from alrun.util.random_streams import generator

MONTE_CARLO_DRAWS = 99_999
# Up to this many differences all sign patterns are enumerated.
MOST_ENUMERATED = 20
# Above this sum the exact distribution, with an entry for each value, gets too large.
_LARGEST_SUM = 5_000_000
# Draws of up to this many bytes are kept, 100 kB for each; more are drawn anew for each test.
_MOST_CACHED = 64


def sign_flip(differences: Array) -> float:
    """Return the two-sided p value of the paired sign-flip test on the mean difference.

    p is the share of sign patterns over the nonzero d with |sum e_i |d_i|| >= |sum d_i| (Fisher
    1935, The Design of Experiments, section 21). Exact for any number of integers whose sum,
    divided by their greatest common divisor, is at most five million, and for up to 20 floats;
    beyond, 99,999 draws from a fixed stream, so that p = (b + 1) / 100,000. The order of the seeds
    changes nothing. NaN for no values or a NaN among them, 1 where all are zero.
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

    The sum is 2 S - M, where S sums the magnitudes with a plus sign and M all of them. The
    distribution of S takes one shift and one addition for each magnitude.
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
        # Each sum is one of the first half and one of the second: those are found, not added up.
        ones, others = _all_sums(magnitudes[: n // 2]), np.sort(_all_sums(magnitudes[n // 2 :]))
        n_below = others.searchsorted(threshold - ones)
        n_above = others.searchsorted(-threshold - ones, "right")
        n_sums = len(ones) * len(others)
        return float(n_sums - n_below.sum() + n_above.sum()) / n_sums if threshold > 0 else 1.0
    padded = np.zeros(8 * -(-n // 8))
    padded[:n] = magnitudes
    draws = _sign_bytes(len(padded) // 8)
    # Each byte holds the signs of eight differences; their sums are looked up in tables.
    tables = padded.reshape(-1, 8) @ _SIGNS_OF_BYTES.T
    sums = sum(table[byte] for table, byte in zip(tables, draws, strict=True))
    exceeding = int(np.count_nonzero(np.abs(sums) >= threshold))
    return (exceeding + 1) / (MONTE_CARLO_DRAWS + 1)


def _all_sums(magnitudes: Array) -> Array:
    """Return the sums with every pattern of signs, shape (2^n,)."""
    sums = np.zeros(1)
    for magnitude in magnitudes:
        sums = np.concatenate([sums - magnitude, sums + magnitude])
    return sums


_SIGNS_OF_BYTES = 2.0 * np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1) - 1.0


def _sign_bytes(n_bytes: int) -> Iterable[Array]:
    """Return the fixed draws, n_bytes arrays of shape (draws,)."""
    return _cached_draws(n_bytes) if n_bytes <= _MOST_CACHED else _draws(n_bytes)


def _draws(n_bytes: int) -> Iterator[Array]:
    rng = generator(0, "sign-flip", n_bytes)
    # Four at a time: a draw takes 32 bits for four bytes, and drops those left at its end.
    for start in range(0, n_bytes, 4):
        size = (min(4, n_bytes - start), MONTE_CARLO_DRAWS)
        yield from rng.integers(0, 256, size=size, dtype=np.uint8)


@lru_cache(maxsize=4)
def _cached_draws(n_bytes: int) -> list[Array]:
    """Return the draws as a list that is kept, as many tests share them."""
    return list(_draws(n_bytes))


def smallest_p(n: Any) -> Any:
    """Return the smallest p value of the sign-flip test with n seeds; n has any shape."""
    return 2.0 ** (1 - n)
