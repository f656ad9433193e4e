"""Any two strategies: ratios, tests of all pairs, and equivalence, against second computations."""

from itertools import product
from math import inf, nan

import numpy as np
import pandas as pd
import pytest
from curves_factory import reaching, write
from scipy import stats as scipy_stats

import alrun
from alrun import stats
from alrun.report.options import ReportOptions
from alrun.report.pairs import COLUMNS, compare_pairs, compare_two

ARMS = {
    "random": [100, 120, 140, 110, 130, 150],
    "a": [90, 100, 130, 80, 120, 110],
    "b": [80, 130, 150, 90, 110, 100],
}


def pairs_of(folder, arms, **options):
    frames = [reaching(labels, name) for name, labels in arms.items()]
    report = alrun.report(write(folder, *frames), [0.9], **options)
    return compare_pairs(report)


def naive_fieller(a, b):
    """Return the ratios that a paired t-test does not reject, by a search."""

    def p_value(theta):
        return scipy_stats.ttest_1samp(np.array(a) - theta * np.array(b), 0).pvalue

    ratio = np.mean(a) / np.mean(b)
    ends = []
    for far in (0.0, 5.0):
        inside, outside = ratio, far
        for _ in range(60):
            middle = (inside + outside) / 2
            inside, outside = (middle, outside) if p_value(middle) > 0.05 else (inside, middle)
        ends.append(inside)
    return ends


def naive_max_t(differences):
    """Return single-step and step-down adjusted p values, pattern by pattern."""
    columns = [d / np.sqrt((d**2).sum()) if d.any() else d for d in differences.T.astype(float)]
    observed = [abs(d.sum()) for d in columns]
    order = np.argsort([-u for u in observed], kind="stable")
    adjusted, above = np.empty(len(columns)), 0.0
    patterns = list(product([1, -1], repeat=len(differences)))
    for step, place in enumerate(order):
        left = [columns[other] for other in order[step:]]
        exceeding = sum(
            max(abs(np.dot(signs, d)) for d in left) >= observed[place] - 1e-9 for signs in patterns
        )
        above = adjusted[place] = max(above, exceeding / len(patterns))
    return adjusted


def test_ratio_interval_and_p_values_agree_with_a_second_computation(tmp_path):
    pairs = pairs_of(tmp_path, ARMS)
    assert list(pairs.columns) == COLUMNS
    assert list(zip(pairs["a"], pairs["b"], strict=True)) == [
        ("random", "a"),
        ("random", "b"),
        ("a", "b"),
    ]
    differences = []
    for pair in pairs.itertuples():
        a, b = ARMS[pair.a], ARMS[pair.b]
        assert (pair.mean_a, pair.mean_b) == (np.mean(a), np.mean(b))
        assert pair.ratio == pytest.approx(sum(a) / sum(b))
        assert (pair.ratio_low, pair.ratio_high) == pytest.approx(naive_fieller(a, b), abs=1e-9)
        assert pair.p_value == stats.sign_flip(np.array(a) - np.array(b))
        differences.append(np.array(a) - np.array(b))
    assert pairs["p_adjusted"].tolist() == naive_max_t(np.column_stack(differences)).tolist()


def test_the_ratio_to_the_baseline_is_one_less_the_saving(tmp_path):
    frames = [reaching(labels, name) for name, labels in ARMS.items()]
    report = alrun.report(write(tmp_path, *frames), [0.9], baseline="b")
    rows = report.rows.set_index("strategy")
    for pair in compare_pairs(report).itertuples():
        if pair.a == "b":
            row = rows.loc[pair.b]
            assert 1 / pair.ratio == pytest.approx(1 - row["saving"])
            assert 1 / pair.ratio_low == pytest.approx(1 - row["saving_low"])


def test_without_the_same_seeds_in_all_the_family_is_adjusted_by_holm(tmp_path):
    frames = [
        reaching(ARMS["random"]),
        reaching(ARMS["a"], "a"),
        reaching(ARMS["b"][:4], "b", seeds=range(4)),
    ]
    pairs = compare_pairs(alrun.report(write(tmp_path, *frames), [0.9]))
    assert pairs["n_pairs"].tolist() == [6, 4, 4]
    expected = stats.holm(pairs["p_value"].to_numpy())
    assert pairs["p_adjusted"].tolist() == expected.tolist()


