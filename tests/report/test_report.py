"""Reports of small results directories, against hand-computed cases and a slow second report."""

import json
import re
from dataclasses import replace
from io import StringIO
from itertools import product
from math import inf, isnan, nan
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
import pytest
import scipy.stats
from curves_factory import COMPARISON_GROUP, GRID, curve, jump, reaching, shuffled, write
from hypothesis import given, settings
from hypothesis import strategies as st

import alrun
from alrun.cli.options import Format
from alrun.errors import ResultsError
from alrun.report.render import FORMATS, Layout, render
from alrun.report.rows import COLUMNS
from alrun.report.sections import sections
from alrun.results.schema import FURTHER_AXES

# What cannot be estimated never gets as far as a warning of numpy or scipy.
pytestmark = pytest.mark.filterwarnings("error::RuntimeWarning")

FEW = settings(max_examples=25)
FEWER = settings(FEW, max_examples=8)  # of reports on many seeds
CONTRACT = """
    dataset model batch_size target strategy
    n_seeds n_pairs reached budget mean_labels mean_labels_low mean_labels_high median_labels
    saving saving_low saving_high wins ties losses p_value p_adjusted significant random_mean_labels
    aulc aulc_low aulc_high aulc_difference aulc_p_value aulc_p_adjusted initial
    final final_low final_high gain final_difference final_p_value final_p_adjusted query_seconds
    query_seconds_low query_seconds_high
"""
INTERVALS = ["mean_labels", "median_labels", "saving", "aulc", "final"]
TESTS = ["p_value", "aulc_p_value", "final_p_value"]

CENSORED = [reaching([120, inf, 150, inf, 180]), reaching([90, 110, inf, inf, 120], "margin")]
REACHED = [reaching([100, 120, 140, 110, 130]), reaching([80, 90, 100, 100, 80], "margin")]
SIX = [reaching([100, 120, 140, 110, 130, 150]), reaching([80, 90, 100, 100, 80, 90], "margin")]
EXPERIMENT = """
strategies = ["random", "margin", "entropy"]
seeds = 5
targets = [0.9]
budget = 200
[dataset]
name = "digits"
"""


def report_of(*frames, targets=(0.9,), experiment=None, runs=None, **options):
    """Return the report of a directory that holds these curves, and no more unless it is given."""
    with TemporaryDirectory() as name:
        folder = write(Path(name), *frames)
        if experiment is not None:
            (folder / "experiment.toml").write_text(experiment)
        if runs is not None:
            runs.to_parquet(folder / "runs.parquet", index=False)
        return alrun.report(folder, targets=targets, **options)


def row_of(report, strategy="margin", target=0.9, **keys):
    """Return the one row of a strategy at a target."""
    rows = report.rows[(report.rows["strategy"] == strategy) & (report.rows["target"] == target)]
    for key, value in keys.items():
        rows = rows[rows[key] == value]
    assert len(rows) == 1
    return rows.iloc[0]


def json_of(report):
    """Return what the JSON says; NaN and Infinity are no JSON."""
    return json.loads(render(report, "json"), parse_constant=lambda text: pytest.fail(text))


def json_row(report, strategy="margin"):
    (row,) = [row for row in json_of(report)["rows"] if row["strategy"] == strategy]
    return row


def line_of(report, strategy="margin"):
    """Return the cells of a strategy in the table of labels to target."""
    section = sections(report)[0]
    (cells,) = [row for row in section.rows if strategy in row]
    return dict(zip(section.header, cells, strict=True))


def noted(report, *words):
    """Return whether one of the notes holds all these words."""
    return any(all(word in note for word in words) for note in report.notes)


def runs_table(*rows):
    """Return a table of runs with the columns that a report reads."""
    usual = {**COMPARISON_GROUP, "run_id": "0" * 16, "status": "finished", "error": None}
    usual |= {"seconds_query": 1.0, "unconverged": 0}
    return pd.DataFrame([usual | row for row in rows])


def same_numbers(found, expected):
    pd.testing.assert_frame_equal(found.rows, expected.rows, check_exact=True)


# Cases computed by hand


def test_censored_runs_as_computed_by_hand():
    report = report_of(*CENSORED)
    random, margin = row_of(report, "random"), row_of(report)
    assert random["budget"] == margin["budget"] == 200
    assert random["reached"] == margin["reached"] == 3
    assert random["mean_labels"] == margin["random_mean_labels"] == 170
    assert margin["mean_labels"] == 144
    assert margin[["wins", "ties", "losses"]].tolist() == [3, 1, 1]
    assert margin["p_value"] == margin["p_adjusted"] == 6 / 16
    assert margin["saving"] == pytest.approx(0.15294, abs=5e-6)
    assert margin["saving_low"] == pytest.approx(-0.27306, abs=5e-6)
    assert line_of(report)["reached"] == "3/5"
    assert line_of(report)["within"] == "200"
    assert line_of(report)["saving"] == "15 % [-27, 52]"


def test_reached_runs_as_computed_by_hand():
    margin = row_of(report_of(*REACHED))
    assert margin["budget"] == 140
    assert margin["saving"] == pytest.approx(0.25)
    interval = margin["saving_low"], margin["saving_high"]
    assert interval == pytest.approx((0.099046, 0.370701), abs=5e-7)
    assert margin["p_value"] == 0.0625


def test_an_unbounded_saving_is_null_with_its_reason():
    grid = [10, 20, 200, 500]
    report = report_of(
        reaching([20, 20, 500], grid=grid), reaching([20, 200, 20], "margin", grid=grid)
    )
    row = json_row(report)
    assert (row["saving_low"], row["saving_high"]) == (None, None)
    assert row["saving"] == pytest.approx(1 - 240 / 540)
    assert "unbounded" in line_of(report)["saving"]
    assert noted(report, "unbounded", "margin", "0.9")


def test_the_median_and_its_interval():
    row = row_of(report_of(*SIX, reaching([30, inf, 20, 50, inf, 40], "entropy")), "entropy")
    names = ["median_labels", "median_labels_low", "median_labels_high"]
    assert row[names].tolist() == [45, 20, inf]
    assert row[["reached_low", "reached_high"]].tolist() == pytest.approx([0.3, 0.9032], abs=5e-5)


@pytest.mark.parametrize(
    ("labels", "median", "text"),
    [
        ([30, 40, inf], 40, "40"),
        ([30, 40, 50, inf], 45, "45"),
        ([30, 40, inf, inf], inf, ">200"),
        ([30, inf, inf], inf, ">200"),
    ],
)
def test_a_median_in_the_censored_half_lies_above_the_budget(labels, median, text):
    report = report_of(reaching(labels), reaching([inf] * len(labels), "margin"))
    assert row_of(report, "random")["median_labels"] == median
    assert line_of(report, "random")["median"] == text
    assert json_row(report, "random")["median_labels"] == (None if median == inf else median)


# A slow second report


def naive_report(frame, strategy, target, baseline="random"):
    """Return what statistics are due for one strategy, run by run and pattern by pattern."""
    reached, last = {}, {}
    for key, run in frame.groupby(["strategy", "seed"]):
        at = [
            n for n, score in zip(run["n_labels"], run["accuracy"], strict=True) if score >= target
        ]
        reached[key], last[key] = min(at, default=inf), max(run["n_labels"])
    unreached = [last[key] for key in reached if reached[key] == inf]
    tau = min(unreached) if unreached else max(reached.values())
    seeds = sorted(seed for name, seed in reached if name == strategy and (baseline, seed) in last)
    mine = [min(reached[strategy, seed], tau) for seed in seeds]
    theirs = [min(reached[baseline, seed], tau) for seed in seeds]
    differences = [b - a for a, b in zip(mine, theirs, strict=True)]
    sums = [
        abs(sum(sign * d for sign, d in zip(signs, differences, strict=True)))
        for signs in product([-1, 1], repeat=len(seeds))
    ]
    anyone = any(reached[name, seed] <= tau for name in (strategy, baseline) for seed in seeds)
    return {
        "n_seeds": sum(name == strategy for name, _ in reached),
        "n_pairs": len(seeds),
        "budget": tau,
        "reached": sum(reached[strategy, seed] <= tau for seed in seeds),
        "mean_labels": sum(mine) / len(mine),
        "random_mean_labels": sum(theirs) / len(theirs),
        "saving": 1 - sum(mine) / sum(theirs) if anyone else nan,
        "wins": sum(d > 0 for d in differences),
        "ties": sum(d == 0 for d in differences),
        "losses": sum(d < 0 for d in differences),
        "p_value": sum(total >= sums[-1] for total in sums) / len(sums) if len(seeds) > 1 else nan,
    }


