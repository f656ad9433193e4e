"""The look of strategies in a plot: colour, line, marker, and a name at the line's end."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from textwrap import wrap
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from scipy.optimize import isotonic_regression

from alrun.arrays import Array
from alrun.errors import ResultsError
from alrun.util.install_hint import install_hint

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.lines import Line2D
    from matplotlib.patheffects import AbstractPathEffect
    from matplotlib.text import Annotation
Names: TypeAlias = "list[Annotation]"

# Okabe and Ito's colours without black, the baseline's, and yellow, hard to see on white.
# In this order the first three differ in grey as well: dark, light, and between.
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#D55E00", "#56B4E9")
# The numbers of colours, lines and markers have no common divisor: no two strategies look alike.
LINES: tuple[Any, ...] = (
    "solid",
    (0, (6, 1.5, 1.2, 1.5)),
    (0, (1.2, 1.2)),
    (0, (9, 1.8)),
    (0, (4, 1.2, 1, 1.2, 1, 1.2)),
)
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
MUTED = "#bbbbbb"
# Above so many strategies only some are in colour.
MOST_IN_COLOUR = 8
BLACK, GREY, LIGHT, FAINT = "#222222", "#555555", "#999999", "#dddddd"
LONGEST_NAME = 40
SMALL, MEDIUM, LARGE = 8.0, 9.0, 10.0  # points
# Names at the ends of lines are this far apart; one that must move further belongs in a legend.
_LINE_HEIGHT, _FURTHEST = 10.0, 14.0
_TO_NAME = 12.0
# The most of a panel's width that names may take.
_WIDEST = 0.2

_SETTINGS: Any = {
    "font.size": MEDIUM,
    "axes.titlesize": MEDIUM,
    "axes.labelsize": MEDIUM,
    "xtick.labelsize": SMALL,
    "ytick.labelsize": SMALL,
    "legend.fontsize": SMALL,
    "axes.formatter.useoffset": False,
    "legend.title_fontsize": LARGE,
    "legend.frameon": False,
    "legend.handlelength": 3.2,
    "figure.constrained_layout.w_pad": 0.06,  # inches
    "figure.constrained_layout.h_pad": 0.06,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.7,
    "axes.xmargin": 0.02,
    "axes.axisbelow": True,
    "lines.linewidth": 1.5,
    "lines.markersize": 4,
    "grid.color": FAINT,
    "grid.linewidth": 0.6,
    "text.parse_math": False,  # a dollar in a name is a dollar
    "svg.fonttype": "path",
    "svg.hashsalt": "alrun",
    "pdf.fonttype": 42,
}


@dataclass(frozen=True)
class Style:
    """The look of one strategy in every panel; a muted one is grey, without a band or a name."""

    colour: str
    line: Any
    marker: str
    is_muted: bool = False


def styles_of(
    strategies: Iterable[str], baseline: str, highlighted: Collection[str] | None = None
) -> dict[str, Style]:
    """Return the style of each strategy: one for the baseline, the others by their order.

    The first 210 differ in colour, line or marker, the first 30 in colour or line. Where some are
    highlighted, all but these and the baseline are muted.
    """
    others = [name for name in dict.fromkeys(strategies) if name != baseline]
    muted = [name for name in others if highlighted is not None and name not in highlighted]
    others = [name for name in others if name not in muted]
    grey = {name: Style(MUTED, "solid", "o", is_muted=True) for name in muted}
    return (
        grey
        | {baseline: Style(BLACK, (0, (4, 2)), "x")}
        | {
            name: Style(
                COLOURS[place % len(COLOURS)],
                LINES[place % len(LINES)],
                MARKERS[place % len(MARKERS)],
            )
            for place, name in enumerate(others)
        }
    )


@contextmanager
def house_style() -> Iterator[None]:
    """Draw with the settings of this file; the user's settings are restored afterwards."""
    try:
        import matplotlib
    except ModuleNotFoundError:
        raise ResultsError(
            f"plots need matplotlib; install it with {install_hint('plot')}"
        ) from None
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(_SETTINGS)
        yield


def halo() -> "list[AbstractPathEffect]":
    """Return what makes a text legible on a line: a white edge around its letters."""
    from matplotlib.patheffects import withStroke

    return [withStroke(linewidth=2, foreground="white")]


def shortened(name: str) -> str:
    """Return a name on one line, the middle of a long one left out.

    >>> shortened("a_name_of_more_than_forty_characters_that_ends_here")
    'a_name_of_more_than_fort…that_ends_here'
    """
    name = " ".join(name.split())
    if len(name) <= LONGEST_NAME:
        return name
    return f"{name[: LONGEST_NAME - 16]}…{name[-14:]}"


@lru_cache(1000)  # every plot has the same names, and the outline of a long one takes its time
def width_of(text: str, size: float) -> float:
    """Return the width in inches of a line of text; `size` is in points."""
    from matplotlib.textpath import TextPath

    return float(TextPath((0, 0), text, size=size).get_extents().width) / 72 if text else 0.0


def wrapped(text: str, inches: float, size: float) -> str:
    """Return a text broken into lines of at most `inches`."""
    letters, widest = max(len(text), 1), width_of(text, size)
    while widest > inches and letters > 1:
        letters = max(1, min(letters - 1, int(letters * inches / widest)))
        widest = max(width_of(line, size) for line in wrap(text, letters))
    return "\n".join(wrap(text, letters))


def handles(names: Sequence[str], styles: Mapping[str, Style]) -> "list[Line2D]":
    """Return the legend's line and marker of each strategy."""
    from matplotlib.lines import Line2D

    return [
        Line2D([], [], color=style.colour, linestyle=style.line, marker=style.marker)
        for style in (styles[name] for name in names)
    ]


def name_ends(axes: "Axes", ends: Mapping[str, Any], styles: Mapping[str, Style]) -> Names:
    """Write the name of each line at its end, with a thin line to it, whether or not it fits."""
    return [
        axes.annotate(
            shortened(name),
            end,
            xytext=(_TO_NAME, 0),
            textcoords="offset points",
            fontsize=SMALL,
            verticalalignment="center",
            annotation_clip=False,
            in_layout=False,
            arrowprops={
                "arrowstyle": "-",
                "color": styles[name].colour,
                "linewidth": 0.8,
                "relpos": (0, 0.5),
                "shrinkA": 1,
                "shrinkB": 3,
            },
        )
        for name, end in ends.items()
    ]


def fit(names: Names) -> bool:
    """Return whether the names of a panel are short enough and close enough to their lines."""
    assert names[0].axes is not None
    widest = max(name.get_window_extent().width for name in names)
    is_short = widest <= _WIDEST * names[0].axes.get_window_extent().width
    return bool(is_short and np.abs(_moves(names)).max() <= _FURTHEST)


def move_apart(names: Names) -> None:
    """Move the names of a panel up or down until none is on another."""
    for name, up in zip(names, _moves(names), strict=True):
        name.set_position((_TO_NAME, up))


def _moves(names: Names) -> Array:
    """Return by how many points each name must move up."""
    ends = [name.axes.transData.transform(name.xy)[1] for name in names]  # type: ignore[union-attr]
    heights = np.array(ends) * 72 / names[0].get_figure(root=True).dpi  # type: ignore[union-attr]
    return spread(heights, _LINE_HEIGHT) - heights


def spread(heights: Array, apart: float) -> Array:
    """Return heights moved as little as possible until they are `apart`, in the same order."""
    order = np.argsort(heights, kind="stable")
    steps = apart * np.arange(len(heights))
    moved = np.empty(len(heights))
    moved[order] = isotonic_regression(heights[order] - steps).x + steps
    return moved
