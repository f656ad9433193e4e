"""A Dask plugin to compute runs on each worker of a cluster."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from distributed import Worker, WorkerPlugin, get_worker

from alrun.data.dataset import AnyDataset, Dataset
from alrun.data.memory_map import in_memory, mapped
from alrun.execute.isolated import IsolatedWorkers
from alrun.execute.worker import Outcome, Task
from alrun.spec import RunSpec, TaskSpec
from alrun.util.import_path import file_of

# The names of our plugins begin with this, and end with the id of the client.
OURS = "alrun-"
# Seconds without a run after which processes on the cluster end, as their command may be gone.
_IDLE = 600.0


class Computing(WorkerPlugin):
    """Holds, on each worker, the data sets, the files of strategies, and the processes for runs.

    Runs are computed in processes of their own there too: threads would share the global state of
    libraries, and a run that crashes would take its neighbours with it.
    """

    def __init__(
        self,
        owner: str,
        sources: Mapping[str, AnyDataset],
        files: Sequence[str],
        timeout: float | None,
    ) -> None:
        self.name = f"{OURS}{secrets.token_hex(8)}-{owner}"
        self._sources = {label: in_memory(source) for label, source in sources.items()}
        self._contents = {file: Path(file).read_bytes() for file in files}
        self._places: dict[str, Path] = {}
        self._workers = IsolatedWorkers(timeout, _IDLE)

    def setup(self, worker: Worker) -> None:
        """Write the files to this worker's directory, and let its processes share the data sets."""
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
        self._workers.end()

    def compute(self, spec: TaskSpec, checkout: Mapping[str, str]) -> Outcome:
        """Compute a run in an idle process, or in a new one."""
        source = self._sources[spec.dataset.display_name]
        return self._workers.compute(Task(self._placed(spec), source, checkout))

    def _placed(self, spec: TaskSpec) -> TaskSpec:
        """Return the run with its strategy's file on this worker; its id is the same."""
        file = file_of(spec.strategy.name) if isinstance(spec, RunSpec) else None
        if file is None or not isinstance(spec, RunSpec):
            return spec
        name = f"{self._places[file]}:{spec.strategy.name.rpartition(':')[2]}"
        return replace(spec, strategy=replace(spec.strategy, name=name))


def compute_here(name: str, spec: TaskSpec, checkout: Mapping[str, str]) -> Outcome:
    """Compute a run on this Dask worker."""
    computing: Any = get_worker().plugins[name]
    outcome: Outcome = computing.compute(spec, checkout)
    return outcome