labels_or_never = st.sampled_from([*GRID[:12], inf, inf])
arm = st.dictionaries(st.integers(0, 7), labels_or_never, max_size=7)
ends = st.integers(8, len(GRID))


@FEW
@given(st.tuples(arm, ends), st.tuples(arm, ends), st.tuples(arm, ends), labels_or_never)
def test_every_row_agrees_with_a_slow_second_report(random, margin, entropy, first):
    frames = []
    for name, (arm, end) in {"random": random, "margin": margin, "entropy": entropy}.items():
        arm = arm | {3: first}  # one pair at least
        frames.append(reaching(list(arm.values()), name, list(arm), GRID[:end]))
    frame = pd.concat(frames, ignore_index=True)
    report = report_of(shuffled(frame))
    for name in ("margin", "entropy"):
        row, expected = row_of(report, name), naive_report(frame, name, 0.9)
        found = {key: row[key] for key in expected}
        assert found == pytest.approx(expected, nan_ok=True, abs=1e-12)


# Inputs that the report must survive


def test_one_seed_gives_point_estimates_alone():
    report = report_of(reaching([100]), reaching([80], "margin"))
    row, line = row_of(report), json_row(report)
    assert row["saving"] == pytest.approx(0.2)
    assert row[["mean_labels", "median_labels"]].tolist() == [80, 80]
    assert row["aulc_difference"] == pytest.approx(0.05)
    for name in INTERVALS:
        assert isnan(row[f"{name}_low"])
        assert isnan(row[f"{name}_high"])
    assert [line[name] for name in TESTS] == [None] * 3
    assert [line["p_adjusted"], line["aulc_p_adjusted"]] == [None] * 2
    assert line["significant"] is False
    assert noted(report, "one seed")
    assert not noted(report, "no variation")
    assert "*" not in "".join(line_of(report).values())


def test_a_single_pair_among_more_seeds_is_not_tested():
    row = row_of(report_of(reaching([100, 110, 120]), reaching([80], "margin", seeds=[1])))
    assert row[["n_pairs", "random_mean_labels", "mean_labels"]].tolist() == [1, 110, 80]
    assert isnan(row["p_value"])
    assert not row["significant"]


def test_tied_pairs_have_p_one_and_stay_in_the_family():
    tied, better = reaching([100] * 6, "entropy"), reaching([90] * 6, "margin")
    report = report_of(reaching([100] * 6), tied, better)
    entropy = row_of(report, "entropy")
    assert entropy[["p_value", "p_adjusted", "saving"]].tolist() == [1, 1, 0]
    assert entropy[["wins", "ties", "losses"]].tolist() == [0, 6, 0]
    assert row_of(report)["p_value"] == 2**-5
    assert row_of(report)["p_adjusted"] == 2**-4
    assert not noted(report, "no variation", "entropy")


@pytest.mark.parametrize("baseline", [[100] * 6, [100, 110, 120, 130, 140, 150]])
def test_equal_differences_have_the_smallest_p_and_no_variation(baseline):
    report = report_of(reaching(baseline), reaching([n - 20 for n in baseline], "margin"))
    assert row_of(report)["p_value"] == 2**-5
    assert row_of(report)["significant"]
    assert noted(report, "no variation across seeds", "margin")


@pytest.mark.parametrize(
    "strategy",
    [[50, 60, 70, 80, 90, 100], [100, 120, 140, 160, 180, 200], [80, 110, 110, 150, 160, 180]],
    ids=["half of the baseline's", "ties", "other differences"],
)
def test_differences_that_vary_are_not_called_equal(strategy):
    report = report_of(reaching([100, 120, 140, 160, 180, 200]), reaching(strategy, "margin"))
    assert not noted(report, "no variation")


def test_a_target_that_nobody_reaches_is_not_estimable():
    report = report_of(reaching([inf] * 6), reaching([inf] * 6, "margin"))
    row, line = row_of(report), line_of(report)
    assert row["reached"] == 0
    assert row["p_value"] == row["p_adjusted"] == 1
    assert row["mean_labels"] == row["budget"] == 200
    assert line["reached"] == "0/6"
    assert line["median"] == ">200"
    assert line["saving"] == "not estimable"
    nulls = ["median_labels", "saving", "saving_low", "saving_high"]
    assert [json_row(report)[name] for name in nulls] == [None] * 4
    assert noted(report, "not estimable", "margin", "0.9")
    assert noted(report, "median", "above")


def test_a_baseline_that_never_reaches_leaves_a_saving_within_the_budget():
    report = report_of(reaching([inf] * 5), reaching([100] * 5, "margin"))
    row = row_of(report)
    assert row["saving"] == pytest.approx(0.5)
    assert row["p_value"] == 2**-4
    assert noted(report, "Warning", "random does not reach", "nothing beyond it", "margin")
    assert not noted(report_of(*CENSORED), "never reaches the target:")


def test_a_strategy_that_never_reaches_is_compared_all_the_same():
    row = row_of(report_of(reaching([100] * 5), reaching([inf] * 5, "margin")))
    assert row["saving"] == pytest.approx(-1)
    assert row["losses"] == 5


def test_a_strategy_that_lacks_seeds_is_paired_on_those_it_shares():
    random = reaching([100, 110, 120, 130, 140, 150])
    report = report_of(random, reaching([90, 100, 60, 70], "margin", seeds=[7, 1, 3, 5]))
    row, baseline = row_of(report), row_of(report, "random")
    assert row[["n_seeds", "n_pairs", "reached"]].tolist() == [4, 3, 3]
    assert row["random_mean_labels"] == 130
    assert row["mean_labels"] == pytest.approx((100 + 60 + 70) / 3)
    assert row["saving"] == pytest.approx(1 - 230 / 390)
    assert baseline["mean_labels"] == baseline["random_mean_labels"] == 125
    assert baseline[["n_seeds", "n_pairs"]].tolist() == [6, 6]
    assert row["aulc_difference"] == pytest.approx(0.45 * (130 - 230 / 3) / 180)
    assert row["aulc"] - row["aulc_difference"] < baseline["aulc"] - 0.01
    assert line_of(report)["reached"] == "3/3"
    assert noted(report, "margin lacks seeds 0, 2, 4")
    assert noted(report, "random lacks seed 7")


def test_a_strategy_that_shares_no_seed_is_not_said_to_fail():
    report = report_of(reaching([100, 110]), reaching([90, 80], "margin", seeds=[5, 6]))
    row = row_of(report)
    assert row["n_pairs"] == 0
    assert isnan(row["saving"])
    assert isnan(row["p_value"])
    assert not row["significant"]
    assert "nan" not in " ".join(line_of(report).values())
    assert "0/2" not in line_of(report)["reached"]


def test_a_run_with_a_nan_score_is_left_out_and_listed():
    frame = pd.concat(REACHED, ignore_index=True)
    broken = frame.copy()
    broken.loc[19 * 7 + 5, "accuracy"] = nan  # of margin, seed 2
    report = report_of(broken)
    whole = frame[(frame["strategy"] != "margin") | (frame["seed"] != 2)]
    same_numbers(report, report_of(whole))
    assert row_of(report)["n_pairs"] == 4
    assert noted(report, "Warning", "NaN", "margin seed 2")


