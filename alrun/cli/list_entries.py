"""The command `alrun list`."""

from enum import StrEnum
from importlib import import_module
from typing import Annotated

import typer

from alrun.cli.output import show


class Kind(StrEnum):
    """The registries to list."""

    strategies = "strategies"
    datasets = "datasets"
    models = "models"
    metrics = "metrics"
    rules = "rules"


_REGISTRIES = {
    Kind.strategies: "alrun.strategies.registry",
    Kind.datasets: "alrun.data.registry",
    Kind.models: "alrun.models.registry",
    Kind.metrics: "alrun.metrics",
    Kind.rules: "alrun.stopping.registry",
}


def list_entries(
    kind: Annotated[Kind, typer.Argument(help="What to list.")],
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Print the paper of each entry, too.")
    ] = False,
) -> None:
    """List what is built in with its parameters: strategies, data sets, models, metrics, rules."""
    entries = import_module(_REGISTRIES[kind]).entries()
    width = max(len(entry.name) for entry in entries)
    for entry in entries:
        parameters = f" ({', '.join(entry.parameters)})" if entry.parameters else ""
        show(f"{entry.name:{width}}  {entry.summary}{parameters}")
        if verbose and entry.source:
            show(f"{'':{width}}  {entry.source}")
