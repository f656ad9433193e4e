"""Sweeps: the same tables whatever the workers, the order and the interruptions."""

import random
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from small_experiments import tables
from threadpoolctl import threadpool_limits

import alrun
from alrun.api import run_sweep
from alrun.data import splits
from alrun.errors import AlrunError, ExperimentError, ResultsError
from alrun.execute.local import Workers
from alrun.spec import RunSpec, run_id
from alrun.sweep.plan import SweepPlan, plan_sweep
from alrun.sweep.run import run_missing
from alrun.util.random_streams import generator

GOLDEN_BATCHES = {
    "0c6ac7562b93c742": [13, 113, 0, 87, 53],
    "4ac7cdf0aa675123": [44, 115, 65, 111, 31],
    "759126c379d8a045": [147, 86, 78, 135, 6],
    "9bafa3ef6e60b1dc": [108, 77, 98, 86, 56],
    "e87eb3cae2d67ac7": [86, 127, 138, 111, 57],
    "ec684e0a3cbaa58e": [61, 66, 55, 95, 68],
}


@pytest.mark.parametrize("jobs", [0, 1])
def test_none_one_and_two_workers_give_the_same_bytes(small, small_results, tmp_path, jobs):
    assert tables(run_sweep(small, tmp_path / "results", jobs=jobs)) == tables(small_results)


def test_mapped_features_give_the_same_bytes(small, small_results, tmp_path, monkeypatch):
    monkeypatch.setattr("alrun.data.memory_map._LARGE", 0)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert isinstance(plan_sweep(small, tmp_path / "mapped").sources["digits"].X, np.memmap)
    assert tables(run_sweep(small, tmp_path / "mapped", jobs=1)) == tables(small_results)
    assert {path.name for path in tmp_path.iterdir()} == {"small.toml", "mapped"}


def test_the_order_of_the_runs_does_not_matter(small, small_results, tmp_path, monkeypatch):
    in_order = SweepPlan.missing

    def shuffled(plan, retry_failed=False):
        specs = in_order(plan, retry_failed)
        random.Random(0).shuffle(specs)
        return specs

    monkeypatch.setattr(SweepPlan, "missing", shuffled)
    assert tables(run_sweep(small, tmp_path / "shuffled", jobs=0)) == tables(small_results)


def test_an_interrupted_sweep_goes_on_where_it_was(small, small_results, tmp_path):
    results = tmp_path / "interrupted"
    seen = []

    def interrupt(spec, outcome):
        seen.append(outcome.run_id)
        if len(seen) == 6:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_missing(plan_sweep(small, results), Workers(1), on_progress=interrupt)
    kept = {path.name: path.stat().st_mtime_ns for path in (results / "runs").glob("*.parquet")}
    assert 6 <= len(kept) < 16
    # What is finished can be looked at already.
    assert alrun.load_curves(results)["run_id"].nunique() == len(kept)
    run_sweep(small, results, jobs=0)
    assert tables(results) == tables(small_results)
    now = {path.name: path.stat().st_mtime_ns for path in (results / "runs").glob("*.parquet")}
    assert kept.items() <= now.items()


