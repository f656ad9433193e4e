"""Files that claim more than the memory at hand: refused before they are expanded."""

import gzip
import tracemalloc

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from alrun.data.column_keys import ColumnKeys
from alrun.data.load import load
from alrun.data.readers.memory_limit import as_size, check_fits
from alrun.errors import DatasetError

LIMIT = 2_000_000
N = 10_000


def archive(folder):
    np.savez_compressed(folder / "m.npz", X=np.zeros((N, 50)), y=np.arange(N) % 2)
    return "m.npz"


def narrow_archive(folder):
    """Small in the file, but the features become float64."""
    np.savez_compressed(folder / "m.npz", X=np.zeros((N, 50), np.int8), y=np.arange(N) % 2)
    return "m.npz"


def long_labels(folder):
    labels = np.array(["no", "y" * 500] * (N // 2))
    np.savez_compressed(folder / "m.npz", X=np.zeros((N, 1)), y=labels)
    return "m.npz"


def images(folder):
    header = b"\0\0\x08\3" + np.array([N, 10, 10], ">u4").tobytes()
    (folder / "train-images.gz").write_bytes(gzip.compress(header + bytes(N * 100)))
    header = b"\0\0\x08\1" + np.array([N], ">u4").tobytes()
    (folder / "train-labels.gz").write_bytes(gzip.compress(header + bytes(N)))
    return "idx:."


def written(folder, **columns):
    pq.write_table(pa.table({"target": np.arange(N) % 2, **columns}), folder / "m.parquet")
    return "m.parquet"


def nulls(folder):
    return written(folder, **{name: pa.nulls(N, pa.int64()) for name in "abcdefghij"})


def constants(folder):
    return written(folder, **{f"f{place}": np.zeros(N, np.float32) for place in range(60)})


def lists(folder):
    return written(folder, e=pa.array([np.zeros(60, np.float32)] * N))


def lists_beside_texts(folder):
    return written(folder, e=pa.array([np.zeros(60, np.float32)] * N), t=["x", "y"] * (N // 2))


BOMBS = [archive, narrow_archive, long_labels, images, nulls, constants, lists, lists_beside_texts]


@pytest.mark.parametrize("write", BOMBS)
def test_what_claims_more_than_the_memory_is_refused_before_it_is_expanded(
    tmp_path, monkeypatch, write
):
    name = write(tmp_path)
    path = next(tmp_path.glob("*images*"), tmp_path / name)
    assert path.stat().st_size < LIMIT / 10
    monkeypatch.setattr("alrun.data.readers.memory_limit.available_bytes", lambda: LIMIT)
    tracemalloc.start()
    with pytest.raises(DatasetError, match=r"would take [\d.]+ MB of memory, and 2\.0 MB are free"):
        load(name, {}, folder=tmp_path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < LIMIT


@pytest.mark.parametrize("write", [archive, images, constants, lists])
def test_what_fits_is_read(tmp_path, monkeypatch, write):
    monkeypatch.setattr("alrun.data.readers.memory_limit.available_bytes", lambda: 10 * LIMIT)
    name = write(tmp_path)
    if name == "idx:.":
        labels = b"\0\0\x08\1" + np.array([N], ">u4").tobytes() + bytes([0, 1] * (N // 2))
        (tmp_path / "train-labels.gz").write_bytes(gzip.compress(labels))
    assert load(name, {}, folder=tmp_path).n_examples == N


def test_columns_that_are_left_out_do_not_count(tmp_path, monkeypatch):
    monkeypatch.setattr("alrun.data.readers.memory_limit.available_bytes", lambda: LIMIT)
    single = np.zeros(N, np.float32)
    name = written(tmp_path, a=single, e=pa.array([np.zeros(60, np.float32)] * N))
    with pytest.raises(DatasetError, match="would take"):
        load(name, {}, folder=tmp_path)
    assert load(name, {}, folder=tmp_path, columns=ColumnKeys(drop=("e",))).X.shape == (N, 1)


def test_an_idx_file_that_is_longer_than_its_header_says_is_not_unpacked_to_its_end(tmp_path):
    images(tmp_path)
    header = b"\0\0\x08\3" + np.array([10, 2, 2], ">u4").tobytes()
    (tmp_path / "train-images.gz").write_bytes(gzip.compress(header + bytes(10**8)))
    tracemalloc.start()
    with pytest.raises(DatasetError, match="more than the 40"):
        load("idx:.", {}, folder=tmp_path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < LIMIT


def test_a_claim_of_a_billion_nulls_is_more_than_this_machine_has(monkeypatch):
    monkeypatch.setattr("alrun.data.readers.memory_limit.available_bytes", lambda: 22 * 10**9)
    with pytest.raises(DatasetError, match=r"24\.0 GB"):
        check_fits("m.parquet", 24 * 10**9)
    check_fits("m.parquet", 22 * 10**9)


@pytest.mark.parametrize(
    ("n_bytes", "text"), [(999, "1.0 kB"), (2_500_000, "2.5 MB"), (6 * 10**10, "60.0 GB")]
)
def test_sizes_are_written_in_their_unit(n_bytes, text):
    assert as_size(n_bytes) == text
