"""The tables as DataFrames: their types, and what is refused."""

from contextlib import suppress
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from blob_runs import filled, splits
from fuzzing.mutations import flipping_bits

import alrun
from alrun.errors import ResultsError
from alrun.results.load import read_table
from alrun.results.schema import CURVES, SCHEMA_VERSION


def test_a_table_of_another_maker_is_cast_to_the_types_of_ours(tmp_path):
    store, specs = filled(tmp_path)
    store.rebuild_tables(specs, splits)
    ours = alrun.load_curves(tmp_path)
    plain = ours.astype(dict.fromkeys(("dataset", "model", "strategy"), str))
    plain.astype({"seed": "int64", "n_labels": "float64"}).to_parquet(tmp_path / "curves.parquet")
    pd.testing.assert_frame_equal(alrun.load_curves(tmp_path), ours)


def test_a_column_of_another_kind_is_refused_or_left_to_the_caller(tmp_path):
    store, specs = filled(tmp_path)
    store.rebuild_tables(specs, splits)
    path = tmp_path / "curves.parquet"
    table = pq.read_table(path)
    words = pa.array(["one"] * len(table))
    pq.write_table(table.set_column(table.column_names.index("seed"), "seed", words), path)
    with pytest.raises(ResultsError, match=r"curves.parquet cannot be read: .*'one'"):
        alrun.load_curves(tmp_path)
    assert set(read_table(path, CURVES, strict=False)["seed"]) == {"one"}


def test_no_flipped_bit_gives_other_curves_and_the_next_sweep_mends_it(tmp_path):
    store, specs = filled(tmp_path)
    store.rebuild_tables(specs, splits)
    path = tmp_path / "curves.parquet"
    curves, content = alrun.load_curves(tmp_path), path.read_bytes()
    for place in flipping_bits(path, 10):
        with suppress(ResultsError):
            assert alrun.load_curves(tmp_path).equals(curves), place
            continue
        store.rebuild_tables(specs, splits)
        assert path.read_bytes() == content, place


def test_a_newer_schema_is_refused(tmp_path):
    store, specs = filled(tmp_path)
    store.rebuild_tables(specs, splits)
    path = tmp_path / "curves.parquet"
    newer = str(SCHEMA_VERSION + 1)
    table = pq.read_table(path).replace_schema_metadata({"schema_version": newer})
    pq.write_table(table, path)
    with pytest.raises(ResultsError, match=f"schema version {newer}"):
        alrun.load_curves(tmp_path)


def test_a_file_without_schema_version_is_version_one(tmp_path):
    store, specs = filled(tmp_path)
    store.rebuild_tables(specs, splits)
    path = tmp_path / "curves.parquet"
    pq.write_table(pq.read_table(path).replace_schema_metadata(), path)
    assert len(alrun.load_curves(tmp_path)) == 24


def test_a_missing_table_says_how_it_is_made(tmp_path):
    with pytest.raises(ResultsError, match="alrun sweep"):
        alrun.load_curves(Path(tmp_path))


def test_a_column_that_stands_twice_is_named(tmp_path):
    store, specs = filled(tmp_path)
    store.rebuild_tables(specs, splits)
    path = tmp_path / "curves.parquet"
    table = pq.read_table(path)
    pq.write_table(table.append_column("accuracy", table["accuracy"]), path)
    with pytest.raises(ResultsError, match=r"curves.parquet: the column 'accuracy' appears more"):
        alrun.load_curves(tmp_path)


@pytest.mark.parametrize("name", ["run_id", "round", "index", "label"])
def test_a_column_of_the_queries_that_is_gone_or_has_a_hole_is_named(tmp_path, name):
    store, specs = filled(tmp_path)
    store.rebuild_tables(specs, splits)
    path = tmp_path / "queries.parquet"
    table = pq.read_table(path)
    pq.write_table(table.drop_columns([name]), path)
    with pytest.raises(ResultsError, match=f"queries.parquet: there is no column '{name}'"):
        alrun.load_queries(tmp_path)
    column = table[name].to_pylist()
    column[3] = None
    place = table.column_names.index(name)
    pq.write_table(table.set_column(place, name, pa.array(column)), path)
    with pytest.raises(ResultsError, match=f"the column '{name}' has a row without a value"):
        alrun.load_queries(tmp_path)


def test_queries_without_curves_stay_and_their_run_is_not_known(tmp_path):
    store, specs = filled(tmp_path)
    store.rebuild_tables(specs, splits)
    queries, path = alrun.load_queries(tmp_path), tmp_path / "curves.parquet"
    table = pd.read_parquet(path)
    gone = str(queries["run_id"].iloc[0])
    table[table["run_id"] != gone].to_parquet(path)
    found = alrun.load_queries(tmp_path)
    assert found["run_id"].equals(queries["run_id"])
    assert list(found["seed"].isna()) == list(queries["run_id"] == gone)
    path.unlink()
    assert alrun.load_queries(tmp_path)["strategy"].isna().all()
    assert list(alrun.load_queries(tmp_path).columns) == list(queries.columns)
