"""What computes runs on each worker of a Dask cluster."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from distributed import Worker, WorkerPlugin, get_worker

from alrun.data.dataset import AnyDataset, Dataset
from alrun.data.memory_map import is_mapped, mapped
from alrun.execute.local import Workers
from alrun.execute.worker import Outcome, Task
from alrun.spec import RunSpec
from alrun.util.import_path import file_of

# What the names of our plugins begin with; they end with the id of the client.
OURS = "alrun-"
# Seconds without a run after which processes on the cluster end: their command may be gone.
_IDLE = 600.0


class Computing(WorkerPlugin):
    """On each worker the data sets and files of strategies, sent once, and the processes for runs.

    Runs are computed in processes of their own there too: threads would share the global state of
    libraries, and a run that dies would take its neighbours with it.
    """

    def __init__(
        self,
        owner: str,
        sources: Mapping[str, AnyDataset],
        files: Sequence[str],
        timeout: float | None,
    ) -> None:
        self.name = f"{OURS}{secrets.token_hex(8)}-{owner}"
        self._sources = {label: _in_memory(source) for label, source in sources.items()}
        self._contents = {file: Path(file).read_bytes() for file in files}
        self._places: dict[str, Path] = {}
        self._timeout = timeout
        self._all: list[Workers] = []
        self._idle: list[Workers] = []

    def setup(self, worker: Worker) -> None:
        """Write the files where the processes of this worker find them; let them share data."""
        for place, (file, content) in enumerate(self._contents.items()):
            folder = Path(worker.local_directory) / self.name / str(place)
            folder.mkdir(parents=True)
            self._places[file] = folder / Path(file).name
            self._places[file].write_bytes(content)
        self._sources = {
            label: mapped(source) if isinstance(source, Dataset) else source
            for label, source in self._sources.items()
        }

    def teardown(self, worker: Worker) -> None:
        """End the processes."""
        for workers in self._all:
            workers.close()
        for workers in self._idle:
            workers.end()

    def compute(self, spec: RunSpec, checkout: Mapping[str, str]) -> Outcome:
        """Compute a run in a process that is idle, or in a new one."""
        try:
            workers = self._idle.pop()
        except IndexError:
            workers = Workers(1, self._timeout, _IDLE)
            self._all.append(workers)
        source = self._sources[spec.dataset.display_name]
        outcome = workers.compute(Task(self._placed(spec), source, checkout))
        self._idle.append(workers)
        return outcome

    def _placed(self, spec: RunSpec) -> RunSpec:
        """Return the run with its strategy's file where this worker has it; its id is the same."""
        file = file_of(spec.strategy.name)
        if file is None:
            return spec
        name = f"{self._places[file]}:{spec.strategy.name.rpartition(':')[2]}"
        return replace(spec, strategy=replace(spec.strategy, name=name))


def compute_here(name: str, spec: RunSpec, checkout: Mapping[str, str]) -> Outcome:
    """Compute a run on the worker that calls this."""
    computing: Any = get_worker().plugins[name]
    outcome: Outcome = computing.compute(spec, checkout)
    return outcome


def _in_memory(source: AnyDataset) -> AnyDataset:
    """Return a data set that can be sent to another machine: not in a file of this one."""
    return replace(source, X=np.array(source.X)) if is_mapped(source) else source
