"""Type aliases for NumPy arrays, and the place of the first true entry."""

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
BoolArray = npt.NDArray[np.bool_]
IntArray = npt.NDArray[np.integer[Any]]
FloatArray = npt.NDArray[np.floating[Any]]


def first_true(mask: Any) -> int | None:
    """Return the position of the first true entry of a mask, row by row; None without one."""
    places = np.flatnonzero(mask)
    return int(places[0]) if len(places) else None
