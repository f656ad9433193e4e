"""The results directory: what is written, what is kept, what is refused."""

import json
import os
import re
import shutil
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from blob_runs import blobs, content_of, filled, spec_of, splits

import alrun
from alrun.errors import ResultsError
from alrun.records import Failure
from alrun.results.compare import agree
from alrun.results.run_file import read_run
from alrun.results.store import Store
from alrun.run.loop import run_active_learning
from alrun.spec import run_id
from alrun.util.atomic_files import locked

LABEL = pa.dictionary(pa.int32(), pa.string())


def failed(error):
    return Failure("failed", error, "Traceback ...", 1)


def test_the_tables_have_the_columns_and_types_of_the_contract(tmp_path):
    store, specs = filled(tmp_path)
    store.rebuild_tables(specs, splits)
    curves = pq.read_schema(tmp_path / "curves.parquet")
    assert {name: curves.field(name).type for name in curves.names} == {
        "dataset": LABEL, "model": LABEL, "start": LABEL, "oracle": LABEL, "cost_model": LABEL,
        "strategy": LABEL, "cost": pa.float64(), "n_wrong": pa.int32(),
        "batch_size": pa.int32(), "seed": pa.int32(), "round": pa.int32(), "run_id": pa.string(),
        "n_labels": pa.int32(), "n_test": pa.int32(), "n_correct": pa.int32(),
        "accuracy": pa.float64(), "balanced_accuracy": pa.float64(), "macro_f1": pa.float64(),
        "log_loss": pa.float64(), "average_precision": pa.float64(), "roc_auc": pa.float64(),
        "brier": pa.float64(), "ece": pa.float64(), "f1": pa.float64(), "recall": pa.float64(),
    }  # fmt: skip
    assert pq.read_schema(tmp_path / "queries.parquet").names == [
        "run_id", "round", "position", "index", "label", "given", "annotator", "cost", "votes"
    ]  # fmt: skip
    assert pq.read_schema(tmp_path / "splits.parquet").names == ["dataset", "seed", "index", "role"]


@pytest.mark.parametrize("name", ["curves", "queries", "splits", "runs"])
def test_every_file_holds_its_schema_version_and_is_zstd(tmp_path, name):
    store, specs = filled(tmp_path)
    store.rebuild_tables(specs, splits)
    for path in [tmp_path / f"{name}.parquet", *(tmp_path / "runs").iterdir()]:
        metadata = pq.read_metadata(path)
        assert metadata.metadata[b"schema_version"] == b"2"
        assert metadata.row_group(0).column(0).compression == "ZSTD"


def test_the_curves_are_sorted_and_hold_the_rounds(tmp_path):
    store, specs = filled(tmp_path)
    store.rebuild_tables(specs, splits)
    curves = pd.read_parquet(tmp_path / "curves.parquet")
    keys = ["dataset", "model", "strategy", "batch_size", "seed", "round"]
    ordered = curves.astype({"strategy": str}).sort_values(keys, ignore_index=True)
    assert curves["run_id"].tolist() == ordered["run_id"].tolist()
    for spec in specs:
        curve = curves[curves["run_id"] == run_id(spec)]
        rounds = run_active_learning(spec, blobs()).rounds
        assert curve["n_labels"].tolist() == [entry.n_labels for entry in rounds]
        assert curve["accuracy"].tolist() == [entry.scores.values["accuracy"] for entry in rounds]
        assert curve["average_precision"].isna().all()


def test_the_queries_are_those_of_the_rounds(tmp_path):
    store, specs = filled(tmp_path)
    store.rebuild_tables(specs, splits)
    queries = pd.read_parquet(tmp_path / "queries.parquet")
    for spec in specs:
        mine = queries[queries["run_id"] == run_id(spec)]
        rounds = run_active_learning(spec, blobs()).rounds
        expected = [
            (number, position, row, "abc"[blobs().y[row]])
            for number, entry in enumerate(rounds)
            for position, row in enumerate(entry.batch)
        ]
        columns = ["round", "position", "index", "label"]
        assert list(mine[columns].itertuples(index=False, name=None)) == expected


def test_the_splits_cover_every_row_once(tmp_path):
    store, specs = filled(tmp_path)
    store.rebuild_tables(specs, splits)
    table = pd.read_parquet(tmp_path / "splits.parquet")
    for seed in (0, 1):
        mine = table[table["seed"] == seed]
        assert mine["index"].tolist() == list(range(60))
        assert mine["role"].value_counts().to_dict() == {"pool": 42, "test": 15, "initial": 3}


