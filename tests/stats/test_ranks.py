"""Friedman's and Nemenyi's tests against Demsar's example and tables."""

import numpy as np
import pytest

from alrun import stats

# The scores of four classifiers on 14 data sets in Demsar 2006, table 6; where his rounded
# scores are equal and his ranks are not, one has a digit more.
DEMSAR = np.array(
    [
        [0.763, 0.768, 0.771, 0.798],
        [0.599, 0.591, 0.590, 0.569],
        [0.954, 0.971, 0.968, 0.967],
        [0.628, 0.661, 0.654, 0.657],
        [0.882, 0.888, 0.886, 0.898],
        [0.936, 0.931, 0.916, 0.931],
        [0.661, 0.668, 0.609, 0.685],
        [0.583, 0.583, 0.563, 0.625],
        [0.775, 0.838, 0.866, 0.875],
        [1.000, 1.000, 1.000, 1.000],
        [0.940, 0.962, 0.965, 0.962],
        [0.619, 0.666, 0.614, 0.669],
        [0.972, 0.981, 0.9751, 0.975],
        [0.957, 0.978, 0.946, 0.970],
    ]
)


def test_mean_ranks_and_critical_difference_are_those_of_demsar():
    ranks = stats.mean_ranks(-DEMSAR)
    assert ranks.round(3).tolist() == [3.143, 2.0, 2.893, 1.964]
    # Table 5(a) times the standard error; his example gives 1.25 at .05 and 1.12 at .10.
    assert stats.critical_difference(14, 4, 0.05) == pytest.approx(1.25, abs=0.005)
    assert stats.critical_difference(14, 4, 0.10) == pytest.approx(1.12, abs=0.005)
    for n_strategies, quantile in ((2, 1.960), (5, 2.728), (10, 3.164)):
        error = (n_strategies * (n_strategies + 1) / (6 * 30)) ** 0.5
        expected = pytest.approx(quantile * error, rel=1e-3)
        assert stats.critical_difference(30, n_strategies, 0.05) == expected


def test_nemenyi_rejects_at_the_critical_difference():
    ranks, p_values = stats.mean_ranks(-DEMSAR), stats.nemenyi(-DEMSAR)
    apart = np.abs(ranks[:, None] - ranks)
    for alpha in (0.05, 0.10, 0.2):
        critical = stats.critical_difference(*DEMSAR.shape, alpha)
        assert ((p_values <= alpha) == (apart >= critical)).all()
    assert np.allclose(np.diag(p_values), 1)


def test_friedman_with_ties_and_without_a_difference():
    # chi2 = 9.28 with 3 degrees of freedom without the correction for ties, which raises it.
    assert 0.01 < stats.friedman(-DEMSAR) < 0.026
    assert stats.friedman(np.ones((5, 3))) == 1.0
    assert np.isnan(stats.friedman(np.ones((5, 2))))
    assert np.isnan(stats.friedman(np.ones((1, 3))))
