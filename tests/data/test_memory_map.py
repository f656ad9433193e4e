"""Large features lie in one file that all processes map, and that never outlives them."""

import errno
import gc
import os
from contextlib import suppress
from multiprocessing import Pipe

import numpy as np
import pytest
from scipy import sparse

from alrun.data import mapped_arrays as module
from alrun.data.dataset import Dataset
from alrun.data.memory_map import mapped, receive, send


def large(order="C", dtype=np.float64):
    """Return few rows: what is sent in one thread must fit the pipe."""
    X = np.asarray(np.arange(2**23).reshape(8, -1), dtype=dtype, order=order)
    return Dataset(X, np.zeros(len(X), dtype=np.int64), (0, 1), "made up")


def is_open(folder):
    """Return whether this process has a file in a folder open, be it with a name or without."""
    links = []
    for descriptor in os.listdir("/proc/self/fd"):
        with suppress(OSError):  # the listing's own is gone
            links.append(os.readlink(f"/proc/self/fd/{descriptor}"))
    return any(link.startswith(f"{folder}/") for link in links)


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_features_are_the_same_in_a_file_that_nobody_sees(order, dtype, tmp_path, monkeypatch):
    monkeypatch.setattr(module.tempfile, "tempdir", str(tmp_path))
    dataset = large(order, dtype)
    found = mapped(dataset)
    assert isinstance(found.X, np.memmap)
    np.testing.assert_array_equal(found.X, dataset.X)
    assert os.fstat(found.X.file.fileno()).st_size == dataset.X.nbytes
    assert list(tmp_path.iterdir()) == []
    part = found.X[::2]
    del found
    gc.collect()
    np.testing.assert_array_equal(part, dataset.X[::2])
    assert is_open(tmp_path)
    del part
    gc.collect()
    assert not is_open(tmp_path)


def test_the_other_end_maps_the_same_file():
    dataset = mapped(large())
    ours, theirs = Pipe()
    send(dataset, ours, os.getpid())
    found = receive(theirs)
    assert isinstance(found.X, np.memmap)
    assert os.path.sameopenfile(found.X.file.fileno(), dataset.X.file.fileno())
    np.testing.assert_array_equal(found.X, dataset.X)
    np.testing.assert_array_equal(found.y, dataset.y)
    # What it was sent can be sent on.
    send(found, theirs, os.getpid())
    np.testing.assert_array_equal(receive(ours).X, dataset.X)


def test_what_is_small_or_sparse_stays_where_it_is_and_is_sent_as_it_is():
    small = Dataset(np.ones((5, 2)), np.zeros(5), (0, 1), "made up")
    rows = Dataset(sparse.csr_matrix(np.ones((2**16, 64))), np.zeros(2**16), (0, 1), "made up")
    assert mapped(small) is small
    assert mapped(rows) is rows
    ours, theirs = Pipe()
    send(small, ours, os.getpid())
    np.testing.assert_array_equal(receive(theirs).X, small.X)


def test_without_room_for_the_file_features_stay_where_they_are(tmp_path, monkeypatch):
    def full(*arguments, **options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module.tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(module.np, "memmap", full)
    dataset = large()
    assert mapped(dataset) is dataset
    assert not is_open(tmp_path)


def test_features_stay_where_they_are_without_a_directory_for_temporary_files(monkeypatch):
    def unusable(**_):
        raise FileNotFoundError(errno.ENOENT, "No usable temporary directory found in ['/tmp']")

    monkeypatch.setattr(module.tempfile, "TemporaryFile", unusable)
    dataset = large()
    assert mapped(dataset) is dataset