def test_a_run_file_holds_its_whole_spec(tmp_path):
    _, specs = filled(tmp_path)
    path = tmp_path / "runs" / f"{run_id(specs[0])}.parquet"
    stored = json.loads(pq.read_metadata(path).metadata[b"spec"])
    assert stored == json.loads(json.dumps(specs[0].describe()))


def test_the_tables_hold_no_time_host_or_version(tmp_path):
    store, specs = filled(tmp_path)
    store.rebuild_tables(specs, splits)
    for name in ("curves", "queries", "splits"):
        metadata = pq.read_metadata(tmp_path / f"{name}.parquet").metadata
        assert set(metadata) <= {b"schema_version", b"ARROW:schema"}


def test_a_column_without_a_value_keeps_its_type(tmp_path):
    store, specs = filled(tmp_path)
    store.rebuild_tables(specs, splits)
    assert alrun.load_curves(tmp_path)["average_precision"].isna().all()
    assert pq.read_schema(tmp_path / "curves.parquet").field("average_precision").type == "double"
    assert pq.read_schema(tmp_path / "runs.parquet").field("error").type == "string"


def test_compaction_covers_exactly_the_runs_of_the_experiment(tmp_path):
    store, specs = filled(tmp_path)
    assert store.rebuild_tables(specs[:2], splits) == 2
    curves = pd.read_parquet(tmp_path / "curves.parquet")
    assert set(curves["run_id"]) == {run_id(spec) for spec in specs[:2]}


def test_compaction_never_replaces_a_table_by_one_with_fewer_of_the_runs(tmp_path):
    store, specs = filled(tmp_path)
    store.rebuild_tables(specs, splits)
    before = (tmp_path / "curves.parquet").read_bytes()
    (tmp_path / "runs" / f"{run_id(specs[0])}.parquet").unlink()
    runs = (tmp_path / "runs.parquet").read_bytes()
    assert store.rebuild_tables(specs, splits) == 3
    assert (tmp_path / "curves.parquet").read_bytes() == before
    assert (tmp_path / "runs.parquet").read_bytes() == runs


def test_nor_by_one_with_as_many_others(tmp_path):
    store, specs = filled(tmp_path, seeds=(0, 1, 2, 3))
    store.rebuild_tables(specs[:4], splits)
    before = (tmp_path / "curves.parquet").read_bytes()
    for spec in specs[:4]:
        (tmp_path / "runs" / f"{run_id(spec)}.parquet").unlink()
    assert store.rebuild_tables(specs, splits) == 4
    assert (tmp_path / "curves.parquet").read_bytes() == before


def test_tables_of_runs_that_are_no_longer_asked_for_do_not_stay(tmp_path):
    store, specs = filled(tmp_path)
    store.rebuild_tables(specs, splits)
    assert store.rebuild_tables([spec_of("entropy")], splits) == 0
    assert len(alrun.load_curves(tmp_path)) == 0
    with pytest.raises(ResultsError, match="no run that can be reported"):
        alrun.report(tmp_path, [0.9])


def test_the_table_that_is_asked_which_runs_there_are_is_written_last(tmp_path, monkeypatch):
    """Else, after a kill, the others would lack what it has, and nobody would know."""
    store, specs = filled(tmp_path)
    written = []
    monkeypatch.setattr("alrun.results.store.write_file", lambda path, _: written.append(path.name))
    store.rebuild_tables(specs, splits)
    assert len(written) == 5
    assert written[-1] == "curves.parquet"


def test_compaction_leaves_tables_that_say_the_same_untouched(tmp_path):
    store, specs = filled(tmp_path)
    store.rebuild_tables(specs, splits)
    names = ["curves.parquet", "queries.parquet", "splits.parquet"]
    before = {name: (tmp_path / name).stat().st_mtime_ns for name in names}
    store.rebuild_tables(specs[::-1], splits)
    assert {name: (tmp_path / name).stat().st_mtime_ns for name in names} == before


def count_opened(monkeypatch):
    """Return a list that grows by the path of each run file that is read."""
    opened = []

    def counted(path, spec):
        opened.append(path)
        return read_run(path, spec)

    monkeypatch.setattr("alrun.results.run_file.read_run", counted)
    return opened


