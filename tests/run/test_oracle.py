"""Oracles: wrong answers, votes, abstentions, relabelling and costs, against naive computations."""

import json
from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from blob_runs import blobs, spec_of
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from alrun.data.splits import split_of
from alrun.records import ABSTAINED
from alrun.run.disputed import out_of_fold_confidence
from alrun.run.label_noise import BoundaryNoise, ConfusionNoise, even_confusion
from alrun.run.learner import Learner
from alrun.run.loop import run_active_learning
from alrun.run.oracle import Oracle
from alrun.run.reference import compute_reference
from alrun.spec import ReferenceSpec, run_id, same_run
from alrun.spec_parts import AnnotatorSpec, CostSpec, InitialSpec, OracleSpec


def noisy(noise=0.2, kind="uniform", **changes):
    return OracleSpec(kind, (AnnotatorSpec("", noise),), **changes)


def people(*noises, **changes):
    return OracleSpec(
        "uniform", tuple(AnnotatorSpec(f"{n}", noise) for n, noise in enumerate(noises)), **changes
    )


def oracle_of(oracle, dataset, cost=None, seed=0, **changes):
    spec = spec_of(oracle=oracle, cost=cost, seed=seed, **changes)
    return Oracle(spec, dataset, Learner.start(spec, dataset, split_of(spec, dataset)))


def answers_of(oracle, dataset, **changes):
    """Return the answers of an oracle for every example of a data set."""
    return oracle_of(oracle, dataset, **changes).ask(np.arange(dataset.n_examples))


@pytest.mark.parametrize("name", ["random", "margin", "k_center", "badge"])
@pytest.mark.parametrize("kind", ["uniform", "instance", "boundary"])
def test_noise_0_is_the_run_without_an_oracle(name, kind):
    dataset = blobs()
    plain = run_active_learning(spec_of(name), dataset)
    oracle = OracleSpec(kind, (AnnotatorSpec("a"), AnnotatorSpec("b")), votes=3, initial=True)
    cost = CostSpec(2.0)
    other = run_active_learning(spec_of(name, oracle=oracle, cost=cost), dataset)
    for one, two in zip(plain.rounds, other.rounds, strict=True):
        assert one.scores == two.scores
        assert one.batch.tolist() == two.batch.tolist()
        assert two.cost == 3 * 2.0 * (two.n_labels - 3)
        assert one.cost == one.n_labels - 3
        assert two.n_wrong == 0
    assert run_id(spec_of(name)) != run_id(spec_of(name, oracle=oracle))


@pytest.mark.parametrize("kind", ["uniform", "instance", "boundary"])
def test_all_strategies_meet_the_same_wrong_answers(kind):
    dataset, said = blobs(n=120), {}
    for name, size in product(["random", "margin", "entropy"], [3, 5]):
        spec = spec_of(name, oracle=noisy(0.4, kind), budget=60, batch_size=size)
        for entry in run_active_learning(spec, dataset).rounds:
            for row, code in zip(entry.batch, entry.answers.given, strict=True):
                assert said.setdefault(int(row), int(code)) == code
    assert sum(code != dataset.y[row] for row, code in said.items()) > 10


@pytest.mark.parametrize("noise", [0.05, 0.3, 0.9])
def test_the_share_of_wrong_labels_is_that_asked_for(noise):
    dataset = blobs(n=3000)
    given = answers_of(noisy(noise), dataset).given
    wrong = given != dataset.y
    assert stats.binomtest(int(wrong.sum()), len(given), noise).pvalue > 0.001
    steps = (given - dataset.y)[wrong] % 3  # to each of the two other classes equally often
    assert stats.binomtest(int((steps == 1).sum()), len(steps), 0.5).pvalue > 0.001


def test_what_is_wrong_at_a_low_rate_is_wrong_in_the_same_way_at_a_higher_one():
    dataset = blobs(n=600)
    low, high = (answers_of(noisy(noise), dataset).given for noise in (0.1, 0.3))
    wrong = low != dataset.y
    assert wrong.any()
    assert (low[wrong] == high[wrong]).all()


