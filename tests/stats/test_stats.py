"""The statistics against hand-computed cases, scipy and slow second implementations."""

from itertools import product
from math import comb, inf, isnan, nan

import numpy as np
import pytest
import scipy.stats
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from alrun import stats

MANY = settings(max_examples=50)
TAU = 200
CENSORED_RANDOM = np.minimum([120, inf, 150, inf, 180], TAU)
CENSORED_STRATEGY = np.minimum([90, 110, inf, inf, 120], TAU)
RANDOM, STRATEGY = np.array([100, 120, 140, 110, 130]), np.array([80, 90, 100, 100, 80])

whole_numbers = st.integers(-60, 60)
label_counts = st.integers(10, 300)


def bounds(interval):
    return interval.low, interval.high


def naive_sign_flip(differences):
    """Return the share of all sign patterns whose sum is as far from zero, one after the other."""
    observed = abs(sum(differences))
    sums = [
        sum(sign * abs(d) for sign, d in zip(signs, differences, strict=True))
        for signs in product([-1, 1], repeat=len(differences))
    ]
    return sum(abs(total) >= observed for total in sums) / len(sums)


def naive_holm(p_values):
    """Return for each test the smallest level at which Holm's procedure rejects it."""
    tests = sorted((p, place) for place, p in enumerate(p_values) if not isnan(p))
    adjusted = [nan] * len(p_values)
    for rank, (_, place) in enumerate(tests):
        steps = [(len(tests) - step) * p for step, (p, _) in enumerate(tests[: rank + 1])]
        adjusted[place] = min(1.0, max(steps))
    return adjusted


# The sign-flip test


@pytest.mark.parametrize(
    ("differences", "p"),
    [
        ([10, 20, 30, 20, 40], 2 / 32),
        ([10, 20, -10, 30, 20, 40], 6 / 64),
        ([0, 0, 10, 20, 30, 10, 20, 10], 2 / 64),
        ([0] * 5, 1),
        ([20], 1),
        ([10] * 8 + [-40, -40], 1),
        ([30, 90, -50, 0, 60], 6 / 16),
        ([20, 30, 40, 10, 50], 0.0625),
    ],
)
@pytest.mark.parametrize("dtype", [np.int64, np.int32, np.float64])
def test_sign_flip_gives_the_p_values_computed_by_hand(differences, p, dtype):
    assert stats.sign_flip(np.array(differences, dtype)) == pytest.approx(p, abs=1e-15)


@pytest.mark.parametrize("dtype", [np.int64, np.float64])
def test_sign_flip_of_nothing_is_nan_and_of_zeros_is_one(dtype):
    assert isnan(stats.sign_flip(np.array([], dtype)))
    assert stats.sign_flip(np.zeros(1, dtype)) == 1
    assert stats.sign_flip(np.zeros(30, dtype)) == 1


@pytest.mark.parametrize("n", [3, 30])
def test_sign_flip_of_a_nan_is_nan_and_no_p_value(n):
    assert isnan(stats.sign_flip(np.append(np.arange(1.0, n), nan)))


@MANY
@given(st.lists(whole_numbers, min_size=1, max_size=10))
def test_sign_flip_agrees_with_the_enumeration_of_all_patterns(differences):
    expected = naive_sign_flip(differences)
    assert stats.sign_flip(np.array(differences)) == pytest.approx(expected, abs=1e-12)


@MANY
@given(st.lists(whole_numbers, min_size=1, max_size=10), st.sampled_from([0.1, 1 / 3, 7e-4, 1e6]))
def test_sign_flip_of_floats_counts_ties_that_rounding_hides(differences, unit):
    expected = naive_sign_flip(differences)
    assert stats.sign_flip(np.array(differences) * unit) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("seed", range(6))
def test_sign_flip_agrees_with_the_permutation_test_of_scipy(seed):
    differences = np.random.default_rng(seed).normal(0.4, 1, size=5 + seed)
    second = scipy.stats.permutation_test(
        (differences,),
        lambda values, axis: np.mean(values, axis=axis),
        permutation_type="samples",
        n_resamples=np.inf,
        vectorized=True,
    )
    assert stats.sign_flip(differences) == pytest.approx(second.pvalue, abs=1e-12)