@pytest.mark.parametrize("name", ["...toml", "..toml"])
def test_a_name_that_leads_out_of_the_results_is_refused(tiny, tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    (tmp_path / name).write_text(tiny.read_text())
    with pytest.raises(ExperimentError, match="is no place for results; rename the file"):
        plan_sweep(Path(name))
    assert plan_sweep(Path(name), tmp_path / "results").store.path == tmp_path / "results"


def test_a_finished_sweep_computes_nothing(tiny, tmp_path):
    results = run_sweep(tiny, tmp_path / "results", jobs=0)
    before = {
        path: path.stat().st_mtime_ns
        for path in results.rglob("*")
        if path.suffix != ".parquet" or path.parent.name == "runs"
    }
    called = []
    run_missing(
        plan_sweep(tiny, results), Workers(0), on_progress=lambda spec, outcome: called.append(spec)
    )
    assert called == []
    assert {path: path.stat().st_mtime_ns for path in before if path.is_file()} == {
        path: time for path, time in before.items() if path.is_file()
    }


@pytest.mark.parametrize(
    ("grown", "n_new"),
    [
        ("seeds=5", 4),
        ('strategies=["random", "margin", "entropy"]', 3),
        ("batch_sizes=[5, 7]", 6),
        ("targets=[0.5, 0.95]", 0),
        ("budget=30", 6),
    ],
)
def test_a_grid_that_grows_computes_only_what_is_new(tiny, tmp_path, grown, n_new):
    results = run_sweep(tiny, tmp_path / "results", jobs=0)
    old = pd.read_parquet(results / "curves.parquet")
    called = []
    plan = plan_sweep(tiny, results, [grown])
    run_missing(plan, Workers(0), on_progress=lambda spec, outcome: called.append(spec))
    assert sum(isinstance(spec, RunSpec) for spec in called) == n_new
    # Nor is a floor or a ceiling computed again: seed 3 or 4 has two that are new.
    assert len(called) - n_new == (4 if grown == "seeds=5" else 0)
    new = pd.read_parquet(results / "curves.parquet")
    assert new["run_id"].nunique() == len(plan.specs)
    if "budget" not in grown:
        kept = new[new["run_id"].isin(old["run_id"])].reset_index(drop=True)
        pd.testing.assert_frame_equal(kept, old, check_categorical=False, check_dtype=False)


def test_all_strategies_models_and_batch_sizes_of_a_seed_share_split_and_initial_set(tmp_path):
    path = tmp_path / "pairs.toml"
    path.write_text(
        """
        strategies = ["random", "margin"]
        batch_sizes = [3, 6]
        seeds = 4
        budget = 12
        dataset = {name = "iris", test_size = 50}
        model = [{}, {name = "sklearn.naive_bayes.GaussianNB"}]
        """
    )
    results = run_sweep(path, tmp_path / "results", jobs=0)
    curves, queries = alrun.load_curves(results), alrun.load_queries(results)
    first = curves[curves["round"] == 0]
    scores = first.groupby(["model", "seed"], observed=True)["log_loss"]
    assert (scores.nunique() == 1).all()
    splits = pd.read_parquet(results / "splits.parquet")
    for (run, seed), _ in curves.groupby(["run_id", "seed"]):
        pool = splits[(splits["seed"] == seed) & (splits["role"] == "pool")]["index"]
        queried = queries[queries["run_id"] == run]["index"]
        assert set(queried) <= set(pool)
        assert queried.is_unique


def test_one_run_that_raises_is_recorded_and_the_others_go_on(tiny, tmp_path, monkeypatch):
    (tmp_path / "mine.py").write_text(
        "def moody(pool, n, rng):\n"
        "    if pool.X.sum() % 1 < 0.7:\n"
        "        raise ArithmeticError('not today')\n"
        "    return list(range(n))\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    overrides = ['strategies=["random", "mine:moody"]', "seeds=12"]
    plan = run_missing(plan_sweep(tiny, tmp_path / "results", overrides), Workers(0))
    failed = {plan.specs[identity].strategy.name for identity in plan.failures}
    assert failed == {"mine:moody"}
    assert len(plan.finished) + len(plan.failures) == 24
    assert {spec.strategy.name for spec in map(plan.specs.get, plan.finished)} >= {"random"}
    failure = next(iter(plan.failures.values()))
    place = "(mine.py, line 3: raise ArithmeticError('not today'))"
    assert failure.error == f"ArithmeticError: not today {place}"
    assert "moody" in failure.traceback
    # A failure is not tried again unless asked for, and then once more.
    assert plan_sweep(tiny, tmp_path / "results", overrides).missing() == []
    again = run_missing(
        plan_sweep(tiny, tmp_path / "results", overrides), Workers(0), retry_failed=True
    )
    assert {failure.attempts for failure in again.failures.values()} == {2}


def test_a_sweep_stops_after_so_many_failures(tiny, tmp_path, monkeypatch):
    (tmp_path / "never.py").write_text("def never(pool, n, rng):\n    raise RuntimeError('no')\n")
    monkeypatch.syspath_prepend(tmp_path)
    plan = plan_sweep(tiny, tmp_path / "results", ['strategies=["never:never"]', "seeds=30"])
    assert 2 <= len(run_missing(plan, Workers(0), max_failures=2).failures) < 30
    with pytest.raises(ResultsError, match="runs failed; the first is"):
        run_sweep(tiny, tmp_path / "other", jobs=0, overrides=['strategies=["never:never"]'])


def test_the_saved_experiment_gives_the_same_runs(small, small_results):
    again = plan_sweep(small_results / "experiment.toml", small_results)
    assert again.specs.keys() == plan_sweep(small).specs.keys()
    assert again.missing() == []


def test_a_data_file_is_found_from_the_saved_experiment_too(tmp_path, monkeypatch):
    folder = tmp_path / "experiments"
    folder.mkdir()
    from sklearn.datasets import load_iris

    frame = load_iris(as_frame=True).frame
    frame.to_csv(folder / "flowers.csv", index=False)
    (folder / "mine.toml").write_text(
        'strategies = ["random"]\nseeds = 1\nbudget = 8\n[dataset]\nname = "flowers.csv"\n'
    )
    monkeypatch.chdir(tmp_path)
    results = run_sweep("experiments/mine.toml", jobs=0)
    assert results == Path("results/mine")
    assert set(alrun.load_curves(results)["dataset"]) == {"flowers.csv"}
    assert plan_sweep(results / "experiment.toml", results).missing() == []


def test_sources_in_folders_are_found_from_the_saved_experiment_too(tmp_path):
    for name, words in {"a": "sea sky", "b": "ball goal"}.items():
        (tmp_path / "data/texts" / name).mkdir(parents=True)
        for place in range(12):
            text = f"{words} word{place % 5}"
            (tmp_path / "data/texts" / name / f"{place:02}").write_text(text)
    (tmp_path / "data/idx").mkdir()
    labels = bytes(place % 3 for place in range(30))
    content = b"\0\0\x08\3\0\0\0\x1e\0\0\0\1\0\0\0\2" + b"".join(
        bytes([label * 9, place]) for place, label in enumerate(labels)
    )
    (tmp_path / "data/idx/train-images").write_bytes(content)
    (tmp_path / "data/idx/train-labels").write_bytes(b"\0\0\x08\1\0\0\0\x1e" + labels)
    path = tmp_path / "questions" / "folders.toml"
    path.parent.mkdir()
    path.write_text(
        'strategies = ["random", "margin"]\nseeds = 2\nbatch_sizes = [2]\nbudget = 8\n'
        '[[dataset]]\nname = "../data/texts/"\nngram_range = [1, 2]\nsubsample = 20\n'
        '[[dataset]]\nname = "idx:../data/idx"\nscale = 255\npositive = 2\n'
    )
    results = run_sweep(path, tmp_path / "results" / "folders", jobs=0)
    plan = plan_sweep(results / "experiment.toml", results)
    assert len(plan.finished) == len(plan.specs) == 8
    assert [entry.scale for entry in plan.experiment.dataset] == ["tfidf", 255.0]
    drawn = pd.read_parquet(results / "splits.parquet").groupby(["dataset", "seed"]).size()
    assert drawn.loc["../data/texts/"].tolist() == [20, 20]
    assert drawn.loc["idx:../data/idx"].tolist() == [30, 30]


def test_results_do_not_depend_on_the_current_directory(tiny, tmp_path, monkeypatch):
    first = run_sweep(tiny, tmp_path / "a", jobs=0)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert tables(run_sweep(tiny, tmp_path / "b", jobs=0)) == tables(first)


def test_splits_of_ones_own_replay_the_splits_that_were_drawn(tiny, tmp_path):
    drawn = run_sweep(tiny, tmp_path / "drawn", jobs=0)
    path = tmp_path / "given.toml"
    path.write_text(
        'strategies = ["random", "margin"]\nbatch_sizes = [5]\nseeds = 3\nbudget = 20\n'
        '[dataset]\nname = "iris"\nsplits = "drawn/splits.parquet"\n'
    )
    given = run_sweep(path, tmp_path / "given", jobs=0)
    assert (given / "splits.parquet").read_bytes() == (drawn / "splits.parquet").read_bytes()
    columns = ["strategy", "seed", "n_labels", "accuracy"]
    curves = [alrun.load_curves(results).query("round == 0")[columns] for results in (drawn, given)]
    pd.testing.assert_frame_equal(*curves)


def test_data_drawn_per_seed_differ_between_seeds_and_not_between_strategies(tmp_path):
    path = tmp_path / "drawn.toml"
    path.write_text(
        'strategies = ["random", "margin"]\nseeds = 3\nbudget = 30\n'
        '[dataset]\nname = "make_classification"\nper_seed = true\nn_samples = 200\n'
    )
    one, two = (run_sweep(path, tmp_path / str(jobs), jobs=jobs) for jobs in (0, 1))
    assert tables(one) == tables(two)
    first = alrun.load_curves(one).query("round == 0")
    assert first.groupby("seed")["log_loss"].nunique().tolist() == [1, 1, 1]
    assert first["log_loss"].nunique() == 3


def test_twins_in_the_grid_are_refused(tiny):
    with pytest.raises(ExperimentError, match="the same run"):
        plan_sweep(tiny, overrides=['strategies=["random", {name="random", label="twin"}]'])
    replica = 'strategies=["random", {name="random", replica=1}]'
    assert len(plan_sweep(tiny, overrides=[replica]).specs) == 6


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        (["budget=3"], "below the 6 initial labels"),
        (["dataset.test_size=150"], "leave none"),
        (["dataset.test_size=2"], "stratified test part of 2"),
        (["initial.per_class=34", "budget=102"], "has 33 examples in the training part"),
        (["dataset.name=nothing.csv"], "there is no file"),
    ],
)
def test_what_the_data_cannot_give_is_known_before_the_sweep(tiny, overrides, said):
    with pytest.raises(ExperimentError, match=said) as caught:
        plan_sweep(tiny, overrides=overrides)
    assert str(caught.value).startswith(f"{tiny}: ")


