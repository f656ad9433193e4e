import numpy as np
import pytest

from alrun.util.numbers import is_number, is_whole


@pytest.mark.parametrize("value", [0, -3, 2**70])
def test_an_integer_is_a_number_and_whole(value):
    assert is_number(value)
    assert is_whole(value)


@pytest.mark.parametrize("value", [0.0, 1.5, float("inf"), np.float64(2)])
def test_a_float_is_a_number_and_not_whole(value):
    assert is_number(value)
    assert not is_whole(value)


@pytest.mark.parametrize("value", [True, False, "1", None, [1], np.bool_(True)])
def test_a_truth_value_or_anything_else_is_no_number(value):
    assert not is_number(value)
    assert not is_whole(value)
