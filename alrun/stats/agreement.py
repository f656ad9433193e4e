"""Agreement of annotators on classes, and the confusion of each with the majority.

Answers are class codes from 0, of shape (n_examples, n_annotators), and -1 where an annotator gave
none. Counts, of shape (n_examples, n_classes), say how many annotators gave an example each class.
Agreement is 1 where all agree, 0 where they agree as by chance, and NaN where it is undefined.
"""

import numpy as np

from alrun.arrays import IntArray

NO_ANSWER = -1


def cohen_kappa(one: IntArray, other: IntArray, n_classes: int) -> float:
    """Return Cohen's kappa of two lists of class codes, both of shape (n,).

    It is (po - pe) / (1 - pe), with po the share of equal codes, and pe the share expected of
    independent codes. It is 1 if both are constant and equal. It is exact, since it is computed
    from integers.

    Source: Cohen 1960, A coefficient of agreement for nominal scales.
    """
    n = len(one)
    agreeing = n * int(np.count_nonzero(one == other))
    by_chance = int(np.bincount(one, minlength=n_classes) @ np.bincount(other, minlength=n_classes))
    return 1.0 if by_chance == n * n else (agreeing - by_chance) / (n * n - by_chance)


def class_counts(answers: IntArray, n_classes: int) -> IntArray:
    """Return the counts of answers, shape (n_examples, n_classes)."""
    counts = np.zeros((len(answers), n_classes), dtype=np.int64)
    examples, annotators = np.nonzero(answers != NO_ANSWER)
    np.add.at(counts, (examples, answers[examples, annotators]), 1)
    return counts


def fleiss_kappa(counts: IntArray) -> float:
    """Return Fleiss' kappa of counts in which every example has equally many answers.

    It is (Po - Pe) / (1 - Pe), with Po the mean share of pairs of answers to an example that agree,
    and Pe the sum of squared shares of the classes. It is NaN with one class only, without examples
    and with fewer than two answers to each. Raises ValueError if examples have unequally many.

    Source: Fleiss 1971, Measuring nominal scale agreement among many raters.
    """
    per_example = counts.sum(axis=1)
    if (per_example != per_example[:1]).any():
        raise ValueError(
            "Fleiss' kappa needs equally many answers to every example; Krippendorff's alpha does"
            " not"
        )
    if len(counts) == 0 or per_example[0] < 2 or np.count_nonzero(counts.any(axis=0)) == 1:
        return float("nan")
    pairs = float((per_example * (per_example - 1)).sum())
    observed = float((counts * (counts - 1)).sum()) / pairs
    shares = counts.sum(axis=0) / counts.sum()
    expected = float(shares @ shares)
    return (observed - expected) / (1 - expected)


def krippendorff_alpha(counts: IntArray) -> float:
    """Return Krippendorff's alpha of counts, for classes without an order.

    It is 1 - Do/De, with Do the observed share of pairs of answers to one example that differ, and
    De that of pairs of any answers. Examples with fewer than two answers do not count. It is NaN
    with one class only, and without a pair. A single answer that differs among otherwise equal ones
    makes it 0.

    Source: Krippendorff 2019, Content Analysis, 4th edition, chapter 12.
    """
    per_example = counts.sum(axis=1)
    paired, n_answers = counts[per_example > 1], per_example[per_example > 1]
    n, of_class = int(n_answers.sum()), paired.sum(axis=0)
    expected = n * n - int(of_class @ of_class)
    if expected == 0:
        return float("nan")
    differing = n_answers**2 - (paired**2).sum(axis=1)
    return 1 - (n - 1) * float((differing / (n_answers - 1)).sum()) / expected


def confusion_with_majority(answers: IntArray, n_classes: int) -> IntArray:
    """Return how often each annotator gave a class, by the class that most others gave.

    The majority is that of the other annotators, for everybody agrees with themselves. An example
    does not count for an annotator where no other answered, or where the others are tied.

    Returns
    -------
    Shape (n_annotators, n_classes, n_classes): annotator, class of the majority, class given.
    """
    counts = class_counts(answers, n_classes)
    confusion = np.zeros((answers.shape[1], n_classes, n_classes), dtype=np.int64)
    for annotator, given in enumerate(answers.T):
        answered = np.flatnonzero(given != NO_ANSWER)
        others = counts[answered]
        others[np.arange(len(answered)), given[answered]] -= 1
        largest = others.max(axis=1, keepdims=True)
        is_decided = (largest[:, 0] > 0) & ((others == largest).sum(axis=1) == 1)
        majority = others.argmax(axis=1)
        cells = (majority[is_decided], given[answered][is_decided])
        np.add.at(confusion[annotator], cells, 1)
    return confusion
