"""A run's file is read back as it was written, or is found not to be that of its run."""

import json
import shutil
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from blob_runs import blobs, filled, spec_of
from fuzzing.mutations import flipping_bits

import alrun
from alrun import run_sweep
from alrun.errors import ResultsError
from alrun.results.compare import differing_rows
from alrun.results.run_file import CorruptRunFile, read_run, read_runs
from alrun.results.schema import RUN_FILE, SCHEMA_VERSION
from alrun.results.store import Store
from alrun.run.loop import run_active_learning
from alrun.spec import run_id, same_run


@pytest.fixture
def stored(tmp_path):
    """Return the path of a run's file, and its spec."""
    _, (spec,) = filled(tmp_path, seeds=(0,), names=("margin",))
    return tmp_path / "runs" / f"{run_id(spec)}.parquet", spec


def rewrite(path, table=None, **footer):
    """Write a file again with another table, or with other entries in its footer."""
    before = pq.read_table(path)
    metadata = {**before.schema.metadata, **{key.encode(): text for key, text in footer.items()}}
    kept = {key: text for key, text in metadata.items() if text is not None}
    pq.write_table((before if table is None else table).replace_schema_metadata(kept), path)


def test_a_run_comes_back_as_it_was(stored):
    path, spec = stored
    rounds, row = read_run(path, spec)
    result = run_active_learning(spec, blobs())
    assert rounds.schema.equals(RUN_FILE)
    assert rounds.schema.metadata is None  # it would be held for every run
    assert rounds["n_labels"].to_pylist() == [entry.n_labels for entry in result.rounds]
    assert rounds["batch"].to_pylist() == [entry.batch.tolist() for entry in result.rounds]
    assert (row["run_id"], row["rounds"], row["seed"]) == (run_id(spec), len(result.rounds), 0)


def test_wall_and_cpu_seconds_come_back_apart(stored):
    path, spec = stored
    rewrite(path, seconds=b'{"fit": 3}', cpu_seconds=b'{"fit": 2}')
    row = read_run(path, spec)[1]
    assert (row["seconds_fit"], row["cpu_seconds_fit"]) == (3, 2)


def test_wider_types_are_cast(stored):
    path, spec = stored
    table = pq.read_table(path)
    wider = [
        field.with_type(pa.int64()) if field.type == pa.int32() else field for field in RUN_FILE
    ]
    rewrite(path, table.cast(pa.schema(wider, table.schema.metadata)))
    assert pq.read_schema(path).field("n_labels").type == pa.int64()
    assert read_run(path, spec)[0].equals(table)


def test_many_runs_come_back_in_their_order_whatever_is_read_at_once(tmp_path, monkeypatch):
    _, specs = filled(tmp_path, seeds=(0, 1, 2))
    by_id = {run_id(spec): spec for spec in reversed(specs)}
    at_once = read_runs(tmp_path / "runs", by_id, None)
    monkeypatch.setattr("alrun.results.run_file._CHUNK_SIZE", 2)
    in_blocks = read_runs(tmp_path / "runs", by_id, None)
    assert at_once.rows["run_id"].to_pylist() == list(by_id) == list(in_blocks.specs)
    assert in_blocks.rounds.equals(at_once.rounds)
    assert in_blocks.rows.to_pylist() == at_once.rows.to_pylist()


def with_nulls(path, place):
    """Return the table of a run with as many queries as before, but nulls for what stands there."""
    table = pq.read_table(path)
    nulls = [[None] * len(batch) for batch in table["batch"].to_pylist()]
    field = table.schema.field(place)
    return table.set_column(place, field.name, pa.array(nulls, field.type))


