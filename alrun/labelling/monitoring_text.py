"""The monitoring of a project as lines of text."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

Numbers = Mapping[str, Any]
_BIASED = (
    "No accuracy: that on examples which a strategy chose is biased. Name a labelled file with"
    " dataset.test, or set audit = 0.1."
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
    yield (
        f"{numbers['project']}: {numbers['n_labels']:,} of {numbers['budget']:,} labels,"
        f" {numbers['n_open']:,} examples open, {numbers['n_skipped']:,} skipped;"
        f" {numbers['n_answers']:,} answers for {_plain(numbers['cost'])}."
    )
    if numbers["batches"]:
        yield ""
        rows = [_COLUMNS, *map(_row, numbers["batches"])]
        if all(batch["expected"] is None for batch in numbers["batches"]):
            rows = [row[:-1] for row in rows]
        yield from _table(rows)
        yield (
            "Trained: labels of the model that chose the batch, and whose accuracy is shown. Off:"
            " total variation distance between what it queried and the pool."
        )
    yield ""
    yield from _improvement(numbers)
    yield from _agreement(numbers["agreement"])
    for rule in numbers["stopping"]:
        stopped = rule["stopped_at"]
        said = "has not fired" if stopped is None else f"fired at {stopped:,} labels"
        yield f"Stopping rule {rule['rule']}: {said}."


def _improvement(numbers: Numbers) -> Iterator[str]:
    scored = [batch for batch in numbers["batches"] if batch["score"] is not None]
    now = numbers["now"]
    if not scored and (now is None or now["score"] is None):
        yield _BIASED
    if scored:
        on = scored[-1]["score"]["on"]
        what = "the test file" if on == "test" else "the audit, a random part of the pool"
        yield f"Accuracy is measured on {what}."
    if numbers["cost_per_point"] is not None:
        cost = _plain(numbers["cost_per_point"])
        yield f"A further point of accuracy, a hundredth, has cost {cost} so far."
    if now is not None:
        if now["score"] is not None:
            yield f"Now, on {now['n_trained']:,} labels: {_score(now['score'])}."
        for one in now["disputed"]:
            yield (
                f"Disputed: {one['id']} is labelled {one['label']}, and a model fitted on the"
                f" others gives that {_share(one['probability'])}."
            )
        if not now["disputed"]:
            yield "The model disputes no label."


def _agreement(agreement: Numbers | None) -> Iterator[str]:
    if agreement is None:
        return
    name = "Cohen's kappa" if agreement["measure"] == "kappa" else "Krippendorff's alpha"
    value = "not defined" if agreement["value"] is None else f"{agreement['value']:.2f}"
    n = f"{agreement['n_examples']:,}"
    yield f"Agreement on {n} examples of several annotators: {name} {value}."
    for one in agreement["annotators"]:
        if one["with_majority"] is not None:
            yield (
                f"  {one['annotator'] or 'without a name'}: {one['n']:,} answers,"
                f" {_share(one['with_majority'])} as most of the others."
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
        "" if batch["score"] is None else _score(batch["score"]),
        "" if batch["expected"] is None else _share(batch["expected"]),
    )


def _table(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    for row in rows:
        cells = [cell.rjust(width) for cell, width in zip(row, widths, strict=True)]
        yield "  ".join(cells).rstrip()


def _score(score: Numbers) -> str:
    return (
        f"{_share(score['accuracy'])}"
        f" [{100 * score['accuracy_low']:.0f}, {100 * score['accuracy_high']:.0f}] of"
        f" {score['n']:,}"
    )


def _share(value: float) -> str:
    return f"{100 * value:.1f} %"


def _two(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


def _plain(value: float) -> str:
    return f"{value:,.2f}".removesuffix(".00")
