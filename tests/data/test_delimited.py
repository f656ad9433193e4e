"""CSV and TSV as people have them: notations, encodings, separators, headers, labels."""

import bz2
import gzip
import hashlib
import io
import lzma

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from alrun.data.column_keys import ColumnKeys
from alrun.data.load import load
from alrun.data.read_keys import ReadKeys
from alrun.errors import DatasetError
from alrun.util.digest import digest

N = 80
rng = np.random.default_rng(5)
A, B = np.round(rng.normal(size=(2, N)) * 3, 3)
Y = np.where(A + B > 0, "yes", "no")


def rows(*columns, header="a,b,target", sep=","):
    """Return a table as text; columns hold texts or numbers."""
    lines = [sep.join(map(str, row)) for row in zip(*columns, strict=True)]
    return "\n".join([header.replace(",", sep), *lines]) + "\n"


def quoted(texts):
    return [f'"{text}"' for text in texts]


def comma(numbers):
    return [f"{number:.3f}".replace(".", ",") for number in numbers]


def written(folder, content, name="m.csv"):
    content = content if isinstance(content, bytes) else content.encode()
    (folder / name).write_bytes(content)
    return name


def read(folder, content, name="m.csv", keys=None, **settings):
    settings.setdefault("target", "target")
    name = written(folder, content, name)
    return load(name, {}, folder=folder, read=ReadKeys(**(keys or {})), **settings)


def refused(folder, content, name="m.csv", keys=None, **settings):
    with pytest.raises(DatasetError) as caught:
        read(folder, content, name, keys, **settings)
    assert str(caught.value).startswith(str(folder / name))
    return str(caught.value)


def labels_of(dataset):
    return [dataset.labels[code] for code in dataset.y]


# The tables of the field, each with the message that it gets, and the keys that mend it

THOUSANDS = rng.integers(1000, 9999, N)
HOLES = [("?" if row % 17 == 3 else f"{a:g}") for row, a in enumerate(A)]
FIELD = {
    "decimal commas": (
        rows(comma(A), comma(B), Y, sep=";"),
        "separated by ';', not by ','; add read = { sep = \";\", decimal = \",\" }",
        {"sep": ";", "decimal": ","},
        (A, B),
    ),
    "quoted decimal commas": (
        rows(quoted(comma(A)), quoted(comma(B)), Y),
        "column 'a' holds numbers in another notation (",
        {"decimal": ","},
        (A, B),
    ),
    "thousands": (
        rows([f'"{n:,}"' for n in THOUSANDS], B, Y),
        'add read = { thousands = "," }',
        {"thousands": ","},
        (THOUSANDS, B),
    ),
    "German thousands": (
        rows([f"{n:,}".replace(",", ".") + ",5" for n in THOUSANDS], comma(B), Y, sep=";"),
        'add read = { sep = ";", decimal = "," }',
        {"sep": ";", "decimal": ",", "thousands": "."},
        (THOUSANDS + 0.5, B),
    ),
    "spaces": (
        rows([f"{n:,}".replace(",", " ") for n in THOUSANDS], B, Y),
        'add read = { thousands = " " }',
        {"thousands": " "},
        (THOUSANDS, B),
    ),
    "tabs": (
        rows(A, B, Y, sep="\t"),
        "tabs, not by ','; add read = { sep = \"\\t\" }",
        {"sep": "\t"},
        (A, B),
    ),
    "UTF-16": (
        rows(A, B, Y).encode("utf-16"),
        'it is UTF-16; save it as UTF-8, or add read = { encoding = "utf-16" }',
        {"encoding": "utf-16"},
        (A, B),
    ),
    "UTF-16 without a mark": (
        rows(A, B, Y).encode("utf-16-le"),
        'add read = { encoding = "utf-16-le" }',
        {"encoding": "utf-16-le"},
        (A, B),
    ),
    "Latin": (
        rows(A, B, np.where(Y == "no", "né", "sí")).encode("latin-1"),
        "it is not UTF-8, since it holds the byte 0x",
        {"encoding": "latin-1"},
        (A, B),
    ),
}


