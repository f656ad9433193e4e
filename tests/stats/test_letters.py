"""Compact letters against all subsets, and a case by hand."""

from itertools import combinations

import numpy as np
import pytest

from alrun.stats import compact_letters


def largest_groups(differs):
    """Return the largest sets without a differing pair, by looking at every subset."""
    n = len(differs)
    sound = [
        frozenset(members)
        for size in range(1, n + 1)
        for members in combinations(range(n), size)
        if not any(differs[pair] for pair in combinations(members, 2))
    ]
    return {group for group in sound if not any(group < other for other in sound)}


@pytest.mark.parametrize("share", [0.0, 0.2, 0.5, 0.8, 1.0])
def test_letters_are_the_largest_groups_without_a_difference(share):
    rng = np.random.default_rng(4)
    for n in (1, 2, 5, 7):
        upper = np.triu(rng.random((n, n)) < share, 1)
        letters = compact_letters(upper | upper.T)
        groups = [
            frozenset(place for place in range(n) if letter in letters[place])
            for letter in sorted(set("".join(letters)))
        ]
        assert len(groups) == len(set(groups))
        assert set(groups) == largest_groups(upper)
        assert letters[0].startswith("a")


def test_letters_by_hand():
    differs = np.zeros((4, 4), dtype=bool)
    for one, other in ((0, 2), (0, 3), (1, 3)):
        differs[one, other] = differs[other, one] = True
    assert compact_letters(differs) == ["a", "ab", "bc", "c"]


def test_more_letters_than_the_alphabet_has_stay_distinct():
    letters = compact_letters(~np.eye(54, dtype=bool))
    assert letters[:2] == ["a", "b"]
    assert letters[51:] == ["Z", "(53)", "(54)"]
