"""Missing values: the message without a rule, the rules, and what is fitted on which rows."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.impute import SimpleImputer

from alrun.data.column_keys import ColumnKeys
from alrun.data.dataset import Dataset
from alrun.data.load import load
from alrun.data.memory_map import mapped
from alrun.data.missing import Column, Fill, impute, impute_kept, settle
from alrun.data.splits import draw_split, split_of
from alrun.errors import DatasetError
from alrun.run.buyer import Buyer
from alrun.run.learner import Learner
from alrun.spec import RunSpec
from alrun.spec_parts import DatasetSpec, InitialSpec, ModelSpec, StrategySpec

NUMBERS = ("mean", "median", "most_frequent", "constant")


def people(n=60, seed=0):
    """Return a table with missing numbers and texts; the last column is the label."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "age": rng.integers(18, 90, n).astype(float),
            "income": rng.normal(size=n).round(3),
            "city": rng.choice(["Lima", "Oslo", "Rome"], n, p=[0.2, 0.5, 0.3]),
            "whole": np.arange(n) % 7,
        }
    )
    frame.loc[rng.choice(n, 9, replace=False), "age"] = np.nan
    frame.loc[rng.choice(n, 4, replace=False), "income"] = np.nan
    frame.loc[rng.choice(n, 6, replace=False), "city"] = None
    return frame.assign(target=np.where(np.arange(n) % 2, "yes", "no"))


def loaded(tmp_path, missing=None, frame=None, suffix=".csv", indicator=False, **settings):
    frame = people() if frame is None else frame
    path = tmp_path / f"people{suffix}"
    if suffix == ".csv":
        frame.to_csv(path, index=False)
    else:
        frame.to_parquet(path)
    keys = ColumnKeys(missing=missing, indicator=indicator, **settings)
    return load(path.name, {}, target="target", folder=tmp_path, columns=keys)


def refused(tmp_path, *arguments, **settings):
    with pytest.raises(DatasetError) as caught:
        loaded(tmp_path, *arguments, **settings)
    return str(caught.value)


# The message without a rule


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_one_message_lists_every_column_with_its_count_and_the_key_to_add(tmp_path, suffix):
    message = refused(tmp_path, suffix=suffix)
    frame = people()
    for column in ("age", "income", "city"):
        row = frame[column].isna().argmax()
        kind = "text, " if column == "city" else ""
        assert f"'{column}' ({kind}{frame[column].isna().sum()}, from row {row})" in message
    assert "'whole'" not in message
    assert 'missing = "median"' in message
    assert 'missing = { age = "median", income = "median", city = "category" }' in message
    n_rows = frame.isna().any(axis=1).sum()
    assert f'"drop" ({n_rows} of 60 rows would go)' in message


@pytest.mark.parametrize("n_columns", [6, 40, 400])
def test_many_columns_are_named_as_far_as_a_message_goes(tmp_path, n_columns):
    frame = pd.DataFrame({f"c{place}": [None, 1.0, 2.0, 3.0] for place in range(n_columns)})
    message = refused(tmp_path, frame=frame.assign(target=[0, 1, 0, 1]))
    n_shown = message.count(" (1)")
    assert n_shown >= min(n_columns, 40)
    more = n_columns - n_shown
    assert (f"and {more} more columns" in message) == (more > 0)
    assert "rule by column, as in missing = {" in message
    assert " ... " not in message


def test_rules_for_some_columns_leave_the_others_to_be_named(tmp_path):
    message = refused(tmp_path, {"age": "mean"})
    assert "missing in 'income' (4" in message
    assert "'age' (" not in message
    assert 'missing = { age = "mean", income = "median", city = "category" }' in message


@pytest.mark.parametrize(
    ("missing", "said"),
    [
        ({"ago": "mean"}, "no column 'ago' of features; did you mean 'age'?"),
        ({"city": "median"}, "'city' holds texts, and \"median\" is not for these"),
        ({"city": -1.0}, "'city' holds texts, and -1.0 is not for these"),
        ({"age": "category"}, "'age' holds numbers, and \"category\" is not for these"),
        ({"target": "drop"}, "no column 'target' of features"),
    ],
)
def test_a_rule_that_does_not_fit_its_column_is_refused(tmp_path, missing, said):
    assert said in refused(tmp_path, missing)


