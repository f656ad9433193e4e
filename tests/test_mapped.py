"""Large features lie in one file that all processes map, and that never outlives them."""

import gc
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from scipy import sparse

from alrun.datasets import Dataset
from alrun.execute import mapped as module
from alrun.execute.mapped import mapped

KILLED = """
import sys, time
import numpy as np
from alrun.datasets import Dataset
from alrun.execute.mapped import mapped

dataset = mapped(Dataset(np.ones((2**16, 64)), np.zeros(2**16), (0, 1), "made up"))
print(dataset.X.filename, flush=True)
time.sleep(60)
"""


def large(order="C", dtype=np.float64):
    X = np.asarray(np.arange(2**23).reshape(-1, 64), dtype=dtype, order=order)
    return Dataset(X, np.zeros(len(X), dtype=np.int64), (0, 1), "made up")


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_features_are_the_same_and_the_file_goes_with_them(order, dtype):
    dataset = large(order, dtype)
    found = mapped(dataset)
    assert isinstance(found.X, np.memmap)
    np.testing.assert_array_equal(found.X, dataset.X)
    path = Path(found.X.filename)
    assert path.stat().st_size == dataset.X.nbytes
    part = found.X[::2]
    del found
    gc.collect()
    assert path.parent.exists()  # a part of it is still in use
    np.testing.assert_array_equal(part, dataset.X[::2])
    del part
    gc.collect()
    assert not path.parent.exists()


def test_what_is_small_or_sparse_stays_where_it_is():
    small = Dataset(np.ones((5, 2)), np.zeros(5), (0, 1), "made up")
    rows = Dataset(sparse.csr_matrix(np.ones((2**16, 64))), np.zeros(2**16), (0, 1), "made up")
    assert mapped(small) is small
    assert mapped(rows) is rows


def test_without_room_for_the_file_features_stay_where_they_are(monkeypatch, tmp_path):
    monkeypatch.setattr(module.tempfile, "tempdir", str(tmp_path))

    def full(*arguments, **options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module.np, "memmap", full)
    dataset = large()
    assert mapped(dataset) is dataset
    assert list(tmp_path.iterdir()) == []


def test_the_file_goes_when_the_process_is_killed(tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    )
    path = Path(process.stdout.readline().strip())
    assert path.is_file()
    assert path.is_relative_to(tmp_path)
    process.send_signal(signal.SIGKILL)
    process.wait()
    for _ in range(100):
        if not path.parent.exists():
            return
        time.sleep(0.05)
    pytest.fail(f"{path.parent} is left")