def test_a_truncated_run_is_left_out_and_listed_and_never_censored():
    frame = pd.concat(CENSORED, ignore_index=True)
    of_run = (frame["strategy"] == "random") & (frame["seed"] == 1)
    report = report_of(frame[~of_run | (frame["n_labels"] < 100)])
    same_numbers(report, report_of(frame[~of_run]))
    assert row_of(report)["budget"] == 200
    assert row_of(report, "random")["n_seeds"] == 4
    assert noted(report, "Warning", "random seed 1")


def test_a_failed_run_is_listed_with_its_reason():
    runs = runs_table(
        *({"strategy": name, "seed": seed} for name in ("random", "margin") for seed in range(4)),
        {"strategy": "random", "seed": 4},
        {
            "strategy": "margin",
            "seed": 4,
            "status": "failed",
            "error": "ValueError: no pool",
            "seconds_query": nan,
            "unconverged": nan,
        },
    )
    report = report_of(REACHED[0], REACHED[1][REACHED[1]["seed"] < 4], runs=runs)
    assert noted(report, "1 ", "failed", "margin seed 4", "ValueError: no pool")
    assert noted(report, "margin lacks seed 4")
    assert row_of(report)["n_pairs"] == 4
    assert row_of(report)["query_seconds"] == 1


def test_no_run_at_all_that_can_be_used_is_an_error():
    frame = reaching([100, 110])
    frame.loc[frame["n_labels"] == 50, "accuracy"] = nan
    with pytest.raises(ResultsError):
        report_of(frame)


@pytest.mark.parametrize(
    ("random", "margin", "budget", "reached"),
    [
        ([100, inf], [100, 250], 200, 1),
        ([100, 110], [100, inf], 300, 1),
        ([100, inf], [250, inf], 200, 0),
        ([100, 110], [100, 250], 250, 2),
        ([100, inf], [200, 210], 200, 1),
    ],
)
def test_different_budgets_are_cut_at_the_common_one(random, margin, budget, reached):
    longer = tuple(range(20, 301, 10))
    report = report_of(reaching(random), reaching(margin, "margin", grid=longer))
    assert set(report.rows["budget"]) == {budget}
    assert row_of(report)["reached"] == reached
    means = [sum(min(n, budget) for n in labels) / 2 for labels in (random, margin)]
    assert row_of(report)[["random_mean_labels", "mean_labels"]].tolist() == means
    assert row_of(report, "random")[["random_mean_labels", "mean_labels"]].tolist() == means[:1] * 2
    assert line_of(report)["within"] == str(budget)
    assert report.budget == 300
    assert noted(report, "Warning", "200, 300")


def test_what_was_reached_beyond_the_common_budget_counts_as_unreached():
    random = reaching([inf, 90, 80, 70, 60, 50])
    late = [250, 210, 220, 230, 100, 100]
    report = report_of(random, reaching(late, "margin", grid=range(20, 301, 10)))
    row = row_of(report)
    assert row[["budget", "reached", "n_start_at_target"]].tolist() == [200, 2, 0]
    names = ["median_labels", "median_labels_low", "median_labels_high"]
    assert row[names].tolist() == [inf, 100, inf]
    assert line_of(report)["median"] == ">200"


def test_the_common_budget_is_one_per_block_and_target():
    hard = reaching([inf, 100], high=0.85)
    blocks = [
        hard,
        reaching([60, 80], "margin"),
        reaching([50, 70], batch_size=20, grid=GRID[:10]),
        reaching([50, inf], "margin", batch_size=20, grid=GRID[:10]),
        reaching([50, 90], dataset="iris"),
    ]
    report = report_of(*blocks, targets=[0.8, 0.95])
    budgets = report.rows.groupby(["dataset", "batch_size", "target"])["budget"].agg(set)
    assert budgets.to_dict() == {
        ("digits", 10, 0.8): {200},
        ("digits", 10, 0.95): {200},
        ("digits", 20, 0.8): {110},
        ("digits", 20, 0.95): {110},
        ("iris", 10, 0.8): {90},
        ("iris", 10, 0.95): {90},
    }


def test_grids_that_do_not_align_are_read_each_on_its_own():
    coarse = [25, 65, 105, 225]
    frames = [curve(coarse, jump(65, coarse), "margin", seed) for seed in range(3)]
    report = report_of(reaching([100, 110, 120]), *frames)
    row = row_of(report)
    assert row["mean_labels"] == 65
    assert row["random_mean_labels"] == 110
    # From 25 to 200 labels: up from .5 to .95 between 25 and 65, level from there.
    assert row["aulc"] == pytest.approx((40 * 0.725 + 135 * 0.95) / 175)
    assert row["initial"] == 0.5
    assert row["final"] == pytest.approx(0.95)
    # The others, 110 labels in the mean, begin and end level.
    random = row_of(report, "random")["aulc"]
    assert random == pytest.approx((75 * 0.5 + 10 * 0.725 + 90 * 0.95) / 175)


def test_the_final_score_is_that_at_the_end_of_the_common_range():
    longer = [curve([20, 190, 290], [0.5, 0.6, 0.8], "margin", seed) for seed in range(3)]
    row = row_of(report_of(reaching([100] * 3), *longer))
    assert row["final"] == pytest.approx(0.62)
    assert row["final_difference"] == pytest.approx(0.62 - 0.95)
    assert row["gain"] == pytest.approx(0.12)


def test_areas_and_final_scores_that_differ_by_rounding_alone_are_tied():
    def line(grid, name):
        scores = [0.5 + n / 700 for n in grid]
        return [curve(grid, scores, name, seed) for seed in range(8)]

    row = row_of(report_of(*line(GRID, "random"), *line([20, 33, 77, 203], "margin")))
    assert row[["aulc_difference", "aulc_p_value", "final_p_value"]].tolist() == [0, 1, 1]


def test_final_scores_are_tested_where_the_common_range_is_one_round():
    report = report_of(reaching([20] * 6, grid=[20]), reaching([30] * 6, "margin", grid=[20]))
    row = row_of(report)
    assert row["final_difference"] == pytest.approx(-0.45)
    assert row["final_p_value"] == 2**-5
    assert isnan(row["aulc"])
    assert noted(report, "Warning", "AULC")


def test_without_a_baseline_there_are_means_and_no_tests():
    report = report_of(reaching([100, 120, inf], "margin"), reaching([80, 90, 100], "entropy"))
    row = row_of(report)
    assert row["mean_labels"] == 140
    assert row["reached"] == 2
    assert not isnan(row["aulc"])
    for name in ["saving", "random_mean_labels", "aulc_difference", *TESTS, "p_adjusted"]:
        assert report.rows[name].isna().all()
    assert not report.rows["significant"].any()
    assert noted(report, "Warning", "no random")
    assert line_of(report)["reached"] == "2/3"
    for format in FORMATS:
        assert "margin" in render(report, format)


def test_a_data_set_without_a_baseline_is_named():
    report = report_of(*SIX, reaching([80, 90], "margin", dataset="iris"))
    assert row_of(report, dataset="iris")["mean_labels"] == 85
    assert isnan(row_of(report, dataset="iris")["p_value"])
    assert noted(report, "Warning", "random", "iris")


def test_curves_without_a_common_range_are_named():
    apart = reaching([320, 330, 340], "margin", grid=range(300, 400, 10))
    report = report_of(reaching([100, 110, 120]), apart)
    assert json_row(report)["aulc"] is None
    assert noted(report, "Warning", "AULC")


def falling_and_rising(frames, **options):
    """Return the reports of log_loss, which is 1 - accuracy here, and of accuracy.

    Neither has counts of correct predictions, which would be exact for one of them alone.
    """
    frames = [frame.drop(columns=["n_correct", "n_test"], errors="ignore") for frame in frames]
    frames = [frame.assign(log_loss=1 - frame["accuracy"]) for frame in frames]
    rising = report_of(*frames, targets=[0.9], **options)
    return report_of(*frames, targets=[1 - 0.9], metric="log_loss", **options), rising


