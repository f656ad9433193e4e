"""The notes of a report in brief: each kind once, and no name that all of them share."""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from alrun.report.phrasing import Listing, group_name
from alrun.report.rows import Tables, comparison_groups
from alrun.results.curves import COMPARISON_GROUP

# Of a list in a note so many are named.
_MOST_NAMED = 3


def in_brief(notes: Iterable[str], tables: Tables) -> list[str]:
    """Return notes with short lists, the first of each kind, and without what groups share."""
    keys = [key for key, _ in comparison_groups(tables.rows)]
    names = {str(name) for key in keys for name in key[:-1]} - {""}
    shown: dict[str, str] = {}
    n_more: dict[str, int] = {}
    for note in notes:
        kind = _kind(note, names)
        if kind in shown:
            n_more[kind] = n_more.get(kind, 0) + 1
            continue
        text = note.naming(_MOST_NAMED) if isinstance(note, Listing) else note
        shown[kind] = text
    return [
        _without_shared(text, keys) + (f" (And {n_more[kind]} more.)" if kind in n_more else "")
        for kind, text in shown.items()
    ]


def _kind(note: str, names: set[str]) -> str:
    """Return what notes of one kind have in common: their words without names and numbers."""
    beginning = ": ".join(note.split(": ")[:2])
    of_names = "|".join(map(re.escape, sorted(names, key=len, reverse=True)))
    without_names = re.sub(rf"(?<!\w)({of_names})(?!\w)", "@", beginning) if names else beginning
    return re.sub(r"\d+(\.\d+)?", "#", without_names)


def _without_shared(text: str, keys: Sequence[tuple[Any, ...]]) -> str:
    """Return a note in which groups are named by what they do not share."""
    for whole, short in sorted(_short_names(keys), key=lambda pair: -len(pair[0])):
        if short:
            text = text.replace(whole, short)
        else:
            name = re.escape(whole)
            text = re.sub(rf" \({name}\)|,? {name}(?=\))", "", text)
    return text


def _short_names(keys: Sequence[tuple[Any, ...]]) -> Iterator[tuple[str, str]]:
    """Yield the name of each group, and the part of it that is not the same in all of them."""
    differ = [len({key[place] for key in keys}) > 1 for place in range(len(COMPARISON_GROUP))]
    for key in keys:
        *names, batch_size = key
        kept = [str(name) for name, is_kept in zip(names, differ, strict=False) if name and is_kept]
        if differ[-1]:
            kept.append(f"batch size {batch_size}")
        yield group_name(key), ", ".join(kept)
