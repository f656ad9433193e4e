"""One seed and a purpose in, an independent random generator out."""

import hashlib
import json
from typing import Any

import numpy as np


def canonical_json(value: Any) -> bytes:
    """Serialise `value` so that equal values give equal bytes, whatever the order of their keys."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return text.encode()


def generator(seed: int, purpose: str, *key: Any) -> np.random.Generator:
    """Return the random stream of `seed` for one purpose.

    Streams of different purposes or keys are independent, so that drawing more from one of them,
    or adding a new one, changes no other. `key` is anything JSON can hold. The bit generator is
    named, because NumPy may change what `default_rng` stands for.
    """
    digest = hashlib.sha256(canonical_json([seed, purpose, *key])).digest()
    return np.random.Generator(np.random.PCG64(int.from_bytes(digest, "big")))


def draw_integer(rng: np.random.Generator) -> int:
    """Draw the integer seed that scikit-learn wants where it does not take a generator."""
    return int(rng.integers(2**31))