def test_other_seeds_annotators_and_repeats_have_other_errors():
    dataset = blobs(n=400)
    first = answers_of(noisy(0.5), dataset).given
    assert (first != answers_of(noisy(0.5), dataset, seed=1).given).any()
    oracle = oracle_of(noisy(0.5), dataset)
    votes = [oracle.ask(np.arange(400)).votes for _ in range(2)]
    assert [v[0][1] for v in votes[0]] != [v[0][1] for v in votes[1]]
    both = answers_of(people(0.5, 0.5, votes=2), dataset).votes
    by_person = [[dict(said)[who] for said in both] for who in (0, 1)]
    assert by_person[0] == first.tolist()
    assert by_person[1] != by_person[0]


def test_answers_follow_a_confusion():
    dataset = blobs(n=6000)
    table = np.array([[0.7, 0.3, 0.0], [0.0, 0.5, 0.5], [0.1, 0.1, 0.8]])
    annotator = AnnotatorSpec("", confusion=tuple(map(tuple, table.tolist())))
    given = answers_of(OracleSpec("uniform", (annotator,)), dataset).given
    for true in range(3):
        counts = np.bincount(given[dataset.y == true], minlength=3)
        possible = table[true] > 0
        assert counts[~possible].sum() == 0
        expected = table[true][possible] * counts.sum()
        assert stats.chisquare(counts[possible], expected).pvalue > 0.001


def naive_majority(noise, n_classes, votes):
    """Return the chance of a right majority, ties broken evenly, by enumerating all answers."""
    chance = [1 - noise] + [noise / (n_classes - 1)] * (n_classes - 1)
    right = 0.0
    for said in product(range(n_classes), repeat=votes):
        counts = np.bincount(said, minlength=n_classes)
        ahead = np.flatnonzero(counts == counts.max())
        if 0 in ahead:
            right += np.prod([chance[code] for code in said]) / len(ahead)
    return right


@pytest.mark.parametrize("n_classes", [2, 10])
def test_a_majority_is_right_as_often_as_enumeration_says(n_classes):
    expected = naive_majority(0.2, n_classes, 3)
    if n_classes == 2:
        assert expected == pytest.approx(0.896)
    dataset = blobs(n=4000, n_classes=n_classes)
    given = answers_of(noisy(0.2, votes=3), dataset).given
    n_right = int((given == dataset.y).sum())
    assert stats.binomtest(n_right, len(given), expected).pvalue > 0.001


def test_each_example_goes_to_so_many_of_the_annotators_chosen_at_random():
    dataset = blobs(n=900)
    votes = answers_of(people(0.1, 0.1, 0.1, votes=2), dataset).votes
    pairs = [tuple(who for who, _ in said) for said in votes]
    assert all(one != other for one, other in pairs)
    first = np.bincount([pair[0] for pair in pairs])
    assert stats.chisquare(first).pvalue > 0.001


def test_instance_noise_has_the_mean_rate_and_prefers_some_classes():
    dataset = blobs(n=6000)
    given = answers_of(noisy(0.3, "instance"), dataset).given
    wrong = given != dataset.y
    assert stats.binomtest(int(wrong.sum()), len(given), 0.3).pvalue > 0.001
    steps = (given - dataset.y)[wrong] % 3
    assert stats.binomtest(int((steps == 1).sum()), len(steps), 0.5).pvalue < 0.001


def test_boundary_noise_has_the_mean_rate_and_falls_with_the_margin():
    rng = np.random.default_rng(0)
    p = rng.dirichlet([1, 1, 1], size=500)
    y, training = p.argmax(axis=1), np.arange(100, 500)
    noise = BoundaryNoise(p, y, training, 0.25)
    assert noise.rates[training].mean() == pytest.approx(0.25)
    ordered = np.sort(np.round(p, 6), axis=1)
    margins = ordered[:, 2] - ordered[:, 1]
    assert (np.diff(noise.rates[np.argsort(margins, kind="stable")]) <= 1e-12).all()
    assert noise.rates.max() <= 2 / 3
    second = np.argsort(np.round(p, 6), axis=1)[:, 1]
    assert noise.wrong_classes(np.arange(500), rng.random(500)).tolist() == second.tolist()
    whole = BoundaryNoise(p, y, training, 0.99)  # more than guessing can be wrong
    assert whole.rates.max() == pytest.approx(2 / 3)


