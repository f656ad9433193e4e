"""Classes: numbers cut into bins, rare classes merged or dropped, splits that do not stratify."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alrun.data.classes import NO_CLASS, Classes, LabelKeys, find_classes, without_rare
from alrun.data.load import load
from alrun.data.splits import draw_split
from alrun.errors import DatasetError
from alrun.spec_parts import InitialSpec

# Between two of them is room for a quantile; where there is none, two bins may be one.
floats = st.floats(-1e6, 1e6, allow_nan=False, width=32)


def all_of(labels):
    return np.arange(len(labels))


def in_bins(values, bins):
    keys = LabelKeys("price", bins=bins)
    return find_classes("mine", np.array(values), all_of(values), keys)


def bounds(interval):
    low, high = interval[1:-1].split(", ")
    return interval[0], float(low), float(high)


@given(st.lists(floats, min_size=2, max_size=60, unique=True), st.integers(2, 6))
def test_bins_are_intervals_between_quantiles_with_equally_many_values(values, bins):
    found = in_bins(values, bins)
    if len(found.classes) == bins:
        counts = np.bincount(found.y)
        assert counts.max() - counts.min() <= 1
    for value, code in zip(values, found.y, strict=True):
        opening, low, high = bounds(found.classes[code])
        slack = 1e-3 * max(abs(low), abs(high), 1e-300)
        assert low - slack <= value <= high + slack
        assert opening == ("[" if code == 0 else "(")
    # The classes are in ascending order.
    order = np.argsort(values)
    assert (np.diff(found.y[order]) >= 0).all()


def test_a_quantile_between_neighbouring_numbers_leaves_the_larger_one_above():
    second = np.nextafter(1.0, 2)
    third = np.nextafter(second, 2)
    assert (second + third) / 2 == third
    assert in_bins([0.5, second, third, 2], 2).y.tolist() == [0, 0, 1, 1]


def test_the_labels_are_the_intervals():
    found = in_bins([1, 2, 3, 4, 5, 6, 7, 8], 4)
    assert found.classes == ("[1, 2.75]", "(2.75, 4.5]", "(4.5, 6.25]", "(6.25, 8]")
    assert found.y.tolist() == [0, 0, 1, 1, 2, 2, 3, 3]
    assert found.notes == (f"price in 4 classes: {', '.join(found.classes)}",)


def test_equal_quantiles_make_fewer_classes():
    found = in_bins([0] * 6 + [1, 2, 3, 4], 4)
    assert found.classes == ("[0, 1.75]", "(1.75, 4]")
    with pytest.raises(DatasetError, match=r"quantiles of price are equal, so that bins = 2"):
        in_bins([5] * 9, 2)


def test_close_edges_have_the_digits_that_tell_them_apart():
    found = in_bins([1000001, 1000002, 1000003, 1000004], 2)
    assert len(set(found.classes)) == 2
    assert "1000002.5" in found.classes[0]


@pytest.mark.parametrize("labels", [["a", "b"], ["1", "x"]])
def test_bins_of_texts_are_refused(labels):
    with pytest.raises(DatasetError, match="bins is for numbers, and price holds texts"):
        in_bins(labels, 2)


def test_a_numeric_target_names_the_key_to_add(tmp_path):
    prices = np.random.default_rng(0).normal(1000, 200, 80).round(2)
    pd.DataFrame({"a": range(80), "price": prices}).to_csv(tmp_path / "m.csv", index=False)
    n = len(np.unique(prices))
    with pytest.raises(DatasetError) as caught:
        load("m.csv", {}, target="price", folder=tmp_path)
    assert f"price has {n} numeric values; alrun compares classifiers" in str(caught.value)
    assert "bins = 4 (quantiles)" in str(caught.value)
    dataset = load("m.csv", {}, target="price", folder=tmp_path, bins=4)
    assert np.bincount(dataset.y).tolist() == [20] * 4
    assert dataset.fingerprint != load("m.csv", {}, target="a", bins=2, folder=tmp_path).fingerprint


@pytest.mark.parametrize(
    "labels",
    [
        np.repeat(np.arange(100), 5),  # classes that a split can use
        np.arange(15),
        np.array(["a", "b"] * 3),
        np.repeat(np.arange(21), 20)[:-19],
    ],
)
def test_classes_with_numbers_as_names_are_classes(labels):
    found = find_classes("mine", labels, all_of(labels), LabelKeys())
    assert len(found.classes) == len(np.unique(labels))


def test_many_measured_numbers_are_no_classes_even_if_each_occurs_twice():
    labels = np.repeat(np.arange(30) + 0.5, 2)
    with pytest.raises(DatasetError, match="has 30 numeric values"):
        find_classes("mine", labels, all_of(labels), LabelKeys())


# Rare classes


@given(st.lists(st.integers(1, 12), min_size=3, max_size=8), st.integers(2, 6))
def test_rare_classes_are_merged_or_dropped(counts, below):
    y = np.repeat(np.arange(len(counts)), counts)
    classes = tuple("abcdefgh"[: len(counts)])
    rare = [name for name, n in zip(classes, counts, strict=True) if n < below]
    kept = [name for name in classes if name not in rare]
    for what in ("merge", "drop"):
        expected = [*kept, "other"] if what == "merge" and rare else kept
        keys = LabelKeys(rare=what, rare_below=below)
        if len(expected) < 2:
            with pytest.raises(DatasetError, match="fewer than two classes are left"):
                without_rare("mine", Classes(classes, y), keys)
            continue
        found = without_rare("mine", Classes(classes, y), keys)
        assert list(found.classes) == expected
        gone = "other" if what == "merge" else None
        wanted = [gone if classes[code] in rare else classes[code] for code in y]
        names = [None if code == NO_CLASS else found.classes[code] for code in found.y]
        assert names == wanted
        assert len(found.notes) == bool(rare)


def rare_table(tmp_path):
    labels = ["a"] * 30 + ["b"] * 20 + ["c"] * 3 + ["d"]
    frame = pd.DataFrame({"x": np.arange(54.0), "target": labels})
    frame.to_csv(tmp_path / "m.csv", index=False)
    return tmp_path


def test_dropped_classes_keep_the_row_numbers_of_the_others(tmp_path):
    folder = rare_table(tmp_path)
    dataset = load("m.csv", {}, folder=folder, rare="drop", rare_below=5)
    assert dataset.classes == ("a", "b")
    split = draw_split(dataset, 10, InitialSpec("per_class", 2), 0)
    np.testing.assert_array_equal(split.rows, np.arange(50))
    assert dataset.n_examples == 54
    assert (
        "4 rows of classes with fewer than 5 examples are left out: c (3), d (1)" in dataset.notes
    )


def test_a_class_named_other_is_not_merged_into(tmp_path):
    labels = ["other"] * 6 + ["a"] * 6 + ["b"]
    pd.DataFrame({"x": range(13), "target": labels}).to_csv(tmp_path / "m.csv", index=False)
    with pytest.raises(DatasetError, match="there is such a class"):
        load("m.csv", {}, folder=tmp_path, rare="merge", rare_below=2)
    dataset = load("m.csv", {}, folder=tmp_path, rare="drop", rare_below=2)
    assert dataset.classes == ("a", "other")


def test_a_class_with_one_example_names_the_keys_that_help(tmp_path):
    dataset = load("m.csv", {}, folder=rare_table(tmp_path))
    initial = InitialSpec("random", 5)
    with pytest.raises(DatasetError, match=r'rare = "merge" or "drop", or stratify = false'):
        draw_split(dataset, 10, initial, 0)
    for subsample in (None, 40):
        splits = [
            draw_split(dataset, 10, initial, seed, subsample=subsample, stratify=False)
            for seed in range(3)
        ]
        assert all(len(split.rows) == (subsample or 54) for split in splits)
        assert all(len(split.test) == 10 for split in splits)
        assert not np.array_equal(splits[0].test, splits[1].test)
