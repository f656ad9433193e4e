"""What is put back of the state of a process, and the seeds of global generators."""

import gc
import locale
import os
import random
import signal
import sys
import warnings

import numpy as np
import pytest
import sklearn

from alrun.util.process_state import put_back, seeded
from alrun.util.random_streams import generator


def umask():
    mask = os.umask(0o022)
    os.umask(mask)
    return mask


def timer():
    return signal.getitimer(signal.ITIMER_REAL)


CHANGES = {
    "error state": (lambda: np.seterr(all="raise"), np.geterr),
    "call of errors": (lambda: np.seterrcall(print), np.geterrcall),
    "configuration": (lambda: sklearn.set_config(transform_output="pandas"), sklearn.get_config),
    "filters": (lambda: warnings.simplefilter("error"), lambda: [*warnings.filters]),
    "showing warnings": (
        lambda: setattr(warnings, "showwarning", print),
        lambda: warnings.showwarning,
    ),
    "a variable": (lambda: os.environ.update(LANG="x"), lambda: dict(os.environ)),
    "no variables": (lambda: os.environ.clear(), lambda: dict(os.environ)),
    "directory": (lambda: os.chdir("/"), os.getcwd),
    "umask": (lambda: os.umask(0o777), umask),
    "locale": (
        lambda: locale.setlocale(locale.LC_ALL, "C.UTF-8"),
        lambda: locale.setlocale(locale.LC_ALL),
    ),
    "handler": (
        lambda: signal.signal(signal.SIGTERM, signal.SIG_IGN),
        lambda: signal.getsignal(signal.SIGTERM),
    ),
    "timer": (lambda: signal.alarm(600), lambda: timer() == (0.0, 0.0)),
    "recursion": (lambda: sys.setrecursionlimit(9999), sys.getrecursionlimit),
    "garbage": (gc.disable, gc.isenabled),
    "no path": (lambda: sys.path.clear(), lambda: [*sys.path]),
}


@pytest.fixture(autouse=True)
def nothing_stays():
    """Let a test that fails spoil no other."""
    before = locale.setlocale(locale.LC_ALL), os.getcwd(), umask(), dict(os.environ)
    locale.setlocale(locale.LC_ALL, "C")
    handler, path, limit = signal.getsignal(signal.SIGTERM), [*sys.path], sys.getrecursionlimit()
    with np.errstate(), sklearn.config_context(), warnings.catch_warnings():
        yield
    signal.alarm(0)
    signal.signal(signal.SIGTERM, handler)
    gc.enable()
    sys.path[:] = path
    sys.setrecursionlimit(limit)
    os.chdir(before[1])
    os.umask(before[2])
    os.environ.update(before[3])
    locale.setlocale(locale.LC_ALL, before[0])


@pytest.mark.parametrize("what", CHANGES)
def test_what_is_changed_is_put_back(what):
    change, state = CHANGES[what]
    before = state()
    with put_back():
        change()
        assert state() != before
    assert state() == before


def test_it_is_put_back_after_an_error_too():
    @put_back()
    def fail():
        os.environ["LANG"] = "x"
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert os.environ.get("LANG") != "x"


def test_what_is_put_on_the_path_comes_behind_all_others():
    before = [*sys.path]
    with put_back():
        sys.path.insert(0, "/first")
        del sys.path[1]
    assert sys.path == [*before, "/first"]


def test_a_directory_that_is_gone_ends_nothing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "here").mkdir()
    os.chdir("here")
    with put_back():
        os.chdir("..")
        (tmp_path / "here").rmdir()
        os.umask(0o777)
    assert umask() != 0o777


def draws():
    return [random.random(), np.random.rand(), np.random.randn(), random.gauss(0, 1)]


def test_global_generators_are_seeded_and_have_their_states_back():
    np.random.seed(3)
    random.seed(3)
    np.random.randn()  # another one is kept for the next call
    states = np.random.get_state(), random.getstate()
    drawn = []
    for n_before in (0, 5):
        for _ in range(n_before):
            draws()
        with seeded(generator(0, "global", "x")):
            drawn.append(draws())
    assert drawn[0] == drawn[1]
    with seeded(generator(1, "global", "x")):
        assert draws() != drawn[0]
    np.random.set_state(states[0])
    random.setstate(states[1])
    expected = draws()
    np.random.set_state(states[0])
    random.setstate(states[1])
    with seeded(generator(0, "global", "x")), seeded(generator(1, "global", "x")):
        draws()
    assert draws() == expected


def test_another_bit_generator_is_replaced_and_put_back():
    from numpy.random.mtrand import get_bit_generator, set_bit_generator

    before, other = get_bit_generator(), np.random.PCG64(1)
    try:
        set_bit_generator(other)
        state = other.state
        with seeded(generator(0, "global", "x")):
            drawn = np.random.rand()
        assert get_bit_generator() is other
        assert other.state == state
    finally:
        set_bit_generator(before)
    with seeded(generator(0, "global", "x")):
        assert np.random.rand() == drawn
