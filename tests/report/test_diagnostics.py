"""What makes a comparison mean less: each sentence where it belongs, and nowhere else."""

from math import inf

import numpy as np
import pandas as pd
import pytest
from curves_factory import COMPARISON_GROUP, GRID, curve, reaching, write

import alrun
from alrun.report.diagnostics import fingerprints
from alrun.results.load import load_queries, load_runs, read_table
from alrun.results.schema import RUNS

pytestmark = pytest.mark.filterwarnings("error::RuntimeWarning")

SIX = [100, 120, 140, 110, 130, 150]
DIAGNOSTICS = {"batches": 10, "tied_batches": 0, "missing_classes": 0, "pool_duplicates": 0}
TIED, LACKS, ALIKE = "tie-break, which is random", "lack a class", "have the features of another"
EQUAL, STARTS, BACK = "queried the same examples", "start at the target", "fell below it later"


def notes_of(folder, *frames, runs=None, queries=None, targets=(0.9,)):
    """Return the notes of a directory that holds these tables."""
    write(folder, *frames)
    for name, table in {"runs": runs, "queries": queries}.items():
        if table is not None:
            table.to_parquet(folder / f"{name}.parquet", index=False)
    return alrun.report(folder, targets=targets).notes


def the_note(notes, words):
    """Return the one note that holds these words."""
    (note,) = [note for note in notes if words in note]
    return note


def said(notes, words):
    return any(words in note for note in notes)


def runs_table(**cells):
    """Return a table of runs, for each strategy a list of what differs from the usual, per seed."""
    rows = []
    for strategy, changes in cells.items():
        for seed, change in enumerate(changes):
            row = {
                **COMPARISON_GROUP,
                **DIAGNOSTICS,
                "run_id": f"{strategy}-{seed}",
                "status": "finished",
            }
            row |= {"strategy": strategy, "seed": seed, "error": None}
            rows.append(row | {"seconds_query": 1.0, "unconverged": 0} | change)
    return pd.DataFrame(rows)


def curves(**changes):
    """Return six runs each of random and margin."""
    return [reaching(SIX, **changes), reaching([80, 90, 100, 100, 80, 90], "margin", **changes)]


def test_of_runs_that_are_sound_nothing_is_said(tmp_path):
    notes = notes_of(tmp_path, *curves(), runs=runs_table(random=[{}] * 6, margin=[{}] * 6))
    assert [note for note in notes if note.startswith(("Warning", "Note"))] == []


# Targets


def test_runs_that_start_at_the_target_are_counted_for_each_strategy(tmp_path):
    random = reaching([20, 20, 120, 130, 140, 150])
    notes = notes_of(tmp_path, random, reaching([20, 30, 30, 30, 30, 30], "margin"))
    note = the_note(notes, STARTS)
    assert "random at 0.9 (2 of 6, digits, logistic, batch size 10)" in note
    assert "margin at 0.9 (1 of 6, digits, logistic, batch size 10)" in note


def test_a_run_that_reaches_in_the_first_round_after_does_not_start_there(tmp_path):
    notes = notes_of(tmp_path, reaching([30] * 6), reaching([30] * 6, "margin"))
    assert not said(notes, STARTS)


def falling(strategy, falls):
    """Return a run per entry that reaches the target, and falls below it where that is true."""
    scores = [0.5] * 5 + [0.95] * 3
    return pd.concat(
        [
            curve(GRID, scores + [0.5 if falls_back else 0.95] * 11, strategy, seed)
            for seed, falls_back in enumerate(falls)
        ]
    )


@pytest.mark.parametrize(("n_falls", "is_said"), [(0, False), (3, False), (4, True), (6, True)])
def test_falling_back_is_said_above_one_half_of_the_runs(tmp_path, n_falls, is_said):
    falls = [seed < n_falls for seed in range(6)]
    notes = notes_of(tmp_path, reaching(SIX), falling("margin", falls))
    warning = "Warning: more than half of the runs that were at the target fell below it"
    assert said(notes, warning) == is_said
    if is_said:
        note = the_note(notes, warning)
        assert note.endswith(": margin at 0.9 (digits, logistic, batch size 10).")
        assert "--sustain 2 asks for more" in note


