"""`alrun sample-size`: count the seeds for seeing a saving."""

from typing import Annotated

import typer

from alrun.cli.options import (
    Adjust,
    Baseline,
    Metric,
    ResultsDirectory,
    Sustain,
    Targets,
    build_report,
)
from alrun.cli.output import screen, write
from alrun.report.options import Adjustment


def sample_size(
    results: ResultsDirectory,
    saving: Annotated[
        float, typer.Option(help="Look for a saving of this share of the labels.")
    ] = 0.1,
    power: Annotated[float, typer.Option(help="See it with this chance.")] = 0.8,
    target: Targets = None,
    metric: Metric = None,
    baseline: Baseline = "random",
    sustain: Sustain = 1,
    adjust: Adjust = Adjustment.holm,
) -> None:
    """Show how many seeds it takes to see a saving, with these results as a pilot."""
    from alrun.report.sample_size import seeds_needed
    from alrun.report.sample_size_sections import seeds_notes, seeds_sections
    from alrun.report.text import as_text

    found = build_report(results, target, metric, baseline, sustain, adjust)
    needed = seeds_needed(found, saving, power)
    notes = seeds_notes(needed, found, saving, power)
    width, has_bold = screen()
    write(as_text(seeds_sections(needed), notes, width=width, has_bold=has_bold))
