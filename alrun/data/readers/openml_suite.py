"""Suites of OpenML: the data sets of their tasks."""

import re
from collections import Counter
from dataclasses import dataclass

from alrun.data.readers.openml_server import answer, as_expected
from alrun.errors import DatasetError

_PREFIX = "openml-suite:"
_CLASSIFICATION = "1"  # the number of this type of task


@dataclass(frozen=True)
class SuiteDataset:
    """The data set of a task: its source, the column of its labels, and a display name."""

    name: str
    target: str
    label: str


def check_suite(suite: object) -> str:
    """Return the number or the alias in `openml-suite:99`; raise DatasetError if it is none."""
    written = suite.removeprefix(_PREFIX) if isinstance(suite, str) else ""
    if not re.fullmatch(r"[A-Za-z0-9_-]+", written) or written == suite:
        raise DatasetError(
            f"{suite!r} is no suite of OpenML; write {_PREFIX}NUMBER or {_PREFIX}ALIAS, as in"
            f" {_PREFIX}99"
        )
    return written


def read_suite(suite: str) -> list[SuiteDataset]:
    """Return the data sets of a suite's tasks, in the order of the tasks' numbers.

    They are fetched once and kept in the cache, without the data. The display name is OpenML's, and
    if several tasks share it, with the number of the task. Raises DatasetError if OpenML cannot be
    asked, has no such suite, or a task is no classification.
    """
    number = check_suite(suite)
    with as_expected(suite):
        study = answer(suite, f"study/{number}", "suite")["study"]
        tasks = study["tasks"]["task_id"] if "tasks" in study else []
        # A list of one is written as its only entry.
        numbers = sorted({int(task) for task in (tasks if isinstance(tasks, list) else [tasks])})
        found = {task: _dataset_of(suite, task) for task in numbers}
    if not found:
        raise DatasetError(f"{suite} has no tasks")
    shared = Counter(label for *_, label in found.values())
    return [
        SuiteDataset(name, target, label if shared[label] == 1 else f"{label} (task {task})")
        for task, (name, target, label) in found.items()
    ]


def _dataset_of(suite: str, number: int) -> tuple[str, str, str]:
    """Return source, column of labels and OpenML's name of the data set of a task."""
    task = answer(suite, f"task/{number}", f"task {number}")["task"]
    if str(task["task_type_id"]) != _CLASSIFICATION:
        raise DatasetError(
            f"{suite}: task {number} is {task['task_type']}, and alrun compares classifiers; name"
            " the other data sets of the suite one by one, as openml:ID"
        )
    (data,) = (entry["data_set"] for entry in task["input"] if entry["name"] == "source_data")
    data_id = int(data["data_set_id"])
    description = answer(suite, f"data/{data_id}", f"data set {data_id}")["data_set_description"]
    return f"openml:{data_id}", str(data["target_feature"]), str(description["name"])
