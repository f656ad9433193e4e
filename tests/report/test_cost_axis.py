"""Reports along costs, against loops over the rounds of each run."""

import json
import math
from itertools import product

import numpy as np
import pandas as pd
import pytest
from curves_factory import GRID, curve, reaching, write
from scipy.stats import t

from alrun.errors import ResultsError
from alrun.report.axis import Axis
from alrun.report.build import build_report
from alrun.report.options import ReportOptions, options_for
from alrun.report.plots import write_plot
from alrun.report.plots.lines import MOST_POINTS, mean_curves
from alrun.report.render import FORMATS, render
from alrun.results.curves import labels_to_target, read_curves, summaries

TARGET, SEEDS = 0.9, 8
COST = ReportOptions(targets=(TARGET,), axis=Axis.cost)


def priced(rng, strategy, seed, budget=80.0, unit=None, **columns):
    """Return a run that ends before its next round would cost more than the budget."""
    step = 10 * rng.uniform(0.2, 2.0, 40).round(3) if unit is None else np.full(40, 10 * unit)
    cost = np.concatenate([[0.0], np.cumsum(step)])
    cost = cost[cost <= budget]
    n_labels = 20 + 10 * np.arange(len(cost))
    gain = 0.008 if strategy == "margin" else 0.0055
    score = np.minimum(0.5 + gain * cost + rng.normal(0, 0.02, len(cost)), 1.0)
    return curve(n_labels, score.round(3), strategy, seed, cost=cost, **columns)


@pytest.fixture(scope="module")
def runs():
    rng = np.random.default_rng(3)
    return [priced(rng, name, seed) for seed in range(SEEDS) for name in ("random", "margin")]


def naive(runs):
    """Return the budget, and cost to target of each strategy by seed, cut there."""
    needed, ends = {}, {}
    for run in runs:
        key = (run["strategy"].iloc[0], int(run["seed"].iloc[0]))
        reached = [c for c, s in zip(run["cost"], run["accuracy"], strict=True) if s >= TARGET]
        needed[key] = min(reached, default=math.inf)
        ends[key] = run["cost"].iloc[-1]
    out = [ends[key] for key, cost in needed.items() if math.isinf(cost)]
    budget = min(out) if out else max(needed.values())
    cut = {key: min(cost, budget) for key, cost in needed.items()}
    return budget, *(
        np.array([cut[name, seed] for seed in range(SEEDS)]) for name in ("random", "margin")
    )


def test_cost_to_target_saving_interval_and_p_are_those_of_a_loop(runs, tmp_path):
    budget, random, margin = naive(runs)
    assert any(run["accuracy"].max() < TARGET for run in runs)  # some are censored
    row = build_report(write(tmp_path, *runs), COST).rows.set_index("strategy").loc["margin"]
    assert row["budget"] == pytest.approx(budget)
    assert row["mean_labels"] == pytest.approx(margin.mean())
    assert row["baseline_mean_labels"] == pytest.approx(random.mean())
    assert row["saving"] == pytest.approx(1 - margin.mean() / random.mean())
    apart = random - margin
    sums = [abs(np.dot(signs, apart)) for signs in product([-1, 1], repeat=SEEDS)]
    assert row["p_value"] == np.mean(np.array(sums) >= abs(apart.sum()) - 1e-9)
    # Fieller's interval holds the shares that a paired t-test does not reject.
    quantile = t.ppf(0.975, SEEDS - 1)
    for end in (row["saving_low"], row["saving_high"]):
        rest = margin - (1 - end) * random
        assert abs(rest.mean()) / (rest.std(ddof=1) / SEEDS**0.5) == pytest.approx(quantile)


def test_the_area_and_the_final_score_are_over_the_costs_that_all_runs_share(runs):
    found = summaries(read_curves(pd.concat(runs), "accuracy", along="cost"))
    last = min(run["cost"].iloc[-1] for run in runs)
    areas = []
    for run in runs:
        fine = np.linspace(0, last, 20_001)
        areas.append(np.interp(fine, run["cost"], run["accuracy"]).mean())
    np.testing.assert_allclose(np.sort(found["aulc"]), np.sort(areas), atol=1e-4)


def test_unit_costs_give_what_labels_give_less_the_initial_ones(tmp_path):
    frames = [reaching([70, 80, 90, 120, 300]), reaching([60, 60, 90, 100, 110], "margin")]
    for name in ("without", "with"):
        (tmp_path / name).mkdir()
    without = write(tmp_path / "without", *frames)
    costs = write(tmp_path / "with", *(f.assign(cost=f["n_labels"] - 20.0) for f in frames))
    by_labels = build_report(without, ReportOptions(targets=(TARGET,))).rows
    for results in (without, costs):
        rows = build_report(results, COST).rows
        for column in ("budget", "mean_labels", "median_labels_high", "mean_labels_low"):
            np.testing.assert_allclose(rows[column], by_labels[column] - 20)
        for column in ("p_value", "aulc", "reached", "final_p_value"):
            np.testing.assert_allclose(rows[column], by_labels[column])
    notes = build_report(without, COST).notes
    assert any("each label costs 1" in note for note in notes)


def test_json_has_the_axis_at_the_top_and_the_same_keys(runs, tmp_path):
    results = write(tmp_path, *runs)
    along = json.loads(render(build_report(results, COST), "json"))
    usual = json.loads(render(build_report(results, ReportOptions(targets=(TARGET,))), "json"))
    assert along["axis"] == "cost"
    assert list(along["rows"][0]) == list(usual["rows"][0])
    assert along["rows"][0]["budget"] == pytest.approx(naive(runs)[0])


