"""The `[dataset]` table of an experiment, validated."""

import codecs
import math
import sys
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from alrun.data.column_keys import FETCHED, RULES
from alrun.data.read_keys import ReadKeys
from alrun.errors import quoted
from alrun.experiment.parts import MOST, Named, Names, Section, Size
from alrun.util.numbers import is_number


def _scale(value: Any) -> Any:
    is_divisor = is_number(value) and 0 < value <= sys.float_info.max
    if value not in ("none", "standard", "minmax", "tfidf") and not is_divisor:
        known = '"none", "standard", "minmax", "tfidf" or a number to divide by'
        raise ValueError(f"should be {known}, not {quoted(value)}")
    return value if isinstance(value, str) else float(value)


def _label(value: Any) -> Any:
    is_finite = not isinstance(value, float) or math.isfinite(value)
    if not isinstance(value, (str, int, float)) or not is_finite:
        raise ValueError(f"should be the label of a class, not {quoted(value)}")
    return value


def _missing(value: Any) -> Any:
    """Return a rule for missing values, or rules by column; a number as a float."""
    is_table = isinstance(value, dict) and bool(value)
    rules = value if is_table else {"": value}
    for rule in rules.values():
        if rule not in RULES and not (is_number(rule) and abs(rule) <= sys.float_info.max):
            raise ValueError(
                f"should be one of {', '.join(RULES)}, a number to fill in, or a table of these by"
                f" column, not {quoted(rule)}"
            )
    rules = {name: float(rule) if is_number(rule) else rule for name, rule in rules.items()}
    return rules if is_table else rules[""]


Scale = Annotated[str | float, BeforeValidator(_scale)]
ClassLabel = Annotated[str | bool | int | float, BeforeValidator(_label)]
Missing = Annotated[str | float | dict[str, str | float], BeforeValidator(_missing)]


def _separator(value: Any) -> Any:
    if not isinstance(value, str) or (len(value) != 1 and value != r"\s+"):
        raise ValueError(
            f'should be the character between fields, or "\\\\s+" for spaces, not {quoted(value)}'
        )
    return value


def _character(value: Any) -> Any:
    if not isinstance(value, str) or len(value) != 1:
        raise ValueError(f"should be one character, not {quoted(value)}")
    return value


def _encoding(value: Any) -> Any:
    try:
        is_of_text = codecs.lookup(value)._is_text_encoding
    except (LookupError, TypeError, ValueError):
        is_of_text = False
    if not is_of_text:
        raise ValueError(f"should be an encoding that Python knows, not {quoted(value)}")
    return value


Character = Annotated[str, BeforeValidator(_character)]


class ReadSettings(Section):
    """The table `read` of a data set: how its CSV file is written."""

    sep: Annotated[str, BeforeValidator(_separator)] | None = None
    decimal: Character | None = None
    thousands: Character | None = None
    encoding: Annotated[str, BeforeValidator(_encoding)] | None = None
    na_values: Names | None = None
    header: bool | None = None
    categories: Names | None = None

    @model_validator(mode="after")
    def _tells_apart(self) -> Self:
        given = [self.sep, self.decimal or ".", self.thousands]
        given = [character for character in given if character is not None]
        if len(set(given)) < len(given):
            raise ValueError("sep, decimal and thousands must be different characters")
        return self

    def keys(self) -> ReadKeys:
        """Return the keys as the reader takes them."""
        return ReadKeys(
            self.sep,
            self.decimal,
            self.thousands,
            self.encoding,
            tuple(self.na_values or ()),
            self.header,
            tuple(self.categories or ()),
        )


class DatasetSettings(Named):
    """A `[dataset]` table.

    Without `ceiling` the score with all training labels is computed if these are not too many.
    Without `scale` it is the data set's own. Without `target` it is the column "target", and for
    fetched data the set's own.
    """

    scale: Scale | None = None
    test_size: Size = 0.25
    subsample: Size | None = None
    splits: str | None = None
    target: str | None = None
    text: str | None = None
    positive: ClassLabel | None = None
    per_seed: bool = False
    # None means that a key is not given. Such keys are not written to the experiment.toml of the
    # results, so that those of earlier versions stay as they are.
    columns: Names | None = None
    drop: Names | None = None
    missing: Missing | None = None
    missing_indicator: bool | None = None
    bins: Annotated[int, Field(ge=2, le=1000)] | None = None
    rare: Literal["merge", "drop"] | None = None
    rare_below: Annotated[int, Field(ge=2, le=MOST)] | None = None
    stratify: bool | None = None
    test: str | None = None
    read: ReadSettings | None = None
    ceiling: bool | None = None

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.target is None and not self.name.startswith(FETCHED):
            self.target = "target"
        if self.splits is not None and self.subsample is not None:
            raise ValueError(
                "subsample and splits exclude each other: the splits say which rows are used; drop"
                " one"
            )
        if self.positive is not None and self.per_seed:
            raise ValueError("positive and per_seed exclude each other; drop one")
        if self.text is not None and self.text == self.target:
            raise ValueError(
                f"text and target are both '{self.text}': the labels would be a feature; name"
                " another column"
            )
        if self.splits is not None and "test_size" in self.model_fields_set:
            raise ValueError(
                "test_size and splits exclude each other: the splits say which rows are tested"
                " on; drop one"
            )
        if self.splits is not None and self.per_seed:
            raise ValueError(
                "per_seed and splits exclude each other: each seed has other rows; drop one"
            )
        self._check_columns_and_labels()
        return self

    def _check_columns_and_labels(self) -> None:
        """Raise ValueError if keys on columns, labels and the test part exclude each other."""
        for key in ("columns", "drop", "missing", "missing_indicator"):
            if self.text is not None and getattr(self, key) is not None:
                raise ValueError(f"text and {key} exclude each other: the text is the only feature")
        if self.missing_indicator and self.missing is None:
            raise ValueError("missing_indicator goes with missing; give both, or drop it")
        if (self.rare is None) != (self.rare_below is None):
            raise ValueError(
                'rare = "merge" or "drop" goes with rare_below, the fewest examples of a class that'
                " is kept; give both"
            )
        for key in ("test_size", "splits", "stratify"):
            if self.test is not None and key in self.model_fields_set:
                raise ValueError(f"test and {key} exclude each other: the file is the test part")
        if self.splits is not None and self.stratify is not None:
            raise ValueError(
                "stratify and splits exclude each other: the splits say which rows are tested on"
            )
