"""The verdict: its numbers are those of the rows, and it claims no more than they carry."""

import json
import re
from math import inf
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
import pytest
from curves_factory import GRID, reaching, write
from hypothesis import given, settings
from hypothesis import strategies as st

import alrun
from alrun.report.phrasing import percent
from alrun.report.render import render
from alrun.report.sample_size import seeds_needed
from alrun.report.standings import Kind, ToBaseline, ToBest, find_standings

pytestmark = pytest.mark.filterwarnings("error::RuntimeWarning")

RANDOM = [100, 120, 140, 110, 130, 150, 120, 110]
FEWER = [60, 70, 90, 60, 80, 80, 70, 50]


def report_of(folder, *frames, targets=(0.9,), **options):
    return alrun.report(write(folder, *frames), targets=targets, **options)


def sentences_of(report):
    """Return the sentences of the only paragraph."""
    (paragraph,) = report.paragraphs
    return list(paragraph.sentences)


def plus(labels, n):
    return [value + n for value in labels]


def test_a_saving_that_is_shown_has_the_numbers_of_its_row(tmp_path):
    report = report_of(tmp_path, reaching(RANDOM), reaching(FEWER, "margin"))
    row = report.rows.set_index("strategy").loc["margin"]
    assert row["significant"]
    ends = f"[{percent(row['saving_low'])}, {percent(row['saving_high'])}]"
    assert (row["mean_labels"], row["baseline_mean_labels"]) == (70, 122.5)
    assert sentences_of(report) == [
        "margin needs the fewest labels on average, and its saving is shown: 70 to reach 0.9, where"
        f" random needs 122 (saving {percent(row['saving'])} % {ends}, adjusted p .008)."
    ]
    assert row["p_adjusted"] == 2**-7
    assert report.verdict == (f"digits, logistic, batch size 10: {sentences_of(report)[0]}",)
    assert json.loads(render(report, "json"))["verdict"] == list(report.verdict)


def test_a_verdict_opens_every_text_and_none_is_in_the_rows_of_csv(tmp_path):
    report = report_of(tmp_path, reaching(RANDOM), reaching(FEWER, "margin"))
    for format, title in (("table", "Verdict: digits"), ("latex", r"\paragraph{Verdict: digits")):
        text = render(report, format)
        assert text.startswith(title)
        assert text.index("fewest labels on average") < text.index("Labels to target")
    assert render(report, "markdown").splitlines()[2].startswith("**Verdict: digits")
    assert "fewest" not in render(report, "csv")


def test_without_a_star_nothing_is_said_to_be_shown_and_the_seeds_it_takes_are(tmp_path):
    few = [60, 160, 130, 70, 150, 90, 170, 80]
    report = report_of(tmp_path, reaching(RANDOM), reaching(few, "margin"))
    row = report.rows.set_index("strategy").loc["margin"]
    assert not row["significant"]
    assert row["saving"] > 0
    headline, seeds = sentences_of(report)
    assert "but its saving is not shown: 114 to reach 0.9, where random needs 122" in headline
    assert re.fullmatch(
        r"\d+ seeds would show a saving of 20 % with a chance of 80 %; there are 8\.", seeds
    )
    assert f"{seeds_needed(report, 0.2, 0.8)['seeds'].iloc[0]:.0f} seeds would" in seeds


def test_means_with_runs_at_the_budget_are_at_least(tmp_path):
    random, margin = [inf, 180, 190, 200, 190, 180], [100, 110, 120, 100, 110, 120]
    (headline,) = sentences_of(report_of(tmp_path, reaching(random), reaching(margin, "margin")))
    assert "average, and its saving is shown: 110 to reach 0.9" in headline
    assert "where random needs at least 190" in headline
    assert re.search(r"saving 42 % \[\d+, \d+\] within 200 labels, adjusted p \.031\)", headline)


def test_a_best_of_which_a_run_ends_at_the_budget_needs_at_least_its_mean(tmp_path):
    random, margin = [inf] * 6, [100, 110, 120, 100, 110, inf]
    headline, *_ = sentences_of(report_of(tmp_path, reaching(random), reaching(margin, "margin")))
    assert "at least 123 to reach 0.9, where random needs at least 200 (" in headline


