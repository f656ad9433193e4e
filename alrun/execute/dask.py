"""Many runs on the machines of a Dask cluster."""

import asyncio
import logging
import re
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import suppress
from typing import Any, Self

from distributed import Client, KilledWorker, as_completed

from alrun.errors import AlrunError, ResultsError, first_line
from alrun.execute.dask_plugin import OURS, Computing, compute_here
from alrun.execute.isolated import TRIES, check_timeout
from alrun.execute.worker import Outcome, Task, crashed
from alrun.spec import TaskSpec, run_id

_ADDRESS = re.compile(r"((tcp|tls|ucx|wss?)://)?[^/\s]+:\d+")
# Loggers that would fill the screen when a scheduler is lost; we write one line instead.
_LOUD = ("distributed", "tornado", "asyncio")
# Seconds that a scheduler may take to answer, and to come back after it was lost.
_ANSWER_TIMEOUT, _RECONNECT_TIMEOUT = 10.0, 120.0


class Cluster:
    """Computes the runs of a sweep on the workers of a Dask scheduler.

    They need not share a disk: data sets go to each worker once, and outcomes come back.

    Parameters
    ----------
    address
        Of the scheduler, as tcp://host:8786.
    timeout
        Seconds that a run may take; None for any number.
    on_message
        Called with a sentence when a scheduler or workers must be waited for.
    with_output
        Whether workers send back what finished runs print; that of failed runs they do anyway.
    """

    def __init__(
        self,
        address: str,
        timeout: float | None = None,
        on_message: Callable[[str], object] = lambda sentence: None,
        with_output: bool = False,
    ) -> None:
        check_timeout(timeout)
        if not _ADDRESS.fullmatch(address):
            raise AlrunError(f"--dask {address}: the address of a scheduler is as tcp://host:8786")
        self._address = address
        self._timeout = timeout
        self._on_message = on_message
        self._with_output = with_output
        self._client: Client | None = None
        for name in list(logging.root.manager.loggerDict):
            if name.startswith(_LOUD):
                logging.getLogger(name).setLevel(logging.CRITICAL)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.end()

    def start(self) -> None:
        """Connect to the scheduler; raises ResultsError if there is none."""
        self._connect(0)

    def run(self, tasks: Sequence[Task]) -> Generator[Outcome]:
        """Yield outcomes in the order in which runs end.

        When a worker is lost, the scheduler gives its run to another one, and gives the run up
        after TRIES. When the scheduler is lost, this waits until it is back and hands out the runs
        that have no outcome yet. Closing the generator ends what is being computed.
        """
        left = {run_id(task.spec): task for task in tasks}
        reconnect_timeout = 0.0
        try:
            while left:
                client = self._connect(reconnect_timeout)
                for outcome in self._outcomes(client, list(left.values())):
                    del left[outcome.run_id]
                    yield outcome
                if left:
                    self._on_message(
                        f"The Dask scheduler at {self._address} was lost; waiting for it."
                    )
                    time.sleep(1)  # it may refuse at once: no busy loop
                reconnect_timeout = _RECONNECT_TIMEOUT
        finally:
            self.end()

    def end(self) -> None:
        """Disconnect from the scheduler."""
        client, self._client = self._client, None
        if client is not None:
            client.close(timeout=1)

    def _connect(self, reconnect_timeout: float) -> Client:
        """Return a client; wait at most `reconnect_timeout` seconds for the scheduler."""
        until = time.monotonic() + reconnect_timeout
        while self._client is None or self._client.status != "running":
            self.end()
            try:
                self._client = _Client(  # type: ignore[no-untyped-call]
                    self._address, timeout=_ANSWER_TIMEOUT, set_as_default=False
                )
            except (OSError, ValueError) as error:
                if time.monotonic() >= until:
                    raise ResultsError(
                        f"there is no Dask scheduler at {self._address}; start `dask scheduler`, or"
                        " mend the address: what is finished is kept, and the same command goes on"
                    ) from error
                time.sleep(0.5)
            except Exception as error:  # where something else answers, that can be anything
                raise AlrunError(
                    f"--dask {self._address} is not where a scheduler of Dask can be spoken to"
                    f" ({type(error).__name__}: {first_line(error)}); see which address it says,"
                    " and whether Dask's configuration has what this kind of address needs"
                ) from error
        return self._client

    def _outcomes(self, client: Client, tasks: Sequence[Task]) -> Iterator[Outcome]:
        """Yield outcomes until there are no more, or the scheduler is lost."""
        sources = {task.spec.dataset.display_name: task.source for task in tasks}
        code = {name: source for task in tasks for name, source in task.code.items()}
        plugin = Computing(client.id, sources, code, self._timeout, self._with_output)
        try:
            futures = self._submit_all(client, plugin, tasks)
            specs = {future.key: task.spec for future, task in zip(futures, tasks, strict=True)}
            coming = as_completed(futures, client.loop, with_results=True, raise_errors=False)
            del futures  # so that results are forgotten here and there once they are yielded
            for future, result in coming:
                if future.status == "error":
                    result = self._crashed(specs[future.key], result[1])
                elif future.status != "finished":
                    return
                yield result
        except OSError:
            return
        finally:
            if client.status == "running":
                with suppress(Exception):  # it may not be registered; that error is raised already
                    client.unregister_worker_plugin(plugin.name)

    def _submit_all(self, client: Client, plugin: Computing, tasks: Sequence[Task]) -> list[Any]:
        """Send data and files to the workers and the runs to the scheduler; return their futures.

        Raises ResultsError where the cluster cannot compute them, and OSError where the scheduler
        is lost.
        """
        calls = [(plugin.name, task.spec, task.checkout) for task in tasks]
        try:
            if not client.nthreads():
                self._on_message(f"No worker is at {self._address} yet; runs begin when one comes.")
            _remove_orphaned_plugins(client)
            client.register_plugin(plugin)
            futures: list[Any] = client.map(compute_here, *zip(*calls, strict=True), pure=False)
            client.run_on_scheduler(_limit_tries, keys=[future.key for future in futures])
        except Exception as error:
            if client.status != "running" or _lost_connection(error):
                raise ConnectionError from error
            raise self._cannot_compute(error) from error
        return futures

    def _crashed(self, spec: TaskSpec, error: BaseException) -> Outcome:
        """Return the outcome of a run given up by the scheduler because its workers died.

        Raises ResultsError for any other error: then the cluster cannot compute runs at all.
        """
        if isinstance(error, KilledWorker):
            how = f"on {error.last_worker.address}"
            return crashed(spec, how, "", min(TRIES, error.allowed_failures + 1))
        raise self._cannot_compute(error) from error

    def _cannot_compute(self, error: BaseException) -> ResultsError:
        return ResultsError(
            f"the cluster of {self._address} cannot compute runs ({type(error).__name__}: {error});"
            " see that its machines have the versions of alrun and distributed that are here, and"
            " room on their disks"
        )


