"""Splits that are drawn: sizes, and what they depend on."""

import gc
import weakref
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_splits import PER_CLASS, assert_same, made, run_spec
from scipy import sparse

from alrun.data import splits
from alrun.data.dataset import Dataset
from alrun.data.load import load
from alrun.data.splits import draw_split, split_of
from alrun.errors import DatasetError
from alrun.spec_parts import DatasetSpec, InitialSpec, ModelSpec, StrategySpec

RULES = [
    (InitialSpec("per_class", 1), 3),
    (InitialSpec("per_class", 4), 12),
    (InitialSpec("random", 1), 1),
    (InitialSpec("random", 17), 17),
    (InitialSpec("stratified", 3), 3),
    (InitialSpec("stratified", 20), 20),
    (InitialSpec("kmeans", 1), 1),
    (InitialSpec("kmeans", 20), 20),
]


# Drawn splits


@pytest.mark.parametrize("test_size", [3, 11, 55, 100])
@pytest.mark.parametrize("seed", range(3))
def test_the_test_part_has_exactly_its_size_and_the_shares_of_the_classes(seed, test_size):
    dataset = made()
    test = draw_split(dataset, test_size, InitialSpec("random", 2), seed).test
    assert len(test) == test_size
    shares = np.bincount(dataset.y) / len(dataset.y)
    held = np.bincount(dataset.y[test], minlength=3)
    assert (np.abs(held - test_size * shares) < 1 + 1e-9).all()


@pytest.mark.parametrize(("rule", "size"), RULES)
@pytest.mark.parametrize("seed", range(3))
def test_every_row_has_one_role_and_the_initial_set_its_size(seed, rule, size):
    split = draw_split(made(), 30, rule, seed)
    rows = np.concatenate([split.test, split.initial, split.pool])
    np.testing.assert_array_equal(np.sort(rows), np.arange(110))
    assert len(split.initial) == size
    assert len(split.test) == 30


@pytest.mark.parametrize("rule", [rule for rule, _ in RULES])
def test_rows_stand_in_ascending_order(rule):
    split = draw_split(made(), 30, rule, 0)
    for rows in (split.test, split.initial, split.pool, split.training):
        np.testing.assert_array_equal(rows, np.sort(rows))


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("k", [1, 5])
def test_per_class_takes_so_many_of_each_class(seed, k):
    dataset = made()
    initial = draw_split(dataset, 30, InitialSpec("per_class", k), seed).initial
    np.testing.assert_array_equal(np.bincount(dataset.y[initial], minlength=3), [k, k, k])


@pytest.mark.parametrize("seed", range(5))
def test_stratified_keeps_the_shares_of_the_classes(seed):
    dataset = made((60, 30, 20))
    initial = draw_split(dataset, 11, InitialSpec("stratified", 22), seed).initial
    held = np.bincount(dataset.y[initial], minlength=3)
    assert (np.abs(held - 22 * np.array([60, 30, 20]) / 110) <= 1 + 1e-9).all()


def test_random_does_not_stratify():
    dataset = made()
    counts = [
        np.bincount(dataset.y[draw_split(dataset, 30, InitialSpec("random", 9), s).initial])[0]
        for s in range(30)
    ]
    assert np.ptp(counts) >= 3


@pytest.mark.parametrize("method", ["random", "kmeans"])
def test_an_initial_set_may_be_the_whole_training_part(method):
    split = draw_split(made(), 30, InitialSpec(method, 80), 0)
    assert len(split.initial) == 80
    assert len(split.pool) == 0


@pytest.mark.parametrize("rule", [rule for rule, _ in RULES])
def test_a_seed_gives_the_same_split_again_and_another_seed_another(rule):
    assert_same(draw_split(made(), 30, rule, 7), draw_split(made(), 30, rule, 7))
    one, other = draw_split(made(), 30, rule, 7), draw_split(made(), 30, rule, 8)
    assert not np.array_equal(one.test, other.test)
    assert not np.array_equal(one.initial, other.initial)


