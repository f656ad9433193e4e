"""A look at data: the keys with which files as people have them are read."""

import pickle
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from alrun.data.inspection import inspect
from alrun.errors import DatasetError

HERE = Path(__file__).parent
FIELD = HERE.parent / "sweep" / "field"


def table(n=60, seed=0):
    """Return a table of two columns of numbers that tell two classes apart."""
    rng = np.random.default_rng(seed)
    y = rng.permutation(np.arange(n) % 2)
    return pd.DataFrame(
        {
            "a": np.round(rng.normal(size=n) + 2 * y, 3),
            "b": np.round(rng.normal(size=n), 3),
            "target": np.where(y, "yes", "no"),
        }
    )


def keys_of(frame, folder, target=None, **how):
    frame.to_csv(folder / "mine.csv", index=False, **how)
    return dict(inspect("mine.csv", folder, target).keys)


def test_a_plain_table_needs_its_target_alone(tmp_path):
    assert keys_of(table(), tmp_path) == {"target": "target"}


@pytest.mark.parametrize(
    ("how", "read"),
    [
        ({"sep": ";", "decimal": ","}, {"sep": ";", "decimal": ","}),
        ({"decimal": ","}, {"decimal": ","}),
        ({"encoding": "utf-16"}, {"encoding": "utf-16"}),
        ({"sep": "\t"}, {"sep": "\t"}),
    ],
)
def test_the_keys_of_read_are_found(tmp_path, how, read):
    assert keys_of(table(), tmp_path, **how) == {"target": "target", "read": read}


def test_a_file_without_header_is_named_by_numbers(tmp_path):
    found = keys_of(table(), tmp_path, "2", header=False)
    assert found == {"target": "2", "read": {"header": False}}
    assert keys_of(table(), tmp_path, header=False) == found


def test_marks_of_missing_values_units_and_thousands_are_found_before_identifiers(tmp_path):
    frame = (
        table().astype({"a": object}).assign(c=[f"{n * 37 % 61},{100 + n}" for n in range(1, 61)])
    )
    frame.loc[[3, 5], "a"] = "?"
    frame["share"] = [f"{n}%" for n in range(60)]
    found = keys_of(frame, tmp_path)
    assert found["read"] == {"na_values": ["?"], "thousands": ","}
    assert (found["drop"], found["missing"]) == (["share"], "median")


def test_missing_values_and_identifiers_get_their_keys():
    found = inspect("missing_and_id.csv", FIELD)
    assert found.keys == {"target": "target", "drop": ["id", "seen"], "missing": "median"}
    assert "id, seen" in found.reasons["drop"]
    assert found.dataset.fills


def test_identifiers_stay_where_nothing_else_is_left(tmp_path):
    frame = pd.DataFrame({"id": range(60), "target": np.arange(60) % 2})
    assert keys_of(frame, tmp_path) == {"target": "target"}


def test_columns_that_cannot_be_features_are_dropped(tmp_path):
    frame = table(2200).assign(name=[f"n{n % 1100}" for n in range(2200)])
    assert keys_of(frame, tmp_path)["drop"] == ["name"]


def test_a_column_without_a_name_is_dropped(tmp_path):
    table().to_csv(tmp_path / "mine.csv")
    found = inspect("mine.csv", tmp_path)
    assert found.keys["drop"] == ["Unnamed: 0"]


def test_sentences_are_the_features_unless_one_is_missing(tmp_path):
    words = ["one", "two", "three", "four", "five", "six"]
    rng = np.random.default_rng(0)
    frame = table().assign(said=[" ".join(rng.choice(words, 6)) for _ in range(60)])
    assert keys_of(frame, tmp_path) == {"target": "target", "text": "said"}
    found = inspect("mine.csv", tmp_path)
    assert found.dataset.scale == "tfidf"
    assert "not used: a, b" in found.reasons["text"]
    frame.loc[7, "said"] = None
    assert keys_of(frame, tmp_path) == {"target": "target", "drop": ["said"]}


def test_numbers_as_labels_are_cut_into_classes():
    found = inspect("numeric_target.csv", FIELD, "price")
    assert found.keys == {"target": "price", "bins": 4}
    assert found.dataset.n_classes == 4


@pytest.mark.parametrize("name", ["target", "Label", "CLASS", "y"])
def test_the_target_is_found_by_its_name_wherever_it_stands(tmp_path, name):
    frame = table().rename(columns={"target": name})[[name, "a", "b"]]
    assert keys_of(frame, tmp_path) == {"target": name}


def test_the_last_column_is_the_target_if_it_can_hold_classes(tmp_path):
    frame = table().rename(columns={"target": "verdict"})
    assert keys_of(frame, tmp_path) == {"target": "verdict"}
    assert keys_of(frame.assign(code=np.arange(60) % 20), tmp_path)["target"] == "code"
    counted = frame.assign(count=np.arange(60) % 21)
    for last in ("b", "count"):
        columns = rf"Name it with --target; its columns are verdict, a, {last}"
        with pytest.raises(DatasetError, match=columns):
            keys_of(counted[["verdict", "a", last]], tmp_path)


def test_what_no_key_mends_is_an_error(tmp_path):
    frame = table()
    frame.loc[4, "target"] = None
    with pytest.raises(DatasetError, match=r"column 'target', row 4 .*: no label"):
        keys_of(frame, tmp_path)
    with pytest.raises(DatasetError, match=r"no column 'targt'.*did you mean 'target'"):
        keys_of(table(), tmp_path, "targt")
    with pytest.raises(DatasetError, match="there is no file"):
        inspect("gone.csv", tmp_path)


def test_sources_without_columns_take_no_target(tmp_path):
    assert inspect("iris", tmp_path).keys == {}
    with pytest.raises(DatasetError, match="iris is none"):
        inspect("iris", tmp_path, "species")


def test_the_keys_of_an_error_survive_a_pickle():
    error = pickle.loads(pickle.dumps(DatasetError("too bad", {"bins": 4})))
    assert (str(error), error.keys) == ("too bad", {"bins": 4})
    assert DatasetError("too bad").keys == {}


def test_the_target_of_an_array_is_the_file_of_its_labels(tmp_path):
    np.save(tmp_path / "X.npy", np.zeros((20, 2)))
    np.save(tmp_path / "labels.npy", np.arange(20) % 2)
    found = inspect("X.npy", tmp_path, "labels.npy")
    assert dict(found.keys) == {"target": "labels.npy"}
    assert found.dataset.n_examples == 20
