"""A Dask plugin to compute runs on each worker of a cluster."""

import secrets
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from distributed import Worker, WorkerPlugin, get_worker

from alrun.data.dataset import AnyDataset, Dataset
from alrun.data.memory_map import in_memory, mapped
from alrun.execute.isolated import IsolatedWorkers
from alrun.execute.worker import Outcome, Task
from alrun.spec import TaskSpec
from alrun.util.user_code import Source

# The names of our plugins begin with this, and end with the id of the client.
OURS = "alrun-"
# Seconds without a run after which processes on the cluster end, as their command may be gone.
_IDLE = 600.0


class Computing(WorkerPlugin):
    """Holds, on each worker, the data sets, the sources of user code, and the processes for runs.

    Runs are computed in processes of their own there too: threads would share the global state of
    libraries, and a run that crashes would take its neighbours with it.
    """

    def __init__(
        self,
        owner: str,
        sources: Mapping[str, AnyDataset],
        code: Mapping[str, Source],
        timeout: float | None,
        with_output: bool = False,
    ) -> None:
        self.name = f"{OURS}{secrets.token_hex(8)}-{owner}"
        self._sources = {label: in_memory(source) for label, source in sources.items()}
        self._code = code
        self._with_output = with_output
        self._workers = IsolatedWorkers(timeout, _IDLE)

    def setup(self, worker: Worker) -> None:
        """Let the processes of this worker share the data sets."""
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
        outcome = self._workers.compute(Task(spec, source, checkout, self._code))
        if outcome.failure is None and not self._with_output:
            return replace(outcome, printed=b"")
        return outcome


def compute_here(name: str, spec: TaskSpec, checkout: Mapping[str, str]) -> Outcome:
    """Compute a run on this Dask worker."""
    computing: Any = get_worker().plugins[name]
    outcome: Outcome = computing.compute(spec, checkout)
    return outcome
