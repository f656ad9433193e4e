"""Tables in typed formats: Feather, JSON lines, ARFF, folders of Parquet files, and their types."""

import datetime
import decimal
import json
import os
from urllib.parse import quote

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyarrow import feather

from alrun.data.column_keys import ColumnKeys
from alrun.data.load import load
from alrun.data.registry import check_name
from alrun.errors import DatasetError

COLUMNS = {
    "size": [1.5, 2.0, -3.25, 4.0, 5.0, 6.5],
    "n": [1, 2, 3, 4, 5, 7],
    "colour": ["red", "blue", "red", "01", "1", "blue"],
    "is_new": [True, False, True, True, False, True],
    "target": ["yes", "no", "NA", "01", "1", "yes"],
}


def labels_of(dataset):
    return [dataset.labels[code] for code in dataset.y]


def refused(folder, name, target="target", **settings):
    with pytest.raises(DatasetError) as caught:
        load(name, {}, folder=folder, target=target, **settings)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def save(folder, ending, columns=COLUMNS):
    """Write a table in a format; return its name."""
    frame, path = pd.DataFrame(columns), folder / f"m.{ending}"
    if ending == "jsonl":
        rows = frame.to_dict("records")
        path.write_text("".join(json.dumps(row, default=str) + "\n" for row in rows))
    elif ending == "arff":
        kinds = {"size": "NUMERIC", "n": "INTEGER"}
        lines = ["@RELATION m"]
        for name, values in columns.items():
            texts = sorted({str(value) for value in values})
            lines.append(f"@ATTRIBUTE {name} {kinds.get(name, '{' + ','.join(texts) + '}')}")
        lines += [
            "@DATA",
            *(",".join(map(str, row)) for row in zip(*columns.values(), strict=True)),
        ]
        path.write_text("\n".join(lines) + "\n")
    elif ending == "/":
        (folder / "parts").mkdir()
        for place, part in enumerate((frame[:4], frame[4:])):
            part.to_parquet(folder / "parts" / f"part-0000{place}-c000.snappy.parquet")
        (folder / "parts" / "_SUCCESS").touch()
        (folder / "parts" / ".part-00000.crc").write_bytes(b"crc")
        return "parts/"
    else:
        (frame.to_parquet if ending == "parquet" else frame.to_feather)(path)
    return path.name


@pytest.mark.parametrize("ending", ["feather", "jsonl", "arff", "/", "parquet"])
def test_every_format_gives_the_same_table(tmp_path, ending):
    dataset = load(save(tmp_path, ending), {}, folder=tmp_path, target="target")
    expected = [
        *([COLUMNS["size"], COLUMNS["n"]]),
        *([[c == colour for c in COLUMNS["colour"]] for colour in ("01", "1", "blue", "red")]),
    ]
    np.testing.assert_array_equal(dataset.X[:, :6], np.column_stack(expected))
    assert dataset.X.shape[1] == (8 if ending == "arff" else 7)
    np.testing.assert_array_equal(dataset.X[:, -1], COLUMNS["is_new"])
    assert labels_of(dataset) == COLUMNS["target"]
    assert dataset.classes == ("01", "1", "NA", "no", "yes")
    assert dataset.notes[0].startswith("one-hot encoded: colour (4)")


@pytest.mark.parametrize("ending", ["feather", "jsonl", "arff", "/"])
def test_a_text_column_of_every_format_can_be_counted(tmp_path, ending):
    settings = {"target": "target", "text": "colour"}
    dataset = load(save(tmp_path, ending), {"token_pattern": r"\w+"}, folder=tmp_path, **settings)
    assert dataset.X.shape == (6, 4)
    assert "token_pattern" in check_name(
        "m." + ending if ending != "/" else "parts/", False, tmp_path, ["text"]
    )


@pytest.mark.parametrize("ending", ["feather", "jsonl", "arff", "/"])
def test_missing_values_of_every_format_are_named(tmp_path, ending):
    columns = {**COLUMNS, "size": [1.5, None, 2.0, 3.0, 4.0, 5.0]}
    if ending == "arff":
        columns["size"] = ["?" if value is None else value for value in columns["size"]]
    name = save(tmp_path, ending, columns)
    assert "'size' (1, from row 1)" in refused(tmp_path, name)
    missing = ColumnKeys(missing="median")
    assert np.isnan(load(name, {}, folder=tmp_path, target="target", columns=missing).X[1, 0])
    name_of_label = save(tmp_path, "jsonl", {**COLUMNS, "target": ["a", None, "b", "a", "b", "a"]})
    assert "row 1 (the first is 0): no label" in refused(tmp_path, name_of_label)


