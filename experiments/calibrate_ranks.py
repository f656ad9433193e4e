"""A check of the tests over data sets on simulated data sets with a known truth.

Four strategies are simulated on several data sets, and ranked by the code of `alrun compare`. A
table is printed: how often Friedman's, Nemenyi's and the sign-flip test tell strategies apart that
do not differ over data sets, and how often those that do. The exit code is 1 if a rate is outside
its bound. Fixed random streams give the same table every time.
"""

import sys
from collections.abc import Iterable, Iterator, Mapping
from itertools import combinations

import numpy as np
import pandas as pd
from calibrate import (
    ALIKE,
    AT_ONCE,
    ERRORS,
    LEVEL,
    N_TEST,
    PAIRS_TARGET,
    REPETITIONS,
    TWO_BY_TWO,
    Outcome,
    Rate,
    cut_labels,
    draw_correct,
    joined,
    rates_of,
)
from joblib import Parallel, delayed

from alrun import stats
from alrun.report.ranks import Ranking, rank_strategies
from alrun.results.schema import LATER_LABELS
from alrun.util.random_streams import generator

N_DATASETS, N_SEEDS = (6, 12, 36), 10
# The spreads of the logarithm of a data set's pace, and of a strategy's own pace on a data set: on
# each data set strategies differ, over data sets they do not.
DIFFICULTY, OWN = 0.3, 0.15
BOUNDS = {
    "Friedman, none differs": LEVEL,
    "Nemenyi, none differs": LEVEL,
    "sign-flip, none differs": LEVEL,
    "Nemenyi, half differ": LEVEL,
    "sign-flip, half differ": LEVEL,
    # The report promises no power, but a test that never rejects would pass all of the above.
    "power, Nemenyi": (0.0, 1.0),
    "power, sign-flip": (0.0, 1.0),
}
EXCEPTIONS = {("power, sign-flip", 36): (0.8, 1.0)}
WIDTHS = (23, *(12 for _ in N_DATASETS), 14)


def rank(rng: np.random.Generator, paces: Mapping[str, float], n_datasets: int) -> Ranking:
    """Return the ranking of strategies of these paces over simulated data sets."""
    rows, pairs = [], []
    for place in range(n_datasets):
        own = np.array([*paces.values()]) * np.exp(rng.normal(0, OWN, len(paces)))
        correct = draw_correct(rng, N_SEEDS, (own * np.exp(rng.normal(0, DIFFICULTY))).tolist())
        means = cut_labels(correct / N_TEST, PAIRS_TARGET)[0].mean(axis=1).tolist()
        key = {"dataset": f"data {place}", "model": "simulated", "batch_size": 10}
        key |= dict.fromkeys(LATER_LABELS, "")
        key["target"] = PAIRS_TARGET
        by_name = dict(zip(paces, means, strict=True))
        rows += [
            key | {"strategy": name, "mean_labels": mean, "informative": True, "reached": N_SEEDS}
            for name, mean in by_name.items()
        ]
        pairs += [
            key
            | {"a": a, "b": b, "mean_a": by_name[a], "mean_b": by_name[b]}
            | {"ratio": by_name[a] / by_name[b]}
            for a, b in combinations(paces, 2)
        ]
    table = pd.DataFrame(pairs)
    (found,) = rank_strategies(pd.DataFrame(rows), table, np.zeros(len(table), dtype=bool))
    return found


def one_outcome(n_datasets: int, repetition: int) -> Outcome:
    """Return the outcomes of one repetition: 1 where a test tells apart, or the share of pairs."""
    rng = generator(repetition, "calibrate", "ranks", n_datasets)
    alike, two = rank(rng, ALIKE, n_datasets), rank(rng, TWO_BY_TWO, n_datasets)
    by_nemenyi, by_signs = two.nemenyi <= stats.ALPHA, told(two)
    is_equal = (two.pairs["a"].map(TWO_BY_TWO) == two.pairs["b"].map(TWO_BY_TWO)).to_numpy()
    found = {
        "Friedman, none differs": alike.friedman <= stats.ALPHA,
        "Nemenyi, none differs": (alike.nemenyi <= stats.ALPHA).any(),
        "sign-flip, none differs": told(alike).any(),
        "Nemenyi, half differ": by_nemenyi[is_equal].any(),
        "sign-flip, half differ": by_signs[is_equal].any(),
        "power, Nemenyi": by_nemenyi[~is_equal].mean(),
        "power, sign-flip": by_signs[~is_equal].mean(),
    }
    return {(name, None, n_datasets): float(value) for name, value in found.items()}


def told(ranking: Ranking) -> np.ndarray:
    """Return a mask of the pairs that the sign-flip test tells apart."""
    return (ranking.pairs["p_adjusted"] <= stats.ALPHA).to_numpy()


def simulate(n_datasets: int, repetitions: Iterable[int]) -> list[Outcome]:
    """Return the outcomes of some repetitions."""
    return [one_outcome(n_datasets, one) for one in repetitions]


def measure() -> dict[tuple[str, int], Rate]:
    """Return all rates by statistic and number of data sets."""
    rates: dict[tuple[str, int], Rate] = {}
    batches = [range(start, start + AT_ONCE) for start in range(0, REPETITIONS, AT_ONCE)]
    for n_datasets in N_DATASETS:
        parts = Parallel(n_jobs=-1)(delayed(simulate)(n_datasets, batch) for batch in batches)
        found = rates_of([outcome for part in parts for outcome in part])
        rates |= {(name, n_datasets): rate for (name, _, _), rate in found.items()}
    return rates


def bound_of(name: str, n_datasets: int) -> tuple[float, float]:
    """Return the lowest and the highest allowed rate."""
    return EXCEPTIONS.get((name, n_datasets), BOUNDS[name])


def broken(rates: Mapping[tuple[str, int], Rate]) -> list[str]:
    """Return a sentence for each rate outside its bound by more than chance explains."""
    sentences = []
    for (name, n_datasets), rate in rates.items():
        (low, high), slack = bound_of(name, n_datasets), ERRORS * rate.error
        if not low - slack <= rate.share <= high + slack:
            sentences.append(
                f"{name} at {n_datasets} data sets: {rate} % is outside"
                f" {100 * low:.0f}-{100 * high:.0f} %"
            )
    return sentences


def table_of(rates: Mapping[tuple[str, int], Rate]) -> Iterator[str]:
    """Yield the lines of the table: a row per statistic."""
    rows = [["per cent (error)", *(f"{n} data sets" for n in N_DATASETS), "held to"]]
    for name in BOUNDS:
        lows, highs = zip(*(bound_of(name, n) for n in N_DATASETS), strict=True)
        held_to = f"{joined(lows)}-{joined(highs)}"
        rows.append([name, *(str(rates[name, n]) for n in N_DATASETS), held_to])
    lines = [" | ".join(map(str.ljust, cells, WIDTHS)).rstrip() for cells in rows]
    yield lines[0]
    yield "-|-".join("-" * width for width in WIDTHS)
    yield from lines[1:]


def main() -> None:
    """Measure everything, print the table and judge it."""
    rates = measure()
    print(f"{REPETITIONS:,} repetitions, {len(ALIKE)} strategies, {N_SEEDS} seeds a data set.\n")
    print("\n".join(table_of(rates)))
    wrong = broken(rates)
    print("\n".join(["", *wrong]) if wrong else "\nall within their bounds")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
