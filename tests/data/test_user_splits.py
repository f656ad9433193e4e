"""Splits and initial sets of the user's own: what a table gives, and what is refused."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from made_splits import PER_CLASS, assert_same, made, run_spec

from alrun.data.splits import draw_split, split_of
from alrun.data.user_splits import read_initial, read_sureness, with_user_splits
from alrun.errors import DatasetError
from alrun.spec_parts import InitialSpec

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
    given = with_user_splits(dataset, path, [4, 0], "made")
    for seed in (0, 4):
        split = split_of(replace(run_spec(), seed=seed), given.at(seed))
        assert_same(split, draw_split(dataset, 30, PER_CLASS, seed))
        assert given.user_split(seed)[1] == len(split.initial)


def test_of_several_data_sets_the_one_with_the_label_is_taken(tmp_path):
    one, other = made(fingerprint="one"), made((50, 40), fingerprint="other")
    frame = pd.concat([table_of(one, [0], "one"), table_of(other, [0], "other")])
    path = written(tmp_path, frame.assign(dataset=frame["dataset"].astype("category")))
    for label, dataset in (("one", one), ("other", other)):
        split = split_of(first_seed(), with_user_splits(dataset, path, [0], label))
        assert_same(split, draw_split(dataset, 30, PER_CLASS, 0))


def test_rows_without_a_role_are_left_out(tmp_path):
    dataset = made()
    frame = table_of(dataset, [0])
    path = written(tmp_path, frame[frame["index"] != 17])
    split = split_of(first_seed(), with_user_splits(dataset, path, [0], "made"))
    assert 17 not in np.concatenate([split.test, split.training])


def test_a_pool_may_be_empty(tmp_path):
    dataset = made()
    frame = table_of(dataset, [0])
    path = written(tmp_path, frame[frame["role"] != "pool"])
    assert len(split_of(first_seed(), with_user_splits(dataset, path, [0], "made")).pool) == 0


def test_the_identity_of_a_seed_is_that_of_its_own_split(tmp_path):
    dataset = made()
    frame = table_of(dataset, [0, 1, 2])
    whole = with_user_splits(dataset, written(tmp_path, frame), [0, 1, 2], "made")
    alone = with_user_splits(
        dataset, written(tmp_path, frame[frame["seed"] == 1], "one.parquet"), [1], "made"
    )
    swapped = frame.copy()
    rows = np.flatnonzero(frame["seed"] == 2)
    swapped.loc[rows, "role"] = frame["role"].to_numpy()[rows[::-1]]
    changed = with_user_splits(dataset, written(tmp_path, swapped, "two.parquet"), [1, 2], "made")
    assert whole.user_split(1) == alone.user_split(1) == changed.user_split(1)
    assert whole.user_split(2) != changed.user_split(2)
    assert whole.user_split(0) != whole.user_split(1)


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
        with_user_splits(dataset, path, [0], "made")
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


def test_a_seed_that_the_table_lacks_is_named(tmp_path):
    dataset = made()
    path = written(tmp_path, table_of(dataset, [0, 1]))
    with pytest.raises(DatasetError, match=r"seed 2\b"):
        with_user_splits(dataset, path, [0, 1, 2], "made")


def test_the_row_named_is_that_of_the_file_also_among_several_data_sets(tmp_path):
    one, other = made(fingerprint="one"), made(fingerprint="other")
    frame = pd.concat([table_of(one, [0], "one"), table_of(other, [0], "other")], ignore_index=True)
    path = written(tmp_path, at_row(frame, 115, "role", "train"))
    with pytest.raises(DatasetError, match=r"row 115\b"):
        with_user_splits(other, path, [0], "other")


@pytest.mark.parametrize("metadata", [b"{}", b"[]", b"no JSON"])
def test_splits_with_damaged_metadata_are_refused(tmp_path, metadata):
    dataset = made()
    table = pa.Table.from_pandas(table_of(dataset, [0]), preserve_index=False)
    path = tmp_path / "splits.parquet"
    pq.write_table(table.replace_schema_metadata({"pandas": metadata}), path)
    with pytest.raises(DatasetError, match=r"splits\.parquet"):
        with_user_splits(dataset, path, [0], "made")


@pytest.mark.parametrize("content", [b"", b"seed,index,role\n0,0,pool\n", b"PAR1xxxxPAR1"])
def test_a_file_that_is_no_parquet_is_refused(tmp_path, content):
    path = tmp_path / "splits.parquet"
    path.write_bytes(content)
    with pytest.raises(DatasetError) as caught:
        with_user_splits(made(), path, [0], "made")
    assert str(path) in str(caught.value)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(DatasetError, match=r"absent\.parquet"):
        with_user_splits(made(), tmp_path / "absent.parquet", [0], "made")


# Initial sets


def listed(tmp_path, content, seeds=(0, 1), name="experts.csv", label="made", is_shared=False):
    path = tmp_path / name
    if isinstance(content, str):
        path.write_text(content)
    else:
        content.to_parquet(path, index=False)
    rows = read_initial(path, made(), seeds, label, is_shared)
    return replace(made(), initial={"": rows})


def initial_of(dataset):
    return {seed: rows.tolist() for seed, rows in dataset.initial[""].items()}


def test_a_list_is_that_of_every_seed(tmp_path):
    assert initial_of(listed(tmp_path, "index\n7\n3\n50\n")) == {0: [3, 7, 50], 1: [3, 7, 50]}


def test_with_a_column_for_it_each_seed_has_a_list_of_its_own(tmp_path):
    content = "seed,note,index\n1,good,4\n0,,4\n1,,2\n8,,9\n"
    assert initial_of(listed(tmp_path, content)) == {0: [4], 1: [2, 4]}


@pytest.mark.parametrize("kind", ["int64", "int16", "uint64", "Int64"])
def test_a_list_may_be_parquet(tmp_path, kind):
    frame = pd.DataFrame({"index": [9, 8]}).astype(kind)
    assert initial_of(listed(tmp_path, frame, name="experts.parquet")) == {0: [8, 9], 1: [8, 9]}


@pytest.mark.parametrize("is_shared", [False, True])
def test_of_several_data_sets_the_rows_with_the_label_are_listed(tmp_path, is_shared):
    content = "dataset,index\nmade,4\nother,20\nmade,5\nother,4\n"
    assert initial_of(listed(tmp_path, content, is_shared=is_shared))[0] == [4, 5]
    with pytest.raises(DatasetError, match=r"row 1 .*\(0 to 109\), not 200"):
        listed(tmp_path, content.replace("20", "200"), label="other", is_shared=is_shared)


def test_the_listed_are_initial_and_others_are_tested_with_the_shares_of_the_classes(tmp_path):
    dataset = listed(tmp_path, "index\n" + "\n".join(map(str, range(10, 60))), seeds=range(4))
    digest, n = dataset.user_initial("", 0)
    rule, others = InitialSpec("file", n, digest), np.r_[0:10, 60:110]
    hit = np.zeros(110, dtype=int)
    for seed in range(4):
        split = draw_split(dataset, 30, rule, seed)
        np.testing.assert_array_equal(split.initial, np.arange(10, 60))
        shares = np.bincount(dataset.y[others]) / len(others)
        held = np.bincount(dataset.y[split.test], minlength=3)
        assert (np.abs(held - 30 * shares) < 1 + 1e-9).all()
        hit[split.test] += 1
    assert len(set(hit[others])) > 2  # another test part for each seed
    assert hit[10:60].max() == 0


def test_the_identity_of_a_list_is_that_of_its_rows(tmp_path):
    def identity(content, seed=0):
        return listed(tmp_path, content).user_initial("", seed)

    one = identity("index\n3\n7\n")
    assert one == identity("index\n7\n3\n") == identity("seed,index\n0,7\n1,9\n0,3\n")
    assert one == identity("index\n7\n3\n", seed=1)
    assert one != identity("index\n3\n8\n")
    assert identity("seed,index\n0,7\n1,9\n", 1) == identity("index\n9\n")
    assert one[1] == 2


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "cannot be read"),
        ("index\n", "no row for the data set 'made'"),
        ("row\n3\n", "no column 'index'"),
        ("index,index\n3,4\n", "two columns 'index'"),
        (",index\n0,4\n", "has no name"),
        ("index\n3\n4.5\n", r"row 1\b.*index must be a whole number, not 4.5"),
        ("index\n3\nx\n4\n", r'row 1\b.*index must be a whole number, not "x"'),
        ("index,note\n3,a\n,b\n", r"row 1\b.*whole number"),
        ("index\n3\ninf\n", r"row 1\b.*whole number"),
        ("index\nTrue\n", r"row 0\b.*whole number"),
        ("index\n3\n-1\n", r"row 1\b.*not a row of the data set \(0 to 109\), not -1"),
        ("index\n3\n110\n", r"row 1\b.*not a row of the data set \(0 to 109\), not 110"),
        (f"index\n3\n{10**18}\n", r"row 1\b.*not a row"),
        (f"index\n3\n{10**30}\n", "whole number"),
        ("index\n3\n4\n3\n", r"row 2\b.*an earlier row has the same index$"),
        ("seed,index\n0,3\n1,3\n0,3\n", r"row 2\b.*same seed and index"),
        ("seed,index\n0,3\n", r"no row for seed 1\b"),
        ("seed,index\n0,3\none,3\n", r'row 1\b.*seed must be a whole number, not "one"'),
    ],
)
def test_a_list_that_is_wrong_is_refused_with_the_file_and_the_row(tmp_path, content, message):
    with pytest.raises(DatasetError, match=message) as caught:
        listed(tmp_path, content)
    assert str(caught.value).startswith(str(tmp_path / "experts.csv"))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "values",
    [
        ["3", "4"],
        [3.0, 4.0],
        [True, False],
        [[1], [2]],
        [None, None],
        pd.array([3, None], dtype="Int64"),
        pd.to_datetime(["2001-01-01", "2001-01-02"]),
    ],
    ids=lambda values: str(getattr(values, "dtype", values)),
)
def test_a_column_of_another_type_lists_no_rows(tmp_path, values):
    with pytest.raises(DatasetError, match=r"experts\.parquet: row [01] .*whole number"):
        listed(tmp_path, pd.DataFrame({"index": values}), name="experts.parquet")


def test_data_sets_that_share_a_list_must_be_told_apart(tmp_path):
    with pytest.raises(DatasetError, match="no column 'dataset'"):
        listed(tmp_path, "index\n3\n", is_shared=True)
    with pytest.raises(DatasetError, match="no row for the data set 'made'"):
        listed(tmp_path, "dataset,index\nother,3\n", is_shared=True)


@pytest.mark.parametrize("name", ["absent.csv", "a\0b", "x" * 5000])
def test_a_list_that_is_not_there_is_named(tmp_path, name):
    with pytest.raises(DatasetError, match="there is no file"):
        read_initial(tmp_path / name, made(), [0], "made", False)


def test_a_damaged_list_is_refused(tmp_path):
    for name in ("experts.csv", "experts.parquet"):
        (tmp_path / name).write_bytes(b"\xff\xfe\x00index")
        with pytest.raises(DatasetError, match=rf"{name} cannot be read"):
            read_initial(tmp_path / name, made(), [0], "made", False)


@pytest.mark.parametrize("subsample", [2, 4])
def test_a_subsample_that_leaves_none_beside_a_list_is_refused(subsample):
    dataset = replace(made(), initial={"": {3: np.arange(4)}})
    said = (
        rf"^dataset.subsample = {subsample}: initial.file: beside the 4 .*, no others are left;"
        r" raise dataset.subsample$"
    )
    with pytest.raises(DatasetError, match=said):
        draw_split(dataset, 30, InitialSpec("file", 4, "too many"), 3, subsample=subsample)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (range(110), "beside the 110 examples listed for seed 3, class 'class 0' has 0 examples;"),
        (np.flatnonzero(made().y == 2)[1:], r"class 'class 2' has 1 example \(row \d+, "),
        (range(78), "test part of 30 out of 32 examples"),
    ],
)
def test_a_list_that_leaves_no_test_part_is_refused(rows, message):
    rows = np.array(rows)
    dataset = replace(made(), initial={"": {3: rows}})
    with pytest.raises(DatasetError, match=message) as caught:
        draw_split(dataset, 30, InitialSpec("file", len(rows), "too many"), 3)
    assert str(caught.value).startswith("initial.file: ")


# The scores of an outside model


def scores(tmp_path, frame):
    path = tmp_path / "scores.csv"
    frame.to_csv(path, index=False)
    return path


def probabilities(n_classes=3):
    return np.random.default_rng(4).dirichlet(np.ones(n_classes), size=110)


@pytest.mark.parametrize("n_classes", [2, 3, 5])
def test_the_start_is_where_an_outside_model_is_least_sure(tmp_path, n_classes):
    shares = probabilities(n_classes)
    path = scores(tmp_path, pd.DataFrame(shares))
    dataset = replace(made(), sureness={"": read_sureness(path, made())})
    split = draw_split(dataset, 30, InitialSpec("model_scores", 12, dataset.scores_of("")), 5)
    margins = [sorted(row)[-1] - sorted(row)[-2] for row in shares.tolist()]
    expected = sorted(split.training.tolist(), key=margins.__getitem__)[:12]
    assert split.initial.tolist() == sorted(expected)


def test_one_column_is_the_probability_of_one_of_two_classes(tmp_path):
    shares = probabilities(2)
    both = read_sureness(scores(tmp_path, pd.DataFrame(shares)), made())
    one = read_sureness(scores(tmp_path, pd.DataFrame(shares[:, :1])), made())
    np.testing.assert_allclose(one, both, atol=1e-12)
    np.testing.assert_allclose(one, np.abs(2 * shares[:, 0] - 1), atol=1e-12)


def test_equal_scores_are_chosen_from_at_random(tmp_path):
    path = scores(tmp_path, pd.DataFrame(np.full((110, 2), 0.5)))
    dataset = replace(made(), sureness={"": read_sureness(path, made())})
    rule = InitialSpec("model_scores", 10, dataset.scores_of(""))
    hit = np.zeros(110, dtype=int)
    for seed in range(150):
        hit[draw_split(dataset, 30, rule, seed).initial] += 1
    assert (hit > 0).all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda frame: frame.iloc[:-1], "it has 109 rows, and the data set 110 examples"),
        (lambda frame: frame.assign(name="x"), "there is a column of texts"),
        (lambda frame: frame.replace(frame.iloc[7, 1], 1.2), r"row 7 \(the first is 0\)"),
        (lambda frame: frame.replace(frame.iloc[7, 1], np.nan), r"row 7 \(the first is 0\)"),
        (lambda frame: frame * 100, r"row 0 \(the first is 0\): it holds no probabilities"),
        (lambda frame: frame[["0", "1"]], "that add up to 1"),
    ],
)
def test_scores_that_are_no_probabilities_are_refused(tmp_path, change, message):
    frame = change(pd.DataFrame(probabilities()).rename(columns=str))
    with pytest.raises(DatasetError, match=message):
        read_sureness(scores(tmp_path, frame), made())


def test_splits_of_several_starts_are_refused(tmp_path):
    frame = pd.concat([table_of(made(), [0]).assign(start=start) for start in ("few", "many")])
    frame.to_csv(tmp_path / "splits.csv", index=False)
    with pytest.raises(DatasetError, match=r"several starts \(few, many\); keep the rows of one"):
        with_user_splits(made(), tmp_path / "splits.csv", [0], "made")
