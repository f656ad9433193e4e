"""Mutated data files: refused, or read as other readers do."""

import csv
import datetime
import gzip
import io
import json
import os
import re
import shutil
import struct
import tomllib
import zipfile

import numpy as np
import pyarrow.parquet as pq
from fuzzing.answers import answered, check_run
from fuzzing.files import GRID
from fuzzing.mutations import mutated_arrays, mutated_bytes, mutated_csv, mutated_table, pick

from alrun.data.dataset import Dataset
from alrun.data.load import load
from alrun.sweep.plan import plan_sweep


def check_data(rng, folder):
    """Read a mutated file and compare with other readers."""
    case = folder / "case"
    shutil.rmtree(case, ignore_errors=True)
    case.mkdir()
    kind = pick(rng, list(DATA))
    file, settings, reading = DATA[kind](rng, folder, case)
    text = GRID.format(names="") + f"[dataset]\nname = '{file}'\n{settings}"
    (case / "question.toml").write_text(text)
    code, _ = answered("sweep", case / "question.toml", "--results", case / "none", "--dry-run")
    if code == 0 and reading is not None:
        entry = tomllib.loads(text)["dataset"]
        own = {key: entry[key] for key in ("target", "text") if key in entry}
        dataset = load(file, {}, folder=case, **{"target": "target"} | own)
        assert isinstance(dataset, Dataset)
        X, labels = reading()
        found = dataset.X.toarray() if hasattr(dataset.X, "toarray") else np.asarray(dataset.X)
        pairs = [(dataset.labels[c], label) for c, label in zip(dataset.y, labels, strict=True)]
        others = [pair for pair in pairs if not same_label(*pair)]
        assert not others, f"label and source: {others[:2]}"
        np.testing.assert_allclose(found, X, rtol=1e-6 if found.dtype == np.float32 else 1e-12)
        spec = pick(rng, list(plan_sweep(case / "question.toml", case / "none").specs.values()))
        check_run(spec, dataset)
    return code


def same_label(one, other):
    """Return whether a label as text equals that of a reader."""
    if isinstance(other, datetime.date):
        return one.replace("T", " ").startswith(str(other))
    if isinstance(other, datetime.timedelta):
        return float(one.split()[0]) == other.total_seconds()
    try:
        return one == str(other) or float(one) == float(other)
    except (TypeError, ValueError):
        return False


def columns_of(columns):
    """Return columns of python values as a matrix, by the rules of docs/data.md."""
    parts = []
    for values in columns:
        if isinstance(values[0], list):
            parts.append(np.array(values, float))
        elif all(isinstance(value, bool | int | float) for value in values):
            parts.append(np.array(values, float)[:, None])
        else:
            values = [str(value) for value in values]
            kinds = sorted(set(values))
            parts.append(np.array([[value == kind for kind in kinds] for value in values], float))
    return np.hstack(parts)


NUMBER = re.compile(r"\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*")
TRUTH = {"True": True, "TRUE": True, "true": True, "False": False, "FALSE": False, "false": False}


def as_pandas_would(values):
    """Return the fields of a column as numbers or truth values, if all of them are."""
    if all(NUMBER.fullmatch(value) for value in values):
        return [float(value) for value in values]
    if all(value in TRUTH for value in values):
        return [TRUTH[value] for value in values]
    return values


def csv_case(rng, folder, case):
    """Mutate a CSV table of texts and numbers."""
    path = case / "flowers.csv"
    path.write_bytes(mutated_csv((folder / path.name).read_text(), rng))

    def reading():
        text = path.read_bytes().decode("utf-8-sig")
        rows = [row for row in csv.reader(io.StringIO(text, newline="")) if "".join(row).strip()]
        columns = dict(zip(rows[0], map(list, zip(*rows[1:], strict=True)), strict=True))
        labels = columns.pop("species")
        return columns_of([as_pandas_would(values) for values in columns.values()]), labels

    return path.name, 'target = "species"', reading


