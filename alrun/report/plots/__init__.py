"""A report as pictures: curves, differences, savings, shares, pairs, ranks and seconds."""

import warnings
from collections.abc import Callable, Mapping, Sequence
from io import BytesIO
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from alrun.errors import ResultsError
from alrun.report.build import Report
from alrun.report.plots.comparisons import PairsPanel
from alrun.report.plots.glyphs import missing_glyphs
from alrun.report.plots.highlight import highlighted_in
from alrun.report.plots.kinds import KINDS, Plot, in_common, plots_of
from alrun.report.plots.panels import LinesPanel, SavingsPanel
from alrun.report.plots.pareto import ParetoPanel
from alrun.report.plots.styles import (
    LARGE,
    MEDIUM,
    SMALL,
    Names,
    Style,
    fit,
    handles,
    house_style,
    move_apart,
    shortened,
    styles_of,
    width_of,
    wrapped,
)
from alrun.util.atomic_files import write_file

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure

# The first panel of each kind, data set, model and target.
Scales: TypeAlias = "dict[tuple[str | None, ...], Axes]"

__all__ = ["KINDS", "as_png", "draw", "draw_plots", "write_figure", "write_plot"]

# Metadata with the time or the version of writing, left out so that equal plots are equal files.
_SILENT: dict[str, dict[str, None]] = {
    "svg": {"Date": None, "Creator": None},
    "png": {"Software": None},
    "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
}
_WIDTH, _LINE, _HANDLE = 9.0, 0.17, 0.8  # inches
_RESOLUTION, _MOST_PIXELS = 200, 60_000
_SCREEN_RESOLUTION = 100


def draw(
    report: Report,
    kinds: Sequence[str] = KINDS,
    batch_sizes: Sequence[int] | None = None,
    highlight: Sequence[str] = (),
) -> "Figure":
    """Draw a report, one kind of plot below the other.

    Parameters
    ----------
    kinds
        Some of KINDS and FURTHER_KINDS. When all of KINDS are asked for, those are left out for
        which the report has no target or no baseline.
    batch_sizes
        The batch sizes to draw; by default all.
    highlight
        Strategies in colour beside the baseline, the others in grey. By default all are in colour
        up to eight of them, and above those that are the best somewhere.

    Raises
    ------
    ResultsError
        Where a kind is unknown or cannot be drawn, a batch size or a strategy is not in the
        results, or matplotlib is missing.
    """
    plots = plots_of(report, kinds, batch_sizes)
    in_colour = highlighted_in(report, highlight)
    return draw_plots(plots, styles_of(report.rows["strategy"], report.baseline, in_colour))


def draw_plots(plots: Sequence[Plot], styles: Mapping[str, Style]) -> "Figure":
    """Draw plots one below the other, what they show in these styles."""
    with house_style():
        return _figure(plots, styles)


def as_png(figure: "Figure") -> bytes:
    """Return a drawn figure as a PNG file for a screen."""
    content = BytesIO()
    with house_style():
        figure.savefig(content, format="png", dpi=_SCREEN_RESOLUTION)
    return content.getvalue()


def write_plot(
    report: Report,
    output: Path,
    kinds: Sequence[str] = KINDS,
    batch_sizes: Sequence[int] | None = None,
    highlight: Sequence[str] = (),
) -> tuple[str, ...]:
    """Draw a report into a file, SVG, PNG or PDF by its suffix, and return warnings.

    They name the characters that the font lacks. The same report makes the same bytes. Raises
    ResultsError as `draw` does, for another suffix, and where the file cannot be written.
    """
    write_figure(lambda: draw(report, kinds, batch_sizes, highlight), output)
    return missing_glyphs(report)


def write_figure(make: "Callable[[], Figure]", output: Path) -> None:
    """Draw a figure and write it to a file; raises ResultsError as `write_plot` does."""
    format = output.suffix.lower().removeprefix(".")
    if format not in _SILENT:
        raise ResultsError(f"{output} must end in .svg, .png or .pdf")
    content = BytesIO()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing")  # a box is drawn in its stead
        figure = make()
        resolution = min(_RESOLUTION, _MOST_PIXELS / figure.get_figheight())
        with house_style():
            figure.savefig(content, format=format, dpi=resolution, metadata=_SILENT[format])
    write_file(output, content.getvalue())


