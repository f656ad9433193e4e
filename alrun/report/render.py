"""A report as text: a table on the screen, Markdown, LaTeX, CSV or JSON."""

import json
import math
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from io import StringIO
from typing import Any

import pandas as pd

from alrun.report.build import Report
from alrun.report.tables import COUNTS, blocks
from alrun.report.words import counted
from alrun.stats import MOST_SEEDS

WIDTH = 100


@dataclass(frozen=True)
class Section:
    """A table of texts.

    Attributes
    ----------
    title, caption
        What it is about, and what it takes to read it without the notes.
    n_left
        The first so many columns are set flush left.
    bold
        Row and column of the best values.
    """

    title: str
    caption: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    n_left: int
    bold: frozenset[tuple[int, int]] = frozenset()


def render(report: Report, format: str) -> str:
    """Return a report in one of FORMATS."""
    return FORMATS[format](report)


def sections(report: Report, wide: bool = False) -> list[Section]:
    """Return the tables of a report, texts in place of numbers.

    Where they may be `wide`, the share of runs at the target and the median have their intervals,
    and a difference that is not significant is said to be none in words.
    """
    found = []
    for (dataset, model, batch_size), rows in blocks(report.rows):
        where = f"{dataset}, {model}, batch size {batch_size}"
        if report.targets:
            found.append(_labels_section(f"Labels to target: {where}", report, rows, wide))
        once = rows.drop_duplicates("strategy")
        found.append(_scores_section(f"Whole curve: {where}", report, once, wide))
    for (model, batch_size), rows in report.across.groupby(["model", "batch_size"], sort=False):
        title = f"Across {report.rows['dataset'].nunique()} data sets: {model}"
        found.append(_across_section(f"{title}, batch size {batch_size}", report, rows, wide))
    return found


def _labels_section(title: str, report: Report, rows: pd.DataFrame, wide: bool) -> Section:
    header = (
        *("target", "strategy", "reached", "within", "mean labels", "median", "saving"),
        *(f"k={report.sensitivity}", "back", "p adj.", "W/T/L"),
    )
    texts: list[tuple[str, ...]] = []
    bold: set[tuple[int, int]] = set()
    for place, row in enumerate(rows.itertuples()):
        texts.append(
            (
                _target(row.target),
                row.strategy,
                _reached(row, wide),
                f"{row.budget:.0f}",
                _mean_labels(row, wide),
                _median_with_interval(row, wide),
                saving_text(row) if wide else saving_text(row).replace(" %", "%"),
                _share(row.sensitivity_saving, wide),
                _share(row.drop_back, wide),
                _p(row.p_adjusted, row.significant, wide),
                "" if math.isnan(row.wins) else f"{row.wins:.0f}/{row.ties:.0f}/{row.losses:.0f}",
            )
        )
        if row.mean_labels == rows.loc[rows["target"] == row.target, "mean_labels"].min():
            bold.add((place, header.index("mean labels")))
    caption = (
        f"{_seeds(rows)}, budget {report.budget} labels. Mean labels to target ({report.metric})"
        f" with 95 % intervals, and the saving against {report.baseline};"
        f" {_tests(report, report.family)}."
    )
    return Section(title, caption, header, _first_of_each(texts), 2, frozenset(bold))


def _scores_section(title: str, report: Report, rows: pd.DataFrame, wide: bool) -> Section:
    header = (
        *("strategy", "AULC", "diff.", "p adj."),
        *("initial", f"final {report.metric}", "diff.", "p adj."),
    )
    texts: list[tuple[str, ...]] = []
    bold: set[tuple[int, int]] = set()
    for place, row in enumerate(rows.itertuples()):
        texts.append(
            (
                row.strategy,
                with_interval(row.aulc, row.aulc_low, row.aulc_high, _score),
                _signed(row.aulc_difference),
                _p(row.aulc_p_adjusted, row.aulc_significant, wide),
                _score(row.initial),
                with_interval(row.final, row.final_low, row.final_high, _score),
                _signed(row.final_difference),
                _p(row.final_p_adjusted, row.final_significant, wide),
            )
        )
        bold |= {(place, 1)} if row.aulc == rows["aulc"].max() else set()
        bold |= {(place, 5)} if row.final == rows["final"].max() else set()
    tested = report.rows[~report.rows["is_baseline"] & report.rows["aulc_p_value"].notna()]
    family = len(tested.drop_duplicates(["dataset", "model", "batch_size", "strategy"]))
    caption = (
        f"{_seeds(rows)}, budget {report.budget} labels. Area under the learning curve and final"
        f" {report.metric} with 95 % intervals, and differences from {report.baseline};"
        f" {_tests(report, family)}."
    )
    return Section(title, caption, header, tuple(texts), 1, frozenset(bold))


