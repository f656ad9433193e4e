"""The command `alrun init`."""

import os
from pathlib import Path
from typing import Annotated

import typer

from alrun.cli.output import say, show, show_next
from alrun.errors import AlrunError, ExperimentError

_EXAMPLE = "digits"


def init(
    data: Annotated[
        str | None,
        typer.Argument(help="A file or folder of data, or the name of a data set."),
    ] = None,
    target: Annotated[
        str | None,
        typer.Option(
            metavar="COLUMN", help="The column of the labels.", show_default="found by its name"
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            help="Write this experiment file.", show_default="the name of the data, with .toml"
        ),
    ] = None,
    saving: Annotated[
        float, typer.Option(metavar="SHARE", help="Choose seeds to see this saving.")
    ] = 0.2,
    power: Annotated[float, typer.Option(metavar="SHARE", help="See it with this chance.")] = 0.8,
) -> None:
    """Write a first experiment on your data, with a comment on each choice."""
    if not 0 < saving < 1 or not 0 < power < 1:
        raise AlrunError("the saving and the power are shares between 0 and 1, as in 0.2 and 0.8")
    path = output or Path(f"{_stem(data or _EXAMPLE)}.toml")
    results = _place_of(path)
    from alrun.data.inspection import inspect
    from alrun.experiment.draft import draft, to_toml_value, traits_of

    found = inspect(_name(data or _EXAMPLE, path.parent), path.parent, target)
    traits = traits_of(found.dataset)
    text = draft(found, traits, str(results), saving, power)
    n_runs = _checked(text, path, results)
    _write_new(path, text)
    say(f"Looked at {data or _EXAMPLE}: {traits}.")
    for key, value in found.keys.items():
        say(f"{key} = {to_toml_value(value)}: {found.reasons[key]}")
    show(f"{path} is an experiment of {n_runs:,} runs.")
    show_next("alrun", "sweep", path)


def _stem(data: str) -> str:
    """Return the name of an experiment on these data."""
    name = Path(data.rpartition(":")[2]).name
    return name.partition(".")[0] or _EXAMPLE


def _name(data: str, folder: Path) -> str:
    """Return the data as an experiment in this folder names them."""
    from alrun.data.registry import BUNDLED, MNIST

    if data in (*BUNDLED, MNIST):  # a folder of this name has a slash behind it
        return data
    kind, _, rest = data.rpartition(":")
    place = Path(rest if kind == "idx" else data)
    if not place.exists():
        return data
    name = Path(os.path.relpath(place, folder)).as_posix()
    try:
        name.encode()
    except UnicodeEncodeError:
        raise AlrunError(f"{data}: its name is not UTF-8, so that no file can name it") from None
    return f"idx:{name}" if kind == "idx" else f"{name}/" if place.is_dir() else name


def _place_of(path: Path) -> Path:
    """Return the results directory of a new experiment; raises AlrunError if one is in its way."""
    from alrun.sweep.default_results import default_results

    results = default_results(path)
    if not path.parent.is_dir():
        raise AlrunError(f"{path} cannot be written: there is no folder '{path.parent}'; make it")
    for there in (path, results):
        if os.path.lexists(there):
            raise AlrunError(f"{there} is there already; name another file with --output")
    return results


def _checked(text: str, path: Path, results: Path) -> int:
    """Return the number of runs of an experiment; raises AlrunError if it cannot be run."""
    import tomllib

    from alrun.experiment.toml import experiment_of
    from alrun.sweep.plan import plan_experiment

    experiment = experiment_of(tomllib.loads(text), path, check=True)
    plan = plan_experiment(path, experiment, results, say)
    for _ in plan.splits(list(plan.specs.values())):
        pass  # each is drawn, so that a class too small for one is found
    return len(plan.specs)


def _write_new(path: Path, text: str) -> None:
    """Write a file that is not there yet; raises AlrunError if it is, or cannot be written."""
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise ExperimentError([f"{path} is there already; name another with --output"]) from None
    except OSError as error:
        raise AlrunError(f"{path} cannot be written: {error.strerror}") from error
