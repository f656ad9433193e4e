"""Models: what is built in, how one is built, and how it is asked."""

from alrun.models.registry import BUILT_IN

__all__ = ["BUILT_IN"]
