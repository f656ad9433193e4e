"""Independent random streams, one for each seed and purpose."""

import hashlib
from typing import Any

import numpy as np

from alrun.util.digest import canonical_json


def generator(seed: int, purpose: str, *key: Any) -> np.random.Generator:
    """Return the random stream of `seed` for one purpose.

    Streams of different purposes or keys are independent: drawing more from one, or adding a new
    one, changes no other. `key` is any JSON-serialisable data. The bit generator is explicit,
    because NumPy may change that of `default_rng`.
    """
    digest = hashlib.sha256(canonical_json([seed, purpose, *key])).digest()
    return np.random.Generator(np.random.PCG64(int.from_bytes(digest, "big")))


def draw_integer(rng: np.random.Generator) -> int:
    """Draw an integer seed, for libraries without support for generators."""
    return int(rng.integers(2**31))
