"""The joblib backends for runs, by name, with the promise of each."""

from importlib import import_module
from typing import Any

from joblib.parallel import BACKENDS, EXTERNAL_BACKENDS

from alrun.errors import AlrunError, first_line, nearest
from alrun.execute.isolated import can_isolate
from alrun.execute.isolated_backend import IsolatedBackend

# Backends of other packages: the module and the function that register them with joblib.
_OTHERS = {
    "ray": ("ray.util.joblib", "register_ray"),
    "spark": ("joblibspark", "register_spark"),
}
_PROMISES = {
    "isolated": "a run that crashes or takes too long costs no other",
    "loky": "a run that kills its process ends the sweep; what is finished is kept",
    "multiprocessing": "a run that kills its process can make the sweep wait for ever",
    "threading": "runs take turns in this process; one that kills it ends the sweep",
    "sequential": "one run after the other in this process; one that kills it ends the sweep",
}
_UNKNOWN = "what happens when a run kills its process is up to joblib and that backend"


def default_backend() -> str:
    """Return "isolated", or "loky" on a system without what isolation needs."""
    return "isolated" if can_isolate() else "loky"


def promise(name: str) -> str:
    """Return a sentence with the promise of a backend."""
    timeout = "" if name == "isolated" else ", and there is no --timeout"
    return f"Backend {name}: {_PROMISES.get(name, _UNKNOWN)}{timeout}."


def find_backend(name: str, timeout: float | None = None) -> Any:
    """Return a joblib backend by name; one of another package is imported first.

    Raises AlrunError where there is none, or it cannot keep to `timeout`, in seconds or None.
    """
    _register(name)
    if name not in BACKENDS:
        known = {*BACKENDS, *EXTERNAL_BACKENDS, *_OTHERS}
        raise AlrunError(f"--backend {name}: joblib has no such backend{nearest(name, known)}")
    if name == "isolated" and not can_isolate():
        raise AlrunError("--backend isolated: this system cannot isolate processes; use loky")
    if name == "isolated":
        return IsolatedBackend(timeout=timeout)
    if timeout is not None:
        raise AlrunError(
            f"--timeout ends the process of a run, and the backend {name} cannot do that; leave the"
            " timeout out, or use the backend isolated"
        )
    try:
        return BACKENDS[name]()
    except Exception as error:  # as of one that has no cluster to talk to
        raise AlrunError(f"--backend {name} cannot be used: {first_line(error)}") from error


def _register(name: str) -> None:
    """Register a backend of another package with joblib, if that is installed."""
    package = name
    try:
        if name not in BACKENDS and name in EXTERNAL_BACKENDS:
            EXTERNAL_BACKENDS[name]()
        elif name not in BACKENDS and name in _OTHERS:
            module, function = _OTHERS[name]
            package = module.partition(".")[0]
            getattr(import_module(module), function)()
    except ImportError as error:
        raise AlrunError(
            f"--backend {name}: {package} cannot be imported ({error}); install it"
        ) from error
