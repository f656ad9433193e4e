"""What is read off the curves, against hand-computed cases and slow loops over the runs."""

from itertools import pairwise
from math import inf, isnan

import numpy as np
import pandas as pd
import pytest
from curves_factory import COMPARISON_GROUP, GRID, curve, jump, reaching, shuffled
from hypothesis import given, settings
from hypothesis import strategies as st

from alrun.errors import ResultsError
from alrun.results.curves import (
    REQUIRED,
    area_under_curve,
    falls_back,
    labels_to_target,
    read_curves,
    summaries,
)

MANY = settings(max_examples=50)
BY_HAND = curve([20, 30, 40, 50, 60], [0.80, 0.91, 0.89, 0.92, 0.93])
PAIR = pd.concat([reaching([100, 120, 140]), reaching([80, 90, 100], "margin")], ignore_index=True)


def read(*frames, metric="accuracy"):
    return read_curves(pd.concat(frames, ignore_index=True), metric)


def labels_of(curves, target):
    """Return labels to target by strategy and seed."""
    runs = zip(curves.runs["strategy"], curves.runs["seed"], strict=True)
    return dict(zip(runs, labels_to_target(curves, target), strict=True))


def summaries_of(curves):
    """Return the summaries with strategy and seed as their index."""
    table = curves.runs[["strategy", "seed"]].join(summaries(curves))
    return table.astype({"strategy": str}).set_index(["strategy", "seed"])


# Labels to target


@pytest.mark.parametrize(
    ("target", "labels"), [(0.9, 30), (0.91, 30), (0.80, 20), (0.93, 60), (0.5, 20), (0.94, inf)]
)
def test_labels_to_target_is_the_first_evaluated_round_at_the_target(target, labels):
    assert labels_to_target(read(BY_HAND), target).tolist() == [labels]


rounds = st.dictionaries(st.integers(1, 60), st.integers(0, 10), min_size=1, max_size=8)


@MANY
@given(st.lists(rounds, min_size=1, max_size=6), st.integers(1, 10))
def test_labels_to_target_agrees_with_a_loop_over_the_rounds(runs, tenths):
    frames, expected = [], {}
    for seed, run in enumerate(runs):
        run = run | {61: run.get(61, 0)}  # every run ends at the same number of labels
        frames.append(curve(list(run), [score / 10 for score in run.values()], seed=seed))
        labels = inf
        for n in sorted(run):
            if run[n] >= tenths:
                labels = n
                break
        expected["random", seed] = labels
    assert labels_of(read(*frames), tenths / 10) == expected


@pytest.mark.parametrize(("sustain", "labels"), [(1, 30), (2, 50), (3, inf), (99, inf)])
def test_a_target_can_have_to_be_sustained(sustain, labels):
    """The window must be seen to its end: two rounds are left from 50 labels on, three are not."""
    assert labels_to_target(read(BY_HAND), 0.9, sustain).tolist() == [labels]


def test_a_run_that_falls_back_below_the_target_is_known():
    assert falls_back(read(BY_HAND), 0.9).tolist() == [True]
    assert falls_back(read(BY_HAND), 0.92).tolist() == [False]
    assert falls_back(read(BY_HAND), 0.99).tolist() == [False]


@MANY
@given(st.lists(rounds, min_size=1, max_size=6), st.integers(1, 10), st.integers(1, 4))
def test_sustained_targets_and_falls_agree_with_a_loop_over_the_rounds(runs, tenths, sustain):
    frames, labels, falls = [], [], []
    for seed, run in enumerate(runs):
        run = run | {61: run.get(61, 0)}
        frames.append(curve(list(run), [score / 10 for score in run.values()], seed=seed))
        at_target = [run[n] >= tenths for n in sorted(run)]
        windows = [
            n
            for place, n in enumerate(sorted(run))
            if at_target[place : place + sustain] == [True] * sustain
        ]
        labels.append(min(windows, default=inf))
        falls.append(True in at_target and False in at_target[at_target.index(True) :])
    curves = read(*frames)
    assert labels_to_target(curves, tenths / 10, sustain).tolist() == labels
    assert falls_back(curves, tenths / 10).tolist() == falls


@MANY
@given(st.lists(rounds, min_size=1, max_size=6), st.integers(1, 10), st.integers(1, 3))
def test_a_target_on_a_falling_score_agrees_with_a_loop_over_the_rounds(runs, tenths, sustain):
    frames, labels, rises = [], [], []
    for seed, run in enumerate(runs):
        run = run | {61: run.get(61, 0)}
        losses = [run[n] / 5 for n in sorted(run)]
        frames.append(curve(sorted(run), [0.5] * len(run), seed=seed).assign(log_loss=losses))
        first, was_there, rose = inf, False, False
        for place, n in enumerate(sorted(run)):
            window = losses[place : place + sustain]
            if first == inf and len(window) == sustain and all(x <= tenths / 5 for x in window):
                first = n
            rose = rose or (was_there and losses[place] > tenths / 5)
            was_there = was_there or losses[place] <= tenths / 5
        labels.append(first)
        rises.append(rose)
    curves = read(*frames, metric="log_loss")
    assert labels_to_target(curves, tenths / 5, sustain).tolist() == labels
    assert falls_back(curves, tenths / 5).tolist() == rises


