"""The keys of `read`: how the numbers and fields of a text table are written."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any


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
        Whether the first row names the columns. Otherwise their names are "0", "1", ...
    categories
        Columns that hold categories, although their values look like numbers.
    """

    sep: str | None = None
    decimal: str | None = None
    thousands: str | None = None
    encoding: str | None = None
    na_values: tuple[str, ...] = ()
    header: bool = True
    categories: tuple[str, ...] = ()

    def given(self) -> dict[str, Any]:
        """Return the keys that differ from their defaults, as plain values."""
        values = asdict(self)
        return {
            field.name: list(values[field.name]) if field.default == () else values[field.name]
            for field in fields(self)
            if values[field.name] != field.default
        }

    def with_more(self, more: Mapping[str, Any]) -> str:
        """Return the key of the experiment file with these keys added, as TOML.

        >>> ReadKeys(sep=";").with_more({"decimal": ","})
        'read = { sep = ";", decimal = "," }'
        """
        keys = self.given()
        if "na_values" in more and "na_values" in keys:
            more = {**more, "na_values": [*keys["na_values"], *more["na_values"]]}
        pairs = [
            f"{key} = {json.dumps(value, ensure_ascii=False)}"
            for key, value in {**keys, **more}.items()
        ]
        return f"read = {{ {', '.join(pairs)} }}"


AS_USUAL = ReadKeys()
