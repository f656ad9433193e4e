"""balanced, falcun and power_margin: anew, against scikit-activeml, and where they are others."""

import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategy_pools import Scripted, asked, drawn, odd_pools, picked, pool_of, stream

from alrun.data.dataset import Dataset
from alrun.errors import StrategyError
from alrun.run.loop import run_active_learning
from alrun.spec import RunSpec
from alrun.spec_parts import DatasetSpec, InitialSpec, ModelSpec, StrategySpec
from alrun.strategies.registry import BUILT_IN, resolve
from alrun.strategies.uncertainty import closeness

ALL = ("balanced", "falcun", "power_margin")
SEEDS = range(6)


def scaled(values):
    low, high = min(values), max(values)
    return [(value - low) / (high - low) if high > low else 0.0 for value in values]


def closeness_of(row):
    first, second = sorted(row, reverse=True)[:2]
    return 1 - (first - second)


def entropy_of(row):
    return -sum(p * math.log(p) for p in row if p > 0)


# balanced


def naive_balanced(pool, n, w):
    X = pool.X.toarray() if hasattr(pool.X, "toarray") else pool.X
    before = pool.X_labelled.toarray() if hasattr(pool.X, "toarray") else pool.X_labelled
    uncertainty = scaled([entropy_of(row) for row in pool.probabilities])
    known, left, batch = list(before), list(range(len(X))), []
    for _ in range(n):
        distance = scaled([min(math.dist(X[row], other) for other in known) for row in left])
        sums = [
            w * uncertainty[row] + (1 - w) * far for row, far in zip(left, distance, strict=True)
        ]
        row = left[max(range(len(left)), key=lambda place: round(sums[place], 10))]
        batch.append(row)
        left.remove(row)
        known.append(X[row])
    return batch


@pytest.mark.parametrize("as_sparse", [False, True])
@pytest.mark.parametrize("w", [0.0, 0.2, 0.5, 0.9, 1.0])
@pytest.mark.parametrize("seed", SEEDS)
def test_balanced_picks_as_a_plain_loop_does(seed, w, as_sparse):
    pool = drawn(seed, n=40, as_sparse=as_sparse)
    assert picked("balanced", pool, 40, w=w) == naive_balanced(pool, 40, w)


@pytest.mark.parametrize(("window", "at_once"), [(1, 1), (3, 2), (40, 5)])
@pytest.mark.parametrize("seed", SEEDS)
def test_a_wrong_guess_of_the_next_picks_does_not_change_them(seed, window, at_once, monkeypatch):
    pool = drawn(seed, n=40)
    expected = picked("balanced", pool, 40)
    monkeypatch.setattr("alrun.strategies.hybrid._WINDOW", window)
    monkeypatch.setattr("alrun.strategies.hybrid._AT_ONCE", at_once)
    assert picked("balanced", pool, 40) == expected


@pytest.mark.parametrize("seed", SEEDS)
def test_balanced_has_k_center_and_entropy_at_its_ends(seed):
    pool = drawn(seed)
    assert picked("balanced", pool, 10, w=0.0) == picked("k_center", pool, 10)
    assert picked("balanced", pool, 10, w=1.0) == picked("entropy", pool, 10)


def test_balanced_trades_doubt_for_distance():
    # From the labelled 0: near and unsure, far and rather sure, farther and certain.
    rows, X = [[0.5, 0.5], [0.8, 0.2], [1, 0]], [[0], [8], [10]]
    doubt = entropy_of([0.8, 0.2]) / math.log(2)
    assert 0.5 * doubt + 0.5 * 0.8 > 0.5
    assert picked("balanced", pool_of(rows, X, [[0]]), 3) == [1, 0, 2]
    assert picked("balanced", pool_of(rows, X, [[0]]), 3, w=0.9) == [0, 1, 2]
    assert picked("balanced", pool_of(rows, X, [[0]]), 3, w=0.1) == [2, 1, 0]


def test_balanced_counts_the_distance_anew_after_each_pick():
    # Two that are alike, and a less unsure one elsewhere: it goes before the second of the two.
    rows = [[0.5, 0.5], [0.5, 0.5], [0.7, 0.3], [1, 0]]
    assert picked("balanced", pool_of(rows, [[9], [9], [-8], [0]], [[0]]), 3) == [0, 2, 1]


@pytest.mark.parametrize("seed", SEEDS)
def test_rounding_noise_does_not_decide_in_balanced(seed):
    rng = stream(seed)
    X = rng.integers(2, size=(20, 2)) / 10 + 0.1
    rows = rng.choice([0.1, 0.3, 0.5], size=20)
    rows = np.column_stack([rows, 1 - rows])
    expected = picked("balanced", pool_of(rows, X, [[0.1, 0.1]]), 20)
    noise = 1 + rng.choice([0, 1e-15, -1e-15], size=20)
    noisy = pool_of(rows * noise[:, None], X, [[0.1, 0.1]])
    assert picked("balanced", noisy, 20) == expected
    alike = pool_of(np.array([[0.3, 0.7]]) * noise[:, None], X, [[0.1, 0.1]])
    assert picked("balanced", alike, 20, w=1.0) == list(range(20))


