"""A check of the judgement of stopping rules on simulated curves with a known truth.

A rule that stops at random has nothing to adapt to: how often is it said to adapt, and how often
does the interval of its difference from a fixed budget cover the truth? A rule that knows the pace
of each run adapts: how often is it found out? The exit code is 1 if a rate is outside its bound.
Fixed random streams give the same table every time.
"""

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np
import pandas as pd
from calibrate import AT_ONCE, ERRORS, SEEDS, Array, Rate, joined
from joblib import Parallel, delayed

from alrun import stats
from alrun.metrics import find
from alrun.report.stopping.rows import judge
from alrun.report.stopping.stops import Stops
from alrun.results.curves import Curves
from alrun.util.random_streams import generator

REPETITIONS = 2_000
TRUTH_SEEDS = 100_000
N_LABELS = np.arange(20, 221, 2)
N_TEST = 500
# Curves that rise along a line, and curves that bend: the height that is left, by labels.
LAWS = ("linear", "concave")
# The paces of runs vary by this factor, as a spread of their logarithm.
SPREAD = 0.35
# An exact test keeps its level from below, too: it can reject whenever chance would.
LEVEL = (0.04, 0.06)
BOUNDS = {
    "type I, linear": LEVEL,
    "type I, concave": LEVEL,
    # Student's t, on differences that are not normal where curves bend.
    "coverage, linear": (0.92, 0.97),
    "coverage, concave": (0.92, 0.97),
    # A test that never rejects would pass all of the above.
    "power, concave": (0.0, 1.0),
}
EXCEPTIONS = {
    ("power, concave", 20): (0.8, 1.0),
    ("power, concave", 50): (0.95, 1.0),
    # Where curves bend strongly, what a rule loses by chance is skewed: few seeds miss the few that
    # lose much, so that the interval lies too high, nearer to zero. It covers more with more seeds.
    ("coverage, concave", 5): (0.80, 0.97),
    ("coverage, concave", 10): (0.86, 0.97),
    ("coverage, concave", 20): (0.90, 0.97),
}
WIDTHS = (18, *(11 for _ in SEEDS), 14)

Outcome = dict[tuple[str, int], float]


def draw(rng: np.random.Generator, law: str, n_seeds: int) -> tuple[Array, Array]:
    """Draw scores, shape (n_seeds, n_rounds), and the pace of each run."""
    pace = np.exp(rng.normal(0, SPREAD, (n_seeds, 1)))
    height = rng.normal(0, 0.01, (n_seeds, 1))
    labels = (N_LABELS - N_LABELS[0]) / (N_LABELS[-1] - N_LABELS[0])
    if law == "linear":
        score = 0.55 + 0.15 * labels / pace
    else:
        score = 0.93 - 0.35 * np.exp(-labels * 3.5 / pace)
    score = np.clip(score + height + rng.normal(0, 0.006, score.shape), 0, 1)
    return np.rint(N_TEST * score) / N_TEST, pace[:, 0]


def stops_of(score: Array, places: Array) -> Stops:
    """Return a rule that stops runs of these scores at these rounds."""
    n_seeds, n_rounds = score.shape
    curves = Curves(
        runs=pd.DataFrame(index=range(n_seeds)),
        start=np.arange(n_seeds + 1) * n_rounds,
        n_labels=np.tile(N_LABELS, n_seeds),
        score=score.ravel(),
        n_correct=None,
        n_test=None,
        excluded=(),
        metric=find("accuracy"),
    )
    labels = N_LABELS[places].astype(np.float64)
    return Stops(curves, np.arange(n_seeds), labels, np.ones(n_seeds, dtype=bool))


def random_places(rng: np.random.Generator, n_seeds: int) -> Array:
    """Draw the rounds in which a rule stops that looks at nothing."""
    return rng.integers(5, 60, n_seeds)


