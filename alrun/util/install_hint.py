"""The command that installs an extra, where this installation came from."""

import json
import re
import shlex
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

_NAME = "alrun"


def install_hint(extra: str) -> str:
    """Return the command that installs the packages of an extra of alrun.

    It names the folder or the address that alrun was installed from. Where that is not known or
    gone, it names the packages: no index has alrun.
    """
    try:
        installed = distribution(_NAME)
    except PackageNotFoundError:  # run from its source
        return f"pip install '.[{extra}]' in the folder of alrun's source"
    words = _source_of(_direct_url(installed), extra)
    words = words or _packages_of(installed.requires or [], extra)
    return shlex.join(["pip", "install", *words])


def _direct_url(installed: Distribution) -> dict[str, Any]:
    """Return where a distribution was installed from, as PEP 610 has it; empty if unknown."""
    try:
        content = json.loads(installed.read_text("direct_url.json") or "{}")
    except (ValueError, OSError):
        return {}
    return content if isinstance(content, dict) else {}


def _source_of(direct_url: dict[str, Any], extra: str) -> list[str]:
    """Return what pip installs with an extra: a folder, or the address of a repository or file.

    It is empty where that is not known or gone.
    """
    url = str(direct_url.get("url", ""))
    if "vcs_info" in direct_url:
        info = direct_url["vcs_info"]
        revision = info.get("requested_revision") or info.get("commit_id")
        place = f"{info.get('vcs', 'git')}+{url}{f'@{revision}' if revision else ''}"
        folder = direct_url.get("subdirectory")
        return [f"{_NAME}[{extra}] @ {place}{f'#subdirectory={folder}' if folder else ''}"]
    if not url.startswith("file:"):
        return [f"{_NAME}[{extra}] @ {url}"] if url else []
    path = Path(unquote(urlsplit(url).path))
    is_editable = direct_url.get("dir_info", {}).get("editable") is True
    return [*(["-e"] if is_editable else []), f"{path}[{extra}]"] if path.exists() else []


def _packages_of(requirements: list[str], extra: str) -> list[str]:
    """Return the names of the packages of an extra."""
    marker = re.compile(rf"""extra\s*==\s*['"]{re.escape(extra)}['"]""")
    named = [re.match(r"[A-Za-z0-9._-]+", text) for text in requirements if marker.search(text)]
    return [name[0] for name in named if name]
