"""Compact letters: groups of means among which no pair differs."""

from string import ascii_letters

from alrun.arrays import BoolArray


def compact_letters(differs: BoolArray) -> list[str]:
    """Return the letters of each mean; two share a letter if and only if they do not differ.

    Each letter stands for a largest set in which no pair differs, found by insertion and absorption
    (Piepho 2004, An algorithm for a letter-based representation of all-pairwise comparisons). The
    first mean has the letter a. Beyond 52 letters they are numbers in parentheses.

    Parameters
    ----------
    differs
        Whether each two means differ, symmetric, shape (n_means, n_means).
    """
    n = len(differs)
    groups = [frozenset(range(n))]
    for one in range(n):
        for other in range(one + 1, n):
            if differs[one, other]:
                groups = _separated(groups, one, other)
    letters = [""] * n
    for place, group in enumerate(sorted(groups, key=sorted)):
        letter = ascii_letters[place] if place < len(ascii_letters) else f"({place + 1})"
        for member in group:
            letters[member] += letter
    return letters


def _separated(groups: list[frozenset[int]], one: int, other: int) -> list[frozenset[int]]:
    """Return groups of which none holds both, and none lies within another.

    Where none of the given groups lies within another, only a part of one can, and only within a
    group that did not hold both.
    """
    kept = [group for group in groups if not {one, other} <= group]
    parts = [
        group - {member} for group in groups if {one, other} <= group for member in (one, other)
    ]
    return kept + [part for part in parts if not any(part <= whole for whole in kept)]
