"""A limit of one thread on the pools of libraries."""

import sys
from contextlib import AbstractContextManager
from functools import lru_cache
from typing import Any

from threadpoolctl import ThreadpoolController


def one_thread() -> AbstractContextManager[Any]:
    """Return a context in which BLAS and OpenMP compute with one thread."""
    limit: AbstractContextManager[Any] = _thread_pools(len(sys.modules)).limit(limits=1)
    return limit


@lru_cache(maxsize=1)
def _thread_pools(n_modules: int) -> ThreadpoolController:
    """Return a handle on the thread pools of libraries; finding them takes milliseconds.

    They are found anew when `n_modules`, the number of modules that are imported, has changed.
    """
    return ThreadpoolController()