def test_every_relation_to_the_best_and_to_the_baseline_has_its_words(tmp_path):
    rng = np.random.default_rng(0)
    random = rng.choice(np.arange(120, 160, 10), 30)
    best = random - 60
    near = best.copy()
    near[:6] += [10, -10, 10, -10, 10, -10]
    arms = {
        "random": random,
        "margin": best,
        "twin": near,
        "either": best + rng.choice([-40, 40, 10], 30),
        "worse": random + 20,
        "half": random - 30,
        "like_random": random + np.tile([-10, 10], 15),
    }
    found = sentences_of(report_of(tmp_path, *(reaching(n, name) for name, n in arms.items())))
    assert found[1:] == [
        "The same as margin within 10 %: twin.",
        "Cannot be told from margin: either.",
        "Saves labels too, but needs more than margin: half.",
        "Needs more labels than margin, and cannot be told from random: like_random.",
        "Needs more labels than random: worse.",
    ]


def test_where_the_seeds_suffice_no_more_are_asked_for(tmp_path):
    near = [n + shift for n, shift in zip(RANDOM, 4 * [-3, 2], strict=True)]
    report = report_of(tmp_path, reaching(RANDOM), reaching(near, "margin"))
    assert seeds_needed(report, 0.2, 0.8)["seeds"].iloc[0] <= 8
    _, seeds, *_ = sentences_of(report)
    assert seeds == "A saving of 20 % would have been shown with a chance of 80 %."


def test_the_baseline_can_have_the_fewest_labels(tmp_path):
    arms = {"random": FEWER, "margin": plus(FEWER, 40), "either": [70, 60, 90, 70, 70, 80, 80, 50]}
    found = sentences_of(report_of(tmp_path, *(reaching(n, name) for name, n in arms.items())))
    assert found[0] == "No strategy needs fewer labels on average than random: 70 to reach 0.9."
    assert re.fullmatch(r"\d+ seeds would show a saving of 20 % .*; there are 8\.", found[1])
    assert found[2:] == [
        "Cannot be told from random: either.",
        "Needs more labels than random: margin.",
    ]


def test_targets_of_which_the_same_holds_are_said_once(tmp_path):
    frames = [reaching(RANDOM), reaching(FEWER, "margin"), reaching(plus(FEWER, 20), "entropy")]
    report = report_of(tmp_path, *frames, targets=(0.6, 0.9))
    headline, others = sentences_of(report)
    assert headline.count("margin") == 1
    assert "70 to reach 0.6" in headline
    assert "; 70 to reach 0.9, where random needs 122 (43 % [" in headline
    assert headline.endswith("; adjusted p .031 each.")
    assert others == "Saves labels too, but needs more than margin: entropy."


def test_batch_sizes_of_which_the_same_holds_are_said_once(tmp_path):
    frames = [
        frame.assign(batch_size=size)
        for size in (5, 10, 20)
        for frame in (
            reaching(RANDOM),
            reaching(plus(FEWER, 20), "entropy"),
            reaching(FEWER, "margin"),
        )
    ]
    frames[-1] = reaching(plus(RANDOM, 20), "margin", batch_size=20)
    report = report_of(tmp_path, *frames, targets=(0.9, 0.99), adjustment="maxT")
    together, apart = report.paragraphs
    assert together.where == "digits, logistic, batch sizes 5 and 10"
    assert apart.where == "digits, logistic, batch size 20"
    headline, others, unreached = together.sentences
    assert others == "Saves labels too, but needs more than margin: entropy at 0.9."
    assert unreached == (
        "No run reaches 0.99 with batch size 5 within 200 labels and 0.99 with batch size 10 within"
        " 200 labels."
    )
    assert "70 to reach 0.9 with batch size 5, where random needs 122" in headline
    assert "70 to reach 0.9 with batch size 10, where random needs 122" in headline


def test_a_target_at_the_floor_has_no_winner(tmp_path):
    write(tmp_path, reaching(RANDOM), reaching(FEWER, "margin"))
    rows = [
        {"dataset": "digits", "model": "logistic", "seed": seed, "reference": "floor"}
        | {"accuracy": 0.7}
        for seed in range(8)
    ]
    pd.DataFrame(rows).to_parquet(tmp_path / "references.parquet", index=False)
    low, high = sentences_of(alrun.report(tmp_path, [0.6, 0.9]))
    assert low == (
        "No learning is needed to reach 0.6, at or below the floor of 0.700, so there is no"
        " verdict."
    )
    assert high.startswith(
        "margin needs the fewest labels on average, and its saving is shown: 70 to"
    )