def test_tables_of_the_same_files_are_not_made_again_and_no_file_is_opened(tmp_path, monkeypatch):
    store, specs = filled(tmp_path)
    lost = spec_of("entropy")
    store.write_failure(run_id(lost), failed("no"))
    opened, asked = count_opened(monkeypatch), [*specs[1:], lost]
    assert store.rebuild_tables(asked, splits) == 3
    assert len(opened) == 3
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.parquet")}
    assert store.rebuild_tables(asked[::-1], lambda specs: pytest.fail("no splits")) == 3
    assert len(opened) == 3
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.parquet")} == before


def _touch(path):
    os.utime(path, (1, 1))


def _flip_a_bit_at_the_same_time(path):
    """Damage the first column of a file; its size and time of modification stay."""
    found, content = path.stat(), bytearray(path.read_bytes())
    column = pq.read_metadata(path).row_group(0).column(0)
    start = column.data_page_offset
    if column.has_dictionary_page:
        start = column.dictionary_page_offset
    content[start + column.total_compressed_size - 1] ^= 1
    time.sleep(0.02)  # a tick of the clock of the file system
    path.write_bytes(content)
    os.utime(path, ns=(found.st_atime_ns, found.st_mtime_ns))


def _replace_by_a_copy(path):
    copy = path.with_name("copy")
    shutil.copy2(path, copy)
    os.replace(copy, path)


def _replace_by_a_link(path):
    path.rename(path.with_name("elsewhere"))
    path.symlink_to("elsewhere")


@pytest.mark.parametrize(
    "change",
    [_touch, _flip_a_bit_at_the_same_time, _replace_by_a_copy, _replace_by_a_link, os.unlink],
)
def test_a_run_file_that_changed_has_all_of_them_read_again(tmp_path, monkeypatch, change):
    store, specs = filled(tmp_path)
    store.rebuild_tables(specs, splits)
    before = (tmp_path / "curves.parquet").read_bytes()
    path = tmp_path / "runs" / f"{run_id(specs[0])}.parquet"
    change(path)
    opened = count_opened(monkeypatch)
    is_intact = change in (_touch, _replace_by_a_copy)
    for _ in range(2):
        assert store.rebuild_tables(specs, splits) == 3 + is_intact
        assert (tmp_path / "curves.parquet").read_bytes() == before
    # A lost run is still in the tables, so that they are never taken for those of the files left.
    expected = {os.unlink: 3 + 3}.get(change, 4 if is_intact else 4 + 3)
    assert len(opened) == expected


@pytest.mark.parametrize("name", ["curves", "queries", "splits", "runs"])
@pytest.mark.parametrize("damage", [os.unlink, _flip_a_bit_at_the_same_time])
def test_a_table_that_changed_is_made_again(tmp_path, name, damage):
    store, specs = filled(tmp_path)
    store.rebuild_tables(specs, splits)
    path = tmp_path / f"{name}.parquet"
    before = path.read_bytes()
    damage(path)
    store.rebuild_tables(specs, splits)
    assert path.read_bytes() == before


def test_a_new_name_a_new_failure_or_another_experiment_makes_the_tables_anew(tmp_path):
    store, specs = filled(tmp_path)
    store.rebuild_tables(specs, splits)
    renamed = [replace(spec, model=replace(spec.model, display_name="new")) for spec in specs]
    store.rebuild_tables(renamed, splits)
    assert set(alrun.load_curves(tmp_path)["model"]) == {"new"}
    lost = spec_of("entropy")
    store.rebuild_tables([*renamed, lost], splits)
    for error in ("no", "neither"):
        store.write_failure(run_id(lost), failed(error))
        store.rebuild_tables([*renamed, lost], splits)
        assert alrun.load_runs(tmp_path)["error"].iloc[-1] == error
    store.rebuild_tables(renamed[1:], splits)
    assert len(alrun.load_runs(tmp_path)) == 3
    assert store.count_unlisted({run_id(spec) for spec in specs[1:]}) == 0


