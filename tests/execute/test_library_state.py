"""What counts as a change of libraries, and what they do by themselves."""

import builtins
import copyreg
import random
import signal
import sys
from types import ModuleType

import joblib
import numpy as np
import pytest
from sklearn.cluster import KMeans
from sklearn.linear_model import LogisticRegression

from alrun.execute.library_state import LibraryState
from alrun.strategies import registry, uncertainty
from alrun.util.digest import digest

_BUILT_IN = registry.BUILT_IN


def other(*arguments, **keywords):
    return None


@pytest.fixture(scope="module")
def libraries():
    return LibraryState()


@pytest.fixture
def handled():
    before = signal.getsignal(signal.SIGUSR2)
    yield
    signal.signal(signal.SIGUSR2, before)


CHANGES = {
    "function of numpy": lambda patch: patch.setattr(np, "argsort", other),
    "strategy": lambda patch: patch.setattr(uncertainty, "margin", other),
    "strategy in the registry": lambda patch: patch.setitem(_BUILT_IN, "margin", other),
    "no strategy in the registry": lambda patch: patch.delitem(_BUILT_IN, "margin"),
    "code": lambda patch: patch.setattr(uncertainty.margin, "__code__", other.__code__),
    "method": lambda patch: patch.setattr(LogisticRegression, "predict_proba", other),
    "method of a class that was not loaded": lambda patch: patch.setattr(KMeans, "fit", other),
    "inherited method": lambda patch: patch.setattr(LogisticRegression, "set_params", other),
    "no method": lambda patch: patch.delattr(LogisticRegression, "fit"),
    "builtin": lambda patch: patch.setattr(builtins, "sorted", other),
    "builtin in a module": lambda patch: patch.setattr(uncertainty, "len", other, raising=False),
    "random": lambda patch: patch.setattr(random, "random", other),
    "digest": lambda patch: patch.setattr("alrun.util.digest.digest", other),
    "module": lambda patch: patch.setitem(sys.modules, "numpy", ModuleType("numpy")),
    "list": lambda patch: patch.setattr(np, "__all__", [*np.__all__, "more"]),
    "module below": lambda patch: patch.setattr(np, "linalg", ModuleType("linalg")),
    "joblib": lambda patch: patch.setattr(joblib, "hash", other),
}


@pytest.mark.parametrize("what", CHANGES)
def test_a_change_is_seen(libraries, what, monkeypatch):
    assert not libraries.is_changed()
    with monkeypatch.context() as patch:
        CHANGES[what](patch)
        assert libraries.is_changed()
    LibraryState.__init__(libraries)


@pytest.mark.usefixtures("handled")
def test_a_handler_of_signals_is_seen(libraries):
    signal.signal(signal.SIGUSR2, other)
    assert libraries.is_changed()


def test_values_that_cannot_be_compared_are_a_change(libraries, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(np, "pi", np.zeros(3))
        assert libraries.is_changed()
    LibraryState.__init__(libraries)


def test_what_libraries_do_by_themselves_is_no_change(libraries, monkeypatch):
    monkeypatch.setattr(np, "loaded_later", ModuleType("numpy.loaded_later"), raising=False)
    monkeypatch.setitem(_BUILT_IN, "another", other)
    assert LogisticRegression.__annotations__ is not None
    copyreg._slotnames(LogisticRegression)
    assert digest([1])
    assert not libraries.is_changed()
    assert not libraries.is_changed()
    LibraryState.__init__(libraries)
