"""The agreement of annotators, read off the answers to queries."""

from collections import Counter
from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from curves_factory import curve, write

from alrun.report.annotator_sections import agreement_sections
from alrun.report.annotators import agreement, agreement_notes, load_votes
from alrun.results.schema import QUERIES

NAMES = ("ann", "bob", "eve")


def queries_of(answers, strategy, oracle="people", seed=0, order=None):
    """Return the queries of one run: an example each, with answers in a shuffled order."""
    rows = []
    for index, said in enumerate(answers):
        turns = np.random.default_rng(index).permutation(len(said))
        rows.append(
            {
                "run_id": f"{oracle}-{strategy}-{seed}",
                "round": index // 10,
                "position": index % 10,
                "index": index,
                "label": "a",
                "given": "a",
                "annotator": " + ".join(NAMES[turn] for turn in turns),
                "votes": [said[turn] for turn in turns],
            }
        )
    return pd.DataFrame(rows).iloc[order if order is not None else slice(None)]


def results(folder, *queries):
    """Write the queries, and a curve for each of their runs."""
    frame = pd.concat(queries, ignore_index=True)
    known = [name for name in QUERIES.names if name in frame.columns]
    frame[known].to_parquet(folder / "queries.parquet", index=False)
    curves = []
    for run in frame["run_id"].unique():
        oracle, strategy, seed = run.split("-")
        made = curve([20, 30], [0.5, 0.6], strategy, int(seed), oracle=oracle)
        curves.append(made.assign(run_id=run))
    return write(folder, *curves)


@pytest.fixture(scope="module")
def answers():
    rng = np.random.default_rng(5)
    truth = rng.integers(0, 3, 120)
    wrong = rng.random((120, 3)) < [0.05, 0.1, 0.3]
    codes = np.where(wrong, (truth[:, None] + 1) % 3, truth[:, None])
    return [["abc"[code] for code in row] for row in codes]


def naive_cohen(one, other):
    n = len(one)
    observed = sum(a == b for a, b in zip(one, other, strict=True)) / n
    counts = Counter(one), Counter(other)
    chance = sum(counts[0][name] * counts[1][name] for name in "abc") / n**2
    return (observed - chance) / (1 - chance)


def test_numbers_are_those_of_loops_whoever_was_asked_first(answers, tmp_path):
    found, confusions = agreement(load_votes(results(tmp_path, queries_of(answers, "random"))))
    columns = list(zip(*answers, strict=True))
    (row,) = found.to_dict("records")
    assert (row["n_annotators"], row["n_examples"], row["abstained"]) == (3, 120, 0)
    kappas = [naive_cohen(one, other) for one, other in combinations(columns, 2)]
    assert row["cohen"] == pytest.approx(np.mean(kappas))
    pairs = [sum(a == b for a, b in combinations(said, 2)) / 3 for said in answers]
    shares = np.array([sum(said.count(name) for said in answers) for name in "abc"]) / 360
    chance = float(shares @ shares)
    assert row["fleiss"] == pytest.approx((np.mean(pairs) - chance) / (1 - chance))
    assert row["krippendorff"] == pytest.approx(1 - (1 - row["fleiss"]) * 359 / 360)
    # The third annotator beside the first two, where they agree.
    counted = Counter((said[0], said[2]) for said in answers if said[0] == said[1])
    own = confusions[confusions["annotator"] == "eve"]
    assert {(r.majority, r.given): r.n for r in own.itertuples()} == counted


def test_an_example_counts_once_in_a_seed_by_its_first_answers(answers, tmp_path):
    """Another strategy meets the same answers, and an example may be asked for again."""
    again = queries_of([row[::-1] for row in answers[:20]], "random").assign(round=50)
    frames = [
        queries_of(answers, "random"),
        again,
        queries_of(answers, "margin", order=np.arange(119, 40, -1)),
    ]
    (tmp_path / "one").mkdir()
    one = agreement(load_votes(results(tmp_path / "one", frames[0])))[0]
    pd.testing.assert_frame_equal(agreement(load_votes(results(tmp_path, *frames)))[0], one)
    both = results(tmp_path, *frames, queries_of(answers, "random", seed=1))
    assert agreement(load_votes(both))[0]["n_examples"].tolist() == [240]


def test_who_does_not_answer_is_no_class_and_leaves_fleiss_undefined(answers, tmp_path):
    partly = [[None, *row[1:]] if place < 12 else row for place, row in enumerate(answers)]
    frames = [queries_of(partly, "random"), queries_of(answers, "random", oracle="full")]
    found = agreement(load_votes(results(tmp_path, *frames)))[0].set_index("oracle")
    assert found.loc["people", "abstained"] == pytest.approx(12 / 360)
    assert np.isnan(found.loc["people", "fleiss"])
    assert 0 < found.loc["people", "krippendorff"] < 1
    assert np.isfinite(found.loc["full", "fleiss"])


def test_who_is_not_asked_withholds_no_answer(answers, tmp_path):
    two = queries_of(answers, "random")
    two["votes"] = [votes[:2] for votes in two["votes"]]
    two["annotator"] = [names.rpartition(" + ")[0] for names in two["annotator"]]
    (row,) = agreement(load_votes(results(tmp_path, two)))[0].to_dict("records")
    assert (row["n_annotators"], row["abstained"]) == (3, 0)
    agreeing = np.mean([votes[0] == votes[1] for votes in two["votes"]])
    counts = Counter(answer for votes in two["votes"] for answer in votes)
    chance = sum((n / 240) ** 2 for n in counts.values())
    assert row["fleiss"] == pytest.approx((agreeing - chance) / (1 - chance))


def test_tables_and_sentences_name_oracles_and_the_worst_confusions(answers, tmp_path):
    votes = load_votes(results(tmp_path, queries_of(answers, "random")))
    numbers, confused = agreement_sections(votes)
    assert numbers.rows[0][:4] == ("digits", "people", "3", "120")
    assert [row[2] for row in confused.rows] == list(NAMES)
    worst = confused.rows[2][-1].split(", ")
    cell = Counter((said[0], said[2]) for said in answers if said[0] == said[1] != said[2])
    (majority, given), n = cell.most_common(1)[0]
    assert worst[0] == f"{given} for {majority} ({n})"
    (sentence,) = agreement_notes(votes)
    assert sentence.startswith("3 annotators vote (digits, people): Krippendorff's alpha 0.")


def test_a_single_answer_is_no_vote(answers, tmp_path):
    frame = queries_of(answers, "random")
    frame["votes"] = [votes[:1] for votes in frame["votes"]]
    frame["annotator"] = "ann"
    assert load_votes(results(tmp_path, frame)).empty


def test_without_votes_there_is_nothing(answers, tmp_path):
    frame = queries_of(answers, "random").drop(columns=["votes", "annotator"])
    votes = load_votes(results(tmp_path, frame))
    assert votes.empty
    assert agreement_sections(votes) == []
    assert list(agreement_notes(votes)) == []
