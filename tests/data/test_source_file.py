"""Files that change while they are read: fingerprint and features are of one file."""

import gzip
import io
import os

import numpy as np
import pandas as pd
import pytest
from changing_files import changed_at, overwritten, replaced
from made_splits import made
from sklearn.datasets import dump_svmlight_file

from alrun.data.load import load
from alrun.data.readers.source_file import HELD_BYTES, opened
from alrun.data.user_splits import read_initial, with_user_splits
from alrun.errors import DatasetError


def of_table(suffix, **columns):
    """Return a writer of tables with 12 rows."""

    def content(version):
        rng = np.random.default_rng(version)
        frame = pd.DataFrame({name: make(rng) for name, make in columns.items()})
        frame["target"] = rng.permutation(12) % 3
        buffer = io.BytesIO()
        if suffix == "jsonl":
            frame.to_json(buffer, orient="records", lines=True)
        elif suffix == "feather":
            frame.to_feather(buffer)
        elif suffix == "parquet":
            frame.to_parquet(buffer)
        else:
            frame.to_csv(buffer, index=False)
        return gzip.compress(buffer.getvalue()) if suffix == "csv.gz" else buffer.getvalue()

    return content


def numbers_in_arff(version):
    rng = np.random.default_rng(version)
    rows = [f"{a},{place % 2}" for place, a in enumerate(rng.normal(size=12))]
    head = ["@RELATION m", "@ATTRIBUTE a NUMERIC", "@ATTRIBUTE target {0,1}", "@DATA"]
    return "\n".join([*head, *rows]).encode()


def archived(version):
    rng, buffer = np.random.default_rng(version), io.BytesIO()
    np.savez(buffer, X=rng.normal(size=(12, 2)), y=rng.permutation(12) % 3)
    return buffer.getvalue()


def sparse_rows(version):
    rng, buffer = np.random.default_rng(version), io.BytesIO()
    dump_svmlight_file(rng.normal(size=(12, 2)), rng.permutation(12) % 3, buffer)
    return buffer.getvalue()


def pixels(version):
    rng = np.random.default_rng(version)
    header = b"\0\0\x08\3" + np.array([12, 2, 2], ">u4").tobytes()
    return header + rng.integers(256, size=48, dtype=np.uint8).tobytes()


def packed_labels(version):
    labels = np.random.default_rng(version).permutation(12).astype(np.uint8) % 3
    return gzip.compress(b"\0\0\x08\1" + np.array([12], ">u4").tobytes() + labels.tobytes())


def words(rng):
    return rng.choice(["warm day", "cold night", "dull day"], 12)


def numbers(rng):
    return rng.normal(size=12)


def singles(rng):
    return rng.normal(size=12).astype(np.float32)


def a_text(version):
    return f"words of version {version}".encode()


# File to change, its content by version, name of the data set, its settings.
READERS = {
    "csv": ("m.csv", of_table("csv", a=numbers, b=words), "m.csv", {}),
    "words": ("m.csv", of_table("csv", a=words), "m.csv", {"text": "a"}),
    "parquet": ("m.parquet", of_table("parquet", a=numbers, b=words), "m.parquet", {}),
    "packed": ("m.csv.gz", of_table("csv.gz", a=numbers, b=words), "m.csv.gz", {}),
    "feather": ("m.feather", of_table("feather", a=numbers, b=words), "m.feather", {}),
    "jsonl": ("m.jsonl", of_table("jsonl", a=numbers, b=words), "m.jsonl", {}),
    "arff": ("m.arff", numbers_in_arff, "m.arff", {}),
    "parts": ("parts/p1.parquet", of_table("parquet", a=numbers, b=words), "parts/", {}),
    "wide": ("m.parquet", of_table("parquet", a=singles, b=singles), "m.parquet", {}),
    "npz": ("m.npz", archived, "m.npz", {}),
    "svmlight": ("m.svm", sparse_rows, "m.svm", {}),
    "images": ("images/train-images", pixels, "idx:images", {}),
    "labels": ("images/train-labels.gz", packed_labels, "idx:images", {}),
    "texts": ("texts/one/a.txt", a_text, "texts/", {}),
}


