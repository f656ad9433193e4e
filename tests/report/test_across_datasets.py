"""What is said across data sets, against scipy and a second computation with numpy."""

import json
from itertools import product
from math import inf

import numpy as np
import pandas as pd
import pytest
from curves_factory import reaching, write
from scipy import stats as scipy_stats

import alrun
from alrun.report.across_datasets import COLUMNS
from alrun.report.render import render
from alrun.results.schema import FURTHER_AXES

pytestmark = pytest.mark.filterwarnings("error::RuntimeWarning")

RANDOM = [100, 120, 140, 110, 130, 150]


def block(name, labels, strategy="margin", random=RANDOM, **keys):
    """Return the runs of random and of a strategy on one data set."""
    return pd.concat(
        [
            reaching(random, dataset=name, **keys),
            reaching(labels, strategy, dataset=name, **keys),
        ]
    )


def several(n, seed=0):
    """Return the runs of random, margin and entropy on n data sets, margin being the better."""
    rng = np.random.default_rng(seed)
    frames = []
    for place in range(n):
        random = rng.choice(np.arange(120, 200, 10), 5)
        better = random - rng.choice([10, 20, 30, 40, 50], 5)
        either = random + rng.choice([-30, -10, 0, 20, inf], 5)
        name = f"data {place}"
        frames += [
            reaching(random, dataset=name),
            reaching(better, "margin", dataset=name),
            reaching(either, "entropy", dataset=name),
        ]
    return pd.concat(frames, ignore_index=True)


def report_of(folder, *frames, targets=(0.9,), **options):
    return alrun.report(write(folder, *frames), targets=targets, **options)


def row_of(report, strategy="margin", **keys):
    rows = report.across[report.across["strategy"] == strategy]
    for key, value in keys.items():
        rows = rows[rows[key] == value]
    assert len(rows) == 1
    return rows.iloc[0]


def log_ratios(frame, strategy, target=0.9):
    """Return log(mean labels / mean labels of random), one per data set, run by run."""
    ratios = []
    for _, data in frame.groupby("dataset"):
        reached = {}
        for key, run in data.groupby(["strategy", "seed"]):
            at = run.loc[run["accuracy"] >= target, "n_labels"]
            reached[key] = at.min() if len(at) else inf
        finite = [labels for labels in reached.values() if labels < inf]
        budget = max(finite) if len(finite) == len(reached) else data["n_labels"].max()
        cut = {key: min(labels, budget) for key, labels in reached.items()}
        sums = {
            name: sum(labels for (who, _), labels in cut.items() if who == name)
            for name in ("random", strategy)
        }
        ratios.append(np.log(sums[strategy] / sums["random"]))
    return np.array(ratios)


@pytest.mark.parametrize("n", [2, 3, 6, 9])
@pytest.mark.parametrize("strategy", ["margin", "entropy"])
def test_saving_interval_and_p_agree_with_scipy(tmp_path, n, strategy):
    frame = several(n)
    row, logs = row_of(report_of(tmp_path, frame), strategy), log_ratios(frame, strategy)
    assert row["n_datasets"] == n
    assert row["saving"] == pytest.approx(1 - scipy_stats.gmean(np.exp(logs)), abs=1e-12)
    interval = scipy_stats.ttest_1samp(logs, 0).confidence_interval(0.95)
    expected = (1 - np.exp(interval.high), 1 - np.exp(interval.low))
    assert (row["saving_low"], row["saving_high"]) == pytest.approx(expected, abs=1e-12)
    sums = [abs(np.dot(signs, logs)) for signs in product([1, -1], repeat=n)]
    assert row["p_value"] == np.mean(np.array(sums) >= sums[0] - 1e-9)
    test = scipy_stats.permutation_test(
        (logs,), np.mean, permutation_type="samples", n_resamples=np.inf
    )
    assert row["p_value"] == pytest.approx(test.pvalue)


def test_two_data_sets_as_computed_by_hand(tmp_path):
    """Half the labels on one and twice of them on the other save nothing."""
    report = report_of(
        tmp_path,
        block("one", [50, 50], random=[100, 100]),
        block("two", [100, 100], random=[50, 50]),
    )
    row = row_of(report)
    assert row["saving"] == pytest.approx(0, abs=1e-12)
    assert row["p_value"] == 1
    assert row["probability_of_improvement"] == 0.5
    assert report.rows["saving"].dropna().tolist() == [0.5, -1]


def test_every_data_set_counts_the_same_whatever_its_labels_and_seeds(tmp_path):
    """A ratio of 3/4 and one of 1/3: the root of 1/4 is a half."""
    small = block("small", [30] * 2, random=[40] * 2)
    large = block("large", [60] * 6, random=[180] * 6)
    assert row_of(report_of(tmp_path, small, large))["saving"] == pytest.approx(0.5)


