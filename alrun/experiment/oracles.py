"""The tables `[oracle]` and `[cost]`: annotators that err, and labels that cost."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from alrun.errors import nearest, quoted
from alrun.experiment.parts import DisplayName, Section
from alrun.spec_parts import BETWEEN_NAMES, AnnotatorSpec, CostSpec, OracleSpec
from alrun.util.numbers import is_number

# Rows of a confusion sum to 1 up to what people round.
_SUM_TOLERANCE = 1e-6

Probability = Annotated[float, Field(ge=0, le=1)]
# Less than 1: else nothing new would ever be labelled.
ShareBelowOne = Annotated[float, Field(ge=0, lt=1)]
Cost = Annotated[float, Field(ge=0)]


def _confusion(value: Any) -> Any:
    """Return a table of probabilities by true class and answer; rows must sum to 1."""
    if isinstance(value, str):
        return value
    if not isinstance(value, dict) or not value:
        raise ValueError(
            "should be the path of a CSV file, or a table with a row for each true class, such as"
            f" {{ ham = {{ ham = 0.9, spam = 0.1 }}, ... }}, not {quoted(value)}"
        )
    for true, row in value.items():
        if not isinstance(row, dict) or not all(is_number(p) and 0 <= p <= 1 for p in row.values()):
            raise ValueError(f"row '{true}' should hold a probability for each answer")
        if abs(sum(row.values()) - 1) > _SUM_TOLERANCE:
            raise ValueError(f"row '{true}' sums to {sum(row.values()):g}, not to 1")
    return value


Confusion = Annotated[str | dict[str, dict[str, float]], BeforeValidator(_confusion)]


class AnnotatorSettings(Section):
    """An annotator of an `[oracle]` table."""

    name: DisplayName | None = None
    noise: Probability | None = None
    confusion: Confusion | None = None
    cost: Cost | None = None

    @model_validator(mode="after")
    def _one_way_to_err(self) -> Self:
        _check_one_way(self)
        if self.name is not None and BETWEEN_NAMES in self.name:
            raise ValueError(f"name must not hold '{BETWEEN_NAMES}', which joins several names")
        return self


class OracleSettings(Section):
    """An `[oracle]` table: who labels, and how often they are wrong."""

    label: DisplayName | None = None
    kind: Literal["uniform", "instance", "boundary"] = "uniform"
    noise: Probability | None = None
    confusion: Confusion | None = None
    annotators: Annotated[list[AnnotatorSettings], Field(min_length=1)] | None = None
    votes: Annotated[int, Field(ge=1, le=1000)] = 1
    abstain: ShareBelowOne = 0.0
    relabel: Literal["disagreement"] | None = None
    share: ShareBelowOne | None = None
    initial: bool = False

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        _check_one_way(self)
        if self.kind != "uniform" and (self.confusion is not None or self.annotators is not None):
            raise ValueError(
                f'kind = "{self.kind}" goes with noise alone: confusion and annotators say'
                " themselves how answers err; drop them, or kind"
            )
        if self.annotators is not None and not (self.noise is None and self.confusion is None):
            raise ValueError("each of the annotators has a noise of its own; drop the one beside")
        if (self.relabel is None) != (self.share is None):
            raise ValueError(
                'relabel = "disagreement" goes with share, the share of each batch that is asked'
                " for again; give both or neither"
            )
        if self.initial and self.abstain:
            raise ValueError(
                "initial and abstain exclude each other: a run needs the labels that it starts"
                " with; drop one"
            )
        names = [str(entry.name) for entry in self.people()]
        twins = sorted(name for name, n in Counter(names).items() if n > 1)
        if twins:
            raise ValueError(f"annotators: the name {', '.join(twins)} is given more than once")
        return self

    def people(self) -> list[AnnotatorSettings]:
        """Return the annotators, with a name each; one without a name if none are listed."""
        if self.annotators is None:
            return [AnnotatorSettings(name="", noise=self.noise, confusion=self.confusion)]
        return [
            entry if entry.name is not None else entry.model_copy(update={"name": f"annotator {n}"})
            for n, entry in enumerate(self.annotators, start=1)
        ]

    def shown(self) -> str:
        """Return the label, or by default the rule in words: "noise 0.1", "boundary noise 0.1"."""
        if self.label:
            return self.label
        parts = []
        if self.annotators is not None:
            parts.append(f"{len(self.annotators)} annotators")
        elif self.confusion is not None:
            parts.append("confusion")
        else:
            kind = "" if self.kind == "uniform" else f"{self.kind} "
            parts.append(f"{kind}noise {self.noise or 0.0:g}")
        parts += [f"{self.votes} votes"] if self.votes > 1 else []
        parts += [f"abstain {self.abstain:g}"] if self.abstain else []
        parts += [f"relabel {self.share:g}"] if self.relabel else []
        parts += ["initial too"] if self.initial else []
        return ", ".join(parts)

    def spec(self, classes: Sequence[str], tables: Mapping[str, Any]) -> OracleSpec:
        """Return the oracle for a data set.

        `classes` are its labels by code, and `tables` the confusions read from files, by their
        name. Raises ValueError if a confusion has other classes.
        """
        annotators = tuple(
            AnnotatorSpec(
                str(entry.name),
                entry.noise or 0.0,
                _by_code(entry.confusion, classes, tables),
                entry.cost,
            )
            for entry in self.people()
        )
        return OracleSpec(
            self.kind,
            annotators,
            self.votes,
            self.abstain,
            self.relabel,
            self.share or 0.0,
            self.initial,
            self.label or "",
        )

    @property
    def files(self) -> list[str]:
        """The paths of the confusions that are in files."""
        return [e.confusion for e in self.people() if isinstance(e.confusion, str)]


class CostSettings(Section):
    """A `[cost]` table: what an answer costs.

    Its `label` is a cost, so that its display name is its `name`.
    """

    name: DisplayName | None = None
    label: Cost | None = None
    per_class: Annotated[dict[str, Cost], Field(min_length=1)] | None = None
    column: str | None = None
    base: Cost | None = None
    rate: Cost | None = None

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.column is not None and (self.label is not None or self.per_class is not None):
            raise ValueError(
                "column excludes label and per_class: a label costs base + rate times the column;"
                " drop them"
            )
        if self.column is None and (self.base is not None or self.rate is not None):
            raise ValueError("base and rate go with column; name it, or drop them")
        return self

    def shown(self) -> str:
        """Return the name, or by default the rule in words."""
        if self.name:
            return self.name
        if self.column is not None:
            return f"by {self.column}"
        return "by class" if self.per_class is not None else f"{self._price:g} per label"

    @property
    def _price(self) -> float:
        return 1.0 if self.label is None else self.label

    def spec(self, classes: Sequence[str]) -> CostSpec:
        """Return the costs for a data set, whose labels by code are `classes`.

        Raises ValueError if it has no such class.
        """
        name = self.name or ""
        if self.column is not None:
            base = 0.0 if self.base is None else self.base
            rate = 1.0 if self.rate is None else self.rate
            return CostSpec(column=self.column, base=base, rate=rate, display_name=name)
        if self.per_class is None:
            return CostSpec(self._price, display_name=name)
        for label in self.per_class:
            if label not in classes:
                raise ValueError(f"per_class: there is no class '{label}'{nearest(label, classes)}")
        by_code = tuple(self.per_class.get(label, self._price) for label in classes)
        return CostSpec(self._price, by_code, display_name=name)


def _check_one_way(entry: AnnotatorSettings | OracleSettings) -> None:
    if entry.confusion is not None and entry.noise is not None:
        raise ValueError("noise and confusion exclude each other; drop one")


def _by_code(
    confusion: str | Mapping[str, Mapping[str, float]] | None,
    classes: Sequence[str],
    tables: Mapping[str, Mapping[str, Mapping[str, float]]],
) -> tuple[tuple[float, ...], ...] | None:
    """Return a confusion as rows and columns by class code; None without one."""
    if confusion is None:
        return None
    table = tables[confusion] if isinstance(confusion, str) else confusion
    named = dict.fromkeys([*table, *(answer for row in table.values() for answer in row)])
    for label in named:
        if label not in classes:
            raise ValueError(f"confusion: there is no class '{label}'{nearest(label, classes)}")
    missing = [label for label in classes if label not in table]
    if missing:
        raise ValueError(f"confusion: there is no row for the class '{missing[0]}'; add it")
    return tuple(tuple(float(table[true].get(g, 0.0)) for g in classes) for true in classes)


def read_confusion(text: str) -> dict[str, dict[str, float]]:
    """Return the confusion in a CSV file: a header of answers, and a row for each true class.

    Raises ValueError, which says what is wrong with it.
    """
    import csv

    rows = [row for row in csv.reader(text.splitlines()) if row]
    if len(rows) < 2:
        raise ValueError("it needs a header with the answers, and a row for each true class")
    answers = rows[0][1:]
    table: dict[str, dict[str, float]] = {}
    for number, (true, *values) in enumerate(rows[1:], start=2):
        if len(values) != len(answers) or true in table:
            raise ValueError(
                f"line {number} must hold a class of its own and {len(answers)} probabilities"
            )
        try:
            table[true] = dict(zip(answers, map(float, values), strict=True))
        except ValueError:
            raise ValueError(f"line {number} holds something else than probabilities") from None
    return dict(_confusion(table))
