"""Input from strangers, mutated: each file gives a right answer, or clear lines and exit code 2.

python tests/fuzz.py [--first N]

A case is a kind and a number, by which it is drawn; the number of one that fails is printed, and
`check` repeats it. Cases run in processes of their own, so that none can take the others with it.
"""

import argparse
import csv
import datetime
import gzip
import io
import json
import multiprocessing
import os
import re
import resource
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import tomllib
import warnings
import zipfile
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from conftest import TINY
from mutations import (
    mutated_arrays,
    mutated_bytes,
    mutated_csv,
    mutated_table,
    mutated_toml,
    pick,
)
from typer.testing import CliRunner

from alrun.cli import app
from alrun.datasets import Dataset, load
from alrun.errors import AlrunError
from alrun.experiment_file import to_toml
from alrun.loop import run_active_learning
from alrun.planning import run_sweep
from alrun.sweep import plan_of, plan_sweep

EXPERIMENTS = Path(__file__).parent.parent / "experiments"
SECONDS, GIGABYTES = 60, 3
# How many of each kind there are in the whole of it.
CASES = {"experiment": 2000, "data": 500, "results": 500}
LONGEST_LINE = 2000

# Every key of the README, over files that `prepared` writes.
GRID = """
strategies = ["random", {names}{{ name = "margin", label = "again", replica = 1 }}]
batch_sizes = [3, 5]
seeds = [0, 3]
targets = [0.5, 0.9]
budget = 24
"""
BASES = {
    "texts": """
        metric = "balanced_accuracy"
        model = { C = 2.0, class_weight = "balanced" }
        initial = { size = 6, method = "random" }
        [dataset]
        name = "texts/"
        test_size = 0.3
        ngram_range = [1, 2]
        min_df = 1
        max_features = 500
        token_pattern = '\\w+'
        """,
    "reviews": """
        metric = "average_precision"
        initial = { size = 0.3, method = "stratified" }
        [dataset]
        name = "reviews.csv"
        label = "words"
        text = "review"
        target = "opinion"
        positive = "good"
        [model]
        steps = [
            { name = "sklearn.decomposition.TruncatedSVD", n_components = 3 },
            "sklearn.preprocessing.StandardScaler",
            { name = "sklearn.linear_model.LogisticRegression", C = 2.0 },
        ]
        """,
    "arrays": """
        metric = "macro_f1"
        [[dataset]]
        name = "arrays.npz"
        scale = "minmax"
        [[dataset]]
        name = "sparse.svmlight"
        scale = 2
        test_size = 20
        [[model]]
        label = "one"
        class_weight = { 0 = 2.0, 1 = 1 }
        [[model]]
        name = "sklearn.linear_model.LogisticRegression"
        C = 0.5
        max_iter = 200
        """,
    "images": """
        dataset = { name = "idx:images", scale = 255, subsample = 50, test_size = 15 }
        initial = { size = 6, method = "kmeans" }
        model = { name = "sklearn.neighbors.KNeighborsClassifier", n_neighbors = 2 }
        """,
    "splits": """
        dataset = { name = "flowers.csv", target = "species", splits = "splits.csv" }
        model = { name = "sklearn.naive_bayes.GaussianNB", var_smoothing = 1e-8 }
        """,
    "initial": """
        dataset = { name = "flowers.parquet", target = "species", scale = "standard" }
        initial = { method = "file", file = "initial.csv" }
        """,
    "drawn": """
        max_seeds = 12
        until_halfwidth = 0.2
        [dataset]
        name = "make_classification"
        per_seed = true
        n_samples = 90
        n_features = 6
        n_informative = 3
        n_classes = 3
        n_clusters_per_class = 1
        weights = [0.4, 0.3, 0.3]
        """,
}
STRATEGIES = [
    '"entropy"',
    '{ name = "mine.py:softened", beta = 2.0 }',
    '{ name = "density", beta = 2.0, label = "density 2" }',
    '{ name = "typiclust", neighbours = 5, components = 4 }',
    '{ name = "prob_cover", reference = 40 }',
    '{ name = "qbc_vote", members = 3 }',
    '{ name = "balanced", w = 0.3 }',
]
MINE = """
import numpy as np


def softened(pool, n, rng, beta=1.0):
    return beta * rng.random(len(pool))
"""


