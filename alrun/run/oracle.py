"""The oracle of a run: it sells labels of the pool."""

from dataclasses import dataclass

from alrun.arrays import IntArray


@dataclass(frozen=True)
class TrueLabels:
    """An oracle without errors.

    Attributes
    ----------
    y
        Class codes of all examples of a run, shape (n_examples,). Nothing else reads those of the
        pool.
    """

    y: IntArray

    def label(self, rows: IntArray) -> IntArray:
        """Return the class codes of the examples at `rows`, shape (len(rows),)."""
        return self.y[rows]
