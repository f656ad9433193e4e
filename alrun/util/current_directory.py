"""Imports from the current directory, for user code alone.

The current directory is not on `sys.path`. It may be a stranger's, and libraries that look for
optional modules, as pandas does, would run files of the same names that lie there. It serves, after
all other places, the names in an experiment, and the imports of the modules found in that way, also
later ones in their functions. Other modules do not find it, even while a name is imported. Workers
get the parent's path without it, and ask for the names themselves.
"""

import importlib
import os
import sys
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType

# The directories for the imports of user modules, by the names of these.
_DIRECTORIES: dict[str, str | None] = {}
# The modules that carry out an import for another one.
_OF_IMPORTS = ("importlib", "importlib._bootstrap", "importlib._bootstrap_external")


def import_user_module(name: str) -> ModuleType:
    """Import a module by its name, from the current directory if it is nowhere else."""
    if _Finder not in sys.meta_path:
        sys.meta_path.append(_Finder)
    return importlib.import_module(name)


def serve(name: str) -> None:
    """Let a module import others from the current directory."""
    if _Finder not in sys.meta_path:
        sys.meta_path.append(_Finder)
    _DIRECTORIES[name] = current_directory()


def is_served(importer: str) -> bool:
    """Return whether a module, as `importer` names it, is user code or imports a name for it."""
    return importer == __name__ or importer in _DIRECTORIES


class _Finder:
    """The last of Python's finders."""

    @staticmethod
    def find_spec(name: str, path: object = None, target: object = None) -> ModuleSpec | None:
        """Return the spec of a top-level module if user code, or an experiment, asks for it."""
        name_of_importer = importer()
        if name_of_importer == __name__:
            directory = current_directory()
        else:
            directory = _DIRECTORIES.get(name_of_importer)
        spec = PathFinder.find_spec(name, [directory]) if directory and path is None else None
        if spec is not None:
            _DIRECTORIES[name] = directory
        return spec


def importer() -> str:
    """Return the name of the module that imports; of a module in a package, the package's name.

    It is for a finder's own function: it looks at the caller of that.
    """
    frame = sys._getframe(2)  # below this function and the finder's
    while frame.f_back and frame.f_globals.get("__name__") in _OF_IMPORTS:
        frame = frame.f_back
    name = str(frame.f_globals.get("__name__"))
    return name if name == __name__ or name in _DIRECTORIES else name.partition(".")[0]


def current_directory() -> str | None:
    """Return the current directory, or None if it has been deleted."""
    try:
        return os.getcwd()
    except OSError:
        return None
