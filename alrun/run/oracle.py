"""The oracle: the one who is asked for labels."""

from dataclasses import dataclass

from alrun.arrays import IntArray


@dataclass(frozen=True)
class TrueLabels:
    """An oracle that never errs.

    Attributes
    ----------
    y
        Class codes of all examples of a run, shape (n_examples,); only the oracle looks at those of
        the pool.
    """

    y: IntArray

    def label(self, rows: IntArray) -> IntArray:
        """Return the class codes of these examples, shape (len(rows),)."""
        return self.y[rows]
