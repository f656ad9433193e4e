"""A program that computes every experiment again and compares the tables with the committed ones.

Decisions, counts and scores must be equal in every row. Metrics with a tolerance, such as log_loss,
may differ by that, as they do between processors. The columns are those of the committed tables. If
anything else differs, the first such rows are printed and the exit code is 1.
"""

import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

import alrun
from alrun.results.compare import differing_rows

HERE = Path(__file__).parent
RESULTS = HERE.parent / "results"
TABLES = ("curves", "queries", "splits", "references", "signals")
MOST_SHOWN = 5


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


def reproduce(experiment: Path, scratch: Path) -> bool:
    """Compute one experiment in `scratch` and compare it with its committed results."""
    started = time.perf_counter()
    print(f"{experiment.stem}: computing ...", flush=True)
    results = alrun.run_sweep(experiment, scratch / experiment.stem)
    print(f"{experiment.stem}: computed in {time.perf_counter() - started:.0f} s", flush=True)
    same = True
    for name in TABLES:
        committed = RESULTS / experiment.stem / f"{name}.parquet"
        if name == "signals" and not committed.is_file():
            continue  # most results are committed without them, since they are large
        if not committed.is_file():
            print(f"  {name}: nothing is committed")
            same = False
            continue
        same &= compare(name, *map(pq.read_table, (committed, results / f"{name}.parquet")))
    return same


def main() -> None:
    """Compare the experiments named on the command line, or all."""
    names = sys.argv[1:] or sorted(path.stem for path in HERE.glob("*.toml"))
    try:
        with tempfile.TemporaryDirectory() as scratch:
            same = [reproduce(HERE / f"{name}.toml", Path(scratch)) for name in names]
    except alrun.AlrunError as error:
        sys.exit(str(error))
    print("all is reproduced" if all(same) else "NOT reproduced: see the rows above")
    sys.exit(not all(same))


if __name__ == "__main__":
    main()
