"""Files of JSON lines with checks, in which a line that was edited or lost is found.

The first line says how many there are. Each line ends with a check, a digest of it and of the check
of the line before.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from alrun.errors import LabellingError, first_line
from alrun.util.digest import canonical_json, digest_of_bytes

_CHECK, _N_LINES = "check", "n_lines"
Line = dict[str, Any]
_MEND = "restore it from a backup"


def seal(lines: Sequence[Mapping[str, Any]]) -> bytes:
    """Return lines as the content of a file; the first one is the header."""
    check, written = "", []
    for number, line in enumerate(lines):
        whole = {**({} if number else {_N_LINES: len(lines)}), **line}
        check = _check_of(whole, check)
        written.append(json.dumps({**whole, _CHECK: check}, ensure_ascii=False, allow_nan=False))
    return ("\n".join(written) + "\n").encode("utf-8", errors="surrogatepass")


def unseal(content: bytes, path: Path) -> list[Line]:
    """Return the lines of a file; raises LabellingError, which names the first line edited."""
    lines: list[Line] = []
    check = ""
    try:
        text = content.decode("utf-8", errors="surrogatepass")
    except UnicodeDecodeError as error:
        number = content.count(b"\n", 0, error.start) + 1
        raise LabellingError(f"{path}: line {number} is no UTF-8; {_MEND}") from error
    for number, written in enumerate(text.removesuffix("\n").split("\n"), start=1):
        try:
            line = json.loads(written)
            found = line.pop(_CHECK)
            check = _check_of(line, check)
        except (ValueError, TypeError, AttributeError, KeyError, RecursionError) as error:
            reason = first_line(error)
            raise LabellingError(f"{path}: line {number} is damaged ({reason}); {_MEND}") from error
        if found != check:
            raise LabellingError(
                f"{path}: line {number} was edited, or the line before it is gone; {_MEND}"
            )
        lines.append(line)
    if lines[0].get(_N_LINES) != len(lines):
        raise LabellingError(
            f"{path}: it has {len(lines)} lines, and {lines[0].get(_N_LINES)} were written; {_MEND}"
        )
    return lines


def _check_of(line: Mapping[str, Any], before: str) -> str:
    return digest_of_bytes(before.encode() + canonical_json(line))[:8]
