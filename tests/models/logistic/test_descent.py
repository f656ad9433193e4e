"""The descent in single precision: where it ends, and when it gives up."""

import numpy as np
import pytest

from alrun.models.logistic.descent import MAX_EVALUATIONS, descend

SCALES = np.linspace(1, 30, 12).reshape(3, 4)
TARGET = np.arange(12.0).reshape(3, 4)


def slope_of_bowl(W):
    return SCALES * (W - TARGET)


def nothing(R):
    return R.copy()


def test_it_ends_where_it_is_near_and_not_before():
    seen = []

    def is_near(gradient, decrement):
        seen.append((np.abs(gradient).max(), decrement))
        return decrement <= 1e-6

    end = descend(slope_of_bowl, np.zeros((3, 4)), nothing, is_near)
    assert end.arrived
    np.testing.assert_allclose(end.W, TARGET, atol=1e-6)
    np.testing.assert_array_equal(end.gradient, slope_of_bowl(end.W))
    assert all(decrement > 1e-6 for _, decrement in seen[:-1])
    assert len(seen) <= end.n_evaluations <= MAX_EVALUATIONS


def test_the_inverse_of_the_hessian_finds_a_quadratic_minimum_in_one_step():
    end = descend(slope_of_bowl, np.zeros((3, 4)), lambda R: R / SCALES, lambda _, d: d <= 1e-9)
    assert (end.arrived, end.n_evaluations) == (True, 2)
    np.testing.assert_allclose(end.W, TARGET, atol=1e-12)


def test_pairs_make_it_faster_than_the_preconditioner_alone(monkeypatch):
    counts = []
    for memory in (8, 1):
        monkeypatch.setattr("alrun.models.logistic.descent.MEMORY", memory)
        end = descend(slope_of_bowl, np.zeros((3, 4)), lambda R: R / 30, lambda _, d: d <= 1e-3)
        counts.append(end.n_evaluations if end.arrived else MAX_EVALUATIONS)
    assert counts[0] < counts[1]


def test_a_step_that_goes_too_far_is_shortened():
    def slope(W):  # of a well with flat walls
        return np.tanh(5 * W)

    end = descend(slope, np.full((1, 2), 0.9), lambda R: 3 * R, lambda g, _: abs(g).max() < 1e-3)
    assert end.arrived
    assert np.abs(end.W).max() < 1e-3


@pytest.mark.parametrize("wrong", [lambda R: -R, lambda R: 1e9 * R, lambda R: np.nan * R])
def test_it_gives_up_where_it_gets_nowhere(wrong):
    end = descend(np.tanh, np.full((1, 2), 3.0), wrong, lambda _, d: d <= 1e-6)
    assert not end.arrived
    assert end.n_evaluations <= MAX_EVALUATIONS + 5
