"""How runs are computed: one in `worker`, many on this machine in `local`, on others in `dask`."""

from collections.abc import Callable, Generator, Sequence
from typing import TYPE_CHECKING, Protocol, Self

from alrun.errors import AlrunError

if TYPE_CHECKING:
    from alrun.execute.worker import Outcome, Task


class Executor(Protocol):
    """What computes the runs of a sweep; as a context manager it ends what it has started."""

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
) -> Executor:
    """Return what computes: workers on this machine, or those of the Dask scheduler `dask`.

    `jobs` is how many on this machine, by default one per core; `timeout` the seconds that a run
    may take; `tell` is called with a sentence where a scheduler or its workers must be waited for.
    Raises AlrunError where that cannot be had, or the options exclude each other.
    """
    if dask is None:
        from alrun.execute.local import Workers

        return Workers(-1 if jobs is None else jobs, timeout)
    if jobs is not None:
        raise AlrunError("--jobs counts workers of this machine; with --dask the cluster has them")
    try:
        from alrun.execute.dask import Cluster
    except ImportError as error:
        raise AlrunError("--dask wants distributed: pip install 'alrun[dask]'") from error
    return Cluster(dask, timeout, on_message)
