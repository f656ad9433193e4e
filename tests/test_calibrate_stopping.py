"""The script that checks the judgement of stopping rules: what it measures, and that it fails."""

import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent.parent / "experiments"))

import calibrate_stopping
from calibrate import SEEDS, Rate
from calibrate_stopping import BOUNDS, EXCEPTIONS, LAWS

from alrun.util.random_streams import generator


def test_every_bound_is_measured_and_the_same_each_time():
    truth = dict.fromkeys(LAWS, 0.0)
    (one,) = calibrate_stopping.simulate(5, [0], truth)
    assert {name for name, _ in one} == set(BOUNDS)
    assert {name for name, _ in EXCEPTIONS} <= set(BOUNDS)
    assert calibrate_stopping.simulate(5, [0], truth) == [one]


def test_a_rule_that_stops_at_random_loses_where_curves_bend(monkeypatch):
    monkeypatch.setattr(calibrate_stopping, "TRUTH_SEEDS", 500)
    bent, straight = (
        calibrate_stopping.true_difference(generator(0, "test"), law)
        for law in ("concave", "linear")
    )
    assert bent < -0.005
    assert abs(straight) < 0.001


@pytest.mark.parametrize(
    ("name", "n", "share", "holds"),
    [
        ("type I, linear", 5, 0.05, True),
        ("type I, concave", 50, 0.09, False),
        ("type I, linear", 20, 0.0, False),
        ("power, concave", 50, 0.5, False),
        ("power, concave", 5, 0.0, True),
    ],
)
def test_a_rate_outside_its_bound_is_named(name, n, share, holds):
    rates = {
        (known, size): Rate(max(calibrate_stopping.bound_of(known, size)[0], 0.045), 0.005)
        for known in BOUNDS
        for size in SEEDS
    }
    sentences = calibrate_stopping.broken(rates | {(name, n): Rate(share, 0.005)})
    assert len(sentences) == (not holds)
    assert all(text.startswith(f"{name} at n = {n}: ") for text in sentences)
    assert max(map(len, calibrate_stopping.table_of(rates))) <= 100
