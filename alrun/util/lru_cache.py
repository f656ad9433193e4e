"""A bounded LRU cache."""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import TypeVar

T = TypeVar("T")


class LRUCache(OrderedDict[Hashable, T]):
    """Keeps at most `maxsize` results and evicts the least recently used.

    Unlike the cache of functools it does not keep the arguments alive.
    """

    def __init__(self, maxsize: int) -> None:
        super().__init__()
        self._maxsize = maxsize

    def get_or_compute(self, key: Hashable, compute: Callable[[], T]) -> T:
        """Return the result of `key`, and compute it if it is missing."""
        if key not in self:
            self[key] = compute()
        self.move_to_end(key)
        if len(self) > self._maxsize:
            self.popitem(last=False)
        return self[key]
