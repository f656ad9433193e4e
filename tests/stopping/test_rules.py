"""Each stopping rule against a naive version, asked round by round, and its edges by hand."""

from fractions import Fraction
from itertools import pairwise
from math import isnan

import numpy as np
import pytest
from signals_factory import noisy, signals

from alrun.errors import StoppingError
from alrun.stopping import rules
from alrun.stopping.hindsight import score_plateau, score_target
from alrun.stopping.registry import BUILT_IN, default_rules, make_rule, parameters_of, rule_of
from alrun.stopping.signals import NAMES, Curve

NO_CURVE = Curve(np.zeros(0), np.zeros(0))


def exact(values):
    """Return values as whole millionths, None for NaN."""
    return [None if isnan(value) else Fraction(round(value * 10**6), 10**6) for value in values]


def mean(values):
    return None if None in values else sum(values) / Fraction(len(values))


def of(number):
    return Fraction(str(number))


def naive_kappa(known, threshold, window):
    last = exact(known.kappa)[-window:]
    return len(last) == window and mean(last) is not None and mean(last) >= of(threshold)


def naive_convergence(values, threshold, window):
    if len(values) < 2 * window:
        return False
    last, before = mean(values[-window:]), mean(values[-2 * window : -window])
    earlier = [value for value in values[:-1] if value is not None]
    if last is None or before is None or values[-1] <= max(earlier):
        return False
    return 0 < last - before < of(threshold)


def naive_falls(values, rounds):
    last = values[-rounds - 1 :]
    if len(last) <= rounds or None in last:
        return False
    return all(later < earlier for earlier, later in pairwise(last))


def naive_plateau(values, gain, rounds):
    before = [value for value in values[:-rounds] if value is not None]
    last = [value for value in values[-rounds:] if value is not None]
    return bool(before and last) and max(last) - max(before) <= of(gain)


def naive_returns(known, gain, rounds):
    values = exact(known.expected_f1)
    if len(values) <= rounds or values[-1] is None or values[-1 - rounds] is None:
        return False
    labels = Fraction(known.n_labels[-1] - known.n_labels[-1 - rounds])
    return (values[-1] - values[-1 - rounds]) * 100 / labels < of(gain)


def below(value, threshold):
    return value is not None and value < of(threshold)


def at_most(value, threshold):
    return value is not None and value <= of(threshold)


# What is known of a bought batch is known a round later, so that these look at the round before.
NAIVE = {
    "budget": lambda s, labels: s.n_labels[-1] >= labels,
    "kappa": naive_kappa,
    "classification_change": lambda s, tolerance: at_most(exact(s.changed)[-1], tolerance),
    "overall_uncertainty": lambda s, threshold: below(exact(s.mean_entropy)[-1], threshold),
    "max_confidence": lambda s, threshold: below(exact(s.batch_entropy_max)[-1], threshold),
    "min_error": lambda s, threshold: at_most(exact(s.mean_uncertainty)[-1], threshold),
    "batch_accuracy": lambda s, threshold: len(s) > 1 and s.batch_accuracy[-2] >= threshold,
    "performance_convergence": lambda s, threshold, window: naive_convergence(
        exact(s.expected_f1), threshold, window
    ),
    "uncertainty_convergence": lambda s, threshold, window: naive_convergence(
        [None if v is None else 1 - v for v in exact(s.batch_uncertainty_median)], threshold, window
    ),
    "contradiction": lambda s, rounds: naive_falls(exact(s.contradiction)[:-1], rounds),
    "variance": lambda s, rounds: naive_falls(exact(s.var_uncertainty), rounds),
    "plateau": lambda s, gain, rounds: naive_plateau(exact(s.expected_f1), gain, rounds),
    "diminishing_returns": naive_returns,
}
# Parameters under which noise stops a rule now early, now late, now never.
GIVEN = {
    "budget": {"labels": 115},
    "kappa": {"threshold": 0.98, "window": 2},
    "classification_change": {"tolerance": 0.03},
    "overall_uncertainty": {"threshold": 0.09},
    "max_confidence": {"threshold": 0.03},
    "min_error": {"threshold": 0.09},
    "batch_accuracy": {"threshold": 0.97},
    "performance_convergence": {"threshold": 0.02, "window": 2},
    "uncertainty_convergence": {"threshold": 0.02, "window": 2},
    "contradiction": {"rounds": 3},
    "variance": {"rounds": 2},
    "plateau": {"gain": 0.01, "rounds": 3},
    "diminishing_returns": {"gain": 0.01, "rounds": 2},
}


def naively(name, run, parameters):
    """Return the first round in which the naive rule stops, asked with what is known then."""
    for place in range(len(run)):
        if NAIVE[name](run.known_in(place), **parameters):
            return place
    return None


def test_every_rule_has_a_naive_version():
    assert set(NAIVE) == set(GIVEN) == set(BUILT_IN)


