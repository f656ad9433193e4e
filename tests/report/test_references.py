"""Floor, ceiling and the targets relative to them, in a report."""

import json
from itertools import pairwise
from math import inf, isnan, nan

import numpy as np
import pandas as pd
import pytest
from curves_factory import GRID, curve, reaching, write

import alrun
from alrun import stats
from alrun.api import run_sweep
from alrun.errors import ResultsError
from alrun.metrics import METRICS
from alrun.report.reference_notes import best_scores
from alrun.report.render import render
from alrun.report.sample_size import smallest_savings
from alrun.results.curves import read_curves
from alrun.results.schema import REFERENCES

SEVEN = [100, 120, 140, 110, 130, 150, 90]
FRAMES = [reaching(SEVEN), reaching([n - 40 for n in SEVEN], "margin")]
N_SEEDS = len(SEVEN)


def references(floor=0.2, ceiling=0.96, metric="accuracy", seeds=range(N_SEEDS), **keys):
    """Return a table of references; a list has a value per seed, None leaves a kind out."""
    rows = []
    for kind, scores in (("floor", floor), ("ceiling", ceiling)):
        scores = scores if isinstance(scores, list) else [scores] * len(seeds)
        rows += [
            {
                **dict.fromkeys(REFERENCES.names),
                **{"dataset": "digits", "model": "logistic", "seed": seed, "reference": kind},
                **{"n_test": 100, "reference_id": f"{kind}{seed}", metric: score},
                **keys,
            }
            for seed, score in zip(seeds, scores, strict=True)
            if score is not None
        ]
    return pd.DataFrame(rows)


def report_of(folder, *frames, table=None, **options):
    write(folder, *(frames or FRAMES))
    if table is not None:
        table.to_parquet(folder / "references.parquet", index=False)
    return alrun.report(folder, **options)


def row_of(report, strategy="margin", **values):
    rows = report.rows[report.rows["strategy"] == strategy]
    for column, value in values.items():
        rows = rows[rows[column] == value]
    (row,) = rows.to_dict("records")
    return row


def note(report, *words):
    found = [text for text in report.notes if all(word in text for word in words)]
    return found[0] if found else None


def random_curves(rng, n_seeds, strategies=("random", "margin"), **columns):
    """Return noisy rising curves on a test part of 200."""
    frames = []
    for strategy in strategies:
        for seed in range(n_seeds):
            score = 0.6 + 0.3 * np.linspace(0, 1, len(GRID)) ** 0.5 + rng.normal(0, 0.03, len(GRID))
            score = np.round(200 * np.clip(score, 0, 1)) / 200
            frames.append(curve(GRID, score, strategy, seed, **columns))
    return pd.concat(frames, ignore_index=True)


def naive_labels(frame, strategy, seed, target):
    """Return the labels of the first round at the target, infinite without one."""
    run = frame[(frame["strategy"] == strategy) & (frame["seed"] == seed)]
    at = run[run["accuracy"] >= target]
    return at["n_labels"].min() if len(at) else inf


# Floor and ceiling


def test_a_report_without_references_says_null(tmp_path):
    report = report_of(tmp_path, targets=[0.9])
    (row,) = [r for r in json.loads(render(report, "json"))["rows"] if r["strategy"] == "margin"]
    assert row["floor"] is row["ceiling"] is row["ceiling_reached"] is None
    assert (row["target"], row["target_value"], row["informative"]) == (0.9, 0.9, True)
    assert row["significant"]
    assert note(report, "Floor") is None


def test_floor_and_ceiling_are_means_over_the_seeds_that_are_known(tmp_path):
    table = references(floor=[0.1, 0.2, 0.3, None, None, None, None], ceiling=[nan] * 6 + [0.97])
    row = row_of(report_of(tmp_path, table=table, targets=[0.9]))
    assert row["floor"] == pytest.approx(0.2)
    assert row["ceiling"] == pytest.approx(0.97)
    assert row["ceiling_reached"] == 1.0


