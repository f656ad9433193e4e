"""Columns: chosen, left out, warned of as identifiers, read as dates; a fixed test file."""

import datetime

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alrun.data.column_keys import ColumnKeys
from alrun.data.load import load
from alrun.data.readers.column_meaning import (
    date_columns,
    dates_as_days,
    find_identifiers,
)
from alrun.data.splits import draw_split
from alrun.errors import DatasetError
from alrun.spec_parts import InitialSpec


def table(n=40):
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "id": np.arange(1000, 1000 + n),
            "size": rng.normal(size=n).round(2),
            "weight": rng.normal(size=n).round(2),
            "colour": rng.choice(["red", "blue"], n),
            "target": np.arange(n) % 2,
        }
    )


def saved(path, frame):
    frame.to_csv(path, index=False) if path.suffix == ".csv" else frame.to_parquet(path)
    return path.name


def loaded(tmp_path, frame=None, suffix=".csv", **keys):
    name = saved(tmp_path / f"m{suffix}", table() if frame is None else frame)
    return load(name, {}, folder=tmp_path, columns=ColumnKeys(**keys))


# Columns by name


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_columns_and_drop_choose_the_features(tmp_path, suffix):
    expected = table()[["size", "weight"]].to_numpy()
    one = loaded(tmp_path, None, suffix, columns=("weight", "size"))
    np.testing.assert_array_equal(one.X, expected)
    other = loaded(tmp_path, None, suffix, drop=("colour", "id"))
    assert one.fingerprint == other.fingerprint != loaded(tmp_path, None, suffix).fingerprint


def test_an_embedding_beside_id_and_text_is_read_alone(tmp_path):
    frame = table().drop(columns=["size", "weight", "colour"])
    vectors = np.random.default_rng(0).normal(size=(40, 8)).astype(np.float32)
    frame = frame.assign(vector=list(vectors), text=[f"text {row}" for row in range(40)])
    dataset = loaded(tmp_path, frame, ".parquet", drop=("id", "text"))
    np.testing.assert_array_equal(dataset.X, vectors)
    assert dataset.X.dtype == np.float32
    assert dataset.notes == ()


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"columns": ("siz",)}, "columns: there is no column 'siz'; did you mean 'size'?"),
        ({"drop": ("ID",)}, "drop: there is no column 'ID'; did you mean 'id'?"),
        ({"drop": ("target",)}, "drop: 'target' is the column of the labels"),
        ({"columns": ("id",), "drop": ("id",)}, "no columns of features"),
    ],
)
@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_names_that_cannot_be_chosen_are_refused(tmp_path, suffix, keys, said):
    with pytest.raises(DatasetError) as caught:
        loaded(tmp_path, None, suffix, **keys)
    assert said in str(caught.value)


# Identifiers


@given(st.integers(20, 200), st.integers(-1000, 10**12), st.data())
def test_numbers_that_count_up_are_warned_of_in_any_order(n, first, data):
    order = data.draw(st.permutations(range(n)))
    frame = pd.DataFrame({"serial": [first + row for row in order], "x": [0.5] * n})
    assert find_identifiers(frame, ()) == ["serial"]


def test_what_is_warned_of_is_nearly_distinct_and_no_measurement():
    rng = np.random.default_rng(0)
    n = 200
    texts = [f"name {row}" for row in range(n)]
    frame = pd.DataFrame(
        {
            "customerId": rng.permutation(10**6)[:n],
            "Sample code number": np.concatenate([rng.permutation(10**6)[: n - 10], [7] * 10]),
            "name": texts,
            "kind": pd.Categorical(texts),
            "price": rng.normal(size=n),
            "population": rng.permutation(10**6)[:n],
            "identity": rng.permutation(10**6)[:n],
            "number": np.arange(n) % 50,
            "city": rng.choice(["a", "b"], n),
        }
    )
    found = ["customerId", "Sample code number", "name", "kind"]
    assert find_identifiers(frame, ()) == found
    assert find_identifiers(frame, ("city",)) == found
    assert find_identifiers(frame[:19], ()) == []


def test_the_warning_has_the_key_to_add_with_what_it_names_already(tmp_path):
    (_, note) = loaded(tmp_path).notes
    assert note.startswith("warning: a column has a different value in nearly every row")
    assert note.endswith('drop = ["id"]')
    (note,) = loaded(tmp_path, drop=("colour",)).notes
    assert note.endswith('drop = ["colour", "id"]')


def test_an_identifier_is_named_with_the_missing_values(tmp_path):
    frame = table()
    frame.loc[3, "size"] = None
    with pytest.raises(DatasetError) as caught:
        loaded(tmp_path, frame)
    assert "missing in 'size' (1, from row 3)" in str(caught.value)
    assert 'drop = ["id"]' in str(caught.value)


def test_more_texts_than_categories_name_the_key_to_add(tmp_path):
    frame = pd.DataFrame({"name": [f"n{row}" for row in range(1200)], "x": 1.0})
    frame = frame.assign(target=np.arange(1200) % 2)
    with pytest.raises(DatasetError, match=r'leave it out with drop = \["name"\]'):
        loaded(tmp_path, frame)


# Dates