BATCH, LABELS = (RUN_FILE.get_field_index(name) for name in ("batch", "labels"))
DAMAGE = {
    "truncated": lambda path: path.write_bytes(path.read_bytes()[:-100]),
    "half": lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]),
    "empty": lambda path: path.write_bytes(b""),
    "text": lambda path: path.write_bytes(b"not a table" * 100),
    "a flipped page": lambda path: path.write_bytes(
        path.read_bytes()[:40] + bytes(200) + path.read_bytes()[240:]
    ),
    "no footer": lambda path: rewrite(path, spec=None),
    "a footer that is no JSON": lambda path: rewrite(path, seconds=b"{"),
    "a footer of another kind": lambda path: rewrite(path, warnings=b"[1]"),
    "a deep footer": lambda path: rewrite(path, provenance=b"[" * 100_000),
    "a count beyond its type": lambda path: rewrite(path, checks=b'{"batches": 1e30}'),
    "seconds that are words": lambda path: rewrite(path, seconds=b'{"fit": "long"}'),
    "a version that is none": lambda path: rewrite(path, schema_version=b"new"),
    "a spec that is none": lambda path: rewrite(path, spec=b'{"dataset": "iris"}'),
    "other columns": lambda path: rewrite(path, pa.table({"x": [1]})),
    "no rounds": lambda path: rewrite(path, pq.read_table(path).slice(0, 0)),
    "a round without labels": lambda path: rewrite(
        path, pq.read_table(path).set_column(1, "n_labels", pa.nulls(6, pa.int32()))
    ),
    "rounds without queries": lambda path: rewrite(
        path,
        pq.read_table(path)
        .set_column(BATCH, "batch", pa.nulls(6, pa.list_(pa.int32())))
        .set_column(LABELS, "labels", pa.nulls(6, pa.list_(pa.string()))),
    ),
    "queries without a row": lambda path: rewrite(path, with_nulls(path, BATCH)),
    "queries without a label": lambda path: rewrite(path, with_nulls(path, LABELS)),
    "no last round": lambda path: rewrite(path, pq.read_table(path).slice(0, 5)),
    "no first round": lambda path: rewrite(path, pq.read_table(path).slice(1)),
    "rounds twice": lambda path: rewrite(path, pa.concat_tables([pq.read_table(path)] * 2)),
    "rounds in another order": lambda path: rewrite(
        path, pq.read_table(path).take([1, 0, *range(2, 6)])
    ),
    "fewer labels than queries": lambda path: rewrite(
        path,
        pq.read_table(path).set_column(
            LABELS, "labels", pa.array([["a"] * 3] * 5 + [[]], pa.list_(pa.string()))
        ),
    ),
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_damage_is_found(stored, damage):
    path, spec = stored
    assert pq.read_table(path).column_names[1] == "n_labels"
    damage(path)
    with pytest.raises(CorruptRunFile) as caught:
        read_run(path, spec)
    assert "\n" not in str(caught.value)


def test_no_flipped_bit_gives_another_run(stored):
    path, spec = stored
    rounds, _ = read_run(path, spec)
    for place in flipping_bits(path, 3):
        with suppress(CorruptRunFile):
            assert read_run(path, spec)[0].equals(rounds), place


def test_what_is_no_regular_file_is_not_read(stored, tmp_path):
    path, spec = stored
    path.rename(tmp_path / "outside")
    path.symlink_to(tmp_path / "outside")
    with pytest.raises(CorruptRunFile, match="not a regular file"):
        read_run(path, spec)
    path.unlink()
    path.mkdir()
    with pytest.raises(CorruptRunFile, match="not a regular file"):
        read_run(path, spec)


@pytest.mark.parametrize("changes", [{"seed": 1}, {"budget": 16}, {"batch_size": 5}], ids=list)
def test_another_run_under_this_name_is_found(stored, changes):
    path, spec = stored
    with pytest.raises(CorruptRunFile, match="another run"):
        read_run(path, replace(spec, **changes))


def test_other_labels_are_no_other_run(stored):
    path, spec = stored
    renamed = replace(spec, strategy=replace(spec.strategy, display_name="mine"))
    _, row = read_run(path, renamed)
    assert row["strategy"] == "mine"


def test_specs_of_other_versions_are_read(stored):
    """What was added later lacks in the old, and what is added yet is not known here."""
    path, spec = stored
    description = spec.describe()
    for part, key in (
        ("dataset", "splits"),
        ("dataset", "subsample"),
        ("initial", "rows"),
        ("model", "version"),
        ("strategy", "replica"),
    ):
        del description[part][key]
    description["dataset"]["later"] = None
    rewrite(path, spec=json.dumps(description).encode())
    assert read_run(path, spec)[1]["run_id"] == run_id(spec)
    rewrite(path, checks=None)  # which the first version did not count
    assert read_run(path, spec)[1].get("batches") is None


def test_parameters_that_json_changes_make_no_other_run():
    table = {"table": {2: "b", 10: "a"}, "pair": (1, 2)}
    spec = spec_of()
    spec = replace(spec, strategy=replace(spec.strategy, parameters=table))
    stored = json.dumps(spec.describe(), sort_keys=True)
    relabelled = replace(spec, model=replace(spec.model, display_name="other"))
    assert same_run(json.dumps(relabelled.describe(), sort_keys=True), stored)
    assert not same_run(json.dumps(replace(spec, seed=1).describe()), stored)