def test_a_rate_of_guessing_leaves_the_accuracy_of_chance():
    dataset = blobs(n=900)
    spec = spec_of("random", oracle=noisy(2 / 3, initial=True), budget=600, batch_size=300)
    spec = replace(spec, dataset=replace(spec.dataset, test_size=300))
    scores = run_active_learning(spec, dataset).rounds[-1].scores
    assert scores.n_correct / scores.n_test < 0.55
    clean = run_active_learning(replace(spec, oracle=None), dataset).rounds[-1].scores
    assert clean.n_correct / clean.n_test > 0.65


def test_abstained_examples_cost_give_no_label_and_never_return():
    spec = spec_of("random", oracle=noisy(0.1, abstain=0.4), budget=45)
    result = run_active_learning(spec, blobs())
    given = np.concatenate([entry.answers.given for entry in result.rounds])
    rows = np.concatenate([entry.batch for entry in result.rounds])
    assert (given == ABSTAINED).sum() > 3
    assert len(set(rows.tolist())) == len(rows) == 42  # the whole pool was asked for
    assert result.ended == "pool empty"
    assert result.rounds[-1].n_labels == 3 + (given != ABSTAINED).sum()
    assert result.rounds[-1].cost == len(rows)


def test_relabelling_asks_again_for_a_share_and_takes_the_majority():
    oracle = noisy(0.3, relabel="disagreement", share=0.25)
    spec = spec_of("random", oracle=oracle, budget=31, batch_size=4)
    result = run_active_learning(spec, blobs())
    rows = np.concatenate([entry.batch for entry in result.rounds]).tolist()
    again = len(rows) - len(set(rows))
    assert again == int(0.25 * len(rows))
    assert result.rounds[-1].n_labels == 31 == 3 + len(set(rows))
    assert result.rounds[-1].cost == len(rows)
    initial = split_of(spec, blobs()).initial
    assert not set(initial.tolist()) & set(rows)  # they are true
    votes, labels = {}, {}
    for entry in result.rounds:
        for row, said, code in zip(
            entry.batch.tolist(), entry.answers.votes, entry.answers.given, strict=True
        ):
            votes.setdefault(row, []).extend(code for _, code in said)
            counts = np.bincount(votes[row])
            assert counts[code] == counts.max()
            labels[row] = code
    wrong = sum(code != blobs().y[row] for row, code in labels.items())
    assert result.rounds[-1].n_wrong == wrong


def test_a_tie_goes_to_each_of_the_classes():
    answers = answers_of(people(0.0, 1.0, votes=2), blobs())
    is_lowest = [
        code == min(named for _, named in said)
        for code, said in zip(answers.given.tolist(), answers.votes, strict=True)
    ]
    assert 0 < sum(is_lowest) < len(is_lowest)


def test_the_noisy_ceiling_has_all_labels_that_the_oracle_gives():
    spec, dataset = spec_of(), blobs()
    parts = (spec.dataset, spec.initial, spec.model, spec.seed)

    def ceiling(kind, oracle=None):
        return compute_reference(ReferenceSpec(kind, *parts, oracle), dataset)

    clean = ceiling("ceiling")
    assert ceiling("noisy ceiling", noisy(0.0)) == clean
    # Of those without a label there is none to fit.
    assert ceiling("noisy ceiling", noisy(0.0, abstain=0.5)).n_correct > clean.n_test / 2
    assert ceiling("noisy ceiling", noisy(1.0)).n_correct < clean.n_correct


def test_labels_are_judged_by_models_that_were_not_fitted_on_them():
    class Remembering:
        has_probabilities = True

        def fit(self, X, y):
            self.fitted = X

        def probabilities(self, X):
            is_known = (X[:, None] == self.fitted).all(axis=2).any(axis=1)
            return np.tile(is_known[:, None].astype(float), 3)

    dataset, spec = blobs(), spec_of()
    learner = Learner.start(spec, dataset, split_of(spec, dataset))
    batch = learner.unlabelled[:12]
    learner.receive(batch, dataset.y[learner.rows[batch]], np.ones(12, dtype=bool))
    rng = np.random.default_rng(0)
    assert out_of_fold_confidence(learner, Remembering, rng).tolist() == [0.0] * 12


