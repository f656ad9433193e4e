"""The monitoring of a project as lines of text."""

from collections.abc import Iterator, Sequence

from alrun.labelling.phrasing import counted, share_text
from alrun.labelling.verdict import (
    Numbers,
    agreement_text,
    progress,
    rule_text,
    score_text,
    verdict,
)

_COLUMNS = (
    "batch",
    "trained",
    "asked",
    "answered",
    "skips",
    "twins",
    "s/label",
    "classes off",
    "unsure off",
    "accuracy",
    "expected",
)


def lines_of(numbers: Numbers) -> Iterator[str]:
    """Yield the numbers that `monitor` returns, as lines."""
    yield f"{numbers['project']}: {progress(numbers)}"
    yield from verdict(numbers)
    yield ""
    if numbers["batches"]:
        rows = [_COLUMNS, *map(_row, numbers["batches"])]
        if all(batch["expected"] is None for batch in numbers["batches"]):
            rows = [row[:-1] for row in rows]
        yield from _table(rows)
        yield (
            "Trained: labels of the model that chose the batch, and whose accuracy is shown. Off:"
            " total variation distance between what it queried and the pool."
        )
        yield ""
    yield from _agreement(numbers["agreement"])
    yield from _rules(numbers["stopping"])
    if numbers["now"] is not None:
        yield from _disputed(numbers["now"]["disputed"])


def _rules(rules: Sequence[Numbers], indent: str = "") -> Iterator[str]:
    for rule in rules:
        yield f"{indent}{rule_text(rule)}"
        yield from _rules(rule["parts"], f"{indent}  ")


def _disputed(disputed: Sequence[Numbers]) -> Iterator[str]:
    for one in disputed:
        yield (
            f"Disputed: {one['id']} is labelled {one['label']}, and a model fitted on the"
            f" others gives that {share_text(one['probability'])}."
        )
    if not disputed:
        yield "The model disputes no label."


def _agreement(agreement: Numbers | None) -> Iterator[str]:
    if agreement is None:
        return
    yield agreement_text(agreement)
    for one in agreement["annotators"]:
        if one["with_majority"] is not None:
            yield (
                f"  {one['annotator'] or 'without a name'}: {counted(one['n'], 'answer')},"
                f" {share_text(one['with_majority'])} as most of the others."
            )


def _row(batch: Numbers) -> tuple[str, ...]:
    seconds = batch["seconds_per_label"]
    return (
        f"{batch['batch']}",
        "" if batch["n_trained"] is None else f"{batch['n_trained']:,}",
        f"{batch['n']:,}",
        f"{batch['n_answered']:,}",
        f"{batch['n_skipped']:,}",
        f"{batch['n_duplicates']:,}",
        "" if seconds is None else f"{seconds:.1f}",
        _two(batch["class_distance"]),
        _two(batch["uncertainty_distance"]),
        "" if batch["score"] is None else score_text(batch["score"]),
        "" if batch["expected"] is None else share_text(batch["expected"]),
    )


def _table(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    for row in rows:
        cells = [cell.rjust(width) for cell, width in zip(row, widths, strict=True)]
        yield "  ".join(cells).rstrip()


def _two(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"
