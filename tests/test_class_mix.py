"""The class mix of queries, against loops over the tables."""

from collections import Counter
from shutil import copytree

import numpy as np
import pandas as pd
import pytest
from commands import alrun_here
from scipy import stats

from alrun import load_queries, load_runs
from alrun.api import run_sweep
from alrun.class_mix import class_mix, mix_sections
from alrun.data.load import load
from alrun.errors import AlrunError, ResultsError
from alrun.report.text import as_text
from alrun.results.schema import FURTHER_AXES


def naive(results, labels, strategy, batch_size, first, last):
    """Means over the runs of the shares of each label, queried and to choose from."""
    runs, queries = load_runs(results), load_queries(results)
    splits = pd.read_parquet(results / "splits.parquet")
    names = sorted(set(labels))
    shares, pools = [], []
    for run in runs[(runs.strategy == strategy) & (runs.batch_size == batch_size)].itertuples():
        mine = queries[queries.run_id == run.run_id]
        of_seed = splits[splits.seed == run.seed]
        left = set(of_seed[of_seed.role == "pool"]["index"])
        queried, there = Counter(), []
        for place in sorted(mine["round"].unique()):
            batch = mine[mine["round"] == place]["index"]
            if first <= place <= last:
                queried.update(labels[row] for row in batch)
                counts = Counter(labels[row] for row in left)
                there.append([counts[name] / len(left) for name in names])
            left -= set(batch)
        shares.append([queried[name] / queried.total() for name in names])
        pools.append(np.mean(there, axis=0))
    return np.array(shares), np.mean(pools, axis=0), names


@pytest.mark.parametrize("most_parts", [None, 2, 100])
def test_shares_are_those_of_a_loop_over_the_queries(small_results, most_parts):
    digits = load("digits", {})
    labels = [str(digits.classes[code]) for code in digits.y]
    mix = class_mix(small_results, most_parts)
    for strategy, batch_size in [("margin", 10), ("entropy", 25), ("random", 10)]:
        rows = mix[(mix.strategy == strategy) & (mix.batch_size == batch_size)]
        n_rounds = {10: 5, 25: 2}[batch_size]
        singles = [[place, place] for place in range(n_rounds)]
        halves = [[0, 2], [3, 4]] if n_rounds == 5 else singles
        expected = {
            None: singles,
            2: [[0, n_rounds - 1], *halves],
            100: [[0, n_rounds - 1], *singles],
        }
        parts = rows[["first_round", "last_round"]].drop_duplicates().to_numpy().tolist()
        assert parts == expected[most_parts]
        for (first, last), part in rows.groupby(["first_round", "last_round"]):
            shares, pool, names = naive(small_results, labels, strategy, batch_size, first, last)
            assert part["label"].tolist() == names
            np.testing.assert_allclose(part["share"], shares.mean(axis=0), atol=1e-12)
            np.testing.assert_allclose(part["pool_share"], pool, atol=1e-12)
            assert part["queried"].sum() == 2 * (
                min(45, batch_size * (last + 1)) - batch_size * first
            )
            for one, low, high in zip(shares.T, part["share_low"], part["share_high"], strict=True):
                half = stats.t.ppf(0.975, 1) * stats.sem(one)
                ends = (max(one.mean() - half, 0), min(one.mean() + half, 1))
                assert (low, high) == pytest.approx(ends)


def test_many_classes_are_put_together_on_a_screen(tmp_path):
    rng = np.random.default_rng(0)
    y = np.repeat(np.arange(20), 10 + np.arange(20))
    np.savez(tmp_path / "many.npz", X=rng.normal(size=(len(y), 2)), y=y)
    (tmp_path / "many.toml").write_text(
        'strategies = ["random"]\nbatch_sizes = [50]\nseeds = 2\nbudget = 90\n'
        'dataset = {name = "many.npz"}\n'
    )
    mix = class_mix(run_sweep(tmp_path / "many.toml", tmp_path / "many", jobs=0), 5)
    (section,) = mix_sections(mix)
    assert section.header == ("% of", "rounds", *map(str, range(9, 20)), "other")
    texts = as_text([section]).splitlines()
    pool = mix[mix.first_round == 0].groupby("label")["pool_share"].mean()
    rest = sum(pool[str(label)] for label in range(9))
    assert texts[2].split() == [
        "pool", *(f"{100 * pool[str(label)]:.0f}" for label in range(9, 20)), f"{100 * rest:.0f}"
    ]  # fmt: skip
    assert texts[3].split()[:2] == ["random", "0"]


def test_one_against_the_rest_is_shown_by_the_classes_of_the_source(tmp_path):
    (tmp_path / "seven.toml").write_text(
        'strategies = ["margin"]\nbatch_sizes = [20]\nseeds = 2\nbudget = 60\n'
        'dataset = {name = "digits", scale = 16, positive = "7", subsample = 600}\n'
        'initial = {size = 20, method = "random"}\n'
    )
    results = run_sweep(tmp_path / "seven.toml", tmp_path / "seven", jobs=0)
    digits = load("digits", {})
    labels = [str(digits.classes[code]) for code in digits.y]
    mix = class_mix(results, 1)
    shares, pool, names = naive(results, labels, "margin", 20, 0, 1)
    assert mix["label"].tolist() == names == list("0123456789")
    np.testing.assert_allclose(mix["share"], shares.mean(axis=0), atol=1e-12)
    np.testing.assert_allclose(mix["pool_share"], pool, atol=1e-12)
    assert set(load_queries(results)["label"]) <= {"7", "not 7"}


def test_the_command_prints_a_table_or_csv(small_results, tmp_path):
    table = alrun_here("queries", small_results)
    assert table.returncode == 0
    assert "Classes of the queries: digits, logistic, batch size 10" in table.stdout
    assert "Means over 2 seeds" in table.stdout
    done = alrun_here("queries", small_results, "--format", "csv")
    (tmp_path / "mix.csv").write_text(done.stdout)
    read = pd.read_csv(tmp_path / "mix.csv", dtype={"label": str, "start": object}).fillna(
        {"start": ""}
    )
    mix = class_mix(small_results).drop(columns=list(FURTHER_AXES))
    pd.testing.assert_frame_equal(read, mix, check_dtype=False)


def test_without_results_it_says_what_to_do(tmp_path):
    done = alrun_here("queries", tmp_path)
    assert done.returncode == 2
    hint = "sweep an experiment into it first, with --results"
    assert done.stderr == f"{tmp_path} holds no experiment.toml; {hint}\n"
    with pytest.raises(AlrunError, match="holds no experiment"):
        class_mix(tmp_path)


@pytest.mark.parametrize(
    ("column", "value"), [("index", 1797), ("index", -1), ("round", 2**31 - 1)]
)
def test_queries_of_another_data_set_are_refused(small_results, tmp_path, column, value):
    copytree(small_results, tmp_path / "results")
    path = tmp_path / "results" / "queries.parquet"
    queries = pd.read_parquet(path)
    queries.loc[7, column] = value
    queries.to_parquet(path, index=False)
    with pytest.raises(ResultsError, match=f"the column '{column}' goes beyond the data set"):
        class_mix(tmp_path / "results")


def test_a_round_without_a_query_is_named(small_results, tmp_path):
    copytree(small_results, tmp_path / "results")
    path = tmp_path / "results" / "queries.parquet"
    queries = pd.read_parquet(path)
    queries[queries["round"] != 1].to_parquet(path, index=False)
    with pytest.raises(ResultsError, match="no query of round 1 of digits / logistic / random / "):
        class_mix(tmp_path / "results")