@pytest.mark.parametrize("frames", [REACHED, CENSORED, SIX])
@pytest.mark.parametrize("options", [{}, {"sustain": 2}, {"adjustment": "maxT"}])
def test_a_score_that_falls_is_the_mirror_image_of_one_that_rises(frames, options):
    """Labels, savings and p values are the same; differences of scores change their sign."""
    falling, rising = falling_and_rising(frames, **options)
    turned = ["aulc_difference", "final_difference", "gain"]
    scores = ["aulc", "aulc_low", "aulc_high", "initial", "final", "final_low", "final_high"]
    expected = rising.rows.assign(target=1 - 0.9, target_value=1 - 0.9)
    expected[turned] = -expected[turned]
    low, high = expected[["aulc_low", "final_low"]], expected[["aulc_high", "final_high"]]
    expected[scores] = 1 - expected[scores]
    expected[["aulc_low", "final_low"]] = 1 - high
    expected[["aulc_high", "final_high"]] = 1 - low
    pd.testing.assert_frame_equal(falling.rows, expected, rtol=1e-9, atol=1e-12)
    assert falling.rows["aulc_difference"].abs().max() > 0.01
    assert falling.rows["reached"].max() > 0


def test_the_best_falling_score_is_the_lowest():
    falling, rising = falling_and_rising(REACHED)
    assert (1, 1) in sections(falling)[1].bold
    assert (0, 1) not in sections(falling)[1].bold
    for labels_or_scores in (0, 1):
        assert sections(falling)[labels_or_scores].bold == sections(rising)[labels_or_scores].bold
    assert "Bold: the lowest." in sections(falling)[1].caption
    assert "Bold: the highest." in sections(rising)[1].caption


def test_a_target_on_a_falling_score_is_said_to_be_at_most():
    falling, rising = falling_and_rising(REACHED)
    assert noted(falling, "scores are log_loss, where less is better.")
    assert noted(falling, "at which a run's score was at most the target.")
    assert noted(falling, "that rose above it later")
    assert "the target (log_loss, at most)" in sections(falling)[0].caption
    assert "rose above the target later" in sections(falling)[0].caption
    for words in ("at most the", "less is", "rose"):
        assert not noted(rising, words)
        assert words not in sections(rising)[0].caption


def test_a_run_that_rises_above_a_falling_target_is_warned_of():
    up_and_down = [curve([20, 30, 40], [0.5, 0.2, 0.4], seed=seed) for seed in range(5)]
    frame = pd.concat(up_and_down)
    frame = frame.assign(log_loss=frame["accuracy"])
    report = report_of(frame, targets=[0.3], metric="log_loss")
    assert row_of(report, "random", 0.3)["drop_back"] == 1
    assert noted(report, "Warning", "rose above it later", "--sustain 2")


@pytest.mark.parametrize(
    ("metric", "target", "bounds"),
    [
        ("log_loss", 0, "above 0"),
        ("log_loss", -1.5, "above 0"),
        ("log_loss", inf, "above 0"),
        ("log_loss", nan, "above 0"),
        ("brier", 2.5, "between 0 and 2"),
        ("ece", 1.5, "between 0 and 1"),
    ],
)
def test_a_target_that_no_falling_score_can_have_is_an_error(metric, target, bounds):
    frames = [frame.assign(**{metric: 1 - frame["accuracy"]}) for frame in REACHED]
    with pytest.raises(ResultsError, match=f"the target {target:g} is no score {bounds}"):
        report_of(*frames, targets=[0.1, target], metric=metric)


def test_a_loss_may_have_a_target_above_one():
    frames = [frame.assign(log_loss=3 * (1 - frame["accuracy"])) for frame in REACHED]
    report = report_of(*frames, targets=[1.2], metric="log_loss")
    assert row_of(report, target=1.2)["reached"] == 5


def test_the_old_name_of_the_baselines_mean_labels_has_the_same_values():
    report = report_of(*CENSORED)
    rows = report.rows
    assert rows["baseline_mean_labels"].tolist() == rows["random_mean_labels"].tolist() == [170] * 2
    assert json_row(report)["baseline_mean_labels"] == 170


def test_nothing_but_json_says_null():
    for frames in (REACHED[:1], CENSORED, [frame[frame["seed"] == 0] for frame in CENSORED]):
        for targets in ([0.99], []):
            report = report_of(*frames, targets=targets)
            assert not noted(report, "null")


def test_a_round_that_stands_twice_is_an_error_that_names_it():
    with pytest.raises(ResultsError, match="digits-logistic-10-margin-3") as error:
        report_of(*REACHED, REACHED[1].iloc[[19 * 3 + 4]])
    assert "60" in str(error.value)


def test_the_order_of_the_rows_changes_no_number():
    frame = pd.concat([*CENSORED, *(block.assign(batch_size=5) for block in SIX)])
    expected = report_of(frame, targets=[0.6, 0.9])
    for seed in range(3):
        report = report_of(shuffled(frame, seed), targets=[0.9, 0.6])
        same_numbers(report, expected)
        assert report.notes == expected.notes


def test_curves_without_run_ids_can_be_reported():
    frame = pd.concat(REACHED)
    same_numbers(report_of(frame.drop(columns="run_id")), report_of(frame))


# Errors


@pytest.mark.parametrize("target", [0, -0.1, 1.01, 90, nan])
def test_a_target_that_is_no_score_is_an_error(target):
    with pytest.raises(ResultsError, match=f"{target:g}"):
        report_of(*REACHED, targets=[0.9, target])


def test_an_unknown_metric_is_an_error():
    with pytest.raises(ResultsError, match="acuracy"):
        report_of(*REACHED, metric="acuracy")


def test_a_directory_without_curves_is_an_error(tmp_path):
    with pytest.raises(ResultsError, match=r"curves\.parquet"):
        alrun.report(tmp_path, targets=[0.9])


def test_a_file_that_is_no_parquet_is_an_error(tmp_path):
    (tmp_path / "curves.parquet").write_text("dataset,model")
    with pytest.raises(ResultsError, match=r"curves\.parquet"):
        alrun.report(tmp_path, targets=[0.9])


# The baseline


def test_a_baseline_other_than_random():
    report = report_of(*SIX, reaching([90] * 6, "entropy"), baseline="margin")
    assert report.rows["strategy"].tolist() == ["margin", "entropy", "random"]
    assert report.rows["is_baseline"].tolist() == [True, False, False]
    random, entropy = row_of(report, "random"), row_of(report, "entropy")
    assert random["random_mean_labels"] == entropy["random_mean_labels"] == 90
    assert random["saving"] == pytest.approx(1 - 125 / 90)
    assert random[["losses", "p_value"]].tolist() == [6, 2**-5]
    assert isnan(row_of(report)["p_value"])
    assert noted(report, "Saving", "margin")


def test_the_other_way_round_the_p_values_are_the_same():
    forth, back = report_of(*SIX), report_of(*SIX, baseline="margin")
    for name in TESTS:
        assert row_of(forth, "margin")[name] == row_of(back, "random")[name]


def test_an_unknown_baseline_is_an_error_that_names_the_nearest():
    with pytest.raises(ResultsError, match="margin"):
        report_of(*REACHED, baseline="margn")


def test_the_baseline_stands_first_then_the_order_of_the_experiment_then_the_alphabet():
    names = ["zebra", "entropy", "margin", "random", "albatross"]
    frames = [reaching([100, 110], name) for name in names]
    strategies = report_of(*frames, targets=[0.6, 0.9]).rows["strategy"].tolist()
    assert strategies == ["random", "albatross", "entropy", "margin", "zebra"] * 2
    strategies = report_of(*frames, experiment=EXPERIMENT).rows["strategy"].tolist()
    assert strategies == ["random", "margin", "entropy", "albatross", "zebra"]


# The experiment file


def test_a_target_that_the_experiment_does_not_name_is_noted():
    report = report_of(*REACHED, experiment=EXPERIMENT, targets=[0.9, 0.7])
    assert noted(report, "Warning", "does not name", "0.7", "exploratory")
    assert not noted(report, "does not name", "0.9")
    assert not noted(report_of(*REACHED, experiment=EXPERIMENT), "does not name")
    assert not noted(report_of(*REACHED, targets=[0.7]), "does not name")