def test_a_file_that_changes_while_it_is_read_is_read_again(tmp_path, monkeypatch):
    store, specs = filled(tmp_path)
    opened = count_opened(monkeypatch)

    def late_splits(asked):
        if not changed:
            changed.append(True)
            _flip_a_bit_at_the_same_time(tmp_path / "runs" / f"{run_id(specs[0])}.parquet")
        return splits(asked)

    changed, told = [], []
    store.rebuild_tables(specs, late_splits)
    store.rebuild_tables(specs, late_splits, told.append)
    assert len(opened) == 8
    assert len(told) == 1


def test_log_loss_may_differ_by_a_millionth_and_nothing_else_may():
    table = pa.table({"n_correct": [1, 2], "log_loss": [0.5, None]})
    assert agree(table, pa.table({"n_correct": [1, 2], "log_loss": [0.5000005, None]}))
    assert not agree(table, pa.table({"n_correct": [1, 2], "log_loss": [0.500002, None]}))
    assert not agree(table, pa.table({"n_correct": [1, 3], "log_loss": [0.5, None]}))
    assert not agree(table, pa.table({"n_correct": [1, 2], "log_loss": [0.5, 0.1]}))
    assert not agree(table, pa.table({"n_correct": [1.0, 2.0], "log_loss": [0.5, None]}))
    assert not agree(table, table.slice(1))


def test_a_damaged_table_is_made_anew(tmp_path):
    store, specs = filled(tmp_path)
    (tmp_path / "curves.parquet").write_bytes(b"not a table")
    store.rebuild_tables(specs, splits)
    assert len(pd.read_parquet(tmp_path / "curves.parquet")) == 24


def test_a_damaged_run_file_is_set_aside_by_name_and_the_tables_keep_its_run(tmp_path):
    store, specs = filled(tmp_path)
    store.rebuild_tables(specs, splits)
    before = (tmp_path / "curves.parquet").read_bytes()
    path = tmp_path / "runs" / f"{run_id(specs[0])}.parquet"
    half = path.read_bytes()[:100]
    path.write_bytes(half)
    told = []
    assert store.rebuild_tables(specs, splits, told.append) == 3
    assert [sentence.startswith(f"{path} is damaged (") for sentence in told] == [True]
    assert f"it is now {path.name}.damaged" in told[0]
    assert (tmp_path / "curves.parquet").read_bytes() == before
    assert path.with_name(f"{path.name}.damaged").read_bytes() == half
    assert run_id(specs[0]) not in store.finished()
    assert store.rebuild_tables(specs, splits, told.append) == 3
    assert len(told) == 1


def test_a_file_of_another_run_never_stands_for_this_one(tmp_path):
    store, specs = filled(tmp_path)
    one, other = (tmp_path / "runs" / f"{run_id(spec)}.parquet" for spec in specs[:2])
    one.write_bytes(other.read_bytes())
    told = []
    assert store.rebuild_tables(specs, splits, told.append) == 3
    assert "another run" in told[0]
    assert run_id(specs[0]) not in set(alrun.load_curves(tmp_path)["run_id"])


def test_a_run_of_a_newer_schema_stops_the_compaction_and_nothing_is_lost(tmp_path):
    store, specs = filled(tmp_path)
    store.rebuild_tables(specs, splits)
    path = tmp_path / "runs" / f"{run_id(specs[0])}.parquet"
    pq.write_table(pq.read_table(path).replace_schema_metadata({"schema_version": "99"}), path)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*.parquet")}
    with pytest.raises(ResultsError, match="update alrun"):
        store.rebuild_tables(specs, splits)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*.parquet")} == before


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff",
        b"[1]",
        b"[" * 100_000,
        b'{"status": "\\ud800", "error": "x", "traceback": "", "attempts": 1}',
        b'{"status": 1, "error": 2, "traceback": 3, "attempts": "x"}',
        b'{"status": "failed", "error": "x", "traceback": "", "attempts": 1, "more": 2}',
    ],
)
def test_a_record_of_a_failure_may_hold_anything(tmp_path, content):
    store, specs = filled(tmp_path)
    lost = spec_of("entropy")
    path = tmp_path / "failed" / f"{run_id(lost)}.json"
    path.write_bytes(content)
    assert "is damaged" in store.failures()[run_id(lost)].error
    store.rebuild_tables([*specs, lost], splits)
    assert alrun.load_runs(tmp_path)["status"].tolist() == ["finished"] * 4 + ["failed"]
    store.write_failure(run_id(lost), failed("again"))
    assert store.failures()[run_id(lost)].attempts == 2


