"""The address space that a command or a worker needs, and errors for want of it.

Libraries that cannot be loaded for want of address space fail in ways of their own, some by a
segmentation fault, so the limit on it is checked before they are loaded.
"""

from importlib import import_module
from typing import Any

from alrun.errors import AlrunError

# Measured on two cores: a report takes 0.8 GB, a sweep 0.7 GB; each core more takes some for its
# threads.
_LEAST = 2**30
_REMEDY = "raise the limit with `ulimit -v`, or where the system or its queue sets it"
# What the errors of the dynamic loader have in common.
_LOADING = ("failed to map segment", "annot allocate memory", "cannot map zero-fill pages")


def check_address_space() -> None:
    """Raise AlrunError if the limit on address space is below what commands need."""
    try:
        resource: Any = import_module("resource")
        limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    except (ImportError, AttributeError, OSError, ValueError):  # as on Windows
        return
    if limit != resource.RLIM_INFINITY and limit < _LEAST:
        raise AlrunError(
            f"the limit on address space is {limit / 2**20:,.0f} MiB, and alrun needs"
            f" {_LEAST / 2**20:,.0f} MiB; {_REMEDY}"
        )


def too_little_memory(error: BaseException) -> str | None:
    """Return a sentence on an error for want of memory; None for any other error."""
    is_loading = isinstance(error, ImportError) and any(part in str(error) for part in _LOADING)
    if is_loading or isinstance(error, MemoryError):
        detail = " ".join(str(error).split())
        return f"there is too little memory{f' ({detail})' if detail else ''}; {_REMEDY}"
    return None
