"""Simultaneous bands against a slow second implementation, and how often they hold the truth."""

from itertools import product
from math import ceil, sqrt

import numpy as np
import pytest

from alrun import stats


def naive_half_width(curves):
    """Return the half-widths flip by flip, as the definition has them."""
    n = len(curves)
    deviations = curves - curves.mean(axis=0)
    largest = []
    for signs in product([-1, 1], repeat=n):
        flipped = np.array(signs)[:, None] * deviations
        error = flipped.std(axis=0, ddof=1) / sqrt(n)
        largest.append(max(abs(flipped.mean(axis=0)) / error))
    critical = sorted(largest)[ceil(0.95 * (len(largest) - 1))]
    return critical * curves.std(axis=0, ddof=1) / sqrt(n)


@pytest.mark.parametrize("n", [5, 7, 8])
def test_the_band_agrees_with_a_slow_one(n):
    curves = np.random.default_rng(n).normal(size=(n, 6)).cumsum(axis=1)
    found = stats.band_half_width(curves)
    np.testing.assert_allclose(found, naive_half_width(curves), rtol=1e-9)


def test_there_is_no_band_below_five_seeds():
    curves = np.random.default_rng(0).normal(size=(4, 3))
    assert np.isnan(stats.band_half_width(curves)).all()


def test_a_point_where_all_seeds_agree_has_no_width_and_no_say():
    curves = np.random.default_rng(0).normal(size=(9, 4))
    agreed = np.insert(curves, 0, 0.1, axis=1)
    found = stats.band_half_width(agreed)
    assert found[0] == 0
    np.testing.assert_array_equal(found[1:], stats.band_half_width(curves))
    assert stats.band_half_width(np.full((9, 3), 0.7)).tolist() == [0, 0, 0]


@pytest.mark.parametrize("n", [6, 30])
def test_the_order_of_the_seeds_changes_nothing(n):
    curves = np.random.default_rng(1).normal(size=(n, 5))
    found = stats.band_half_width(curves[::-1])
    np.testing.assert_allclose(found, stats.band_half_width(curves), rtol=1e-12)


def test_the_band_is_wider_than_the_interval_of_each_point():
    curves = np.random.default_rng(2).normal(size=(30, 20))
    half_widths = stats.band_half_width(curves)
    for point, half_width in enumerate(half_widths):
        assert half_width > curves[:, point].mean() - stats.mean_interval(curves[:, point]).low


@pytest.mark.parametrize(("n", "lowest"), [(5, 0.90), (10, 0.92), (30, 0.92)])
def test_the_band_holds_the_whole_true_curve_as_often_as_it_says(n, lowest):
    """Of 600 bands 95 % are due, give or take .009."""
    rng = np.random.default_rng(4)
    held = 0
    for _ in range(600):
        noise = rng.normal(size=(n, 1)) + rng.normal(size=(n, 12))
        held += bool((np.abs(noise.mean(axis=0)) <= stats.band_half_width(noise)).all())
    assert lowest <= held / 600 <= 0.985