@pytest.mark.parametrize(("wins", "n"), [(60, 100), (55, 100), (130, 301), (18, 20), (5, 5)])
def test_sign_flip_of_equal_amounts_is_the_binomial_test(wins, n):
    differences = np.array([10] * wins + [-10] * (n - wins))
    expected = scipy.stats.binomtest(wins, n).pvalue
    assert stats.sign_flip(differences) == pytest.approx(expected, rel=1e-9)


@MANY
@given(st.lists(whole_numbers, min_size=1, max_size=40), st.randoms(use_true_random=False))
def test_sign_flip_asks_neither_for_order_nor_for_sign_unit_or_ties(differences, random):
    p = stats.sign_flip(np.array(differences))
    mixed = random.sample(differences, len(differences))
    assert stats.sign_flip(np.array(mixed)) == p
    assert stats.sign_flip(-np.array(differences)) == p
    assert stats.sign_flip(7 * np.array(differences)) == p
    assert stats.sign_flip(np.array([0, *differences, 0])) == p


def test_sign_flip_of_whole_numbers_is_exact_for_many_seeds():
    assert stats.sign_flip(np.full(50, 10)) == 2.0**-49
    steps = np.arange(1, 41)  # a sum of 820 - 2 needs the 1 alone to be flipped
    assert stats.sign_flip(np.where(steps == 1, -1, steps)) == 4 * 2.0**-40


@pytest.mark.parametrize("n", [5, 15])
def test_sign_flip_of_whole_numbers_too_large_to_convolve_is_still_exact(n):
    differences = np.random.default_rng(n).integers(-(10**9), 10**9, size=n) + 3 * 10**8
    expected = naive_sign_flip(differences.tolist())
    assert stats.sign_flip(differences) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("seed", range(5))
def test_sign_flip_of_many_floats_is_near_the_exact_result(seed):
    whole = np.random.default_rng(seed).integers(-50, 70, size=21 + 4 * seed)
    exact = stats.sign_flip(whole)
    error = (exact * (1 - exact) / 99_999) ** 0.5
    assert stats.sign_flip(whole * 0.1) == pytest.approx(exact, abs=4 * error + 2e-5)


def test_sign_flip_of_many_floats_is_fixed_whatever_the_order_of_the_seeds():
    rng = np.random.default_rng(3)
    differences = rng.normal(0.3, 1, size=30)
    p = stats.sign_flip(differences)
    for n in range(40, 130, 9):  # what is drawn in between changes nothing
        stats.sign_flip(rng.normal(size=n))
    for _ in range(5):
        assert stats.sign_flip(rng.permutation(differences)) == p


def test_sign_flip_of_many_floats_counts_the_data_as_one_of_the_draws():
    assert stats.sign_flip(np.full(40, 0.5)) == 1 / 100_000
    assert stats.sign_flip(np.tile([0.5, -0.5], 20)) == 1
    draws = stats.sign_flip(np.random.default_rng(0).normal(0.2, 1, size=40)) * 100_000
    assert draws == pytest.approx(round(draws), abs=1e-6)


def test_twenty_floats_are_enumerated():
    differences = np.full(20, 0.1)
    assert stats.sign_flip(differences) == 2.0**-19
    assert stats.sign_flip(np.append(differences, np.zeros(9))) == 2.0**-19


@pytest.mark.parametrize("n", [1, 2, 5, 10, 30])
def test_the_smallest_p_is_that_of_seeds_that_all_agree(n):
    assert stats.smallest_p(n) == stats.sign_flip(np.full(n, 10)) == 2.0 ** (1 - n)


# The saving and its interval


def test_saving_of_censored_runs_as_computed_by_hand():
    assert CENSORED_RANDOM.mean() == 170
    assert CENSORED_STRATEGY.mean() == 144
    assert stats.saving(CENSORED_RANDOM, CENSORED_STRATEGY) == pytest.approx(0.15294, abs=5e-6)


