"""Agreement of annotators against published examples, scikit-learn and naive versions."""

from collections import Counter
from itertools import permutations, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score

from alrun import stats

PAIRS = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=30)
ANSWERS = st.integers(1, 4).flatmap(
    lambda n: st.lists(
        st.lists(st.integers(-1, 2), min_size=n, max_size=n), min_size=1, max_size=12
    ).map(np.array)
)

# Fleiss 1971, as the standard example of 10 subjects, 14 raters and 5 categories.
FLEISS = np.array(
    [
        [0, 0, 0, 0, 14],
        [0, 2, 6, 4, 2],
        [0, 0, 3, 5, 6],
        [0, 3, 9, 2, 0],
        [2, 2, 8, 1, 1],
        [7, 7, 0, 0, 0],
        [3, 2, 6, 3, 0],
        [2, 5, 3, 2, 2],
        [6, 5, 2, 1, 0],
        [0, 2, 2, 3, 7],
    ]
)
# The examples A, B and C of Krippendorff 2011, Computing Krippendorff's alpha-reliability: an
# observer per line, and a dot where one gave no answer.
KRIPPENDORFF = [
    (("0100000010", "1110010000"), 0.095),
    (("aabbdcccedda", "babbbccceddd"), 0.692),
    (("123321412...", "1233224125.3", ".3332342251.", "12332441251."), 0.743),
]


def codes_of(observers):
    """Return answers, shape (n_examples, n_annotators), from texts of one letter per example."""
    letters = sorted(set("".join(observers)) - {"."})
    return np.array([[letters.index(c) if c != "." else -1 for c in row] for row in observers]).T


def naive_alpha(answers):
    """Compute alpha from the list of all ordered pairs of answers to one example."""
    rows = [[a for a in row if a >= 0] for row in answers.tolist()]
    rows = [row for row in rows if len(row) > 1]
    values = [value for row in rows for value in row]
    expected = sum(a != b for a, b in permutations(values, 2))
    if expected == 0:
        return np.nan
    observed = sum(sum(a != b for a, b in permutations(row, 2)) / (len(row) - 1) for row in rows)
    return 1 - observed * (len(values) - 1) / expected


def naive_confusion(answers, n_classes):
    table = np.zeros((answers.shape[1], n_classes, n_classes), dtype=int)
    for row, annotator in product(answers.tolist(), range(answers.shape[1])):
        others = Counter(a for place, a in enumerate(row) if place != annotator and a >= 0)
        ranked = others.most_common(2)
        is_tied = len(ranked) == 2 and ranked[0][1] == ranked[1][1]
        if row[annotator] >= 0 and ranked and not is_tied:
            table[annotator, ranked[0][0], row[annotator]] += 1
    return table


def test_cohen_by_hand():
    one, other = np.array([1, 0, 0]), np.array([1, 0, 1])
    assert stats.cohen_kappa(one, other, 2) == pytest.approx(0.4)
    assert stats.cohen_kappa(one, 1 - one, 2) == pytest.approx(-0.8)
    assert stats.cohen_kappa(np.zeros(3, int), np.zeros(3, int), 2) == 1
    assert stats.cohen_kappa(np.zeros(3, int), np.ones(3, int), 2) == 0


@given(PAIRS)
def test_cohen_is_that_of_scikit_learn(pairs):
    one, other = np.array(pairs).T
    kappa = stats.cohen_kappa(one, other, 4)
    if len({*one.tolist(), *other.tolist()}) == 1:
        assert kappa == 1
    else:
        assert kappa == pytest.approx(cohen_kappa_score(one, other), abs=1e-12)


def test_fleiss_on_the_standard_example():
    assert stats.fleiss_kappa(FLEISS) == pytest.approx(0.20993, abs=5e-6)


def test_fleiss_where_it_is_undefined_and_where_answers_are_missing():
    assert np.isnan(stats.fleiss_kappa(np.array([[3, 0], [3, 0]])))
    assert np.isnan(stats.fleiss_kappa(np.array([[1, 0], [0, 1]])))
    assert np.isnan(stats.fleiss_kappa(np.zeros((0, 2), int)))
    assert stats.fleiss_kappa(np.array([[3, 0], [0, 3]])) == 1
    with pytest.raises(ValueError, match="equally many answers"):
        stats.fleiss_kappa(np.array([[3, 0], [1, 1]]))


@pytest.mark.parametrize(("observers", "expected"), KRIPPENDORFF)
def test_krippendorff_on_his_examples(observers, expected):
    counts = stats.class_counts(codes_of(observers), 5)
    assert stats.krippendorff_alpha(counts) == pytest.approx(expected, abs=5e-4)


def test_krippendorff_where_answers_hardly_differ():
    constant = np.zeros((10, 3), dtype=int)
    assert np.isnan(stats.krippendorff_alpha(stats.class_counts(constant, 2)))
    constant[4, 1] = 1
    assert stats.krippendorff_alpha(stats.class_counts(constant, 2)) == 0
    # Without a second answer to any example nothing can agree.
    assert np.isnan(stats.krippendorff_alpha(np.eye(3, dtype=int)))
    assert np.isnan(stats.krippendorff_alpha(np.zeros((0, 2), int)))


@settings(max_examples=50)
@given(ANSWERS)
def test_alpha_and_confusion_are_those_of_naive_versions(answers):
    counts = stats.class_counts(answers, 3)
    assert counts.sum() == np.count_nonzero(answers >= 0)
    expected = pytest.approx(naive_alpha(answers), abs=1e-12, nan_ok=True)
    assert stats.krippendorff_alpha(counts) == expected
    found = stats.confusion_with_majority(answers, 3)
    assert found.tolist() == naive_confusion(answers, 3).tolist()


def test_confusion_with_the_majority_of_the_others():
    # The third annotator says 1 where the two others say 0; the second skips the last example.
    answers = np.array([[0, 0, 1], [0, 0, 0], [1, 1, 1], [1, -1, 0]])
    confusion = stats.confusion_with_majority(answers, 2)
    assert confusion[2].tolist() == [[1, 1], [1, 1]]
    # In the first example the others of each of them are tied.
    assert confusion[0].tolist() == [[1, 1], [0, 1]]
    assert confusion[1].tolist() == [[1, 0], [0, 1]]
