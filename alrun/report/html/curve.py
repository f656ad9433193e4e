"""Lines over the number of labels as SVG, with bands and levels."""

from collections.abc import Mapping, Sequence
from math import inf, isfinite, isnan

import numpy as np

from alrun.report.html.axes import WIDTH, Axes, label, padded, picture, place
from alrun.report.html.markup import Markup, element
from alrun.report.phrasing import score_text
from alrun.report.plots.lines import Line

_HEIGHT = 380.0
# A floor or ceiling further from the curves, as a share of their range, would flatten them.
_FURTHEST = 0.3


def curves(
    title: str,
    lines: Sequence[Line],
    looks: Mapping[str, str],
    y_name: str,
    levels: Sequence[tuple[float, str]] = (),
    references: Sequence[tuple[float, str]] = (),
    scores: tuple[float, float] = (-inf, inf),
    key: str = "",
    x_name: str = "labels",
) -> Markup:
    """Return a picture of lines with their bands.

    `levels` and `references` are heights with their names; the latter are shown where they are
    near. `scores` are the lowest and the highest possible height, where bands end.
    """
    axes = axes_of(lines, references, scores)
    marked = [_level(axes, height, name, "level") for height, name in levels]
    assert axes.y is not None
    marked += [
        _level(axes, height, f"{name} {score_text(height)}", "level reference")
        for height, name in references
        if axes.y[0] <= height <= axes.y[1]
    ]
    drawn = [_line(axes, line, looks[line.strategy], scores) for line in lines]
    cursor = element("path", d="", class_="cursor")
    return picture(
        _HEIGHT,
        title,
        axes.frame(x_name, y_name),
        *marked,
        *drawn,
        cursor,
        class_="curves",
        data_curves=key,
    )


def axes_of(
    lines: Sequence[Line],
    references: Sequence[tuple[float, str]] = (),
    scores: tuple[float, float] = (-inf, inf),
) -> Axes:
    """Return the axes that hold lines and bands, and the references that are near."""
    heights = np.concatenate([line.height for line in lines])
    low, high = float(heights.min()), float(heights.max())
    for line in lines:
        if not np.isnan(line.half_width).any():
            low = min(low, max(float((line.height - line.half_width).min()), scores[0]))
            high = max(high, min(float((line.height + line.half_width).max()), scores[1]))
    room = (high - low) * _FURTHEST
    near = [height for height, _ in references if low - room <= height <= high + room]
    n_labels = np.concatenate([line.n_labels for line in lines])
    first, last = float(n_labels.min()), float(n_labels.max())
    x = (first, last) if last > first else padded(first, last)
    return Axes(x, padded(min([low, *near]), max([high, *near])), _HEIGHT, top=24.0)


def _level(axes: Axes, height: float, name: str, class_: str) -> Markup | None:
    if not isfinite(height) or axes.y is None or not axes.y[0] <= height <= axes.y[1]:
        return None
    y = axes.down(height)
    path = element("path", d=f"M{place(axes.left)} {place(y)}H{place(WIDTH - axes.right)}")
    name_text = label(WIDTH - axes.right - 2, y - 4, name, "end")
    return element("g", path, name_text, class_=class_, aria_hidden="true")


def _line(axes: Axes, line: Line, look: str, scores: tuple[float, float]) -> Markup:
    """Return a line above its band."""
    across = [axes.across(float(n)) for n in line.n_labels]
    parts = [element("title", line.strategy)]
    if not any(map(isnan, line.half_width.tolist())):
        upper = np.minimum(line.height + line.half_width, scores[1])
        lower = np.maximum(line.height - line.half_width, scores[0])
        edge = path_through(axes, across, upper.tolist())
        back = path_through(axes, across[::-1], lower[::-1].tolist())
        parts.append(element("path", d=f"M{edge}L{back}Z", class_="band"))
    parts.append(
        element("path", d=f"M{path_through(axes, across, line.height.tolist())}", class_="line")
    )
    return element("g", *parts, class_=f"curve {look}")


def path_through(axes: Axes, across: Sequence[float], heights: Sequence[float]) -> str:
    """Return the part of an SVG path that leads through points, `across` as places."""
    return "L".join(
        f"{place(x)} {place(axes.down(y))}" for x, y in zip(across, heights, strict=True)
    )