def test_runs_that_were_never_at_the_target_cannot_fall_back(tmp_path):
    """Two of the three that were there fell, of six runs in all."""
    never = reaching([inf] * 3, "margin", seeds=[3, 4, 5])
    notes = notes_of(tmp_path, reaching(SIX), falling("margin", [True, True, False]), never)
    assert said(notes, "Warning: more than half of the runs that were at the target")


# Equal queries


def queries_of(frames, change=None):
    """Return queries of all runs: a seed's are the same whoever asks, unless `change` is asked."""
    rows = []
    cells = pd.concat(frames)[["run_id", "strategy", "seed"]].drop_duplicates()
    for run in cells.itertuples():
        for number in range(3):
            for position in range(4):
                index = 100 * run.seed + 10 * number + position
                changed = change and change(run.strategy, run.seed, number, position)
                rows.append((run.run_id, number, position, index if changed is None else changed))
    return pd.DataFrame(rows, columns=["run_id", "round", "position", "index"])


def test_strategies_that_query_the_same_are_named(tmp_path):
    frames = [*curves(), reaching(SIX, "entropy")]
    queries = queries_of(frames, lambda name, *place: 9 if name == "random" else None)
    note = the_note(notes_of(tmp_path, *frames, queries=queries), EQUAL)
    assert note.endswith("that they are one: entropy and margin (digits, logistic, batch size 10).")


@pytest.mark.parametrize("place", [(5, 2, 3), (0, 0, 0)])
def test_one_other_example_of_one_seed_tells_strategies_apart(tmp_path, place):
    frames = curves()
    queries = queries_of(
        frames, lambda name, *where: 999 if (name, *where) == ("margin", *place) else None
    )
    assert not said(notes_of(tmp_path, *frames, queries=queries), EQUAL)


def test_the_same_examples_in_other_rounds_are_not_equal_queries(tmp_path):
    """Margin queries in its first round what random queries in its last."""
    frames = curves()

    def backwards(name, seed, number, position):
        return 100 * seed + 10 * (2 - number) + position if name == "margin" else None

    assert not said(notes_of(tmp_path, *frames, queries=queries_of(frames, backwards)), EQUAL)


def test_the_order_within_a_batch_and_of_the_rows_does_not_matter(tmp_path):
    frames = curves()

    def reversed_batch(name, seed, number, position):
        return 100 * seed + 10 * number + 3 - position if name == "margin" else None

    queries = queries_of(frames, reversed_batch).sample(frac=1, random_state=0)
    assert said(notes_of(tmp_path, *frames, queries=queries), EQUAL)


def test_strategies_are_equal_on_the_seeds_they_share(tmp_path):
    frames = [reaching(SIX), reaching([90, 100], "margin", seeds=[4, 5])]
    assert said(notes_of(tmp_path, *frames, queries=queries_of(frames)), EQUAL)
    (tmp_path / "apart").mkdir()
    apart = [reaching(SIX), reaching([90, 100], "margin", seeds=[7, 8])]
    assert not said(notes_of(tmp_path / "apart", *apart, queries=queries_of(apart)), EQUAL)


@pytest.mark.parametrize("n_runs", [3, 127, 130, 300])
def test_fingerprints_tell_runs_apart_however_many_there_are(n_runs):
    names = [f"run {number:03}" for number in range(n_runs)]
    queries = pd.DataFrame(
        {
            "run_id": pd.Categorical(np.repeat(names, 2)),
            "round": [0, 1] * n_runs,
            # Every run but the last has its own examples; the last has those of the first.
            "index": [*range(2 * n_runs - 2), 0, 1],
        }
    )
    found = fingerprints(queries, pd.DataFrame({"run_id": names}))
    assert found["run_id"].tolist() == names
    assert found["examples"].nunique() == n_runs - 1
    assert found["examples"].iloc[0] == found["examples"].iloc[-1]
    mixed = fingerprints(queries.sample(frac=1, random_state=0), pd.DataFrame({"run_id": names}))
    pd.testing.assert_frame_equal(mixed, found)


BINARY = """
strategies = ["random", "margin", "entropy", "least_confidence", "constant_scores:zeros"]
seeds = 3
targets = [0.9]
budget = 44
batch_sizes = [10]
dataset = {name = "breast_cancer", scale = "standard", test_size = 200}
"""


