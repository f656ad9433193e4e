"""A check of the Bayesian signed-rank probabilities, which `alrun compare` does not show.

Log ratios of labels over data sets are simulated with a known mean: no difference, or one at the
edge of what counts as the same. A table is printed: how often the probability of a difference
beyond that edge is above 95 %, and how often the sign-flip test, which decides, finds a difference
where there is none. Nothing is held to a bound: the table says why the probabilities are not shown.
Fixed random streams give the same table every time.
"""

from collections.abc import Iterable, Iterator, Mapping
from itertools import combinations
from math import log

import numpy as np
from calibrate import ALIKE, AT_ONCE, REPETITIONS, Outcome, Rate, rates_of
from joblib import Parallel, delayed

from alrun import stats
from alrun.arrays import Array
from alrun.report.options import ReportOptions
from alrun.util.random_streams import generator

N_DATASETS, N_DRAWS = (6, 12, 36), 2_000
# The standard deviation of a log ratio over data sets.
SPREADS = (0.1, 0.2, 0.5)
EDGE = log(1 + ReportOptions.rope)
SURE = 0.95
WIDTHS = (32, 6, *(12 for _ in N_DATASETS))


def signed_rank(values: Array, edge: float, rng: np.random.Generator, n_draws: int) -> Array:
    """Return the probabilities of left, the same and right, shape (3,).

    The law of the values is drawn from a Dirichlet process: a weight for each value, and half a
    value's for a zero. A draw is counted for the region, below -edge, between, or above edge, with
    the largest share of the means of two values (Benavoli, Corani, Demsar and Zaffalon 2017, Time
    for a change, JMLR 18(77), section 4.2.2).
    """
    values = np.concatenate([[0.0], values])
    weights = rng.dirichlet([0.5, *np.ones(len(values) - 1)], n_draws)
    means = (values[:, None] + values) / 2
    left, right = (
        ((weights @ (side + 0.0)) * weights).sum(axis=1) for side in (means < -edge, means > edge)
    )
    largest = np.argmax([left, 1 - left - right, right], axis=0)
    return np.bincount(largest, minlength=3) / n_draws


def one_outcome(n_datasets: int, repetition: int) -> Outcome:
    """Return the outcomes of one repetition: 1 where a difference is claimed."""
    rng = generator(repetition, "calibrate", "signed-rank", n_datasets)
    found = {}
    for spread in SPREADS:
        logs = rng.normal(0, spread / 2**0.5, (len(ALIKE), n_datasets))
        pairs = [logs[a] - logs[b] for a, b in combinations(range(len(logs)), 2)]
        sure = [
            [max(signed_rank(values, edge, rng, N_DRAWS)[[0, 2]]) > SURE for values in pairs]
            for edge in (EDGE, 0.0)
        ]
        at_edge = signed_rank(pairs[0] + EDGE, EDGE, rng, N_DRAWS)
        p_values = np.array([stats.sign_flip(values) for values in pairs])
        found[spread] = {
            "at the edge: right": at_edge[2] > SURE,
            "no difference: left or right": sure[0][0],
            "the same with a rope of zero": sure[1][0],
            "by the sign-flip test": p_values[0] <= stats.ALPHA,
            "6 pairs: left or right in any": any(sure[0]),
            "by the sign-flip test with Holm": (stats.holm(p_values) <= stats.ALPHA).any(),
        }
    return {
        (name, int(100 * spread), n_datasets): float(value)
        for spread, outcomes in found.items()
        for name, value in outcomes.items()
    }


def simulate(n_datasets: int, repetitions: Iterable[int]) -> list[Outcome]:
    """Return the outcomes of some repetitions."""
    return [one_outcome(n_datasets, one) for one in repetitions]


def measure() -> dict[tuple[str, int | None, int], Rate]:
    """Return all rates by statistic, spread in % and number of data sets."""
    rates: dict[tuple[str, int | None, int], Rate] = {}
    batches = [range(start, start + AT_ONCE) for start in range(0, REPETITIONS, AT_ONCE)]
    for n_datasets in N_DATASETS:
        parts = Parallel(n_jobs=-1)(delayed(simulate)(n_datasets, batch) for batch in batches)
        rates |= rates_of([outcome for part in parts for outcome in part])
    return rates


def table_of(rates: Mapping[tuple[str, int | None, int], Rate]) -> Iterator[str]:
    """Yield the lines of the table: a row per statistic and spread."""
    rows = [["per cent (error)", "spread", *(f"{n} data sets" for n in N_DATASETS)]]
    for name in dict.fromkeys(name for name, _, _ in rates):
        for spread in SPREADS:
            numbers = [str(rates[name, int(100 * spread), n]) for n in N_DATASETS]
            rows.append([name, f"{spread:g}", *numbers])
    lines = [" | ".join(map(str.ljust, cells, WIDTHS)).rstrip() for cells in rows]
    yield lines[0]
    yield "-|-".join("-" * width for width in WIDTHS)
    yield from lines[1:]


def main() -> None:
    """Measure everything and print the table."""
    rates = measure()
    print(f"{REPETITIONS:,} repetitions, {N_DRAWS:,} draws, {len(ALIKE)} strategies.\n")
    print("\n".join(table_of(rates)))


if __name__ == "__main__":
    main()