def test_references_of_another_model_or_data_set_are_not_taken(tmp_path):
    tables = [references(0.95, model="other"), references(0.95, dataset="other")]
    row = row_of(report_of(tmp_path, table=pd.concat(tables), targets=[0.9]))
    assert isnan(row["floor"])
    assert row["informative"]


@pytest.mark.parametrize(
    ("floor", "informative"), [(0.89, True), (0.9, False), (0.9 - 1e-12, False), (0.95, False)]
)
def test_a_target_at_or_below_the_floor_gets_no_star(tmp_path, floor, informative):
    report = report_of(tmp_path, table=references(floor), targets=[0.9])
    row = row_of(report)
    assert row["p_adjusted"] == 2 / 2**N_SEEDS
    assert row["informative"] == row["significant"] == informative
    assert (note(report, "at or below the floor", "0.9 (digits, logistic") is None) == informative
    text = render(report, "table").partition("Whole curve")[0]
    assert ("(.016)" in text) == ("0.9 (floor" in text) == (not informative)
    assert (".016*" in text) == informative
    assert "n.s." not in [
        line for line in render(report, "markdown").splitlines() if "(.016" in line
    ]


def test_the_test_at_the_floor_stays_in_the_family(tmp_path):
    report = report_of(tmp_path, table=references(0.7), targets=[0.6, 0.9])
    assert report.family == 2
    assert row_of(report, target=0.9)["p_adjusted"] == 2 * 2 / 2**N_SEEDS


@pytest.mark.parametrize(("n_reaching", "star"), [(3, False), (4, True)])
def test_a_target_that_most_ceilings_do_not_reach_gets_no_star(tmp_path, n_reaching, star):
    ceilings = [0.9] * n_reaching + [0.89] * (N_SEEDS - n_reaching)
    report = report_of(tmp_path, table=references(0.1, ceilings), targets=[0.9])
    row = row_of(report)
    assert row["ceiling_reached"] == n_reaching / N_SEEDS
    assert row["significant"] == star
    assert row["informative"]
    assert (note(report, "out of reach", "0.9 (digits, logistic, ceiling") is None) == star


def test_a_falling_score_is_at_its_floor_from_above(tmp_path):
    frames = [frame.assign(log_loss=1 - frame["accuracy"]) for frame in FRAMES]
    table = references(0.3, 0.04, "log_loss")
    report = report_of(tmp_path, *frames, table=table, targets=[0.1, 0.3, 0.4], metric="log_loss")
    informative = [row_of(report, target=t)["informative"] for t in (0.1, 0.3, 0.4)]
    assert informative == [True, False, False]
    assert row_of(report, target=0.1)["ceiling_reached"] == 1
    assert row_of(report, target=0.1)["significant"]


def test_a_row_at_the_floor_leaves_the_rows_across_data_sets(tmp_path):
    frames = [
        frame.assign(dataset=name, run_id=frame["run_id"] + name)
        for frame in FRAMES
        for name in "abc"
    ]
    table = pd.concat(
        [
            references(floor, dataset=name)
            for name, floor in zip("abc", (0.1, 0.92, 0.2), strict=True)
        ]
    )
    report = report_of(tmp_path, *frames, table=table, targets=[0.9])
    (across,) = report.across.to_dict("records")
    assert across["n_datasets"] == 2


def test_imbalanced_data_have_a_score_that_is_not_fooled(tmp_path):
    table = references(0.88)
    table["balanced_accuracy"], table["macro_f1"] = 0.5, 0.468
    report = report_of(tmp_path, table=table, targets=[0.9])
    assert note(report, "0.880 accuracy", "balanced_accuracy (0.500) or macro_f1 (0.468)")
    table["accuracy"] = table["accuracy"].where(table["reference"] == "ceiling", 0.5)
    assert note(report_of(tmp_path, table=table, targets=[0.9]), "does not fool") is None


# Relative targets