def test_a_directory_in_the_place_of_a_record_stops_nothing(tmp_path):
    store, specs = filled(tmp_path)
    path = tmp_path / "failed" / f"{run_id(specs[0])}.json"
    path.mkdir()
    store.write_run(run_id(specs[0]), content_of(specs[0]))
    assert store.failures() == {}
    lost = tmp_path / "failed" / f"{run_id(spec_of('entropy'))}.json"
    lost.mkdir()
    assert "is damaged" in store.failures()[lost.stem].error
    store.write_failure(lost.stem, failed("no"))
    assert store.failures()[lost.stem].error == "no"


@pytest.mark.parametrize("name", ["runs", "failed"])
@pytest.mark.parametrize("way", ["../elsewhere", "..", "."])
def test_a_link_that_leads_out_is_refused_and_nothing_is_touched_there(tmp_path, name, way):
    results, elsewhere = tmp_path / "results", tmp_path / "elsewhere"
    for folder in (results, elsewhere):
        folder.mkdir()
        (folder / ".x.0123456789abcdef").write_bytes(b"x")
    (results / name).symlink_to(way)
    with pytest.raises(ResultsError, match="is a link to a place outside") as caught:
        Store(results).prepare()
    assert str(caught.value).startswith(str(results / name))
    assert [path.name for path in elsewhere.iterdir()] == [".x.0123456789abcdef"]


@pytest.mark.parametrize("name", ["curves", "queries", "splits", "runs"])
@pytest.mark.parametrize("kind", ["pipe", "device", "directory"])
def test_a_table_that_is_no_regular_file_is_not_read(tmp_path, name, kind):
    """A pipe would be waited for, and a device has no end."""
    store, specs = filled(tmp_path)
    store.rebuild_tables(specs, splits)
    (lost := tmp_path / "runs" / f"{run_id(specs[0])}.parquet").rename(lost.with_suffix(".away"))
    path = tmp_path / f"{name}.parquet"
    path.unlink()
    put_irregular(path, kind)
    known = set() if name == "curves" else {run_id(spec) for spec in specs}
    assert store.count_unlisted({run_id(specs[0])}) == len(specs) - 1
    if name != "curves":
        assert store.runs_in_tables(specs) == known
        return
    sentence = f"{path} is not a regular file; remove it"
    with pytest.raises(ResultsError, match=f"^{re.escape(sentence)}$"):
        store.runs_in_tables(specs)
    with pytest.raises(ResultsError, match=f"^{re.escape(sentence)}$"):
        store.rebuild_tables(specs, splits)


def put_irregular(path, kind):
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "device":
        path.symlink_to("/dev/zero")
    else:
        path.mkdir()


@pytest.mark.parametrize("kind", ["pipe", "device"])
def test_a_record_of_a_failure_that_is_no_regular_file_is_damaged(tmp_path, kind):
    store, specs = filled(tmp_path)
    (lost := tmp_path / "runs" / f"{run_id(specs[0])}.parquet").unlink()
    put_irregular(tmp_path / "failed" / f"{lost.stem}.json", kind)
    assert store.failures()[lost.stem].error == "the record of its error is damaged"
    store.write_failure(lost.stem, failed("no"))
    assert store.failures()[lost.stem].attempts == 2


def test_what_a_failed_run_printed_is_kept_until_it_finishes(tmp_path):
    store, specs = filled(tmp_path)
    run = run_id(specs[0])
    file = tmp_path / "runs" / f"{run}.parquet"
    content = file.read_bytes()
    file.unlink()
    store.write_failure(run, failed("no"), b"chatter \xff")
    assert store.log_of(run).read_bytes() == b"chatter \xff"
    assert store.failures()[run].error == "no"
    store.write_failure(run, failed("no"))
    assert not store.log_of(run).exists()
    store.log_of(run).mkdir()
    store.write_failure(run, failed("no"), b"more")
    assert store.log_of(run).read_bytes() == b"more"
    store.write_run(run, content)
    assert [path.name for path in (tmp_path / "failed").iterdir()] == [f"{run}.log.damaged"]


