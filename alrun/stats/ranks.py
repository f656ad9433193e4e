"""Tests of mean ranks over data sets: Friedman's, and Nemenyi's of all pairs.

They stand beside the sign-flip test, which decides: readers look for them (Demsar 2006, Statistical
comparisons of classifiers over multiple data sets). A table has shape (n_datasets, n_strategies),
and the smallest value of a row has rank 1.
"""

from math import inf

import numpy as np
from scipy import stats

from alrun.arrays import Array


def mean_ranks(values: Array) -> Array:
    """Return the mean rank of each column, ties averaged."""
    return np.asarray(stats.rankdata(values, axis=1).mean(axis=0))


def friedman(values: Array) -> float:
    """Return the p value of Friedman's test, corrected for ties.

    1 where all ranks are tied, NaN below two rows or three columns.
    """
    n_datasets, n_strategies = values.shape
    if n_datasets < 2 or n_strategies < 3:
        return float("nan")
    if (values == values[:, :1]).all():
        return 1.0
    return float(stats.friedmanchisquare(*values.T).pvalue)


def nemenyi(values: Array) -> Array:
    """Return the p values of Nemenyi's test of all pairs, shape (n_strategies, n_strategies)."""
    ranks = mean_ranks(values)
    apart = np.abs(ranks[:, None] - ranks) / _standard_error(*values.shape)
    return np.asarray(stats.studentized_range.sf(apart, len(ranks), inf))


def critical_difference(n_datasets: int, n_strategies: int, alpha: float) -> float:
    """Return the difference of mean ranks at which Nemenyi's test rejects."""
    quantile = float(stats.studentized_range.ppf(1 - alpha, n_strategies, inf))
    return quantile * _standard_error(n_datasets, n_strategies)


def _standard_error(n_datasets: int, n_strategies: int) -> float:
    return float((n_strategies * (n_strategies + 1) / (12 * n_datasets)) ** 0.5)