@pytest.mark.parametrize("text", ["95% of full", "80% between floor and full"])
def test_a_share_is_of_each_seeds_own_ceiling(tmp_path, text):
    rng = np.random.default_rng(5)
    frame = random_curves(rng, 9)
    ceilings = np.round(200 * rng.uniform(0.85, 0.95, 9)) / 200
    floors = np.round(200 * rng.uniform(0.4, 0.5, 9)) / 200
    table = references(floors.tolist(), ceilings.tolist(), seeds=range(9))
    report = report_of(tmp_path, frame, table=table, targets=[text])
    wanted = 0.95 * ceilings if text.startswith("95") else floors + 0.8 * (ceilings - floors)
    labels = {
        name: [naive_labels(frame, name, seed, wanted[seed] - 1e-9) for seed in range(9)]
        for name in ("random", "margin")
    }
    budget = 200 if inf in labels["random"] + labels["margin"] else max(map(max, labels.values()))
    for name, values in labels.items():
        row = row_of(report, name)
        assert row["target"] == text
        assert row["target_value"] == pytest.approx(wanted.mean())
        assert row["reached"] == sum(value <= budget for value in values)
        assert row["mean_labels"] == pytest.approx(np.minimum(values, budget).mean())
        assert row["drop_back"] == pytest.approx(
            np.mean(
                [falls(frame, name, s, wanted[s] - 1e-9) for s in range(9) if labels[name][s] < inf]
            )
        )
    # Not of the mean ceiling: some run would then need another number of labels.
    of_mean = [naive_labels(frame, "random", seed, wanted.mean()) for seed in range(9)]
    assert of_mean != labels["random"]


def falls(frame, strategy, seed, target):
    """Return whether a run left the target after it had been there."""
    run = frame[(frame["strategy"] == strategy) & (frame["seed"] == seed)].sort_values("n_labels")
    at = (run["accuracy"] >= target).tolist()
    return any(before and not after for before, after in pairwise(at))


def test_rounding_does_not_decide_whether_a_share_is_reached(tmp_path):
    """The product .95 x .96 in binary lies above .912, which is what 912 of 1,000 have."""
    for ceiling in (0.8, 0.92, 0.96, 1.0):
        score = round(0.95 * ceiling, 12)
        frame = pd.concat([curve(GRID, [score] * len(GRID), seed=seed) for seed in range(3)])
        table = references(0.1, ceiling, seeds=range(3))
        report = report_of(tmp_path, frame, table=table, targets=["95% of full"])
        assert row_of(report, "random")["reached"] == 3


def test_a_seed_without_a_ceiling_has_the_mean_of_the_others(tmp_path):
    table = references(0.1, [0.9, 0.96, *[None] * (N_SEEDS - 2)])
    report = report_of(tmp_path, table=table, targets=["90% of full"])
    row = row_of(report)
    assert row["target_value"] == pytest.approx(0.9 * 0.93)
    assert row["n_pairs"] == row["reached"] == N_SEEDS
    assert note(report, "not known for 5 seeds of digits", "the mean of the others")


def test_a_share_without_any_ceiling_is_not_known_rather_than_not_reached(tmp_path):
    report = report_of(tmp_path, table=references(0.1, None), targets=["90% of full", 0.9])
    row = row_of(report, target="90% of full")
    for column in ("target_value", "reached", "mean_labels", "saving", "p_value", "budget"):
        assert isnan(row[column]), column
    assert not row["significant"]
    assert report.family == 1
    assert note(report, "have no value: 90% of full (digits, logistic)", "ceiling = true")
    assert "90% of full: not known" in render(report, "table")
    content = json.loads(render(report, "json"))
    assert [row["reached"] for row in content["rows"] if row["target"] == "90% of full"] == [
        None
    ] * 2


def test_the_end_of_the_baseline_is_its_mean_final_score_and_gets_a_star(tmp_path):
    frame = random_curves(np.random.default_rng(1), 8)
    report = report_of(tmp_path, frame, targets=["random@end"])
    ends = frame[(frame["strategy"] == "random") & (frame["n_labels"] == GRID[-1])]["accuracy"]
    assert row_of(report)["target_value"] == pytest.approx(ends.mean())
    labels = [naive_labels(frame, "margin", seed, ends.mean()) for seed in range(8)]
    assert row_of(report)["reached"] == np.isfinite(labels).sum()
    assert note(report, "the baseline's own curves", '"random@end"')
    easy = report_of(tmp_path, targets=["random@end"])
    assert row_of(easy)["p_adjusted"] == 2 / 2**N_SEEDS
    assert row_of(easy)["significant"]
    assert ".016*" in render(easy, "table")