# falcun


def naive_falcun(pool, n, gamma, rng):
    p = pool.probabilities
    unsure = [closeness_of(row) for row in p]
    left, batch = list(range(len(p))), []
    for _ in range(n):
        near = [
            min([unsure[row], *(abs(p[row] - p[other]).sum() for other in batch)]) for row in left
        ]
        weights = np.add([unsure[row] for row in left], scaled(near)) ** gamma
        row = int(rng.choice(left, p=weights / weights.sum()))
        batch.append(row)
        left.remove(row)
    return batch


@pytest.mark.parametrize("gamma", [0.0, 1.0, 10.0])
@pytest.mark.parametrize("n_classes", [2, 3, 10])
@pytest.mark.parametrize("seed", SEEDS)
def test_falcun_draws_as_a_plain_loop_does(seed, n_classes, gamma):
    pool = drawn(seed, n_classes=n_classes)
    expected = naive_falcun(pool, 25, gamma, stream(seed))
    assert picked("falcun", pool, 25, seed, gamma=gamma) == expected


def test_falcun_leaves_alone_what_is_like_the_picked():
    # Toss-ups of two kinds, the second kind once: it is the second pick unless it is the first.
    rows = [[0.5, 0.5, 0, 0]] * 9 + [[0, 0, 0.5, 0.5], [1, 0, 0, 0]]
    for seed in range(30):
        batch = picked("falcun", pool_of(rows), 11, seed, gamma=100)
        assert 9 in batch[:2]
        assert batch[-1] == 10


def test_a_power_too_large_for_a_float_takes_the_highest():
    pool = drawn(1)
    first = max(range(30), key=lambda row: closeness_of(pool.probabilities[row]))
    for gamma in (1e4, 1e300):
        assert picked("falcun", pool, 30, gamma=gamma)[0] == first


def test_falcun_draws_uniformly_where_the_model_is_certain_of_one_class():
    pool = pool_of(np.tile([1.0, 0.0], (4, 1)))
    counts = Counter(row for seed in range(800) for row in picked("falcun", pool, 1, seed))
    assert all(abs(counts[row] - 200) < 60 for row in range(4))  # standard deviation 12


def test_what_has_no_chance_is_not_drawn():
    pool = pool_of([[1, 0], [0.5, 0.5], [0, 1]])
    for point in (0.0, 1 - 2**-53):
        assert asked("falcun", pool, 1, Scripted(point)).tolist() == [1]


def test_distances_of_rounding_noise_are_not_blown_up():
    noise = stream().choice([0, 1e-15, -1e-15], size=(40, 2))
    rows = np.array([0.3, 0.7]) + noise
    counts = Counter(row for seed in range(400) for row in picked("falcun", pool_of(rows), 2, seed))
    assert max(counts.values()) < 50  # 20 each; it were half of all for the farthest


@pytest.mark.parametrize("seed", range(8))
def test_falcun_has_the_probabilities_of_scikit_activeml_where_nothing_is_to_be_scaled(seed):
    """It scales what it scaled before, and counts the picked among those left.

    Neither matters while a toss-up far from all picked and a certain example are left.
    """
    peers = pytest.importorskip("skactiveml.pool")
    wrapped = pytest.importorskip("skactiveml.classifier")
    rng = stream(seed)
    pairs = np.repeat(np.eye(5), 2, axis=1) / 2
    rows = np.vstack([pairs, pairs, np.eye(10), rng.dirichlet(np.full(10, 0.3), size=20)])
    rows = rows[rng.permutation(len(rows))]

    class Known(wrapped.ParzenWindowClassifier):
        def predict_proba(self, X):
            return rows[X[:, 0].astype(int)]

    X = np.arange(len(rows) + 1.0)[:, None]
    labels = np.full(len(X), np.nan)
    labels[-1] = 0
    model = Known(classes=list(range(10))).fit(X, labels)
    batch, chances = peers.Falcun(gamma=3, random_state=seed).query(
        X, labels, model, fit_clf=False, batch_size=4, return_utilities=True
    )
    chances = np.nancumsum(chances[:, :-1], axis=1)
    starts = [chances[step][row - 1] if row else 0.0 for step, row in enumerate(batch)]
    ends = [chances[step][row] for step, row in enumerate(batch)]
    pool = pool_of(rows)
    for points in (np.add(starts, 1e-9), np.subtract(ends, 1e-9)):
        assert asked("falcun", pool, 4, Scripted(*points), gamma=3.0).tolist() == batch.tolist()


# power_margin