def test_targets_and_metric_are_those_of_the_experiment_unless_named():
    frames = [frame.assign(macro_f1=frame["accuracy"] - 0.3) for frame in REACHED]
    text = EXPERIMENT.replace("budget", 'metric = "macro_f1"\nbudget')
    report = report_of(*frames, experiment=text, targets=None)
    assert (report.metric, report.targets) == ("macro_f1", (0.9,))
    assert (report.rows["reached"] == 0).all()
    report = report_of(*frames, experiment=text, metric="accuracy", targets=[0.8])
    assert (report.metric, report.targets) == ("accuracy", (0.8,))
    assert (report.rows["reached"] == 5).all()


def test_data_drawn_anew_per_seed_make_a_claim_about_the_generator():
    drawn = EXPERIMENT + "per_seed = true\n"
    assert noted(report_of(*REACHED, experiment=drawn), "digits", "generator")
    fixed = report_of(*REACHED, experiment=EXPERIMENT)
    assert noted(fixed, "digits", "other data from the same source")
    assert not noted(fixed, "generator")


def test_splits_and_initial_labels_of_a_file_are_no_draws():
    """What all seeds share is no part of what intervals cover."""
    given = EXPERIMENT.replace('name = "digits"', 'name = "digits"\nsplits = "mine.parquet"')
    assert given != EXPERIMENT
    report = report_of(*REACHED, experiment=given)
    assert noted(report, "about digits as it is", "as the file of splits says")
    assert not noted(report, "split anew")
    text = EXPERIMENT + '[initial]\nmethod = "file"\nfile = "lists/experts.csv"\n'
    report = report_of(*REACHED, experiment=text)
    assert noted(report, "listed in experts.csv", "no interval")
    assert not noted(report_of(*REACHED, experiment=EXPERIMENT), "initial labels are")


def test_without_targets_there_are_whole_curves_alone():
    report = report_of(*REACHED, targets=[])
    assert len(report.rows) == 2
    assert report.rows[["target", "reached", "saving", "p_value", "budget"]].isna().all(axis=None)
    assert report.rows["aulc_p_value"].notna().sum() == 1
    assert [section.title.split(":")[0] for section in sections(report)] == ["Whole curve"]
    for format in FORMATS:
        assert "margin" in render(report, format)
    assert json_row(report)["target"] is None


# Many tests


def naive_holm(p_values):
    tests = sorted((p, key) for key, p in p_values.items())
    adjusted, above = {}, 0
    for rank, (p, key) in enumerate(tests):
        above = adjusted[key] = max(above, min(1, p * (len(tests) - rank)))
    return adjusted


def many_tests(**options):
    rng = np.random.default_rng(5)
    frames = []
    for dataset, batch_size in product(["digits", "iris"], [5, 10]):
        for place, name in enumerate(["random", "margin", "entropy"]):
            for seed in range(8):
                n = rng.integers(6, 12) - 2 * place
                score = np.clip(0.1 * np.arange(19) / n + 0.8 + rng.normal(0, 0.01, 19), 0, 0.99)
                keys = {"dataset": dataset, "batch_size": batch_size}
                frames.append(curve(GRID, score, name, seed, **keys))
    return report_of(*frames, targets=[0.85, 0.9, 0.92], **options)


def test_every_test_of_labels_to_target_is_in_one_family():
    rows = many_tests().rows
    tests = rows[~rows["is_baseline"]]
    assert len(tests) == 2 * 2 * 3 * 2
    assert tests["p_adjusted"].to_dict() == pytest.approx(naive_holm(tests["p_value"].to_dict()))
    assert rows.loc[rows["is_baseline"], ["p_value", "p_adjusted"]].isna().all(axis=None)


def test_the_table_of_whole_curves_has_a_line_for_each_strategy_and_not_for_each_target():
    shown = [len(section.rows) for section in sections(report_of(*REACHED, targets=[0.6, 0.9]))]
    assert shown == [4, 2]


@pytest.mark.parametrize("name", ["aulc", "final"])
def test_what_has_no_target_is_tested_once_and_not_once_per_target(name):
    report = many_tests()
    tests = report.rows[~report.rows["is_baseline"]]
    once = tests[tests["target"] == 0.9]
    expected = naive_holm(once[f"{name}_p_value"].to_dict())
    assert len(expected) == 8
    assert once[f"{name}_p_adjusted"].to_dict() == pytest.approx(expected)
    cells = tests.groupby(["dataset", "batch_size", "strategy"])
    assert (cells[f"{name}_p_adjusted"].nunique() == 1).all()
    assert tests[f"{name}_p_adjusted"].notna().all()


def test_a_star_follows_the_adjusted_p_alone():
    one = report_of(*SIX)
    assert row_of(one)["p_value"] == 2**-5
    assert row_of(one)["significant"]
    assert line_of(one)["p adj."].endswith("*")
    two = report_of(*SIX, reaching([80] * 6, "entropy"))
    assert row_of(two)["p_value"] == 2**-5
    assert row_of(two)["p_adjusted"] == 2**-4
    assert not two.rows["significant"].any()
    for section in sections(two):
        assert "*" not in "".join(map("".join, section.rows))


@pytest.mark.parametrize(
    ("n_seeds", "n_strategies", "needed"), [(5, 1, 6), (6, 1, None), (6, 2, 7), (7, 2, None)]
)
def test_seeds_that_cannot_reach_significance_are_said(n_seeds, n_strategies, needed):
    frames = [reaching([80] * n_seeds, f"s{place}") for place in range(n_strategies)]
    report = report_of(reaching([100] * n_seeds), *frames)
    said = [re.findall(r"\d+", note) for note in report.notes if "cannot reach" in note]
    assert len(said) == (needed is not None)
    assert all(str(needed) in numbers for numbers in said)
    assert report.rows["significant"].any() == (needed is None)


def test_a_strategy_with_too_few_pairs_for_significance_is_said():
    frames = [reaching([100] * 9), reaching([80] * 9, "margin")]
    assert not noted(report_of(*frames), "cannot reach")
    assert noted(report_of(*frames, reaching([80] * 3, "entropy")), "3 ", "cannot reach")


def test_a_target_that_must_be_sustained_changes_every_number_of_it():
    """Case: scores that touch the target once, fall back, and stay there later."""
    touching = [0.5, 0.95, 0.5, 0.95, 0.95, 0.95]
    staying = [0.5, 0.5, 0.95, 0.95, 0.95, 0.95]
    grid = [20, 30, 40, 50, 60, 70]
    frames = [curve(grid, touching, seed=seed) for seed in range(6)]
    frames += [curve(grid, staying, "margin", seed) for seed in range(6)]
    once, twice = report_of(*frames), report_of(*frames, sustain=2)
    assert row_of(once, "random")["mean_labels"] == 30
    assert row_of(once, "random")["sensitivity_mean_labels"] == 50
    assert row_of(once)["saving"] == pytest.approx(1 - 40 / 30)
    assert row_of(once)["sensitivity_saving"] == pytest.approx(1 - 40 / 50)
    assert row_of(once, "random")["drop_back"] == 1
    assert row_of(once)["drop_back"] == 0
    assert noted(once, "more than half", "random at 0.9")
    assert line_of(once)["k=2"] == "20"
    assert line_of(once, "random")["back"] == "100"
    assert row_of(twice)["mean_labels"] == 40
    assert row_of(twice)["saving"] == pytest.approx(1 - 40 / 50)
    assert row_of(twice)["sensitivity_saving"] == pytest.approx(1 - 40 / 30)
    assert row_of(twice)["wins"] == 6
    assert row_of(twice, "random")["drop_back"] == 1
    assert line_of(twice)["k=1"] == "-33"
    assert noted(twice, "in 2 rounds in a row")
    assert json_of(twice)["sustain"] == 2