def test_targets_keep_their_order_where_the_first_data_set_says_nothing_at_the_first(tmp_path):
    names = ["first", "second", "third"]
    floors = pd.DataFrame({"dataset": "first", "model": "logistic", "seed": range(6)})
    floors = floors.assign(reference="floor", accuracy=0.85, n_test=100, reference_id="made")
    floors.to_parquet(tmp_path / "references.parquet", index=False)
    frames = [block(name, [60] * 6, model="logistic") for name in names]
    across = report_of(tmp_path, *frames, targets=(0.8, 0.9)).across
    assert across["target"].tolist() == [0.8, 0.9]
    assert across["n_datasets"].tolist() == [2, 3]


def test_p_values_are_adjusted_over_the_strategies_of_a_cell(tmp_path):
    frame = several(7)
    half = several(7, seed=3).assign(model="other")
    across = report_of(tmp_path, frame, half, targets=(0.8, 0.9)).across
    assert len(across) == 2 * 2 * 2
    for _, cell in across.groupby(["model", "batch_size", "target"], observed=True):
        smaller, larger = sorted(cell["p_value"])
        adjusted = [min(1, 2 * smaller), min(1, max(2 * smaller, larger))]
        assert sorted(cell["p_adjusted"]) == pytest.approx(adjusted)


def test_models_and_batch_sizes_have_rows_of_their_own(tmp_path):
    frames = [
        block("one", [80] * 6, model="logistic"),
        block("two", [80] * 6, model="logistic"),
        block("one", [150] * 6, model="forest"),
        block("two", [150] * 6, model="forest"),
        block("one", [130] * 6, model="forest", batch_size=25),
        block("two", [130] * 6, model="forest", batch_size=25),
    ]
    report = report_of(tmp_path, *frames)
    mean = np.mean(RANDOM)
    found = {
        (row["model"], row["batch_size"]): row["saving"] for _, row in report.across.iterrows()
    }
    assert found == {
        ("logistic", 10): pytest.approx(1 - 80 / mean),
        ("forest", 10): pytest.approx(1 - 150 / mean),
        ("forest", 25): pytest.approx(1 - 130 / mean),
    }


@pytest.mark.parametrize(("n", "p"), [(5, 2**-4), (6, 2**-5), (7, 2**-6)])
def test_below_six_data_sets_nothing_is_significant(tmp_path, n, p):
    report = report_of(tmp_path, *(block(f"data {i}", [80 + i] * 6) for i in range(n)))
    row = row_of(report)
    assert row["p_value"] == row["p_adjusted"] == p
    assert row["descriptive"] == (n < 6)
    assert row["significant"] == (n >= 6)
    assert any(note.startswith("Descriptive:") for note in report.notes) == (n < 6)
    text = render(report, "table")
    assert "Across data sets: logistic, batch size 10" in text
    assert ("(descriptive)" in text) == (n < 6)


def test_a_descriptive_row_is_not_significant_whatever_its_interval(tmp_path):
    report = report_of(tmp_path, *(block(f"data {i}", [80] * 6) for i in range(5)))
    assert row_of(report)["saving_low"] > 0.2
    assert not report.across["significant"].any()
    assert "*" not in render(report, "table").split("Across")[1].split("\n\n")[0]


def test_a_star_across_data_sets_follows_the_adjusted_p(tmp_path):
    """Six that agree give 1/32, which is not enough for two strategies."""
    frames = [block(f"data {i}", [80 + i] * 6) for i in range(6)]
    frames += [reaching([90 + i] * 6, "entropy", dataset=f"data {i}") for i in range(6)]
    across = report_of(tmp_path, *frames).across
    assert across["p_value"].tolist() == [2**-5] * 2
    assert across["p_adjusted"].tolist() == [2**-4] * 2
    assert not across["significant"].any()


def test_data_sets_without_an_estimate_have_no_part(tmp_path):
    never = block("never", [inf] * 6, random=[inf] * 6)
    two = [block("one", [80] * 6), block("two", [100] * 6)]
    row = row_of(report_of(tmp_path, *two, never))
    assert row["n_datasets"] == 2
    assert row["saving"] == pytest.approx(1 - np.sqrt(80 * 100) / np.mean(RANDOM))


def test_a_strategy_that_stands_on_one_data_set_alone_has_no_row(tmp_path):
    one, two = block("one", [80] * 6), block("two", [100] * 6)
    report = report_of(tmp_path, one, two, reaching([90] * 6, "entropy", dataset="one"))
    assert report.across["strategy"].tolist() == ["margin"]