def test_a_category_for_all_does_not_fit_numbers(tmp_path):
    assert '"category" is for texts' in refused(tmp_path, "category")
    frame = people().drop(columns=["age", "income"])
    assert loaded(tmp_path, "category", frame).X.shape == (60, 5)


# What is filled in, and on which rows it is fitted


def tables_with_gaps():
    """Return a strategy of a matrix with gaps and of training rows, at least one."""
    numbers = st.one_of(st.just(np.nan), st.integers(-3, 3).map(float))
    rows = st.integers(3, 25)
    return rows.flatmap(
        lambda n: st.tuples(
            st.lists(st.lists(numbers, min_size=3, max_size=3), min_size=n, max_size=n),
            st.sets(st.integers(0, n - 1), min_size=1),
        )
    )


@given(tables_with_gaps(), st.sampled_from(NUMBERS), st.sampled_from([np.float32, np.float64]))
def test_numbers_are_filled_as_by_scikit_learn_fitted_on_the_training_rows(table, rule, kind):
    X, rows = np.array(table[0], kind), np.array(sorted(table[1]))
    before = X.copy()
    filled = impute(X, [Fill(rule, (0, 2))], rows)
    imputer = SimpleImputer(strategy=rule, keep_empty_features=True)
    theirs = imputer.fit(X[rows][:, [0, 2]].astype(float)).transform(X[:, [0, 2]].astype(float))
    np.testing.assert_allclose(filled[:, [0, 2]], theirs, rtol=1e-6)
    np.testing.assert_array_equal(filled[:, 1], before[:, 1])
    np.testing.assert_array_equal(X, before)
    # What stands in the other rows does not matter.
    others = np.setdiff1d(np.arange(len(X)), rows)
    X[others] = np.where(np.isnan(X[others]), np.nan, 99)
    again = impute(X, [Fill(rule, (0, 2))], rows)
    is_filled = np.isnan(before[:, 0])
    np.testing.assert_array_equal(again[is_filled, 0], filled[is_filled, 0])


@given(
    st.lists(st.sampled_from(["b", "a", "c", None]), min_size=4, max_size=30).filter(
        lambda texts: any(texts)
    ),
    st.data(),
)
def test_texts_are_filled_as_by_scikit_learn(texts, data):
    known = sorted({text for text in texts if text})
    with_text = [row for row, text in enumerate(texts) if text]
    rows = data.draw(st.sets(st.integers(0, len(texts) - 1)).map(sorted))
    rows = np.array(sorted({*rows, with_text[0]}))
    X = np.array([[float(text == name) if text else np.nan for name in known] for text in texts])
    fill = Fill("most_frequent", tuple(range(len(known))), is_category=True)
    filled = impute(X / 4, [fill], rows) * 4  # a divisor is applied before
    imputer = SimpleImputer(strategy="most_frequent", missing_values=None)
    column = np.array(texts, dtype=object)[:, None]
    theirs = imputer.fit(column[rows]).transform(column)[:, 0]
    assert [known[code] for code in filled.argmax(axis=1)] == theirs.tolist()
    assert (filled.sum(axis=1) == 1).all()


def test_each_seed_is_fitted_on_its_own_pool_and_initial_set(tmp_path):
    dataset = loaded(tmp_path, {"age": "mean", "income": "median", "city": "category"})
    frame = people()
    is_missing = frame["age"].isna().to_numpy()
    filled = []
    for seed in (0, 1):
        split = draw_split(dataset, 20, InitialSpec("per_class", 2), seed)
        X = impute(dataset.X, dataset.fills, split.training)
        assert np.isfinite(X).all()
        mean = frame["age"].to_numpy()[split.training]
        np.testing.assert_allclose(X[is_missing, 0], np.nanmean(mean))
        filled.append(X[is_missing, 0])
    assert not np.array_equal(*filled)


def test_mapped_features_are_copied_page_by_page():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(2**16, 80))
    X[7, 3] = np.nan
    dataset = mapped(Dataset(X, np.arange(len(X)) % 2, ("a", "b"), "f"))
    rows = np.arange(1000)
    filled = impute(dataset.X, [Fill("mean", (3,))], rows)
    assert isinstance(filled, np.memmap)
    assert filled.mode == "c"  # copy on write
    assert filled[7, 3] == np.nanmean(X[rows, 3])
    assert np.isnan(dataset.X[7, 3])
    assert impute(dataset.X, (), rows) is dataset.X


