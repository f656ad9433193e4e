"""The Bayesian signed-rank probabilities of the script that checks them: against a plain loop."""

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.append(str(Path(__file__).parent.parent / "experiments"))

import calibrate_signed_rank
from calibrate import Rate
from calibrate_signed_rank import EDGE, N_DATASETS, SPREADS, signed_rank

from alrun.util.random_streams import generator

SHORT = np.array([0.3, 0.1, -0.05, 0.2, 0.4, 0.02])
LONG = np.array([0.12, -0.2, 0.05, 0.31, 0.08, 0.15, -0.02, 0.22, 0.01, 0.4, -0.1, 0.09])


def in_a_loop(values, edge, rng, n_draws):
    """Return the probabilities by the definition, pair by pair."""
    values, counts = [0.0, *values], [0, 0, 0]
    for _ in range(n_draws):
        weights = rng.dirichlet([0.5] + [1.0] * (len(values) - 1))
        shares = [0.0, 0.0, 0.0]
        for v, x in zip(weights, values, strict=True):
            for w, y in zip(weights, values, strict=True):
                shares[1 + (x + y > 2 * edge) - (x + y < -2 * edge)] += v * w
        counts[shares.index(max(shares))] += 1
    return np.array(counts) / n_draws


def test_the_probabilities_are_those_of_a_plain_loop_on_the_same_draws():
    for values in (SHORT, LONG, -SHORT):
        found = signed_rank(values, EDGE, generator(0, "test"), 200)
        assert found.tolist() == in_a_loop(values, EDGE, generator(0, "test"), 200).tolist()


def test_the_probabilities_are_those_of_another_library():
    """200,000 draws of `baycomp.multiple.SignedRankTest`, baycomp 1.0.3, with rope log 1.1."""
    for values, expected in ((SHORT, [0.0, 0.188, 0.812]), (LONG, [0.0005, 0.522, 0.477])):
        found = signed_rank(values, EDGE, generator(0, "test"), 40_000)
        assert found == pytest.approx(expected, abs=0.01)


def test_the_table_has_every_rate_and_is_the_same_each_time():
    (one,) = calibrate_signed_rank.simulate(6, [0])
    assert calibrate_signed_rank.simulate(6, [0]) == [one]
    names = list(dict.fromkeys(name for name, _, _ in one))
    rates = {(name, spread, n): Rate(0.1, 0.01) for name, spread, _ in one for n in N_DATASETS}
    lines = list(calibrate_signed_rank.table_of(rates))
    assert len(lines) == 2 + len(names) * len(SPREADS)
    assert max(map(len, lines)) <= 100
