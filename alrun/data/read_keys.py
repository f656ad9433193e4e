"""The keys of `read`: how the numbers and fields of a text table are written."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

# A key that changes nothing but a check.
_NO_CHANGE = ("header", True)


@dataclass(frozen=True)
class ReadKeys:
    """The keys of `read`, as the experiment gives them.

    Attributes
    ----------
    sep
        What separates fields, by default a comma, and a tab in a .tsv file.
    decimal, thousands
        The decimal point, and what groups the digits of thousands.
    encoding
        The encoding of the text, by default UTF-8.
    na_values
        Fields that stand for a missing value, beside those that pandas knows.
    header
        Whether the first row names the columns; if not, their names are "0", "1", ... Where it is
        not given, the first row names them, and must not look like data.
    categories
        Columns that hold categories, although their values look like numbers.
    """

    sep: str | None = None
    decimal: str | None = None
    thousands: str | None = None
    encoding: str | None = None
    na_values: tuple[str, ...] = ()
    header: bool | None = None
    categories: tuple[str, ...] = ()

    @property
    def has_header(self) -> bool:
        """Whether the first row names the columns."""
        return self.header is not False

    def given(self) -> dict[str, Any]:
        """Return the keys that differ from their defaults, as plain values."""
        values = asdict(self)
        return {
            field.name: list(values[field.name]) if field.default == () else values[field.name]
            for field in fields(self)
            if values[field.name] != field.default
        }

    def identity(self) -> dict[str, Any]:
        """Return the keys that change what is read; `header = true` only switches off a check."""
        return {key: value for key, value in self.given().items() if (key, value) != _NO_CHANGE}

    def joined(self, more: Mapping[str, Any]) -> dict[str, Any]:
        """Return the keys that differ from their defaults and these, as plain values."""
        keys = self.given()
        if "na_values" in more and "na_values" in keys:
            more = {**more, "na_values": [*keys["na_values"], *more["na_values"]]}
        return {**keys, **more}

    def with_more(self, more: Mapping[str, Any]) -> str:
        """Return the key of the experiment file with these keys added, as TOML.

        >>> ReadKeys(sep=";").with_more({"decimal": ","})
        'read = { sep = ";", decimal = "," }'
        """
        pairs = [
            f"{key} = {json.dumps(value, ensure_ascii=False)}"
            for key, value in self.joined(more).items()
        ]
        return f"read = {{ {', '.join(pairs)} }}"


AS_USUAL = ReadKeys()
