"""Models: the registry, construction, fitting and predictions."""

from alrun.models.registry import BUILT_IN

__all__ = ["BUILT_IN"]