# The rules that need no split


@pytest.mark.parametrize("rule", ["category", "constant"])
def test_missing_texts_become_a_category_of_their_own(tmp_path, rule):
    dataset = loaded(tmp_path, {"city": rule}, people().drop(columns=["age", "income"]))
    is_missing = people()["city"].isna().to_numpy()
    assert dataset.X.shape == (60, 5)
    np.testing.assert_array_equal(dataset.X[:, -1], is_missing)
    np.testing.assert_array_equal(dataset.X[:, :3].sum(axis=1), ~is_missing)
    assert dataset.fills == ()


@pytest.mark.parametrize("rule", ["mean", "median", "keep"])
def test_a_rule_for_numbers_gives_texts_a_category_of_their_own(tmp_path, rule):
    dataset = loaded(tmp_path, rule)
    np.testing.assert_array_equal(dataset.X[:, -1], people()["city"].isna())
    assert [fill.rule for fill in dataset.fills] == [rule]


@pytest.mark.parametrize("scale", [None, 4, "standard"])
def test_a_number_is_filled_in_before_any_scaling(tmp_path, scale):
    frame = people().drop(columns="city")
    whole = frame.fillna({"age": -1.0, "income": 2.5})
    missing = {"age": -1.0, "income": 2.5}
    data = []
    for table, rule in ((frame, missing), (whole, None)):
        table.to_csv(tmp_path / "m.csv", index=False)
        keys = ColumnKeys(missing=rule)
        data.append(load("m.csv", {}, folder=tmp_path, target="target", columns=keys, scale=scale))
    split = draw_split(data[0], 20, InitialSpec("per_class", 2), 0)
    filled = impute(data[0].X, data[0].fills, split.training)
    np.testing.assert_array_equal(filled, data[1].X)
    assert "-1: age (9); 2.5: income (4)" in data[0].notes[0]


def test_a_number_for_all_columns_gives_texts_a_category_of_their_own(tmp_path):
    dataset = loaded(tmp_path, -7.0)
    assert dataset.fills == (Fill(-7.0, (0, 1)),)
    np.testing.assert_array_equal(dataset.X[:, -1], people()["city"].isna())


def test_a_number_that_single_precision_cannot_hold_is_refused(tmp_path):
    frame = people()[["age", "target"]].astype({"age": np.float32})
    assert loaded(tmp_path, 1e30, frame, ".parquet").X.dtype == np.float32
    assert "1e+300 is too large for features" in refused(tmp_path, 1e300, frame, ".parquet")


def test_indicators_say_where_values_were_missing(tmp_path):
    frame = people()
    X = loaded(tmp_path, "median", indicator=True).X
    expected = frame[["age", "income", "city"]].isna().to_numpy()
    np.testing.assert_array_equal(X[:, -3:], expected)


def test_dropped_rows_keep_their_numbers_and_get_no_role(tmp_path):
    dataset = loaded(tmp_path, "drop")
    complete = np.flatnonzero(people().notna().all(axis=1))
    np.testing.assert_array_equal(dataset.drawable, complete)
    assert dataset.n_examples == 60
    for seed in range(5):
        split = draw_split(dataset, 10, InitialSpec("per_class", 2), seed)
        np.testing.assert_array_equal(split.rows, complete)
        assert len(split.test) == 10
    assert any(f"{60 - len(complete)} of 60 rows are left out" in note for note in dataset.notes)
    assert np.isfinite(dataset.X).all()
    np.testing.assert_array_equal(dataset.X[complete, 0], people()["age"].to_numpy()[complete])


def test_a_class_that_only_dropped_rows_have_is_no_class(tmp_path):
    frame = people()
    frame.loc[np.flatnonzero(frame["age"].isna())[0], "target"] = "once"
    assert loaded(tmp_path, "drop", frame).classes == ("no", "yes")


