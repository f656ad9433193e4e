"""Comparisons of strategies as text: tables on the screen, Markdown, CSV or JSON."""

import json
from collections.abc import Callable
from functools import partial

import pandas as pd

from alrun.errors import printable
from alrun.report.all_pairs import LETTER_COLUMNS, Comparisons
from alrun.report.pair_sections import (
    pair_sections,
    result_sections,
    sentence_on_results,
    sentences_on_two,
)
from alrun.report.ranks import COLUMNS as RANK_COLUMNS
from alrun.report.render import Layout, in_markdown, markdown_lines, records
from alrun.report.render_csv import as_csv
from alrun.report.sections import Section
from alrun.report.text import as_text
from alrun.report.two_results import TwoResults

Found = Comparisons | TwoResults


def render_pairs(found: Found, format: str, layout: Layout) -> str:
    """Return comparisons in one of PAIR_FORMATS."""
    return PAIR_FORMATS[format](found, layout)


def sentences_of(found: Found) -> tuple[str, ...]:
    """Return the sentences that stand above the tables, or in their place."""
    if isinstance(found, TwoResults):
        return (printable(sentence_on_results(found)),)
    return tuple(map(printable, sentences_on_two(found))) if found.two else ()


def _sections(found: Found, wide: bool) -> list[Section]:
    if isinstance(found, TwoResults):
        return result_sections(found)
    return [] if found.two else pair_sections(found, wide)


def _table(found: Found, layout: Layout) -> str:
    lay_out = partial(as_text, width=layout.width, has_bold=layout.has_bold)
    sentences = lay_out((), sentences_of(found))
    rest = lay_out(_sections(found, wide=False), found.notes)
    return f"{sentences}\n{rest}" if sentences.strip() else rest


def _markdown(found: Found, layout: Layout) -> str:
    lines = [f"## {in_markdown(found.name)}", ""]
    if sentences := sentences_of(found):
        lines += [*(f"- {in_markdown(text)}" for text in sentences), ""]
    return "\n".join([*lines, *markdown_lines(_sections(found, wide=True), found.notes)]) + "\n"


def _csv(found: Found, layout: Layout) -> str:
    return as_csv(found.pairs)


def _json(found: Found, layout: Layout) -> str:
    ranks, letters = pd.DataFrame(columns=RANK_COLUMNS), pd.DataFrame(columns=LETTER_COLUMNS)
    if isinstance(found, Comparisons):
        ranks, letters = found.ranks, found.letters
    content = {
        "pairs": records(found.pairs),
        "ranks": records(ranks),
        "letters": records(letters),
        "notes": [*sentences_of(found), *found.notes],
    }
    return json.dumps(content, indent=1, allow_nan=False) + "\n"


PAIR_FORMATS: dict[str, Callable[[Found, Layout], str]] = {
    "table": _table,
    "markdown": _markdown,
    "csv": _csv,
    "json": _json,
}
