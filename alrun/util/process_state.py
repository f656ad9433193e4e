"""The state of a process that user code may change and that can simply be put back."""

import gc
import locale
import os
import random
import signal
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, NamedTuple

import numpy as np
import sklearn
from numpy.random.mtrand import get_bit_generator, set_bit_generator

from alrun.util.random_streams import draw_integer


class _Part(NamedTuple):
    """A part of the state: how it is read, and how a value that was read is written back."""

    read: Callable[[], Any]
    write: Callable[[Any], object]


@contextmanager
def put_back() -> Iterator[None]:
    """Put back at the end of the context what can be put back of this process's state.

    These are NumPy's error state, scikit-learn's configuration, the filters of warnings, the
    environment, the current directory, the umask, the locale, signal handlers and timers, the
    recursion limit, the garbage collector, and `sys.path`: entries that are new there move behind
    the others, since modules may import from them later.
    """
    parts = [(part, part.read()) for part in _PARTS]
    with np.errstate(), sklearn.config_context(), warnings.catch_warnings():
        try:
            yield
        finally:
            for part, before in parts:
                with suppress(Exception):  # as of a directory that is gone
                    part.write(before)


@contextmanager
def seeded(rng: np.random.Generator) -> Iterator[None]:
    """Seed the global generators of NumPy and Python in the context, and put their states back.

    alrun never draws from them. User code may, and so may a library's estimators without a
    `random_state`.
    """
    generator, state = get_bit_generator(), np.random.get_state(legacy=False)
    python_state = random.getstate()
    if not isinstance(generator, np.random.MT19937):  # user code has set another; no seed fits it
        set_bit_generator(np.random.MT19937())
    np.random.seed(draw_integer(rng))
    random.seed(draw_integer(rng))
    try:
        yield
    finally:
        set_bit_generator(generator)
        np.random.set_state(state)
        random.setstate(python_state)


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def _write_environment(before: dict[str, str]) -> None:
    if dict(os.environ) != before:
        os.environ.clear()
        os.environ.update(before)


def _current_directory() -> str | None:
    try:
        return os.getcwd()
    except OSError:  # it has been deleted
        return None


def _write_current_directory(before: str | None) -> None:
    if before is not None and _current_directory() != before:
        os.chdir(before)


def _write_path(before: list[str]) -> None:
    sys.path[:] = [*before, *(entry for entry in sys.path if entry not in before)]


_SIGNALS = tuple(int(number) for number in signal.valid_signals())


def signal_handlers() -> dict[int, Any]:
    """Return the handlers of signals by their numbers."""
    return {number: signal.getsignal(number) for number in _SIGNALS}


def _write_signal_handlers(before: dict[int, Any]) -> None:
    """Put handlers back, from the main thread only: Python allows it in no other.

    SIGUSR1 is left out, which workers handle below Python: this would take their handler away.
    """
    for number, handler in before.items():
        is_ours = number == getattr(signal, "SIGUSR1", None) or handler is None
        if not is_ours and signal.getsignal(number) != handler:
            signal.signal(number, handler)


def _stop_timer(before: tuple[float, float] | None) -> None:
    if before == (0.0, 0.0):  # its signal would end a later run
        signal.setitimer(signal.ITIMER_REAL, 0)


def _timer() -> tuple[float, float] | None:
    return signal.getitimer(signal.ITIMER_REAL) if hasattr(signal, "getitimer") else None


def _locale(name: str | None = None) -> str:
    return locale.setlocale(locale.LC_ALL, name)


_PARTS = (
    _Part(lambda: dict(os.environ), _write_environment),
    _Part(_current_directory, _write_current_directory),
    _Part(_umask, os.umask),
    _Part(lambda: [*sys.path], _write_path),
    _Part(_locale, _locale),
    _Part(signal_handlers, _write_signal_handlers),
    _Part(_timer, _stop_timer),
    _Part(sys.getrecursionlimit, sys.setrecursionlimit),
    _Part(gc.isenabled, lambda is_enabled: gc.enable() if is_enabled else gc.disable()),
)
