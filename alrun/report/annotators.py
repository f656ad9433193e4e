"""How far the annotators of an oracle agree, from what they answered in the runs of a grid."""

from collections import Counter
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd

from alrun.arrays import IntArray
from alrun.report.phrasing import score_text
from alrun.results.load import load_queries
from alrun.spec_parts import BETWEEN_NAMES
from alrun.stats.agreement import (
    NO_ANSWER,
    class_counts,
    cohen_kappa,
    confusion_with_majority,
    fleiss_kappa,
    krippendorff_alpha,
)

COLUMNS = [
    "dataset",
    "oracle",
    "n_annotators",
    "n_examples",
    "abstained",
    "cohen",
    "fleiss",
    "krippendorff",
]
CONFUSION_COLUMNS = ["dataset", "oracle", "annotator", "majority", "given", "n"]


def load_votes(results: Path) -> pd.DataFrame:
    """Return the queries of a results directory that several answers were bought for.

    None for runs without an oracle, or with one answer to each example. Raises ResultsError where
    there are no queries.
    """
    queries = load_queries(results)
    votes = queries[queries["votes"].notna()]
    # Where labels are asked for again, the first answer stands alone.
    return votes[votes["votes"].map(len) > 1]


def agreement(votes: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return how far annotators agree, and how each one's answers differ from the majority.

    All strategies of a seed meet the same answers, so each example counts once in a seed: by the
    first time that it was asked for. The first table has a row per data set and oracle, with
    COLUMNS: the number of examples over all seeds, the share of answers that name no class, the
    mean of Cohen's kappa over pairs of annotators, Fleiss' kappa, which needs equally many answers
    to each example, and Krippendorff's alpha. NaN where one is undefined. The second, with
    CONFUSION_COLUMNS, has how often an annotator gave a class, by what most others gave.
    """
    keys = ["dataset", "oracle"]
    # The order of the rows is that of the rounds of each run.
    once = votes.drop_duplicates([*keys, "seed", "index"])
    found, confusions = [], []
    for key, group in once.groupby(keys, observed=True, sort=False):
        names, classes, answers = _answers(group)
        where = dict(zip(keys, map(str, key), strict=True))
        abstained = np.mean([answer is None for said in group["votes"] for answer in said])
        found.append(where | {"abstained": abstained} | _numbers(answers, len(classes)))
        confused = confusion_with_majority(answers, len(classes))
        for place in np.argwhere(confused).tolist():
            annotator, majority, given = place
            cell = {"majority": classes[majority], "given": classes[given]}
            counted = {"annotator": names[annotator], **cell, "n": int(confused[tuple(place)])}
            confusions.append(where | counted)
    return (
        pd.DataFrame(found, columns=COLUMNS),
        pd.DataFrame(confusions, columns=CONFUSION_COLUMNS),
    )


def _answers(group: pd.DataFrame) -> tuple[list[str], list[str], IntArray]:
    """Return annotators, classes, and the code of each answer, shape (n_examples, n_annotators).

    Who votes on an example more than once stands there as often as several annotators.
    """
    said: list[dict[str, str | None]] = []
    for names, votes in zip(group["annotator"], group["votes"], strict=True):
        who = names.split(BETWEEN_NAMES) if isinstance(names, str) else []
        if len(who) != len(votes):
            who = [f"answer {place + 1}" for place in range(len(votes))]
        times: Counter[str] = Counter()
        own: dict[str, str | None] = {}
        for name, answer in zip(who, votes, strict=True):
            times[name] += 1
            own[name if times[name] == 1 else f"{name}, time {times[name]}"] = answer
        said.append(own)
    names = sorted({name for own in said for name in own})
    classes = sorted({answer for own in said for answer in own.values() if answer is not None})
    codes = {answer: code for code, answer in enumerate(classes)}
    answers = np.full((len(said), len(names)), NO_ANSWER, dtype=np.int64)
    for row, own in enumerate(said):
        for name, answer in own.items():
            if answer is not None:
                answers[row, names.index(name)] = codes[answer]
    return names, classes, answers


def _numbers(answers: IntArray, n_classes: int) -> dict[str, float]:
    counts = class_counts(answers, n_classes)
    kappas = []
    for one, other in combinations(answers.T, 2):
        both = (one != NO_ANSWER) & (other != NO_ANSWER)
        if both.any():
            kappas.append(cohen_kappa(one[both], other[both], n_classes))
    return {
        "n_annotators": answers.shape[1],
        "n_examples": len(answers),
        "cohen": float(np.mean(kappas)) if kappas else np.nan,
        "fleiss": np.nan if np.ptp(counts.sum(axis=1)) else fleiss_kappa(counts),
        "krippendorff": krippendorff_alpha(counts),
    }


def agreement_notes(votes: pd.DataFrame) -> Iterator[str]:
    """Yield a sentence on each oracle whose annotators vote."""
    for row in agreement(votes)[0].itertuples() if len(votes) else ():
        where = ", ".join(filter(None, [row.dataset, row.oracle]))
        yield (
            f"{row.n_annotators} annotators vote ({where}): Krippendorff's alpha"
            f" {score_text(row.krippendorff) or 'undefined'} over {row.n_examples} examples; `alrun"
            " queries` has more."
        )
