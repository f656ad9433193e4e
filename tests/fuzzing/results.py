"""Mutated results: refused, or reported as plain Python counts them."""

import json
import shutil
from pathlib import Path

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq
from fuzzing.answers import answered
from fuzzing.mutations import (
    mutated_bytes,
    mutated_csv,
    mutated_table,
    mutated_toml,
    pick,
    with_a_bit_flipped,
)
from small_experiments import TABLES

from alrun.sweep.plan import plan_of
from alrun.sweep.run import rebuild_tables

COMMANDS = [
    *(["report", "--format", "json"],) * 6,
    *(["report", "--format", name] for name in ("table", "markdown", "csv", "latex")),
    *(["status"], ["queries"], ["queries", "--format", "csv"], ["plan"], ["sweep"]),
    *(["import-curves"],) * 3,
    ["plot"],
]


def a_copy(folder):
    """Return a results directory of six runs."""
    case = folder / "case"
    shutil.rmtree(case, ignore_errors=True)
    return Path(shutil.copytree(folder / "tiny", case))


def check_results(rng, folder):
    """Report a results directory with one mutated file."""
    case = a_copy(folder)
    command = pick(rng, COMMANDS)
    names = sorted(path.name for path in case.iterdir() if path.is_file())
    path = case / ("curves.parquet" if command[0] == "import-curves" else pick(rng, names))
    if path.suffix == ".toml":
        path.write_bytes(mutated_toml(path.read_text(), rng))
    elif rng.random() < 0.4:
        path.write_bytes(mutated_bytes(path.read_bytes(), rng))
    else:
        pq.write_table(mutated_table(pq.read_table(path), rng), path)
    if command[0] == "import-curves":
        return check_import(rng, case)
    if command[0] == "plot":
        code, _ = answered("plot", case, "--output", case / "plot.svg", "--kind", "curves")
        return code
    if command[0] == "sweep":
        toml, none = case / "experiment.toml", folder / "none"
        return answered("sweep", toml, "--results", none, "--dry-run")[0]
    code, output = answered(command[0], case, *command[1:])
    if code == 0 and "json" in command:
        check_report(json.loads(output), case)
    return code


def check_import(rng, case):
    """Import the curves, as they are or as CSV, and report them."""
    path = case / "curves.parquet"
    if rng.random() < 0.5:
        pq.write_table(pq.read_table(case.parent / "tiny" / path.name), path)
        frame = pq.read_table(path).to_pandas()
        path = case / "curves.csv"
        path.write_bytes(mutated_csv(frame.to_csv(index=False), rng))
    code, _ = answered("import-curves", path, "--results", case / "theirs")
    if code == 0:
        answered("report", case / "theirs", "--target", 0.9, "--format", "json")
    return code


def check_report(report, case):
    """Check the rows of a report against the curves, read in plain Python."""
    if any("left out" in note for note in report["notes"]):
        return
    names = ("dataset", "model", "batch_size", "strategy")
    columns = [*names, "seed", "n_labels", report["metric"]]
    table = pq.ParquetFile(case / "curves.parquet").read(columns=columns).to_pylist()
    cells = {}
    for row in table:
        cell = cells.setdefault(tuple(row[name] for name in names), {})
        cell.setdefault(str(row["seed"]), []).append(
            (float(row["n_labels"]), float(row[report["metric"]]))
        )
    if len({frozenset(cell) for cell in cells.values()}) > 1:
        return  # the rows are of paired seeds only
    for row in report["rows"]:
        runs = cells[tuple(row[name] for name in names)]
        assert row["n_seeds"] == len(runs)
        if row["target"] is None:
            continue
        first = [
            min((n for n, score in run if score >= row["target"]), default=np.inf)
            for run in runs.values()
        ]
        assert row["reached"] == sum(n <= row["budget"] for n in first), row
        mean = np.mean(np.minimum(first, row["budget"]))
        np.testing.assert_allclose(row["mean_labels"], mean)


def check_run_file(rng, folder):
    """Make the tables of runs with one mutated file: it reads the same, or is set aside."""
    case = a_copy(folder)
    path = pick(rng, sorted((case / "runs").iterdir()))
    mutated = pick(rng, [mutated_bytes, with_a_bit_flipped])
    path.write_bytes(mutated(path.read_bytes(), rng))
    for name in TABLES:
        (case / name).unlink()
    told = []
    n_runs = rebuild_tables(plan_of(case), told.append)
    assert n_runs == 6 - len(told)
    assert path.exists() == (n_runs == 6), told
    for name in TABLES:
        before, after = pq.read_table(folder / "tiny" / name), pq.read_table(case / name)
        if "run_id" in before.column_names:
            before = before.filter(pc.field("run_id") != ("" if n_runs == 6 else path.stem))
        assert after.equals(before), name
    return 2 if told else 0