def test_two_of_which_neither_gets_there_have_no_ratio(tmp_path):
    arms = {"random": [100] * 6, "a": [inf] * 6, "b": [inf] * 6}
    last = pairs_of(tmp_path, arms).iloc[-1]
    assert np.isnan(last[["ratio", "ratio_low", "ratio_high"]].astype(float)).all()
    assert last["p_value"] == 1
    assert not last["same"]


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("rope", [0.05, 0.1, 0.3])
def test_equivalence_is_the_interval_inside_the_rope_with_enough_pairs_that_differ(seed, rope):
    rng = np.random.default_rng(seed)
    a = 10 * rng.integers(8, 15, 12)
    b = a + 10 * rng.integers(-1, 2, 12)
    low, high = naive_fieller(a, b)
    expected = 1 / (1 + rope) <= low and high <= 1 + rope and (a != b).sum() >= 5
    assert stats.is_equivalent(a, b, rope) == expected
    assert stats.is_equivalent(b, a, rope) == expected


def test_equivalence_is_said_both_ways_in_these_cases():
    """Otherwise the test above would compare False with False."""
    a = np.array([100, 110, 120, 130, 140, 150] * 3)
    b = a + np.tile([10, -10, 0], 6)
    assert stats.is_equivalent(a, b, 0.1)
    assert not stats.is_equivalent(a, b, 0.01)
    assert not stats.is_equivalent(a, a + 20, 0.1)


@pytest.mark.parametrize(("n_different", "expected"), [(0, False), (4, False), (5, True)])
def test_a_few_rare_differences_are_no_equivalence(n_different, expected):
    a = np.full(40, 100)
    b = a.copy()
    b[:n_different] += 10
    assert stats.is_equivalent(a, b, 0.1) == expected


def test_labels_that_cannot_differ_by_more_are_the_same(tmp_path):
    grid = (2000, 2050, 2100)
    arms = {"random": [2000, 2050, 2000], "a": [2000, 2000, 2050]}
    frames = [reaching(labels, name, grid=grid) for name, labels in arms.items()]
    report = alrun.report(write(tmp_path, *frames), [0.9])
    assert compare_pairs(report)["same"].tolist() == [True]
    wide = [reaching([20, 30, 20], "random"), reaching([20, 20, 30], "a")]
    assert compare_pairs(alrun.report(write(tmp_path, *wide), [0.9]))["same"].tolist() == [False]


def test_one_pair_is_no_test_and_no_equivalence(tmp_path):
    (pair,) = pairs_of(tmp_path, {"random": [100], "a": [100]}).itertuples()
    assert np.isnan([pair.p_value, pair.p_adjusted, pair.ratio_low]).all()
    assert pair.ratio == 1
    assert not pair.same


def test_fewer_draws_of_max_t_are_close_to_all_patterns():
    rng = np.random.default_rng(0)
    differences = rng.normal(0.5, 1, (15, 3))
    exact, drawn = stats.max_t(differences), stats.max_t(differences, 9_999)
    assert (exact != drawn).any()
    np.testing.assert_allclose(drawn, exact, atol=0.02)
    few = differences[:10]
    assert stats.max_t(few, 9_999).tolist() == stats.max_t(few).tolist()


@pytest.mark.parametrize("rope", [0, -0.1, inf, nan])
def test_a_rope_that_is_no_share_is_an_error(rope):
    with pytest.raises(alrun.ResultsError if hasattr(alrun, "ResultsError") else Exception):
        ReportOptions(rope=rope)


def test_targets_at_the_floor_have_no_pairs(tmp_path):
    frames = [reaching(labels, name) for name, labels in ARMS.items()]
    write(tmp_path, *frames)
    rows = [
        {"dataset": "digits", "model": "logistic", "seed": seed, "reference": "floor"}
        | {"accuracy": 0.7}
        for seed in range(6)
    ]
    pd.DataFrame(rows).to_parquet(tmp_path / "references.parquet", index=False)
    assert set(compare_pairs(alrun.report(tmp_path, [0.6, 0.9]))["target"]) == {0.9}


def test_two_strategies_are_turned_round_with_their_intervals():
    """The ratio of b to a is the inverse, and so are the ends of its interval, in turn."""
    pairs = pd.DataFrame(
        {
            "a": ["x", "x", "x"],
            "b": ["y", "z", "y"],
            "mean_a": [20.0, 1.0, 10.0],
            "mean_b": [40.0, 2.0, 10.0],
            "ratio": [0.5, 0.5, 1.0],
            "ratio_low": [0.25, 0.4, -1.0],
            "ratio_high": [0.8, 0.6, np.inf],
            "p_value": [0.01, 0.5, 1.0],
        }
    )
    found = compare_two(pairs, "y", "x", ["x", "y", "z"])
    assert found[["a", "b"]].to_numpy().tolist() == [["y", "x"], ["y", "x"]]
    assert found["ratio"].tolist() == [2.0, 1.0]
    assert found["ratio_low"].tolist() == [1.25, 0.0]
    assert found["ratio_high"].tolist() == [4.0, np.inf]
    assert found[["mean_a", "mean_b"]].to_numpy().tolist() == [[40.0, 20.0], [10.0, 10.0]]
    assert found["p_value"].tolist() == [0.01, 1.0]