def _across_section(title: str, report: Report, rows: pd.DataFrame, wide: bool) -> Section:
    header = ("target", "strategy", "data sets", "geometric saving", "p adj.", "improves")
    texts: list[tuple[str, ...]] = [
        (
            _target(row.target),
            row.strategy,
            f"{row.n_datasets} (descriptive)" if row.descriptive else f"{row.n_datasets}",
            _percent_with_interval(row),
            _p(row.p_adjusted, row.significant, wide),
            _share(row.probability_of_improvement, True),
        )
        for row in rows.itertuples()
    ]
    best = rows["saving"] == rows.groupby("target")["saving"].transform("max")
    caption = (
        f"Geometric mean of the savings against {report.baseline} over data sets, with 95 %"
        " intervals; sign-flip tests over the data sets, Holm over the strategies. Improves: the"
        " chance that a seed needs fewer labels."
    )
    bold = frozenset((place, 3) for place, is_best in enumerate(best) if is_best)
    return Section(title, caption, header, _first_of_each(texts), 2, bold)


def _first_of_each(texts: list[tuple[str, ...]]) -> tuple[tuple[str, ...], ...]:
    """Leave the first column empty where it repeats what stands above."""
    above = ["", *(cells[0] for cells in texts)]
    return tuple(
        ("" if cells[0] == previous else cells[0], *cells[1:])
        for cells, previous in zip(texts, above, strict=False)
    )


def _seeds(rows: pd.DataFrame) -> str:
    low, high = rows["n_seeds"].min(), rows["n_seeds"].max()
    return f"{low} to {high} seeds" if low < high else counted(high, "seed")


def _tests(report: Report, family: int) -> str:
    adjusted = {"holm": "Holm's correction", "maxT": "step-down maxT"}[report.adjustment]
    return f"paired sign-flip tests, {adjusted} over {counted(family, 'test')}"


def saving_text(row: Any) -> str:
    """Return the saving of a row with its interval, empty for the baseline."""
    if row.is_baseline or not row.n_pairs:
        return ""
    if math.isnan(row.saving):
        return "not estimable"
    return _percent_with_interval(row)


def _percent_with_interval(row: Any) -> str:
    if math.isinf(row.saving_low):
        return f"{percent(row.saving)} % [unbounded]"
    if math.isnan(row.saving_low):
        return f"{percent(row.saving)} %"
    return f"{percent(row.saving)} % [{percent(row.saving_low)}, {percent(row.saving_high)}]"


def with_interval(value: float, low: float, high: float, text: Callable[[float], str]) -> str:
    """Return a value and its interval in brackets, empty where it cannot be estimated."""
    if math.isnan(value):
        return ""
    return text(value) if math.isnan(low) else f"{text(value)} [{text(low)}, {text(high)}]"


def _median(value: float, budget: float) -> str:
    """Return a median of labels, which are whole or halves, or that it lies above the budget."""
    return f">{budget:.0f}" if math.isinf(value) else f"{value:.1f}".removesuffix(".0")


def _median_with_interval(row: Any, wide: bool) -> str:
    text = _median(row.median_labels, row.budget)
    if not wide or math.isnan(row.median_labels_low):
        return text
    ends = (row.median_labels_low, row.median_labels_high)
    return f"{text} [{', '.join(_median(end, row.budget) for end in ends)}]"


def _reached(row: Any, wide: bool) -> str:
    text = f"{row.reached:.0f}/{row.n_pairs or row.n_seeds}"
    if not wide or math.isnan(row.reached_low):
        return text
    return f"{text} [{percent(row.reached_low)}, {percent(row.reached_high)}] %"


def _mean_labels(row: Any, wide: bool) -> str:
    digits = 1 if wide or row.mean_labels < 10 else 0
    ends = (row.mean_labels_low, row.mean_labels_high)
    return with_interval(row.mean_labels, *ends, lambda value: f"{value:.{digits}f}")


def _share(value: float, wide: bool) -> str:
    return "" if math.isnan(value) else f"{percent(value)} %" if wide else percent(value)


def _score(value: float) -> str:
    return "" if math.isnan(value) else f"{value:.3f}"


def _signed(value: float) -> str:
    return "" if math.isnan(value) else f"{value:+.4f}"


def percent(value: float) -> str:
    """Return a share as a whole percentage, without the sign of a zero."""
    return f"{100 * value:.0f}".replace("-0", "0") if abs(value) < 0.005 else f"{100 * value:.0f}"


def _target(value: float) -> str:
    return f"{value:g}"


def _p(value: float, star: bool, wide: bool) -> str:
    """Return a p value without its leading zero; the star follows the adjusted one alone."""
    if math.isnan(value):
        return ""
    text = (
        "<.001" if value < 0.001 else "1.00" if value > 0.995 else f"{value:.3f}".removeprefix("0")
    )
    if star:
        return f"{text}*"
    return f"{text}, not significant" if wide else text