@pytest.mark.parametrize("name", BUILT_IN)
def test_a_rule_stops_where_its_naive_version_does(name):
    rng = np.random.default_rng(7)
    found = []
    for n_rounds in [*range(1, 8), *[25] * 40]:
        run = noisy(rng, n_rounds)
        stop = BUILT_IN[name](run, **GIVEN[name]).first
        assert stop == naively(name, run, GIVEN[name])
        found.append(stop)
    assert len(set(found)) > (1 if name == "budget" else 3), "no signals put it to the test"


@pytest.mark.parametrize("name", BUILT_IN)
def test_a_rule_with_its_defaults_is_the_naive_one(name):
    rng = np.random.default_rng(11)
    parameters = parameters_of(name) | ({"labels": 90} if name == "budget" else {})
    for _ in range(20):
        run = noisy(rng, 30)
        assert BUILT_IN[name](run, **parameters).first == naively(name, run, parameters)


@pytest.mark.parametrize("rule", default_rules(), ids=lambda rule: rule.name)
@pytest.mark.parametrize("n_rounds", [1, 2, 40])
def test_without_signals_no_rule_stops(rule, n_rounds):
    """An argmax of nothing but false is 0: a run that is never stopped must not stop at once."""
    assert rule.stop(signals(n_rounds), NO_CURVE) is None


ALWAYS = dict.fromkeys(NAMES, 0.0) | {"kappa": 1.0, "batch_accuracy": 1.0}


@pytest.mark.parametrize(
    ("name", "stop"),
    [
        ("kappa", 2),
        ("classification_change", 0),
        ("overall_uncertainty", 0),
        ("max_confidence", 0),
        ("min_error", 0),
        ("batch_accuracy", 1),  # the batch has been bought by then
        ("performance_convergence", None),
        ("uncertainty_convergence", None),
        ("contradiction", None),
        ("variance", None),
        ("plateau", 5),
        ("diminishing_returns", 5),
    ],
)
def test_a_model_of_one_class_that_is_sure_of_it(name, stop):
    run = signals(30, **{key: np.full(30, value) for key, value in ALWAYS.items()})
    assert make_rule(name, {}).stop(run, NO_CURVE) == stop


def test_a_streak_that_breaks_begins_anew():
    """Two published harnesses count the falls without ever setting the count back."""
    broken = signals(contradiction=[0.9, 0.8, 0.7, 0.75, 0.7, 0.65, 0.66, 0.6, 0.5, 0.4, 0.4])
    assert rules.contradiction(broken, 3).first == 10
    assert rules.variance(signals(var_uncertainty=[0.5, 0.4, 0.45, 0.4, 0.42, 0.4, 0.3])).first == 6
    gap = signals(contradiction=[0.9, 0.8, 0.7, np.nan, 0.5, 0.4, 0.35, 0.3])
    assert (
        rules.contradiction(gap, 3).first is None
    )  # the third fall would be known after the last round
    assert rules.kappa(signals(kappa=[np.nan, 1, 1, 0.9, 1, 1, 1, 0])).first == 6


def test_the_last_batch_stops_no_run():
    run = signals(batch_accuracy=[0.5, 0.5, 1.0])
    assert rules.batch_accuracy(run).first is None
    assert rules.batch_accuracy(signals(batch_accuracy=[0.5, 1.0, np.nan])).first == 2


def test_kappa_is_the_mean_of_consecutive_ones_not_each_of_them():
    assert rules.kappa(signals(kappa=[np.nan, 0.98, 1.0, 1.0])).first == 3
    assert rules.kappa(signals(kappa=[np.nan, 0.96, 1.0, 1.0])).first is None


def test_signals_are_compared_at_six_decimals():
    assert rules.kappa(signals(kappa=[0.9899999] * 3)).first == 2
    assert rules.kappa(signals(kappa=[0.989999] * 3)).first is None
    assert rules.min_error(signals(mean_uncertainty=[0.0100004])).first == 0
    assert rules.min_error(signals(mean_uncertainty=[0.0100006])).first is None
    assert (
        rules.variance(signals(var_uncertainty=[0.3, 0.2999999, 0.2999998, 0.2999997])).first
        is None
    )


def test_a_criterion_holds_the_value_that_is_compared_with_the_threshold():
    run = signals(
        kappa=[np.nan, 0.9, 0.95, 0.96],
        contradiction=[0.9, 0.8, 0.7, 0.75],
        batch_accuracy=[0.5, 0.6, 0.7, np.nan],
        expected_f1=[0.5, 0.6, 0.62, 0.625],
    )
    assert rules.kappa(run, window=2).value.tolist()[2:] == [0.925, 0.955]
    assert rules.batch_accuracy(run).value.tolist()[1:] == [0.5, 0.6, 0.7]
    assert rules.contradiction(run).value.tolist()[1:] == [0, 1, 2]
    assert rules.plateau(run, rounds=1).value.tolist()[1:] == pytest.approx([0.1, 0.02, 0.005])
    returns = rules.diminishing_returns(run, gain=0.02, rounds=2)
    assert returns.value.tolist()[2:] == pytest.approx([12, 2.5])
    n = run.n_labels
    assert returns.threshold.tolist()[2:] == pytest.approx((0.02 * (n[2:] - n[:-2])).tolist())
    rule = rule_of({"name": "kappa", "threshold": 0.95, "window": 2})
    assert rule.criterion(run).holds.tolist() == [False, False, False, True]
    assert rule.stop(run, NO_CURVE) == 3