class TooLongError(BaseException):
    """No Exception, so that nothing takes it for a fault of the input."""


@contextmanager
def limited(seconds=SECONDS):
    """Raise TooLongError in whatever takes longer."""

    def ring(signum, frame):
        raise TooLongError

    before = signal.signal(signal.SIGALRM, ring)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def prepared(folder):
    """Write the files that the experiments name, and results; return the folder."""
    rng = np.random.default_rng(7)
    folder.mkdir(parents=True, exist_ok=True)
    n = 60
    y = np.arange(n) % 3
    X = np.round(rng.normal(size=(n, 3)) + y[:, None], 3)
    species, colour = np.array(["setosa", "7", "virginica"])[y], np.array(["red", "blue"])[y % 2]
    rows = ["length,width,colour,species"]
    rows += [f"{a},{b},{c},{s}" for (a, b, _), c, s in zip(X, colour, species, strict=True)]
    (folder / "flowers.csv").write_text("\n".join(rows) + "\n")
    columns = {"length": X[:, 0], "colour": colour, "width": X[:, 1].astype("f4")}
    columns |= {"species": species, "vector": list(X), "size": y.astype("i2") + 1}
    pq.write_table(pa.table(columns), folder / "flowers.parquet")
    wide = {"label": y, "vector": pa.array(list(X), pa.list_(pa.float32()))}
    wide["one"] = pa.array(X[:, 0], pa.float32())
    pq.write_table(pa.table(wide), folder / "wide.parquet")
    np.savez(folder / "arrays.npz", X=X, y=y)
    lines = [f"{c} 1:{abs(a)} {c + 2}:1.5" for c, a in zip(y, X[:, 0], strict=True)]
    (folder / "sparse.svmlight").write_text("\n".join(lines) + "\n")
    words = [
        f"{('nice', 'fine', 'warm')[row % 3]} {('dull', 'cold')[row % 2]} day {code}"
        for row, code in enumerate(y)
    ]
    opinions = np.array(["good", "bad", "so so"])[y]
    rows = [f"{o},{w}" for o, w in zip(opinions, words, strict=True)]
    (folder / "reviews.csv").write_text("\n".join(["opinion,review", *rows]) + "\n")
    for place, (opinion, text) in enumerate(zip(opinions, words, strict=True)):
        (folder / "texts" / opinion).mkdir(parents=True, exist_ok=True)
        (folder / "texts" / opinion / f"{place}.txt").write_text(text)
    (folder / "images").mkdir()
    pixels = rng.integers(256, size=(n, 4, 4), dtype=np.uint8)
    images = struct.pack(">4B3I", 0, 0, 8, 3, *pixels.shape) + pixels.tobytes()
    (folder / "images" / "train-images-idx3-ubyte").write_bytes(images)
    labels = struct.pack(">4BI", 0, 0, 8, 1, n) + y.astype(np.uint8).tobytes()
    (folder / "images" / "train-labels-idx1-ubyte.gz").write_bytes(gzip.compress(labels, mtime=0))
    roles = [
        ("test", "initial", "pool")[0 if row < 15 else 1 if row < 24 else 2] for row in range(n)
    ]
    splits = [f"{seed},{row},{roles[row]}" for seed in (0, 3) for row in range(n)]
    (folder / "splits.csv").write_text("\n".join(["seed,index,role", *splits]) + "\n")
    (folder / "initial.csv").write_text("index\n" + "\n".join(map(str, range(9))) + "\n")
    (folder / "mine.py").write_text(MINE)
    (folder / "tiny.toml").write_text(TINY)
    run_sweep(folder / "tiny.toml", folder / "tiny", jobs=1)
    return folder


