"""Random signs in blocks, so that many seeds take little memory."""

from collections.abc import Iterator

import numpy as np

from alrun.arrays import Array

# Entries of a block; it takes 4 MiB.
_BLOCK_SIZE = 2**19


def sign_draws(
    rng: np.random.Generator, n_draws: int, n: int, n_columns: int = 1
) -> Iterator[Array]:
    """Yield sign vectors, -1.0 or 1.0, in blocks of shape (n_draws in the block, n).

    The signs are those of `rng.integers(0, 2)`, 1 for minus, taken from the raw stream, which is
    several times as fast. With `n_columns`, blocks are so small that a product with as many columns
    is no larger either.
    """
    # The number of rows is even, since a raw number of 64 bits gives two signs.
    n_rows = 2 * max(1, _BLOCK_SIZE // (2 * max(n, n_columns)))
    for start in range(0, n_draws, n_rows):
        n_signs = min(n_rows, n_draws - start) * n
        raw = rng.bit_generator.random_raw(-(-n_signs // 2)).astype("<u8", copy=False)
        halves = raw.view("<u4")[:n_signs]  # the low half first, as for `integers`
        # The top bit of each half becomes the sign bit of 1.0.
        signs = (halves & 0x80000000 | 0x3F800000).view("<f4")
        yield signs.astype(np.float64).reshape(-1, n)
