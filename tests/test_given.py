"""Splits and initial sets of the user's own: what a table gives, and what is refused."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from test_splits import PER_CLASS, assert_same, made, run_spec

from alrun.errors import DatasetError
from alrun.given import with_given_splits
from alrun.splits import draw_split, split_of

# Splits


def first_seed():
    return replace(run_spec(), seed=0)


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
        (lambda frame: frame.assign(index=frame["index"] + 0.5), "whole number"),
        (lambda frame: frame.assign(seed=frame["seed"].astype(str)), "whole number"),
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
