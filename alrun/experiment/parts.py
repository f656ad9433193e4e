"""What all tables of an experiment file have in common: names, labels, and no unknown keys."""

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict

from alrun.errors import quoted


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