@pytest.mark.parametrize(
    ("metric", "score", "said"),
    [
        ("log_loss", -0.01, "'log_loss' must hold numbers from 0 on"),
        ("brier", 2.01, "'brier' must hold numbers from 0 to 2"),
        ("ece", 1.01, "'ece' must hold shares of one, not percentages"),
        ("accuracy", 85, "'accuracy' must hold shares of one, not percentages"),
    ],
)
def test_a_score_that_the_metric_cannot_have_is_an_error(metric, score, said):
    frame = BY_HAND.assign(**{metric: [0.5, 0.5, score, 0.5, 0.5]})
    with pytest.raises(ResultsError, match=said):
        read(frame, metric=metric)


@pytest.mark.parametrize(
    ("metric", "score"), [("log_loss", 30), ("log_loss", -1e-15), ("brier", 2)]
)
def test_a_score_within_the_range_of_its_metric_is_taken(metric, score):
    frame = BY_HAND.assign(**{metric: [0.5, 0.5, score, 0.5, 0.5]})
    assert read(frame, metric=metric).score.tolist() == [0.5, 0.5, score, 0.5, 0.5]


def test_labels_to_target_are_read_on_the_metric_asked_for():
    frame = BY_HAND.assign(macro_f1=[0.7, 0.8, 0.85, 0.9, 0.95])
    assert labels_to_target(read(frame, metric="macro_f1"), 0.9).tolist() == [50]


# The area under the curve


def test_area_under_the_curve_as_computed_by_hand():
    n, score = np.array([20, 30, 50]), np.array([0.5, 0.7, 0.9])
    assert area_under_curve(n, score, 20, 50) == pytest.approx(0.73333, abs=5e-6)
    table = summaries(read(curve(n, score)))
    assert table["aulc"].tolist() == pytest.approx([0.73333], abs=5e-6)
    assert table["initial"].tolist() == [0.5]
    assert table["final"].tolist() == [0.9]


def naive_area(run, low, high, parts=10):
    """Return the mean height by summing the trapezoids of a grid that holds every round."""
    grid = [low + part / parts for part in range((high - low) * parts + 1)]
    height = np.interp(grid, sorted(run), [run[n] for n in sorted(run)])
    slices = [(left + right) / 2 for left, right in pairwise(height)]
    return sum(slices) / len(slices)


scores = st.integers(0, 100).map(lambda percent: percent / 100)
unaligned = st.dictionaries(st.integers(31, 89), scores, max_size=6)


@MANY
@given(
    st.tuples(unaligned, st.integers(10, 30), st.integers(90, 120)),
    st.tuples(unaligned, st.integers(10, 30), st.integers(90, 120)),
)
def test_area_of_unaligned_curves_is_that_over_their_common_range(first, second):
    runs = {}
    for name, (run, start, end) in {"random": first, "margin": second}.items():
        runs[name] = {start: 0.2, **run, end: 0.9}
    low, high = max(map(min, runs.values())), min(map(max, runs.values()))
    frames = [curve(list(run), list(run.values()), name) for name, run in runs.items()]
    table = summaries_of(read(*frames))
    for name, run in runs.items():
        n, score = np.array(sorted(run)), [run[key] for key in sorted(run)]
        found = table.loc[(name, 0)]
        assert found["aulc"] == pytest.approx(naive_area(run, low, high), abs=1e-9)
        assert found["initial"] == pytest.approx(np.interp(low, n, score), abs=1e-12)
        assert found["final"] == pytest.approx(np.interp(high, n, score), abs=1e-12)


def test_the_common_range_is_that_of_a_group_not_of_all_results():
    short = reaching([100], grid=GRID[:5], batch_size=20)
    assert summaries(read(reaching([100]), short))["final"].tolist() == [0.95, 0.5]


def test_the_common_range_counts_every_strategy_of_the_group():
    longer = curve([20, 200, 400], [0.5, 0.7, 0.9], "margin")
    table = summaries_of(read(reaching([100]), longer))
    assert table.loc[("margin", 0), "final"] == 0.7
    assert table.loc[("margin", 0), "aulc"] == pytest.approx(0.6)


