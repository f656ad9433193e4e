"""How runs are computed: one in `worker`, many on this machine in `local`, on others in `dask`."""

from collections.abc import Callable, Generator, Sequence
from typing import TYPE_CHECKING, Protocol, Self

from alrun.errors import AlrunError

if TYPE_CHECKING:
    from alrun.execute.worker import Outcome, Task


class Executor(Protocol):
    """What computes the runs of a sweep; as a context, what it has started is ended after it."""

    def __enter__(self) -> Self: ...
    def __exit__(self, *error: object) -> None: ...

    def start(self) -> None:
        """Begin to start what computes, and go on."""

    def run(self, tasks: "Sequence[Task]") -> "Generator[Outcome]":
        """Yield the outcomes as they come, whatever their order; to close it ends the rest."""
        ...


def executor(
    jobs: int | None = None,
    timeout: float | None = None,
    dask: str | None = None,
    tell: Callable[[str], object] = lambda sentence: None,
) -> Executor:
    """Return so many workers on this machine, by default one per core, or those of a scheduler.

    `timeout` is the seconds that a run may take, `dask` the address of a scheduler; `tell` is
    called with a sentence where that, or its workers, must be waited for. Raises AlrunError where
    they cannot be had.
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
    return Cluster(dask, timeout, tell)
