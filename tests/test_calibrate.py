"""The script that checks the statistics: its truth is right, and it fails where it should."""

import sys
from pathlib import Path

import numpy as np
import pytest

from alrun.results.curves import labels_to_target, read_curves
from alrun.util.random_streams import generator

sys.path.append(str(Path(__file__).parent.parent / "experiments"))

import calibrate
from calibrate import BOUNDS, EFFECT, EXCEPTIONS, N_LABELS, N_TEST, NULL, TARGETS, Rate


@pytest.fixture(scope="module")
def truth():
    return calibrate.find_truth(generator(1, "test"), n_seeds=20_000, at_once=10_000)


def draw(n_seeds, paces, seed=2):
    return calibrate.draw_correct(generator(seed, "test"), n_seeds, list(paces))


def test_labels_are_cut_at_the_last_round():
    score = np.zeros((3, len(N_LABELS)))
    score[1, [4, 7]] = 0.9
    score[2, 0] = 0.95
    labels, never = calibrate.cut_labels(score, 0.9)
    assert labels.tolist() == [210, 60, 20]
    assert never.tolist() == [True, False, False]


def test_the_truth_is_that_of_a_naive_loop_over_the_same_curves():
    found = calibrate.find_truth(generator(3, "test"), n_seeds=300, at_once=150)
    rng = generator(3, "test")
    draws = [calibrate.draw_correct(rng, 150, list(EFFECT.values())) for _ in range(2)]
    runs = [np.concatenate(parts).tolist() for parts in zip(*draws, strict=True)]
    for place, target in enumerate(TARGETS.values()):
        for strategy, curves in enumerate(runs):
            total = missed = 0
            for curve in curves:
                rounds = zip(N_LABELS.tolist(), curve, strict=True)
                reached = [n for n, correct in rounds if correct / N_TEST >= target]
                total += reached[0] if reached else 210
                missed += not reached
            assert found.labels[place, strategy] == pytest.approx(total / 300, abs=1e-9)
            assert found.censored[place, strategy] == pytest.approx(missed / 300, abs=1e-12)
    assert found.curves == pytest.approx(np.mean(runs, axis=1) / N_TEST, abs=1e-12)


def test_a_report_reads_the_same_labels_off_the_frame():
    correct = draw(30, EFFECT.values())
    curves = read_curves(calibrate.frame_of(correct, EFFECT), "accuracy")
    for target in TARGETS.values():
        faster, random = labels_to_target(curves, target).reshape(2, 30)
        expected, _ = calibrate.cut_labels(correct / N_TEST, target)
        assert np.minimum([random, faster], N_LABELS[-1]).tolist() == expected.tolist()


def test_the_law_is_what_it_is_said_to_be(truth):
    assert truth.censored[:, 0] == pytest.approx(np.array(list(TARGETS)) / 100, abs=0.03)
    assert truth.savings == pytest.approx(0.2, abs=0.05)
    assert truth.curves[0, 0] == truth.curves[1, 0]


def test_without_a_difference_strategies_change_places_freely():
    labels, _ = calibrate.cut_labels(draw(20_000, NULL.values()) / N_TEST, TARGETS[10])
    apart = labels[0] - labels[1:]
    assert (np.abs(apart.mean(axis=1)) < 4 * apart.std(axis=1) / 20_000**0.5).all()
    assert np.corrcoef(labels)[0, 1] > 0.3


def test_every_bound_is_measured(truth):
    (one,) = calibrate.simulate(5, [0], truth)
    frame = calibrate.frame_of(draw(5, [1, 1]), ["random", "random again"])
    keys = one.keys() | calibrate.against_itself(frame).keys()
    assert {statistic for statistic, _, _ in keys} == set(BOUNDS)
    assert {(statistic, share) for statistic, share, _ in EXCEPTIONS} <= {key[:2] for key in keys}
    assert calibrate.simulate(5, [0], truth) == [one]


@pytest.mark.parametrize(
    ("key", "rate", "holds"),
    [
        (("type I, labels", 10, 20), Rate(0.0, 0.0), True),
        (("type I, labels", 10, 20), Rate(0.064, 0.005), True),
        (("type I, labels", 10, 20), Rate(0.066, 0.005), False),
        (("family-wise, maxT", None, 10), Rate(0.08, 0.007), False),
        (("coverage, saving", 0, 5), Rate(0.91, 0.005), False),
        (("coverage, saving", 0, 5), Rate(1.0, 0.0), False),
        (("coverage, labels", 40, 5), Rate(0.90, 0.0), True),
        (("coverage, labels", 40, 10), Rate(0.90, 0.0), False),
        (("power, saving", 0, 5), Rate(0.0, 0.0), True),
        (("power, saving", 0, 50), Rate(0.0, 0.0), False),
        (("A/A, AULC", None, 10), Rate(0.2, 0.02), False),
    ],
)
def test_a_rate_outside_its_bound_is_named(key, rate, holds):
    sound = {("type I, AULC", None, 5): Rate(0.05, 0.001)}
    sentences = calibrate.broken(sound | {key: rate})
    assert len(sentences) == (not holds)
    assert all(sentence.startswith(f"{key[0]} at n = {key[2]}") for sentence in sentences)


@pytest.mark.parametrize(("share", "code"), [(0.95, 0), (0.85, 1)])
def test_the_exit_code_says_whether_all_is_within_bounds(truth, monkeypatch, capsys, share, code):
    rates = {("coverage, saving", 0, n): Rate(share, 0.001) for n in calibrate.SEEDS}
    monkeypatch.setattr(calibrate, "find_truth", lambda rng: truth)
    monkeypatch.setattr(calibrate, "measure", lambda truth: rates)
    with pytest.raises(SystemExit) as ended:
        calibrate.main()
    assert ended.value.code == code
    printed = capsys.readouterr().out.splitlines()
    assert max(map(len, printed)) <= 100
    assert sum(line.startswith("coverage, saving ") for line in printed) == 1 + 4 * code


def test_rates_are_means_over_repetitions():
    key = ("coverage, saving", 0, 5)
    (rate,) = calibrate.rates_of([{key: 1.0}, {key: 1.0}, {key: 0.0}, {key: 1.0}]).values()
    assert (rate.share, rate.error) == (0.75, pytest.approx(0.25))