def test_data_sets_that_cannot_be_split_are_named(tiny):
    sets = ", ".join(
        f'{{name="iris", label="{label}", subsample={n}, test_size=3}}'
        for label, n in (("enough", 60), ("few", 6), ("many", 149))
    )
    with pytest.raises(ExperimentError) as caught:
        plan_sweep(tiny, overrides=[f"dataset=[{sets}]"])
    few, many = str(caught.value).splitlines()
    assert few.startswith(f"{tiny}: few: dataset.subsample = 6: class 'setosa' has 1 example")
    assert many.startswith(f"{tiny}: many: dataset.subsample = 149: a stratified subsample of 149")


def test_long_runs_come_first(small):
    sizes = [spec.batch_size for spec in plan_sweep(small).missing()]
    assert sizes == sorted(sizes)


def test_runs_record_seconds_and_provenance(small_results):
    runs = alrun.load_runs(small_results)
    assert len(runs) == 16
    assert (runs[["seconds_fit", "seconds_query", "seconds_evaluate"]] >= 0).all().all()
    assert runs["provenance"].str.contains("scikit-learn").all()
    assert (runs["unconverged"] == 0).all()


def test_one_thread_computes_a_run_whatever_the_number_of_workers(tiny, tmp_path, monkeypatch):
    (tmp_path / "threads.py").write_text(
        "from threadpoolctl import threadpool_info\n"
        "def threads(pool, n, rng):\n"
        "    counts = {entry['num_threads'] for entry in threadpool_info()}\n"
        "    assert counts == {1}, counts\n"
        "    return list(range(n))\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    with threadpool_limits(2):
        for jobs in (0, 1):  # one worker alone is the one to which a library leaves all cores
            overrides = ['strategies=["threads:threads"]']
            run_sweep(tiny, tmp_path / str(jobs), jobs=jobs, overrides=overrides)


def test_results_of_an_earlier_grid_are_compacted_with_the_new_one(tiny, tmp_path):
    results = run_sweep(tiny, tmp_path / "results", jobs=0)
    run_sweep(tiny, results, jobs=0, overrides=["seeds=2"])
    assert sorted(alrun.load_curves(results)["seed"].unique()) == [0, 1]
    assert len(list((results / "runs").iterdir())) == 6
    with pytest.raises(AlrunError, match="no such file"):
        run_sweep(tmp_path / "nothing.toml")


def test_the_ids_of_the_files_are_those_of_the_specs(tiny, tmp_path):
    results = run_sweep(tiny, tmp_path / "results", jobs=0)
    plan = plan_sweep(tiny, results)
    assert {path.stem for path in (results / "runs").iterdir()} == set(plan.specs)
    assert all(run_id(spec) == identity for identity, spec in plan.specs.items())
    assert pq.read_metadata(results / "curves.parquet").num_rows == 6 * 4


def test_runs_of_a_smaller_pool_are_whole(tmp_path):
    """Splits of unequal size, and a budget above both pools: both seeds end by right."""
    roles = ["test", "initial", "pool"]
    rows = [
        (seed, index, roles[index % 3 if 45 <= index < 105 else index % 3 and 2])
        for seed, n in ((0, 150), (1, 120))
        for index in range(n)
    ]
    pd.DataFrame(rows, columns=["seed", "index", "role"]).to_parquet(tmp_path / "mine.parquet")
    path = tmp_path / "unequal.toml"
    path.write_text(
        'strategies = ["random", "margin"]\nseeds = 2\nbudget = 1000\ntargets = [0.9]\n'
        '[dataset]\nname = "iris"\nsplits = "mine.parquet"\n'
    )
    results = run_sweep(path, tmp_path / "results", jobs=0)
    report = alrun.report(results)
    assert report.rows["n_seeds"].tolist() == [2, 2]
    assert not any("left out" in note for note in report.notes)


def test_each_stream_depends_on_what_the_contract_says(tmp_path, monkeypatch):
    """split and initial: data set and seed; model: and the model; others: the cell, no budget."""
    path = tmp_path / "streams.toml"
    path.write_text(
        """
        strategies = ["random", "margin", {name = "random", replica = 1}]
        batch_sizes = [3, 6]
        seeds = 2
        budget = 12
        dataset = {name = "iris", test_size = 50}
        model = [{}, {C = 2.0, label = "other"}, {name = "sklearn.naive_bayes.GaussianNB"}]
        """
    )
    asked = {}

    def spying(seed, purpose, *key):
        asked.setdefault(purpose, set()).add(repr((seed, key)))
        return generator(seed, purpose, *key)

    splits._split_cache.clear()
    for module in ("run.loop", "run.learner", "run.setting", "data.splits", "data.dataset"):
        monkeypatch.setattr(f"alrun.{module}.generator", spying)
    run_sweep(path, tmp_path / "a", jobs=0)
    counts = {purpose: len(keys) for purpose, keys in asked.items()}
    # Beside the cells, the learners of the six ceilings have streams, and query nothing.
    of_cells = {"strategy": 36 + 6, "order": 36 + 6, "global": 36}
    assert counts == {"split": 2, "initial": 2, "model": 6, **of_cells}
    # A longer budget, another test part or another initial rule asks for no new one of these.
    for override in ("budget=18", "dataset.test_size=40", "initial.per_class=1"):
        before = {purpose: set(keys) for purpose, keys in asked.items()}
        run_sweep(path, tmp_path / "a", jobs=0, overrides=[override])
        old = {"split", "initial", "model"} | (set(of_cells) if "budget" in override else set())
        assert all(asked[purpose] == before[purpose] for purpose in old)


def test_the_first_batches_are_the_same_for_ever(tiny, tmp_path):
    queries = alrun.load_queries(run_sweep(tiny, tmp_path / "results", jobs=0))
    first = queries[queries["round"] == 0].groupby("run_id", sort=True)["index"].apply(list)
    assert first.to_dict() == GOLDEN_BATCHES


def test_given_and_drawn_splits_in_one_experiment_can_be_read_again(tiny, tmp_path):
    drawn = run_sweep(tiny, tmp_path / "drawn", jobs=0)
    path = tmp_path / "both.toml"
    path.write_text(
        'strategies = ["random"]\nseeds = 2\nbudget = 20\ninitial = {per_class = 3}\n'
        '[[dataset]]\nname = "iris"\nsplits = "drawn/splits.parquet"\n'
        '[[dataset]]\nname = "wine"\n'
    )
    results = run_sweep(path, tmp_path / "both", jobs=0)
    assert plan_sweep(results / "experiment.toml", results).missing() == []
    first = alrun.load_curves(results).query("round == 0").groupby("dataset", observed=True)
    assert first["n_labels"].unique().map(list).to_dict() == {"iris": [6], "wine": [9]}
    assert len(alrun.report(results, [0.9]).rows) == 2
    assert drawn.is_dir()


def test_the_saved_experiment_holds_the_defaults_of_what_is_built_in(tiny, tmp_path):
    results = run_sweep(tiny, tmp_path / "results", jobs=0)
    assert (
        'name = "logistic", label = "logistic", C = 1.0'
        in (results / "experiment.toml").read_text()
    )


def test_what_is_wrong_with_each_data_set_is_said_at_once(tmp_path):
    (tmp_path / "a.csv").write_text("x,target\n1,a\n2,a\n")
    (tmp_path / "b.csv").write_text("x,target\n1,a\n,b\n")
    path = tmp_path / "two.toml"
    path.write_text(
        'strategies = ["random"]\nseeds = 2\nbudget = 20\n'
        '[[dataset]]\nname = "a.csv"\n[[dataset]]\nname = "b.csv"\n'
    )
    with pytest.raises(ExperimentError) as caught:
        plan_sweep(path)
    one, other = caught.value.problems
    assert one.startswith(f"{path}: dataset[1]: {tmp_path / 'a.csv'}: all 2 labels are the same")
    assert other.startswith(f"{path}: dataset[2]: {tmp_path / 'b.csv'}: values are missing in 'x'")


def test_a_strategy_that_was_edited_is_not_run_by_an_old_worker(tiny, tmp_path, monkeypatch):
    module = tmp_path / "edited.py"
    monkeypatch.syspath_prepend(tmp_path)
    picked = []
    for version, rows in enumerate(("range(n)", "range(len(pool) - n, len(pool))")):
        module.write_text(f"def pick(pool, n, rng):\n    return list({rows})\n")
        overrides = ['strategies=["edited:pick"]']
        results = run_sweep(tiny, tmp_path / f"version {version}", jobs=1, overrides=overrides)
        first = alrun.load_queries(results).query("round == 0")
        picked.append(first.groupby("run_id")["index"].agg(frozenset).to_dict())
    old, new = picked
    assert len(old) == 3
    assert all(old[run].isdisjoint(new[run]) for run in old)


# Initial sets by clusters and by lists


LISTED = """
strategies = ["random", "margin"]
batch_sizes = [5]
seeds = 2
budget = 20
initial = {method = "file", file = "lists/experts.csv"}
dataset = {name = "iris", test_size = 50}
"""


@pytest.fixture
def listed(tmp_path):
    """An experiment whose initial sets are listed in another folder, no two alike."""
    (tmp_path / "lists").mkdir()
    (tmp_path / "lists" / "experts.csv").write_text("seed,index\n0,1\n0,77\n1,1\n1,3\n1,78\n")
    path = tmp_path / "listed.toml"
    path.write_text(LISTED)
    return path


def test_a_list_is_labelled_first_and_found_from_the_saved_experiment_too(listed, tmp_path):
    results = run_sweep(listed, tmp_path / "deep" / "results", jobs=0)
    splits = pd.read_parquet(results / "splits.parquet").query("role == 'initial'")
    assert splits.groupby("seed")["index"].apply(list).to_dict() == {0: [1, 77], 1: [1, 3, 78]}
    first = alrun.load_curves(results).query("round == 0")
    assert first.groupby("seed")["n_labels"].unique().map(list).to_dict() == {0: [2], 1: [3]}
    saved = plan_sweep(results / "experiment.toml", results)
    assert saved.missing() == []
    assert saved.experiment.initial[0].file == "../../lists/experts.csv"
    assert any(
        "lack a class in 2 of 2 seeds" in note for note in alrun.report(results, [0.9]).notes
    )


def test_only_the_list_of_a_seed_is_part_of_its_identity(listed, tmp_path):
    before = plan_sweep(listed).specs
    content = tmp_path / "lists" / "experts.csv"
    content.rename(tmp_path / "elsewhere.csv")
    moved = plan_sweep(listed, overrides=["initial.file=elsewhere.csv"]).specs
    assert moved.keys() == before.keys()
    content.write_text((tmp_path / "elsewhere.csv").read_text().replace("1,78", "1,79"))
    changed = plan_sweep(listed).specs
    assert {before[key].seed for key in before.keys() & changed.keys()} == {0}
    assert len(before.keys() & changed.keys()) == 2


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        (["budget=2"], "budget: 2 is below the 3 initial labels"),
        (
            ["seeds=3"],
            "initial.file: {file}: there is no row for seed 2; list its initial examples",
        ),
        (["initial.file=nothing.csv"], "initial.file: there is no file '{folder}/nothing.csv'"),
        (["dataset.test_size=146"], "initial.file: beside the 2 examples listed for seed 0, "),
    ],
)
def test_what_is_wrong_with_a_list_is_known_before_the_sweep(listed, tmp_path, overrides, said):
    with pytest.raises(ExperimentError) as caught:
        plan_sweep(listed, overrides=overrides)
    said = said.format(folder=tmp_path, file=tmp_path / "lists" / "experts.csv")
    assert str(caught.value).startswith(f"{listed}: {said}")
    assert "\n" not in str(caught.value)


