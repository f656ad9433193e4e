"""The keys of a data set on its columns: which are used, missing values, labels that may lack."""

from collections.abc import Mapping
from dataclasses import dataclass

# What a text column can do with its missing values, and what a column of numbers can.
TEXT_RULES = ("most_frequent", "constant", "category", "drop")
NUMBER_RULES = ("mean", "median", "most_frequent", "constant", "keep", "drop")
RULES = ("mean", "median", "most_frequent", "constant", "category", "keep", "drop")
# Beginnings of sources that are fetched, and that know their own column of labels.
FETCHED = ("openml:", "keel:")
# One of RULES, or the number that takes the place of a missing one.
Rule = str | float


@dataclass(frozen=True)
class ColumnKeys:
    """The keys on columns, as the experiment gives them.

    Attributes
    ----------
    columns
        The only columns used as features; None for all.
    drop
        Columns that are left out.
    missing
        The rule for missing values, one for all columns or one by column; None if it is not given.
        A number is a rule of its own: it is filled in.
    indicator
        Whether each column with missing values gets a feature that says where they were.
    test
        A file with the test part, relative to the experiment; None without one.
    costs
        Columns that say what a label costs. They are no features.
    classes
        The classes of rows that are labelled later: rows may then lack a label. None if every row
        needs one.
    """

    columns: tuple[str, ...] | None = None
    drop: tuple[str, ...] = ()
    missing: Rule | Mapping[str, Rule] | None = None
    indicator: bool = False
    test: str | None = None
    costs: tuple[str, ...] = ()
    classes: tuple[str, ...] | None = None

    def keeps(self, column: str) -> bool:
        """Return whether a column is used as a feature."""
        if column in self.costs:
            return False
        return (self.columns is None or column in self.columns) and column not in self.drop

    def rule(self, column: str, is_text: bool) -> Rule | None:
        """Return the rule for a column's missing values, None without one that fits it.

        Where one rule is given for all columns, missing texts become a category of their own unless
        the rule is "most_frequent" or "drop".
        """
        if self.missing is None:
            return None
        is_own = isinstance(self.missing, Mapping)
        rule = self.missing.get(column) if isinstance(self.missing, Mapping) else self.missing
        if is_text and (rule == "constant" or (not is_own and rule not in TEXT_RULES)):
            return "category"
        if isinstance(rule, str):
            return rule if rule in (TEXT_RULES if is_text else NUMBER_RULES) else None
        return None if is_text else rule


ALL_COLUMNS = ColumnKeys()
