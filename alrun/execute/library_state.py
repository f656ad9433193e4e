"""What the libraries of a process hold, to find out whether user code has changed it."""

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from importlib import import_module
from operator import attrgetter
from types import FunctionType, ModuleType
from typing import Any

import sklearn

from alrun.util.process_state import signal_handlers

# The packages that compute runs, and the modules of Python that they compute with.
_PACKAGES = ("alrun", "joblib", "numpy", "scipy", "sklearn", "threadpoolctl")
_OF_PYTHON = ("builtins", "copy", "functools", "hashlib", "itertools", "json", "math", "operator")
_WATCHED = frozenset((*_PACKAGES, *_OF_PYTHON, "random", "time"))
# Modules of alrun that remember which user code there is.
_OF_USER_CODE = ("alrun.util.current_directory", "alrun.util.user_code")
# Attributes that Python itself adds, to a class or module in use.
_ADDED_BY_PYTHON = frozenset(
    (
        "__annotations__",
        "__annotate__",
        "__annotations_cache__",
        "__slotnames__",
        "__warningregistry__",
    )
)
# Flags of a class: whether it can be changed at all.
_IS_ON_HEAP, _IS_IMMUTABLE = 1 << 9, 1 << 8
_code = attrgetter("__code__")


class LibraryState:
    """The attributes of the loaded modules of libraries, and of the classes and functions in them.

    It is taken before user code is imported. The packages of scikit-learn are loaded first, so that
    they are known whenever user code uses them. Objects are compared by what they are, not by their
    content, except for lists, dictionaries, and the code of functions.
    """

    def __init__(self) -> None:
        for name in sklearn.__all__:
            if not hasattr(sklearn, name):
                import_module(f"sklearn.{name}")
        self._modules = {name: module for name, module in sys.modules.items() if _is_watched(name)}
        places: list[Mapping[str, Any]] = [vars(module) for module in self._modules.values()]
        places += [vars(kind) for kind in _unique(filter(_can_change, _values(places)))]
        self._attributes = [_Namespace(place) for place in places]
        # Subclasses are left out: some are caches. So are the attributes of a module.
        values = [*_unique(_values(places))]
        dictionaries = (value for value in values if type(value) is dict)
        self._items = [_Namespace(items) for items in dictionaries if "__name__" not in items]
        self._lists = [(value, [*value]) for value in values if type(value) is list]
        self._functions = [value for value in values if type(value) is FunctionType]
        self._codes = [*map(_code, self._functions)]
        self._signals = signal_handlers()

    def is_changed(self) -> bool:
        """Return whether anything differs by now; what libraries do by themselves does not count.

        They load modules, register more in their dictionaries, and fill attributes that were None
        when they need them first.
        """
        try:
            return not (
                all(namespace.has_kept_all(_is_harmless) for namespace in self._attributes)
                and all(namespace.has_kept_all() for namespace in self._items)
                and all(now == before for now, before in self._lists)
                and [*map(_code, self._functions)] == self._codes
                and all(sys.modules.get(name) is module for name, module in self._modules.items())
                and signal_handlers() == self._signals
            )
        except Exception:  # objects of any kind may have been put there
            return True


class _Namespace:
    """Attributes or items as they were, and as they are."""

    __slots__ = ("_before", "_now", "_values")

    def __init__(self, now: Mapping[str, Any]) -> None:
        self._now = now
        self._before = dict(now)
        self._values = [*now.values()]

    def has_kept_all(self, may_add: Callable[[str, Any], bool] = lambda key, value: True) -> bool:
        """Return whether every value is the same, and others may be added.

        What is there by now is what the next call compares with.
        """
        # Lists compare their items by identity first, which takes nanoseconds.
        if [*self._now.values()] == self._values:
            return True
        now, before = dict(self._now), self._before
        if not before.keys() <= now.keys():
            return False
        is_same = all(
            (now[key] is before[key] or before[key] is None)
            if key in before
            else may_add(key, value)
            for key, value in now.items()
        )
        self._before, self._values = now, [*now.values()]
        return is_same


def _is_harmless(key: str, value: Any) -> bool:
    """Return whether a new attribute is no change: a module that was loaded, or Python's own."""
    return isinstance(value, ModuleType) or key in _ADDED_BY_PYTHON


def _is_watched(name: str) -> bool:
    return name.partition(".")[0] in _WATCHED and name not in _OF_USER_CODE


def _can_change(value: Any) -> bool:
    """Return whether a value is a class of a watched module that can be changed."""
    return (
        isinstance(value, type)
        and _is_watched(str(value.__module__))
        and bool(value.__flags__ & _IS_ON_HEAP)
        and not value.__flags__ & _IS_IMMUTABLE
    )


def _values(places: Iterable[Mapping[str, Any]]) -> Iterator[Any]:
    return (value for place in places for value in place.values())


def _unique(values: Iterable[Any]) -> Iterator[Any]:
    """Yield each object once, whether or not it can be hashed."""
    return iter({id(value): value for value in values}.values())
