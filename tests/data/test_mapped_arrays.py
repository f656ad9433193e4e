"""Features in mapped files: they are read as others are, and never copied as a whole."""

import os
import tracemalloc

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from alrun.data import features, mapped_arrays
from alrun.data.column_keys import ColumnKeys
from alrun.data.load import load
from alrun.data.mapped_arrays import is_in_file
from alrun.data.memory_map import in_memory, mapped
from alrun.data.readers import memory_limit, numeric_parquet
from alrun.errors import DatasetError
from alrun.execute.worker import Task, compute
from alrun.run.loop import run_active_learning
from alrun.spec import RunSpec
from alrun.spec_parts import DatasetSpec, InitialSpec, ModelSpec, StrategySpec

N, WIDTH = 5_000, 512
# A whole copy takes 10 MB.
MOST = 5_000_000


def examples(dtype=np.float32):
    rng = np.random.default_rng(0)
    y = np.arange(N) % 3
    return (rng.normal(size=(N, WIDTH)) + y[:, None] / 8).astype(dtype), y


def saved(folder, X, y):
    np.save(folder / "X.npy", X)
    np.save(folder / "y.npy", y)
    return {"name": "X.npy", "target": "y.npy"}


def as_npy(folder):
    return saved(folder, *examples())


def as_parquet(folder):
    X, y = examples()
    columns = {f"f{place}": column for place, column in enumerate(X.T)}
    pq.write_table(pa.table(columns | {"target": y}), folder / "m.parquet", row_group_size=1_000)
    return {"name": "m.parquet"}


def loaded(folder, name, **more):
    return load(name, {}, folder=folder, **more)


def margin_run(dataset):
    part = DatasetSpec("mine", "mine", dataset.fingerprint, dataset.scale, 500)
    model = ModelSpec("logistic", "logistic", {"C": 1.0, "class_weight": None}, 1)
    strategy = StrategySpec("margin", "margin", {}, 1)
    return RunSpec(part, InitialSpec("per_class", 2), model, strategy, 10, 26, 0)


def queries(result):
    return [(round_.n_labels, round_.batch.tolist()) for round_ in result.rounds]


@pytest.fixture
def small_blocks(monkeypatch):
    """Let every limit be as far below these data as it is below huge ones."""
    monkeypatch.setattr(features, "LARGEST_CHUNK", 50_000)
    monkeypatch.setattr(features, "_WIDENED", 50_000)
    monkeypatch.setattr(memory_limit, "_LARGE", 1_000_000)
    monkeypatch.setattr("alrun.data.memory_map._LARGE", 1_000_000)
    monkeypatch.setattr(mapped_arrays, "HUGE", 1_000_000)
    monkeypatch.setattr(numeric_parquet, "_BATCH", 50_000)
    monkeypatch.setattr(numeric_parquet, "_SLAB", 2_000 * WIDTH)


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize(
    ("write", "scale"),
    [(as_npy, "none"), (as_npy, "standard"), (as_npy, 2.0), (as_parquet, 2.0)],
)
def test_no_whole_copy_is_in_memory_and_the_run_is_the_same(tmp_path, monkeypatch, write, scale):
    source = write(tmp_path)
    tracemalloc.start()
    dataset = mapped(loaded(tmp_path, **source, scale=scale))
    result = run_active_learning(margin_run(dataset), dataset)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert is_in_file(dataset.X)
    assert peak < MOST
    whole = in_memory(dataset)
    X = examples()[0]
    np.testing.assert_array_equal(whole.X, X / 2 if scale == 2.0 else X)
    assert not is_in_file(whole.X)
    monkeypatch.undo()
    assert queries(result) == queries(run_active_learning(margin_run(whole), whole))


@pytest.mark.parametrize(("kind", "order"), [(">f4", "C"), ("f8", "C"), ("f4", "F"), ("i2", "C")])
def test_an_array_of_any_type_is_read_as_from_an_archive(tmp_path, kind, order):
    X, y = examples()
    X = np.asarray(X, kind, order)
    source = saved(tmp_path, X, np.array(["a", "b", "c"])[y])
    np.savez(tmp_path / "m.npz", X=X, y=np.array(["a", "b", "c"])[y])
    found, archive = loaded(tmp_path, **source), loaded(tmp_path, "m.npz")
    assert found.X.dtype == archive.X.dtype
    assert found.classes == ("a", "b", "c")
    np.testing.assert_array_equal(found.X, archive.X)
    np.testing.assert_array_equal(found.y, archive.y)


