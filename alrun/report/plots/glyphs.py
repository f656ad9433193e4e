"""The characters of labels that the font of plots lacks."""

from alrun.errors import printable
from alrun.report.build import Report
from alrun.report.phrasing import Listing
from alrun.report.plots.styles import shortened
from alrun.results.schema import LATER_LABELS


def missing_glyphs(report: Report) -> tuple[str, ...]:
    """Return a sentence that names labels with characters that the font lacks; none elsewhere."""
    from matplotlib.font_manager import FontProperties, findfont, get_font

    known = get_font(findfont(FontProperties(family="DejaVu Sans"))).get_charmap()
    labels = [
        str(label)
        for column in ("dataset", "model", *LATER_LABELS, "strategy")
        for label in report.rows[column].unique()
    ]
    lacking = [
        f"{printable(label)} ({' '.join(characters)})"
        for label in dict.fromkeys(map(shortened, labels))
        if (characters := [c for c in dict.fromkeys(label) if ord(c) not in known])
    ]
    if not lacking:
        return ()
    after = "; an empty box stands for them. Give these other labels in the experiment."
    return (printable(Listing("Warning: the font lacks characters of ", lacking, after)),)
