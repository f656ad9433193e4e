"""The label-free signals: beside naive versions, and blind to what a run has not paid for."""

from dataclasses import replace
from itertools import pairwise
from math import log

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score

from alrun.records import SIGNAL_TOLERANCES
from alrun.run import loop, signals
from alrun.run.buyer import Buyer
from alrun.run.signals import SignalMeter, cohen_kappa, expected_f1
from alrun.sweep.plan import plan_sweep

TEXT = """
strategies  = ["random", "margin"]
batch_sizes = [7]
seeds       = 1
budget      = 41
dataset     = {name = "digits", scale = 16, test_size = 540}
"""


@pytest.fixture(scope="module")
def plan(tmp_path_factory):
    folder = tmp_path_factory.mktemp("signals")
    (folder / "e.toml").write_text(TEXT)
    return plan_sweep(folder / "e.toml", folder / "results")


def run_of(plan, strategy, **changes):
    (spec,) = (spec for spec in plan.specs.values() if spec.strategy.name == strategy)
    return loop.run_active_learning(replace(spec, **changes), plan.sources["digits"].at(0))


def test_kappas_of_the_four_predictions():
    rounds = [np.array(codes) for codes in ([1, 0, 0], [1, 0, 1], [0, 0, 1], [0, 0, 0])]
    kappas = [cohen_kappa(*pair, 2) for pair in pairwise(rounds)]
    assert kappas == pytest.approx([0.4, 0.4, 0])
    assert cohen_kappa(rounds[3], rounds[3], 2) == 1


def test_expected_f1_by_hand():
    p = np.array([[0.6, 0.3, 0.1], [0.2, 0.8, 0.0]])
    assert expected_f1(p) == pytest.approx(2 * 1.4 / (2 * 1.4 + 0.6 + 0.6))


def naive(p, p_batch, labels, stop_sets, stop_p):
    """Return the signals of a round as their definitions say, one example at a time."""
    u = [1 - max(row) for row in p]
    h = [-sum(q * log(q) for q in row if q > 0) / log(len(row)) for row in p]
    u_batch = [1 - max(row) for row in p_batch]
    is_right = [list(row).index(max(row)) == y for row, y in zip(p_batch, labels, strict=True)]
    h_batch = [-sum(q * log(q) for q in row if q > 0) / log(len(row)) for row in p_batch]
    mean = sum(u) / len(u)
    true = sum(max(row) for row in stop_p)
    found = {
        "mean_uncertainty": mean,
        "max_uncertainty": max(u),
        "var_uncertainty": sum((value - mean) ** 2 for value in u) / len(u),
        "mean_entropy": sum(h) / len(h),
        "max_entropy": max(h),
        "expected_f1": true / len(stop_p),
    }
    if len(labels):
        wrong = sum(value for value, right in zip(u_batch, is_right, strict=True) if not right)
        found |= {
            "batch_uncertainty_min": min(u_batch),
            "batch_uncertainty_median": float(np.median(u_batch)),
            "batch_uncertainty_max": max(u_batch),
            "batch_entropy_max": max(h_batch),
            "batch_accuracy": sum(is_right) / len(is_right),
            "contradiction": wrong / (sum(u_batch) / len(u_batch)),
        }
    now = stop_sets[-1]
    for back, name in ((1, "kappa"), (2, "kappa_2")):
        if len(stop_sets) > back:
            found[name] = cohen_kappa_score(stop_sets[-1 - back], now)
    if len(stop_sets) > 1:
        found["changed"] = float(np.mean(stop_sets[-2] != now))
    return dict.fromkeys(SIGNAL_TOLERANCES) | found


@pytest.mark.parametrize("strategy", ["random", "margin"])
def test_signals_are_those_of_their_definitions(plan, strategy, monkeypatch):
    expected, stop_sets, measure = [], [], SignalMeter.measure

    def watched(self, predictions, unlabelled, batch, labels):
        found = measure(self, predictions, unlabelled, batch, labels)
        p, stop = predictions.probabilities, self._order[:1000]
        stop_sets.append(p[stop].argmax(axis=1))
        expected.append(naive(p[unlabelled], p[batch], labels, stop_sets, p[stop]))
        return found

    monkeypatch.setattr(SignalMeter, "measure", watched)
    rounds = run_of(plan, strategy).rounds
    assert len(rounds) == 4
    for entry, wanted in zip(rounds, expected, strict=True):
        assert list(entry.signals) == list(SIGNAL_TOLERANCES)
        for name, value in entry.signals.items():
            same = value is None if wanted[name] is None else value == pytest.approx(wanted[name])
            assert same, name
    assert rounds[0].signals["kappa"] is None
    assert rounds[1].signals["kappa_2"] is None
    assert rounds[-1].signals["batch_accuracy"] is None


def test_signals_change_nothing_else(plan):
    on, off = run_of(plan, "random"), run_of(plan, "random", signals=False)
    assert all(entry.signals == {} for entry in off.rounds)
    for one, other in zip(on.rounds, off.rounds, strict=True):
        assert one.scores == other.scores
        assert one.batch.tolist() == other.batch.tolist()


def test_signals_do_not_see_the_labels_of_the_test_part(plan, monkeypatch):
    honest = run_of(plan, "margin")
    original = Buyer.buy_initial

    def poisoned(buyer):
        """Make all test labels wrong."""
        original(buyer)
        test = buyer._learner.split.test
        buyer.oracle.y = buyer.oracle.y.copy()
        buyer.oracle.y[test] = (buyer.oracle.y[test] + 1) % 10

    monkeypatch.setattr(Buyer, "buy_initial", poisoned)
    other = run_of(plan, "margin")
    assert [entry.signals for entry in other.rounds] == [entry.signals for entry in honest.rounds]
    assert [entry.scores for entry in other.rounds] != [entry.scores for entry in honest.rounds]


def test_a_sample_stands_for_many_unlabelled_unless_the_strategy_asks_for_all(plan, monkeypatch):
    whole = {name: run_of(plan, name).rounds for name in ("random", "margin")}
    monkeypatch.setattr(signals, "_SAMPLE_SIZE", 50)
    sampled = {name: run_of(plan, name).rounds for name in ("random", "margin")}
    means = {
        name: [
            [entry.signals["mean_entropy"] for entry in rounds[name]] for rounds in (whole, sampled)
        ]
        for name in whole
    }
    assert means["margin"][0] == means["margin"][1]
    assert all(one != other for one, other in zip(*means["random"], strict=True))
    assert means["random"][1] == pytest.approx(means["random"][0], abs=0.1)


def test_the_stop_set_is_the_same_for_every_strategy(plan):
    training = np.arange(0, 4000, 2)
    first, second = (
        SignalMeter(spec, training, 4000)._stop_set.tolist() for spec in plan.specs.values()
    )
    assert first == second
    assert len(set(first)) == 1000
    assert set(first) < set(training.tolist())


def test_a_model_that_cannot_predict_the_stop_set_fails_no_run(plan, monkeypatch):
    def broken(self, predictions, rows, unlabelled, n_queried):
        raise ValueError("no")

    monkeypatch.setattr(SignalMeter, "_probabilities", broken)
    for entry in run_of(plan, "random").rounds:
        assert entry.signals == dict.fromkeys(SIGNAL_TOLERANCES)