def test_max_t_adjusts_each_family_by_the_joint_flips_of_its_seeds():
    holm, adjusted = many_tests(), many_tests(adjustment="maxT")
    tests = ~holm.rows["is_baseline"]
    assert (holm.rows["p_value"].fillna(-1) == adjusted.rows["p_value"].fillna(-1)).all()
    for name in ("p", "aulc_p", "final_p"):
        smaller = adjusted.rows.loc[tests, f"{name}_adjusted"]
        assert (smaller >= adjusted.rows.loc[tests, f"{name}_value"] - 1e-12).all()
        assert (smaller <= holm.rows.loc[tests, f"{name}_adjusted"] + 1e-12).all()
        assert (smaller < holm.rows.loc[tests, f"{name}_adjusted"]).any()
    assert noted(adjusted, "step-down maxT over the 24 tests")
    assert adjusted.rows.loc[~tests, "p_adjusted"].isna().all()


def test_max_t_of_a_report_is_that_of_its_differences():
    labels = {"random": [100, 120, 140, 110], "a": [90, 100, 130, 80], "b": [80, 110, 150, 90]}
    report = report_of(
        *[reaching(values, name) for name, values in labels.items()], adjustment="maxT"
    )
    rows = [
        [r - a, r - b] for r, a, b in zip(labels["random"], labels["a"], labels["b"], strict=True)
    ]
    assert rows == [[10, 20], [20, 10], [10, -10], [30, 20]]
    assert row_of(report, "a")["p_adjusted"] == 0.25
    assert row_of(report, "b")["p_adjusted"] == 0.375


def test_max_t_needs_the_same_seeds_in_all_tests():
    frames = [reaching([100] * 8), reaching([80] * 8, "margin"), reaching([90] * 7, "entropy")]
    with pytest.raises(ResultsError, match="the same seeds in all tests, and entropy, digits"):
        report_of(*frames, adjustment="maxT")
    assert len(report_of(*frames).rows) == 3


@pytest.mark.parametrize(
    ("options", "said"),
    [({"adjustment": "maxt"}, "did you mean 'maxT'"), ({"sustain": 0}, "one round at least")],
)
def test_options_that_cannot_be_are_errors(options, said):
    with pytest.raises(ResultsError, match=said):
        report_of(*SIX, **options)


def test_the_smallest_adjusted_p_and_the_seeds_a_family_needs_are_said():
    assert noted(
        report_of(*SIX),
        "that 6 seeds can give in a family of 1 test of labels to target is 0.03; ",
        "takes 6",
    )
    assert noted(
        many_tests(adjustment="maxT"),
        "can give in a family of 24 tests of labels to target is 0.008",
    )


@FEWER
@given(st.randoms(use_true_random=False), st.sampled_from(["holm", "maxT"]))
def test_permuting_rows_seeds_and_strategies_changes_no_number(random, adjustment):
    """Seeds are renumbered, rows shuffled, and the strategies named in another order."""
    rng = np.random.default_rng(random.randrange(1000))
    frames = [
        curve(GRID, np.clip(rng.normal(0.05 * np.arange(19) + 0.4, 0.1), 0, 1), name, seed)
        for name in ("random", "margin", "entropy")
        for seed in range(18)  # more than are enumerated
    ]
    frame = pd.concat(frames, ignore_index=True)
    seeds = list(range(18))
    random.shuffle(seeds)
    others = frame.assign(
        seed=frame["seed"].map(dict(enumerate(seeds))),
        run_id=frame["run_id"],
        strategy=frame["strategy"].map({"random": "random", "margin": "zz", "entropy": "aa"}),
    )
    options = {"targets": [0.7, 0.9], "adjustment": adjustment}
    plain = report_of(frame, **options).rows
    found = report_of(shuffled(others, random.randrange(100)), **options).rows
    names = {"random": "random", "zz": "margin", "aa": "entropy"}
    found = found.assign(strategy=found["strategy"].map(names))
    keys = ["target", "strategy"]
    plain, found = (rows.sort_values(keys, ignore_index=True) for rows in (plain, found))
    tests = [name for name in COLUMNS if "p_value" in name or "p_adjusted" in name]
    pd.testing.assert_frame_equal(found[tests], plain[tests], check_exact=True)
    pd.testing.assert_frame_equal(found, plain, rtol=1e-9, atol=1e-12, check_categorical=False)


def test_too_few_pairs_of_one_test_do_not_speak_for_the_family():
    """Holm multiplies the largest p by one: with 6 and 7 pairs both tests can be significant."""
    frames = [reaching([100] * 7), reaching([80] * 7, "margin"), reaching([80] * 6, "entropy")]
    report = report_of(*frames)
    assert report.rows["significant"].sum() == 2
    assert not noted(report, "cannot reach significance")
    report = report_of(*frames[:2], reaching([80] * 3, "entropy"))
    assert noted(report, "cannot reach significance", "entropy at 0.9 (3 of 3")
    assert not noted(report, "cannot reach significance", "margin at")


def test_the_mean_that_a_saving_is_of_is_said_where_seeds_are_missing():
    frames = [reaching([100, 120, 140, 110, 200]), reaching([80, 90, 100, 100], "margin")]
    assert noted(report_of(*frames), "117.5 on the pairs of margin at 0.9")
    assert not noted(report_of(*REACHED), "on the pairs of")


def test_a_strategy_without_a_seed_in_common_is_said_to_have_no_test():
    frames = [reaching([100] * 5), reaching([80] * 5, "margin", seeds=range(5, 10))]
    assert noted(report_of(*frames), "no seed in common with random", "margin (digits")
    assert not noted(report_of(*frames), "over the 0 tests")


def test_runs_of_the_experiment_that_are_missing_are_counted():
    frames = [reaching([100] * 5), reaching([80] * 3, "margin")]
    report = report_of(*frames, experiment=EXPERIMENT)
    assert noted(report, "7 of the 15 runs of the experiment are missing", "2 of margin (digits")
    assert noted(report, "5 of entropy (digits, logistic, batch size 10)")
    whole = [reaching([100] * 5, name) for name in ("random", "margin", "entropy")]
    assert not noted(report_of(*whole, experiment=EXPERIMENT), "missing")


def test_runs_that_begin_with_other_scores_are_said_to_be_no_pairs():
    other = reaching([80, 90, 100, 100, 80], "margin", low=0.4)
    assert noted(report_of(REACHED[0], other), "do not begin with the same score", "digits")
    assert not noted(report_of(*REACHED), "do not begin")


def test_where_runs_start_and_end_apart_the_range_is_said():
    late = reaching([120] * 5, "margin", grid=GRID[5:])
    report = report_of(REACHED[0], late)
    assert noted(report, "runs start at 20, 70 labels", "are over 70 to 200")
    assert not noted(report, "runs end at")


# AULC and the final score


def test_area_and_final_score_are_tested_on_the_pairs():
    ends = [[0.90, 0.92, 0.94, 0.90], [0.92, 0.93, 0.93, 0.95]]
    frames = [
        curve([20, 40], [0.5, final], name, seed, n_test=100, n_correct=[50, round(100 * final)])
        for name, finals in zip(["random", "margin"], ends, strict=True)
        for seed, final in enumerate(finals)
    ]
    for report in (report_of(*frames), report_of(*(f.drop(columns="n_correct") for f in frames))):
        row = row_of(report)
        assert row["final_p_value"] == row["aulc_p_value"] == 6 / 16  # of 2, 1, -1 and 5
        assert row["final_difference"] == pytest.approx(0.07 / 4)
        assert row["aulc_difference"] == pytest.approx(0.07 / 8)
        assert row["final"] == pytest.approx(3.73 / 4)
        assert row["aulc"] == pytest.approx(0.25 + 3.73 / 8)
        assert row["initial"] == 0.5


def test_final_scores_on_test_parts_of_unequal_size_are_compared_as_scores():
    frames = []
    for seed, (random, margin, size) in enumerate([(5, 8, 10), (6, 9, 10), (80, 60, 100)]):
        for name, correct in (("random", random), ("margin", margin)):
            counts = {"n_test": size, "n_correct": [0, correct]}
            frames.append(curve([20, 40], [0, correct / size], name, seed, **counts))
    assert row_of(report_of(*frames))["final_p_value"] == 4 / 8  # of .3, .3 and -.2


# Scale


