"""The origin of tables: the runs, files and failures that they were made from."""

import os
from collections.abc import Mapping, Sequence, Set
from typing import Any

from alrun.records import Failure
from alrun.results.schema import (
    CURVES,
    QUERIES,
    REFERENCES,
    RUNS,
    SCHEMA_VERSION,
    SIGNALS,
    SPLITS,
)
from alrun.spec import ReferenceSpec, RunSpec
from alrun.util.digest import digest

# What tells a file from what it was, without opening it.
State = tuple[int, int, int, int]


def state_of(found: os.stat_result) -> State:
    """Return inode, size and times of a file; the second time is that of any change, on Unix."""
    return (found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)


def origin_of(
    specs: Mapping[str, RunSpec],
    files: Mapping[str, State],
    failures: Mapping[str, Failure],
    notes: Mapping[str, Sequence[str]],
    references: str,
) -> str:
    """Return the digest of all that the tables of some runs depend on.

    Parameters
    ----------
    specs
        All runs of the experiment by id.
    files
        The states of all run files by id, those of other experiments included.
    failures
        The failures by id.
    notes
        Sentences on the data sets, by display name.
    references
        The origin of the table of references.
    """
    runs: list[Any] = [
        [
            run,
            *spec.display_names,
            *(spec.start, spec.oracle_name, spec.cost_name),
            *(part.name for part in (spec.dataset, spec.model, spec.strategy)),
            files.get(run),
        ]
        for run, spec in sorted(specs.items())
    ]
    failed = [
        [run, failures[run].status, failures[run].error]
        for run in sorted(failures.keys() & specs.keys())
    ]
    columns = [str(schema) for schema in (CURVES, QUERIES, RUNS, SIGNALS, SPLITS)]
    others = sorted(files.keys() - specs.keys())
    return digest([SCHEMA_VERSION, columns, runs, failed, others, dict(notes), references])


def origin_of_references(
    specs: Mapping[str, ReferenceSpec], unknown: Set[str], files: Mapping[str, State]
) -> str:
    """Return the digest of the references of an experiment and of the states of their files.

    All are by id; those `unknown` have no scores. Files of other references do not count.
    """
    rows = [
        [
            name,
            spec.dataset.display_name,
            spec.model.display_name,
            spec.start,
            spec.oracle_name,
            spec.kind,
            name in unknown,
            files.get(name),
        ]
        for name, spec in sorted(specs.items())
    ]
    return digest([str(REFERENCES), rows])