def test_the_order_of_targets_and_the_texts_in_every_format(tmp_path):
    targets = ["random@end", "95% of full", 0.9, "90 % of full"]
    report = report_of(tmp_path, table=references(), targets=targets)
    assert report.targets == (0.9, "90% of full", "95% of full", "random@end")
    assert report.rows["target"].unique().tolist() == list(report.targets)
    for format in ("table", "markdown", "csv", "latex", "json"):
        assert "of full" in render(report, format)


# Targets that the report chooses


def test_without_targets_the_report_chooses_shares_of_the_ceiling(tmp_path):
    report = report_of(tmp_path, table=references(0.2, 0.95))
    assert report.targets == ("90% of full", "95% of full")
    assert row_of(report, target="90% of full")["target_value"] == pytest.approx(0.855)
    assert note(report, "No target is named, so the report chose these")
    assert note(report, "Warning: the experiment does not name") is None


def test_a_chosen_share_at_the_floor_is_replaced_by_one_of_the_way_from_there(tmp_path):
    report = report_of(tmp_path, table=references(0.88, 0.95))
    assert report.targets == ("90% between floor and full", "95% of full")
    row = row_of(report, target="90% between floor and full")
    assert row["target_value"] == pytest.approx(0.88 + 0.9 * 0.07)
    assert row["informative"]
    assert note(report, "Between floor and full")
    named = report_of(tmp_path, table=references(0.88, 0.95), targets=["90% of full"])
    assert not row_of(named)["informative"]


@pytest.mark.parametrize("table", [None, references(0.2, None)])
def test_without_a_ceiling_no_target_is_chosen(tmp_path, table):
    report = report_of(tmp_path, table=table)
    assert report.targets == ()
    assert note(report, "No target is named, so that there are no labels to target")


def test_no_share_is_chosen_for_a_falling_score_and_none_is_taken(tmp_path):
    frames = [frame.assign(log_loss=1 - frame["accuracy"]) for frame in FRAMES]
    table = references(0.6, 0.05, "log_loss")
    assert report_of(tmp_path, *frames, table=table, metric="log_loss").targets == ()
    with pytest.raises(ResultsError, match=r"'95% of full' .* falls"):
        alrun.report(tmp_path, ["95% of full"], metric="log_loss")


def test_no_targets_at_all_can_still_be_asked_for(tmp_path):
    assert report_of(tmp_path, table=references(), targets=[]).targets == ()


# What is reached


@pytest.mark.parametrize("sustain", [1, 2, 3])
@pytest.mark.parametrize("metric", ["accuracy", "log_loss"])
def test_the_best_score_that_is_held_is_that_of_a_plain_loop(metric, sustain):
    frame = random_curves(np.random.default_rng(2), 4)
    frame["log_loss"] = 1 - frame["accuracy"]
    curves = read_curves(frame, metric)
    rising = METRICS[metric].greater_is_better
    expected = []
    for run in range(len(curves.runs)):
        score = curves.rounds(run)[1]
        windows = [score[i : i + sustain] for i in range(len(score) - sustain + 1)]
        expected.append(max(map(min, windows)) if rising else min(map(max, windows)))
    assert best_scores(curves, sustain).tolist() == expected
    assert not np.isfinite(best_scores(curves, len(GRID) + 1)).any()


def test_the_nearest_scores_that_are_reached_are_named(tmp_path):
    scores = [0.9, 0.91, 0.92, 0.93, 0.9376]
    frame = pd.concat(
        [curve(GRID, [score] * len(GRID), seed=seed) for seed, score in enumerate(scores)]
    )
    report = report_of(tmp_path, frame, targets=[0.95])
    assert note(
        report, "nobody reaches 0.95", "the best run gets to 0.937", "half of the runs to 0.920"
    )
    assert note(report_of(tmp_path, frame, targets=[0.93]), "nobody reaches") is None


