"""The results directory of an experiment file that names none."""

from pathlib import Path

from alrun.errors import ExperimentError


def default_results(experiment: Path) -> Path:
    """Return `results/<name>` with the file's stem as name; raises ExperimentError without one."""
    results = Path("results") / experiment.stem
    if not experiment.stem.strip("."):
        raise ExperimentError(
            [
                f"{experiment}: {results} is no place for results; rename the file, or name a"
                " directory with --results"
            ]
        )
    return results
