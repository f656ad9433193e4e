"""What a report counts up to its targets: labels, or what they cost, with the words for it."""

from enum import StrEnum


class Axis(StrEnum):
    """What curves run along, and what is counted up to a target."""

    labels = "labels"
    cost = "cost"

    @property
    def column(self) -> str:
        """The column of `curves.parquet` that holds it."""
        return {"labels": "n_labels", "cost": "cost"}[self]

    @property
    def least(self) -> str:
        """The smallest amount of it."""
        return {"labels": "the fewest labels", "cost": "the least cost"}[self]

    @property
    def less(self) -> str:
        """A smaller amount of it."""
        return {"labels": "fewer labels", "cost": "less cost"}[self]

    @property
    def less_of_it(self) -> str:
        """A smaller amount, where it has been named."""
        return {"labels": "fewer", "cost": "less"}[self]

    @property
    def heading(self) -> str:
        """Its name at the beginning of a sentence."""
        return self.value.capitalize()

    @property
    def along(self) -> str:
        """What a curve runs along."""
        return {"labels": "number of labels", "cost": "cost of the labels"}[self]

    def amount(self, value: str) -> str:
        """Return so much of it: "320 labels", or "a cost of 320"."""
        return f"{value} labels" if self is Axis.labels else f"a cost of {value}"

    def mean(self, value: float, is_exact: bool) -> str:
        """Return a mean: labels exact to a tenth, or whole; costs with four digits."""
        digits = 1 if is_exact else 0
        if self is Axis.labels or abs(value) >= _LARGE:
            return f"{round(value, digits) + 0.0:.{digits}f}"
        return f"{value + 0.0:.4g}"

    def end(self, value: float) -> str:
        """Return a single amount: labels whole, costs with as many digits as they have, up to 6."""
        if self is Axis.labels or value == round(value):
            return f"{value:.0f}"
        return f"{value:.6g}"


# Costs from here on need no decimals.
_LARGE = 1000.0