def test_a_newer_file_is_not_damaged(stored):
    path, spec = stored
    rewrite(path, pa.table({"x": [1]}), schema_version=b"%d" % (SCHEMA_VERSION + 1), spec=None)
    with pytest.raises(ResultsError, match=rf"schema version {SCHEMA_VERSION + 1}.*update alrun"):
        read_run(path, spec)


def test_a_file_that_the_system_does_not_let_read_is_not_damaged(stored, monkeypatch):
    path, spec = stored

    def refuse(self):
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr("pathlib.Path.read_bytes", refuse)
    with pytest.raises(ResultsError, match="cannot be read: Permission denied"):
        read_run(path, spec)
    assert Store(path.parent.parent).finished() == {run_id(spec)}


# Files of other versions

VERSION_1 = Path(__file__).parent / "fixtures" / "version_1"


def test_a_column_that_is_not_known_is_ignored(stored):
    path, spec = stored
    before = read_run(path, spec)[0]
    rewrite(path, pq.read_table(path).add_column(3, "of_the_future", pa.array(range(6))))
    assert read_run(path, spec)[0].equals(before)


@pytest.mark.parametrize("name", ["roc_auc", "log_loss", "average_precision"])
def test_a_score_that_an_earlier_version_did_not_write_is_null(stored, name):
    path, spec = stored
    before = read_run(path, spec)[0]
    rewrite(path, pq.read_table(path).drop_columns([name]), ended=None, cpu_seconds=None)
    rounds, row = read_run(path, spec)
    assert rounds[name].null_count == rounds.num_rows
    assert rounds.drop_columns([name]).equals(before.drop_columns([name]))
    assert row["ended"] is None


def test_a_column_whose_name_is_damaged_is_not_taken_for_one_of_another_version(stored):
    path, spec = stored
    table = pq.read_table(path)
    names = [name.replace("kappa_2", "kappa_3") for name in table.column_names]
    rewrite(path, table.rename_columns(names))
    with pytest.raises(CorruptRunFile, match="its columns are not those"):
        read_run(path, spec)


@pytest.mark.parametrize("name", ["round", "n_correct", "accuracy", "batch", "labels"])
def test_a_column_that_every_version_wrote_must_be_there(stored, name):
    path, spec = stored
    rewrite(path, pq.read_table(path).drop_columns([name]))
    with pytest.raises(CorruptRunFile, match=f"no column '{name}'"):
        read_run(path, spec)


def test_runs_of_the_first_version_are_read_and_not_computed_again(tmp_path):
    results = tmp_path / "results"
    shutil.copytree(VERSION_1, results)
    (results / "curves.parquet").unlink()
    files = {path: path.read_bytes() for path in (results / "runs").iterdir()}
    run_sweep(results / "experiment.toml", results, jobs=0)
    assert {path: path.read_bytes() for path in (results / "runs").iterdir()} == files
    assert not list(results.rglob("*.damaged*"))
    old, new = (pq.read_table(folder / "curves.parquet") for folder in (VERSION_1, results))
    assert new.select(old.column_names).equals(old)
    assert new["roc_auc"].null_count == new.num_rows == 16
    assert alrun.load_runs(results)["ended"].isna().all()


def test_tables_of_the_first_version_are_loaded_with_nulls_for_what_they_lack():
    curves = alrun.load_curves(VERSION_1)
    assert curves["brier"].isna().all()
    assert curves["accuracy"].notna().all()
    assert set(alrun.load_runs(VERSION_1)["status"]) == {"finished"}
    assert alrun.report(VERSION_1, [0.9]).rows["n_seeds"].tolist() == [2, 2]


def test_the_same_experiment_gives_what_the_first_version_gave(tmp_path):
    again = run_sweep(VERSION_1 / "experiment.toml", tmp_path / "again", jobs=0)
    for name in ("curves", "queries", "splits"):
        old = pq.read_table(VERSION_1 / f"{name}.parquet")
        new = pq.read_table(again / f"{name}.parquet")
        assert not differing_rows(old, new.select(old.column_names)).any(), name
    assert set(alrun.load_runs(again)["ended"]) == {"budget"}
