"""What reports say of wrong labels, against loops over seeds."""

import json
from itertools import product

import numpy as np
import pandas as pd
import pytest
from curves_factory import reaching, write

from alrun.report.axis import Axis
from alrun.report.build import build_report
from alrun.report.noise import COLUMNS
from alrun.report.options import ReportOptions
from alrun.report.render import FORMATS, render
from alrun.stats import holm

OPTIONS = ReportOptions(targets=(0.9,))
LABELS = {
    ("clean", "random"): [100, 110, 120, 130, 140, 150, 160],
    ("clean", "margin"): [50, 70, 60, 80, 70, 80, 110],
    ("clean", "badge"): [60, 60, 70, 80, 80, 90, 100],
    ("noise 0.2", "random"): [120, 150, 130, 170, 150, 160, 500],
    ("noise 0.2", "margin"): [130, 140, 150, 160, 160, 180, 190],
    ("noise 0.2", "badge"): [80, 100, 90, 110, 90, 110, 150],
}
BUDGET = 200  # where the run ends that never gets there
WRONG = {"clean": 0, "noise 0.2": 38}


def runs(labels=LABELS, wrong=WRONG, **columns):
    """Return a run per seed, oracle and strategy, with so many wrong labels at its end."""
    for (oracle, strategy), needed in labels.items():
        run = reaching(needed, strategy, oracle=oracle, **columns)
        if wrong is not None:
            run["n_wrong"] = (wrong[oracle] * run["n_labels"] / BUDGET).astype(int)
        yield run


@pytest.fixture(scope="module")
def noisy(tmp_path_factory):
    return build_report(write(tmp_path_factory.mktemp("noisy"), *runs()), OPTIONS)


def cut(oracle, strategy):
    return np.minimum(LABELS[oracle, strategy], BUDGET)


def test_savings_by_oracle_are_within_one_budget(noisy):
    rows = noisy.noise.set_index(["oracle", "strategy"])
    assert noisy.noise.columns.tolist() == COLUMNS
    assert rows.index.tolist() == list(product(WRONG, ["badge", "margin"]))
    for (oracle, strategy), row in rows.iterrows():
        random, mine = cut(oracle, "random"), cut(oracle, strategy)
        assert row["budget"] == BUDGET
        assert row["saving"] == pytest.approx(1 - mine.mean() / random.mean())
        assert row["wrong"] == pytest.approx(WRONG[oracle] / BUDGET)
        assert row["n_pairs"] == 7


def test_changes_are_paired_differences_of_differences_tested_by_flipping_signs(noisy):
    rows = noisy.noise.set_index(["oracle", "strategy"])
    p_values = []
    for strategy in ("badge", "margin"):
        apart = [cut(oracle, "random") - cut(oracle, strategy) for oracle in ("noise 0.2", "clean")]
        effect = apart[0] - apart[1]
        sums = [abs(np.dot(signs, effect)) for signs in product([-1, 1], repeat=7)]
        p_values.append(np.mean(np.array(sums) >= abs(effect.sum())))
        row = rows.loc[("noise 0.2", strategy)]
        assert row["change"] == pytest.approx(effect.mean())
        assert row["p_value"] == p_values[-1]
        assert row["compared_with"] == "clean"
    adjusted = rows.loc["noise 0.2", "p_adjusted"]
    np.testing.assert_allclose(adjusted, holm(np.array(p_values)))
    assert adjusted["margin"] < 0.05 < adjusted["badge"]
    assert rows.loc["clean", ["change", "p_value"]].isna().all(axis=None)


def test_the_line_names_what_changes_and_the_order(noisy):
    (line,) = [note for note in noisy.notes if note.startswith("Noise changes")]
    assert "the labels saved by margin at 0.9" in line
    assert "badge" not in line
    assert "differences of differences, Holm over 2 tests" in line
    (order,) = [note for note in noisy.notes if note.startswith("The order")]
    assert "depends on the oracle in 1 of 1" in order
    assert "clean: margin, badge, random; noise 0.2: badge, random, margin" in order


def test_without_a_difference_it_is_said_that_none_is_shown(tmp_path):
    same = {(oracle, name): LABELS["clean", name] for oracle, name in LABELS}
    report = build_report(write(tmp_path, *runs(same)), OPTIONS)
    text = " ".join(report.notes)
    assert "The order of the strategies by mean labels is the same with every oracle." in text
    assert "No strategy's saving in labels can be said to depend on the noise" in text


def test_the_oracle_with_the_fewest_wrong_labels_is_the_one_to_compare_with(tmp_path):
    turned = {"clean": 40, "noise 0.2": 5}
    for wrong, first in ((turned, "noise 0.2"), (None, "clean")):
        folder = tmp_path / first
        folder.mkdir()
        noise = build_report(write(folder, *runs(wrong=wrong)), OPTIONS).noise
        assert set(noise["compared_with"]) == {first, ""}


def test_json_and_texts_have_it_where_there_are_several_oracles(noisy, tmp_path):
    found = json.loads(render(noisy, "json"))["noise"]
    assert [row["oracle"] for row in found] == ["clean"] * 2 + ["noise 0.2"] * 2
    assert found[0]["change"] is None
    assert found[3]["change"] == pytest.approx(noisy.noise["change"].iloc[3])
    assert "noisy_ceiling" in found[0]
    one = build_report(write(tmp_path, *list(runs())[:3]), OPTIONS)
    assert "noise" not in json.loads(render(one, "json"))
    for format in sorted({*FORMATS} - {"json", "csv"}):
        text = render(noisy, format)
        assert "What noise does: digits, logistic, batch size 10" in text
        assert "19.0" in text
        assert "What noise does" not in render(one, format)


def test_along_costs_the_change_is_in_cost(tmp_path):
    frames = [run.assign(cost=(run["n_labels"] - 20) * 0.5) for run in runs()]
    noise = build_report(
        write(tmp_path, *frames), ReportOptions(targets=(0.9,), axis=Axis.cost)
    ).noise.set_index(["oracle", "strategy"])
    apart = [cut(oracle, "random") - cut(oracle, "margin") for oracle in ("noise 0.2", "clean")]
    expected = (apart[0] - apart[1]).mean() / 2
    assert noise.loc[("noise 0.2", "margin"), "change"] == pytest.approx(expected)


def test_a_score_that_noisy_labels_do_not_give_is_named(tmp_path):
    write(tmp_path, *runs())
    keys = {"dataset": "digits", "model": "logistic", "reference": "noisy ceiling"}
    pd.DataFrame(
        [
            {**keys, "oracle": oracle, "seed": seed, "accuracy": score}
            for oracle, score in (("clean", 0.97), ("noise 0.2", 0.85))
            for seed in range(7)
        ]
    ).to_parquet(tmp_path / "references.parquet")
    report = build_report(tmp_path, OPTIONS)
    ceilings = report.noise.groupby("oracle")["noisy_ceiling"].agg(lambda c: set(c.round(9)))
    assert ceilings.to_dict() == {"clean": {0.97}, "noise 0.2": {0.85}}
    (note,) = [note for note in report.notes if "as the oracle gives them the score" in note]
    assert "0.9 (digits, logistic, noise 0.2, batch size 10: 0.850)" in note
    assert "clean" not in note