@pytest.mark.parametrize("ending", ["feather", "jsonl", "arff", "parquet"])
@pytest.mark.parametrize(
    "content", [b"", b"\x00\xff no", b"[1, 2]\n", b'{"a": 1\n', b"ARROW1\0\0", b"@DATA\n1"]
)
def test_a_file_of_something_else_is_refused(tmp_path, ending, content):
    (tmp_path / f"m.{ending}").write_bytes(content)
    assert f"m.{ending}" in refused(tmp_path, f"m.{ending}")


def test_a_damaged_line_of_json_is_named(tmp_path):
    name = save(tmp_path, "jsonl")
    with (tmp_path / name).open("a") as file:
        file.write('\n{"size": 1,}\n')
    assert "line 8 is no JSON" in refused(tmp_path, name)
    (tmp_path / name).write_text('{"a": 1, "target": 1}\n{"a": 2, "target": "1"}\n')
    assert "numbers and texts that are written alike" in refused(tmp_path, name)


HEAD = "@RELATION m\n@ATTRIBUTE size NUMERIC\n"


@pytest.mark.parametrize(
    ("content", "X"),
    [
        (
            "@ATTRIBUTE colour {rød,'dark blue'}\n@ATTRIBUTE target {01,1}\n@DATA\n"
            "1.5,rød,01\n?,'dark blue',1\n2,?,1\n",
            [[1.5, 0, 1, 0], [np.nan, 1, 0, 0], [2, 0, 0, 1]],
        ),
        (
            "@ATTRIBUTE colour STRING\n@ATTRIBUTE target {01,1}\n@DATA\n"
            "1.5,'b, c',01\n2,a,1\n3,'b, c',1\n",
            [[1.5, 0, 1], [2, 1, 0], [3, 0, 1]],
        ),
        (  # what is not written is 0, or the first category
            "@ATTRIBUTE colour {b,a}\n@ATTRIBUTE target {01,1}\n% a comment\n@DATA\n\n"
            "{0 1.5}\n{1 a, 2 1}\n{0 -2, 2 1}\n",
            [[1.5, 0, 1], [0, 1, 0], [-2, 0, 1]],
        ),
    ],
    ids=["beyond ASCII", "texts", "sparse"],
)
def test_arff_that_scipy_cannot_read_is_read_by_scikit_learn(tmp_path, content, X):
    (tmp_path / "m.arff").write_text(HEAD + content, encoding="utf-8")
    keys = ColumnKeys(missing={"size": "keep", "colour": "category"})
    if "?" not in content:
        keys = ColumnKeys()
    dataset = load("m.arff", {}, folder=tmp_path, target="target", columns=keys)
    np.testing.assert_array_equal(dataset.X, X)
    assert labels_of(dataset) == ["01", "1", "1"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"@ATTRIBUTE target {a,b}\n@DATA\n1,c\n", "save the table as CSV"),
        (b"@ATTRIBUTE target {a,b}\n@DATA\n{0 1, 7 b}\n", "save the table as CSV"),
        (b"@ATTRIBUTE target {\xe5,b}\n@DATA\n1,b\n", "it is not UTF-8, since it holds"),
    ],
)
def test_arff_that_nobody_can_read_is_refused(tmp_path, content, said):
    (tmp_path / "m.arff").write_bytes(HEAD.encode() + content)
    assert said in refused(tmp_path, "m.arff")


def test_a_feather_file_with_damaged_texts_is_refused_and_ends_no_process(tmp_path):
    table = pa.table({"a": [1.0, 2.0, 3.0], "target": ["yes", "no", "yes"]})
    feather.write_feather(table, tmp_path / "m.feather", compression="uncompressed")
    content = (tmp_path / "m.feather").read_bytes()
    offsets = np.array([0, 3, 5, 8], "<i4").tobytes()
    assert content.count(offsets) == 1
    damaged = content.replace(offsets, np.array([0, 3, -5, 8], "<i4").tobytes())
    (tmp_path / "m.feather").write_bytes(damaged)
    assert "m.feather cannot be read" in refused(tmp_path, "m.feather")


def test_a_feather_file_that_expands_to_more_than_the_memory_is_refused(tmp_path, monkeypatch):
    frame = pd.DataFrame({"a": np.zeros(100_000), "target": ["x", "y"] * 50_000})
    frame.to_feather(tmp_path / "m.feather", compression="zstd")
    monkeypatch.setattr("alrun.data.readers.memory_limit.available_bytes", lambda: 500_000)
    assert "of memory, and 500.0 kB are free" in refused(tmp_path, "m.feather")


