"""The monitoring of a project as tables of texts and matrices."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from alrun.labelling.facts import N_BINS
from alrun.labelling.phrasing import amount_text, share_text, signal_text
from alrun.report.html.matrix import Matrix
from alrun.report.sections import Section

Numbers = Mapping[str, Any]
# Classes that have a column, the most frequent ones; more of them nobody reads.
MOST_CLASSES = 20
# A share that differs from the pool's by this, or a share of answers, has the deepest shade.
_DEEPEST = 0.5


def scores(batches: Sequence[Numbers]) -> Section:
    """Return the accuracy of the model that chose each batch, beside what was promised."""
    header = ["batch", "chosen by", "fitted on", "accuracy", "from", "to", "of"]
    rows = [
        [
            f"{batch['batch']}",
            batch["strategy"],
            f"{batch['n_trained']:,}",
            *_score_cells(batch["score"]),
        ]
        for batch in batches
    ]
    promised = [batch["expected"] for batch in batches]
    if any(value is not None for value in promised):
        header.append("promised")
        for row, value in zip(rows, promised, strict=True):
            row.append("" if value is None else share_text(value))
    caption = "Of the model that chose the batch; from and to are Wilson's interval of 95 %."
    return Section("Accuracy batch by batch", caption, tuple(header), tuple(map(tuple, rows)), 2)


def work(batches: Sequence[Numbers]) -> Section:
    """Return what became of each batch among annotators."""
    rows = []
    for batch in batches:
        seconds = batch["seconds_per_label"]
        counts = ("batch", "n_labels", "n", "n_audit", "n_answered", "n_skipped", "n_duplicates")
        rows.append(
            (
                *(f"{batch[key]:,}" for key in counts),
                "" if seconds is None else f"{seconds:.1f}",
                amount_text(batch["cost"]),
            )
        )
    header = ("batch", "labels before", "asked", "of the audit", "answered", "skips", "duplicates",
              "seconds per label", "cost")  # fmt: skip
    caption = (
        "Skips: examples that all have skipped. Duplicates: rows with the content of one that was"
        " asked before. Seconds are the median."
    )
    return Section("Batches", caption, header, tuple(rows), 1)


def labels(batches: Sequence[Numbers]) -> Section:
    """Return the number of labels of each class in each batch."""
    names, left_out = _most_frequent(batch["classes"] for batch in batches)
    rows = [
        (f"{batch['batch']}", *(f"{batch['classes'].get(name, 0):,}" for name in names))
        for batch in batches
    ]
    return Section("Labels that came, by class", left_out, ("batch", *names), tuple(rows), 1)


def class_mix(batches: Sequence[Numbers]) -> Matrix:
    """Return the predicted classes of what was queried beside those of the pool."""
    names, left_out = _most_frequent(batch["pool"]["classes"] for batch in batches)
    caption = (
        "Predicted classes: the share of what was queried, in per cent, and in brackets that of the"
        f" pool. Distance: total variation, from 0, the same, to 1. {left_out}"
    )
    shares = [
        [_shares(batch[part]["classes"], names) for part in ("selected", "pool")]
        for batch in batches
    ]
    distances = [batch["class_distance"] for batch in batches]
    return _beside_pool("Class mix against the pool", caption, batches, names, shares, distances)


def uncertainty_mix(batches: Sequence[Numbers]) -> Matrix:
    """Return how uncertain the model was of what was queried beside the pool, in ten bins."""
    caption = (
        "Uncertainty, 1 less the largest probability: the share of what was queried in each bin, in"
        " per cent, and in brackets that of the pool. Bins without any example are left out."
    )
    counts = [
        [dict(enumerate(batch[part]["uncertainty"])) for part in ("selected", "pool")]
        for batch in batches
    ]
    bins = [n for n in range(N_BINS) if any(one[n] for pair in counts for one in pair)]
    names = [f"{n / N_BINS:g}-{(n + 1) / N_BINS:g}" for n in bins]
    shares = [[_shares(one, bins) for one in pair] for pair in counts]
    distances = [batch["uncertainty_distance"] for batch in batches]
    title = "Uncertainty against the pool"
    return _beside_pool(title, caption, batches, names, shares, distances)


def annotators(agreement: Numbers) -> Section:
    """Return how far each annotator agrees with the others."""
    rows = [
        (
            name_of(one),
            f"{one['n']:,}",
            f"{one['n_decided']:,}",
            "" if one["with_majority"] is None else share_text(one["with_majority"]),
        )
        for one in agreement["annotators"]
    ]
    header = ("annotator", "answers", "of them decided", "as the majority")
    caption = (
        "On examples with several answers. Decided: most of the others gave one class, which is the"
        " majority."
    )
    return Section("Annotators", caption, header, tuple(rows), 1)


def confusions(agreement: Numbers, classes: Sequence[str]) -> Iterator[Matrix]:
    """Yield the confusion of each annotator with the majority of the others."""
    for one in agreement["annotators"]:
        confusion = np.array(one["confusion"])
        totals = confusion.sum(axis=0) + confusion.sum(axis=1)
        names, left_out = _most_frequent([dict(zip(classes, totals.tolist(), strict=True))])
        if not names:
            continue
        places = [classes.index(name) for name in names]
        counts = confusion[np.ix_(places, places)]
        shares = counts / np.maximum(confusion[places].sum(axis=1, keepdims=True), 1)
        np.fill_diagonal(shares, 0)
        yield Matrix(
            f"Confusion: {name_of(one)}",
            f"Rows are what most of the others said, columns what was given. {left_out}",
            "majority",
            names,
            names,
            [[f"{n:,}" for n in row] for row in counts.tolist()],
            np.minimum(shares / _DEEPEST, 1).tolist(),
        )


def disputed(found: Sequence[Numbers]) -> Section:
    """Return the labels that a model fitted on the others finds unlikely."""
    rows = [(one["id"], one["label"], share_text(one["probability"])) for one in found]
    caption = "A model fitted on the other labels gives the label this probability."
    return Section("Labels to look at again", caption, ("id", "label", "probability"),
                   tuple(rows), 2)  # fmt: skip


def rules(found: Sequence[Numbers]) -> Section:
    """Return whether each rule has fired, and the value that it compares."""
    header = ("rule", "fired at labels", "with batch", "value", "a batch before", "fires if")
    caption = (
        "The value is that of the last batch. A rule fires once, whatever its value is later on."
    )
    rows = [
        (
            f"{indent}{rule['rule']}",
            "" if rule["stopped_at"] is None else f"{rule['stopped_at']:,}",
            "" if rule["batch"] is None else f"{rule['batch']}",
            *_criterion_cells(rule["criterion"]),
        )
        for indent, rule in _with_parts(found)
    ]
    return Section("Stopping rules", caption, header, tuple(rows), 1)


def criteria(found: Sequence[Numbers]) -> Iterator[str]:
    """Yield what each rule compares, as a sentence."""
    for _, rule in _with_parts(found):
        if rule["criterion"] is not None:
            yield f"{rule['rule']} compares {rule['criterion']['subject']}."


def name_of(annotator: Numbers) -> str:
    """Return the name of an annotator."""
    return annotator["annotator"] or "without a name"


def _with_parts(rules: Sequence[Numbers], indent: str = "") -> Iterator[tuple[str, Numbers]]:
    """Yield each rule with what stands before its name, and behind it the rules it is made of."""
    for rule in rules:
        yield indent, rule
        yield from _with_parts(rule["parts"], f"{indent}\N{BULLET} ")


def _criterion_cells(criterion: Numbers | None) -> tuple[str, ...]:
    if criterion is None:
        return ("", "", "")
    value, before, threshold = (
        "" if number is None else signal_text(number)
        for number in (criterion[key] for key in ("value", "before", "threshold"))
    )
    return (value, before, f"{criterion['comparison']} {threshold}" if threshold else "")


def _score_cells(score: Numbers | None) -> tuple[str, ...]:
    if score is None:
        return ("", "", "", "")
    keys = ("accuracy", "accuracy_low", "accuracy_high")
    return (*(share_text(score[key]) for key in keys), f"{score['n']:,}")


def _beside_pool(
    title: str,
    caption: str,
    batches: Sequence[Numbers],
    columns: Sequence[str],
    shares: Sequence[Sequence[Sequence[float]]],
    distances: Sequence[float],
) -> Matrix:
    """Return shares beside those of the pool, shaded by their difference."""
    return Matrix(
        title,
        caption,
        "batch",
        [f"{batch['batch']}" for batch in batches],
        ["distance", *columns],
        [
            [
                f"{distance:.2f}",
                *(f"{100 * a:.0f} ({100 * b:.0f})" for a, b in zip(*pair, strict=True)),
            ]
            for distance, pair in zip(distances, shares, strict=True)
        ],
        [
            [0.0, *(max(min((a - b) / _DEEPEST, 1.0), -1.0) for a, b in zip(*pair, strict=True))]
            for pair in shares
        ],
    )


def _shares(counts: Mapping[Any, int], names: Sequence[Any]) -> list[float]:
    total = max(sum(counts.values()), 1)
    return [counts.get(name, 0) / total for name in names]


def _most_frequent(counts: Iterable[Mapping[str, int]]) -> tuple[list[str], str]:
    """Return the most frequent classes in their order, and a sentence if some are left out."""
    total: Counter[str] = Counter()
    for one in counts:
        total.update(one)
    found = [name for name, n in total.items() if n]
    chosen = {name for name, _ in total.most_common(MOST_CLASSES)}
    names = [name for name in found if name in chosen]
    is_whole = len(names) == len(found)
    return names, "" if is_whole else f"The {len(names)} most frequent of {len(found)} classes."
