"""A program that computes experiments again and compares the tables with the committed ones.

The experiments named on the command line are computed whole. Without a name it is all of them, and
of the long ones a tenth of the seeds, the same at every call.

Decisions, counts and scores must be equal in every row. Metrics with a tolerance, such as log_loss,
may differ by that, as they do between processors. The columns are those of the committed tables. If
anything else differs, the first such rows are printed and the exit code is 1.
"""

import sys
import tempfile
import time
import tomllib
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

import alrun
from alrun.results.compare import differing_rows

HERE = Path(__file__).parent
RESULTS = HERE.parent / "results"
MOST_SHOWN = 5
# Experiments that take more than a few minutes.
LONG = ("atlas", "atlas_forest", "atlas_noise")
# Tables that must be committed. Signals are where a finding needs them.
ALWAYS = ("curves", "references")
UNLESS_LONG = ("queries", "splits")


def compare(name: str, old: pa.Table, new: pa.Table) -> bool:
    """Print how two tables compare in the columns of the old one; return whether they agree."""
    new = new.select(old.column_names)
    shared = min(old.num_rows, new.num_rows)
    differs = differing_rows(old.slice(0, shared), new.slice(0, shared))
    line = f"  {name}: {shared - differs.sum():,} of {old.num_rows:,} rows identical"
    if "run_id" in old.column_names:
        ids = old["run_id"].to_numpy()
        runs, different = len(set(ids)), len(set(ids[:shared][differs]) | set(ids[shared:]))
        line += f", {runs - different} of {runs} runs"
    print(line + (f"; {new.num_rows:,} rows anew" if old.num_rows != new.num_rows else ""))
    for row in np.flatnonzero(differs)[:MOST_SHOWN].tolist():
        print(f"    row {row} committed: {old.slice(row, 1).to_pylist()[0]}")
        print(f"    row {row} anew:      {new.slice(row, 1).to_pylist()[0]}")
    return old.num_rows == new.num_rows and not differs.any()


def tenth(experiment: Path) -> list[int]:
    """Draw a tenth of the seeds of an experiment, which has a number of them."""
    n_seeds = tomllib.loads(experiment.read_text(encoding="utf-8"))["seeds"]
    drawn = np.random.default_rng(0).choice(n_seeds, -(-n_seeds // 10), replace=False)
    return sorted(drawn.tolist())


def of_seeds(folder: Path, name: str, seeds: list[int] | None) -> pa.Table:
    """Return the rows of a table of results that are of these seeds; None for all."""
    table = pq.read_table(folder / f"{name}.parquet")
    if seeds is None:
        return table
    if "seed" in table.column_names:
        return table.filter(pc.is_in(table["seed"], pa.array(seeds, table["seed"].type)))
    ids = of_seeds(folder, "curves", seeds)["run_id"].unique()
    return table.filter(pc.is_in(table["run_id"], ids))


def reproduce(experiment: Path, scratch: Path, seeds: list[int] | None = None) -> bool:
    """Compute one experiment in `scratch` and compare it with its committed results.

    With `seeds` it is computed and compared for these alone.
    """
    started = time.perf_counter()
    part = "" if seeds is None else f" seeds {', '.join(map(str, seeds))}"
    print(f"{experiment.stem}: computing{part} ...", flush=True)
    overrides = [] if seeds is None else [f"seeds={seeds}"]
    results = alrun.run_sweep(experiment, scratch / experiment.stem, overrides=overrides)
    print(f"{experiment.stem}: computed in {time.perf_counter() - started:.0f} s", flush=True)
    committed = RESULTS / experiment.stem
    expected = ALWAYS if experiment.stem in LONG else (*ALWAYS, *UNLESS_LONG)
    same = True
    for name in (*ALWAYS, *UNLESS_LONG, "signals"):
        if (committed / f"{name}.parquet").is_file():
            tables = (of_seeds(folder, name, seeds) for folder in (committed, results))
            same &= compare(name, *tables)
        elif name in expected:
            print(f"  {name}: nothing is committed")
            same = False
    return same


def main() -> None:
    """Compare the experiments named on the command line, or all; long ones then in part."""
    names = sys.argv[1:] or sorted(path.stem for path in HERE.glob("*.toml"))
    files = [HERE / f"{name}.toml" for name in names]
    in_part = () if sys.argv[1:] else LONG
    try:
        with tempfile.TemporaryDirectory() as scratch:
            same = [
                reproduce(file, Path(scratch), tenth(file) if file.stem in in_part else None)
                for file in files
            ]
    except alrun.AlrunError as error:
        sys.exit(str(error))
    print("all is reproduced" if all(same) else "NOT reproduced: see the rows above")
    sys.exit(not all(same))


if __name__ == "__main__":
    main()