def test_interval_of_the_saving_of_censored_runs_as_computed_by_hand():
    interval = stats.saving_interval(CENSORED_RANDOM, CENSORED_STRATEGY)
    # Where scipy's paired t-test of s - theta r crosses .05, to the digits shown.
    assert bounds(interval) == pytest.approx((-0.273056, 0.520065), abs=5e-7)


def test_saving_of_reached_runs_as_computed_by_hand():
    assert stats.saving(RANDOM, STRATEGY) == pytest.approx(0.25, abs=1e-12)
    interval = stats.saving_interval(RANDOM, STRATEGY)
    assert bounds(interval) == pytest.approx((0.099046, 0.370701), abs=5e-7)
    assert scipy.stats.ttest_rel(RANDOM, STRATEGY).pvalue == pytest.approx(0.013236, abs=5e-7)


def test_saving_without_bounds():
    interval = stats.saving_interval(np.array([20, 20, 500]), np.array([20, 200, 20]))
    assert bounds(interval) == (-inf, inf)


def paired_t(baseline, strategy, saving):
    """Return the p value of the paired t-test of one saving."""
    return scipy.stats.ttest_1samp(strategy - (1 - saving) * baseline, 0).pvalue


@pytest.mark.filterwarnings("ignore:Precision loss:RuntimeWarning")
@MANY
@given(st.lists(st.tuples(label_counts, label_counts), min_size=3, max_size=12))
def test_the_interval_holds_the_savings_that_the_paired_t_test_does_not_reject(pairs):
    baseline, strategy = np.array(pairs, dtype=float).T
    low, high = bounds(stats.saving_interval(baseline, strategy))
    if scipy.stats.ttest_1samp(baseline, 0).pvalue > 0.05:
        assert (low, high) == (-inf, inf)
        return
    width = high - low
    assume(width > 1e-3)
    assert paired_t(baseline, strategy, low) == pytest.approx(0.05, rel=1e-5)
    assert paired_t(baseline, strategy, high) == pytest.approx(0.05, rel=1e-5)
    assert paired_t(baseline, strategy, (low + high) / 2) > 0.05
    assert paired_t(baseline, strategy, low - 0.01 * width) < 0.05
    assert low <= stats.saving(baseline, strategy) <= high


@MANY
@given(
    st.lists(st.tuples(label_counts, label_counts), min_size=2, max_size=12),
    st.randoms(use_true_random=False),
)
def test_saving_and_interval_ask_neither_for_order_nor_for_unit(pairs, random):
    baseline, strategy = np.array(pairs).T
    other, another = 10 * np.array(random.sample(pairs, len(pairs))).T
    saving = stats.saving(baseline, strategy)
    assert stats.saving(other, another) == pytest.approx(saving, abs=1e-9)
    expected = bounds(stats.saving_interval(baseline, strategy))
    if expected[0] == -inf or expected[1] - expected[0] > 100:
        return  # next to the pole rounding decides
    found = bounds(stats.saving_interval(other, another))
    assert found == pytest.approx(expected, rel=1e-6, abs=1e-6)


@pytest.mark.parametrize("n", [2, 3, 10, 50])
def test_the_interval_of_seeds_that_do_not_vary_has_no_width(n):
    interval = stats.saving_interval(np.full(n, 100), np.full(n, 80))
    assert bounds(interval) == pytest.approx((0.2, 0.2), abs=1e-9)
    baseline = np.arange(100, 100 + n)
    assert bounds(stats.saving_interval(baseline, baseline)) == pytest.approx((0, 0), abs=1e-4)


# Means, medians and shares


@pytest.mark.parametrize("n", [2, 5, 30])
def test_mean_interval_agrees_with_scipy(n):
    values = np.random.default_rng(n).normal(100, 20, size=n)
    expected = scipy.stats.ttest_1samp(values, 0).confidence_interval(0.95)
    assert bounds(stats.mean_interval(values)) == pytest.approx(tuple(expected), rel=1e-12)