def test_the_cost_of_an_annotator_takes_the_place_of_that_of_a_label():
    oracle = OracleSpec("uniform", (AnnotatorSpec("a", cost=7.0), AnnotatorSpec("b")))
    answers = answers_of(oracle, blobs(), cost=CostSpec(2.0))
    asked = [said[0][0] for said in answers.votes]
    assert set(asked) == {0, 1}
    assert answers.costs.tolist() == [(7.0, 2.0)[number] for number in asked]


def test_costs_by_class_are_not_visible_and_those_of_a_column_are(monkeypatch):
    seen = []
    monkeypatch.setattr(
        "alrun.run.learner.query",
        lambda spec, pool, n, rng: (seen.append(pool.costs), (np.arange(n), False))[1],
    )
    run_active_learning(spec_of(cost=CostSpec(1.0, (1.0, 5.0, 9.0))), blobs())
    assert {value for costs in seen for value in costs.tolist()} == {1.0}
    seen.clear()
    dataset = replace(blobs(), costs={"n_words": np.arange(60.0)})
    result = run_active_learning(
        spec_of(cost=CostSpec(column="n_words", base=2, rate=0.5)), dataset
    )
    assert set(seen[0].tolist()) <= {2 + 0.5 * n for n in range(60)}
    batch = result.rounds[0].batch
    np.testing.assert_array_equal(result.rounds[0].answers.costs, 2 + 0.5 * batch)


def test_costs_by_class_are_those_of_the_true_class():
    dataset = blobs()
    answers = answers_of(noisy(0.5), dataset, cost=CostSpec(1.0, (1.0, 5.0, 9.0)))
    np.testing.assert_array_equal(answers.costs, np.array([1.0, 5.0, 9.0])[dataset.y])


@pytest.mark.parametrize("name", ["margin", "random"])
def test_per_cost_ranks_by_score_over_cost(name):
    costs = np.random.default_rng(3).uniform(1, 10, 60)
    dataset = replace(blobs(), costs={"c": costs})
    spec = spec_of(name, cost=CostSpec(column="c"), batch_size=20, budget=40)
    plain = run_active_learning(spec, dataset)
    wise = run_active_learning(
        replace(spec, strategy=replace(spec.strategy, per_cost=True)), dataset
    )
    assert wise.rounds[1].cost < plain.rounds[1].cost
    chosen, left = wise.rounds[0].batch, split_of(spec, dataset).pool
    if name == "margin":  # by hand: the shifted score over the cost, from scikit-learn's model
        from sklearn.linear_model import LogisticRegression

        initial = split_of(spec, dataset).initial
        model = LogisticRegression(tol=1e-10).fit(dataset.X[initial], dataset.y[initial])
        p = np.sort(model.predict_proba(dataset.X[left]), axis=1)
        score = p[:, -2] - p[:, -1]
        best = left[np.argsort(-(score - score.min()) / costs[left])[:20]]
        assert set(chosen.tolist()) == set(best.tolist())


def test_what_costs_nothing_comes_first_whatever_its_score(monkeypatch):
    dataset = replace(blobs(), costs={"c": np.where(np.arange(60) % 3, 2.0, 0.0)})
    monkeypatch.setattr(
        "alrun.run.query.find", lambda name: lambda pool, n, rng: (pool.costs > 0) * 1.0
    )
    spec = spec_of("margin", cost=CostSpec(column="c"), batch_size=5, budget=8)
    wise = replace(spec, strategy=replace(spec.strategy, per_cost=True))
    assert run_active_learning(wise, dataset).rounds[-1].cost == 0.0


def test_per_cost_takes_the_cheap_among_the_candidates_of_a_batch_strategy():
    dataset = replace(blobs(), costs={"c": np.where(np.arange(60) % 2, 1.0, 50.0)})
    spec = spec_of("k_center", cost=CostSpec(column="c"), batch_size=5, budget=8)
    wise = replace(spec, strategy=replace(spec.strategy, per_cost=True))
    assert run_active_learning(wise, dataset).rounds[-1].cost == 5.0
    assert run_active_learning(spec, dataset).rounds[-1].cost > 50.0