@FEWER
@given(st.lists(st.tuples(labels_or_never, labels_or_never), min_size=2, max_size=8))
def test_ten_times_the_labels_scale_the_means_and_leave_savings_and_p_values(pairs):
    random, margin = zip(*pairs, strict=True)
    frame = pd.concat([reaching(random), reaching(margin, "margin")])
    plain = report_of(frame).rows
    large = report_of(frame.assign(n_labels=10 * frame["n_labels"])).rows
    scaled = [name for name in COLUMNS if "_labels" in name or name in ("budget", "difference_sd")]
    for name in COLUMNS:
        factor = 10 if name in scaled else 1
        if plain[name].dtype.kind == "f":
            np.testing.assert_allclose(
                large[name], factor * plain[name], rtol=1e-6, atol=1e-7, err_msg=name
            )
        elif factor == 1:
            assert large[name].tolist() == plain[name].tolist()


# What a report looks like


LONG = "a_very_long_name_of_a_thing_that_somebody_found_worth_telling_apart_from_all_the_other_ones"
HARD = ["random", LONG, LONG.replace("_", " "), "a|b", r"50% & $x_1$ #{y}~^\<z>", "[bold]x[/bold]"]


def hard_report():
    """Return a report with long and awkward names, and everything that can be null."""
    frames = []
    for place, name in enumerate(HARD):
        keys = {"dataset": LONG, "model": LONG + LONG}
        frames.append(reaching([100, inf, 120 - place, 130, 140, 150], name, **keys))
        frames.append(reaching([100 + place], name))
        frames.append(reaching([inf] * 3, name, batch_size=1000))
    grid = [100_000 * n for n in GRID]
    frames += [reaching([10_000_000] * 6, name, grid=grid, batch_size=7) for name in HARD]
    frames.append(reaching([90, 110], "entropy", dataset="no baseline here"))
    return report_of(*frames, targets=[0.6, 0.9123456789])


@pytest.fixture(scope="module")
def hard():
    return hard_report()


def test_json_holds_every_key_of_the_contract(hard):
    content = json_of(hard)
    assert set(content) >= {"budget", "rows", "notes"}
    assert content["budget"] == 20_000_000
    assert len(content["rows"]) == len(hard.rows) == 2 * (4 * len(HARD) + 1)
    for row in content["rows"]:
        assert set(row) >= set(CONTRACT.split())
    assert all(isinstance(note, str) for note in content["notes"])
    assert list(hard.rows.columns) == COLUMNS


def test_json_says_what_the_rows_say(hard):
    rows = hard.rows.drop(columns=list(FURTHER_AXES)).to_dict("records")
    for found, expected in zip(json_of(hard)["rows"], rows, strict=True):
        assert list(found) == list(expected)
        for key, value in expected.items():
            if isinstance(value, float) and not np.isfinite(value):
                assert found[key] is None
            else:
                assert found[key] == value


def test_json_has_counts_as_whole_numbers_and_truths_as_truths(hard):
    for row in json_of(hard)["rows"]:
        counts = (row[key] for key in ("batch_size", "n_seeds", "n_pairs", "reached", "budget"))
        assert all(isinstance(count, int) for count in counts)
        assert isinstance(row["significant"], bool)


@pytest.mark.parametrize("format", FORMATS)
def test_every_format_renders_and_ends_its_last_line(hard, format):
    text = render(hard, format)
    assert text.endswith("\n")
    assert "no baseline here" in text


def test_the_formats_are_those_of_the_command():
    assert set(FORMATS) == set(Format)
    assert {"table", "markdown", "csv", "json", "latex"} <= set(FORMATS)


def test_the_table_fits_a_hundred_columns_and_cuts_nothing_off(hard):
    text = render(hard, "table", Layout(all_notes=True))
    assert max(map(len, text.splitlines())) <= 100
    assert "…" not in text
    letters = re.sub(r"\s", "", text)
    for note in (*hard.all_notes, *(text for part in hard.paragraphs for text in part.sentences)):
        assert re.sub(r"\s", "", note) in letters


def test_the_table_of_usual_names_has_a_line_for_each_strategy():
    names = ["random", "least_confidence", "margin", "density 2"]
    frames = [reaching([100, 120, 140, 110, 130, 150], name) for name in names]
    report = report_of(*frames)
    lines = render(report, "table").splitlines()
    for section in sections(report):
        for row in section.rows:
            assert any(all(cell in line for cell in row) for line in lines)


def test_the_table_shows_names_that_look_like_markup():
    report = report_of(*(frame.replace({"strategy": {"margin": "[b]x[/b]"}}) for frame in SIX))
    assert not noted(report, "[b]")
    assert render(report, "table").count("[b]x[/b]") == 3  # the verdict and two tables


def test_markdown_has_as_many_cells_in_every_row(hard):
    lines = render(hard, "markdown", Layout(all_notes=True)).splitlines()
    tables = [[]]
    for line in lines:
        if line.startswith("|"):
            tables[-1].append(len(re.findall(r"(?<!\\)\|", line)))
        elif tables[-1]:
            tables.append([])
    tables = [table for table in tables if table]
    assert len(tables) == len(sections(hard)) == 10
    assert all(len(set(table)) == 1 for table in tables)
    for note in hard.all_notes:
        assert f"- {note.replace('<z>', '&lt;z>')}" in lines


def test_latex_has_as_many_cells_in_every_row_and_escapes_the_rest(hard):
    text = render(hard, "latex", Layout(all_notes=True))
    rows = [line for line in text.splitlines() if line.endswith(r" \\")]
    assert {len(re.findall(r"(?<!\\)&", row)) for row in rows} == {7, 9}
    assert not re.search(r"(?<!\\)[$#_]", "".join(rows))
    assert text.count(r"\begin{tabular}") == text.count(r"\end{tabular}") == 10
    comments = {line for line in text.splitlines() if line.startswith("% ")}
    assert comments == {f"% {note}" for note in hard.all_notes}


def test_csv_reads_back_as_the_rows(hard):
    found = pd.read_csv(StringIO(render(hard, "csv")), dtype={"start": object}).fillna(
        {"start": ""}
    )
    assert found.columns.tolist() == [name for name in COLUMNS if name not in FURTHER_AXES]
    rows = hard.rows.drop(columns=list(FURTHER_AXES))
    pd.testing.assert_frame_equal(found, rows, check_dtype=False, check_categorical=False)


def test_large_label_counts_are_written_out(hard):
    assert "e+0" not in render(hard, "markdown")


def test_no_text_says_nan(hard):
    for section in sections(hard):
        for row in section.rows:
            assert not {"nan", "inf", "NaN", ">nan", "nan/nan/nan"} & set(row)


# Notes


def test_runs_that_start_at_the_target_are_counted():
    report = report_of(reaching([100] * 5), reaching([20, 30, 20, 40, 20], "margin"))
    assert noted(report, "start at the target", "margin at 0.9 (3 of 5")
    assert not noted(report, "start at the target", "random at")
    report = report_of(reaching([100] * 2), reaching([30, 40], "margin", grid=GRID[1:]))
    assert noted(report, "start at the target", "margin at 0.9 (1 of 2")


def test_runs_that_start_at_the_target_are_counted_among_those_of_the_row():
    report = report_of(reaching([100] * 3), reaching([20] * 5, "margin"))
    assert noted(report, "start at the target", "3 of 3") or noted(report, "5 of 5")


def test_intervals_are_said_to_be_marginal_once():
    report = report_of(*CENSORED, *(frame.assign(batch_size=5) for frame in SIX))
    assert sum("can disagree" in note for note in report.notes) == 1


def test_savings_at_several_targets_are_not_to_be_compared():
    assert noted(report_of(*CENSORED, targets=[0.6, 0.9]), "different targets")
    assert not noted(report_of(*CENSORED), "different targets")


def test_fits_that_did_not_converge_are_counted():
    runs = runs_table(
        {"strategy": "random", "seed": 0, "unconverged": 2},
        {"strategy": "margin", "seed": 0, "unconverged": 1},
        {"strategy": "margin", "seed": 1},
    )
    assert noted(report_of(*REACHED, runs=runs), "3 fits", "2 runs", "converge")
    assert not noted(report_of(*REACHED), "Warning", "converge")