def experiment_of(base, rng):
    """Return an experiment that is right."""
    others = rng.permutation(STRATEGIES)[: int(rng.integers(3))]
    grid = GRID.format(names="".join(f"{name}, " for name in others))
    if "until_halfwidth" in BASES[base]:
        grid = grid.replace("seeds = [0, 3]", "seeds = 2")
    return grid + BASES[base]


# What is asked of every answer


def answered(*arguments):
    """Return exit code and output of a command; fail where it is neither right nor a line."""
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        for kind in (DeprecationWarning, PendingDeprecationWarning, ImportWarning, ResourceWarning):
            warnings.simplefilter("ignore", kind)
        with limited():
            answer = CliRunner().invoke(app, [str(argument) for argument in arguments])
    if answer.exception is not None and not isinstance(answer.exception, SystemExit):
        raise AssertionError(f"raised {answer.exception!r}") from answer.exception
    assert not seen, f"warned: {[str(warning.message)[:300] for warning in seen]}"
    assert answer.exit_code in (0, 2), f"exit code {answer.exit_code}: {answer.output[:500]}"
    assert "Traceback" not in answer.output
    if answer.exit_code == 2:
        lines = answer.stderr.split("\n")
        assert lines.pop() == "", lines
        assert lines, "nothing is said"
        for line in lines:
            assert line.isprintable(), f"not printable: {line!r:.300}"
            assert len(line.split()) > 2, f"no sentence: {line!r}"
            assert len(line) < LONGEST_LINE, f"{len(line)} characters: {line[:300]}"
    return answer.exit_code, answer.stdout


