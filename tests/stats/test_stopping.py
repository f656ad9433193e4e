"""The judgement of stopping rules against second computations."""

from itertools import permutations

import numpy as np
import pytest

from alrun import stats


def naive_p(scores):
    deals = list(permutations(range(len(scores))))
    own = sum(scores[i][i] for i in range(len(scores)))
    high = sum(
        sum(scores[i][place] for i, place in enumerate(deal)) >= own - 1e-9 for deal in deals
    )
    return high / len(deals)


@pytest.mark.parametrize("n", [2, 3, 5, 7])
def test_few_seeds_are_tested_exactly(n):
    rng = np.random.default_rng(n)
    for _ in range(3):
        scores = np.round(rng.random((n, n)), 1)
        assert stats.adaptation(scores) == pytest.approx(naive_p(scores))


def test_many_seeds_come_close_to_all_permutations():
    scores = np.random.default_rng(1).random((8, 8))
    assert stats.adaptation(scores) == pytest.approx(naive_p(scores), abs=0.006)


def test_the_order_of_the_seeds_changes_nothing():
    rng = np.random.default_rng(2)
    scores = rng.random((12, 12))
    order = rng.permutation(12)
    assert stats.adaptation(scores) == stats.adaptation(scores[np.ix_(order, order)])


def test_a_rule_that_stops_all_at_the_same_place_adapts_to_nothing():
    scores = np.repeat(np.random.default_rng(3).random((20, 1)), 20, axis=1)
    assert stats.adaptation(scores) == 1.0


def test_more_seeds_than_are_kept_are_drawn_in_blocks():
    n = 70
    assert stats.adaptation(np.eye(n)) == pytest.approx(1e-5)


def test_without_two_seeds_there_is_no_test():
    assert np.isnan(stats.adaptation(np.ones((1, 1))))
    assert np.isnan(stats.adaptation(np.array([[1.0, np.nan], [1.0, 1.0]])))


def test_the_interval_takes_out_the_spread_of_the_stops():
    """On one straight line for all, each difference is the slope times the distance, no more."""
    stops = np.array([50.0, 80, 90, 140, 200])
    differences = 0.002 * (stops - stops.mean())
    interval = stats.against_budget(differences, 0.002, stops)
    assert (interval.low, interval.high) == pytest.approx((0, 0), abs=1e-12)
    wide = stats.against_budget(differences, 0.0, stops)
    assert wide.high - wide.low > 0.1
