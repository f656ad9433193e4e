"""What the numbers of a run were computed with: versions, machine, and the commit of its files."""

import os
import platform
import subprocess
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.metadata import packages_distributions, version
from pathlib import Path

from threadpoolctl import threadpool_info

from alrun.spec import PIPELINE, RunSpec
from alrun.util.import_path import file_of

_PACKAGES = ("alrun", "numpy", "scipy", "scikit-learn", "pyarrow")
# Seconds that git may take; in a very large repository only the commit is known then.
_PATIENCE = 5.0


def of_run(spec: RunSpec) -> dict[str, str]:
    """Return what this process computes a run with.

    Versions by distribution: of Python, of what every run is computed with, and of what this one
    names from elsewhere, such as scikit-activeml. `machine`, `processor` and `blas` are for people
    to read; one that cannot be told is left out.
    """
    elsewhere = {name: version(name) for module in _modules(spec) for name in _providers(module)}
    return {**_of_process(), **elsewhere}


@cache
def _of_process() -> dict[str, str]:
    """Return what holds for every run; asked before the first, whose model may load more BLAS."""
    blas = _blas()
    return {
        "python": platform.python_version(),
        "machine": f"{platform.system()} {platform.machine()}",
        "processor": _processor(),
        **({"blas": blas} if blas else {}),
        **{package: version(package) for package in _PACKAGES},
    }


def _processor() -> str:
    """Return the processor's name as Linux has it, elsewhere and on some boards its kind."""
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
    """Yield the modules outside alrun that a run names, without what they lie in."""
    steps = spec.model.parameters["steps"] if spec.model.name == PIPELINE else ()
    for name in (spec.strategy.name, spec.model.name, *(step["name"] for step in steps)):
        if file_of(name) is None and not name.isidentifier():  # what is built in is a bare name
            yield name.replace(":", ".").partition(".")[0]


@cache
def _providers(module: str) -> tuple[str, ...]:
    """Return the distributions that a module may be from; none for a file of the user's."""
    if module == "sklearn":  # in _PACKAGES; to look takes a tenth of a second
        return ()
    return tuple(sorted({name for name in packages_distributions().get(module, ()) if name}))


def of_checkout(folder: Path) -> dict[str, str]:
    """Return the `commit` of the repository that a folder lies in, and whether its `tree` is clean.

    "clean" is a tree where no tracked file differs from the commit and every other file is ignored;
    else it is "changed". Files in a results directory, which sweeps write, do not count. What
    cannot be told is left out: both where there is no git, no repository or no commit.

    The repository may be a stranger's: nothing that it configures is run, and nothing is fetched.
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
    """Return the files of a repository that are not as in its commit; None where git fails."""
    wanted = ("--name-only", "--get-regexp", "^filter[.]")
    configured = _git(root, "config", "-z", "--show-scope", *wanted)
    if configured is None:
        return None
    *fields, _ = configured.split("\0")
    off: dict[str, str] = {}
    for scope, key in zip(fields[::2], fields[1::2], strict=True):
        if scope in ("local", "worktree"):  # the other filters are the user's
            driver = key.rpartition(".")[0]
            off |= {f"{driver}.clean": "", f"{driver}.process": "", f"{driver}.required": "false"}
    # To look into submodules would be to run git in each, which has a configuration of its own.
    options = ("--untracked-files=all", "--ignore-submodules=dirty", "--no-renames")
    status = _git(root, "status", "--porcelain", "-z", *options, settings=off)
    return None if status is None else [root / line[3:] for line in status.split("\0")[:-1]]


def _is_result(file: Path) -> bool:
    """Return whether a file lies in a results directory, or in a folder of one."""
    return any((up / "runs").is_dir() and (up / "failed").is_dir() for up in file.parents[:2])


def _git(folder: Path, *arguments: str, settings: Mapping[str, str] | None = None) -> str | None:
    """Return what git says about a folder, nothing where it finds nothing; None where it fails."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    environment |= {"GIT_ALLOW_PROTOCOL": "", "GIT_CONFIG_COUNT": str(len(settings or {}))}
    for place, (key, value) in enumerate((settings or {}).items()):
        environment |= {f"GIT_CONFIG_KEY_{place}": key, f"GIT_CONFIG_VALUE_{place}": value}
    safely = ("-c", "core.fsmonitor=false", "-c", f"core.hooksPath={os.devnull}")
    try:
        process = subprocess.run(  # noqa: S603 -- a program of the user's, without a shell
            ["git", "-C", str(folder), "--no-optional-locks", *safely, *arguments],  # noqa: S607
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_PATIENCE,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return os.fsdecode(process.stdout) if process.returncode in (0, 1) else None
