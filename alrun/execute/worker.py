"""One run, caught; and the process that computes one run after the other as it is told."""

import faulthandler
import os
import signal
import traceback
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from multiprocessing.connection import Connection
from time import perf_counter
from typing import Any, NamedTuple

from threadpoolctl import ThreadpoolController

from alrun.data.dataset import AnyDataset
from alrun.data.memory_map import receive
from alrun.errors import as_line
from alrun.records import Failure
from alrun.results.run_file import serialize_run
from alrun.run.loop import run_active_learning
from alrun.run.provenance import of_run
from alrun.spec import RunSpec, run_id


class Task(NamedTuple):
    """A run that is to be computed.

    Attributes
    ----------
    source
        Its data set. A sweep has one of each label, so that a worker is sent it once.
    checkout
        What `alrun.run.provenance.of_checkout` says of the experiment file.
    """

    spec: RunSpec
    source: AnyDataset
    checkout: Mapping[str, str]


class Call(NamedTuple):
    """A function of a module that is to be called, and with what."""

    function: Callable[..., Any]
    arguments: Sequence[Any]


@dataclass(frozen=True)
class Outcome:
    """What became of a run: the content of its file and how long it took, or why there is none."""

    run_id: str
    content: bytes | None = None
    seconds: float = 0.0
    failure: Failure | None = None


def compute(task: Task) -> Outcome:
    """Compute one run on one BLAS thread, whatever it raises; interrupts, if heeded, pass."""
    spec = task.spec
    try:
        provenance = {**of_run(spec), **task.checkout}
        with _thread_pools().limit(limits=1):
            dataset = task.source.at(spec.seed)
            started = perf_counter()
            result = run_active_learning(spec, dataset)
            seconds = perf_counter() - started
        content = serialize_run(spec, result, dataset.classes, provenance)
    except BaseException as error:
        is_interrupt = isinstance(error, KeyboardInterrupt)
        if is_interrupt and signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
            raise
        return _not_finished(spec, "failed", _described(error), traceback.format_exc())
    return Outcome(run_id(spec), content, seconds)


def _described(error: BaseException) -> str:
    try:
        return as_line(" ".join(f"{type(error).__name__}: {error}".split()))
    except Exception:  # one of a user's own may not be able to say what it is
        return type(error).__name__


def timed_out(spec: RunSpec, timeout: float, stack: str) -> Outcome:
    """Return that a run took more seconds than it may, and where it was."""
    return _not_finished(spec, "failed", f"TimeoutError: it took more than {timeout:g} s", stack)


def crashed(spec: RunSpec, how: str, said: str, attempts: int) -> Outcome:
    """Return that a run ended every worker that tried it, the last time as `how` says."""
    return _not_finished(
        spec, "crashed", f"its worker died {attempts} times, the last {how}", said, attempts
    )


def _not_finished(
    spec: RunSpec, status: str, error: str, traceback: str, attempts: int = 1
) -> Outcome:
    return Outcome(run_id(spec), failure=Failure(status, error, traceback, attempts))


def serve(connection: Connection, crash_log: int, idle_timeout: float | None) -> None:
    """Compute runs as they come, until the other end is gone, or for `idle_timeout` seconds silent.

    A run comes with its data set when it is the first to need that. What Python can still say when
    compiled code ends the process goes to the file `crash_log`; so does, on a signal, the stack.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # that is for the other end
    signal.signal(signal.SIGTTOU, signal.SIG_IGN)  # a strategy may print
    faulthandler.enable(crash_log, all_threads=False)
    faulthandler.register(signal.SIGUSR1, crash_log, all_threads=False)
    # A copy of this process, if a run makes one, must not answer, nor hide that this one has died.
    os.register_at_fork(after_in_child=connection.close)
    try:
        _serve(connection, idle_timeout)
    except BaseException:  # a run may have spoilt anything
        with suppress(OSError), open(crash_log, "w", errors="replace", closefd=False) as file:
            traceback.print_exc(file=file)
        os._exit(1)
    os._exit(0)  # Python's own end would wait for threads that runs have left


def _serve(connection: Connection, idle_timeout: float | None) -> None:
    sources: dict[str, AnyDataset] = {}
    with suppress(EOFError, ConnectionError):
        connection.send(None)  # ready
        while connection.poll(idle_timeout):
            asked = connection.recv()
            answer: Any
            if isinstance(asked, Call):
                answer = asked.function(*asked.arguments)
            else:
                spec, checkout, is_new = asked
                label = spec.dataset.display_name
                if is_new:
                    sources[label] = receive(connection)
                answer = compute(Task(spec, sources[label], checkout))
            if connection.closed:  # this is a copy
                return
            connection.send(answer)


@cache
def _thread_pools() -> ThreadpoolController:
    """Return a handle on the libraries' threads; looking for them takes milliseconds."""
    return ThreadpoolController()
