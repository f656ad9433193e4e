"""Results directories of one experiment are joined; nothing is lost, overwritten or mixed up."""

from pathlib import Path

import pyarrow.parquet as pq
import pytest
from commands import alrun_here

import alrun
from alrun.errors import AlrunError, ExperimentError, ResultsError
from alrun.experiment.join import join
from alrun.experiment.settings import Experiment
from alrun.experiment.toml import read_experiment
from alrun.sweep.merge import merge

PART = {
    "strategies": ["random", "margin"],
    "seeds": 2,
    "budget": 20,
    "batch_sizes": [5],
    "targets": [0.8],
    "dataset": {"name": "iris"},
}
TABLES = ("curves", "queries", "splits", "references")


def swept(folder, name, **changes):
    return alrun.run_sweep({**PART, **changes}, folder / name, jobs=0)


@pytest.fixture(scope="module")
def parts(tmp_path_factory):
    """Return the results of two machines, and of one that computed everything."""
    folder = tmp_path_factory.mktemp("parts")
    parts = swept(folder, "a"), swept(folder, "b", seeds=[2, 3])
    return *parts, swept(folder, "whole", seeds=4)


def contents(folder):
    return {path: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_the_parts_make_the_tables_of_the_whole(parts, tmp_path):
    one, other, whole = parts
    before = contents(one), contents(other)
    plan = merge([one, other], tmp_path / "joined")
    assert len(plan.finished) == len(plan.specs) == 8
    for name in TABLES:
        table = f"{name}.parquet"
        assert (plan.store.path / table).read_bytes() == (whole / table).read_bytes(), name
    toml = "experiment.toml"
    assert (plan.store.path / toml).read_text() == (whole / toml).read_text()
    assert (contents(one), contents(other)) == before
    assert len(merge([other], plan.store.path).finished) == 8  # what is there counts, too


def test_a_grid_that_is_not_whole_names_the_command_that_computes_the_rest(parts, tmp_path):
    one, _, _ = parts
    more = swept(tmp_path, "more", strategies=["random", "entropy"], seeds=3)
    done = alrun_here("merge", one, more, "--results", tmp_path / "joined")
    assert done.returncode == 0
    joined = tmp_path / "joined"
    assert done.stdout == (
        f"8 of 9 runs are in {joined}.\n"
        f"Next: alrun sweep {joined / 'experiment.toml'} --results {joined}\n"
    )
    order = alrun.load_queries(joined)["strategy"].cat.categories
    assert list(order) == ["random", "margin", "entropy"]


def test_data_files_are_found_from_the_new_place(tmp_path, monkeypatch):
    frame = alrun.load_curves(swept(tmp_path, "a"))[["accuracy", "n_labels"]]
    frame.assign(target=frame["n_labels"] > 10).to_csv(tmp_path / "mine.csv", index=False)
    monkeypatch.chdir(tmp_path)
    data = {"dataset": {"name": "mine.csv"}, "budget": 10, "initial": {"per_class": 1}}
    swept(tmp_path, "deep/er/a", **data)
    (tmp_path / "other.csv").write_bytes((tmp_path / "mine.csv").read_bytes() + b"0.5,20,True\n")
    swept(tmp_path, "b", **{**data, "dataset": {"name": "other.csv"}})
    plan = merge([Path("deep/er/a"), Path("b")], Path("c"))
    assert len(plan.finished) == 8
    saved = read_experiment(Path("c/experiment.toml"), (), check=True)
    assert [entry.name for entry in saved.dataset] == ["../mine.csv", "../other.csv"]


def test_a_run_in_two_directories_is_kept_and_a_differing_one_is_told(parts, tmp_path):
    one, _, _ = parts
    twin = swept(tmp_path, "twin")
    told = []
    merge([one, twin], tmp_path / "c", told.append)
    assert told == []
    victim = sorted((twin / "runs").iterdir())[0]
    table = pq.read_table(victim)
    column = table["macro_f1"].to_numpy() * 0.5
    changed = table.set_column(
        table.column_names.index("macro_f1"), table.schema.field("macro_f1"), [column]
    )
    pq.write_table(changed.replace_schema_metadata(table.schema.metadata), victim)
    kept = (tmp_path / "c" / "runs" / victim.name).read_bytes()
    merge([twin], tmp_path / "c", told.append)
    assert len(told) == 1
    assert "1 runs of" in told[0]
    assert (tmp_path / "c" / "runs" / victim.name).read_bytes() == kept


def test_a_damaged_file_is_left_out_and_told(parts, tmp_path):
    one, _, _ = parts
    twin = swept(tmp_path, "twin", seeds=[4, 5])
    victim = sorted((twin / "runs").iterdir())[0]
    victim.write_bytes(victim.read_bytes()[:-200])
    told = []
    plan = merge([one, twin], tmp_path / "c", told.append)
    assert len(plan.finished) == 7
    assert [str(victim) in sentence for sentence in told] == [True]
    assert victim.exists()


def test_what_makes_no_sense_is_refused_and_nothing_is_written(parts, tmp_path):
    one, other, whole = parts
    (tmp_path / "empty").mkdir()
    (tmp_path / "tables").mkdir()
    for path in whole.glob("*.*"):
        (tmp_path / "tables" / path.name).write_bytes(path.read_bytes())
    longer = swept(tmp_path, "longer", budget=25)
    cases = {
        (one, one): "named twice",
        (one, tmp_path / "empty"): "holds no experiment.toml",
        (one, tmp_path / "tables"): "holds no file of a run",
        (one, longer): "their budget differs, 20 and 25",
    }
    for sources, message in cases.items():
        with pytest.raises(AlrunError, match=message):
            merge(sources, tmp_path / "c")
    assert not (tmp_path / "c").exists()
    with pytest.raises(ResultsError, match="4 runs in its tables alone"):
        merge([one], tmp_path / "tables")
    (tmp_path / "tables" / "experiment.toml").unlink()
    with pytest.raises(ResultsError, match=r"and no experiment\.toml"):
        merge([one, other], tmp_path / "tables")


def joined(**changes):
    return join(
        {"a": Experiment.model_validate(PART), "b": Experiment.model_validate({**PART, **changes})}
    )


def test_grids_are_joined_in_order():
    more = [{"name": "density", "beta": 2.0}, "random"]
    found = joined(strategies=more, batch_sizes=[10, 5], targets=[0.9])
    assert [entry.label for entry in found.strategies] == ["random", "margin", "density(beta=2.0)"]
    assert (found.batch_sizes, found.seeds, found.targets) == ([5, 10], 2, [0.8])
    assert joined(seeds=[5]).seeds == [0, 1, 5]
    moved = joined(dataset=[{"name": "iris"}, {"name": "elsewhere/mine.csv"}])
    assert [entry.label for entry in moved.dataset] == ["iris", "elsewhere/mine.csv"]


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"initial": {"per_class": 3}}, "their initial differs"),
        ({"dataset": {"name": "iris", "scale": "standard"}}, "dataset 'iris' has another scale"),
        ({"model": {"name": "logistic", "C": 2.0}}, "model 'logistic' has another C"),
        ({"strategies": ["entropy"], "seeds": [7]}, "share no strategy and no seed"),
    ],
)
def test_contradictions_are_named(changes, problem):
    with pytest.raises(ExperimentError, match=problem) as caught:
        joined(**changes)
    assert caught.value.problems[0].startswith("a and b cannot be joined: ")