# A folder of Parquet files


def test_the_fingerprint_of_a_folder_is_in_the_content_of_its_files(tmp_path):
    name = save(tmp_path, "/")
    first = load(name, {}, folder=tmp_path, target="target").fingerprint
    assert load(name, {}, folder=tmp_path, target="colour").fingerprint != first
    parts = sorted((tmp_path / name).glob("part*"))
    parts[1].rename(parts[1].with_name("part-00007.parquet"))
    assert load(name, {}, folder=tmp_path, target="target").fingerprint == first
    parts[0].rename(parts[0].with_name("part-00009.parquet"))
    assert load(name, {}, folder=tmp_path, target="target").fingerprint != first


def test_parts_of_different_columns_are_refused(tmp_path):
    name = save(tmp_path, "/")
    frame = pd.DataFrame({"other": [1], "target": ["yes"]})
    frame.to_parquet(tmp_path / name / "part-00002.parquet")
    assert "part-00002.parquet has other columns than part-00000" in refused(tmp_path, name)


def test_an_empty_part_has_no_types(tmp_path):
    name = save(tmp_path, "/")
    empty = pd.DataFrame(COLUMNS)[:0].astype(object)
    empty.to_parquet(tmp_path / name / "part-00002.parquet")
    assert load(name, {}, folder=tmp_path, target="target").X.shape == (6, 7)


def partitioned(folder, frame, by):
    """Write a table as Spark does with partitionBy; return its name."""
    for values, part in frame.groupby(by, dropna=False):
        names = [
            f"{column}="
            + ("__HIVE_DEFAULT_PARTITION__" if pd.isna(value) else quote(str(value), safe=""))
            for column, value in zip(by, values, strict=True)
        ]
        place = folder.joinpath("parts", *names)
        place.mkdir(parents=True)
        part.drop(columns=by).to_parquet(place / "part-00000-c000.snappy.parquet")
    (folder / "parts" / "_SUCCESS").touch()
    (folder / "parts" / "_temporary").mkdir()
    (folder / "parts" / "_temporary" / "part-00001.parquet").write_bytes(b"half")
    return "parts/"


def test_partitions_are_columns(tmp_path):
    frame = pd.DataFrame({
        "size": np.arange(8.0),
        "month": ["01", "02", "12", "02"] * 2,
        "city": ["a b", "ü/ü", "c", "c"] * 2,
        "target": ["01", "1", "1E2", "1", "01", "1E2", "1", "100"],
    })  # fmt: skip
    name = partitioned(tmp_path, frame, ["month", "city", "target"])
    dataset = load(name, {}, folder=tmp_path, target="target")
    by_size = np.argsort(dataset.X[:, 0])
    np.testing.assert_array_equal(dataset.X[by_size, 0], frame["size"])
    np.testing.assert_array_equal(dataset.X[by_size, 1], frame["month"].astype(int))
    cities = [[city == one for one in ("a b", "c", "ü/ü")] for city in frame["city"]]
    np.testing.assert_array_equal(dataset.X[by_size, 2:], cities)
    assert [labels_of(dataset)[row] for row in by_size] == list(frame["target"])
    assert dataset.notes[0] == "one-hot encoded: city (3)"


def test_a_partition_without_a_value_is_a_missing_value(tmp_path):
    frame = pd.DataFrame({"size": np.arange(4.0), "x": ["1", None, "2", "1"], "y": list("uvuv")})
    name = partitioned(tmp_path, frame, ["x", "y"])
    with pytest.raises(DatasetError, match=r"values are missing in 'x' \(1, "):
        load(name, {}, folder=tmp_path, target="y")
    keys = ColumnKeys(missing="keep")
    dataset = load(name, {}, folder=tmp_path, target="y", columns=keys)
    np.testing.assert_array_equal(
        dataset.X[np.argsort(dataset.X[:, 0]), 1], [1.0, np.nan, 2.0, 1.0]
    )


def test_the_names_of_partitions_are_in_the_fingerprint(tmp_path):
    frame = pd.DataFrame({"size": np.arange(4.0), "x": [1, 2, 1, 2], "target": list("uvvu")})
    name = partitioned(tmp_path, frame, ["x"])
    first = load(name, {}, folder=tmp_path, target="target")
    (tmp_path / "parts" / "x=2").rename(tmp_path / "parts" / "x=3")
    second = load(name, {}, folder=tmp_path, target="target")
    assert set(first.X[:, 1]) == {1, 2}
    assert set(second.X[:, 1]) == {1, 3}
    assert first.fingerprint != second.fingerprint