@pytest.mark.parametrize(("content", "message", "keys", "columns"), FIELD.values(), ids=FIELD)
def test_a_table_in_another_notation_is_named_with_the_key_that_mends_it(
    tmp_path, content, message, keys, columns
):
    assert message in refused(tmp_path, content)
    dataset = read(tmp_path, content, keys=keys)
    np.testing.assert_allclose(dataset.X, np.column_stack(columns), atol=5e-4)
    assert dataset.n_classes == 2
    assert dataset.notes == ()


def test_a_key_that_is_not_the_default_is_part_of_the_identity(tmp_path):
    content = rows(A, B, Y)
    usual = read(tmp_path, content).fingerprint
    assert read(tmp_path, content, keys={"sep": None, "header": True}).fingerprint == usual
    others = [{"sep": ","}, {"na_values": ("?",)}, {"thousands": "'"}, {"categories": ("a",)}]
    prints = {read(tmp_path, content, keys=keys).fingerprint for keys in others}
    assert len({usual, *prints}) == len(others) + 1


@pytest.mark.parametrize("mark", ["?", "-", "unknown", "n. a."])
def test_marks_for_missing_values_are_named_with_their_key(tmp_path, mark):
    content = rows([hole.replace("?", mark) for hole in HOLES], B, Y)
    message = refused(tmp_path, content)
    assert f"column 'a' holds numbers and values that are none (\"{mark}\")" in message
    assert f'add read = {{ na_values = ["{mark}"] }}' in message
    keys = {"na_values": (mark,)}
    assert "values are missing in 'a'" in refused(tmp_path, content, keys=keys)
    missing = ColumnKeys(missing="mean")
    dataset = read(tmp_path, content, keys=keys, columns=missing)
    np.testing.assert_array_equal(np.isnan(dataset.X[:, 0]), [hole == "?" for hole in HOLES])


def test_all_columns_that_one_key_mends_are_named(tmp_path):
    rows = [f'"{n},5","-{n},5",{n}%,{n % 2}' for n in range(9)]
    message = refused(tmp_path, "\n".join(["a,b,c,target", *rows]))
    assert "column 'a' holds numbers in another notation" in message
    assert "and so does 'b'; add" in message
    marks = "a,b,c,target\n" + "".join(f"{n},{n},{n},{n % 2}\n" for n in range(9))
    marks = marks.replace("3,3,3,", "?,-,3,")
    message = refused(tmp_path, marks)
    assert "column 'a' holds numbers and values that are none (\"?\"), and so does 'b'" in message
    assert 'na_values = ["?", "-"]' in message


@pytest.mark.parametrize("unit", ["{}%", "{} %", "${}", "€ {}", "{} €", "{} EUR", "USD {}"])
def test_numbers_with_a_unit_are_refused_and_never_encoded(tmp_path, unit):
    content = rows(A, [unit.format(abs(b)) for b in B], Y)
    message = refused(tmp_path, content)
    assert "column 'b' holds numbers in another notation (" in message
    assert 'drop = ["b"]' in message
    assert read(tmp_path, content, columns=ColumnKeys(drop=("b",))).X.shape == (N, 1)


