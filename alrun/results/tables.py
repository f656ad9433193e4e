"""The tables of a results directory, each made from runs."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from alrun.records import ROLES, Failure, Split
from alrun.results.run_file import Runs, run_keys
from alrun.results.schema import CURVES, QUERIES, RUNS, SIGNALS, SPLITS
from alrun.spec import RunSpec


def sort_key(spec: RunSpec) -> tuple[Any, ...]:
    """Return a run's sort key in the tables."""
    dataset, model, strategy = spec.display_names
    axes = (spec.start, spec.oracle_name, spec.cost_name)
    return (dataset, model, *axes, strategy, spec.batch_size, spec.seed)


def curves_table(runs: Runs) -> pa.Table:
    """Return `curves.parquet`: a row per round of every run."""
    return _rounds_table(runs, CURVES)


def signals_table(runs: Runs) -> pa.Table:
    """Return `signals.parquet`: a row per round of every run, in the order of `curves.parquet`."""
    return _rounds_table(runs, SIGNALS)


def _rounds_table(runs: Runs, schema: pa.Schema) -> pa.Table:
    """Return the keys and the rounds of all runs, with the columns of a schema."""
    counts, specs = runs.counts, runs.specs.values()
    datasets, models, strategies = np.array([spec.display_names for spec in specs]).reshape(-1, 3).T
    keys = {
        "dataset": _repeated_names(datasets, counts),
        "model": _repeated_names(models, counts),
        "start": _repeated_names([spec.start for spec in specs], counts),
        "oracle": _repeated_names([spec.oracle_name for spec in specs], counts),
        "cost_model": _repeated_names([spec.cost_name for spec in specs], counts),
        "strategy": _repeated_names(strategies, counts),
        "batch_size": np.repeat(np.array([spec.batch_size for spec in specs], np.int32), counts),
        "seed": np.repeat(np.array([spec.seed for spec in specs], np.int32), counts),
        "run_id": _repeated(list(runs.specs), counts),
    }
    columns = [keys[name] if name in keys else runs.rounds[name] for name in schema.names]
    return pa.table(columns, schema=schema)


def queries_table(runs: Runs) -> pa.Table:
    """Return `queries.parquet`: a row per queried example."""
    sizes = pc.list_value_length(runs.rounds["batch"]).to_numpy()
    ends = np.concatenate([[0], np.cumsum(sizes)])[np.cumsum([0, *runs.counts])]
    starts = np.repeat(np.cumsum(sizes, dtype=np.int32) - sizes, sizes)
    columns = {
        "run_id": _repeated(list(runs.specs), np.diff(ends)),
        "round": np.repeat(runs.rounds["round"].to_numpy(), sizes),
        "position": np.arange(sizes.sum(), dtype=np.int32) - starts,
        "index": pc.list_flatten(runs.rounds["batch"]),
        "label": _sorted_labels(pc.list_flatten(runs.rounds["labels"])),
        "given": _sorted_labels(_flattened(runs.rounds["given"], sizes)),
        "annotator": _sorted_labels(_flattened(runs.rounds["annotators"], sizes)),
        "cost": _flattened(runs.rounds["costs"], sizes),
        "votes": _flattened(runs.rounds["votes"], sizes),
    }
    return pa.table(columns, schema=QUERIES)


def _flattened(lists: pa.ChunkedArray, sizes: Any) -> pa.ChunkedArray:
    """Return the values of lists of these sizes; those of a list that is null are null."""
    is_there = np.repeat(pc.is_valid(lists).to_numpy(), sizes)
    places = np.where(is_there, np.cumsum(is_there) - 1, 0)
    return pc.list_flatten(lists).take(pa.array(places, pa.int64(), mask=~is_there))


def splits_table(splits: Iterable[tuple[str, str, int, Split]]) -> pa.Table:
    """Return `splits.parquet`: a row per example with a role, for every data set, start and seed.

    `splits` yields data set, start, seed and split. There is no column `start` if the grid has one.
    """
    tables, starts = [SPLITS.empty_table()], set()
    for display_name, start, seed, split in splits:
        starts.add(start)
        rows = np.concatenate([split.pool, split.initial, split.test])
        role = np.repeat([0, 1, 2], [len(split.pool), len(split.initial), len(split.test)])
        order = np.argsort(rows)
        columns = {
            "dataset": _repeated_names([display_name], [len(rows)]),
            "start": _repeated_names([start], [len(rows)]),
            "seed": np.full(len(rows), seed, np.int32),
            "index": rows[order].astype(np.int32),
            "role": pa.DictionaryArray.from_arrays(role[order].astype(np.int32), pa.array(ROLES)),
        }
        tables.append(pa.table(columns, schema=SPLITS))
    table = pa.concat_tables(tables).unify_dictionaries()
    return table if starts - {""} else table.drop_columns("start")


def runs_table(
    runs: Runs, specs: Mapping[str, RunSpec], failures: Mapping[str, Failure]
) -> pa.Table:
    """Return `runs.parquet`: a row per finished run, then one per failed run of `specs`."""
    failed = sorted(specs.keys() & failures.keys(), key=lambda run: sort_key(specs[run]))
    rows = [
        {
            **run_keys(specs[run]),
            "status": failures[run].status,
            # An error may quote text that is not valid UTF-8, such as the name of a file.
            "error": failures[run].error.encode("utf-8", "backslashreplace").decode(),
        }
        for run in failed
    ]
    tables = [runs.rows, pa.Table.from_pylist(rows, schema=RUNS)]
    return pa.concat_tables(tables).unify_dictionaries()


def _repeated_names(values: Any, counts: Any) -> pa.DictionaryArray:
    """Return each value as often as its count, the dictionary in alphabetical order."""
    names, codes = np.unique(np.asarray(values, dtype=object).astype(str), return_inverse=True)
    indices = pa.array(np.repeat(codes, counts).astype(np.int32))
    return pa.DictionaryArray.from_arrays(indices, pa.array(names.tolist(), pa.string()))


def _repeated(values: Sequence[str], counts: Any) -> pa.Array:
    """Return each value as often as its count, without a dictionary."""
    positions = np.repeat(np.arange(len(values), dtype=np.int32), counts)
    return pa.array(values, pa.string()).take(pa.array(positions))


def _sorted_labels(values: pa.ChunkedArray) -> pa.DictionaryArray:
    """Return labels as codes, the dictionary in alphabetical order."""
    encoded = values.dictionary_encode().unify_dictionaries().combine_chunks()
    names = encoded.dictionary.to_pylist()
    order = sorted(range(len(names)), key=names.__getitem__)
    codes = pa.array(np.argsort(order), pa.int32()).take(encoded.indices)
    return pa.DictionaryArray.from_arrays(
        codes, encoded.dictionary.take(pa.array(order, pa.int32()))
    )
