"""The command compare: two strategies, all pairs, ranks over data sets, two directories."""

import json
from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from commands import alrun_here
from curves_factory import reaching, write
from scipy import stats as scipy_stats

import alrun
from alrun import stats
from alrun.results.schema import FURTHER_AXES, REFERENCES

N_SEEDS = 8
BASE = np.array([100, 130, 110, 150, 120, 140, 160, 110])
# b needs 40 labels less than random for every seed; a is near random.
ARMS = {"random": BASE, "a": BASE + np.array([10, -10, 20, -20, 0, 10, -10, 0]), "b": BASE - 40}
PAIR_KEYS = {
    *("dataset", "model", "start", "batch_size", "target", "a", "b", "n_pairs", "mean_a", "mean_b"),
    *("ratio", "ratio_low", "ratio_high", "p_value", "p_adjusted", "same"),
}


def runs_of(arms, **keys):
    return pd.concat([reaching(labels, name, **keys) for name, labels in arms.items()])


def compare(*arguments):
    done = alrun_here("compare", *arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


def as_json(*arguments):
    return json.loads(compare(*arguments, "--format", "json"))


@pytest.fixture(scope="module")
def one(tmp_path_factory):
    return write(tmp_path_factory.mktemp("one"), runs_of(ARMS))


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    """Return results on seven data sets; on the first two nothing differs."""
    frames = []
    for place in range(7):
        arms = ARMS if place > 1 else {"random": BASE, "a": BASE, "b": BASE}
        frames.append(runs_of(arms, dataset=f"data {place}"))
    return write(tmp_path_factory.mktemp("many"), *frames)


def test_json_has_the_keys_of_the_contract(one, many):
    found = as_json(one, "--target", "0.9")
    assert list(found) == ["pairs", "ranks", "letters", "notes"]
    assert all(set(pair) == PAIR_KEYS for pair in found["pairs"])
    assert found["ranks"] == []
    keys = {"dataset", "model", "batch_size", "start", "target", "strategy", "letters"}
    assert all(set(row) == keys for row in found["letters"])
    assert {row["strategy"]: row["letters"] for row in found["letters"]} == {
        "random": "b",
        "a": "b",
        "b": "a",
    }
    ranks = as_json(many, "--target", "0.9")["ranks"]
    keys = {"model", "batch_size", "start", "target", "strategy", "n_datasets", "mean_rank"}
    assert all(set(row) == keys | {"wins", "ties", "losses"} for row in ranks)


def test_two_strategies_get_a_sentence_in_their_order(one):
    text = " ".join(compare(one, "b", "random", "--target", "0.9").split())
    mean, other = ARMS["b"].mean(), BASE.mean()
    p_value = as_json(one, "b", "random", "--target", "0.9")["pairs"][0]["p_adjusted"]
    assert text.startswith(
        "b needs fewer labels than random to reach 0.9 on digits, logistic, batch size 10:"
        f" {mean:.0f} labels against {other:.0f}, ratio {mean / other:.2f} ["
    )
    assert f"adjusted p {p_value:.3f}".replace("0.", ".") in text
    back = " ".join(compare(one, "random", "b", "--target", "0.9").split())
    assert back.startswith("random needs more labels than b to reach 0.9")
    assert f"ratio {other / mean:.2f} [" in back
    untold = compare(one, "a", "random", "--target", "0.9")
    assert untold.startswith(("a cannot be told from random", "a and random are the same within"))


def test_the_matrix_holds_every_ratio_once_and_stars_those_that_differ(one):
    lines = compare(one, "--target", "0.9").splitlines()
    assert lines[0] == "All pairs: digits, logistic, batch size 10, 0.9"
    random, a, b = (line.split() for line in lines[2:5])
    assert (random[:3], a[:3], b) == (["random", "b", "128"], ["a", "b", "128"], ["b", "a", "88"])
    assert [word for word in random + a if word.endswith("*")] == [random[-1], a[-1]]
    assert (random[3], a[3]) == ("1.00", f"{128 / 87.5:.2f}")


def test_ranks_count_each_data_set_once(many):
    rows = {row["strategy"]: row for row in as_json(many, "--target", "0.9")["ranks"]}
    means = np.array([[arm.mean() for arm in ARMS.values()]] * 5 + [[1, 1, 1]] * 2).round(9)
    ranks = scipy_stats.rankdata(means, axis=1).mean(axis=0)
    assert [rows[name]["mean_rank"] for name in ARMS] == pytest.approx(ranks)
    assert all(row["n_datasets"] == 7 for row in rows.values())
    # On five data sets b wins against both; the rest of 7 x 2 comparisons are ties.
    counts = {name: [rows[name][key] for key in ("wins", "ties", "losses")] for name in ARMS}
    assert counts == {"random": [0, 9, 5], "a": [0, 9, 5], "b": [10, 4, 0]}


def test_the_tests_of_ranks_are_said_and_the_sign_flip_test_decides(many):
    notes = " ".join(as_json(many, "--target", "0.9")["notes"])
    means = [[1.0, 1.0, 1.0]] * 2 + [[arm.mean() for arm in ARMS.values()]] * 5
    friedman = scipy_stats.friedmanchisquare(*np.transpose(means)).pvalue
    critical = stats.critical_difference(7, 3, 0.05)
    assert f"Friedman's p {friedman:.3f}".replace("0.", ".") in notes
    assert f"{critical:.2f} apart" in notes
    text = compare(many, "--target", "0.9")
    assert "Across 7 data sets: logistic, batch size 10, 0.9" in text
    # 5 of 7 data sets in one direction, 2 tied: p = 2 / 32, three pairs.
    assert "Over 7 data sets b cannot be told from random" in " ".join(
        compare(many, "b", "random", "--target", "0.9").split()
    )


def test_where_nemenyi_and_the_sign_flip_test_disagree_both_are_named(tmp_path):
    # Four strategies in the same order on six data sets: ranks differ, and 2 / 64 times 6 does not.
    arms = {name: BASE + step for step, name in zip((0, 10, 20, 30), "abcd", strict=True)}
    frames = [runs_of(arms, dataset=f"data {place}") for place in range(6)]
    notes = as_json(write(tmp_path, *frames), "--target", "0.9")["notes"]
    (disagreement,) = [note for note in notes if "tells apart" in note]
    # Mean ranks 1 to 4, critical difference 1.92.
    assert "Nemenyi's test tells apart" in disagreement
    assert "does not: a and c; a and d; b and d." in disagreement
    (smallest,) = [note for note in notes if "no two strategies can be told apart" in note]
    assert "0.0312 times 6 pairs" in smallest


def test_a_strategy_that_lacks_a_data_set_is_not_ranked(tmp_path):
    frames = [runs_of(ARMS, dataset=name) for name in ("x", "y")]
    frames.append(runs_of({"random": BASE, "a": BASE + 10}, dataset="z"))
    found = as_json(write(tmp_path, *frames), "--target", "0.9")
    assert {row["strategy"]: row["n_datasets"] for row in found["ranks"]} == {"random": 3, "a": 3}
    assert all(row["wins"] + row["ties"] + row["losses"] == 3 for row in found["ranks"])
    assert any(note.startswith("Not ranked at 0.9") and "b" in note for note in found["notes"])


def test_no_difference_is_claimed_out_of_reach_or_at_the_floor(one, tmp_path):
    write(tmp_path, runs_of(ARMS))
    references = [
        dict.fromkeys(REFERENCES.names)
        | {"dataset": "digits", "model": "logistic", "seed": seed, "reference": kind}
        | {"n_test": 100, "reference_id": f"{kind}{seed}", "accuracy": score}
        for seed in range(N_SEEDS)
        for kind, score in (("floor", 0.1), ("ceiling", 0.8))
    ]
    pd.DataFrame(references).to_parquet(tmp_path / "references.parquet", index=False)
    found = as_json(tmp_path, "--target", "0.9", "--target", "0.7", "--target", "0.05")
    assert {row["target"] for row in found["letters"]} == {0.7}
    assert {pair["target"] for pair in found["pairs"]} == {0.7, 0.9}
    assert any(
        "No difference is claimed" in note and "0.9 (digits" in note for note in found["notes"]
    )
    assert any("at or below the floor: 0.05 (digits" in note for note in found["notes"])
    of_two = as_json(tmp_path, one, "--target", "0.9", "--target", "0.05")
    assert {pair["target"] for pair in of_two["pairs"]} == {0.9}
    assert "b cannot be told from random at 0.9" in compare(
        tmp_path, "b", "random", "--target", "0.9"
    )


def test_two_directories_are_compared_cell_by_cell_on_common_seeds(one, tmp_path):
    other = {"random": BASE[2:], "a": BASE[2:] - 30, "c": BASE[2:]}
    frames = [reaching(labels, name, seeds=range(2, 8)) for name, labels in other.items()]
    there = write(tmp_path, *frames)
    found = as_json(one, there, "--target", "0.9")
    assert all(set(pair) == PAIR_KEYS | {"results_a", "results_b"} for pair in found["pairs"])
    assert [(pair["a"], pair["b"]) for pair in found["pairs"]] == [("random", "random"), ("a", "a")]
    random, a = found["pairs"]
    assert (random["n_pairs"], random["ratio"], random["p_value"], random["same"]) == (
        6,
        1,
        1,
        False,
    )
    here, then = ARMS["a"][2:], BASE[2:] - 30
    interval = stats.ratio_interval(here, then)
    assert (a["mean_a"], a["mean_b"]) == (here.mean(), then.mean())
    assert (a["ratio_low"], a["ratio_high"]) == pytest.approx((interval.low, interval.high))
    assert a["p_value"] == stats.sign_flip(here - then) == 2 / 64
    assert (a["p_adjusted"], random["p_adjusted"]) == (4 / 64, 1)
    assert (a["results_a"], a["results_b"]) == (str(one), str(there))
    assert found["ranks"] == found["letters"] == []
    notes = " ".join(found["notes"])
    assert f"In {one} alone: b (" in notes
    assert f"In {there} alone: c (" in notes
    text = compare(one, there, "--target", "0.9")
    assert "Two results: digits, logistic, batch size 10" in text


def test_the_python_function_has_the_same_numbers(one):
    (pair,) = as_json(one, "b", "a", "--target", "0.9")["pairs"]
    compared = alrun.report(one, [0.9]).compare("b", "a")
    (row,) = compared.drop(columns=list(FURTHER_AXES)).to_dict("records")
    assert pair == row


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["rendom", "b"], "there is no strategy 'rendom'; did you mean 'random'?"),
        (["b", "b"], "'b' is named twice"),
        (["b"], "'b' is no results directory"),
        (["."], "have no run in common"),
        (["--strategy", "c"], "there is no strategy 'c' in these results"),
        (["--output", "x.pdf"], "no format ends in '.pdf'"),
    ],
)
def test_wrong_arguments_are_a_sentence(one, tmp_path, arguments, words):
    write(tmp_path, runs_of(ARMS, dataset="another"))
    done = alrun_here("compare", one, *arguments, "--target", "0.9", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert words in " ".join(done.stderr.split())


def test_directories_that_are_missing_or_the_same_are_a_sentence(one, tmp_path):
    done = alrun_here("compare", tmp_path / "none", "a", "b")
    assert done.returncode == 2
    assert "there is no directory" in done.stderr
    done = alrun_here("compare", one, one / ".." / one.name)
    assert done.returncode == 2
    assert "are the same directory" in done.stderr
    assert "no target" in alrun_here("compare", one).stderr


def test_the_ending_of_the_output_names_the_format(one, tmp_path):
    begins = {"md": "## ", "csv": "dataset,model,start", "json": "{", "txt": "All pairs"}
    for ending, start in begins.items():
        file = tmp_path / f"pairs.{ending}"
        assert compare(one, "--target", "0.9", "--output", file) == ""
        assert file.read_text().startswith(start)
    rows = pd.read_csv(tmp_path / "pairs.csv")
    assert list(zip(rows["a"], rows["b"], strict=True)) == list(combinations(ARMS, 2))
    markdown = (tmp_path / "pairs.md").read_text()
    assert "| strategy | letters | mean labels | a | b |" in markdown
    assert ", p .0" in markdown


@pytest.mark.parametrize("form", ["table", "markdown", "csv", "json"])
def test_no_name_is_obeyed(tmp_path, form):
    name = "=1|\x1b[2J"
    write(tmp_path, runs_of({"random": BASE, name: BASE - 40}))
    for arguments in ([], [name, "random"]):
        done = alrun_here("compare", tmp_path, *arguments, "--target", "0.9", "--format", form)
        assert (done.stdout + done.stderr).replace("\n", "").isprintable()
        assert "=1" in done.stdout
        assert ",=1" not in done.stdout
        assert form != "markdown" or "=1|" not in done.stdout
