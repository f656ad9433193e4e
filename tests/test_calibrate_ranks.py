"""The script that checks the tests over data sets: what it measures, and that it fails."""

import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent.parent / "experiments"))

import calibrate_ranks
from calibrate import TWO_BY_TWO, Rate
from calibrate_ranks import BOUNDS, EXCEPTIONS, N_DATASETS

from alrun.util.random_streams import generator


def test_every_bound_is_measured_and_the_same_each_time():
    (one,) = calibrate_ranks.simulate(6, [0])
    assert {name for name, _, _ in one} == set(BOUNDS)
    assert {name for name, _ in EXCEPTIONS} <= set(BOUNDS)
    assert calibrate_ranks.simulate(6, [0]) == [one]


def test_faster_strategies_have_lower_ranks():
    found = calibrate_ranks.rank(generator(0, "test"), TWO_BY_TWO, 12)
    ranks = dict(zip(found.table["strategy"], found.table["mean_rank"], strict=True))
    assert max(ranks["a"], ranks["b"]) < min(ranks["c"], ranks["d"])
    assert found.n_datasets == 12


@pytest.mark.parametrize(
    ("name", "n_datasets", "share", "holds"),
    [
        ("sign-flip, half differ", 6, 0.0, True),
        ("sign-flip, half differ", 12, 0.09, False),
        ("power, sign-flip", 36, 0.5, False),
        ("power, sign-flip", 6, 0.0, True),
    ],
)
def test_a_rate_outside_its_bound_is_named(name, n_datasets, share, holds):
    rates = {
        (known, n): Rate(max(EXCEPTIONS.get((known, n), BOUNDS[known])[0], 0.03), 0.005)
        for known in BOUNDS
        for n in N_DATASETS
    }
    sentences = calibrate_ranks.broken(rates | {(name, n_datasets): Rate(share, 0.005)})
    assert len(sentences) == (not holds)
    assert all(text.startswith(f"{name} at {n_datasets} data sets") for text in sentences)
    assert max(map(len, calibrate_ranks.table_of(rates))) <= 100