def parquet_case(name, target):
    """Return a case: a table of typed columns, mutated before or after it is written."""

    def make(rng, folder, case):
        path = case / name
        if rng.random() < 0.4:
            path.write_bytes(mutated_bytes((folder / name).read_bytes(), rng))
        else:
            table = mutated_table(pq.read_table(folder / name), rng)
            pq.write_table(table, path, row_group_size=pick(rng, [7, 1000]))

        def reading():
            table = pq.ParquetFile(path).read()
            columns = {key: table[key].to_pylist() for key in table.column_names}
            labels = columns.pop(target)
            return columns_of(list(columns.values())), labels

        return name, f'target = "{target}"', reading

    return make


def bytes_case(name):
    """Return a case: some bytes of a table are changed, and nothing tells what is right."""

    def make(rng, folder, case):
        content = (folder / name).read_bytes()
        if name.endswith(".gz") and rng.random() < 0.7:
            content = gzip.compress(mutated_bytes(gzip.decompress(content), rng), mtime=0)
        else:
            content = mutated_bytes(content, rng)
        (case / name).write_bytes(content)
        return name, 'target = "species"', None

    return make


def jsonl_case(rng, folder, case):
    """Mutate a table of JSON lines."""
    path = case / "flowers.jsonl"
    path.write_bytes(mutated_bytes((folder / path.name).read_bytes(), rng))

    def reading():
        rows = [json.loads(line) for line in path.read_bytes().split(b"\n") if line.strip()]
        columns = {
            key: [row[key] for row in rows] for key in dict.fromkeys(k for r in rows for k in r)
        }
        labels = columns.pop("species")
        return columns_of(list(columns.values())), labels

    return path.name, 'target = "species"', reading


def npz_case(rng, folder, case):
    """Mutate an archive of arrays, some with pickled objects."""
    path = case / "arrays.npz"
    if rng.random() < 0.3:
        path.write_bytes(mutated_bytes((folder / path.name).read_bytes(), rng))
    else:
        save = pick(rng, [np.savez, np.savez_compressed])
        save(path, **mutated_arrays(np.load(folder / path.name), rng))

    def reading():
        with zipfile.ZipFile(path) as archive:
            X, y = (np.lib.format.read_array(archive.open(f"{key}.npy")) for key in "Xy")
        return X.astype(float), y.tolist()

    return path.name, "", reading


def svmlight_case(rng, folder, case):
    """Mutate a file with rows of a label and pairs."""
    path = case / "sparse.svmlight"
    path.write_bytes(mutated_bytes((folder / path.name).read_bytes(), rng))

    def reading():
        lines = [line.split(b"#")[0].split() for line in path.read_bytes().split(b"\n")]
        rows = [[pair.split(b":") for pair in line[1:]] for line in lines if line]
        rows = [[(int(place), float(value)) for place, value in row] for row in rows]
        first = min(min(place for place, _ in row) for row in rows if row)
        width = 1 + max(place for row in rows for place, _ in row)
        X = np.zeros((len(rows), width))
        for values, row in zip(X, rows, strict=True):
            for place, value in row:
                values[place] = value
        return X[:, min(first, 1) :], [float(line[0]) for line in lines if line]

    return path.name, "test_size = 20", reading


def idx_case(rng, folder, case):
    """Mutate one of two files, images or their labels, compressed or not."""
    shutil.copytree(folder / "images", case / "images")
    path = pick(rng, sorted((case / "images").iterdir()))
    content, packed = path.read_bytes(), path.suffix == ".gz"
    if packed and rng.random() < 0.7:
        path.write_bytes(gzip.compress(mutated_bytes(gzip.decompress(content), rng), mtime=0))
    else:
        path.write_bytes(mutated_bytes(content, rng))

    def reading():
        images, labels = sorted((case / "images").iterdir())
        pixels = images.read_bytes()
        n, height, width = struct.unpack(">3I", pixels[4:16]) if pixels[3] == 3 else (60, 4, 4)
        X = np.frombuffer(pixels[-n * height * width :], np.uint8).reshape(n, -1)
        return X, list(gzip.decompress(labels.read_bytes())[8:])

    return "idx:images", "test_size = 20", reading