# Intervals


def test_intervals_stay_in_the_possible_range(tmp_path):
    labels = [20, 20, 20, 20, 190]
    frame = reaching(labels, low=0.9, high=1.0)
    row = row_of(report_of(tmp_path, frame, targets=[0.95]), "random")
    assert (row["mean_labels_low"], row["mean_labels_high"]) == (20, pytest.approx(148.4, abs=1))
    late = row_of(report_of(tmp_path, reaching([inf, inf, inf, 30, 200]), targets=[0.95]), "random")
    assert late["mean_labels_high"] == late["budget"] == 200
    scores = [[0.95] * 18 + [end] for end in (1.0, 1.0, 0.9, 1.0)]
    frame = pd.concat([curve(GRID, score, seed=seed) for seed, score in enumerate(scores)])
    row = row_of(report_of(tmp_path, frame, targets=[]), "random")
    assert row["final_high"] == 1.0
    assert row["final_low"] < row["final"]


# Before computing


def test_the_smallest_saving_that_is_seen_has_the_power_that_is_promised(tmp_path):
    report = report_of(tmp_path, random_curves(np.random.default_rng(3), 10), targets=[0.8, 0.85])
    alpha = stats.ALPHA / report.family
    savings = smallest_savings(report, 30)
    assert len(savings) == 2
    for place, share in savings.items():
        row = report.rows.loc[place]
        spread = stats.upper_spread(row["difference_sd"], row["n_pairs"])
        difference = share * row["baseline_mean_labels"]
        assert stats.power_of(30, difference, spread, alpha) == pytest.approx(0.8, abs=0.001)
        assert stats.power_of(30, 0.99 * difference, spread, alpha) < 0.8


# From file to report


def test_imbalanced_data_from_file_to_report(tmp_path):
    """Always "no" has .87, so that a target of .85 is nothing to save labels for."""
    rng = np.random.default_rng(0)
    positive = np.arange(400) % 100 < 13
    X = rng.normal(0, 1, (400, 3)) + 1.5 * positive[:, None]
    frame = pd.DataFrame(X, columns=list("abc")).assign(target=np.where(positive, "yes", "no"))
    frame.to_csv(tmp_path / "majority.csv", index=False)
    (tmp_path / "majority.toml").write_text(
        'strategies = ["random", "margin"]\nseeds = 7\ntargets = [0.85, "95% of full"]\n'
        'budget = 44\n[dataset]\nname = "majority.csv"\n'
    )
    report = alrun.report(run_sweep(tmp_path / "majority.toml", tmp_path / "r", jobs=0))
    row = row_of(report, target=0.85)
    assert row["floor"] == pytest.approx(0.87)
    assert 0.88 < row["ceiling"] < 1
    assert not row["informative"]
    assert not row["significant"]
    share = row_of(report, target="95% of full")
    assert share["target_value"] == pytest.approx(0.95 * row["ceiling"])
    assert note(report, "0.85 (majority.csv, logistic, floor 0.870)")
    assert note(report, "balanced_accuracy (0.500)")


def test_plots_mark_floor_and_ceiling(tmp_path):
    pytest.importorskip("matplotlib")
    from alrun.report.plots import draw

    report = report_of(tmp_path, table=references(0.4, 0.96), targets=["95% of full"])
    texts = {text.get_text() for axes in draw(report).axes for text in axes.texts}
    assert {"floor 0.400", "ceiling 0.960", "95% of full"} <= texts
    frame = random_curves(np.random.default_rng(4), 6)
    far = report_of(tmp_path, frame, table=references(0.01, 0.96), targets=[0.9])
    (axes, *_) = draw(far, ["curves"]).axes
    assert "floor 0.010, below" in {text.get_text() for text in axes.texts}
    assert axes.get_ylim()[0] > 0.3
