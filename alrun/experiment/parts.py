"""What all tables of an experiment file have in common: names, labels, sizes, no unknown keys."""

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from alrun.errors import quoted
from alrun.util.numbers import is_whole

# Integers in the tables have 32 bits.
MOST = 2**31 - 1


def _size(value: Any) -> Any:
    is_count = is_whole(value) and 1 <= value <= MOST
    if not is_count and not (isinstance(value, float) and 0 < value < 1):
        raise ValueError(f"should be a count, or a fraction between 0 and 1, not {quoted(value)}")
    return value


Positive = Annotated[int, Field(gt=0, le=MOST)]
Names = Annotated[list[str], Field(min_length=1)]
Size = Annotated[int | float, BeforeValidator(_size)]


class Section(BaseModel):
    """A table: its keys have types, and no other keys are allowed."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


class Step(Section):
    """A table with a name; its further keys are parameters of the named object."""

    model_config = ConfigDict(extra="allow")

    name: str

    @property
    def parameters(self) -> dict[str, Any]:
        """The further keys: parameters of the named object."""
        return dict(self.model_extra or {})


def _printable(value: str) -> str:
    if not value.isprintable():
        raise ValueError(
            f"should be a text on one line without control characters, not {quoted(value)}"
        )
    return value


DisplayName = Annotated[str, AfterValidator(_printable)]


class Named(Step):
    """A table with a label: its display name in reports."""

    label: DisplayName | None = None

    def shown(self) -> str:
        """Return the label, or by default the name."""
        return self.label or self.name