@pytest.mark.parametrize("format", sorted({*FORMATS} - {"json", "csv"}))
def test_the_text_is_about_costs(runs, tmp_path, format):
    text = render(build_report(write(tmp_path, *runs), COST), format)
    assert "Cost to target: digits" in text
    assert "mean cost" in text
    assert "needs the least cost on average" in text
    assert "within a cost of " in text
    for words in ("mean labels", "fewest labels", "fewer labels", "labels to target"):
        assert words not in text.split("<script>")[0].lower()
    assert "labels have prices, so that runs end at" in text


def test_lines_along_costs_have_few_points_and_plots_are_named(runs, tmp_path):
    report = build_report(write(tmp_path, *runs), COST)
    lines = mean_curves(report.curves, report.rows)
    assert all(len(line.n_labels) <= MOST_POINTS for line in lines)
    ends = [run["cost"].iloc[-1] for run in runs]
    assert lines[0].n_labels[[0, -1]].tolist() == [0, pytest.approx(min(ends))]
    write_plot(report, tmp_path / "costs.svg", ["reached"])
    assert "their share by cost of the labels" in (tmp_path / "costs.svg").read_text()


def test_an_unknown_axis_is_refused(tmp_path):
    with pytest.raises(ResultsError, match="there is no axis 'costs'; did you mean 'cost'"):
        options_for(tmp_path, axis="costs")


# Rounds that give no label, and runs that end by what they cost


def test_of_rounds_with_equal_labels_the_last_counts_and_along_costs_each():
    run = curve([20, 30, 30, 40], [0.5, 0.9, 0.7, 0.95], cost=[0.0, 10.0, 20.0, 30.0])
    for order in ([0, 1, 2, 3], [3, 2, 1, 0]):
        by_labels = read_curves(run.iloc[order], "accuracy")
        assert by_labels.rounds(0)[0].tolist() == [20, 30, 40]
        assert labels_to_target(by_labels, 0.8).tolist() == [40]
        by_cost = read_curves(run.iloc[order], "accuracy", along="cost")
        assert labels_to_target(by_cost, 0.8).tolist() == [10]


def test_a_round_that_stands_twice_is_still_an_error():
    run = curve([20, 30, 30, 40], [0.5, 0.9, 0.7, 0.95])
    for bad in (run.assign(round=[0, 1, 1, 2]), run.drop(columns="round")):
        with pytest.raises(ResultsError, match="n_labels 30 more than once"):
            read_curves(bad, "accuracy")


def test_runs_that_end_by_cost_stay_and_one_that_was_cut_off_does_not(runs):
    frame = pd.concat(runs)
    assert frame.groupby(["strategy", "seed"])["n_labels"].max().nunique() > 1
    for along in ("n_labels", "cost"):
        assert read_curves(frame, "accuracy", along=along).excluded == ()
        short = pd.concat([*runs[:-1], runs[-1].iloc[:3]])
        (sentence,) = read_curves(short, "accuracy", along=along).excluded
        assert f"margin seed {SEEDS - 1}" in sentence


def test_runs_of_unit_cost_that_end_early_are_left_out_as_ever():
    frames = [reaching([70, 80]), reaching([60, 60], "margin")]
    frame = pd.concat(frames).assign(cost=lambda rows: rows["n_labels"] - 20.0)
    cut = frame[~((frame["strategy"] == "margin") & (frame["seed"] == 1) & (frame["round"] > 9))]
    (sentence,) = read_curves(cut, "accuracy").excluded
    assert "margin seed 1" in sentence


def test_a_strategy_without_prices_beside_one_with_them_ends_where_its_labels_do():
    random = reaching([70, 80]).assign(cost=lambda rows: rows["n_labels"] - 20.0)
    margin = reaching([60, 60], "margin").assign(cost=lambda rows: 2.0 * rows["n_labels"] - 40)
    cut = random[~((random["seed"] == 1) & (random["round"] == len(GRID) - 1))]
    assert read_curves(pd.concat([random, margin]), "accuracy").excluded == ()
    (sentence,) = read_curves(pd.concat([cut, margin]), "accuracy").excluded
    assert "random seed 1" in sentence


def test_runs_with_prices_are_counted_within_the_labels_that_they_share(runs, tmp_path):
    report = build_report(write(tmp_path, *runs), ReportOptions(targets=(TARGET,)))
    out = [run["n_labels"].iloc[-1] for run in runs if run["accuracy"].max() < TARGET]
    assert set(report.rows["budget"]) == {min(out)}
    assert any("labels have prices, so that runs end at" in note for note in report.notes)


@pytest.mark.parametrize(
    ("cost", "words"),
    [
        ([0, 5, 4, 6], "falls from one round to the next"),
        ([-1, 5, 6, 7], "begins below 0"),
        ([0, np.nan, 4, 6], "is empty in one round and not in others"),
        ([0, np.inf, np.inf, np.inf], "must hold finite numbers"),
    ],
)
def test_costs_that_cannot_be_are_refused(cost, words):
    with pytest.raises(ResultsError, match=words):
        read_curves(curve(GRID[:4], [0.5] * 4, cost=cost), "accuracy")


def test_free_labels_do_not_make_runs_begin_apart(tmp_path):
    frames = [
        curve(GRID[:4], [0.5, score, 0.9, 0.95], name, seed, cost=[0.0, 0.0, 5.0, 9.0])
        for seed in range(SEEDS)
        for name, score in (("random", 0.6), ("margin", 0.7))
    ]
    notes = build_report(write(tmp_path, *frames), COST).notes
    assert not [note for note in notes if "do not begin with the same score" in note]
