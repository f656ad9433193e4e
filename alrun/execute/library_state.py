"""What the libraries of a process hold, to find out whether user code has changed it."""

import sys
from collections.abc import Iterator, Mapping, Sequence
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
    ("__annotations__", "__annotate__", "__annotations_cache__", "__warningregistry__")
)
# Flags of a class: it can be changed at all.
_IS_ON_HEAP, _IS_IMMUTABLE = 1 << 9, 1 << 8
_code = attrgetter("__code__")


class LibraryState:
    """The attributes of the loaded modules of libraries, and of the classes and functions in them.

    It is taken before user code is imported. Modules of scikit-learn are loaded first, so that they
    are known whenever user code uses them. Objects are compared by what they are, not by their
    content, except for lists, dictionaries, and the code of functions.
    """

    def __init__(self) -> None:
        for name in sklearn.__all__:
            if not hasattr(sklearn, name) or isinstance(getattr(sklearn, name), ModuleType):
                import_module(f"sklearn.{name}")
        watched = {name: module for name, module in sys.modules.items() if _is_watched(name)}
        self._modules = {**watched}
        namespaces: list[Mapping[str, Any]] = [vars(module) for module in watched.values()]
        namespaces += [vars(kind) for kind in _classes(namespaces)]
        self._namespaces = [(namespace, dict(namespace)) for namespace in namespaces]
        self._values = [[*before.values()] for _, before in self._namespaces]
        values = [value for values in self._values for value in values]
        self._functions = [*_unique(value for value in values if isinstance(value, FunctionType))]
        self._codes = [*map(_code, self._functions)]
        containers = (value for value in values if isinstance(value, list | dict))
        whole = {id(namespace) for namespace in namespaces}  # they are compared already
        self._containers = [
            (value, _items(value)) for value in _unique(containers) if id(value) not in whole
        ]
        self._signals = signal_handlers()

    def is_changed(self) -> bool:
        """Return whether anything differs by now; what Python adds by itself does not count."""
        try:
            return not (
                all(map(self._is_same, range(len(self._namespaces))))
                and all(sys.modules.get(name) is module for name, module in self._modules.items())
                and [*map(_code, self._functions)] == self._codes
                and all(_items(value) == items for value, items in self._containers)
                and signal_handlers() == self._signals
            )
        except Exception:  # objects of any kind may have been put there
            return True

    def _is_same(self, place: int) -> bool:
        """Return whether a namespace is the same, but for modules that were loaded since."""
        namespace, before = self._namespaces[place]
        # Lists compare their items by identity first, which takes nanoseconds.
        if [*namespace.values()] == self._values[place]:
            return True
        now = dict(namespace)
        if any(key not in now or now[key] is not value for key, value in before.items()):
            return False
        added = {key: value for key, value in now.items() if key not in before}
        if not all(_is_harmless(key, value) for key, value in added.items()):
            return False
        self._namespaces[place], self._values[place] = (namespace, now), [*now.values()]
        return True


def _is_watched(name: str) -> bool:
    return name.partition(".")[0] in _WATCHED and name not in _OF_USER_CODE


def _classes(namespaces: Sequence[Mapping[str, Any]]) -> Iterator[type]:
    """Return the classes of watched modules that can be changed."""
    return _unique(
        value
        for namespace in namespaces
        for value in namespace.values()
        if isinstance(value, type)
        and _is_watched(str(value.__module__))
        and value.__flags__ & _IS_ON_HEAP
        and not value.__flags__ & _IS_IMMUTABLE
    )


def _unique(values: Iterator[Any]) -> Iterator[Any]:
    """Yield each object once, whether or not it can be hashed."""
    return iter({id(value): value for value in values}.values())


def _items(container: Any) -> list[Any]:
    """Return the items of a list or a dictionary, those of the latter with their keys."""
    return [*container, *container.values()] if isinstance(container, dict) else [*container]


def _is_harmless(key: str, value: Any) -> bool:
    """Return whether a new attribute is no change: a module that was loaded, or Python's own."""
    return isinstance(value, ModuleType) or key in _ADDED_BY_PYTHON