def test_the_directory_itself_may_be_a_link_and_its_own_files_too(tmp_path):
    (tmp_path / "disk").mkdir()
    (tmp_path / "results").symlink_to("disk")
    store, specs = filled(tmp_path / "results")
    assert store.rebuild_tables(specs, splits) == 4
    path = tmp_path / "results" / "runs" / f"{run_id(specs[0])}.parquet"
    path.rename(tmp_path / "outside.parquet")
    path.symlink_to(tmp_path / "outside.parquet")
    outside = (tmp_path / "outside.parquet").read_bytes()
    store.rebuild_tables(specs, splits)
    assert path.with_name(f"{path.name}.damaged").is_symlink()
    store.write_run(run_id(specs[0]), content_of(specs[0]))
    assert not path.is_symlink()
    assert (tmp_path / "outside.parquet").read_bytes() == outside


def test_tables_know_which_runs_are_newer_whatever_the_clock_says(tmp_path):
    store, specs = filled(tmp_path)
    asked, earlier = specs[:2], specs[2:]
    store.rebuild_tables(asked, splits)
    tabled = {run_id(spec) for spec in asked}
    for path in (tmp_path / "runs").iterdir():  # a copy
        os.utime(path, (2**31, 2**31))
    assert store.count_unlisted(tabled) == 0  # those of `earlier` are left out on purpose
    late = spec_of("margin", seed=7)
    store.write_run(run_id(late), content_of(late))
    os.utime(tmp_path / "runs" / f"{run_id(late)}.parquet", (0, 0))
    assert store.count_unlisted(tabled) == 1
    (tmp_path / "runs.parquet").unlink()  # a clone has none
    assert store.count_unlisted(tabled) == 1 + len(earlier)
    assert Store(tmp_path / "nowhere").count_unlisted(tabled) == 0
    shutil.rmtree(tmp_path / "runs")
    (tmp_path / "runs").symlink_to("runs")  # it cannot be listed
    assert store.count_unlisted(tabled) == 0


@pytest.mark.parametrize("name", ["curves.parquet", "queries.parquet", "splits.parquet"])
def test_a_table_that_the_system_does_not_let_read_is_not_replaced(tmp_path, monkeypatch, name):
    store, specs = filled(tmp_path)
    store.rebuild_tables(specs, splits)
    before = (tmp_path / name).read_bytes()
    asked_for = specs
    if name == "curves.parquet":
        (tmp_path / "runs" / f"{run_id(specs[0])}.parquet").unlink()
    else:
        asked_for = specs[1:]

    def refuse(path):
        if path.name == name:
            raise PermissionError(13, "Permission denied", str(path))
        return read(path)

    read = Path.read_bytes
    with monkeypatch.context() as patched:
        patched.setattr(Path, "read_bytes", refuse)
        with pytest.raises(ResultsError, match=rf"{name} cannot be read: Permission denied"):
            store.rebuild_tables(asked_for, splits)
    assert (tmp_path / name).read_bytes() == before


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere such names are refused")
def test_tables_are_the_only_copy_whatever_the_name_of_their_directory(tmp_path):
    """Arrow opens no path that is not UTF-8."""
    results = tmp_path / os.fsdecode(b"\xff")
    store, specs = filled(results)
    store.rebuild_tables(specs, splits)
    assert store.runs_in_tables(specs) == set(map(run_id, specs))
    before = (results / "curves.parquet").read_bytes()
    (results / "runs" / f"{run_id(specs[0])}.parquet").unlink()
    assert store.rebuild_tables(specs, splits) == 3
    assert store.count_only_in_tables(specs[1:]) == 1
    assert (results / "curves.parquet").read_bytes() == before
    assert len(alrun.load_curves(results)) == 24
    assert len(alrun.load_runs(results)) == 4


def test_too_little_memory_is_not_taken_for_damage(tmp_path, monkeypatch):
    store, specs = filled(tmp_path)
    store.rebuild_tables(specs, splits)
    before = (tmp_path / "curves.parquet").read_bytes()
    (tmp_path / "runs" / f"{run_id(specs[0])}.parquet").unlink()

    def refuse(source, **options):
        if "read_dictionary" in options:
            raise pa.ArrowMemoryError("malloc of size 64 failed")
        return read(source, **options)

    read = pq.ParquetFile
    monkeypatch.setattr(pq, "ParquetFile", refuse)
    with pytest.raises(ResultsError, match=r"curves.parquet cannot be read: .* too little memory"):
        store.rebuild_tables(specs, splits)
    assert (tmp_path / "curves.parquet").read_bytes() == before


