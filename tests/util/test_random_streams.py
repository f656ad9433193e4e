"""Streams: named, independent, and the same for ever."""

import numpy as np
import pytest
from scipy import stats

from alrun.util.digest import canonical_json
from alrun.util.random_streams import draw_integer, generator

GOLDEN = [882, 196, 948, 496, 49]


def test_a_stream_is_the_same_for_ever():
    assert generator(0, "split", "abc").integers(0, 1000, 5).tolist() == GOLDEN


def test_the_same_name_gives_the_same_stream():
    first, second = (generator(3, "model", {"a": 1, "b": 2}).random(4) for _ in range(2))
    assert np.array_equal(first, second)


def test_the_order_of_keys_does_not_matter():
    assert canonical_json({"a": 1, "b": [1.5, None]}) == canonical_json({"b": [1.5, None], "a": 1})


@pytest.mark.parametrize("other", [(1, "split", "x"), (0, "initial", "x"), (0, "split", "y")])
def test_another_seed_purpose_or_key_gives_another_stream(other):
    one, two = generator(0, "split", "x").random(2000), generator(*other).random(2000)
    assert abs(stats.pearsonr(one, two).statistic) < 0.1


def test_integers_fit_what_scikit_learn_takes():
    rng = generator(0, "x")
    drawn = [draw_integer(rng) for _ in range(100)]
    assert len(set(drawn)) == 100
    assert all(0 <= value < 2**32 for value in drawn)


def test_what_json_cannot_hold_is_refused():
    with pytest.raises(ValueError, match="JSON"):
        canonical_json(float("nan"))