class _Client(Client):
    """A client with a limit on the time to connect; only this file closes it.

    When a client that was interrupted while it connected is collected, distributed's own `__del__`
    waits 20 s for a loop that has ended, and then prints a traceback.
    """

    async def _start(self, *args: Any, **kwargs: Any) -> None:
        """Connect; raises TimeoutError where something accepts the connection and never answers."""
        started = super()._start(*args, **kwargs)  # type: ignore[no-untyped-call]
        await asyncio.wait_for(started, _ANSWER_TIMEOUT + 1)

    def __del__(self) -> None:
        pass


def _remove_orphaned_plugins(client: Client) -> None:
    """Remove from the workers the plugins of killed commands.

    The scheduler keeps a plugin after its client is gone, and sends it to every new worker: the
    data sets and idle processes of all killed commands would pile up.
    """
    for name in client.run_on_scheduler(_plugins_without_client):
        client.unregister_worker_plugin(name)


def _plugins_without_client(dask_scheduler: Any) -> list[str]:
    alive = tuple(dask_scheduler.clients)
    plugins = [name for name in dask_scheduler.worker_plugins if name.startswith(OURS)]
    return [name for name in plugins if not name.endswith(alive)]


def _lost_connection(error: Exception) -> bool:
    """Return whether Dask lost a connection: its OSError, unlike that of a disk, has no number."""
    return isinstance(error, ConnectionError) or (isinstance(error, OSError) and not error.errno)


async def _limit_tries(dask_scheduler: Any, keys: Sequence[str]) -> None:
    """Let the scheduler give up a run after at most TRIES of its workers have died.

    The scheduler's own limit holds for all its users, so our runs start as if they had lost some
    workers already. Raises TimeoutError where the runs do not reach the scheduler, as when the
    connection was lost.
    """
    until = time.monotonic() + _RECONNECT_TIMEOUT
    lost = max(0, dask_scheduler.allowed_failures + 1 - TRIES)
    for key in keys:
        while key not in dask_scheduler.tasks:  # they use another connection than this call
            if time.monotonic() > until:
                raise TimeoutError
            await asyncio.sleep(0.01)
        dask_scheduler.tasks[key].suspicious += lost