@pytest.mark.parametrize(
    "texts",
    [
        ["red", "blue"],
        ["1.2.3", "1.10.0"],
        ["192.168.0.1", "10.0.0.7"],
        ["V45", "250"],
        ["12:30", "7:05"],
    ],
)
def test_texts_that_are_no_numbers_are_categories(tmp_path, texts):
    dataset = read(tmp_path, rows(A, texts * (N // 2), Y))
    assert dataset.X.shape == (N, 3)


def test_codes_that_look_like_numbers_can_be_categories(tmp_path):
    codes = ["250", "401", "V45", "250"] * (N // 4)
    content = rows(A, codes, Y)
    assert 'read = { categories = ["b"] }' in refused(tmp_path, content)
    dataset = read(tmp_path, content, keys={"categories": ("b",)})
    assert dataset.notes == ("one-hot encoded: b (3)",)
    np.testing.assert_array_equal(dataset.X[:, 1:].argmax(axis=1), [0, 1, 2, 0] * (N // 4))
    message = refused(tmp_path, content, keys={"categories": ("c",)})
    assert "read.categories: there is no column 'c'" in message


def in_parts(texts, name):
    """Return a table so large that pandas reads it in parts, and guesses the types of each."""
    zeros = ",0" * 60
    header = f"{name}," + ",".join(f"f{place}" for place in range(60))
    return "\n".join([header, *(f"{text}{zeros}" for text in texts)]) + "\n"


def test_a_column_that_is_read_in_parts_is_read_as_it_is_written(tmp_path):
    codes = ["01"] * 18_000 + ["x"] * 22_000
    content = in_parts(codes, "code").replace("code,f0,", "code,target,", 1)
    content = content.replace("01,0,", "01,1,", 9_000)
    with pytest.warns(pd.errors.DtypeWarning):
        pd.read_csv(io.StringIO(content))
    dataset = read(tmp_path, content)
    assert dataset.notes[0] == "one-hot encoded: code (2)"
    np.testing.assert_array_equal(dataset.X[:, :2].argmax(axis=1), [code == "x" for code in codes])


# Headers


def test_a_file_without_a_header_is_named_and_read_with_its_key(tmp_path):
    content = rows(A, B, (Y == "yes").astype(int)).partition("\n")[2]
    message = refused(tmp_path, content, target="2")
    assert "the first row holds data, not the names of columns: " in message
    assert 'add read = { header = false }, and the columns are named "0", "1"' in message
    dataset = read(tmp_path, content, keys={"header": False}, target="2")
    np.testing.assert_array_equal(dataset.X, np.column_stack([A, B]))
    assert dataset.n_examples == N
    content = rows(A, B, Y).partition("\n")[2]
    assert "read = { header = false }" in refused(tmp_path, content)
    dataset = read(tmp_path, content, keys={"header": False}, target="2")
    assert labels_of(dataset) == Y.tolist()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "it is empty"),
        ("# made by me\na,b,target\n1,2,x\n", "have more fields than the first, which holds the"),
        (
            "a b target\n1 2 x\n2 3 y\n",
            "separated by spaces, not by ','; add read = { sep = \"\\\\s+\" }",
        ),
    ],
)
def test_a_file_without_rows_and_columns_of_its_own_says_what_it_holds(tmp_path, content, said):
    assert said in refused(tmp_path, content)


@pytest.mark.parametrize("header", ["0,1,2", "1,2,3"])
def test_numbers_that_count_may_name_columns(tmp_path, header):
    dataset = read(tmp_path, rows(A, B, Y, header=header), target=header[-1])
    np.testing.assert_array_equal(dataset.X, np.column_stack([A, B]))


@pytest.mark.parametrize("header", ["1,5,7", "3,2,1", "0,0,1", "1990,1991,1992"])
def test_other_numbers_are_names_only_if_the_key_says_so(tmp_path, header):
    content = rows(A, B, Y, header=header)
    message = refused(tmp_path, content, target=header.split(",")[2])
    assert "add read = { header = true }" in message
    if header != "0,0,1":
        keys = {"header": True}
        dataset = read(tmp_path, content, keys=keys, target=header.split(",")[2])
        np.testing.assert_array_equal(dataset.X, np.column_stack([A, B]))


def test_unnamed_columns_matter_only_if_they_are_used(tmp_path):
    blank = [""] * N
    content = rows(Y, ["warm day", "cold night"] * (N // 2), blank, blank, header="label,words,,")
    dataset = read(tmp_path, content, target="label", text="words")
    assert dataset.X.shape == (N, 4)
    message = refused(tmp_path, content, target="label")
    assert "column 2 (the first is 0) has no name" in message
    assert 'drop = ["Unnamed: 2"]' in message
    content = rows(range(N), A, B, Y, header=",a,b,target")
    dataset = read(tmp_path, content, columns=ColumnKeys(columns=("a", "b")))
    np.testing.assert_array_equal(dataset.X, np.column_stack([A, B]))
    same = read(tmp_path, content, columns=ColumnKeys(drop=("Unnamed: 0",)))
    assert same.fingerprint == dataset.fingerprint


def test_a_column_may_be_called_na(tmp_path):
    assert read(tmp_path, rows(A, B, Y, header="NA,b,target")).X.shape == (N, 2)


# Packed files

PACKERS = {
    "gz": gzip.compress,
    "bz2": bz2.compress,
    "xz": lzma.compress,
    "zst": lambda content: pa.compress(content, codec="zstd", asbytes=True),
}


@pytest.mark.parametrize("packing", PACKERS)
@pytest.mark.parametrize("text", [None, "b"])
def test_a_packed_file_is_read_as_it_is(tmp_path, packing, text):
    words = ["warm day", "cold night"] * (N // 2)
    content = rows(A, words, Y, sep="\t").encode()
    plain = read(tmp_path, content, "m.tsv", text=text)
    packed = read(tmp_path, PACKERS[packing](content), f"m.TSV.{packing}", text=text)
    for one, other in ((plain, packed), (packed, plain)):
        assert abs(one.X - other.X).max() == 0
        assert labels_of(one) == labels_of(other) == Y.tolist()


@pytest.mark.parametrize("packing", PACKERS)
@pytest.mark.parametrize("damage", [lambda c: c[: len(c) // 2], lambda c: b"no " + c])
def test_a_damaged_packed_file_is_refused(tmp_path, packing, damage):
    content = damage(PACKERS[packing](rows(A, B, Y).encode()))
    assert "cannot be read" in refused(tmp_path, content, f"m.csv.{packing}")


@pytest.mark.parametrize("ending", ["csv", "jsonl"])
@pytest.mark.parametrize("packing", PACKERS)
def test_a_file_that_unpacks_to_more_than_the_memory_is_refused(
    tmp_path, monkeypatch, packing, ending
):
    limit = 300_000
    monkeypatch.setattr("alrun.data.readers.packed.available_bytes", lambda: limit)
    content = PACKERS[packing](
        b"a,target\n" + b"0,0\n" * limit if ending == "csv" else b"{}\n" * limit
    )
    assert len(content) < limit / 50
    message = refused(tmp_path, content, f"m.{ending}.{packing}")
    assert "unpacks to more than the 300.0 kB of memory" in message


# Labels


@pytest.mark.parametrize(
    ("labels", "classes"),
    [
        (["10", "9", "-1", "9"], (-1, 9, 10)),
        (["0.5", "10.0", "2.5", "0.5"], (0.5, 2.5, 10.0)),
        (["True", "False", "True"], (False, True)),
        (["01", "1", "10", "2"], ("01", "1", "10", "2")),
        (["100", "1E2", "200"], ("100", "1E2", "200")),
        (["1.50", "1.5", "2.5"], ("1.5", "1.50", "2.5")),
        (["1", "2.5", "1"], ("1", "2.5")),
        (["true", "TRUE", "True"], ("TRUE", "True", "true")),
        (["NA", "1", "2"], ("1", "2", "NA")),
        (["nan", "inf", "1e5"], ("1e5", "inf", "nan")),
        (["9" * 30, "1", "9" * 30], ("1", "9" * 30)),
        ([" 1", "2", " 1"], (1, 2)),
        (["yes ", "yes", "no"], ("no", "yes", "yes ")),
    ],
)
def test_labels_are_kept_as_they_are_written(tmp_path, labels, classes):
    dataset = read(tmp_path, rows(range(len(labels)), labels, header="a,target"))
    assert dataset.classes == classes
    assert [type(label) for label in dataset.classes] == [type(label) for label in classes]


@pytest.mark.parametrize(
    ("labels", "is_same"),
    [
        (["1", "2", "10"], True),
        (["0.5", "2.0", "0.5"], True),
        (["True", "False", "True"], True),
        (["yes", "01", "1"], True),
        (["NA", "1", "2"], True),
        (["01", "1", "2"], False),
        (["1E2", "100", "200"], False),
        (["+1", "-1", "+1"], False),
        (["true", "FALSE", "true"], False),
    ],
)
def test_only_labels_that_were_other_classes_before_give_other_ids(tmp_path, labels, is_same):
    content = rows(range(3), labels, header="a,target")
    before = digest(["file", hashlib.sha256(content.encode()).hexdigest(), "target"])
    assert (read(tmp_path, content).fingerprint == before) == is_same


def test_labels_of_a_large_file_are_not_guessed_part_by_part(tmp_path):
    labels = ["1"] * 18_000 + ["01", "x", "1.0"] * 4_000
    dataset = read(tmp_path, in_parts(labels, "target"))
    assert dataset.classes == ("01", "1", "1.0", "x")
    assert labels_of(dataset) == labels


@pytest.mark.parametrize(
    ("labels", "is_said"),
    [
        (["1", "2,3", "1", "2,3"], True),
        (["a", "a;b", "b", "a"], True),
        (["a", "b | a", "c", "a"], True),
        (["Smith, Ann", "Jones, Bob", "Poe, Cy", "Jones, Bob"], False),
        (["1.5", "2", "2", "1.5"], False),
        (["a;b", "c", "c", "a;b"], False),
    ],
)
def test_labels_that_look_like_several_are_warned_of(tmp_path, labels, is_said):
    content = "a,target\n" + "".join(f'{row},"{label}"\n' for row, label in enumerate(labels))
    dataset = read(tmp_path, content)
    assert labels_of(dataset) == labels
    assert any("look like several labels in a row" in note for note in dataset.notes) == is_said


@pytest.mark.parametrize("mark", ["?", ""])
def test_a_missing_label_is_named(tmp_path, mark):
    content = rows(A, B, [mark if row == 3 else label for row, label in enumerate(Y)])
    message = refused(tmp_path, content, keys={"na_values": ("?",)})
    assert "column 'target', row 3 (the first is 0): no label" in message


def test_numbers_that_no_classes_are_made_of_are_named_as_they_are_written_too(tmp_path):
    prices = [f"{100 * abs(a) + row:.2f}0" for row, a in enumerate(A)]
    assert "bins = 4" in refused(tmp_path, rows(A, B, prices))
    assert read(tmp_path, rows(A, B, prices), bins=4).n_classes == 4


LABELS = st.lists(
    st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=6)
    | st.from_regex(r"[+-]?0*[0-9]{1,4}(\.[0-9]{0,3})?([eE][0-9])?", fullmatch=True)
    | st.sampled_from(["NA", "nan", "None", "true", "FALSE", "1E2", "0x10", "1_000", "2020-01-01"]),
    min_size=2,
    max_size=12,
).filter(
    lambda labels: len({label.strip() for label in labels}) > 1 and all(map(str.strip, labels))
)


@settings(
    max_examples=80,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(labels=LABELS, ending=st.sampled_from(["csv", "tsv", "jsonl", "parquet", "feather", "npz"]))
def test_a_label_column_survives_every_reader_letter_by_letter(tmp_path, labels, ending):
    frame = pd.DataFrame({"a": np.arange(len(labels)), "target": pd.Series(labels, dtype=object)})
    path = tmp_path / f"m.{ending}"
    if ending in ("csv", "tsv"):
        frame.to_csv(path, index=False, sep="\t" if ending == "tsv" else ",")
    elif ending == "jsonl":
        frame.to_json(path, orient="records", lines=True)
    elif ending == "npz":
        np.savez(path, X=frame[["a"]], y=np.array(labels, dtype=str))
    else:
        write = frame.to_parquet if ending == "parquet" else frame.to_feather
        write(path)
    dataset = load(path.name, {}, folder=tmp_path, target="target")
    found = labels_of(dataset)
    # A label is a number only where it is written as Python writes that number.
    assert found == labels or found == [label.strip() for label in labels]
    assert (found == labels) or all(isinstance(c, (int, float)) for c in dataset.classes)
    assert list(dataset.classes) == sorted(dataset.classes)