def test_folders_that_are_no_partitions_of_one_table_are_refused(tmp_path):
    frame = pd.DataFrame({"size": np.arange(4.0), "x": [1, 2, 1, 2], "target": list("uvvu")})
    name = partitioned(tmp_path, frame, ["x"])
    (tmp_path / "parts" / "more").mkdir()
    frame.to_parquet(tmp_path / "parts" / "more" / "a.parquet")
    assert "more holds Parquet files, and its name is not of the form" in refused(tmp_path, name)
    (tmp_path / "parts" / "more" / "a.parquet").rename(tmp_path / "parts" / "a.parquet")
    assert load(name, {}, folder=tmp_path, target="target").n_examples == 8
    (tmp_path / "parts" / "a.parquet").rename(tmp_path / "parts" / "x=1" / "a.parquet")
    assert "has a column 'x', and its folder is named after one" in refused(tmp_path, name)
    (tmp_path / "parts" / "x=1" / "a.parquet").unlink()
    strange = tmp_path / "parts" / os.fsdecode(b"x=\xff")
    strange.mkdir()
    assert "should be printable UTF-8" in refused(tmp_path, name)
    strange.rmdir()
    (tmp_path / "parts" / "x=2" / "x=5").symlink_to(tmp_path / "parts")
    assert "x=5 is in another partition by 'x'" in refused(tmp_path, name)
    # Without a table above, they look like texts by class.
    (tmp_path / "texts" / "train").mkdir(parents=True)
    frame.to_parquet(tmp_path / "texts" / "train" / "a.parquet")
    assert "a Parquet file among the texts" in refused(tmp_path, "texts/")


def test_a_test_part_may_be_a_folder_too(tmp_path):
    frame = pd.DataFrame({"size": np.arange(4.0), "x": [1, 2, 1, 2], "target": list("uvvu")})
    partitioned(tmp_path, frame, ["x"])
    frame.to_parquet(tmp_path / "train.parquet")
    keys = ColumnKeys(test="parts/")
    dataset = load("train.parquet", {}, folder=tmp_path, target="target", columns=keys)
    assert dataset.test.tolist() == [4, 5, 6, 7]
    np.testing.assert_array_equal(dataset.X[4:], [[0, 1], [2, 1], [1, 2], [3, 2]])


# Names


def test_a_file_without_an_ending_says_what_to_do(tmp_path):
    (tmp_path / "mydata").write_text("a,target\n1,2\n")
    message = refused(tmp_path, "mydata")
    assert "a file without an ending" in message
    assert "'mydata.csv'" in message
    (tmp_path / "parts").mkdir()
    assert "write 'parts/' if it holds texts by class or Parquet files" in refused(
        tmp_path, "parts"
    )


@pytest.mark.parametrize("name", ["m.parquet", "m.jsonl.gz", "parts/", "m.npz", "iris", "openml:x"])
def test_read_goes_with_csv_alone(tmp_path, name):
    with pytest.raises(DatasetError, match="read says how CSV is written"):
        check_name(name, False, tmp_path, ["read"])


# Types of columns