def test_an_archive_and_embeddings_have_rules_too(tmp_path):
    X = np.arange(24.0).reshape(8, 3)
    X[2, 1] = np.nan
    np.savez(tmp_path / "m.npz", X=X, y=np.arange(8) % 2)
    dataset = load("m.npz", {}, folder=tmp_path, columns=ColumnKeys(missing={"1": "mean"}))
    assert dataset.fills == (Fill("mean", (1,)),)
    lists = [*X[[0, 1]].tolist(), None, *X[[2, 3, 4, 5, 6]].tolist()]
    frame = pd.DataFrame({"e": lists, "target": np.arange(8) % 2})
    dataset = loaded(tmp_path, "mean", frame, ".parquet")
    filled = impute(dataset.X, dataset.fills, np.arange(8))
    np.testing.assert_allclose(filled[2], np.nanmean(X[:7], axis=0))
    assert filled[3, 1] == pytest.approx(np.nanmean(X[:7, 1]))


@given(st.integers(0, 2**32 - 1), st.sampled_from([*NUMBERS, "keep", "drop"]))
def test_nothing_is_missing_after_the_rules_but_what_is_kept(seed, rule):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(12, 5))
    X[rng.random(X.shape) < 0.3] = np.nan
    X[:, 3:] = np.where(rng.random(12)[:, None] < 0.3, np.nan, np.eye(2)[rng.integers(2, size=12)])
    columns = [Column("a", 0, 1), Column("b", 1, 3), Column("c", 3, 5, is_text=True)]
    before = X.copy()
    settled = settle("mine", X, columns, ColumnKeys(missing=rule))
    rows = np.arange(8)
    filled = impute(settled.X, settled.fills, rows)
    assert np.isfinite(impute_kept(filled, settled.fills, rows)).all()
    assert np.isnan(filled).any() == (rule == "keep" and np.isnan(before[:, :3]).any())
    stays = ~np.isnan(before)
    np.testing.assert_array_equal(filled[:, :5][stays], before[stays])


# Values that are kept for the model


def spec_of(dataset, model="sklearn.ensemble.HistGradientBoostingClassifier", scale="none"):
    return RunSpec(
        DatasetSpec("people", "people", dataset.fingerprint, scale, 20, missing="keep"),
        InitialSpec("per_class", 5),
        ModelSpec("model", model, {}),
        StrategySpec("k_center", "k_center", {}, 1),
        batch_size=5,
        budget=25,
        seed=0,
    )


def started(spec, dataset):
    """Return a learner that has the initial labels."""
    learner = Learner.start(spec, dataset, split_of(spec, dataset))
    Buyer(spec, dataset, learner).buy_initial()
    return learner


@pytest.mark.parametrize("scale", ["none", "standard"])
def test_the_model_sees_what_is_missing_and_the_strategy_its_median(tmp_path, scale):
    dataset = replace(loaded(tmp_path, "keep"), scale=scale)
    learner = started(spec_of(dataset, scale=scale), dataset)
    is_missing = np.isnan(dataset.X)
    np.testing.assert_array_equal(np.isnan(learner.X), is_missing)
    assert np.isfinite(learner.X_of_strategy).all()
    rows = np.concatenate([learner.labelled, learner.unlabelled])
    medians = np.nanmedian(learner.X[rows], axis=0)
    expected = np.where(is_missing, medians, learner.X)
    np.testing.assert_allclose(learner.X_of_strategy, expected)


def test_without_kept_values_model_and_strategy_share_one_matrix(tmp_path):
    dataset = loaded(tmp_path, "median")
    learner = started(spec_of(dataset), dataset)
    assert learner.X is learner.X_of_strategy


def test_what_is_fitted_on_a_split_is_kept_for_the_next_run(monkeypatch):
    X = np.array([[1.0, np.nan], [3.0, 4.0], [np.nan, 8.0]])
    fills = [Fill("mean", (0,)), Fill("median", (1,))]
    calls = []
    fit = SimpleImputer.fit
    monkeypatch.setattr(SimpleImputer, "fit", lambda *a: calls.append(1) or fit(*a))
    key = object()
    first = impute(X, fills, np.arange(3), key)
    again = impute(X, fills, np.arange(3), key)
    assert len(calls) == 2
    np.testing.assert_array_equal(first, [[1, 6], [3, 4], [2, 8]])
    np.testing.assert_array_equal(first, again)
    other = impute(X, fills, np.array([0, 1]), object())
    np.testing.assert_array_equal(other, [[1, 4], [3, 4], [2, 8]])
    np.testing.assert_array_equal(impute(X, fills, np.arange(1)), [[1, 0], [3, 4], [1, 8]])
    assert len(calls) == 6