def texts_case(rng, folder, case):
    """Mutate the bytes or the name of one text in a folder."""
    shutil.copytree(folder / "texts", case / "texts")
    path = pick(rng, sorted((case / "texts").rglob("*.txt")))
    if rng.random() < 0.7:
        path.write_bytes(mutated_bytes(path.read_bytes(), rng))
    else:
        name = pick(rng, [b"two\nlines", b"\xff\xfe", b".hidden", "é".encode(), b"x\x1b[31m"])
        os.rename(bytes(path), bytes(path.parent) + b"/" + name)
    return "texts/", "test_size = 0.3", None


def splits_case(rng, folder, case):
    """Mutate a table of the user's splits."""
    for name in ("flowers.csv", "splits.csv"):
        shutil.copy(folder / name, case)
    path = case / "splits.csv"
    path.write_bytes(mutated_csv(path.read_text(), rng))
    return "flowers.csv", f'target = "species"\nsplits = "{path.name}"', None


def initial_case(rng, folder, case):
    """Mutate a list of initial rows."""
    shutil.copy(folder / "flowers.csv", case)
    path = case / "initial.csv"
    path.write_bytes(mutated_csv((folder / path.name).read_text(), rng))
    return (
        "flowers.csv",
        'target = "species"\n[initial]\nmethod = "file"\nfile = "initial.csv"',
        None,
    )


def people_case(rng, folder, case):
    """Mutate a table with missing values, under a rule for them."""
    path = case / "people.csv"
    path.write_bytes(mutated_csv((folder / path.name).read_text(), rng))
    rules = ['"median"', '"drop"', "-1", '{ age = "mean", income = 0.5, city = "most_frequent" }']
    return path.name, f'target = "vote"\nmissing = {pick(rng, rules)}', None


def test_case(rng, folder, case):
    """Mutate the table of a test part."""
    shutil.copy(folder / "flowers.csv", case)
    path = case / "more.csv"
    path.write_bytes(mutated_csv((folder / path.name).read_text(), rng))
    return "flowers.csv", 'target = "species"\ntest = "more.csv"', None


def scores_case(rng, folder, case):
    """Mutate the scores of an outside model."""
    shutil.copy(folder / "flowers.csv", case)
    path = case / "scores.csv"
    lines = (folder / path.name).read_text().splitlines()[:61]
    path.write_bytes(mutated_csv("\n".join(lines), rng))
    return (
        "flowers.csv",
        'target = "species"\n[initial]\nsize = 9\nmodel_scores = "scores.csv"',
        None,
    )


def parts_case(rng, folder, case):
    """Mutate a file in a partition, or the name of a partition."""
    shutil.copytree(folder / "parts", case / "parts")
    path = pick(rng, sorted((case / "parts").rglob("*.parquet")))
    if rng.random() < 0.3:
        path.write_bytes(mutated_bytes(path.read_bytes(), rng))
    elif rng.random() < 0.5:
        pq.write_table(mutated_table(pq.read_table(path, partitioning=None), rng), path)
    else:
        names = [b"colour=", b"x=1", b"colour=%zz", b"species=a", b"=red", b"deep", b"colour=\xff"]
        os.rename(bytes(path.parent), bytes(case) + b"/parts/" + pick(rng, names))
    return "parts/", 'target = "species"', None


DATA = {
    "people": people_case,
    "test": test_case,
    "scores": scores_case,
    "parts": parts_case,
    "csv": csv_case,
    "parquet": parquet_case("flowers.parquet", "species"),
    "wide": parquet_case("wide.parquet", "label"),
    "feather": bytes_case("flowers.feather"),
    "arff": bytes_case("flowers.arff"),
    "packed": bytes_case("flowers.csv.gz"),
    "jsonl": jsonl_case,
    "npz": npz_case,
    "svmlight": svmlight_case,
    "idx": idx_case,
    "texts": texts_case,
    "splits": splits_case,
    "initial": initial_case,
}