@pytest.fixture(scope="module")
def binary(tmp_path_factory):
    """Return the results of all strategies on two classes, one of them with constant scores."""
    folder = tmp_path_factory.mktemp("binary")
    (folder / "constant_scores.py").write_text(
        "import numpy as np\ndef zeros(pool, n, rng):\n    return np.zeros(len(pool))\n"
    )
    (folder / "binary.toml").write_text(BINARY)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)
        return alrun.run_sweep(folder / "binary.toml", folder / "results", jobs=0)


def test_with_two_classes_the_uncertainty_strategies_are_one(binary):
    note = the_note(alrun.report(binary).notes, EQUAL)
    cell = "(breast_cancer, logistic, batch size 10)"
    assert note.endswith(
        f"they are one: entropy and least_confidence {cell}; entropy and margin {cell}."
    )
    queries = load_queries(binary).merge(load_runs(binary)[["run_id", "strategy", "seed"]])
    batches = queries.groupby(["strategy", "seed", "round"], observed=True)["index"].apply(
        frozenset
    )
    assert (batches["margin"] == batches["entropy"]).all()
    assert (batches["margin"] == batches["least_confidence"]).all()
    assert not (batches["margin"] == batches["constant_scores:zeros"]).any()


def test_constant_scores_leave_every_batch_to_the_tie_break(binary):
    runs = load_runs(binary).set_index("strategy")
    # From 4 labels to 44 in batches of 10, always with examples left over.
    assert (runs["batches"] == 4).all()
    assert (runs.loc["constant_scores:zeros", "tied_batches"] == 4).all()
    assert (runs.loc["random", "tied_batches"] == 0).all()
    note = the_note(alrun.report(binary).notes, TIED)
    assert (
        "constant_scores:zeros in 100% of the batches (breast_cancer, logistic, batch size 10)"
        in note
    )
    assert "margin in" not in note


# Runs


@pytest.mark.parametrize(("tied", "is_said"), [(12, False), (13, True)])
def test_ties_are_said_above_a_fifth_of_all_batches_of_a_cell(tmp_path, tied, is_said):
    """Six runs of ten batches; it does not matter which of the runs has the ties."""
    margin = [{"tied_batches": 10}, {"tied_batches": tied - 10}, {}, {}, {}, {}]
    notes = notes_of(tmp_path, *curves(), runs=runs_table(random=[{}] * 6, margin=margin))
    assert said(notes, TIED) == is_said
    if is_said:
        where = "margin in 22% of the batches (digits, logistic, batch size 10)."
        assert the_note(notes, TIED).endswith(where)


def test_runs_without_a_batch_are_not_tied(tmp_path):
    none = [{"batches": 0}] * 6
    assert not said(notes_of(tmp_path, *curves(), runs=runs_table(random=none, margin=none)), TIED)


def test_initial_sets_without_a_class_are_counted_once_per_seed(tmp_path):
    lacking = [{}, {"missing_classes": 2}, {}, {"missing_classes": 1}, {}, {}]
    notes = notes_of(tmp_path, *curves(), runs=runs_table(random=lacking, margin=lacking))
    assert "initial labels of digits lack a class in 2 of 6 seeds" in the_note(notes, LACKS)


def test_duplicates_in_the_pool_are_those_of_the_worst_seed(tmp_path):
    some = [{"pool_duplicates": n} for n in (0, 2, 7, 0, 3, 2)]
    notes = notes_of(tmp_path, *curves(), runs=runs_table(random=some, margin=some))
    assert "Note: up to 7 examples of the pool of digits have" in the_note(notes, ALIKE)


def test_each_data_set_is_named_where_its_initial_sets_and_pools_are(tmp_path):
    one, two = curves(dataset="one"), curves(dataset="two")
    bad = runs_table(random=[{"missing_classes": 1, "pool_duplicates": 4}] * 6)
    good = runs_table(random=[{}] * 6)
    runs = pd.concat([bad.assign(dataset="one"), good.assign(dataset="two")])
    notes = notes_of(tmp_path, *one, *two, runs=runs)
    assert "of one lack a class in 6 of 6 seeds" in the_note(notes, LACKS)
    assert "the pool of one have" in the_note(notes, ALIKE)