ORACLES = st.builds(
    lambda rates, costs, votes, abstain, share, initial: OracleSpec(
        "uniform",
        tuple(
            AnnotatorSpec(f"{n}", rate, cost=cost)
            for n, (rate, cost) in enumerate(zip(rates, costs, strict=False))
        ),
        votes=votes,
        abstain=abstain,
        relabel="disagreement" if share else None,
        share=share,
        initial=initial and not abstain,
    ),
    st.lists(st.sampled_from([0.0, 0.1, 0.5, 1.0]), min_size=1, max_size=3),
    st.lists(st.sampled_from([None, 0.0, 0.7, 3.0]), min_size=3, max_size=3),
    st.integers(1, 4),
    st.sampled_from([0.0, 0.3, 0.9]),
    st.sampled_from([0.0, 0.2, 0.6]),
    st.booleans(),
)


@settings(max_examples=15)
@given(ORACLES, st.sampled_from([None, 3.0, 10.5]), st.integers(2, 6))
def test_counts_and_costs_of_any_oracle_add_up(oracle, budget_cost, batch_size):
    spec = spec_of(
        "random", oracle=oracle, budget_cost=budget_cost, batch_size=batch_size, budget=16
    )
    dataset = blobs()
    rounds = run_active_learning(spec, dataset).rounds
    labels: dict[int, int] = {}
    cost, n_initial = 0.0, rounds[0].n_labels
    n_wrong = rounds[0].n_wrong
    for entry in rounds:
        assert entry.n_labels == n_initial + len(labels)
        assert entry.cost == pytest.approx(cost)
        wrong = sum(code != dataset.y[row] for row, code in labels.items())
        if not (oracle.initial and oracle.relabel):  # else initial labels change too
            assert entry.n_wrong == n_wrong + wrong
        answers = entry.answers
        assert len(answers.given) == len(answers.votes) == len(answers.costs) == len(entry.batch)
        if oracle.initial and oracle.relabel:
            return
        for row, code in zip(entry.batch.tolist(), answers.given.tolist(), strict=True):
            if code != ABSTAINED:
                labels[row] = code
        cost += answers.costs.sum()
    assert rounds[-1].n_labels <= 16
    if budget_cost is not None:
        assert cost <= budget_cost * (1 + 1e-9)


def test_a_budget_of_cost_is_spent_as_far_as_the_next_answer_surely_fits():
    by_class = CostSpec(1.0, (1.0, 2.0, 4.0))
    for seed in range(6):
        spec = spec_of("random", cost=by_class, budget_cost=19.5, budget=45, seed=seed)
        result = run_active_learning(spec, blobs())
        assert result.ended == "budget_cost"
        assert 19.5 - 4 < result.rounds[-1].cost <= 19.5
    tenths = run_active_learning(spec_of("random", cost=CostSpec(0.1), budget_cost=0.3), blobs())
    assert tenths.rounds[-1].n_labels == 3 + 3


def test_an_oracle_is_found_again_in_its_description():
    confusion = ((0.9, 0.1, 0.0), (0.0, 1.0, 0.0), (0.2, 0.0, 0.8))
    oracle = OracleSpec(
        "uniform", (AnnotatorSpec("a", confusion=confusion), AnnotatorSpec("b", 0.1, cost=2.0))
    )
    spec = spec_of(oracle=oracle, cost=CostSpec(1.0, (1.0, 2.0, 3.0)), budget_cost=12.0)
    text = json.dumps(spec.describe())
    assert same_run(text, json.dumps(spec.describe(), indent=1))
    other = replace(spec, cost=CostSpec(1.0, (1.0, 2.0, 4.0)))
    assert not same_run(text, json.dumps(other.describe()))
    assert run_id(spec) != run_id(other) != run_id(spec_of())


def test_an_even_confusion_sums_to_one():
    table = even_confusion(AnnotatorSpec("", 0.3), 4)
    np.testing.assert_allclose(table.sum(axis=1), 1)
    np.testing.assert_allclose(table.diagonal(), 0.7)
    assert ConfusionNoise(np.array([0, 3]), table).rates == pytest.approx([0.3, 0.3])


def test_initial_labels_are_true_unless_the_oracle_gives_them():
    spec = spec_of("random", initial=InitialSpec("random", 30), budget=40)
    clean = run_active_learning(replace(spec, oracle=noisy(0.5)), blobs()).rounds[0]
    wrong = run_active_learning(replace(spec, oracle=noisy(0.5, initial=True)), blobs()).rounds[0]
    assert clean.n_wrong == 0
    assert 5 < wrong.n_wrong < 25