def check_run(spec, dataset):
    """Compute a run and hold its rounds against the spec; it may fail for reasons of the model."""
    try:
        with limited(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            rounds = run_active_learning(spec, dataset).rounds
    except AlrunError:
        return
    except Exception as error:
        trace, files = error.__traceback__, []
        while trace is not None:
            files.append(trace.tb_frame.f_code.co_filename)
            trace = trace.tb_next
        if any(
            part in file
            for part in ("sklearn", "skactiveml", "alrun/models", "mine.py")
            for file in files
        ):
            return
        raise
    queried = [row for entry in rounds for row in entry.batch]
    sizes = [entry.n_labels for entry in rounds]
    assert len(set(queried)) == len(queried)
    assert sizes[-1] <= spec.budget
    for before, after, entry in zip(sizes, sizes[1:], rounds, strict=False):
        assert after - before == len(entry.batch)
        assert 0 < len(entry.batch) <= spec.batch_size
    for entry in rounds:
        scores = entry.scores
        assert scores.accuracy == scores.n_correct / scores.n_test
        assert 0 <= scores.balanced_accuracy <= 1
        assert 0 <= scores.macro_f1 <= 1
    if spec.dataset.test_size:
        assert rounds[0].scores.n_test == spec.dataset.test_size


# Experiments


def check_experiment(rng, folder):
    """Plan a mutated experiment; where that can be, count its grid and compute a run of it."""
    name = pick(rng, [*BASES, *BASES, *(path.stem for path in sorted(EXPERIMENTS.glob("*.toml")))])
    file = folder / "question.toml"
    known = name in BASES
    text = experiment_of(name, rng) if known else (EXPERIMENTS / f"{name}.toml").read_text()
    file.write_bytes(mutated_toml(text, rng))
    results = folder / "results"
    shutil.rmtree(results, ignore_errors=True)
    code, output = answered("sweep", file, "--results", results, "--dry-run")
    assert not results.exists()
    if rng.integers(100) == 0:
        done = in_a_process("sweep", file, "--results", results, "--dry-run")
        assert done.returncode == code, done.stderr
    if code == 2:
        return code
    content = tomllib.loads(file.read_text(encoding="utf-8"))
    if "until_halfwidth" not in content:
        assert sum(int(line.split()[0]) for line in output.splitlines()) == n_runs(content)
    plan = plan_sweep(file, results)
    if len(plan.specs) > 500:
        return code
    plan.store.prepare()
    plan.store.save_experiment(to_toml(plan.experiment, folder, results))
    assert plan_of(results).specs.keys() == plan.specs.keys()
    specs = [spec for spec in plan.specs.values() if spec.budget <= 400 * spec.batch_size]
    if known and specs:
        spec = pick(rng, specs)
        check_run(spec, plan.sources[spec.dataset.label].at(spec.seed))
        adds_seeds = plan.experiment.until_halfwidth is not None
        if len(plan.specs) < 50 and not adds_seeds and rng.integers(20) == 0:
            check_sweep(file, results, plan.specs.keys())
    return code


def in_a_process(*arguments):
    """Run a command as a user does."""
    code = [sys.executable, "-c", "from alrun.cli import main; main()", *map(str, arguments)]
    done = subprocess.run(code, capture_output=True, text=True, timeout=10 * SECONDS, check=False)
    assert "Traceback" not in done.stderr, done.stderr
    assert "Warning:" not in done.stderr.replace("\nWarning:", ""), done.stderr
    return done


def check_sweep(file, results, ids):
    """Sweep, and hold the tables against the runs that were planned."""
    done = in_a_process("sweep", file, "--results", results, "--jobs", "1")
    assert done.returncode in (0, 1), done.stderr
    curves = pq.read_table(results / "curves.parquet").to_pylist()
    queries = pq.read_table(results / "queries.parquet").to_pylist()
    swept = {row["run_id"] for row in curves}
    assert swept == ids if done.returncode == 0 else swept < ids
    for run in swept:
        sizes = [row["n_labels"] for row in curves if row["run_id"] == run]
        assert sizes == sorted(set(sizes))
        assert sizes[-1] - sizes[0] == sum(row["run_id"] == run for row in queries)
    assert in_a_process("status", results).returncode == done.returncode


def n_runs(content):
    """Return the size of a grid."""

    def n(key, default=1):
        value = content.get(key)
        return len(value) if isinstance(value, list) else default

    seeds = content["seeds"]
    n_seeds = seeds if isinstance(seeds, int) else len(seeds)
    return n("dataset") * n("model") * n("strategies") * n("batch_sizes") * n_seeds


# Data


def check_data(rng, folder):
    """Read a mutated file; what is read must be what others read in it."""
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
    """Return whether a label in words is that of a source."""
    if isinstance(other, datetime.date):
        return one.replace("T", " ").startswith(str(other))
    if isinstance(other, datetime.timedelta):
        return float(one.split()[0]) == other.total_seconds()
    try:
        return one == str(other) or float(one) == float(other)
    except (TypeError, ValueError):
        return False


def columns_of(columns):
    """Return columns of python values as a matrix, by the rules of the README."""
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
    """Return the fields of a column as numbers or truth values where all are."""
    if all(NUMBER.fullmatch(value) for value in values):
        return [float(value) for value in values]
    if all(value in TRUTH for value in values):
        return [TRUTH[value] for value in values]
    return values


def csv_case(rng, folder, case):
    """A table of texts and numbers."""
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
    """A table of typed columns, mutated before or after it is written."""

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


def npz_case(rng, folder, case):
    """An archive of arrays, some with pickled objects."""
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
    """Rows of a label and pairs."""
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
    """Images and their labels, of which one file is mutated, packed or not."""
    shutil.copytree(folder / "images", case / "images")
    path = pick(rng, sorted((case / "images").iterdir()))
    content, packed = path.read_bytes(), path.suffix == ".gz"
    if packed and rng.random() < 0.7:
        path.write_bytes(gzip.compress(mutated_bytes(gzip.decompress(content), rng)))
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
    """A folder of texts of which one has other bytes, or another name."""
    shutil.copytree(folder / "texts", case / "texts")
    path = pick(rng, sorted((case / "texts").rglob("*.txt")))
    if rng.random() < 0.7:
        path.write_bytes(mutated_bytes(path.read_bytes(), rng))
    else:
        name = pick(rng, [b"two\nlines", b"\xff\xfe", b".hidden", "é".encode(), b"x\x1b[31m"])
        os.rename(bytes(path), bytes(path.parent) + b"/" + name)
    return "texts/", "test_size = 0.3", None


def splits_case(rng, folder, case):
    """Given splits."""
    for name in ("flowers.csv", "splits.csv"):
        shutil.copy(folder / name, case)
    path = case / "splits.csv"
    path.write_bytes(mutated_csv(path.read_text(), rng))
    return "flowers.csv", f'target = "species"\nsplits = "{path.name}"', None


def initial_case(rng, folder, case):
    """A list of initial rows."""
    shutil.copy(folder / "flowers.csv", case)
    path = case / "initial.csv"
    path.write_bytes(mutated_csv((folder / path.name).read_text(), rng))
    return (
        "flowers.csv",
        'target = "species"\n[initial]\nmethod = "file"\nfile = "initial.csv"',
        None,
    )


DATA = {
    "csv": csv_case,
    "parquet": parquet_case("flowers.parquet", "species"),
    "wide": parquet_case("wide.parquet", "label"),
    "npz": npz_case,
    "svmlight": svmlight_case,
    "idx": idx_case,
    "texts": texts_case,
    "splits": splits_case,
    "initial": initial_case,
}


# Results

COMMANDS = [
    *(["report", "--format", "json"],) * 6,
    *(["report", "--format", name] for name in ("table", "markdown", "csv", "latex")),
    *(["status"], ["queries"], ["queries", "--format", "csv"], ["plan"], ["sweep"]),
    *(["import-curves"],) * 3,
    ["plot"],
]


def check_results(rng, folder):
    """Read a results directory of which one file is mutated."""
    case = folder / "case"
    shutil.rmtree(case, ignore_errors=True)
    shutil.copytree(folder / "tiny", case)
    command = pick(rng, COMMANDS)
    names = sorted(path.name for path in case.iterdir() if path.is_file())
    path = case / ("curves.parquet" if command[0] == "import-curves" else pick(rng, names))
    if path.suffix == ".toml":
        path.write_bytes(mutated_toml(path.read_text(), rng))
    elif rng.random() < 0.4:
        path.write_bytes(mutated_bytes(path.read_bytes(), rng))
    else:
        pq.write_table(mutated_table(pq.read_table(path), rng), path)
    if command[0] == "import-curves":
        return check_import(rng, case)
    if command[0] == "plot":
        code, _ = answered("plot", case, "--output", case / "plot.svg", "--kind", "curves")
        return code
    if command[0] == "sweep":
        toml, none = case / "experiment.toml", folder / "none"
        return answered("sweep", toml, "--results", none, "--dry-run")[0]
    code, output = answered(command[0], case, *command[1:])
    if code == 0 and "json" in command:
        check_report(json.loads(output), case)
    return code


def check_import(rng, case):
    """Take the curves over, as they are or as CSV, and report them."""
    path = case / "curves.parquet"
    if rng.random() < 0.5:
        pq.write_table(pq.read_table(case.parent / "tiny" / path.name), path)
        frame = pq.read_table(path).to_pandas()
        path = case / "curves.csv"
        path.write_bytes(mutated_csv(frame.to_csv(index=False), rng))
    code, _ = answered("import-curves", path, "--results", case / "theirs")
    if code == 0:
        answered("report", case / "theirs", "--target", 0.9, "--format", "json")
    return code


def check_report(report, case):
    """Hold the rows of a report against the curves, read in plain Python."""
    if any("left out" in note for note in report["notes"]):
        return
    names = ("dataset", "model", "batch_size", "strategy")
    columns = [*names, "seed", "n_labels", report["metric"]]
    table = pq.ParquetFile(case / "curves.parquet").read(columns=columns).to_pylist()
    cells = {}
    for row in table:
        cell = cells.setdefault(tuple(row[name] for name in names), {})
        cell.setdefault(str(row["seed"]), []).append(
            (float(row["n_labels"]), float(row[report["metric"]]))
        )
    if len({frozenset(cell) for cell in cells.values()}) > 1:
        return  # the rows are of the seeds that are paired
    for row in report["rows"]:
        runs = cells[tuple(row[name] for name in names)]
        assert row["n_seeds"] == len(runs)
        if row["target"] is None:
            continue
        first = [
            min((n for n, score in run if score >= row["target"]), default=np.inf)
            for run in runs.values()
        ]
        assert row["reached"] == sum(n <= row["budget"] for n in first), row
        mean = np.mean(np.minimum(first, row["budget"]))
        np.testing.assert_allclose(row["mean_labels"], mean)


# Running them

CHECKS = {"experiment": check_experiment, "data": check_data, "results": check_results}


def check(kind, number, folder):
    """Check one case in a folder that was `prepared`; return the exit code, or fail."""
    rng = np.random.default_rng([list(CHECKS).index(kind), number])
    return CHECKS[kind](rng, folder)


def _check_many(kind, numbers, folder, answers):
    """Check cases in a process of their own, and put what became of each."""
    resource.setrlimit(resource.RLIMIT_AS, (3 * GIGABYTES * 2**30,) * 2)
    os.chdir(folder)
    for number in numbers:
        answers.put((number, "began"))
        try:
            what = check(kind, number, folder)
        except BaseException as error:
            import traceback

            what = "".join(traceback.format_exception(error))
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
        answers.put((number, f"took {peak:.1f} GB" if peak > GIGABYTES else what))
        if peak > GIGABYTES:
            return


def run(kind, first, n, folder):
    """Check cases; return those that failed with the reason, by number, and exit codes counted."""
    context = multiprocessing.get_context("fork")
    failed, codes = {}, {0: 0, 2: 0}
    numbers = list(range(first, first + n))
    while numbers:
        answers = context.Queue()
        child = context.Process(target=_check_many, args=(kind, numbers, folder, answers))
        child.start()
        current = numbers[0]
        while True:
            try:
                number, what = answers.get(timeout=2 * SECONDS if child.is_alive() else 1)
            except Exception:
                break
            if what == "began":
                current = number
                continue
            numbers.remove(number)
            if what in codes:
                codes[what] += 1
            else:
                failed[number] = what
                print(f"  {kind} {number}: {what.strip().splitlines()[-1][:400]}", flush=True)
            if not numbers:
                break
        if numbers and current in numbers:
            failed[current] = f"took too long, or killed its process ({child.exitcode})"
            print(f"  {kind} {current}: {failed[current]}", flush=True)
            numbers.remove(current)
        child.kill()
        child.join()
    return failed, codes


def main():
    """Check all cases, or the first of each kind."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--first", type=int, metavar="N", help="so many of each kind")
    parser.add_argument("--kind", choices=CHECKS, action="append")
    parser.add_argument("--case", type=int, help="this one alone, with its traceback")
    options = parser.parse_args()
    n_failed = 0
    with tempfile.TemporaryDirectory() as folder:
        folder = prepared(Path(folder).resolve() / "fuzz")
        for kind in options.kind or CHECKS:
            first, n = 0, options.first or CASES[kind]
            if options.case is not None:
                first, n = options.case, 1
            failed, codes = run(kind, first, n, folder)
            n_failed += len(failed)
            counts = f"{codes[0]} right, {codes[2]} refused, {len(failed)} failed"
            print(f"{kind}: {n} cases, {counts}", flush=True)
            for what in failed.values() if options.case is not None else ():
                print(what)
    sys.exit(bool(n_failed))


if __name__ == "__main__":
    main()