@pytest.mark.parametrize("beta", [0.0, 0.5, 1.0, 3.0])
@pytest.mark.parametrize("seed", SEEDS)
def test_power_margin_is_the_logarithm_of_the_margin_and_noise(seed, beta):
    pool = drawn(seed)
    noise = stream(seed).gumbel(size=30)
    expected = [beta * math.log(closeness_of(row)) for row in pool.probabilities] + noise
    scores = asked("power_margin", pool, 1, stream(seed), beta=beta)
    np.testing.assert_allclose(scores, expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("beta", [0.0, 1.0, 2.0])
def test_power_margin_draws_in_proportion_to_a_power_of_the_uncertainty(beta):
    pool = pool_of([[0.5, 0.5], [0.75, 0.25], [0.9, 0.1], [0.95, 0.05]])
    weights = np.array([1, 0.5, 0.2, 0.1]) ** beta
    rng, counts = stream(), np.zeros(4)
    for _ in range(4000):
        counts[asked("power_margin", pool, 1, rng, beta=beta).argmax()] += 1
    chances = weights / weights.sum()
    assert (np.abs(counts / 4000 - chances) < 4 * np.sqrt(chances / 4000)).all()


def test_power_margin_draws_anew_each_round_and_takes_the_certain_last():
    pool = pool_of([[1, 0], [0.999999, 0.000001], [0, 1], [0.5, 0.5]])
    rng = stream()
    scores = [asked("power_margin", pool, 4, rng) for _ in range(2)]
    assert (scores[0] != scores[1])[[1, 3]].all()
    for seed in range(20):
        assert picked("power_margin", pool, 4, seed)[2:] == [0, 2]
    assert np.isfinite(asked("power_margin", pool, beta=0.0)).all()


def test_with_a_large_power_it_is_margin():
    pool = drawn(2)
    assert picked("power_margin", pool, 30, beta=1e12) == picked("margin", pool, 30)


def test_closeness_near_certainty_is_no_rounding_noise():
    rows = np.array([[1.0, 1e-30, 2e-30], [1e-20, 1.0, 0.0], [0.25, 0.25, 0.5], [0.0, 0.0, 1.0]])
    np.testing.assert_allclose(closeness(rows), [5e-30, 2e-20, 0.75, 0.0], rtol=1e-15)


# All


@settings(max_examples=150)
@given(odd_pools(), st.data())
@pytest.mark.parametrize("name", ALL)
@pytest.mark.filterwarnings("error")
def test_odd_pools_are_survived(name, pool, data):
    n, seed = data.draw(st.integers(1, len(pool))), data.draw(st.integers(0, 99))
    before = pool.probabilities.copy()
    batch = picked(name, pool, n, seed)
    assert len(set(batch)) == n
    assert batch == picked(name, pool, n, seed)
    np.testing.assert_array_equal(pool.probabilities, before)


@pytest.mark.parametrize(
    ("name", "key", "low"),
    [("balanced", "w", True), ("falcun", "gamma", True), ("power_margin", "beta", True)],
)
@pytest.mark.parametrize("value", [-0.1, math.nan, math.inf, -math.inf, "1", None, True, [1]])
def test_a_senseless_value_is_a_sentence(name, key, low, value):
    with pytest.raises(StrategyError, match=rf"{key} of {name} must be a number from 0 .*, not "):
        asked(name, drawn(0), **{key: value})


def test_a_share_above_one_is_refused():
    with pytest.raises(StrategyError, match=r"w of balanced .* from 0 to 1, not 1.01"):
        asked("balanced", drawn(0), w=1.01)
    assert resolve("balanced", {"w": 1}) == ({"w": 1.0}, 1)
    assert resolve("falcun", {}) == ({"gamma": 10.0}, 1)
    assert resolve("power_margin", {}) == ({"beta": 1.0}, 1)


@pytest.mark.parametrize("name", ALL)
def test_their_needs_are_known(name):
    assert BUILT_IN[name].requires == ("predict_proba",)


@pytest.mark.parametrize("name", [*ALL, "badge", "egl"])
def test_a_run_ends_on_its_budget_and_is_the_same_again(name):
    rng = stream()
    y = np.arange(90) % 3
    dataset = Dataset(rng.normal(size=(90, 4)) + y[:, None], y, ("a", "b", "c"), "toy")
    spec = RunSpec(
        DatasetSpec("toy", "toy", "toy", "none", 30),
        InitialSpec("size", 4),
        ModelSpec("logistic", "logistic", {"C": 1.0}),
        StrategySpec(name, name, resolve(name, {})[0], 1),
        batch_size=8,
        budget=60,
        seed=1,
    )
    first, second = (run_active_learning(spec, dataset) for _ in range(2))
    rows = np.concatenate([entry.batch for entry in first.rounds])
    assert len(set(rows.tolist())) == 56
    assert rows.tolist() == np.concatenate([entry.batch for entry in second.rounds]).tolist()