@pytest.mark.parametrize(
    "rule", [InitialSpec("random", 20), InitialSpec("stratified", 20), InitialSpec("per_class", 7)]
)
def test_every_row_of_a_class_is_as_likely_in_the_initial_set(rule):
    dataset = made((40, 40, 40))
    hit = np.zeros(120, dtype=int)
    for seed in range(200):
        hit[draw_split(dataset, 30, rule, seed).initial] += 1
    # About one in six each, so 33 to 35 times of 200, standard deviation 5.3.
    assert hit.min() > 10
    assert hit.max() < 60


def test_the_test_part_does_not_depend_on_the_initial_rule():
    tests = [draw_split(made(), 30, rule, 3).test for rule, _ in RULES]
    for test in tests[1:]:
        np.testing.assert_array_equal(test, tests[0])


def test_another_data_set_has_another_split():
    one, other = made(fingerprint="one"), made(fingerprint="other")
    assert not np.array_equal(
        draw_split(one, 30, PER_CLASS, 0).test, draw_split(other, 30, PER_CLASS, 0).test
    )


@pytest.mark.parametrize(
    "change",
    [
        {"strategy": StrategySpec("margin", "margin", {}, 1)},
        {"strategy": StrategySpec("random again", "random", {}, 2, replica=1)},
        {"model": ModelSpec("svm", "sklearn.svm.LinearSVC", {"C": 3.0})},
        {"batch_size": 3},
        {"budget": 70},
        {"dataset": DatasetSpec("other label", "other name", "made", "standard", 30)},
    ],
)
def test_a_pair_has_the_same_split_and_the_same_initial_set(change):
    dataset = made()
    assert_same(split_of(run_spec(), dataset), split_of(replace(run_spec(), **change), dataset))


# Classes and sizes that do not go together


def test_a_class_of_one_is_named_with_its_row():
    dataset = made((10, 10, 1))
    row = int(np.flatnonzero(dataset.y == 2)[0])
    with pytest.raises(DatasetError, match=rf"'class 2' .*row {row}\b"):
        draw_split(dataset, 6, PER_CLASS, 0)


def test_a_class_without_examples_is_named():
    dataset = replace(made((10, 10)), classes=("a", "b", "ghost"))
    with pytest.raises(DatasetError, match="'ghost'"):
        draw_split(dataset, 6, PER_CLASS, 0)


def test_too_many_per_class_name_the_class_and_how_many_it_has():
    with pytest.raises(DatasetError, match=r"'class 2' has [3-5] examples.*per_class = 6"):
        draw_split(made((40, 40, 6)), 20, InitialSpec("per_class", 6), 0)


@pytest.mark.parametrize("test_size", [1, 2, 108, 109])
def test_a_test_part_that_cannot_hold_or_leave_every_class_is_refused(test_size):
    with pytest.raises(DatasetError, match=rf"test part of {test_size}\b"):
        draw_split(made(), test_size, PER_CLASS, 0)


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        (InitialSpec("random", 81), r"81.* 80 examples"),
        (InitialSpec("stratified", 81), r"81.* 80 examples"),
        (InitialSpec("kmeans", 81), r"81.* 80 examples"),
        (InitialSpec("stratified", 2), "initial set of 2"),
        (InitialSpec("stratified", 79), "initial set of 79"),
    ],
)
def test_an_initial_set_that_does_not_fit_is_refused(rule, message):
    with pytest.raises(DatasetError, match=message):
        draw_split(made(), 30, rule, 0)


def test_a_split_is_drawn_once_and_cannot_be_changed():
    dataset = load("iris", {})
    initial = InitialSpec("per_class", 2)
    one, other = (draw_split(dataset, 50, initial, 0) for _ in range(2))
    assert one is other
    assert not one.pool.flags.writeable
    other = replace(dataset, y=np.roll(dataset.y, 1))
    assert draw_split(other, 50, initial, 0) is not one


# Initial sets by clusters