def test_a_missing_value_is_filled_in_and_not_in_the_file(tmp_path):
    X, y = examples()
    X[3, 5] = X[4_000, 5] = np.nan
    source = saved(tmp_path, X, y)
    before = (tmp_path / "X.npy").read_bytes()
    with pytest.raises(DatasetError, match=r"values are missing in '5' \(2, from row 3\)"):
        loaded(tmp_path, **source)
    for rule in ("median", "drop"):
        np.savez(tmp_path / "m.npz", X=X, y=y)
        keys = ColumnKeys(missing=rule, indicator=True)
        found = loaded(tmp_path, **source, columns=keys)
        np.testing.assert_array_equal(found.X, loaded(tmp_path, "m.npz", columns=keys).X)
    assert (tmp_path / "X.npy").read_bytes() == before


def test_the_fingerprint_is_that_of_both_files(tmp_path):
    X, y = examples()
    found = {loaded(tmp_path, **saved(tmp_path, X, y)).fingerprint for _ in range(2)}
    found.add(loaded(tmp_path, **saved(tmp_path, X, np.flip(y))).fingerprint)
    X[-1, -1] += 1
    found.add(loaded(tmp_path, **saved(tmp_path, X, y)).fingerprint)
    assert len(found) == 3


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("target", "its labels are in another .npy file beside it, and 'target' is none"),
        ("none.npy", "'none.npy' is none"),
        ("short.npy", "short.npy: y must hold one label for each of the 5000 rows"),
        ("objects.npy", "objects.npy cannot be read"),
        ("cut.npy", "cut.npy cannot be read"),
    ],
)
def test_labels_that_are_none_are_refused(tmp_path, target, message):
    X, y = examples()
    saved(tmp_path, X, y)
    np.save(tmp_path / "short.npy", y[1:])
    np.save(tmp_path / "objects.npy", y.astype(object), allow_pickle=True)
    (tmp_path / "cut.npy").write_bytes((tmp_path / "y.npy").read_bytes()[:-1])
    with pytest.raises(DatasetError) as caught:
        loaded(tmp_path, "X.npy", target=target)
    assert message in str(caught.value)


@pytest.mark.parametrize("n_left", [20, 300, 9_000_000])
def test_a_file_that_ends_too_early_is_refused(tmp_path, n_left):
    source = saved(tmp_path, *examples())
    os.truncate(tmp_path / "X.npy", n_left)
    with pytest.raises(DatasetError, match=r"X\.npy cannot be read"):
        loaded(tmp_path, **source)


def test_a_run_on_a_file_that_has_changed_since_it_was_read_fails(tmp_path):
    dataset = mapped(loaded(tmp_path, **as_npy(tmp_path)))
    task = Task(margin_run(dataset), dataset, {})
    assert compute(task).failure is None
    with (tmp_path / "X.npy").open("r+b") as file:
        file.seek(-4, os.SEEK_END)
        file.write(bytes(4))
    outcome = compute(task)
    assert outcome.content is None
    assert "changed after it was read" in outcome.failure.error


def test_a_huge_parquet_file_of_double_precision_is_read_as_a_small_one(tmp_path, monkeypatch):
    X, y = examples(np.float64)
    columns = {f"f{place}": column for place, column in enumerate(X[:, :40].T)}
    pq.write_table(pa.table(columns | {"target": y}), tmp_path / "m.parquet", row_group_size=700)
    found = loaded(tmp_path, "m.parquet")
    monkeypatch.setattr(numeric_parquet, "HUGE", 1)
    monkeypatch.setattr(numeric_parquet, "_SLAB", 40 * 1_500)
    monkeypatch.setattr(numeric_parquet, "_BATCH", 7_000)
    monkeypatch.setattr(memory_limit, "_LARGE", 1)
    huge = loaded(tmp_path, "m.parquet")
    assert is_in_file(huge.X)
    assert huge.fingerprint == found.fingerprint
    np.testing.assert_array_equal(huge.X, found.X)


def test_where_the_disk_has_no_room_features_must_fit_in_memory(tmp_path, monkeypatch):
    source = as_parquet(tmp_path)
    monkeypatch.setattr(memory_limit, "empty_in_file", lambda shape, dtype: None)
    monkeypatch.setattr(memory_limit, "_LARGE", 1)
    assert not is_in_file(loaded(tmp_path, **source).X)
    monkeypatch.setattr(memory_limit, "available_bytes", lambda: 10**7)
    with pytest.raises(DatasetError, match=r"would take 10\.2 MB of memory"):
        loaded(tmp_path, **source)
