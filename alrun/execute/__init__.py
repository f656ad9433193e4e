"""Computing runs: one in `worker`, many on this machine in `local`, on others in `dask`."""

from collections.abc import Callable, Generator, Sequence
from typing import TYPE_CHECKING, Protocol, Self

from alrun.errors import AlrunError

if TYPE_CHECKING:
    from alrun.execute.worker import Outcome, Task


class Executor(Protocol):
    """Computes the runs of a sweep; as a context manager it ends its workers."""

    def __enter__(self) -> Self: ...
    def __exit__(self, *error: object) -> None: ...

    def start(self) -> None:
        """Start workers, or connect to them, before there is anything to compute."""

    def run(self, tasks: "Sequence[Task]") -> "Generator[Outcome]":
        """Yield outcomes in the order in which runs end; closing the generator ends the others."""
        ...


def executor(
    jobs: int | None = None,
    timeout: float | None = None,
    dask: str | None = None,
    on_message: Callable[[str], object] = lambda sentence: None,
    backend: str | None = None,
    with_output: bool = False,
) -> Executor:
    """Return an executor: workers on this machine, or those of a Dask scheduler.

    Parameters
    ----------
    jobs
        Number of workers on this machine, by default one per core.
    timeout
        Seconds that a run may take.
    dask
        Address of a Dask scheduler.
    on_message
        Called with a sentence on what another backend than the default promises, where memory
        limits the number of workers, and where a scheduler or its workers must be waited for.
    backend
        Name of the joblib backend that computes on this machine.
    with_output
        Whether a cluster sends back what finished runs print; that of failed runs it does anyway.

    Raises
    ------
    AlrunError
        Where there is no such executor, or the options exclude each other.
    """
    if dask is None:
        return _local(jobs, timeout, on_message, backend)
    if jobs is not None:
        raise AlrunError("--jobs counts workers of this machine; with --dask the cluster has them")
    if backend is not None:
        raise AlrunError(
            "--backend computes on this machine and --dask on a cluster; leave one out"
        )
    try:
        from alrun.execute.dask import Cluster
    except ImportError as error:
        from alrun.util.install_hint import install_hint

        raise AlrunError(f"--dask wants distributed: {install_hint('dask')}") from error
    return Cluster(dask, timeout, on_message, with_output)


def _local(
    jobs: int | None,
    timeout: float | None,
    on_message: Callable[[str], object],
    backend: str | None,
) -> Executor:
    from alrun.execute.backends import default_backend, promise
    from alrun.execute.local import Workers

    workers = Workers(-1 if jobs is None else jobs, timeout, backend, on_message)
    if backend not in (None, default_backend()):
        on_message(promise(backend))
    return workers