def test_curves_without_a_common_range_have_no_area():
    apart = curve([300, 400], [0.5, 0.7], "margin")
    assert summaries(read(reaching([100]), apart))["aulc"].isna().all()
    assert isnan(area_under_curve(np.array([20]), np.array([0.5]), 20, 20))


def test_the_final_count_is_known_only_where_the_run_was_evaluated_just_there():
    frames = [
        curve([20, 40], [0.5, 0.9], n_test=50, n_correct=[25, 45]),
        curve([20, 30, 60], [0.5, 0.6, 0.8], "margin", n_test=50, n_correct=[25, 30, 40]),
        curve([20, 40, 60], [0.5, 0.7, 0.8], "entropy", n_test=50, n_correct=[25, 35, 40]),
    ]
    counts = summaries_of(read(*frames))["final_correct"].droplevel("seed")
    assert counts[counts >= 0].to_dict() == {"random": 45, "entropy": 35}


# What the table may look like


def test_the_order_of_the_rows_changes_nothing():
    expected, found = read(PAIR), read(shuffled(PAIR))
    pd.testing.assert_frame_equal(found.runs, expected.runs)
    np.testing.assert_array_equal(found.n_labels, expected.n_labels)
    np.testing.assert_array_equal(found.score, expected.score)
    np.testing.assert_array_equal(found.start, expected.start)
    assert labels_of(found, 0.9)["margin", 1] == 90


def test_the_table_that_was_given_is_left_as_it_was():
    frame = shuffled(PAIR)
    before = frame.copy()
    read_curves(frame, "accuracy")
    pd.testing.assert_frame_equal(frame, before)


def test_the_rounds_of_a_run_are_found_by_its_place():
    curves = read(shuffled(PAIR))
    place = curves.runs.index[(curves.runs["strategy"] == "margin") & (curves.runs["seed"] == 2)]
    n_labels, score = curves.rounds(place[0])
    assert n_labels.tolist() == list(GRID)
    assert score.tolist() == [0.5] * 8 + [0.95] * 11
    assert curves.runs.loc[place[0], ["first", "last"]].tolist() == [20, 200]


def test_runs_that_differ_in_one_key_alone_are_kept_apart():
    others = [{"dataset": "iris"}, {"model": "forest"}, {"batch_size": 5}]
    frames = [reaching([100 + 10 * place], **keys) for place, keys in enumerate([{}, *others])]
    curves = read(*frames, reaching([140], "margin"), reaching([150], seeds=[1]))
    assert sorted(labels_to_target(curves, 0.9)) == [100, 110, 120, 130, 140, 150]


@pytest.mark.parametrize("column", REQUIRED)
def test_a_missing_column_is_named(column):
    with pytest.raises(ResultsError, match=column):
        read(PAIR.drop(columns=column))


@pytest.mark.parametrize("metric", ["accuracy", "macro_f1"])
def test_a_missing_metric_is_named(metric):
    with pytest.raises(ResultsError, match=metric):
        read(PAIR.drop(columns="accuracy"), metric=metric)


def test_a_metric_that_does_not_apply_is_named():
    with pytest.raises(ResultsError, match="average_precision"):
        read(PAIR.assign(average_precision=np.nan), metric="average_precision")


@pytest.mark.parametrize(
    ("column", "dtype"),
    [
        ("dataset", "category"),
        ("strategy", "category"),
        ("strategy", object),
        ("batch_size", float),
        ("seed", "int8"),
        ("seed", str),
        ("seed", "Int64"),
        ("n_labels", float),
        ("n_labels", "uint8"),
        ("n_labels", str),
        ("accuracy", str),
        ("accuracy", object),
        ("accuracy", "Float64"),
    ],
)
def test_columns_of_another_type_are_cast(column, dtype):
    labels = labels_of(read(PAIR.astype({column: dtype})), 0.9)
    assert labels == labels_of(read(PAIR), 0.9)
    assert list(labels) == sorted(labels)


def test_names_that_are_numbers_become_texts():
    frame = PAIR.assign(dataset=7, strategy=PAIR["strategy"].map({"random": 10, "margin": 9}))
    assert read(frame).runs["strategy"].tolist() == ["10"] * 3 + ["9"] * 3


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("seed", "first"),
        ("seed", 0.5),
        ("seed", None),
        ("batch_size", "ten"),
        ("n_labels", 20.5),
        ("n_labels", np.nan),
        ("n_labels", np.inf),
        ("n_labels", "many"),
        ("accuracy", "high"),
        ("dataset", None),
        ("strategy", None),
    ],
)
def test_a_value_that_cannot_be_meant_is_an_error_that_names_its_column(column, value):
    frame = PAIR.astype({column: object})
    frame.loc[3, column] = value
    with pytest.raises(ResultsError, match=column):
        read(frame)