def test_a_list_of_any_seed_that_leaves_no_test_part_is_known_before_the_sweep(listed, tmp_path):
    rows = "".join(f"2,{index}\n" for index in range(101))
    with (tmp_path / "lists" / "experts.csv").open("a") as file:
        file.write(f"{rows}3,5\n")
    overrides = ["seeds=4", "budget=110"]
    with pytest.raises(ExperimentError, match=r"101 examples listed for seed 2, class 'setosa'"):
        plan_sweep(listed, overrides=overrides)


def test_data_sets_share_a_list_by_their_labels(listed, tmp_path):
    drawn = {"index": range(150), "seed": 0, "role": ["initial", "pool", "test"] * 50}
    pd.DataFrame(drawn).to_parquet(tmp_path / "drawn.parquet")
    iris, wine = '[[dataset]]\nname = "iris"\n', '[[dataset]]\nname = "wine"\n'
    given = iris + 'label = "given"\nsplits = "drawn.parquet"\n'
    text = LISTED.replace("seeds = 2", "seeds = 1").replace("budget = 20", "budget = 60")
    text = text[: text.index("dataset = ")]
    listed.write_text(text + iris + wine + given)
    with pytest.raises(ExperimentError, match="there is no column 'dataset'") as caught:
        plan_sweep(listed)
    assert len(caught.value.problems) == 1
    file = tmp_path / "lists" / "experts.csv"
    file.write_text("dataset,index\niris,3\nwine,4\nwine,177\n")
    specs = plan_sweep(listed).specs.values()
    assert {
        (spec.dataset.display_name, spec.initial.method, spec.initial.size) for spec in specs
    } == {
        ("iris", "file", 1),
        ("wine", "file", 2),
        ("given", "splits", 0),
    }
    listed.write_text(text + iris + given)  # one that takes the list needs no column
    file.write_text("index\n3\n")
    assert {spec.initial.size for spec in plan_sweep(listed).specs.values()} == {0, 1}


