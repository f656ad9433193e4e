"""Many tests at once: step-down maxT against a slow one, and what a family can find."""

from itertools import product
from math import isnan, sqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alrun import stats
from alrun.report.options import Adjustment
from alrun.stats import families as families_module

FEW = settings(max_examples=40)
BY_HAND = np.array([[10, 20], [20, 10], [10, -10], [30, 20]])

families = st.integers(1, 4).flatmap(
    lambda n_tests: st.lists(
        st.lists(st.integers(-30, 30), min_size=n_tests, max_size=n_tests), min_size=1, max_size=7
    )
)


def naive_max_t(rows):
    """Return the adjusted p values by the definition, one sign pattern after the other."""
    columns = list(zip(*rows, strict=True))
    lengths = [sqrt(sum(d * d for d in column)) for column in columns]

    def distances(signs):
        return [
            abs(sum(sign * d for sign, d in zip(signs, column, strict=True))) / length
            if length
            else 0.0
            for column, length in zip(columns, lengths, strict=True)
        ]

    observed = distances([1] * len(rows))
    patterns = [distances(signs) for signs in product([-1, 1], repeat=len(rows))]
    order = sorted(range(len(columns)), key=lambda test: -observed[test])
    adjusted, largest = {}, 0.0
    for place, test in enumerate(order):
        left = order[place:]
        exceeding = [
            max(pattern[other] for other in left) >= observed[test] - 1e-9 for pattern in patterns
        ]
        largest = max(largest, sum(exceeding) / len(patterns))
        adjusted[test] = largest
    return [adjusted[test] for test in range(len(columns))]


def test_max_t_as_computed_by_hand():
    assert stats.max_t(BY_HAND).tolist() == [0.25, 0.375]
    raw = [stats.max_t(BY_HAND[:, [test]])[0] for test in (0, 1)]
    assert raw == [0.125, 0.375]
    assert raw == [stats.sign_flip(BY_HAND[:, test]) for test in (0, 1)]


@FEW
@given(families)
def test_max_t_agrees_with_a_slow_one(rows):
    found = stats.max_t(np.array(rows))
    np.testing.assert_allclose(found, naive_max_t(rows), rtol=1e-12)


@pytest.mark.parametrize("share", [0.2, 0.8, 3.0])
def test_max_t_agrees_with_a_slow_one_whichever_tests_are_taken_to_show_nothing(share, monkeypatch):
    monkeypatch.setattr(families_module, "_SHARE", share)
    rng = np.random.default_rng(0)
    for n_tests in (4, 60):
        rows = rng.normal(size=(7, n_tests)).round(2) + rng.choice([0, 0, 0, 2], size=n_tests)
        np.testing.assert_allclose(stats.max_t(rows), naive_max_t(rows.tolist()), rtol=1e-12)


@FEW
@given(families, st.randoms(use_true_random=False))
def test_neither_the_order_of_the_seeds_nor_of_the_tests_changes_max_t(rows, random):
    rows = np.array(rows * 3)  # so many seeds that the patterns are drawn
    seeds, tests = list(range(len(rows))), list(range(rows.shape[1]))
    random.shuffle(seeds)
    random.shuffle(tests)
    expected = stats.max_t(rows)[tests]
    np.testing.assert_array_equal(stats.max_t(rows[seeds][:, tests]), expected)


def test_drawn_patterns_agree_with_the_exact_test_of_one_comparison():
    differences = np.random.default_rng(3).integers(-10, 16, size=(40, 1))
    exact = stats.sign_flip(differences[:, 0])
    (drawn,) = stats.max_t(differences)
    assert 0.001 < exact < 0.2
    assert drawn == pytest.approx(exact, abs=4 * sqrt(exact * (1 - exact) / 99_999))


def test_a_test_whose_differences_are_all_zero_has_p_one():
    rows = np.column_stack([np.zeros(8), np.full(8, 3)])
    assert stats.max_t(rows).tolist() == [1, 2 / 2**8]


def test_max_t_finds_what_holm_does_not_where_the_tests_go_together():
    one = np.random.default_rng(0).normal(0.8, 1, size=12)
    rows = np.column_stack([one + np.random.default_rng(k).normal(0, 0.05, 12) for k in range(6)])
    raw = np.array([stats.sign_flip(column) for column in rows.T])
    assert (stats.max_t(rows) < stats.holm(raw)).all()
    assert (stats.max_t(rows) >= raw).all()


def test_no_seed_or_no_test_has_no_p():
    assert isnan(stats.max_t(np.empty((0, 1)))[0])
    assert stats.max_t(np.empty((3, 0))).shape == (0,)


@pytest.mark.parametrize(
    ("n", "family", "adjustment", "smallest"),
    [
        (5, 1, "holm", 0.0625),
        (6, 4, "holm", 0.125),
        (3, 100, "holm", 1.0),
        (6, 4, "maxT", 0.03125),
        (50, 36, "maxT", 1e-5),
    ],
)
def test_the_smallest_adjusted_p_of_a_family(n, family, adjustment, smallest):
    found = stats.smallest_adjusted_p(np.full(family, n), adjustment)
    assert found.tolist() == [smallest] * family
    if n <= 16:  # all differences as large as can be, in all tests but for their size
        differences = np.outer(np.ones(n), np.arange(1, family + 1))
        raw = np.array([stats.sign_flip(column) for column in differences.T])
        found = stats.holm(raw) if adjustment == "holm" else stats.max_t(differences)
        assert found.min() == pytest.approx(smallest)


@pytest.mark.parametrize("adjustment", list(Adjustment))
@pytest.mark.parametrize("family", [1, 2, 3, 36, 1000])
def test_the_fewest_seeds_are_those_at_which_a_family_can_be_significant(family, adjustment):
    n = stats.fewest_seeds(family, adjustment)
    assert (stats.smallest_adjusted_p(np.full(family, n), adjustment) <= stats.ALPHA).all()
    assert (stats.smallest_adjusted_p(np.full(family, n - 1), adjustment) > stats.ALPHA).all()


def test_a_test_of_fewer_seeds_can_be_significant_after_the_others():
    """Holm multiplies the largest p by one: of 6 and 7 seeds both can be below .05."""
    found = stats.smallest_adjusted_p(np.array([6, 7]), "holm")
    assert found.tolist() == [0.03125, 0.03125]