def test_tables_wait_for_who_makes_them_already(tmp_path):
    store, specs = filled(tmp_path)
    making = threading.Thread(target=store.rebuild_tables, args=(specs, splits))
    with locked(tmp_path):
        making.start()
        making.join(0.3)
        assert making.is_alive()
        assert not (tmp_path / "curves.parquet").exists()
    making.join(30)
    assert (tmp_path / "curves.parquet").exists()


def test_failures_count_their_attempts_and_go_when_the_run_finishes(tmp_path):
    store = Store(tmp_path)
    store.prepare()
    spec = spec_of()
    for attempt in (1, 2):
        store.write_failure(run_id(spec), failed("ValueError: no"))
        failure = store.failures()[run_id(spec)]
        assert (failure.attempts, failure.status, failure.error) == (
            attempt,
            "failed",
            "ValueError: no",
        )
    store.write_run(run_id(spec), content_of(spec))
    assert store.failures() == {}
    assert list((tmp_path / "failed").iterdir()) == []


def test_a_failed_run_stands_in_the_table_of_runs(tmp_path):
    store, specs = filled(tmp_path)
    lost = spec_of("entropy")
    store.write_failure(run_id(lost), failed("ValueError: no"))
    store.rebuild_tables([*specs, lost], splits)
    runs = alrun.load_runs(tmp_path)
    assert runs["status"].value_counts().to_dict() == {"finished": 4, "failed": 1}
    assert runs.loc[runs["status"] == "failed", "error"].tolist() == ["ValueError: no"]
    assert (runs.loc[runs["status"] == "finished", "seconds_fit"] > 0).all()


def test_an_error_that_is_no_text_stops_no_table(tmp_path):
    store, specs = filled(tmp_path)
    lost = spec_of("entropy")
    store.write_failure(run_id(lost), failed("OSError: caf\udce9\nis gone"))
    store.rebuild_tables([*specs, lost], splits)
    assert alrun.load_runs(tmp_path)["error"].iloc[-1] == "OSError: caf\\udce9\nis gone"


def test_no_temporary_file_stays_and_none_counts_as_a_run(tmp_path):
    store, specs = filled(tmp_path)
    store.rebuild_tables(specs, splits)
    assert [path for path in tmp_path.rglob(".*") if path.is_file()] == []
    (tmp_path / "runs" / ".half.parquet.x").write_bytes(b"half")
    (tmp_path / "runs" / ".half.parquet").write_bytes(b"half")
    assert store.finished() == {run_id(spec) for spec in specs}


@pytest.mark.parametrize("folder", ["", "runs", "failed"])
def test_what_killed_writers_left_goes_at_the_start_and_at_the_end_of_a_sweep(tmp_path, folder):
    store, specs = filled(tmp_path)
    left = tmp_path / folder / ".x.parquet.0123456789abcdef"
    for tidy in (store.prepare, lambda: store.rebuild_tables(specs, splits)):
        left.write_bytes(b"half")
        tidy()
        assert not left.exists()


def test_a_write_that_fails_leaves_what_was_there(tmp_path, monkeypatch):
    store, specs = filled(tmp_path)
    path = tmp_path / "runs" / f"{run_id(specs[0])}.parquet"
    before = path.read_bytes()

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(ResultsError, match="No space left"):
        store.write_run(run_id(specs[0]), content_of(specs[0]))
    assert path.read_bytes() == before
    assert list((tmp_path / "runs").glob(".*")) == []


def test_a_results_directory_that_is_a_file_is_one_line(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(ResultsError, match="cannot be a results directory"):
        Store(tmp_path / "file").prepare()


def test_labels_with_every_character_come_back(tmp_path):
    store = Store(tmp_path)
    store.prepare()
    label = 'ü, "x" | 日本 \\ %'
    spec = spec_of()
    spec = replace(spec, strategy=replace(spec.strategy, display_name=label))
    result = run_active_learning(spec, blobs())
    store.write_run(run_id(spec), content_of(spec, [label, "b", "c"]))
    store.rebuild_tables([spec], splits)
    assert set(alrun.load_curves(tmp_path)["strategy"]) == {label}
    assert label in set(alrun.load_queries(tmp_path)["label"])
    assert np.array_equal(
        alrun.load_queries(tmp_path)["index"],
        np.concatenate([entry.batch for entry in result.rounds]),
    )