def _figure(plots: Sequence[Plot], styles: Mapping[str, Style]) -> "Figure":
    """Draw plots one below the other, their lines named at the ends or in a legend."""
    from matplotlib.figure import Figure

    n_named = sum(not style.is_muted for style in styles.values())
    legend_height = _LINE * -(-n_named // _legend_columns(styles))
    heights = [3 * _LINE + legend_height + sum(plot.heights) for plot in plots]
    figure = Figure(figsize=(_WIDTH, sum(heights)), layout="constrained")
    layout = figure.get_layout_engine()
    assert layout is not None
    parts = figure.subfigures(len(plots), 1, squeeze=False, height_ratios=heights)[:, 0]
    scales: Scales = {}
    named = [
        _draw_panels(part, plot, styles, scales) for part, plot in zip(parts, plots, strict=True)
    ]
    layout.execute(figure)  # before this the room for names is not known
    for part, plot, panels in zip(parts, plots, named, strict=True):
        has_room = all(map(fit, filter(None, panels))) and not isinstance(
            plot.panels[0], ParetoPanel
        )
        _put_title(part, plot, styles, has_legend=not has_room)
        for name in chain(*panels):
            if has_room:
                name.set_in_layout(True)
            else:
                name.remove()
        if not has_room:
            panels.clear()
    layout.execute(figure)
    for names in filter(None, chain(*named)):
        move_apart(names)
    figure.set_layout_engine("none")  # the same places in every format
    return figure


def _draw_panels(
    part: "SubFigure", plot: Plot, styles: Mapping[str, Style], scales: Scales
) -> list[Names]:
    """Draw the panels of a plot and return the names of lines in each.

    Panels of the same data set, model and target have the same scales, in all parts of a kind:
    `scales` holds the first of each.
    """
    _, titles = in_common([panel.where for panel in plot.panels])
    grid = part.subplots(
        len(plot.heights), plot.n_columns, squeeze=False, height_ratios=plot.heights
    ).ravel()
    named = []
    for place, (panel, title, axes) in enumerate(zip(plot.panels, titles, grid, strict=False)):
        data = (panel.where.get(column) for column in ("dataset", "model", "target"))
        key = (plot.title, *data)
        if isinstance(panel, LinesPanel | SavingsPanel):  # others name strategies on their axes
            if key in scales:
                axes.sharex(scales[key])
                axes.sharey(scales[key])
            scales.setdefault(key, axes)
        named.append(panel.draw(axes, styles))
        axes.set_title(wrapped(title, _WIDTH / max(plot.n_columns, 2) - 0.6, MEDIUM), loc="left")
        if place % plot.n_columns:
            axes.set_ylabel("")
        if place + plot.n_columns < len(plot.panels):
            axes.set_xlabel("")
    for axes in grid[len(plot.panels) :]:
        axes.remove()
    return named


def _put_title(
    part: "SubFigure", plot: Plot, styles: Mapping[str, Style], has_legend: bool
) -> None:
    """Write the title of a plot, with a legend below if lines are unnamed."""
    common, _ = in_common([panel.where for panel in plot.panels])
    title = f"{plot.title}: {', '.join(filter(None, [*common.values(), plot.seeds]))}"
    has_muted = any(style.is_muted for style in styles.values())
    detail = plot.detail
    if has_muted and not isinstance(plot.panels[0], PairsPanel):
        detail += "; grey: all others"
    drawn = _drawn(plot)
    names = [n for n in styles if n in drawn and has_legend and not styles[n].is_muted]
    part.legend(
        handles(names, styles),
        list(map(shortened, names)),
        loc="outside upper left",
        ncols=_legend_columns(styles),
        title="\n".join(wrapped(text, _WIDTH - 0.3, LARGE) for text in (title, detail)),
        alignment="left",
    )


def _drawn(plot: Plot) -> set[str]:
    """Return the strategies that are points or lines, without a name on an axis."""
    drawn = set()
    for panel in plot.panels:
        if isinstance(panel, LinesPanel):
            drawn |= {line.strategy for line in panel.lines}
        elif isinstance(panel, ParetoPanel):
            drawn |= set(panel.rows["strategy"])
    return drawn


def _legend_columns(styles: Mapping[str, Style]) -> int:
    """Return how many columns a legend has, by the longest name."""
    longest = max(width_of(shortened(name), SMALL) for name in styles)
    return max(1, int(_WIDTH / (_HANDLE + longest)))
