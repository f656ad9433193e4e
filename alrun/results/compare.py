"""Comparison of two tables, exact but for metrics and signals with a tolerance."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from alrun.arrays import BoolArray
from alrun.metrics import METRICS
from alrun.records import SIGNAL_TOLERANCES

_TOLERANCES = {
    **{name: metric.tolerance for name, metric in METRICS.items()},
    **SIGNAL_TOLERANCES,
}


def agree(one: pa.Table, other: pa.Table) -> bool:
    """Return whether two tables of the same grid agree in every row, as in `differing_rows`."""
    if one.column_names != other.column_names or one.num_rows != other.num_rows:
        return False
    return not differing_rows(one, other).any()


def differing_rows(one: pa.Table, other: pa.Table) -> BoolArray:
    """Return a mask of the differing rows, shape (n_rows,).

    The tables must have the same columns and the same number of rows. Values are compared for
    equality, types included; only a metric or signal with a tolerance may differ by that.
    """
    differs = np.zeros(one.num_rows, dtype=bool)
    for name in one.column_names:
        left, right = _decoded(one[name]), _decoded(other[name])
        if left.type != right.type:
            return np.ones(one.num_rows, dtype=bool)
        tolerance = _TOLERANCES.get(name, 0.0)
        if pa.types.is_nested(left.type):  # Arrow compares no lists
            pairs = zip(left.to_pylist(), right.to_pylist(), strict=True)
            differs |= np.array([one != two for one, two in pairs], dtype=bool)
            continue
        if tolerance:
            same = pc.less_equal(pc.abs(pc.subtract(left, right)), tolerance)
        else:
            same = pc.equal(left, right)
        both_null = pc.and_(pc.is_null(left), pc.is_null(right))
        differs |= ~pc.or_(pc.fill_null(same, False), both_null).to_numpy()
    return differs


def _decoded(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return a column with its values in place of dictionary codes."""
    is_dictionary = pa.types.is_dictionary(column.type)
    return column.cast(column.type.value_type) if is_dictionary else column
