"""What annotators see of the rows of a data file."""

import numpy as np
import pandas as pd
import pytest
from labelling_projects import PROJECT

from alrun.errors import DatasetError
from alrun.labelling import rows
from alrun.labelling.project import read_project


@pytest.fixture
def frame():
    return pd.DataFrame(
        {
            "key": [f"k{n}" for n in range(7)],
            "n": pd.array([1, None, 3, 4, 5, 6, 7], dtype="Int64"),
            "town": pd.Categorical(["Rom", "Köln", None, "Bonn", "Rom", "Köln", "Ulm"]),
            "pair": [[float(n), 0.5] for n in range(7)],
        }
    )


def rows_of(folder, frame):
    """Return the rows of a table in Parquet, read in parts of two rows and one column."""
    frame.to_parquet(folder / "mine.parquet")
    path = folder / "mine.toml"
    text = PROJECT.format(
        strategy="random", seed=0, more='classes = ["a", "b"]', initial="size = 2"
    )
    path.write_text(text.replace("mine.csv", "mine.parquet"))
    return rows.read_rows(path, read_project(path))


@pytest.fixture(autouse=True)
def _in_small_parts(monkeypatch):
    monkeypatch.setattr(rows, "_BATCH", 2)
    monkeypatch.setattr(rows, "_NUMBERS", 7)


def test_rows_of_a_parquet_file_are_shown_in_the_order_asked_for(tmp_path, frame):
    found = rows_of(tmp_path, frame)
    assert found.ids.tolist() == frame["key"].tolist()
    shown = found.shown(np.array([6, 1, 3])).to_dict("list")
    assert shown["n"] == [7, None, 4]  # a whole number stays one beside a missing one
    assert shown["town"] == ["Ulm", "Köln", "Bonn"]
    assert [list(pair) for pair in shown["pair"]] == [[6, 0.5], [1, 0.5], [3, 0.5]]
    order = np.arange(7)[::-1]
    again = found.in_order(order)
    assert again.ids[[0, 5, 3]].tolist() == ["k6", "k1", "k3"]
    assert again.shown(np.array([0, 5, 3]))["town"].tolist() == shown["town"]


def test_the_hashes_do_not_depend_on_the_parts(tmp_path, frame, monkeypatch):
    in_parts = rows_of(tmp_path, frame).hashes
    monkeypatch.undo()
    assert rows_of(tmp_path, frame).hashes.tolist() == in_parts.tolist()
    assert len({*in_parts.tolist()}) == 7


def test_a_file_that_was_changed_since_is_not_shown(tmp_path, frame):
    found = rows_of(tmp_path, frame)
    frame.iloc[:5].to_parquet(tmp_path / "mine.parquet")
    with pytest.raises(DatasetError, match="changed while it was read"):
        found.shown(np.array([0]))