def true_difference(rng: np.random.Generator, law: str) -> float:
    """Return the mean score of the rule that stops at random less that of its fixed budget."""
    score, _ = draw(rng, law, TRUTH_SEEDS)
    mean = score.mean(axis=0)
    places = np.arange(5, 60)
    return float(mean[places].mean() - np.interp(places.mean(), np.arange(len(mean)), mean))


def simulate(n: int, repetitions: Iterable[int], truth: Mapping[str, float]) -> list[Outcome]:
    """Return the outcomes of some repetitions: 1 where a test rejects or an interval covers."""
    return [one_outcome(n, repetition, truth) for repetition in repetitions]


def one_outcome(n: int, repetition: int, truth: Mapping[str, float]) -> Outcome:
    """Return the outcomes of one experiment with n seeds."""
    found: Outcome = {}
    for law in LAWS:
        rng = generator(repetition, "calibrate", "stopping", law, n)
        score, pace = draw(rng, law, n)
        row = judge(stops_of(score, random_places(rng, n)), False, {})
        found[f"type I, {law}", n] = float(row["budget_p_value"] <= stats.ALPHA)
        low, high = row["budget_difference_low"], row["budget_difference_high"]
        found[f"coverage, {law}", n] = float(low <= truth[law] <= high)
    knowing = np.clip(45 * pace, 5, len(N_LABELS) - 1).astype(np.int64)
    adapting = judge(stops_of(score, knowing), False, {})
    found["power, concave", n] = float(adapting["budget_p_value"] <= stats.ALPHA)
    return found


def measure() -> dict[tuple[str, int], Rate]:
    """Return all rates, the same for any number of workers."""
    truth = {law: true_difference(generator(0, "calibrate", "stopping", law), law) for law in LAWS}
    batches = [range(start, start + AT_ONCE) for start in range(0, REPETITIONS, AT_ONCE)]
    rates: dict[tuple[str, int], Rate] = {}
    for n in SEEDS:
        parts = Parallel(n_jobs=-1)(delayed(simulate)(n, batch, truth) for batch in batches)
        outcomes = [outcome for part in parts for outcome in part]
        for key in outcomes[0]:
            values = np.array([outcome[key] for outcome in outcomes])
            error = float(values.std(ddof=1) / len(values) ** 0.5)
            rates[key] = Rate(float(values.mean()), error)
    return rates


def bound_of(name: str, n: int) -> tuple[float, float]:
    """Return the lowest and the highest allowed rate."""
    return EXCEPTIONS.get((name, n), BOUNDS[name])


def broken(rates: Mapping[tuple[str, int], Rate]) -> list[str]:
    """Return a sentence for each rate outside its bound by more than chance explains."""
    sentences = []
    for (name, n), rate in rates.items():
        (low, high), slack = bound_of(name, n), ERRORS * rate.error
        if not low - slack <= rate.share <= high + slack:
            sentences.append(
                f"{name} at n = {n}: {rate} % is outside {100 * low:.0f}-{100 * high:.0f} %"
            )
    return sentences


def table_of(rates: Mapping[tuple[str, int], Rate]) -> Iterator[str]:
    """Yield the lines of the table: a row per statistic."""
    yield _line(["per cent (error)", *(f"n = {n}" for n in SEEDS), "held to"])
    yield "-|-".join("-" * width for width in WIDTHS)
    for name in BOUNDS:
        lows, highs = zip(*(bound_of(name, n) for n in SEEDS), strict=True)
        held_to = f"{joined(lows)}-{joined(highs)}"
        yield _line([name, *(str(rates[name, n]) for n in SEEDS), held_to])


def _line(cells: Sequence[str]) -> str:
    return " | ".join(map(str.ljust, cells, WIDTHS)).rstrip()


def main() -> None:
    """Measure everything, print the table and judge it."""
    rates = measure()
    print(f"{REPETITIONS:,} repetitions, {len(N_LABELS)} rounds, a test part of {N_TEST}.\n")
    print("\n".join(table_of(rates)))
    wrong = broken(rates)
    print("\n".join(["", *wrong]) if wrong else "\nall within their bounds")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
