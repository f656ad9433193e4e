"""The computation of one run or reference, errors caught, and the loop of a worker process."""

import faulthandler
import os
import signal
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import PurePath
from threading import Lock
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np
from scipy.linalg import cholesky

from alrun.data.dataset import AnyDataset, Dataset
from alrun.data.memory_map import check_unchanged, receive
from alrun.errors import as_line
from alrun.execute.library_state import LibraryState
from alrun.records import Failure
from alrun.results.reference_file import serialize_reference
from alrun.results.run_file import serialize_run
from alrun.run.loop import run_active_learning
from alrun.run.provenance import code_of, of_run
from alrun.run.reference import compute_reference
from alrun.spec import ReferenceSpec, TaskSpec, run_id
from alrun.util.one_thread import one_thread
from alrun.util.process_state import put_back
from alrun.util.streams import guard
from alrun.util.user_code import Source, adopt, line_of

# The filters of warnings, the limits of thread pools, the current directory and the caches belong
# to a process, so each computes one run at a time, also where threads share it.
_PROCESS_STATE = Lock()


class Task(NamedTuple):
    """A run or a reference to compute.

    Attributes
    ----------
    source
        Its data set. A sweep has one per label, so that each worker gets it once.
    checkout
        What `alrun.run.provenance.of_checkout` says of the experiment file.
    code
        The sources of user code when the sweep was planned; what is missing is read when it is run.
    """

    spec: TaskSpec
    source: AnyDataset
    checkout: Mapping[str, str]
    code: Mapping[str, Source] = {}


class Call(NamedTuple):
    """A function of a module to call, and its arguments."""

    function: Callable[..., Any]
    arguments: Sequence[Any]


@dataclass(frozen=True)
class Outcome:
    """The result of a run or reference: the content of its file and seconds, or why it failed.

    `printed` is the end of what it printed, if it had a process of its own for that.
    """

    run_id: str
    content: bytes | None = None
    seconds: float = 0.0
    failure: Failure | None = None
    printed: bytes = b""


def compute(task: Task) -> Outcome:
    """Compute one run or reference on one BLAS thread, and return its result or its error.

    Threads that share a process take turns. Where interrupts are not ignored, KeyboardInterrupt is
    raised. What user code changes in the state of the process is put back if that can be done.
    """
    with _PROCESS_STATE, put_back() if task.spec.user_code else nullcontext():
        return _compute(task)


def _compute(task: Task) -> Outcome:
    spec = task.spec
    try:
        adopt(task.code)
        with one_thread():
            dataset = task.source.at(spec.seed)
            started = perf_counter()
            content = _content(spec, dataset, task.checkout)
            seconds = perf_counter() - started
            check_unchanged(dataset)
    except BaseException as error:
        is_interrupt = isinstance(error, KeyboardInterrupt)
        if is_interrupt and signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
            raise
        return _not_finished(spec, "failed", _described(error), traceback.format_exc())
    return Outcome(run_id(spec), content, seconds)


def _content(spec: TaskSpec, dataset: Dataset, checkout: Mapping[str, str]) -> bytes:
    """Return the content of the file of a run or a reference."""
    if isinstance(spec, ReferenceSpec):
        scores = compute_reference(spec, dataset)
        return serialize_reference(spec, scores, code_of(spec))
    provenance = {**of_run(spec), **checkout}
    result = run_active_learning(spec, dataset)
    return serialize_run(spec, result, dataset.classes, provenance)


def _described(error: BaseException) -> str:
    """Return an error on one line, with the place in the user's code where it arose."""
    try:
        text = f"{type(error).__name__}: {error}"
    except Exception:  # a user's exception may not be able to describe itself
        text = type(error).__name__
    places = [
        f"{PurePath(frame.filename).name}, line {frame.lineno}: {line}"
        for frame in traceback.extract_tb(error.__traceback__)
        if (line := line_of(frame.filename, frame.lineno or 0)) is not None
    ]
    return as_line(" ".join([*text.split(), *(f"({place})" for place in places[-1:])]))


def timed_out(spec: TaskSpec, timeout: float, stack: str) -> Outcome:
    """Return the outcome of a run after more than `timeout` seconds, with its stack."""
    return _not_finished(spec, "failed", f"TimeoutError: it took more than {timeout:g} s", stack)


def crashed(spec: TaskSpec, how: str, output: str, attempts: int) -> Outcome:
    """Return the outcome of a run after each of its workers died, the last as `how` says."""
    return _not_finished(
        spec, "crashed", f"its worker died {attempts} times, the last {how}", output, attempts
    )


def _not_finished(
    spec: TaskSpec, status: str, error: str, traceback: str, attempts: int = 1
) -> Outcome:
    return Outcome(run_id(spec), failure=Failure(status, error, traceback, attempts))


def serve(connection: Connection, crash_log: int, idle_timeout: float | None) -> None:
    """Compute runs as they come, until the other end closes, or is silent for `idle_timeout` s.

    The first run on a data set brings that along. When compiled code crashes, Python writes the
    stack to the file `crash_log`; it does the same on SIGUSR1. A run may print to where nothing can
    be written.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # that is for the parent
    signal.signal(signal.SIGTTOU, signal.SIG_IGN)  # a strategy may write to the terminal itself
    faulthandler.enable(crash_log, all_threads=False)
    faulthandler.register(signal.SIGUSR1, crash_log, all_threads=False)
    sys.stdout, sys.stderr = (guard(stream, drops=True) for stream in (sys.stdout, sys.stderr))
    # If a run forks, the copy must not answer, nor hide that this process has died.
    os.register_at_fork(after_in_child=connection.close)
    try:
        _claim_buffers()
        _serve(connection, idle_timeout)
    except BaseException:  # a run may have broken anything
        with suppress(OSError), open(crash_log, "w", errors="replace", closefd=False) as file:
            traceback.print_exc(file=file)
        os._exit(1)
    os._exit(0)  # a normal exit would wait for threads that runs have left


def _claim_buffers() -> None:
    """Let the linear algebra of NumPy and SciPy take the memory that it works in.

    OpenBLAS takes 32 MiB once, and where there are none it tries for ever: later, beside the data,
    the limit on address space may leave none.
    """
    one = np.ones((1, 1))
    np.linalg.cholesky(one)
    cholesky(one)


def _serve(connection: Connection, idle_timeout: float | None) -> None:
    """Send an answer for each request, with whether the process must not be given another.

    That is so once user code has changed what cannot be put back: it would spoil later runs.
    """
    sources: dict[str, AnyDataset] = {}
    libraries: LibraryState | None = None
    with suppress(EOFError, ConnectionError):
        connection.send((None, False))  # ready
        while connection.poll(idle_timeout):
            request = connection.recv()
            has_user_code = isinstance(request, Call) or bool(request[0].user_code)
            if has_user_code and libraries is None:
                libraries = LibraryState()
            answer = _answer(request, connection, sources)
            if connection.closed:  # this is a forked copy
                return
            is_spent = has_user_code and libraries is not None and libraries.is_changed()
            connection.send((answer, is_spent))


def _answer(request: Any, connection: Connection, sources: dict[str, AnyDataset]) -> Any:
    """Call a function or compute a run.

    A data set that comes with it is added to `sources`. The first run brings user code.
    """
    if isinstance(request, Call):
        with put_back():
            return request.function(*request.arguments)
    spec, checkout, code, is_new = request
    label = spec.dataset.display_name
    if is_new:
        sources[label] = receive(connection)
    return compute(Task(spec, sources[label], checkout, code or {}))