def test_curves_without_rows_are_an_error():
    with pytest.raises(ResultsError):
        read(PAIR.iloc[:0])


# Runs that cannot be used


@pytest.mark.parametrize("extra", [{}, {"accuracy": 0.1}])
def test_a_round_that_stands_twice_is_an_error_that_names_the_run(extra):
    twin = PAIR.iloc[[25]].assign(**extra)
    assert twin["run_id"].item() == "digits-logistic-10-random-1"
    with pytest.raises(ResultsError, match="digits-logistic-10-random-1") as error:
        read(twin, PAIR)
    assert str(twin["n_labels"].item()) in str(error.value)


def test_a_round_that_stands_twice_is_named_by_its_keys_where_there_is_no_run_id():
    with pytest.raises(ResultsError, match=r"margin.*seed 2"):
        read(PAIR.drop(columns="run_id"), PAIR.iloc[[-1]].drop(columns="run_id"))


def test_two_runs_of_one_strategy_and_seed_are_an_error():
    with pytest.raises(ResultsError, match="more than once"):
        read(PAIR, curve(GRID, [0.5] * len(GRID), run_id="another"))


def test_the_same_labels_in_neighbouring_runs_are_no_twins():
    frames = [curve([20], [0.5], seed=0), curve([20], [0.6], seed=1)]
    assert len(read(*frames, curve([20], [0.7], "margin")).runs) == 3


@pytest.mark.parametrize("row", [0, 5, 18])
def test_a_run_with_a_nan_score_is_left_out_and_named(row):
    frame = PAIR.copy()
    frame.loc[19 + row, "accuracy"] = np.nan
    curves = read(frame)
    assert labels_of(curves, 0.9) == {
        key: labels for key, labels in labels_of(read(PAIR), 0.9).items() if key != ("random", 1)
    }
    (sentence,) = curves.excluded
    assert "NaN" in sentence
    assert "random seed 1" in sentence
    assert "random seed 0" not in sentence


def test_a_run_without_score_and_counts_is_left_out_and_named():
    frame = PAIR.assign(n_test=100.0, n_correct=(PAIR["accuracy"] * 100).round())
    frame.loc[24, ["accuracy", "n_test", "n_correct"]] = np.nan
    curves = read(frame)
    assert len(curves.runs) == 5
    assert "random seed 1" in curves.excluded[0]


def test_a_truncated_run_is_left_out_and_named():
    curves = read(PAIR.drop(index=[113]))
    assert ("margin", 2) not in labels_of(curves, 0.9)
    (sentence,) = curves.excluded
    assert "margin seed 2" in sentence


def test_a_strategy_with_a_smaller_budget_is_not_truncated():
    curves = read(reaching([100, 110]), reaching([80, 90], "margin", grid=GRID[:10]))
    assert len(curves.runs) == 4
    assert curves.excluded == ()


def test_a_run_with_a_nan_score_does_not_make_shorter_ones_truncated():
    longer = [*jump(100), 0.95, np.nan]
    broken = curve([*GRID, 210, 220], longer, seed=3)
    assert read(PAIR, broken).runs["seed"].tolist() == [0, 1, 2] * 2


def test_a_nan_in_another_metric_leaves_no_run_out():
    assert len(read(PAIR.assign(average_precision=np.nan)).runs) == 6


def test_every_excluded_run_is_named_once_and_the_rest_counted():
    frame = reaching([100] * 14)
    frame.loc[frame["seed"] < 12, "accuracy"] = np.nan
    frame = frame.drop(index=len(frame) - 1)
    curves = read(frame)
    assert curves.runs["seed"].tolist() == [12]
    nan, short = curves.excluded
    assert nan.count("seed") == 10
    assert "2 more" in nan
    assert "seed 13" in short


def test_what_is_excluded_is_named_in_full():
    frame = reaching([100, 110])
    frame.loc[0, "accuracy"] = np.nan
    for value in COMPARISON_GROUP.values():
        assert str(value) in read(frame).excluded[0]


def test_two_runs_of_the_same_keys_are_an_error_that_names_both():
    other = PAIR[PAIR["seed"] == PAIR["seed"].iloc[0]].head(2).copy()
    other = other.assign(run_id="another", n_labels=other["n_labels"] + 5)
    with pytest.raises(ResultsError, match=r"two runs, .*another"):
        read(PAIR.assign(run_id="one"), other)


def test_percentages_are_not_taken_for_shares():
    with pytest.raises(ResultsError, match="not percentages"):
        read(PAIR.assign(accuracy=100 * PAIR["accuracy"]))
    with pytest.raises(ResultsError, match="none below 0"):
        read(PAIR.assign(n_labels=PAIR["n_labels"] - 1000))