@pytest.fixture(params=READERS)
def source(request, tmp_path):
    """A file, its contents by version, and a function that loads its data set."""
    name, content, dataset, settings = READERS[request.param]
    for folder in ("images", "texts/one", "texts/two", "parts"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "parts/p0.parquet").write_bytes(READERS["parquet"][1](7))
    (tmp_path / "images/train-images").write_bytes(pixels(1))
    (tmp_path / "images/train-labels.gz").write_bytes(packed_labels(1))
    for text in ("one/a.txt", "two/b.txt", "two/c.txt"):
        (tmp_path / "texts" / text).write_bytes(a_text(1))

    def read():
        found = load(dataset, {}, folder=tmp_path, **settings)
        X = found.X.toarray() if hasattr(found.X, "toarray") else found.X
        return found.fingerprint, X.tolist(), found.labels, found.y.tolist()

    return tmp_path / name, [content(1), content(2)], read


def answer_or_error(read):
    try:
        return read()
    except DatasetError as error:
        return str(error)


@pytest.mark.parametrize("held", [0, HELD_BYTES])
@pytest.mark.parametrize("change", [replaced, overwritten])
def test_fingerprint_and_features_are_of_the_same_file(source, change, held):
    path, contents, read = source
    answers = []
    for content in contents:
        path.write_bytes(content)
        answers.append(read())
    assert answers[0][0] != answers[1][0]
    for moment in range(8):
        path.write_bytes(contents[0])
        with changed_at(moment, lambda: change(path, contents[1]), held) as moments:
            found = answer_or_error(read)
        if found not in answers:
            assert "changed while it was read; start again" in found
            assert change is overwritten
            assert held == 0
        if len(moments) <= moment:
            assert moment > 0
            return
    pytest.fail("the file was read from its beginning too often")


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
@pytest.mark.parametrize("change", [replaced, overwritten])
def test_splits_and_initial_sets_are_of_one_file(tmp_path, suffix, change):
    dataset = made()
    path = tmp_path / f"rows.{suffix}"
    contents = []
    for roles in (["test", "initial", "pool"], ["initial", "pool", "test"]):
        frame = pd.DataFrame({"seed": 0, "index": np.arange(3), "role": roles})
        frame.to_csv(path, index=False) if suffix == "csv" else frame.to_parquet(path)
        contents.append(path.read_bytes())

    def read():
        roles = with_user_splits(dataset, path, [0], "made").splits.of(0)
        return roles.tolist(), read_initial(path, dataset, [0], "made", False)

    answers = []
    for content in contents:
        path.write_bytes(content)
        answers.append(read())
    for moment in range(2):
        path.write_bytes(contents[0])
        with changed_at(moment, lambda: change(path, contents[1])) as moments:
            found = read()
        assert found[0] in [answer[0] for answer in answers]
        assert len(moments) > moment


def test_a_large_file_that_ends_while_it_is_read_has_changed(tmp_path):
    path = tmp_path / "m.npz"
    path.write_bytes(archived(1))
    change = lambda: overwritten(path, archived(1)[:100])  # noqa: E731
    with (
        changed_at(0, change, held_bytes=0),
        pytest.raises(DatasetError, match="changed while it was read"),
    ):
        load("m.npz", {}, folder=tmp_path)


def test_the_same_bytes_written_again_have_changed_if_the_time_tells(tmp_path):
    path = tmp_path / "m.svm"
    path.write_bytes(sparse_rows(1))
    with (
        pytest.raises(DatasetError, match="changed while it was read"),
        mock_held(0),
        opened(path),
    ):
        os.utime(path, ns=(1, 1))


def mock_held(n_bytes):
    return changed_at(-1, lambda: None, n_bytes)


@pytest.mark.parametrize("held", [0, HELD_BYTES])
def test_a_file_in_a_folder_that_is_not_utf_8_is_read(tmp_path, held):
    folder = tmp_path / os.fsdecode(b"caf\xe9")
    folder.mkdir()
    for name in ("csv", "packed", "feather", "jsonl", "arff", "parquet", "wide", "npz", "svmlight"):
        file, content, dataset, settings = READERS[name]
        (folder / file).write_bytes(content(1))
        with mock_held(held):
            assert load(dataset, {}, folder=folder, **settings).n_examples == 12
    (folder / "m.parquet").write_bytes(b"PAR1")
    with pytest.raises(DatasetError, match=r"caf\\udce9"):
        load("m.parquet", {}, folder=folder)


def test_a_file_without_permission_is_named(tmp_path, monkeypatch):
    (tmp_path / "m.csv").write_text("a,target\n")

    def refuse(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("pathlib.Path.open", refuse)
    with pytest.raises(DatasetError, match=r"m\.csv cannot be read: Permission denied"):
        load("m.csv", {}, folder=tmp_path)