def test_targets_without_a_winner_say_why(tmp_path):
    report = report_of(
        tmp_path, reaching([20] * 6), reaching([20] * 6, "margin"), targets=(0.9, 0.99)
    )
    assert sentences_of(report) == [
        "No query is needed to reach 0.9: every run starts there.",
        "No run reaches 0.99 within 200 labels.",
    ]
    alone = report_of(tmp_path, reaching([100, 110]))
    assert sentences_of(alone) == [
        "There is nothing to compare random with; it needs 105 to reach 0.9."
    ]
    (without,) = report_of(tmp_path, reaching([100, 110]), targets=()).verdict
    assert without.startswith("There is no verdict on labels, since no target is named")


def test_one_seed_shows_nothing(tmp_path):
    found = sentences_of(
        report_of(
            tmp_path, *(reaching([n], name) for name, n in (("random", 100), ("a", 80), ("b", 90)))
        )
    )
    assert found == [
        "a needs the fewest labels on average, but its saving is not shown: 80 to reach 0.9, where"
        " random needs 100 (saving 20 %, not tested).",
        "Not compared with a, since fewer than two seeds are shared: b.",
    ]


def test_a_strategy_without_a_common_seed_is_not_compared(tmp_path):
    frames = [reaching(RANDOM), reaching(FEWER, "margin", seeds=range(10, 18))]
    assert sentences_of(report_of(tmp_path, *frames)) == [
        "There is nothing to compare random with: 122 to reach 0.9.",
        "Not compared with random, since fewer than two seeds are shared: margin.",
    ]


def test_without_a_baseline_strategies_are_compared_with_each_other(tmp_path):
    frames = [reaching(FEWER, "a"), reaching(plus(FEWER, 30), "b")]
    assert sentences_of(report_of(tmp_path, *frames)) == [
        "a needs the fewest labels on average: 70 to reach 0.9.",
        "Needs more labels than a: b.",
    ]


def test_the_end_of_the_baseline_as_target_is_shown_where_it_has_a_star(tmp_path):
    report = report_of(
        tmp_path, reaching(RANDOM), reaching(FEWER, "margin"), targets=("random@end",)
    )
    headline, *_ = sentences_of(report)
    assert ": 70 to reach random@end (0.950), where random needs 122" in headline
    assert ("saving is shown" in headline) == bool(report.rows["significant"].any())


def test_no_saving_is_claimed_at_a_target_out_of_reach(tmp_path):
    write(tmp_path, reaching(RANDOM), reaching(FEWER, "margin"))
    rows = [
        {"dataset": "digits", "model": "logistic", "seed": seed, "reference": "ceiling"}
        | {"accuracy": 0.85}
        for seed in range(8)
    ]
    pd.DataFrame(rows).to_parquet(tmp_path / "references.parquet", index=False)
    headline, reason = sentences_of(alrun.report(tmp_path, [0.9]))
    assert "but its saving is not shown: 70 to reach 0.9" in headline
    assert reason == (
        "No saving is claimed at 0.9: fewer than half of the seeds get there with all training"
        " labels."
    )


def test_a_falling_score_has_its_target_from_above(tmp_path):
    frames = [
        frame.assign(log_loss=1 - frame["accuracy"])
        for frame in (reaching(RANDOM), reaching(FEWER, "m"))
    ]
    report = report_of(tmp_path, *frames, targets=(0.1,), metric="log_loss")
    assert "70 to reach at most 0.1, where random needs" in report.verdict[0]


def test_a_strategy_without_the_hard_seeds_is_not_the_best_for_that(tmp_path):
    """Its mean is the lowest, and with random on the same seeds it needs more."""
    random = [50, 60, 50, 60, 50, 60, 180, 190, 200, 190]
    frames = [
        reaching(random),
        reaching([n - 10 for n in random], "margin"),
        reaching([60, 70, 60, 70, 60, 70], "easy", seeds=range(6)),
    ]
    report = report_of(tmp_path, *frames)
    assert report.rows["mean_labels"].idxmin() == 1
    headline, *others = sentences_of(report)
    assert headline.startswith("margin needs the fewest labels")
    assert others[-1] == "Needs more labels than random: easy."


