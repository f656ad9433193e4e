"""The sources of user code, each read once, and the import of modules from them.

The files of a name in an experiment, and of the modules that these import, are read when a sweep is
planned. Workers get what was read and run that: a file that is edited meanwhile changes no run.
Modules of Python and of installed packages are not user code, and are left to Python.
"""

import ast
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import lru_cache
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from importlib.util import module_from_spec, resolve_name, spec_from_file_location
from os.path import join
from pathlib import Path, PurePath
from types import ModuleType
from typing import Any, NamedTuple

from alrun.util import current_directory
from alrun.util.digest import digest_of_bytes


class Source(NamedTuple):
    """The source of a module.

    Attributes
    ----------
    path
        The file that it was read from.
    content
        The bytes of that file.
    folders
        Where the modules of a package lie; None for a module that is no package.
    """

    path: str
    content: bytes
    folders: tuple[str, ...] | None = None


# By name of the module; the name of a file that was not found by its name is its path.
_SOURCES: dict[str, Source] = {}
# The names that sources were looked for, found or not.
_LOOKED_FOR: set[str] = set()


def import_module(name: str) -> ModuleType:
    """Import the module of a name or of an absolute path, from what was read of it.

    What the import changes in the state of the process is put back if that can be done. Raises
    whatever the module raises.
    """
    _look_for(name)
    if name in sys.modules:
        return sys.modules[name]
    # Imported here, so that a report reads an experiment without scikit-learn.
    from alrun.util.process_state import put_back

    if _Finder not in sys.meta_path:
        sys.meta_path.insert(0, _Finder)
    with put_back():
        return _run(name) if _is_path(name) else current_directory.import_user_module(name)


def is_known(name: str) -> bool:
    """Return whether the source of a module or file has been read or adopted."""
    return name in _SOURCES


def sources_of(names: Iterable[str]) -> dict[str, Source]:
    """Return the sources of these modules or files and of all user code that they import, by name.

    A file that cannot be read is left out.
    """
    found: dict[str, Source] = {}
    left = [*names]
    for name in left:
        with suppress(OSError):
            _look_for(name)
    while left:
        name = left.pop()
        if name in _SOURCES and name not in found:
            found[name] = _SOURCES[name]
            left += _imports(name, _SOURCES[name])
    return dict(sorted(found.items()))


def fingerprints(names: Iterable[str]) -> dict[str, str]:
    """Return the digests of the sources of these modules or files, and of what they import.

    They are by module, or by the name of a file without its folder.
    """
    sources = sources_of(names)
    return {_shown(name): digest_of_bytes(source.content) for name, source in sources.items()}


def line_of(path: str, number: int) -> str | None:
    """Return a line of the source of user code as it was read; None for another file."""
    for source in _SOURCES.values():
        if source.path == path:
            lines = source.content.decode(errors="replace").splitlines()
            return lines[number - 1].strip() if 0 < number <= len(lines) else ""
    return None


def adopt(sources: Mapping[str, Source]) -> None:
    """Take sources that another process has read; modules of other sources are forgotten."""
    if any(_SOURCES.get(name) != source for name, source in sources.items()):
        forget()
        _SOURCES.update(sources)
        _LOOKED_FOR.update(sources)


def forget() -> None:
    """Forget all sources and their modules, so that the next import reads the files again."""
    for name in _SOURCES:
        if isinstance(getattr(sys.modules.get(name), "__loader__", None), _Loader):
            del sys.modules[name]
    _SOURCES.clear()
    _LOOKED_FOR.clear()


class _Loader(SourceFileLoader):
    """A loader of what was read, whatever the file holds by now."""

    def __init__(self, name: str, source: Source) -> None:
        super().__init__(name, source.path)
        self._content = source.content

    def get_data(self, path: str) -> bytes:
        return self._content if path == self.path else super().get_data(path)

    def get_code(self, fullname: str) -> Any:
        return self.source_to_code(self._content, self.path)

    def exec_module(self, module: ModuleType) -> None:
        """Run the module; what it draws from global generators is the same in every process."""
        from alrun.util.process_state import seeded
        from alrun.util.random_streams import generator

        with seeded(generator(0, "global", _shown(module.__name__))):
            super().exec_module(module)