def test_a_data_set_whose_target_takes_no_label_has_no_part(tmp_path):
    """A tool may count from no label at all; that ratio has no logarithm."""
    grid = range(0, 201, 10)
    none = block("none", [0] * 6, grid=grid)
    two = [block("one", [80] * 6, grid=grid), block("two", [100] * 6, grid=grid)]
    report = report_of(tmp_path, none, *two)
    assert report.rows.query("dataset == 'none' and strategy == 'margin'")["saving"].item() == 1
    assert row_of(report)["n_datasets"] == 2


def test_the_probability_of_improvement_is_the_mean_over_data_sets(tmp_path):
    """Wins are 1, ties a half: 4 of 6 here and 6 of 6 there."""
    one = block("one", [90, 120, 140, 100, 140, 140])
    two = block("two", [10 + n // 2 // 10 * 10 for n in RANDOM])
    report = report_of(tmp_path, one, two)
    counts = report.rows[~report.rows["is_baseline"]][["wins", "ties", "losses"]].to_numpy()
    assert counts.tolist() == [[3, 2, 1], [6, 0, 0]]
    assert row_of(report)["probability_of_improvement"] == pytest.approx((4 / 6 + 1) / 2)


def test_the_row_is_the_same_whatever_the_order_of_the_data_sets(tmp_path):
    frame = several(7)
    names = sorted(frame["dataset"].unique())
    other = frame.assign(dataset=frame["dataset"].map(dict(zip(names, names[::-1], strict=True))))
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    one, two = report_of(tmp_path / "a", frame), report_of(tmp_path / "b", other)
    pd.testing.assert_frame_equal(one.across, two.across)


@pytest.mark.parametrize("targets", [(0.9,), ()])
def test_one_data_set_or_no_target_has_nothing_across(tmp_path, targets):
    names = ["one", "two"] if not targets else ["one"]
    report = report_of(tmp_path, *(block(name, [80] * 6) for name in names), targets=targets)
    assert report.across.empty
    assert report.across.columns.tolist() == COLUMNS
    assert json.loads(render(report, "json"))["across"] == []
    assert "Across" not in render(report, "table")


def test_without_a_baseline_nothing_is_said_across(tmp_path):
    frames = [reaching([80] * 6, "margin", dataset=name) for name in ("one", "two")]
    report = report_of(tmp_path, *frames)
    assert report.across.empty
    assert not any("Across" in note or "across" in note for note in report.notes)


def test_where_no_strategy_has_two_data_sets_that_is_said(tmp_path):
    report = report_of(tmp_path, block("one", [80] * 6), block("two", [inf] * 6, random=[inf] * 6))
    assert report.across.empty
    assert any("no strategy has a saving on two data sets" in note for note in report.notes)


def test_json_holds_the_rows_across_with_counts_truths_and_nulls(tmp_path):
    frames = [block("one", [80]), block("two", [100])]
    content = json.loads(
        render(report_of(tmp_path, *frames), "json"),
        parse_constant=lambda text: pytest.fail(text),
    )
    (row,) = content["across"]
    assert list(row) == [name for name in COLUMNS if name not in FURTHER_AXES]
    assert (type(row["n_datasets"]), row["n_datasets"]) == (int, 2)
    assert (type(row["batch_size"]), row["batch_size"]) == (int, 10)
    assert (row["significant"], row["descriptive"]) == (False, True)
    # No interval within a data set, as there is one seed; two data sets give one across them.
    assert row["saving_low"] < row["saving"] < row["saving_high"]
    assert {row["dataset"] for row in content["rows"]} == {"one", "two"}
    assert all(type(row["n_seeds"]) is int for row in content["rows"])


def test_the_verdict_begins_with_all_data_sets(tmp_path):
    """By hand: margin needs 50 labels less on eight data sets, on a ninth only now and then."""
    seeds = [*RANDOM, *RANDOM]
    better = [n - 50 for n in seeds]
    noisy = [n + 50 if place % 2 else n - 40 for place, n in enumerate(seeds)]
    frames = [block(f"data {n}", better, random=seeds) for n in range(8)]
    frames += [block("noisy", noisy, random=seeds)]
    frames += [block(f"data {n}", seeds, "same", random=seeds).iloc[len(frames[0]) // 2 :]
               for n in range(8)]  # fmt: skip
    first, *others = report_of(tmp_path, *frames).paragraphs
    assert first.title == "Verdict: all data sets, logistic, batch size 10"
    assert len(others) == 9
    over_all, one_by_one = first.sentences
    assert over_all.startswith("At 0.9, against random: margin (")
    assert "saves labels; no difference is shown for same (0 %" in over_all
    assert one_by_one.endswith(
        "Of 9 data sets, shown to save labels on and to need more on: margin 8 and 0, same 0 and 0."
    )


def test_below_six_data_sets_the_verdict_has_no_such_beginning(tmp_path):
    frames = [block(f"data {n}", [n - 50 for n in RANDOM]) for n in range(5)]
    assert not any(found.is_over_all for found in report_of(tmp_path, *frames).paragraphs)
