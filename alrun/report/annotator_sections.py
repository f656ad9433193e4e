"""How far the annotators of an oracle agree, as tables."""

import pandas as pd

from alrun.report.annotators import agreement
from alrun.report.phrasing import score_text
from alrun.report.sections import Section

# So many confusions of an annotator are named.
_MOST_NAMED = 3


def agreement_sections(votes: pd.DataFrame) -> list[Section]:
    """Return the tables on how far annotators agree; none where no example has several answers."""
    if votes.empty:
        return []
    numbers, confusions = agreement(votes)
    texts = [
        (
            row.dataset,
            row.oracle,
            str(row.n_annotators),
            str(row.n_examples),
            f"{100 * row.abstained:.1f}",
            *(score_text(value) for value in (row.cohen, row.fleiss, row.krippendorff)),
        )
        for row in numbers.itertuples()
    ]
    header = ("data set", "oracle", "annotators", "examples", "% without answer",
              "Cohen", "Fleiss", "Krippendorff")  # fmt: skip
    caption = (
        "Agreement of the annotators: 1 where all agree, 0 where they do as by chance. Cohen's"
        " kappa is a mean over pairs of annotators; Fleiss' kappa needs equally many"
        " answers to each example."
    )
    found = [Section("Annotators", caption, header, tuple(texts), 2)]
    if len(confusions):
        found.append(_confusion_section(confusions))
    return found


def _confusion_section(confusions: pd.DataFrame) -> Section:
    """Return each annotator's share of answers like the majority's, and what it confuses most."""
    keys, texts = ["dataset", "oracle", "annotator"], []
    for key, own in confusions.groupby(keys, sort=False):
        apart = own[own["majority"] != own["given"]]
        worst = apart.sort_values("n", ascending=False, kind="stable").head(_MOST_NAMED)
        named = [f"{row.given} for {row.majority} ({row.n})" for row in worst.itertuples()]
        share = 1 - apart["n"].sum() / own["n"].sum()
        texts.append((*map(str, key), str(own["n"].sum()), f"{100 * share:.1f}", ", ".join(named)))
    caption = "Answers like those of most others, where these have a majority, and the rest."
    header = ("data set", "oracle", "annotator", "answers", "% like most", "most often apart")
    return Section("Annotators beside the majority", caption, header, tuple(texts), 3)
