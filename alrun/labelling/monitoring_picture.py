"""The accuracy of a project by number of labels as SVG, beside what a sweep had promised."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from alrun.labelling.phrasing import counted
from alrun.labelling.verdict import score_text
from alrun.report.html.axes import Axes, figure, padded, picture, place
from alrun.report.html.curve import path_through
from alrun.report.html.look import sample
from alrun.report.html.markup import Markup, element, joined

Numbers = Mapping[str, Any]
# The looks of what came and of what was promised, of the stylesheet of reports.
_CAME, _PROMISED = "came colour-0 dash-0", "promised baseline"
_HEIGHT = 340.0


def accuracy_picture(numbers: Numbers) -> Markup | None:
    """Return a picture of the accuracy with its intervals and the promise; None without either."""
    came = list(_scores(numbers))
    promise = numbers["promise"] or {"n_labels": [], "accuracy": []}
    furthest = max([numbers["budget"], *(n for n, _ in came)])
    promised = [
        (n, 100 * height)
        for n, height in zip(promise["n_labels"], promise["accuracy"], strict=True)
        if n <= furthest
    ]
    if not came and not promised:
        return None
    labels = [float(n) for n, _ in (*came, *promised)]
    heights = [height for _, height in promised]
    heights += [100 * score[key] for _, score in came for key in ("accuracy_low", "accuracy_high")]
    x = (min(labels), max(labels))
    axes = Axes(
        x if x[0] < x[1] else padded(*x), padded(min(heights), max(heights), 0.1), _HEIGHT, top=24.0
    )
    drawn = picture(
        _HEIGHT,
        "Accuracy by number of labels",
        axes.frame("labels that the model was fitted on", "accuracy (%)"),
        _line(axes, promised) if promised else None,
        _measured(axes, came) if came else None,
        class_="curves",
    )
    return figure(drawn, joined(*_caption(numbers, came, bool(promised))))


def _scores(numbers: Numbers) -> Iterator[tuple[int, Numbers]]:
    """Yield the labels and the score of each model, that on all labels last."""
    for batch in numbers["batches"]:
        if batch["score"] is not None:
            yield batch["n_trained"], batch["score"]
    now = numbers["now"]
    trained = {batch["n_trained"] for batch in numbers["batches"]}
    if now is not None and now["score"] is not None and now["n_trained"] not in trained:
        yield now["n_trained"], now["score"]


def _measured(axes: Axes, came: Sequence[tuple[int, Numbers]]) -> Markup:
    """Return the scores as dots on a line, above a band of their intervals."""
    across = [axes.across(n) for n, _ in came]
    low, height, high = (
        [100 * score[key] for _, score in came]
        for key in ("accuracy_low", "accuracy", "accuracy_high")
    )
    edge = path_through(axes, across, high)
    back = path_through(axes, across[::-1], low[::-1])
    dots = [
        element(
            "circle",
            element("title", f"{counted(n, 'label')}: {score_text(score)}"),
            cx=place(x),
            cy=place(axes.down(100 * score["accuracy"])),
            r="3.5",
            class_="mark",
        )
        for x, (n, score) in zip(across, came, strict=True)
    ]
    return element(
        "g",
        element("path", d=f"M{edge}L{back}Z", class_="band"),
        *(
            element(
                "path",
                d=f"M{place(x)} {place(axes.down(a))}V{place(axes.down(b))}",
                class_="whisker",
            )
            for x, a, b in zip(across, low, high, strict=True)
        ),
        element("path", d=f"M{path_through(axes, across, height)}", class_="line"),
        *dots,
        class_=f"curve {_CAME}",
    )


def _line(axes: Axes, promised: Sequence[tuple[float, float]]) -> Markup:
    across = [axes.across(n) for n, _ in promised]
    line = path_through(axes, across, [height for _, height in promised])
    path = element("path", d=f"M{line}", class_="line")
    return element("g", element("title", "promised"), path, class_=f"curve {_PROMISED}")


def _caption(
    numbers: Numbers, came: Sequence[tuple[int, Numbers]], has_promise: bool
) -> Iterator[str]:
    """Yield the parts of the caption, each with its line."""
    if came:
        on = "the test file" if came[-1][1]["on"] == "test" else "the audit"
        yield sample(_CAME)
        yield f"the accuracy that came, on {on}, with the 95 % interval of each. "
    if has_promise:
        yield sample(_PROMISED)
        yield f"the mean accuracy that the sweep in {numbers['promise']['from']} promises."
