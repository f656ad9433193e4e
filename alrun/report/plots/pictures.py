"""Galleries of pictures of queried examples, drawn for a paper."""

from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

from alrun.errors import ResultsError
from alrun.report.html.gallery import Gallery
from alrun.report.plots.styles import MEDIUM, SMALL, house_style, shortened
from alrun.util.atomic_files import write_file

_COLUMNS, _SIDE, _TITLE = 10, 0.62, 0.4  # pictures in a row, inches of one, and of a title
_RESOLUTION = 200
# More pictures would make a file that no paper can show.
_MOST_GALLERIES = 24


def write_pictures(galleries: Sequence[tuple[str, Gallery]], output: Path) -> int:
    """Draw galleries below each other into a PNG file, and return how many of them are left out.

    Each says where it is from. The same pictures make the same bytes. Raises ResultsError where
    there are none, for another suffix, and where matplotlib is missing or the file cannot be
    written.
    """
    if output.suffix.lower() != ".png":
        raise ResultsError(f"{output} must end in .png")
    if not galleries:
        raise ResultsError(
            "the data sets hold no pictures; they are digits, mnist_5k or idx:FOLDER"
        )
    with house_style():
        from matplotlib.figure import Figure

        shown = galleries[:_MOST_GALLERIES]
        n_rows = [-(-len(one.examples) // _COLUMNS) for _, one in shown]
        heights = [_TITLE + _SIDE * n for n in n_rows]
        figure = Figure(figsize=(_COLUMNS * _SIDE + 0.4, sum(heights)))
        parts = figure.subfigures(len(shown), 1, squeeze=False, height_ratios=heights)[:, 0]
        for part, (where, one), n, height in zip(parts, shown, n_rows, heights, strict=True):
            title = f"{where}: {shortened(one.strategy)}, {one.title}"
            part.suptitle(title, x=0.01, ha="left", fontsize=MEDIUM, y=1 - 0.08 / height)
            grid = part.subplots(n, _COLUMNS, squeeze=False).ravel()
            part.subplots_adjust(top=1 - _TITLE / height, bottom=0.01, left=0.01, right=0.99,
                                 hspace=0.55)  # fmt: skip
            for axes in grid:
                axes.set_axis_off()
            for axes, example in zip(grid, one.examples, strict=False):
                axes.imshow(example.pixels, cmap="gray", vmin=0, vmax=255)
                axes.set_title(shortened(example.label), fontsize=SMALL - 1, pad=1)
        content = BytesIO()
        figure.savefig(content, format="png", dpi=_RESOLUTION, metadata={"Software": None})
    write_file(output, content.getvalue())
    return len(galleries) - len(shown)
