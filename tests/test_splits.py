"""Splits: sizes, what they depend on, and those that a table gives."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from alrun.datasets import Dataset, load
from alrun.errors import DatasetError
from alrun.spec import DatasetSpec, InitialSpec, ModelSpec, RunSpec, StrategySpec
from alrun.splits import draw_split, split_of, with_given_splits

RULES = [
    (InitialSpec("per_class", 1), 3),
    (InitialSpec("per_class", 4), 12),
    (InitialSpec("random", 1), 1),
    (InitialSpec("random", 17), 17),
    (InitialSpec("stratified", 3), 3),
    (InitialSpec("stratified", 20), 20),
]
PER_CLASS = InitialSpec("per_class", 2)


def made(counts=(60, 30, 20), fingerprint="made"):
    y = np.repeat(np.arange(len(counts)), counts)
    y = np.random.default_rng(0).permutation(y)
    X = np.arange(len(y), dtype=float)[:, None]
    return Dataset(X, y, tuple(f"class {code}" for code in range(len(counts))), fingerprint)


def assert_same(one, other):
    for role in ("test", "initial", "pool"):
        np.testing.assert_array_equal(getattr(one, role), getattr(other, role))


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


def test_random_may_take_the_whole_training_part():
    split = draw_split(made(), 30, InitialSpec("random", 80), 0)
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


def first_seed():
    return replace(run_spec(), seed=0)


def run_spec():
    return RunSpec(
        DatasetSpec("d", "d", "made", "none", 30),
        PER_CLASS,
        ModelSpec("logistic", "logistic", {"C": 1.0, "class_weight": None}),
        StrategySpec("random", "random", {}, 1),
        batch_size=10,
        budget=40,
        seed=5,
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
        (InitialSpec("stratified", 2), "initial set of 2"),
        (InitialSpec("stratified", 79), "initial set of 79"),
    ],
)
def test_an_initial_set_that_does_not_fit_is_refused(rule, message):
    with pytest.raises(DatasetError, match=message):
        draw_split(made(), 30, rule, 0)


# Splits that a table gives


def table_of(dataset, seeds, label=None):
    frames = []
    for seed in seeds:
        split = draw_split(dataset, 30, PER_CLASS, seed)
        for role in ("pool", "initial", "test"):
            index = getattr(split, role)
            frames.append(pd.DataFrame({"seed": seed, "index": index, "role": role}))
    frame = pd.concat(frames).sort_values(["seed", "index"], ignore_index=True)
    return frame if label is None else frame.assign(dataset=label)


def written(tmp_path, frame, name="splits.parquet"):
    frame.to_parquet(tmp_path / name, index=False)
    return tmp_path / name


@pytest.mark.parametrize(
    "change",
    [
        lambda frame: frame,
        lambda frame: frame.assign(dataset="other name"),
        lambda frame: frame.assign(role=frame["role"].astype("category")),
        lambda frame: frame.astype({"seed": "int32", "index": "int32"}),
        lambda frame: frame.sample(frac=1, random_state=0),
        lambda frame: frame.assign(note="an extra column"),
    ],
)
def test_a_table_of_splits_gives_them_back(tmp_path, change):
    dataset = made()
    path = written(tmp_path, change(table_of(dataset, [0, 4])))
    given = with_given_splits(dataset, path, [4, 0], "made")
    for seed in (0, 4):
        split = split_of(replace(run_spec(), seed=seed), given.at(seed))
        assert_same(split, draw_split(dataset, 30, PER_CLASS, seed))
        assert given.given_split(seed)[1] == len(split.initial)


def test_of_several_data_sets_the_one_with_the_label_is_taken(tmp_path):
    one, other = made(fingerprint="one"), made((50, 40), fingerprint="other")
    frame = pd.concat([table_of(one, [0], "one"), table_of(other, [0], "other")])
    path = written(tmp_path, frame.assign(dataset=frame["dataset"].astype("category")))
    for label, dataset in (("one", one), ("other", other)):
        split = split_of(first_seed(), with_given_splits(dataset, path, [0], label))
        assert_same(split, draw_split(dataset, 30, PER_CLASS, 0))


def test_rows_without_a_role_are_left_out(tmp_path):
    dataset = made()
    frame = table_of(dataset, [0])
    path = written(tmp_path, frame[frame["index"] != 17])
    split = split_of(first_seed(), with_given_splits(dataset, path, [0], "made"))
    assert 17 not in np.concatenate([split.test, split.training])


def test_a_pool_may_be_empty(tmp_path):
    dataset = made()
    frame = table_of(dataset, [0])
    path = written(tmp_path, frame[frame["role"] != "pool"])
    assert len(split_of(first_seed(), with_given_splits(dataset, path, [0], "made")).pool) == 0


def test_the_identity_of_a_seed_is_that_of_its_own_split(tmp_path):
    dataset = made()
    frame = table_of(dataset, [0, 1, 2])
    whole = with_given_splits(dataset, written(tmp_path, frame), [0, 1, 2], "made")
    alone = with_given_splits(
        dataset, written(tmp_path, frame[frame["seed"] == 1], "one.parquet"), [1], "made"
    )
    swapped = frame.copy()
    rows = np.flatnonzero(frame["seed"] == 2)
    swapped.loc[rows, "role"] = frame["role"].to_numpy()[rows[::-1]]
    changed = with_given_splits(dataset, written(tmp_path, swapped, "two.parquet"), [1, 2], "made")
    assert whole.given_split(1) == alone.given_split(1) == changed.given_split(1)
    assert whole.given_split(2) != changed.given_split(2)
    assert whole.given_split(0) != whole.given_split(1)


def at_row(frame, row, column, value):
    frame = frame.copy()
    frame.loc[row, column] = value
    return frame


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda frame: frame.drop(columns="seed"), "'seed'"),
        (lambda frame: frame.drop(columns="index"), "'index'"),
        (lambda frame: frame.drop(columns="role"), "'role'"),
        (lambda frame: at_row(frame, 5, "role", "train"), r"row 5\b.*role"),
        (lambda frame: at_row(frame, 5, "role", None), r"row 5\b.*role"),
        (lambda frame: at_row(frame, 6, "index", 110), r"row 6\b.*index.*109"),
        (lambda frame: at_row(frame, 6, "index", -1), r"row 6\b.*index"),
        (lambda frame: at_row(frame, 7, "index", 3), r"row 7\b.*same seed and index"),
        (lambda frame: frame.assign(index=frame["index"] + 0.5), "whole numbers"),
        (lambda frame: frame.assign(seed=frame["seed"].astype(str)), "whole numbers"),
        (lambda frame: frame[frame["role"] != "test"], "seed 0 .*'test'"),
        (lambda frame: frame[frame["role"] != "initial"], "seed 0 .*'initial'"),
        (lambda frame: frame.assign(seed=9), "seed 0"),
        (lambda frame: frame[:0], "seed 0"),
    ],
)
def test_a_malformed_table_is_refused_with_the_file_and_the_place(tmp_path, change, message):
    dataset = made()
    path = written(tmp_path, change(table_of(dataset, [0])))
    with pytest.raises(DatasetError, match=message) as caught:
        with_given_splits(dataset, path, [0], "made")
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


def test_a_seed_that_the_table_lacks_is_named(tmp_path):
    dataset = made()
    path = written(tmp_path, table_of(dataset, [0, 1]))
    with pytest.raises(DatasetError, match=r"seed 2\b"):
        with_given_splits(dataset, path, [0, 1, 2], "made")


def test_the_row_named_is_that_of_the_file_also_among_several_data_sets(tmp_path):
    one, other = made(fingerprint="one"), made(fingerprint="other")
    frame = pd.concat([table_of(one, [0], "one"), table_of(other, [0], "other")], ignore_index=True)
    path = written(tmp_path, at_row(frame, 115, "role", "train"))
    with pytest.raises(DatasetError, match=r"row 115\b"):
        with_given_splits(other, path, [0], "other")


@pytest.mark.parametrize("metadata", [b"{}", b"[]", b"no JSON"])
def test_splits_with_damaged_metadata_are_refused(tmp_path, metadata):
    dataset = made()
    table = pa.Table.from_pandas(table_of(dataset, [0]), preserve_index=False)
    path = tmp_path / "splits.parquet"
    pq.write_table(table.replace_schema_metadata({"pandas": metadata}), path)
    with pytest.raises(DatasetError, match=r"splits\.parquet"):
        with_given_splits(dataset, path, [0], "made")


@pytest.mark.parametrize("content", [b"", b"seed,index,role\n0,0,pool\n", b"PAR1xxxxPAR1"])
def test_a_file_that_is_no_parquet_is_refused(tmp_path, content):
    path = tmp_path / "splits.parquet"
    path.write_bytes(content)
    with pytest.raises(DatasetError) as caught:
        with_given_splits(made(), path, [0], "made")
    assert str(path) in str(caught.value)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(DatasetError, match=r"absent\.parquet"):
        with_given_splits(made(), tmp_path / "absent.parquet", [0], "made")


def test_a_split_is_drawn_once_and_cannot_be_changed():
    dataset = load("iris", {})
    initial = InitialSpec("per_class", 2)
    one, other = (draw_split(dataset, 50, initial, 0) for _ in range(2))
    assert one is other
    assert not one.pool.flags.writeable
    other = replace(dataset, y=np.roll(dataset.y, 1))
    assert draw_split(other, 50, initial, 0) is not one


# A part of the data set


@pytest.mark.parametrize("n", [50, 107])
def test_a_subsample_is_stratified_and_the_rest_has_no_role(n):
    dataset = made()
    for seed in range(3):
        split = draw_split(dataset, 12, PER_CLASS, seed, n)
        used = np.concatenate([split.test, split.training])
        assert (len(split.test), len(used), len(np.unique(used))) == (12, n, n)
        shares = np.bincount(dataset.y) / len(dataset.y)
        held = np.bincount(dataset.y[used], minlength=3)
        assert (np.abs(held - n * shares) < 1 + 1e-9).all()


def test_a_subsample_is_drawn_by_its_seed_and_from_a_stream_of_its_own():
    def used(*arguments):
        split = draw_split(made(), *arguments)
        return frozenset([*split.test, *split.training])

    first = used(12, PER_CLASS, 0, 50)
    assert used(20, InitialSpec("random", 5), 0, 50) == first
    assert used(12, PER_CLASS, 1, 50) != first
    assert_same(draw_split(made(), 12, PER_CLASS, 0, 110), draw_split(made(), 12, PER_CLASS, 0))


@pytest.mark.parametrize("n", [2, 108, 13])
def test_a_subsample_that_cannot_hold_the_classes_is_refused(n):
    with pytest.raises(DatasetError, match=r"stratified (subsample|test part)"):
        draw_split(made(), 12, PER_CLASS, 0, n)