moments = st.datetimes(datetime.datetime(1900, 1, 1), datetime.datetime(2100, 1, 1)).map(
    lambda moment: moment.replace(microsecond=0)
)


@given(st.lists(moments, min_size=2, max_size=30), st.booleans())
def test_dates_are_days_since_the_first_however_they_are_stored(dates, has_time):
    if not has_time:
        dates = [moment.replace(hour=0, minute=0, second=0) for moment in dates]
    seconds = np.array([(moment - min(dates)).total_seconds() for moment in dates])
    text = "%Y-%m-%d %H:%M:%S" if has_time else "%Y-%m-%d"
    columns = [
        pd.Series([moment.strftime(text) for moment in dates]),
        pd.Series(pd.to_datetime(pd.Series(dates))),
    ]
    if has_time:
        columns.append(pd.Series([moment.isoformat() + "+02:00" for moment in dates]))
    else:
        columns.append(pd.Series([moment.date() for moment in dates], dtype=object))
    for column in columns:
        frame = pd.DataFrame({"day": column})
        assert date_columns(frame) == ["day"]
        days, (note,) = dates_as_days(frame, ["day"])
        np.testing.assert_allclose(days["day"], seconds / 86400, atol=1e-9)
        assert note == "dates as days since the first one: day"


@pytest.mark.parametrize(
    "texts",
    [["2020-01-01", "soon"], ["12-31-2020"] * 2, ["1.5", "2.5"], ["2020-01", "2020-02"], [None]],
)
def test_other_texts_are_no_dates(texts):
    assert date_columns(pd.DataFrame({"a": pd.Series(texts, dtype=object)})) == []


def test_a_date_is_the_same_feature_in_csv_and_parquet(tmp_path):
    days = pd.to_datetime("2020-01-01") + pd.to_timedelta(np.arange(40) % 13, unit="D")
    frame = table().drop(columns=["id"]).assign(seen=days)
    csv = loaded(tmp_path, frame.assign(seen=frame["seen"].dt.strftime("%Y-%m-%d")))
    parquet = loaded(tmp_path, frame, ".parquet")
    np.testing.assert_array_equal(csv.X, parquet.X)
    assert csv.notes == parquet.notes
    assert csv.notes[0] == "dates as days since the first one: seen"
    assert "warning" not in " ".join(csv.notes)
    each = frame.assign(seen=pd.to_datetime("2020-01-01") + pd.to_timedelta(range(40), unit="D"))
    assert 'drop = ["seen"]' in " ".join(loaded(tmp_path, each, ".parquet").notes)


def test_a_missing_date_is_a_missing_value(tmp_path):
    frame = table().assign(seen=["2020-01-01", None, "2020-02-30", "2020-01-03"] * 10)
    with pytest.raises(DatasetError, match=r"'seen' \(20, from row 1\)"):
        loaded(tmp_path, frame)


# A file of the test part


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_the_rows_of_a_test_file_come_last_and_are_the_test_part(tmp_path, suffix):
    frame = table()
    saved(tmp_path / f"test{suffix}", frame[30:].assign(colour="green")[frame.columns[::-1]])
    dataset = loaded(tmp_path, frame[:30], suffix, test=f"test{suffix}", drop=("id",))
    assert dataset.X.shape == (40, 5)
    np.testing.assert_array_equal(dataset.X[:, 0], frame["size"])
    for seed in (0, 1):
        split = draw_split(dataset, 10, InitialSpec("per_class", 2), seed)
        np.testing.assert_array_equal(split.test, np.arange(30, 40))
        np.testing.assert_array_equal(split.training, np.arange(30))
        split = draw_split(dataset, 10, InitialSpec("per_class", 2), seed, subsample=12)
        np.testing.assert_array_equal(split.test, np.arange(30, 40))
        assert len(split.training) == 12
    alone = load(f"m{suffix}", {}, folder=tmp_path, columns=ColumnKeys(drop=("id",)))
    assert alone.fingerprint != dataset.fingerprint


def test_texts_have_a_test_file_too(tmp_path):
    frame = pd.DataFrame({"words": ["a b", "b c", "c d", "d a"], "target": [0, 1, 0, 1]})
    saved(tmp_path / "m.csv", frame[:3])
    saved(tmp_path / "test.csv", frame[3:].assign(words="only here"))
    keys = ColumnKeys(test="test.csv")
    dataset = load("m.csv", {"token_pattern": "\\w+"}, text="words", folder=tmp_path, columns=keys)
    assert dataset.X.shape == (4, 6)
    np.testing.assert_array_equal(dataset.test, [3])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda test: test.drop(columns="size"), "test.csv has no column 'size'"),
        (lambda test: test.assign(more=1), "m.csv has no column 'more'"),
        (lambda test: test.assign(size="large"), "column 'size' holds numbers in one of"),
        (lambda test: test[:0], "has no rows"),
    ],
)
def test_a_test_file_of_other_columns_is_refused(tmp_path, change, said):
    saved(tmp_path / "test.csv", change(table()))
    with pytest.raises(DatasetError) as caught:
        loaded(tmp_path, test="test.csv")
    assert str(caught.value).startswith("test: ")
    assert said in str(caught.value)


def test_a_test_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(DatasetError, match=r"test: there is no file '.*none\.csv'"):
        loaded(tmp_path, test="none.csv")