class _Finder:
    """The first of Python's finders; only user code, and the import of a name, are served."""

    @staticmethod
    def find_spec(name: str, path: object = None, target: object = None) -> ModuleSpec | None:
        """Return the spec of a module whose source was read, if user code asks for it."""
        if name not in _SOURCES or not current_directory.is_served(current_directory.importer()):
            return None
        current_directory.serve(name)
        return _spec_from(name, _SOURCES[name])


def _run(path: str) -> ModuleType:
    """Run a file as a module and return it.

    The name of the module is its path. Dataclasses look their module up by that name, and no import
    statement can confuse it with another module.
    """
    spec = _spec_from(path, _SOURCES[path])
    assert spec.loader is not None
    module = sys.modules[path] = module_from_spec(spec)
    current_directory.serve(path)
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[path]
        raise
    return module


def _spec_from(name: str, source: Source) -> ModuleSpec:
    folders = None if source.folders is None else [*source.folders]
    loader = _Loader(name, source)
    spec = spec_from_file_location(
        name, source.path, loader=loader, submodule_search_locations=folders
    )
    assert spec is not None  # there is a loader
    return spec


def _look_for(name: str) -> None:
    """Read the sources of a module or file, unless that was done."""
    if name not in _LOOKED_FOR:
        _SOURCES.update(_read(name))
        _LOOKED_FOR.add(name)


def _read(name: str) -> dict[str, Source]:
    """Read the source of a module or file, and those of the user modules that it imports."""
    found: dict[str, Source] = {}
    left = [name]
    while left:
        name = left.pop()
        source = None if name in found or name in _SOURCES else _source_of(name)
        if source is not None:
            found[name] = source
            left += _imports(name, source)
    return found


def _source_of(name: str) -> Source | None:
    """Read the source of a module or file; return None for a module that is not user code."""
    if _is_path(name):
        return Source(name, Path(name).read_bytes())
    spec = None if name.partition(".")[0] in _NOT_USER_CODE else _found(name)
    if spec is None:
        return None
    places = spec.submodule_search_locations
    folders = None if places is None else tuple(places)
    if spec.origin is None and folders:  # a package without __init__.py
        return Source(join(folders[0], "__init__.py"), b"", folders)
    path = Path(spec.origin or "")
    if path.suffix != ".py" or _is_of_packages(path.parents[name.count(".") + bool(folders)]):
        return None
    return Source(str(path), path.read_bytes(), folders)


@lru_cache(256)
def _is_of_packages(folder: Path) -> bool:
    """Return whether a folder holds installed packages, as site-packages does."""
    return any(folder.glob("*.dist-info"))


_NOT_USER_CODE = frozenset((*sys.stdlib_module_names, "alrun"))


def _found(name: str) -> ModuleSpec | None:
    """Return where Python would find a module, or else the current directory has it.

    Nothing is imported, unlike by `importlib.util.find_spec`.
    """
    package = name.rpartition(".")[0]
    above = _found(package) if package else None
    places = above.submodule_search_locations if above else None
    if package and places is None:
        return None
    for finder in sys.meta_path:
        if finder is not _Finder and hasattr(finder, "find_spec"):
            try:
                spec = finder.find_spec(name, places)
            except Exception:  # anybody's finder; and Python's own, in a package without __init__
                return None
            if spec is not None:
                return spec
    here = None if package else current_directory.current_directory()
    return PathFinder.find_spec(name, [here]) if here else None


@lru_cache(256)
def _imports(name: str, source: Source) -> Sequence[str]:
    """Return the names of the modules that a source may import, and of the packages around them."""
    try:
        tree = ast.parse(source.content)
    except (SyntaxError, ValueError, RecursionError, MemoryError):  # its import will say why
        return ()
    package = name if source.folders is not None else name.rpartition(".")[0]
    named = {name, *_named(tree, "" if _is_path(name) else package)}
    return tuple(sorted({above for one in named for above in _packages(one)} - {name}))


def _named(tree: ast.AST, package: str) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            try:
                base = resolve_name("." * node.level + (node.module or ""), package)
            except ImportError:  # beyond the top of its package
                continue
            yield from (base, *(f"{base}.{alias.name}" for alias in node.names))


def _packages(name: str) -> Iterator[str]:
    """Yield the name of a module, and those of the packages around it."""
    if not _is_path(name):
        parts = name.split(".")
        yield from (".".join(parts[: n + 1]) for n in range(len(parts)))


def _is_path(name: str) -> bool:
    return name.endswith(".py")


def _shown(name: str) -> str:
    return PurePath(name).name if _is_path(name) else name
