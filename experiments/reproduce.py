"""Compute every experiment anew and compare its tables with the committed ones, row by row.

Decisions, counts and scores must be equal; log_loss may differ by 1e-6, as it does between
processors. Exits 1 where anything else differs, and prints the first rows that do.
"""

import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

import alrun

HERE = Path(__file__).parent
RESULTS = HERE.parent / "results"
TABLES = ("curves", "queries", "splits")
LOG_LOSS_TOLERANCE = 1e-6
MOST_SHOWN = 5


def differing_rows(old: pd.DataFrame, new: pd.DataFrame) -> np.ndarray:
    """Return which rows of two tables of one shape differ."""
    differs = np.zeros(len(old), dtype=bool)
    for column in old.columns:
        left, right = old[column], new[column]
        if column == "log_loss":
            apart = ~np.isclose(left, right, rtol=0, atol=LOG_LOSS_TOLERANCE, equal_nan=True)
        elif left.dtype.kind == "f":
            apart = ~((left == right) | (left.isna() & right.isna()))
        else:
            apart = left.astype(str) != right.astype(str)
        differs |= np.asarray(apart)
    return differs


def compare(name: str, old: pd.DataFrame, new: pd.DataFrame) -> bool:
    """Print how two tables compare; return whether they are the same."""
    if list(old.columns) != list(new.columns) or len(old) != len(new):
        print(f"  {name}: {len(old)} rows committed, {len(new)} rows anew")
        return False
    differs = differing_rows(old, new)
    line = f"  {name}: {len(old) - differs.sum():,} of {len(old):,} rows identical"
    if "run_id" in old.columns:
        runs, different = old["run_id"].nunique(), old.loc[differs, "run_id"].nunique()
        line += f", {runs - different} of {runs} runs"
    print(line)
    for row in np.flatnonzero(differs)[:MOST_SHOWN]:
        print(f"    row {row} committed: {old.iloc[row].to_dict()}")
        print(f"    row {row} anew:      {new.iloc[row].to_dict()}")
    return not differs.any()


def reproduce(experiment: Path, scratch: Path) -> bool:
    """Compute one experiment in `scratch` and compare it with its committed results."""
    started = time.perf_counter()
    print(f"{experiment.stem}: computing ...", flush=True)
    results = alrun.run_sweep(experiment, scratch / experiment.stem)
    print(f"{experiment.stem}: computed in {time.perf_counter() - started:.0f} s", flush=True)
    committed = RESULTS / experiment.stem
    same = True
    for name in TABLES:
        tables = (pd.read_parquet(at / f"{name}.parquet") for at in (committed, results))
        same &= compare(name, *tables)
    return same


def main() -> None:
    """Compare the experiments named on the command line, or all."""
    names = sys.argv[1:] or sorted(path.stem for path in HERE.glob("*.toml"))
    with tempfile.TemporaryDirectory() as scratch:
        same = [reproduce(HERE / f"{name}.toml", Path(scratch)) for name in names]
    print("all is reproduced" if all(same) else "NOT reproduced: see the rows above")
    sys.exit(not all(same))


if __name__ == "__main__":
    main()