def in_lumps(sizes=(40, 25, 15, 8), n_features=3, kind=np.asarray):
    """Far lumps of unequal size, their rows mixed."""
    rng = np.random.default_rng(1)
    lump = rng.permutation(np.repeat(np.arange(len(sizes)), sizes))
    X = 50 * rng.normal(size=(len(sizes), n_features))[lump]
    X = X + rng.normal(size=X.shape)
    return Dataset(kind(X), lump % 2, ("even", "odd"), f"lumps {n_features} {kind}"), lump


@pytest.mark.parametrize("n_features", [3, 80])
@pytest.mark.parametrize(
    "kind", [np.asarray, sparse.csr_matrix, np.float32], ids=["dense", "sparse", "single"]
)
def test_kmeans_labels_the_central_example_of_each_lump(kind, n_features):
    dataset, lump = in_lumps(n_features=n_features, kind=kind)
    X = dataset.X.toarray() if sparse.issparse(dataset.X) else dataset.X.astype(float)
    for seed in range(4):
        split = draw_split(dataset, 20, InitialSpec("kmeans", 4), seed)
        axes = np.eye(n_features)
        if n_features > 64:
            own = X[split.training]
            own = own if sparse.issparse(dataset.X) else own - own.mean(axis=0)
            axes = np.linalg.svd(own, full_matrices=False)[2][:64].T
        central = []
        for code in range(4):
            members = split.training[lump[split.training] == code]
            away = (X[members] - X[members].mean(axis=0)) @ axes
            central.append(members[np.linalg.norm(away, axis=1).argmin()])
        assert split.initial.tolist() == sorted(central)


def test_kmeans_sees_the_features_as_the_run_scales_them():
    """Lumps in a feature that another drowns are seen by who scales them."""
    rng = np.random.default_rng(0)
    lump = np.repeat([0, 1, 2, 3], 30)
    X = np.column_stack([1000 * rng.random(120), lump + 0.01 * rng.random(120)])
    dataset = Dataset(X, lump % 2, ("a", "b"), "drowned")
    rule = InitialSpec("kmeans", 4)
    scaled = [set(lump[draw_split(dataset, 20, rule, s, "minmax").initial]) for s in range(5)]
    plain = [set(lump[draw_split(dataset, 20, rule, s).initial]) for s in range(5)]
    assert sum(map(len, plain)) < sum(map(len, scaled))
    spec = replace(run_spec(), initial=rule)
    spec = replace(spec, dataset=replace(spec.dataset, scale="minmax", test_size=20))
    expected = draw_split(dataset, 20, rule, spec.seed, "minmax").initial
    np.testing.assert_array_equal(split_of(spec, dataset).initial, expected)


