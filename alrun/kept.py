"""The last results of a computation, for who asks for the same again in this process."""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import TypeVar

T = TypeVar("T")


class Kept(OrderedDict[Hashable, T]):
    """Results by what they are of; beyond `most` goes the one that was asked for the longest ago.

    Unlike the cache of functools it does not keep what the results were computed from.
    """

    def __init__(self, most: int) -> None:
        super().__init__()
        self._most = most

    def of(self, key: Hashable, make: Callable[[], T]) -> T:
        """Return the result that goes by `key`, which is made if it is not there."""
        if key not in self:
            self[key] = make()
        self.move_to_end(key)
        if len(self) > self._most:
            self.popitem(last=False)
        return self[key]