def test_rules_of_others_and_of_users_have_no_criterion(own):
    for entry in ({"name": "any", "rules": ["kappa"]}, f"{own}:right", "score_plateau"):
        assert rule_of(entry).criterion(signals(3)) is None


def test_all_waits_for_the_last_and_any_for_the_first():
    run = signals(kappa=[0.0, 1, 1, 1, 1], changed=[1.0, 0, 0, 0, 0], mean_entropy=[1.0] * 5)
    both = ["kappa", "classification_change"]
    assert rule_of({"name": "all", "rules": both}).stop(run, NO_CURVE) == 3
    assert rule_of({"name": "any", "rules": both}).stop(run, NO_CURVE) == 1
    never = [*both, {"name": "overall_uncertainty", "threshold": 0.1}]
    rule = rule_of({"name": "all", "rules": never})
    assert rule.stop(run, NO_CURVE) is None
    assert rule_of({"name": "any", "rules": never}).stop(run, NO_CURVE) == 1
    assert (
        rule.display_name == "all(kappa, classification_change, overall_uncertainty(threshold=0.1))"
    )


def test_hindsight_rules_read_the_curve_alone():
    curve = Curve(np.arange(20.0, 100, 10), np.array([0.5, 0.7, 0.8, 0.9, 0.9, 0.9, 0.9, 0.95]))
    assert score_plateau(curve, 0.01, 3).first == 6
    assert score_target(curve, 0.8).first == 2
    assert score_target(curve, 0.99).first is None
    assert rule_of("score_plateau").is_hindsight
    assert rule_of({"name": "any", "rules": ["kappa", "score_plateau"]}).is_hindsight


OWN = '''
"""Rules of a user's."""
def right(signals, threshold=0.9):
    return len(signals) - 1 if (signals.batch_accuracy >= threshold).any() else None
def peeks(signals):
    return int(signals.mean_entropy.argmin()) if len(signals) == 3 else None
def wrong(signals):
    return "now"
def fails(signals):
    return signals.nothing
def beyond(signals):
    return len(signals)
'''


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    path = tmp_path_factory.mktemp("own") / "mine.py"
    path.write_text(OWN)
    return path


def test_a_rule_of_a_users_is_asked_with_what_is_known(own):
    run = signals(batch_accuracy=[0.5, 0.95, 0.5, np.nan], mean_entropy=[0.5, 0.1, 0.6, 0.0])
    rule = rule_of({"name": "mine.py:right", "threshold": 0.9}, own.parent)
    assert rule.stop(run, NO_CURVE) == 2  # the labels of round 1 are known in round 2
    assert rule.display_name == "mine.py:right(threshold=0.9)"
    # Whatever round it names, it stops in the one in which it says so.
    assert rule_of(f"{own}:peeks").stop(run, NO_CURVE) == 2


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("wrong", "mine.py:wrong returned 'now' in round 0; return a round up to the last one"),
        ("beyond", "mine.py:beyond returned 1 in round 0"),
        ("fails", "mine.py:fails failed in round 0 (AttributeError"),
    ],
)
def test_a_wrong_answer_is_a_sentence(own, name, message):
    with pytest.raises(StoppingError) as error:
        rule_of(f"{own}:{name}").stop(signals(2), NO_CURVE)
    assert str(error.value).startswith(message)


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("kapa", "there is no stopping rule 'kapa'"),
        ("budget", "budget needs a value for labels"),
        ({"name": "kappa", "treshold": 1}, "kappa has no parameter 'treshold'; did you mean"),
        ({"name": "kappa", "window": 0}, "window of kappa must be a whole number of at least 1"),
        ({"name": "variance", "rounds": True}, "rounds of variance must be a whole number"),
        ({"name": "min_error", "threshold": "low"}, "threshold of min_error must be a finite"),
        ({"name": "all", "rules": []}, "rules of all must be a list of rules"),
        ({"name": "any"}, "any needs a value for rules"),
        ({"name": "any", "rules": [3]}, "a stopping rule is a name, or a table with a name"),
        ("nowhere.py:rule", "there is no file"),
    ],
)
def test_a_rule_that_cannot_be_is_refused(entry, message):
    with pytest.raises(StoppingError) as error:
        rule_of(entry)
    assert str(error.value).startswith(message)