ROWS = 6
SERIES = {
    "one category": lambda v: pd.Series(["x"] * ROWS, dtype="category"),
    "unused categories": lambda v: pd.Categorical(list("uvuvuv"), categories=list("abuvz")),
    "ordered categories": lambda v: pd.Categorical(
        list("uvuvuv"), categories=["v", "u"], ordered=True
    ),
    "categories of numbers": lambda v: pd.Series([1, 2, 1, 2, 3, 3], dtype="category"),
    "all true": lambda v: pd.Series([True] * ROWS),
    "nullable booleans": lambda v: pd.Series([True] * ROWS, dtype="boolean"),
    "nullable integers": lambda v: pd.Series(np.round(v), dtype="Int16"),
    "nullable numbers": lambda v: pd.Series(v, dtype="Float32"),
    "small numbers": lambda v: pd.Series(np.abs(np.round(v)).astype(np.uint8)),
    "half precision": lambda v: pd.Series(v.astype(np.float16)),
    "single precision": lambda v: pd.Series(v.astype(np.float32)),
    "double precision": lambda v: pd.Series(v),
    "texts": lambda v: pd.Series(list("uvuvuw"), dtype="string"),
    "Arrow's texts": lambda v: pd.Series(list("uvuvuw"), dtype=pd.ArrowDtype(pa.string())),
    "Arrow's dictionary": lambda v: pd.Series(
        list("uvuvuw"), dtype=pd.ArrowDtype(pa.dictionary(pa.int8(), pa.string()))
    ),
    "Arrow's numbers": lambda v: pd.Series(np.round(v), dtype=pd.ArrowDtype(pa.int64())),
    "lists": lambda v: pd.Series([[x, 1.0] for x in v]),
}
WIDTHS = {
    "one category": 1, "unused categories": 2, "ordered categories": 2, "categories of numbers": 3,
    "texts": 3, "Arrow's texts": 3, "Arrow's dictionary": 3, "lists": 2,
}  # fmt: skip
INDEXES = {
    "counted": lambda frame: frame,
    "named": lambda frame: frame.set_axis(pd.Index(range(9, 9 + ROWS), name="id")),
    "texts": lambda frame: frame.set_axis(list("rstuvw")),
    "of two": lambda frame: frame.set_axis(
        pd.MultiIndex.from_product([[1, 2], list("abc")], names=["x", None])
    ),
    "of categories": lambda frame: frame.set_axis(pd.CategoricalIndex(list("aabbcc"))),
}


@settings(
    max_examples=150,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    kinds=st.lists(st.sampled_from(sorted(SERIES)), min_size=1, max_size=4, unique=True),
    label=st.sampled_from(
        ["texts", "unused categories", "nullable integers", "Arrow's dictionary"]
    ),
    index=st.sampled_from(sorted(INDEXES)),
    ending=st.sampled_from(["parquet", "feather"]),
    seed=st.integers(0, 99),
)
def test_every_type_of_column_is_read(tmp_path, kinds, label, index, ending, seed):
    values = np.random.default_rng(seed).normal(size=ROWS) + np.arange(ROWS)
    columns = {kind: SERIES[kind](values) for kind in kinds}
    frame = INDEXES[index](pd.DataFrame({**columns, "target": SERIES[label](values * 3)}))
    path = tmp_path / f"m.{ending}"
    if ending == "feather":
        frame = frame.reset_index(drop=True)
    (frame.to_parquet if ending == "parquet" else frame.to_feather)(path)
    dataset = load(path.name, {}, folder=tmp_path, target="target")
    widths = dict(WIDTHS)
    if ending == "parquet":
        del widths["categories of numbers"]  # Parquet stores plain numbers
    assert dataset.X.shape == (ROWS, sum(widths.get(kind, 1) for kind in kinds))
    assert labels_of(dataset) == [str(value) for value in frame["target"]]
    place = 0
    for kind in kinds:
        block = dataset.X[:, place : place + widths.get(kind, 1)]
        place += widths.get(kind, 1)
        if kind == "lists":
            np.testing.assert_array_equal(block[:, 0], values)
        elif kind in widths:
            texts = [str(value) for value in frame[kind]]
            expected = [[text == name for name in sorted(set(texts))] for text in texts]
            np.testing.assert_array_equal(block, expected)
        else:
            numbers = np.array(frame[kind].tolist(), dtype=float)
            np.testing.assert_array_equal(block[:, 0], numbers)


@pytest.mark.parametrize(
    "value", [b"bytes", decimal.Decimal("1.5"), datetime.timedelta(days=1), {"a": 1}]
)
def test_types_that_are_neither_numbers_nor_texts_are_named(tmp_path, value):
    table = pa.table({"a": [value] * 4, "target": list("xyxy")})
    pq.write_table(table, tmp_path / "m.parquet")
    assert "column 'a' holds" in refused(tmp_path, "m.parquet")


def test_labels_of_bytes_are_texts(tmp_path):
    np.savez(tmp_path / "m.npz", X=np.eye(4), y=np.array([b"yes", b"no", "né".encode(), b"yes"]))
    dataset = load("m.npz", {}, folder=tmp_path, positive="yes")
    assert dataset.source_classes == ("no", "né", "yes")
    np.savez(tmp_path / "m.npz", X=np.eye(2), y=np.array([b"\xff", b"no"]))
    assert "not UTF-8" in refused(tmp_path, "m.npz")


def test_several_labels_in_a_row_of_svmlight_are_named(tmp_path):
    (tmp_path / "m.svm").write_text("1 1:1\n2,3 1:2\n2 1:3\n")
    message = refused(tmp_path, "m.svm")
    assert "row 1 (the first is 0): several labels in a row are not supported" in message