def _table(report: Report) -> str:
    return as_text(sections(report), report.notes)


def as_text(tables: Iterable[Section], notes: Iterable[str] = ()) -> str:
    """Return tables and the sentences below them, as they stand on a screen."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    buffer = StringIO()
    screen = Console(file=buffer, width=WIDTH, color_system=None, highlight=False)
    for section in tables:
        table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False)
        for place, name in enumerate(section.header):
            table.add_column(
                name, justify="left" if place < section.n_left else "right", overflow="fold"
            )
        for row in section.rows:
            table.add_row(*map(Text, row))
        screen.print(Text(section.title))
        screen.print(table)
        screen.print()
    for note in notes:
        screen.print(Text(note))
    return "\n".join(line.rstrip() for line in buffer.getvalue().splitlines()) + "\n"


def seeds_sections(table: pd.DataFrame) -> list[Section]:
    """Return the tables of how many seeds it takes, from `alrun.planning.seeds_needed`."""
    header = ("target", "strategy", "pilot seeds", "difference", "spread", "seeds")
    found = []
    for (dataset, model, batch_size), rows in blocks(table):
        texts: list[tuple[str, ...]] = [
            (
                _target(row.target),
                row.strategy,
                f"{row.n_pilot}",
                f"{row.difference:.1f}",
                "" if math.isnan(row.spread) else f"{row.spread:.1f}",
                _seeds_needed(row.seeds),
            )
            for row in rows.itertuples()
        ]
        title = f"Seeds needed: {dataset}, {model}, batch size {batch_size}"
        found.append(Section(title, "", header, _first_of_each(texts), 2))
    return found


def _seeds_needed(seeds: float) -> str:
    if math.isnan(seeds):
        return "not estimable"
    return f"more than {MOST_SEEDS:,}" if math.isinf(seeds) else f"{seeds:.0f}"


def _markdown(report: Report) -> str:
    lines = [f"## {report.name}", ""]
    for section in sections(report, wide=True):
        rules = [
            "---" if place < section.n_left else "---:" for place in range(len(section.header))
        ]
        rows = [[_piped(cell) for cell in row] for row in section.rows]
        for row, column in section.bold:
            rows[row][column] = f"**{rows[row][column]}**"
        lines += [
            f"**{section.title}.** {section.caption}",
            "",
            *(f"| {' | '.join(cells)} |" for cells in (section.header, rules, *rows)),
            "",
        ]
    return "\n".join([*lines, *(f"- {note}" for note in report.notes)]) + "\n"


def _piped(cell: str) -> str:
    return re.sub(r"([|*_])", r"\\\1", cell)


def _latex(report: Report) -> str:
    lines = []
    for section in sections(report, wide=True):
        alignment = "l" * section.n_left + "r" * (len(section.header) - section.n_left)
        rows = [[_escaped(cell) for cell in row] for row in section.rows]
        for row, column in section.bold:
            rows[row][column] = rf"\textbf{{{rows[row][column]}}}"
        lines += [
            r"\begin{table}",
            r"\centering\small",
            rf"\caption{{{_escaped(section.title)}. {_escaped(section.caption)}}}",
            rf"\begin{{tabular}}{{{alignment}}}",
            r"\hline",
            " & ".join(map(_escaped, section.header)) + r" \\",
            r"\hline",
            *(" & ".join(cells) + r" \\" for cells in rows),
            r"\hline",
            r"\end{tabular}",
            r"\end{table}",
            "",
        ]
    return "\n".join([*lines, *(f"% {note}" for note in report.notes)]) + "\n"


_LATEX = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
}


def _escaped(text: str) -> str:
    return re.sub(r"[\\~^<>&%$#_{}]", lambda match: _LATEX.get(match[0], "\\" + match[0]), text)


def _csv(report: Report) -> str:
    return str(report.rows.to_csv(index=False, lineterminator="\n"))


def _json(report: Report) -> str:
    content = {
        "budget": report.budget,
        "metric": report.metric,
        "baseline": report.baseline,
        "sustain": report.sustain,
        "adjustment": report.adjustment,
        "sequential": report.is_sequential,
        "rows": _records(report.rows),
        "across": _records(report.across),
        "notes": list(report.notes),
    }
    return json.dumps(content, indent=1, allow_nan=False) + "\n"


def _records(table: pd.DataFrame) -> list[dict[str, Any]]:
    return [
        {key: _plain(key, value) for key, value in row.items()} for row in table.to_dict("records")
    ]


def _plain(column: str, value: Any) -> Any:
    """Return a value as JSON has it: null for what cannot be estimated or is unbounded."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if column in COUNTS:
        return int(value)
    return value.item() if hasattr(value, "item") else value


FORMATS: dict[str, Callable[[Report], str]] = {
    "table": _table,
    "markdown": _markdown,
    "csv": _csv,
    "json": _json,
    "latex": _latex,
}