@pytest.mark.parametrize("n_distinct", [1, 2, 5])
def test_kmeans_finds_so_many_examples_even_where_fewer_are_distinct(n_distinct):
    X = np.repeat(np.arange(n_distinct), 40 // n_distinct)[:, None] / 3
    dataset = Dataset(X, np.arange(40) % 2, ("a", "b"), "doubles")
    hit = np.zeros(40, dtype=int)
    for seed in range(30):
        initial = draw_split(dataset, 10, InitialSpec("kmeans", 12), seed).initial
        assert len(set(initial.tolist())) == 12
        hit[initial] += 1
    assert hit.min() > 0  # a tie is not broken by the order of the rows


def test_kmeans_is_computed_once_for_all_runs_of_a_seed(monkeypatch):
    calls = []
    real = splits.representatives
    counted = {"kmeans": lambda *given: calls.append(0) or real(*given)}
    monkeypatch.setattr(splits, "_BY_FEATURES", counted)
    dataset, _ = in_lumps()
    spec = replace(run_spec(), initial=InitialSpec("kmeans", 5))
    for seed in (0, 1):
        for strategy in ("random", "margin"):
            named = replace(spec, seed=seed, strategy=StrategySpec(strategy, strategy, {}, 1))
            split_of(named, replace(dataset, fingerprint="fresh"))
    assert len(calls) == 2


def test_splits_do_not_keep_the_features_alive():
    dataset, _ = in_lumps()
    features = weakref.ref(dataset.X)
    draw_split(dataset, 20, InitialSpec("kmeans", 3), 0)
    del dataset
    gc.collect()
    assert features() is None


def test_features_too_large_for_kmeans_are_refused():
    dataset, _ = in_lumps()
    dataset = replace(dataset, X=dataset.X * 1e160, fingerprint="huge")
    with pytest.raises(DatasetError, match=r'initial\.method = "kmeans" squares'):
        draw_split(dataset, 20, InitialSpec("kmeans", 3), 0)


# Whatever the labels


@settings(max_examples=120)
@given(
    st.lists(st.integers(2, 12), min_size=2, max_size=4),
    st.sampled_from(
        ["per_class", "random", "stratified", "kmeans", "typical", "model_scores", "file"]
    ),
    st.sampled_from([np.asarray, np.float32, sparse.csr_matrix]),
    st.data(),
)
def test_every_split_parts_all_rows_and_is_stratified(counts, method, kind, data):
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    y = rng.permutation(np.repeat(np.arange(len(counts)), counts))
    X = kind(rng.integers(0, 3, size=(len(y), 2)).astype(float))
    dataset = Dataset(X, y, tuple(range(len(counts))), f"{rng.random()}")
    testable = np.ones(len(y), dtype=bool)
    if method == "file":
        rows = np.sort(rng.choice(len(y), data.draw(st.integers(1, len(y))), replace=False))
        dataset, testable[rows] = replace(dataset, initial={"": {7: rows}}), False
    dataset = replace(dataset, sureness={"": rng.integers(3, size=len(y)) / 2})
    test_size, size = data.draw(st.integers(1, len(y) - 1)), data.draw(st.integers(1, len(y)))
    initial = InitialSpec(method, size)
    try:
        split = draw_split(dataset, test_size, initial, 7)
    except DatasetError:
        return
    parts = np.concatenate([split.test, split.initial, split.pool])
    np.testing.assert_array_equal(np.sort(parts), np.arange(len(y)))
    assert set(split.initial) <= set(split.training)
    assert testable[split.test].all()
    within_one(np.bincount(y[split.test], minlength=len(counts)), y[testable])
    held = np.bincount(y[split.initial], minlength=len(counts))
    if method == "file":
        np.testing.assert_array_equal(split.initial, rows)
    elif method == "per_class":
        assert (held == size).all()
    else:
        assert len(split.initial) == size
    if method == "stratified":
        within_one(held, y[split.training])


def within_one(held, y):
    shares = np.bincount(y, minlength=len(held)) / len(y)
    assert (np.abs(held - held.sum() * shares) <= 1 + 1e-9).all()


# A part of the data set


@pytest.mark.parametrize("n", [50, 107])
def test_a_subsample_is_stratified_and_the_rest_has_no_role(n):
    dataset = made()
    for seed in range(3):
        split = draw_split(dataset, 12, PER_CLASS, seed, subsample=n)
        used = np.concatenate([split.test, split.training])
        assert (len(split.test), len(used), len(np.unique(used))) == (12, n, n)
        shares = np.bincount(dataset.y) / len(dataset.y)
        held = np.bincount(dataset.y[used], minlength=3)
        assert (np.abs(held - n * shares) < 1 + 1e-9).all()


def test_a_subsample_is_drawn_by_its_seed_and_from_a_stream_of_its_own():
    def used(test_size, initial, seed, n):
        split = draw_split(made(), test_size, initial, seed, subsample=n)
        return frozenset([*split.test, *split.training])

    first = used(12, PER_CLASS, 0, 50)
    assert used(20, InitialSpec("random", 5), 0, 50) == first
    assert used(12, PER_CLASS, 1, 50) != first
    assert_same(
        draw_split(made(), 12, PER_CLASS, 0, subsample=110), draw_split(made(), 12, PER_CLASS, 0)
    )


@pytest.mark.parametrize("n", [2, 108, 13])
def test_a_subsample_that_cannot_hold_the_classes_is_refused(n):
    with pytest.raises(
        DatasetError, match=rf"^dataset.subsample = {n}: .*stratified (subsample|test part)"
    ):
        draw_split(made(), 12, PER_CLASS, 0, subsample=n)
