"""The provenance of a run: versions, machine, and the commit of the experiment file."""

import os
import platform
import subprocess
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.metadata import packages_distributions, version
from pathlib import Path
from typing import Any

from threadpoolctl import threadpool_info

from alrun.spec import RunSpec, TaskSpec
from alrun.spec_parts import PIPELINE
from alrun.util.import_path import file_of, module_of
from alrun.util.user_code import fingerprints

_PACKAGES = ("alrun", "numpy", "scipy", "scikit-learn", "pyarrow")
# Seconds for one call of git. In a very large repository its status may take longer; then only the
# commit is recorded.
_GIT_TIMEOUT = 5.0


def of_run(spec: RunSpec) -> dict[str, Any]:
    """Return the provenance of a run in this process: versions and machine, by name.

    There are versions of Python, of the packages that compute every run, and of the distributions
    that this run's model and strategy come from, such as scikit-activeml. `machine`, `processor`
    and `blas` are for people to read; one that is unknown is left out.

    `code` has the digests of the user's own files and modules that the run needs, by name; it is
    left out if there are none.
    """
    external = {name: version(name) for module in _modules(spec) for name in _providers(module)}
    code = code_of(spec)
    return {**_of_process(), **external, **({"code": code} if code else {})}


def code_of(spec: TaskSpec) -> dict[str, str]:
    """Return the digests of the user's own files and modules that a run or reference needs."""
    return fingerprints(map(module_of, spec.user_code))


@cache
def _of_process() -> dict[str, str]:
    """Return the part of the provenance shared by all runs of this process.

    It is computed before the first run, because a run's model may load another BLAS library.
    """
    blas = _blas()
    return {
        "python": platform.python_version(),
        "machine": f"{platform.system()} {platform.machine()}",
        "processor": _processor(),
        **({"blas": blas} if blas else {}),
        **{package: version(package) for package in _PACKAGES},
    }


def _processor() -> str:
    """Return the processor's name from /proc/cpuinfo, or its architecture if there is no name."""
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            key, _, name = line.partition(":")
            if key.strip() == "model name":
                return name.strip()
    except (OSError, ValueError):
        pass
    return platform.processor() or platform.machine()


def _blas() -> str:
    """Return the BLAS libraries of this process, each with its version and kernel."""
    found = {
        " ".join(str(entry.get(key) or "") for key in ("internal_api", "version", "architecture"))
        for entry in threadpool_info()
        if entry.get("user_api") == "blas"
    }
    return ", ".join(" ".join(name.split()) for name in sorted(found))


def _modules(spec: RunSpec) -> Iterator[str]:
    """Yield the top-level modules of a run's strategy and models, if they are not built in."""
    steps = spec.model.parameters["steps"] if spec.model.name == PIPELINE else ()
    for name in (spec.strategy.name, spec.model.name, *(step["name"] for step in steps)):
        if file_of(name) is None and not name.isidentifier():  # names without a dot are built in
            yield name.replace(":", ".").partition(".")[0]


@cache
def _providers(module: str) -> tuple[str, ...]:
    """Return the distributions that provide a module; none for a file of the user's."""
    if module == "sklearn":  # it is in _PACKAGES, and the search takes a tenth of a second
        return ()
    return tuple(sorted({name for name in packages_distributions().get(module, ()) if name}))


def of_checkout(folder: Path) -> dict[str, str]:
    """Return the `commit` of the repository around a folder, and whether its `tree` is clean.

    A tree is "clean" if no tracked file differs from the commit and every other file is ignored;
    otherwise it is "changed". Files in results directories do not count, since sweeps write them.
    An unknown key is left out; without git, a repository or a commit both are.

    The repository may be a stranger's, so no program that it configures is run, and nothing is
    fetched.
    """
    found = _git(folder, "rev-parse", "HEAD", "--show-toplevel")
    if found is None:
        return {}
    commit, root = found.removesuffix("\n").split("\n", 1)
    changes = _changes(Path(root))
    if changes is None:
        return {"commit": commit}
    return {"commit": commit, "tree": "clean" if all(map(_is_result, changes)) else "changed"}


def _changes(root: Path) -> list[Path] | None:
    """Return the changed and untracked files of a repository, or None if git fails."""
    wanted = ("--name-only", "--get-regexp", "^filter[.]")
    configured = _git(root, "config", "-z", "--show-scope", *wanted)
    if configured is None:
        return None
    *fields, _ = configured.split("\0")
    disabled: dict[str, str] = {}
    for scope, key in zip(fields[::2], fields[1::2], strict=True):
        if scope in ("local", "worktree"):  # filters of other scopes are the user's own
            driver = key.rpartition(".")[0]
            disabled |= {
                f"{driver}.clean": "",
                f"{driver}.process": "",
                f"{driver}.required": "false",
            }
    # Submodules are not examined: git would run in each of them, with that one's configuration.
    options = ("--untracked-files=all", "--ignore-submodules=dirty", "--no-renames")
    status = _git(root, "status", "--porcelain", "-z", *options, settings=disabled)
    return None if status is None else [root / line[3:] for line in status.split("\0")[:-1]]


def _is_result(file: Path) -> bool:
    """Return whether a file lies in a results directory, or in a folder of one."""
    return any((up / "runs").is_dir() and (up / "failed").is_dir() for up in file.parents[:2])


def _git(folder: Path, *arguments: str, settings: Mapping[str, str] | None = None) -> str | None:
    """Return the output of a git command in a folder, or None if it fails.

    Exit code 1 is no failure: `git config --get-regexp` has it if there is no such key.
    """
    environment = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    environment |= {"GIT_ALLOW_PROTOCOL": "", "GIT_CONFIG_COUNT": str(len(settings or {}))}
    for place, (key, value) in enumerate((settings or {}).items()):
        environment |= {f"GIT_CONFIG_KEY_{place}": key, f"GIT_CONFIG_VALUE_{place}": value}
    safely = ("-c", "core.fsmonitor=false", "-c", f"core.hooksPath={os.devnull}")
    try:
        process = subprocess.run(  # noqa: S603 -- the user's own git, without a shell
            ["git", "-C", str(folder), "--no-optional-locks", *safely, *arguments],  # noqa: S607
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_GIT_TIMEOUT,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return os.fsdecode(process.stdout) if process.returncode in (0, 1) else None