def test_a_note_is_one_line_whatever_the_error_it_quotes():
    error = {"status": "failed", "error": "ValueError: 3 rows\nare missing"}
    report = report_of(*REACHED, runs=runs_table({"strategy": "margin", "seed": 9} | error))
    assert noted(report, "ValueError: 3 rows", "are missing")
    assert not noted(report, "\n")


def test_seconds_in_the_strategy_are_the_mean_of_its_cell():
    runs = runs_table(
        {"strategy": "random", "seed": 0, "seconds_query": 0.5},
        {"strategy": "margin", "seed": 0, "seconds_query": 2.0},
        {"strategy": "margin", "seed": 1, "seconds_query": 4.0},
        {"strategy": "margin", "seed": 0, "seconds_query": 9.0, "batch_size": 20},
    )
    report = report_of(*REACHED, runs=runs)
    assert row_of(report)["query_seconds"] == 3
    assert row_of(report, "random")["query_seconds"] == 0.5
    low, high = scipy.stats.t.interval(0.95, 1, loc=3, scale=scipy.stats.sem([2, 4]))
    assert low < 0  # no run takes less than no time
    ends = row_of(report)[["query_seconds_low", "query_seconds_high"]]
    assert ends.tolist() == [0, pytest.approx(high)]
    assert np.isnan(row_of(report, "random")["query_seconds_low"])
    assert line_of(report)["s"] == "3.0"
    assert noted(report, "Column s:", "depend on the machine")


def test_without_a_table_of_runs_the_seconds_are_null_with_a_note():
    report = report_of(*REACHED)
    row = json_row(report)
    assert [row[f"query_seconds{end}"] for end in ("", "_low", "_high")] == [None] * 3
    assert noted(report, "Query seconds are not known", "runs.parquet")
    assert "s" not in line_of(report)


def test_seconds_of_a_run_that_failed_do_not_make_the_mean_unknown():
    runs = runs_table(
        {"strategy": "margin", "seed": 0, "seconds_query": 2.0},
        {"strategy": "margin", "seed": 1, "seconds_query": np.nan, "status": "failed"},
    )
    assert row_of(report_of(*REACHED, runs=runs))["query_seconds"] == 2


def test_counts_are_whole_numbers_in_json_whatever_they_are(tmp_path):
    """A tie or a single win is a 0 or a 1, not 0.0 or 1.0."""
    report = report_of(*CENSORED, *[frame.assign(dataset="other") for frame in REACHED])
    counts = r'"(?:wins|ties|losses|reached|budget|n_pairs)": (\S+?),'
    found = re.findall(counts, render(report, "json"))
    assert {"0", "1", "null"} <= set(found)
    assert all(count == "null" or count.isdecimal() for count in found)


def test_a_table_of_runs_of_another_maker_is_passed_over(tmp_path):
    folder = tmp_path / "results"
    folder.mkdir()
    pd.concat(CENSORED).to_parquet(folder / "curves.parquet")
    pd.DataFrame({"run": [1]}).to_parquet(folder / "runs.parquet")
    assert alrun.report(folder, [0.9]).rows["query_seconds"].isna().all()


# Tables for papers


def test_the_best_mean_of_each_target_is_bold_in_papers():
    entropy = reaching([70, 130, 90, 120, 140], "entropy")
    report = report_of(*REACHED, entropy, targets=[0.6, 0.9])
    markdown, latex = render(report, "markdown"), render(report, "latex")
    assert row_of(report)["mean_labels"] == 90
    assert markdown.count("**90.0 [") == 2
    assert latex.count(r"\textbf{90 [") == 2
    table = markdown[: markdown.index("Whole curve")]
    assert table.count("| **") == 2  # one for each target
    assert "**" not in render(report, "table")


def test_what_is_not_significant_is_said_in_words_in_papers():
    report = report_of(*REACHED)
    for format in ("markdown", "latex"):
        assert ".062 n.s." in render(report, format)
        assert "n.s.: not significant" in render(report, format)
    (table, _) = render(report_of(*SIX), "latex").split("Whole curve")
    assert ".031*" in table
    assert " n.s. " not in table


def test_a_caption_says_seeds_budget_and_correction():
    for adjustment, words in (("holm", "Holm's correction"), ("maxT", "step-down maxT")):
        report = report_of(*SIX, adjustment=adjustment)
        for format in ("markdown", "latex"):
            text = render(report, format)
            assert "6 seeds, budget 200 labels." in text
            assert f"paired sign-flip tests, {words} over 1 test" in text


def test_latex_tables_have_what_a_document_needs():
    text = render(report_of(*SIX), "latex")
    begun, ended = re.findall(r"\\begin{(\w+)}", text), re.findall(r"\\end{(\w+)}", text)
    assert sorted(begun) == sorted(ended)
    assert text.count(r"\caption{") == text.count(r"\begin{table}") == 2
    assert not re.search(r"(?<!\\)%", "\n".join(x for x in text.splitlines() if x[:1] != "%"))


def test_a_label_of_others_obeys_no_terminal_and_breaks_no_table(tmp_path):
    label = "margin\n\x1b[2J|"
    curves = reaching([20, 30], "random"), reaching([20, 40], label)
    found = alrun.report(write(tmp_path, *curves), [0.9])
    for name in ("table", "markdown", "latex"):
        text = render(found, name)
        assert "\x1b" not in text
        assert "margin\n" not in text
    assert set(found.rows["strategy"]) == {"random", label}


@pytest.mark.parametrize(
    ("label", "written"),
    [
        ("<img src=x>", "&lt;img src=x>"),
        ("a<!-- b", "a&lt;!-- b"),
        ("&lt;b", "&amp;lt;b"),
        ("[x](javascript:1)", r"[x\](javascript:1)"),
        ("a|b", r"a\|b"),
    ],
)
def test_markdown_holds_no_html_and_no_link_of_others(tmp_path, label, written):
    frames = reaching([20, 30], "random"), reaching([20, 40], label)
    found = alrun.report(write(tmp_path, *frames), [0.9])
    text = render(replace(found, name=label), "markdown")
    assert text.startswith(f"## {written}\n")
    assert f"| {written} | " in text
    assert "p <= .05" in text
    assert sum(label in note for note in found.notes)
    for line in text.splitlines():
        assert label not in line or label == "a|b"


@pytest.mark.parametrize(
    ("label", "cell"),
    [
        ("=HYPERLINK(1)", "'=HYPERLINK(1)"),
        ("+cmd|' /C calc'!A0", "'+cmd|' /C calc'!A0"),
        ("-1+1", "'-1+1"),
        ("@SUM(1)", "'@SUM(1)"),
        ("\t=1", "\\t=1"),
        ("\x1b[2J", "\\x1b[2J"),
        ("-1", "-1"),
        ("+2.5", "+2.5"),
        ("a=b", "a=b"),
    ],
)
def test_no_text_of_a_csv_is_a_formula_or_obeyed_by_a_terminal(tmp_path, label, cell):
    frames = reaching([20, 30], "random"), reaching([20, 40], label)
    found = alrun.report(write(tmp_path, *frames), [0.9])
    text = render(found, "csv")
    assert text.replace("\n", "").isprintable()
    read = pd.read_csv(StringIO(text), dtype={"strategy": str})
    assert set(read["strategy"]) == {"random", cell}
    numbers = found.rows.select_dtypes("number")
    pd.testing.assert_frame_equal(read[numbers.columns], numbers, check_dtype=False)


def test_targets_of_the_experiment_are_not_read_on_a_metric_of_the_other_direction(small_results):
    assert alrun.report(small_results, metric="macro_f1").targets == (0.8, 0.9)
    falling = alrun.report(small_results, metric="log_loss")
    assert falling.targets == ()
    assert noted(falling, "The experiment's targets are for accuracy, not log_loss", "--target")
    assert alrun.report(small_results, [0.5], metric="log_loss").targets == (0.5,)
