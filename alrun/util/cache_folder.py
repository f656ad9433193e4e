"""The folder of the user's cache in which fetched data are kept."""

import os
from pathlib import Path


def cache_folder() -> Path:
    """Return the folder of cached data sets, in XDG_CACHE_HOME or else in ~/.cache."""
    configured = Path(os.environ.get("XDG_CACHE_HOME", ""))
    return (configured if configured.is_absolute() else Path.home() / ".cache") / "alrun"
