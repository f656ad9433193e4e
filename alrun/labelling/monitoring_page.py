"""The monitoring of a project as a page, with the style sheet and the tables of a report's page."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from alrun.labelling import monitoring_tables as tables
from alrun.labelling.monitoring_picture import accuracy_picture
from alrun.labelling.verdict import agreement_text, progress, verdict
from alrun.report.html.document import document, own
from alrun.report.html.markup import Markup, element
from alrun.report.html.matrix import Matrix, matrix
from alrun.report.html.table import table
from alrun.report.sections import Section

Numbers = Mapping[str, Any]
# Tables of more rows are folded, so that what follows is found.
_MOST_OPEN = 30
_NOTES = (
    "Accuracy is measured on the test file, or without one on the audit: examples drawn at random"
    " before any query, which the model is never fitted on. Accuracy on examples that a strategy"
    " chose is biased, and is not shown.",
    "A batch is chosen by the model on the labels before it, those of the audit left out; so its"
    " accuracy is known before the batch is labelled.",
    "The promise is the mean accuracy of a sweep at as many labels, on the test part of the sweep.",
    "A total variation distance is half the sum of the differences between two shares: 0 for the"
    " same mix, 1 for nothing in common. Small batches differ by chance.",
    "Labels are those that count: a correction in the place of the earlier answer, and of several"
    " annotators the most frequent one.",
)


def as_page(numbers: Numbers) -> str:
    """Return the numbers that `monitor` returns as a page that needs no other file and no network.

    Without its script it is the same page, but that its tables cannot be sorted, filtered or saved.
    """
    name = numbers["project"]
    header = element("header", element("h1", name), element("p", progress(numbers)))
    said = element("section", element("h2", "How it goes"), _list(verdict(numbers)),
                   class_="verdict")  # fmt: skip
    content = element("main", *_parts(numbers), _section("How to read it", _list(_NOTES)))
    title = f"{name}: alrun status"
    return document(title, own("page.css"), own("tables.js"), header, said, content)


def _parts(numbers: Numbers) -> Iterator[Markup]:
    batches, agreement, now = numbers["batches"], numbers["agreement"], numbers["now"]
    if not batches:
        yield element("p", "Nothing was asked yet.")
    else:
        yield _section("Accuracy", *_accuracy(numbers))
        if numbers["stopping"]:
            rules = numbers["stopping"]
            said = _list(tables.criteria(rules))
            yield _section("When to stop", _table(tables.rules(rules), "rules"), said)
        yield _section("What was queried", *_against_pool(numbers))
        work = _table(tables.work(batches), "batches")
        yield _section("Annotation", work, _table(tables.labels(batches), "labels"))
    if agreement is not None:
        confusions = tables.confusions(agreement, numbers["classes"])
        yield _section(
            "Agreement",
            element("p", agreement_text(agreement)),
            _table(tables.annotators(agreement), "annotators"),
            *(_matrix(one, f"confusion-{n + 1}") for n, one in enumerate(confusions)),
        )
    if now is not None:
        found = now["disputed"]
        shown = _table(tables.disputed(found), "disputed") if found else None
        none = element("p", "The model disputes no label.")
        yield _section("Disputed labels", shown or none)


def _accuracy(numbers: Numbers) -> Iterator[Markup | None]:
    """Yield picture and table of what was measured or promised."""
    yield accuracy_picture(numbers)
    known = [batch for batch in numbers["batches"] if batch["n_trained"] is not None]
    if any(batch[key] is not None for batch in known for key in ("score", "expected")):
        yield _table(tables.scores(known), "accuracy")
    else:
        yield element("p", "None was measured.")


def _against_pool(numbers: Numbers) -> Iterator[Markup]:
    """Yield what was queried beside the pool, of the batches that a model chose."""
    chosen = [batch for batch in numbers["batches"] if batch["pool"] is not None]
    if not chosen:
        yield element("p", "No batch was chosen by a model yet.")
        return
    yield _matrix(tables.class_mix(chosen), "class-mix")
    unsure = [batch for batch in chosen if batch["uncertainty_distance"] is not None]
    if unsure:
        yield _matrix(tables.uncertainty_mix(unsure), "uncertainty")


def _section(title: str, *parts: Markup | None) -> Markup:
    return element("section", element("h2", title), *parts)


def _table(section: Section, key: str) -> Markup:
    return _folded(table(section, {}, key), section)


def _matrix(found: Matrix, key: str) -> Markup:
    return _folded(matrix(found, {}, key), found)


def _folded(shown: Markup, found: Section | Matrix) -> Markup:
    """Return a table; one of many rows in a part that opens."""
    n = len(found.rows)
    if n <= _MOST_OPEN:
        return shown
    return element("details", element("summary", f"{found.title} ({n} rows)"), shown)


def _list(sentences: Iterable[str]) -> Markup:
    return element("ul", *(element("li", sentence) for sentence in sentences))
