"""`alrun sample-size`: say how many seeds it takes."""

from typing import Annotated

import typer

from alrun.cli.options import (
    Adjust,
    Adjustment,
    Baseline,
    Metric,
    ResultsDirectory,
    Sustain,
    Targets,
    build_report,
)


def sample_size(
    results: ResultsDirectory,
    saving: Annotated[float, typer.Option(help="The share of labels to be saved.")] = 0.1,
    power: Annotated[float, typer.Option(help="The chance to see it.")] = 0.8,
    target: Targets = None,
    metric: Metric = None,
    baseline: Baseline = "random",
    sustain: Sustain = 1,
    adjust: Adjust = Adjustment.holm,
) -> None:
    """Say how many seeds it takes to see a saving, with these results as a pilot."""
    from alrun.report.render import as_text
    from alrun.report.sample_size import seeds_needed, seeds_notes, seeds_sections

    found = build_report(results, target, metric, baseline, sustain, adjust)
    needed = seeds_needed(found, saving, power)
    typer.echo(as_text(seeds_sections(needed), seeds_notes(needed, found, saving, power)), nl=False)