def test_fits_that_did_not_converge_are_counted_with_their_runs(tmp_path):
    some = [{"unconverged": n} for n in (0, 2, 0, 5, 0, 0)]
    notes = notes_of(tmp_path, *curves(), runs=runs_table(random=some, margin=[{}] * 6))
    assert "Warning: 7 fits in 2 runs did not converge" in the_note(notes, "converge")


def test_failed_runs_are_named_up_to_six(tmp_path):
    failed = {"status": "failed", "error": "RuntimeError: no", **dict.fromkeys(DIAGNOSTICS)}
    runs = runs_table(random=[{}] * 6, margin=[failed | {"unconverged": None}] * 8)
    note = the_note(notes_of(tmp_path, *curves(), runs=runs), "are left out")
    assert note.startswith("Warning: 8 runs failed and are left out: margin seed 0, margin seed 1,")
    assert "seed 5, and" in note
    assert "seed 6" not in note
    assert note.endswith(", and 2 more (RuntimeError: no).")


def test_seeds_that_a_strategy_lacks_are_named(tmp_path):
    random = reaching([100] * 8)
    notes = notes_of(tmp_path, random, reaching([90] * 4, "margin", seeds=[0, 3, 4, 9]))
    note = the_note(notes, "lacks")
    assert "margin lacks seeds 1, 2, 5-7 (digits, logistic, batch size 10)" in note
    assert "random lacks seed 9 (digits, logistic, batch size 10)" in note


def test_runs_that_are_left_out_are_named(tmp_path):
    scores = [0.5] * 10 + [np.nan] + [0.95] * 8
    broken = curve(GRID, scores, "margin", 9)
    note = the_note(notes_of(tmp_path, *curves(), broken), "left out")
    assert "NaN score: margin seed 9" in note


def test_without_a_table_of_runs_only_that_is_said(tmp_path):
    notes = notes_of(tmp_path, *curves())
    assert said(notes, "there is no runs.parquet, so that the seconds spent in queries")
    assert not any(said(notes, words) for words in (TIED, LACKS, ALIKE, "did not converge; what"))


@pytest.mark.parametrize("kind", ["no column", "one of them", "nothing in them"])
def test_runs_of_an_earlier_alrun_without_the_checks_are_no_error(tmp_path, kind):
    runs = runs_table(random=[{}] * 6, margin=[{"unconverged": 3}] * 6)
    if kind == "no column":
        runs = runs.drop(columns=list(DIAGNOSTICS))
    elif kind == "one of them":
        runs = runs.drop(columns="pool_duplicates").assign(tied_batches=10)
    else:
        runs = runs.assign(**{check: pd.array([None] * 12, "Int32") for check in DIAGNOSTICS})
    notes = notes_of(tmp_path, *curves(), runs=runs)
    assert said(notes, "18 fits in 6 runs")
    assert not any(said(notes, words) for words in (TIED, LACKS, ALIKE))


def test_run_files_of_an_earlier_alrun_are_compacted_with_empty_checks(tiny, tmp_path):
    """Their footer has no checks; the sweep that adds seeds reads them all the same."""
    import pyarrow.parquet as pq

    results = alrun.run_sweep(tiny, tmp_path / "results", jobs=0)
    for path in (results / "runs").glob("*.parquet"):
        table = pq.read_table(path)
        metadata = {k: v for k, v in table.schema.metadata.items() if k != b"checks"}
        pq.write_table(table.replace_schema_metadata(metadata), path)
    alrun.run_sweep(tiny, results, jobs=0, overrides=["seeds=4"])
    runs = read_table(results / "runs.parquet", RUNS)
    assert runs[list(DIAGNOSTICS)].notna().all(axis=1).sum() == 2  # those of the new seed
    notes = alrun.report(results).notes
    assert any("the pool of iris" in note for note in notes)


def test_a_real_initial_set_without_a_class_is_found(tmp_path):
    path = tmp_path / "poor.toml"
    path.write_text(
        'strategies = ["random"]\nseeds = 4\nbudget = 12\ntargets = [0.9]\n'
        'dataset = {name = "iris", test_size = 50}\ninitial = {size = 2, method = "random"}\n'
    )
    results = alrun.run_sweep(path, tmp_path / "results", jobs=0)
    assert (load_runs(results)["missing_classes"] >= 1).all()  # two examples of three classes
    assert "of iris lack a class in 4 of 4 seeds" in the_note(alrun.report(results).notes, LACKS)
