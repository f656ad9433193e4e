"""A whole page: the verdict, a chapter for each comparison group, notes and provenance."""

import csv
from collections.abc import Iterator, Mapping
from io import StringIO
from typing import Any

from alrun.report.build import Report
from alrun.report.html.chapter import chapter, ranks
from alrun.report.html.document import document, own
from alrun.report.html.gallery import Queried
from alrun.report.html.look import looks_of, number_of, sample, switching_rules
from alrun.report.html.markup import Markup, element, joined
from alrun.report.html.page_data import page_data
from alrun.report.html.shared import Shared
from alrun.report.html.stopping import stopping_summary
from alrun.report.html.table import table
from alrun.report.phrasing import group_name, seed_counts, target_name
from alrun.report.render_csv import as_csv
from alrun.report.rows import comparison_groups
from alrun.report.sections import Section, noise_sections, sections
from alrun.report.stopping.build import StoppingReport

# Above this many paragraphs of a verdict those on single groups are folded.
_MOST_OPEN = 12


def as_page(
    report: Report, queried: Mapping[Any, Queried], judged: StoppingReport | None = None
) -> str:
    """Return a report as a page that needs no other file and no network.

    `judged` are stopping rules on the same results, where these have signals.
    Without its script it is the same page, but that it cannot be sorted, filtered or asked.
    """
    looks, shared = looks_of(report.rows["strategy"], report.baseline), Shared(report)
    content = (
        *_beginning(report, looks),
        element("main", *_chapters(shared, looks, queried, judged), *_end(report)),
        element("script", page_data(shared, looks, judged), type="application/json", id="data"),
    )
    style = own("page.css") + switching_rules(max(map(number_of, looks.values())) + 1)
    script = own("tables.js") + own("page.js")
    return document(f"{report.name}: alrun report", style, script, *content)


def _beginning(report: Report, looks: Mapping[str, str]) -> Iterator[Markup]:
    """Yield title, verdict, and the bar with the strategies and the target."""
    seeds = seed_counts(report.rows["n_seeds"])
    targets = ", ".join(map(target_name, report.targets)) or "none"
    yield element(
        "header",
        element("h1", report.name),
        element("p", f"{seeds} per strategy; targets on {report.metric}: {targets}."),
    )
    yield element("section", *_verdict(report), class_="verdict")
    switches = [
        element(
            "label",
            element("input", type="checkbox", id=f"switch-{number_of(look)}", checked=True),
            sample(look),
            name,
            data_strategy=str(number_of(look)),
        )
        for name, look in looks.items()
        if name in set(report.rows["strategy"])
    ]
    names = [group_name(key) for key, _ in comparison_groups(report.rows)]
    yield element(
        "div",
        element("fieldset", element("legend", "Strategies"), *switches),
        _group_choice(names),
        _target_choice(report),
        class_="bar",
    )


def _verdict(report: Report) -> Iterator[Markup]:
    """Yield the paragraphs of the verdict; with many of them, most in a part that opens."""
    parts = [
        joined(
            element("h2", paragraph.title),
            element("ul", *(element("li", text) for text in paragraph.sentences)),
        )
        for paragraph in report.paragraphs
    ]
    if len(parts) <= _MOST_OPEN:
        yield from parts
        return
    n_open = sum(paragraph.is_over_all for paragraph in report.paragraphs)
    yield from parts[:n_open]
    summary = element("summary", f"The verdict one by one ({len(parts) - n_open})")
    yield element("details", summary, *parts[n_open:])


def _group_choice(names: list[str]) -> Markup:
    options = [element("option", name, value=str(n)) for n, name in enumerate(names)]
    options.append(element("option", "all", value="all"))
    select = element("select", *options, id="group")
    return element("p", element("label", "Show ", select), class_="scripted")


def _target_choice(report: Report) -> Markup:
    kind = element("select", id="target-kind", aria_label="what the target is")
    slider = element("input", type="range", id="target", aria_describedby="target-note")
    exact = element("input", type="number", id="target-exact", step="any",
                    aria_label=f"target on {report.metric}")  # fmt: skip
    return element(
        "p",
        element("label", f"Target on {report.metric} ", slider),
        exact,
        kind,
        element(
            "span",
            "Means only; intervals and tests are for the targets that were computed.",
            id="target-note",
            class_="note",
        ),
        class_="scripted",
    )


def _chapters(
    shared: Shared,
    looks: Mapping[str, str],
    queried: Mapping[Any, Queried],
    judged: StoppingReport | None,
) -> Iterator[Markup]:
    """Yield what is said across data sets, a chapter for each comparison group, then the rest."""
    tables = sections(shared.report)
    n_noise = len(noise_sections(shared.report))
    per_group = 2 if shared.report.targets else 1
    groups = list(comparison_groups(shared.report.rows))
    across = tables[len(groups) * per_group : len(tables) - n_noise]
    if across:
        yield element(
            "section",
            element("h2", "Across data sets"),
            *(table(one, dict(looks), f"across-{n + 1}") for n, one in enumerate(across)),
            ranks(shared, looks),
        )
    for number, (key, rows) in enumerate(groups):
        own = tables[number * per_group : (number + 1) * per_group]
        yield chapter(shared, number, key, rows, own, looks, queried.get(key), judged)
    if judged:
        yield stopping_summary(judged)
    if n_noise:
        shown = (
            table(one, dict(looks), f"noise-{n + 1}") for n, one in enumerate(tables[-n_noise:])
        )
        yield element("section", element("h2", "What noise does"), *shown)


def _end(report: Report) -> Iterator[Markup]:
    """Yield notes, diagnostics, provenance, the experiment and all numbers."""
    found = [text for text in report.all_notes if text.startswith(("Warning", "Note"))]
    usual = [text for text in report.all_notes if text not in found]
    for title, sentences in (("Diagnostics", found), ("How to read it", usual)):
        items = [element("li", text) for text in sentences]
        yield element("section", element("h2", title), element("ul", *items))
    rows = [element("tr", element("th", name, scope="row"), element("td", value))
            for name, value in (*_options(report), *report.origins)]  # fmt: skip
    caption = element("caption", "What was reported, and what computed the runs")
    head = element("thead", element("tr", element("th", "what", scope="col"),
                                    element("th", "which", scope="col")))  # fmt: skip
    origin = element("table", caption, head, element("tbody", *rows))
    yield element("section", element("h2", "Provenance"), element("div", origin, class_="table"))
    if report.experiment_text:
        lines = [element("span", line) for line in report.experiment_text.splitlines()]
        shown = element("pre", joined(*lines, between="\n"), tabindex="0")
        yield element("section", element("h2", "Experiment"), shown)
    header, *values = csv.reader(StringIO(as_csv(report.rows)))
    numbers = Section(
        "All numbers",
        "The rows of the report, as of --format csv.",
        tuple(header),
        tuple(map(tuple, values)),
        n_left=header.index("strategy") + 1,
    )
    yield element(
        "section",
        element(
            "details",
            element("summary", "All numbers"),
            table(numbers, {}, "report"),
        ),
        class_="on-screen",  # no paper is wide enough
    )


def _options(report: Report) -> Iterator[tuple[str, str]]:
    yield "score of the targets", report.metric
    yield "baseline", report.baseline
    yield "rounds in a row at the target", str(report.sustain)
    yield "adjustment of p values", report.adjustment.words
    yield "the same within", f"{report.options.rope:g}"