DATA = {
    "dense": 'name = "wine"\nscale = "standard"',
    "sparse": 'name = "sparse.svmlight"',
    "drawn per seed": 'name = "make_classification"\nper_seed = true\nn_samples = 150',
}


@pytest.mark.parametrize("data", DATA.values(), ids=DATA)
@pytest.mark.parametrize("size", [12, 0.1])
def test_initial_sets_by_clusters_are_those_of_all_runs_of_a_seed(tmp_path, data, size):
    from sklearn.datasets import dump_svmlight_file, load_digits

    X, y = load_digits(return_X_y=True)
    dump_svmlight_file(X[:150], y[:150] % 3, str(tmp_path / "sparse.svmlight"))
    path = tmp_path / "clusters.toml"
    path.write_text(
        'strategies = ["random", "margin"]\nbatch_sizes = [2, 4]\nseeds = 2\nbudget = 17\n'
        f'initial = {{size = {size}, method = "kmeans"}}\n[dataset]\n{data}\n'
    )
    one = run_sweep(path, tmp_path / "one", jobs=0)
    splits._split_cache.clear()
    assert tables(run_sweep(path, tmp_path / "two", jobs=0)) == tables(one)
    initial = pd.read_parquet(one / "splits.parquet").query("role == 'initial'")
    first = alrun.load_curves(one).query("round == 0")
    n_training = len(pd.read_parquet(one / "splits.parquet").query("seed == 0 and role != 'test'"))
    count = 12 if size == 12 else round(0.1 * n_training)
    assert initial.groupby("seed").size().tolist() == [count, count]
    assert first["n_labels"].unique().tolist() == [count]
    assert first.groupby("seed")["log_loss"].nunique().tolist() == [1, 1]
    assert plan_sweep(one / "experiment.toml", one).missing() == []
    with pytest.raises(ExperimentError, match=f"budget: {count - 1} is below the {count} initial"):
        plan_sweep(path, overrides=[f"budget={count - 1}"])