def test_names_in_a_verdict_obey_no_terminal(tmp_path):
    report = report_of(tmp_path, reaching(RANDOM), reaching(FEWER, "a\n\x1b[2J[b]"))
    assert "a\\n\\x1b[2J[b] needs the fewest" in report.verdict[0]
    text = render(report, "table")
    assert "a\\n\\x1b[2J[b] needs the fewest" in text
    assert "\x1b" not in text


arm = st.lists(st.sampled_from([*GRID[:14], inf]), min_size=6, max_size=6)


@settings(max_examples=8)
@given(arm, arm, arm, arm, st.booleans())
def test_every_strategy_stands_once_and_where_the_tests_put_it(random, one, two, three, has_random):
    arms = {"random": random, "one": one, "two": two, "three": three}
    if not has_random:
        del arms["random"]
    with TemporaryDirectory() as folder:
        report = report_of(Path(folder), *(reaching(labels, name) for name, labels in arms.items()))
    (standing,) = find_standings(report)
    if standing.best is None:
        assert standing.kind in (Kind.unreached, Kind.at_start)
        return
    named = {standing.best.strategy, *(["random"] if has_random else [])}
    assert sorted([*named, *dict(standing.others)]) == sorted(arms)
    others = (text for text in sentences_of(report) if "labels on average" not in text)
    lists = [text.rpartition(": ")[2] for text in others]
    for name in arms:
        mentions = sum(len(re.findall(rf"\b{name}\b", text)) for text in lists)
        assert mentions == (name not in named)
    rows = report.rows.set_index("strategy")
    assert rows.loc[standing.best.strategy, "mean_labels"] == rows["mean_labels"].min()
    assert (standing.kind is Kind.saves) <= bool(rows.loc[standing.best.strategy, "significant"])
    for name, (to_best, to_baseline) in standing.others:
        row = rows.loc[name]
        assert (to_baseline is ToBaseline.saves) == (row["significant"] and row["saving"] > 0)
        assert (to_baseline is ToBaseline.needs_more) == (row["significant"] and row["saving"] < 0)
        if standing.best.is_baseline:
            is_told = to_best in (ToBest.told, ToBest.near)
            assert is_told == (to_baseline is ToBaseline.needs_more)


def test_an_order_of_the_experiment_is_that_of_verdict_and_rows(tmp_path):
    text = """
    strategies = ["random", "margin"]
    batch_sizes = [10, 5]
    seeds = 8
    targets = [0.9]
    budget = 200
    [[dataset]]
    name = "wine"
    [[dataset]]
    name = "digits"
    """
    (tmp_path / "experiment.toml").write_text(text)
    frames = [
        frame.assign(dataset=dataset, batch_size=size)
        for dataset in ("digits", "wine")
        for size in (5, 10)
        for frame in (reaching(RANDOM), reaching(FEWER if size == 5 else RANDOM, "margin"))
    ]
    report = report_of(tmp_path, *frames)
    order = [("wine", 10), ("wine", 5), ("digits", 10), ("digits", 5)]
    keys = report.rows[["dataset", "batch_size"]].drop_duplicates()
    assert list(keys.itertuples(index=False, name=None)) == order
    where = [f"{dataset}, logistic, batch size {size}" for dataset, size in order]
    assert [paragraph.where for paragraph in report.paragraphs] == where
    (tmp_path / "experiment.toml").unlink()
    plain = alrun.report(tmp_path, [0.9]).rows[["dataset", "batch_size"]].drop_duplicates()
    assert list(plain.itertuples(index=False, name=None)) == sorted(order)


@pytest.mark.parametrize("differences", [(10, 10), (10, 20)])
def test_two_seeds_with_equal_differences_name_no_number_of_seeds(tmp_path, differences):
    """A spread of zero over two seeds is no estimate of a spread."""
    frames = [
        reaching([100, 120]),
        reaching([100 - differences[0], 120 - differences[1]], "margin"),
    ]
    said = " ".join(report_of(tmp_path, *frames).verdict)
    assert "its saving is not shown" in said
    assert ("would show" in said) == (differences[0] != differences[1])