def test_one_value_has_no_interval():
    one = np.array([100.0])
    for interval in (
        stats.mean_interval(one),
        stats.mean_interval(one[:0]),
        stats.median_interval(one),
        stats.median_interval(one[:0]),
        stats.saving_interval(one, one),
        stats.share_interval(0, 0),
    ):
        assert isnan(interval.low)
        assert isnan(interval.high)


@pytest.mark.parametrize(("n", "ranks"), [(6, (1, 6)), (10, (2, 9)), (20, (6, 15)), (30, (10, 21))])
def test_ranks_of_the_interval_of_the_median(n, ranks):
    values = np.random.default_rng(n).permutation(np.arange(1, n + 1))
    assert bounds(stats.median_interval(values)) == ranks


@pytest.mark.parametrize("n", [*range(6, 41), 50, 99, 100, 200])
def test_the_interval_of_the_median_is_the_innermost_that_covers_it(n):
    low, high = bounds(stats.median_interval(np.arange(1, n + 1)))
    assert low + high == n + 1

    def coverage(rank):
        return sum(comb(n, below) for below in range(int(rank), n - int(rank) + 1)) / 2**n

    assert coverage(low) >= 0.95 > coverage(low + 1)


@pytest.mark.parametrize("n", range(1, 6))
def test_the_median_of_fewer_than_six_has_no_interval(n):
    assert np.isnan(bounds(stats.median_interval(np.arange(n)))).all()


def test_the_interval_of_the_median_may_end_at_infinity():
    assert bounds(stats.median_interval(np.array([30, inf, 20, 50, inf, 40]))) == (20, inf)


@pytest.mark.parametrize(("k", "n", "interval"), [(7, 10, (0.3968, 0.8922)), (0, 10, (0, 0.2775))])
def test_share_interval_as_computed_by_hand(k, n, interval):
    assert bounds(stats.share_interval(k, n)) == pytest.approx(interval, abs=5e-5)


@MANY
@given(st.integers(1, 200).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_share_interval_agrees_with_scipy_and_with_the_formula_of_wilson(counts):
    k, n = counts
    found = bounds(stats.share_interval(k, n))
    second = scipy.stats.binomtest(k, n).proportion_ci(0.95, method="wilson")
    assert found == pytest.approx((second.low, second.high), abs=1e-12)
    z, share = scipy.stats.norm.ppf(0.975), k / n
    half = z * (share * (1 - share) / n + z**2 / (4 * n**2)) ** 0.5
    middle = share + z**2 / (2 * n)
    formula = ((middle - half) / (1 + z**2 / n), (middle + half) / (1 + z**2 / n))
    assert found == pytest.approx(formula, abs=1e-9)


# Many tests


@pytest.mark.parametrize(
    ("raw", "adjusted"),
    [
        ([0.01, 0.04, 0.03, 0.005], [0.03, 0.06, 0.06, 0.02]),
        ([0.01, nan, 0.03], [0.02, nan, 0.03]),
        ([nan, nan], [nan, nan]),
        ([], []),
        ([0.6, 0.7, 1], [1, 1, 1]),
    ],
)
def test_holm_as_computed_by_hand(raw, adjusted):
    found = stats.holm(np.array(raw, dtype=float))
    np.testing.assert_allclose(found, adjusted, rtol=1e-12)


p_values = st.lists(
    st.one_of(st.floats(0, 1), st.just(nan), st.sampled_from([0.01, 0.03])), max_size=12
)


@MANY
@given(p_values)
def test_holm_agrees_with_a_slow_holm(raw):
    found = stats.holm(np.array(raw, dtype=float))
    np.testing.assert_allclose(found, naive_holm(raw), rtol=1e-12)


@MANY
@given(p_values, st.sampled_from([0.01, 0.05, 0.2]))
def test_holm_rejects_what_the_step_down_procedure_rejects(raw, level):
    adjusted = stats.holm(np.array(raw, dtype=float))
    assert not (adjusted < np.array(raw)).any()
    known = sorted(p for p in raw if not isnan(p))
    rejected = 0
    while rejected < len(known) and known[rejected] * (len(known) - rejected) <= level:
        rejected += 1
    assert (adjusted <= level).sum() == rejected
