"""Curves of another tool: taken over as they are, or refused with a line and nothing written."""

import json
from math import nan

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from curves_factory import COMPARISON_GROUP, reaching, shuffled, write

import alrun
from alrun.cli.app import app
from alrun.errors import ResultsError
from alrun.report.render import render
from alrun.results.import_curves import import_curves
from alrun.results.schema import CURVES

pytestmark = pytest.mark.filterwarnings("error")

RANDOM, MARGIN = [100, 120, 140, 110, 130, 150], [80, 90, 100, 100, 80, 90]
REQUIRED = ["dataset", "model", "batch_size", "strategy", "seed", "n_labels"]


def curves(**columns):
    """Return the curves of another tool, which has no run ids."""
    frame = pd.concat([reaching(RANDOM), reaching(MARGIN, "margin")], ignore_index=True)
    return frame.drop(columns="run_id").assign(**columns)


def save(frame, path):
    if path.suffix == ".csv":
        frame.to_csv(path, index=False)
    else:
        frame.to_parquet(path, index=False)
    return path


def imported(frame, folder, name="curves.csv"):
    """Return the directory made of this table, the number of runs and what was told."""
    n_runs, told = import_curves(save(frame, folder / name), folder / "results")
    return folder / "results", n_runs, told


def taken_over(results):
    return pq.read_table(results / "curves.parquet")


def refused(frame_or_path, folder):
    """Return why it is refused, without the name of the file, and that nothing was written."""
    path = frame_or_path
    if isinstance(path, pd.DataFrame):
        path = save(frame_or_path, folder / "refused.csv")
    with pytest.raises(ResultsError) as caught:
        import_curves(path, folder / "results")
    message = str(caught.value)
    assert not (folder / "results").exists()
    assert "\n" not in message
    assert str(path[-1] if isinstance(path, list) else path) in message
    return message


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_the_report_of_imported_curves_is_that_of_the_original(small_results, tmp_path, suffix):
    original = alrun.load_curves(small_results).drop(columns="run_id")
    results, n_runs, told = imported(shuffled(original), tmp_path, f"curves{suffix}")
    assert (n_runs, told) == (16, [])
    unknown = [
        "query_seconds",
        "query_seconds_low",
        "query_seconds_high",
        "floor",
        "ceiling",
        "ceiling_reached",
    ]
    found, expected = (
        alrun.report(path, targets=(0.8, 0.9)).rows.drop(columns=unknown)
        for path in (results, small_results)
    )
    order = ["batch_size", "target", "strategy"]  # that of the experiment is not known
    found, expected = (rows.sort_values(order, ignore_index=True) for rows in (found, expected))
    pd.testing.assert_frame_equal(found, expected, check_exact=True)


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_the_table_is_that_of_the_original_but_for_the_run_ids(small_results, tmp_path, suffix):
    original = pq.read_table(small_results / "curves.parquet").drop_columns(["run_id"])
    frame = shuffled(original.to_pandas().drop(columns="round"))
    results, _, _ = imported(frame, tmp_path, f"curves{suffix}")
    table = taken_over(results)
    assert table.schema.equals(original.schema)
    for name in table.column_names:  # average_precision is null throughout
        assert table[name].to_pylist() == original[name].to_pylist(), name


def test_a_report_without_ids_experiment_or_runs_has_every_format(tmp_path):
    results, _, _ = imported(curves(), tmp_path)
    report = alrun.report(results, targets=(0.9,))
    assert json.loads(render(report, "json"))["rows"][1]["saving"] == pytest.approx(1 - 540 / 750)
    for format in ("table", "markdown", "latex", "csv"):
        assert "margin" in render(report, format)


def test_columns_may_stand_in_any_order(tmp_path):
    frame = curves()
    for place, columns in enumerate((frame.columns, frame.columns[::-1], sorted(frame.columns))):
        (tmp_path / f"{place}").mkdir()
        imported(frame[list(columns)], tmp_path / f"{place}")
    tables = [(tmp_path / f"{place}/results/curves.parquet").read_bytes() for place in range(3)]
    assert tables[0] == tables[1] == tables[2]


def test_the_order_of_the_rows_changes_no_byte(tmp_path):
    for place in range(3):
        (tmp_path / f"{place}").mkdir()
        imported(shuffled(curves(), place), tmp_path / f"{place}")
    tables = [(tmp_path / f"{place}/results/curves.parquet").read_bytes() for place in range(3)]
    assert tables[0] == tables[1] == tables[2]


def test_rows_are_sorted_as_those_of_a_sweep(tmp_path):
    frame = pd.concat([curves(), curves(batch_size=25), curves(dataset="a")], ignore_index=True)
    results, n_runs, _ = imported(shuffled(frame), tmp_path)
    assert n_runs == 36
    table = taken_over(results).to_pandas()
    keys = CURVES.names[: CURVES.names.index("round") + 1]
    rows = list(table[keys].astype(dict.fromkeys(keys[:3], str)).itertuples(index=False))
    assert rows == sorted(rows)
    pd.testing.assert_frame_equal(
        alrun.report(results, targets=(0.9,)).rows,
        alrun.report(write(tmp_path, frame), targets=(0.9,)).rows,
    )


def test_columns_that_are_not_known_are_told_and_left_out(tmp_path):
    results, _, told = imported(curves(run_id="mine", seconds=1.5), tmp_path)
    assert sorted(told) == [
        "the column 'run_id' is not known, and left out",
        "the column 'seconds' is not known, and left out",
    ]
    assert set(taken_over(results).column_names) == set(CURVES.names) - {"run_id"}


@pytest.mark.parametrize("rounds", ["none", "empty"])
def test_rounds_are_numbered_where_they_have_no_number(tmp_path, rounds):
    frame = curves().drop(columns="round") if rounds == "none" else curves(round=nan)
    results, _, _ = imported(shuffled(frame), tmp_path)
    table = taken_over(results).to_pandas()
    assert (table["round"] == (table["n_labels"] - 20) // 10).all()
    assert not table["round"].isna().any()


def test_accuracy_is_made_from_counts_where_it_is_missing(tmp_path):
    frame = curves()
    correct = (frame["accuracy"] * 200).round().astype(int)
    counts = frame.drop(columns="accuracy").assign(n_correct=correct, n_test=200)
    for name, table in {"counts": counts, "empty": counts.assign(accuracy=nan)}.items():
        (tmp_path / name).mkdir()
        results, _, _ = imported(table, tmp_path / name)
        assert taken_over(results)["accuracy"].to_pylist() == pytest.approx(
            pd.concat([frame[frame["strategy"] == who] for who in ("margin", "random")])["accuracy"]
        )
        rows = alrun.report(results, targets=(0.9,)).rows
        assert rows["saving"].iloc[1] == pytest.approx(1 - 540 / 750)


def test_another_score_than_accuracy_is_enough(tmp_path):
    results, _, _ = imported(curves().rename(columns={"accuracy": "macro_f1"}), tmp_path)
    rows = alrun.report(results, targets=(0.9,), metric="macro_f1").rows
    assert rows["reached"].tolist() == [6, 6]
    assert taken_over(results)["accuracy"].null_count == taken_over(results).num_rows


@pytest.mark.parametrize("name", ["01", "1e3", "True", "a, b", "größer", 'the "best"'])
def test_names_stay_as_they_are_written(tmp_path, name):
    results, _, _ = imported(curves(model=name), tmp_path)
    assert set(taken_over(results)["model"].to_pylist()) == {name}


def test_names_that_are_numbers_are_texts_in_a_parquet_too(tmp_path):
    results, _, _ = imported(curves(dataset=7), tmp_path, "curves.parquet")
    assert set(taken_over(results)["dataset"].to_pylist()) == {"7"}


def test_a_large_file_in_which_some_names_look_like_numbers_is_taken_over(tmp_path):
    """pandas guesses the type of a column part by part, and the parts may differ."""
    n = 300_000
    frame = pd.DataFrame(
        {
            "dataset": np.repeat(["1", "a"], n // 2),
            "model": "m",
            "batch_size": 1,
            "strategy": "random",
            "seed": np.arange(n) // 100 % (n // 200),
            "n_labels": np.arange(n) % 100,
            "accuracy": 0.5,
        }
    )
    results, n_runs, told = imported(frame, tmp_path)
    assert (n_runs, told) == (n // 100, [])
    assert set(taken_over(results)["dataset"].unique().to_pylist()) == {"1", "a"}


@pytest.mark.parametrize(
    "written",
    [
        {"encoding": "utf-8-sig"},
        {"quoting": 1},
        {"lineterminator": "\r\n"},
        {"float_format": "%.1e"},
    ],
    ids=["a byte order mark", "quotes", "the line ends of Windows", "exponents"],
)
def test_dialects_of_csv_that_say_the_same(tmp_path, written):
    curves(seed=curves()["seed"].astype(float)).to_csv(
        tmp_path / "curves.CSV", index=False, **written
    )
    import_curves(tmp_path / "curves.CSV", tmp_path / "results")
    rows = alrun.report(tmp_path / "results", targets=(0.9,)).rows
    assert rows["reached"].tolist() == [6, 6]


def test_a_table_that_pandas_saved_with_an_index_keeps_its_columns(tmp_path):
    frame = curves().set_index(["dataset", "seed"])
    frame.to_parquet(tmp_path / "curves.parquet")
    assert import_curves(tmp_path / "curves.parquet", tmp_path / "results") == (12, [])


def test_runs_that_a_report_leaves_out_are_told_once(tmp_path):
    frame = curves()
    frame = frame.assign(macro_f1=frame["accuracy"], balanced_accuracy=frame["accuracy"])
    short = frame.drop(index=frame.index[-1])
    _, n_runs, told = imported(short, tmp_path)
    assert n_runs == 12
    assert len(told) == 1
    assert "ends before others of its strategy: margin seed 5" in told[0]


def test_scores_that_fall_as_models_improve_are_taken_over(tmp_path):
    """A loss alone is enough, may be above one, and carries targets."""
    frame = curves()
    losses = frame.drop(columns="accuracy").assign(log_loss=3 * (1 - frame["accuracy"]))
    results, n_runs, told = imported(losses, tmp_path)
    assert (n_runs, told) == (12, [])
    found = alrun.report(results, metric="log_loss", targets=[3 * (1 - 0.9)]).rows
    (tmp_path / "rising").mkdir()
    rising, _, _ = imported(frame, tmp_path / "rising")
    expected = alrun.report(rising, targets=[0.9]).rows
    assert found["mean_labels"].tolist() == expected["mean_labels"].tolist()
    assert found["reached"].max() > 0


# What is refused


@pytest.mark.parametrize("column", ["seed", "n_labels"])
def test_a_missing_column_is_named(tmp_path, column):
    assert f"the columns {column} are missing" in refused(curves().drop(columns=column), tmp_path)


def test_seed_labels_and_a_score_are_enough_and_files_are_strategies(tmp_path):
    """What a table does not name gets a name, which is told."""
    needed = ["seed", "n_labels", "accuracy"]
    names = ["dataset", "model", "strategy", "batch_size"]
    files = []
    for strategy, rows in curves().groupby("strategy"):
        files.append(save(shuffled(rows[needed]), tmp_path / f"{strategy}.csv"))
    n_runs, told = import_curves(files, tmp_path / "results")
    assert n_runs == 12
    assert told[-1] == "there is no batch_size: it is 10, the most frequent step of n_labels"
    assert f"there is no column 'strategy' in {files[0]}: it is 'margin'" in told
    table = taken_over(tmp_path / "results").to_pandas()
    assert {name: list(table[name].unique()) for name in names} == {
        "dataset": ["data"],
        "model": ["model"],
        "strategy": ["margin", "random"],
        "batch_size": [10],
    }
    (tmp_path / "whole").mkdir()
    imported(curves(dataset="data", model="model", batch_size=10), tmp_path / "whole")
    pd.testing.assert_frame_equal(
        alrun.report(tmp_path / "results", targets=(0.9,)).rows,
        alrun.report(tmp_path / "whole" / "results", targets=(0.9,)).rows,
    )


def test_a_batch_size_is_that_of_all_tables_together(tmp_path):
    one = pd.DataFrame({"seed": 0, "n_labels": [10, 15, 20, 30], "accuracy": 0.5})
    other = pd.DataFrame({"seed": 0, "n_labels": [10, 20, 30], "accuracy": 0.5})
    files = [save(one, tmp_path / "one.csv"), save(other, tmp_path / "other.parquet")]
    import_curves(files, tmp_path / "results")
    assert set(taken_over(tmp_path / "results").to_pandas()["batch_size"]) == {10}


def test_a_run_in_two_files_is_refused_and_a_bad_row_names_its_file(tmp_path):
    files = [save(curves(), tmp_path / name) for name in ("one.csv", "two.csv")]
    assert "more than once" in refused(files, tmp_path)
    bad = save(curves(n_correct=500, n_test=100), tmp_path / "bad.csv")
    message = refused([files[0], bad], tmp_path)
    assert message.startswith(f"{bad}: row 0 (the first is 0)")


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ({"accuracy": None}, "there is no score; known are accuracy, balanced_accuracy"),
        ({"log_loss": -0.5}, "'log_loss' must hold numbers from 0 on"),
        ({"log_loss": np.inf}, "'log_loss' must hold finite numbers"),
        ({"brier": 2.5}, "'brier' must hold numbers from 0 to 2"),
        ({"ece": 1.5}, "'ece' must hold shares of one, not percentages"),
        ({"accuracy": nan}, "there is no score"),
        ({"accuracy": 93.5}, "'accuracy' must hold shares of one, not percentages"),
        ({"macro_f1": 93.5}, "'macro_f1' must hold shares of one, not percentages"),
        ({"accuracy": -0.1}, "'accuracy' must hold shares of one"),
        ({"accuracy": np.inf}, "'accuracy' must hold finite numbers"),
        ({"accuracy": "0,93"}, "'accuracy' must hold numbers"),
        ({"seed": 0}, "the curves hold n_labels 20 more than once for dataset digits"),
        ({"seed": 1.5}, "'seed' must hold whole numbers, none below 0"),
        ({"seed": -1}, "'seed' must hold whole numbers, none below 0"),
        ({"seed": nan}, "'seed' must hold whole numbers"),
        ({"seed": "first"}, "'seed' must hold numbers"),
        ({"seed": 10**12}, "'seed' must hold numbers up to 2,147,483,647"),
        ({"n_labels": 1e30}, "'n_labels' must hold numbers up to 2,147,483,647"),
        ({"batch_size": "9" * 400}, "'batch_size' must hold numbers up to 2,147,483,647"),
        ({"n_labels": "many"}, "'n_labels' must hold numbers"),
        ({"round": 0.5}, "cannot be taken over"),
        ({"n_correct": "all", "n_test": 10, "accuracy": None}, "'n_correct' must hold numbers"),
        ({"n_correct": 1.5, "n_test": 10}, "'n_correct' must hold whole numbers"),
        ({"n_correct": 5, "n_test": 0, "accuracy": None}, "'accuracy' must hold finite numbers"),
        ({"model": None}, "the column 'model' has a row without a value"),
    ],
)
def test_what_cannot_be_reported_is_refused(tmp_path, columns, said):
    frame = curves()
    given = {name: value for name, value in columns.items() if value is not None}
    taken = [name for name, value in columns.items() if value is None and name == "accuracy"]
    frame = frame.drop(columns=taken).assign(**given)
    if columns.get("model", "") is None:
        frame.loc[7, "model"] = None
    assert said in refused(frame, tmp_path)


@pytest.mark.parametrize(
    ("counts", "said"),
    [
        ({"n_correct": 500}, "n_correct 500 of n_test 100 cannot be; n_correct counts the right"),
        ({"n_correct": -5}, "n_correct -5 of n_test 100 cannot be"),
        ({"n_correct": 0, "n_test": 0}, "n_correct 0 of n_test 0 cannot be"),
        ({"n_correct": 94}, "n_correct 94 of n_test 100 is not the accuracy 0.95; mend the counts"),
        ({"accuracy": 0.96}, "n_correct 95 of n_test 100 is not the accuracy 0.96"),
    ],
)
@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_counts_that_contradict_the_score_are_refused_with_the_row(tmp_path, suffix, counts, said):
    frame = curves(n_test=100)
    frame["n_correct"] = (frame["accuracy"] * 100).round().astype(int)
    frame = shuffled(frame)
    row = frame.index[frame["accuracy"] == 0.95][7]
    frame.loc[row, list(counts)] = list(counts.values())
    message = refused(save(frame, tmp_path / f"refused{suffix}"), tmp_path)
    assert f"row {row} (the first is 0): {said}" in message


def test_counts_above_the_test_part_are_refused_where_they_are_the_only_score(tmp_path):
    frame = curves(n_test=100, n_correct=500).drop(columns="accuracy")
    assert "row 0 (the first is 0): n_correct 500 of n_test 100" in refused(frame, tmp_path)


@pytest.mark.parametrize(
    "written",
    [
        lambda share: share,
        lambda share: share.astype(np.float32),
        lambda share: share.round(4),
        lambda share: share.round(2),
        lambda share: np.floor(share * 1000) / 1000,
    ],
    ids=["exact", "single precision", "four decimals", "two decimals", "cut off"],
)
def test_scores_that_are_rounded_do_not_contradict_their_counts(tmp_path, written):
    frame = curves(n_test=997)
    frame["n_correct"] = 400 + 7 * (np.arange(len(frame)) % 60)
    frame["accuracy"] = written(frame["n_correct"] / 997)
    imported(frame, tmp_path, "curves.parquet")
    frame["n_correct"] += 10
    assert "is not the accuracy" in refused(save(frame, tmp_path / "b.parquet"), tmp_path / "b")


def test_a_round_that_stands_twice_is_refused(tmp_path):
    frame = curves()
    message = refused(pd.concat([frame, frame.iloc[[30]]]), tmp_path)
    assert "more than once for dataset digits, model logistic" in message
    assert "(1 such rows in all)" in message


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("empty.csv", b"", "cannot be read"),
        ("empty.parquet", b"", "cannot be read"),
        ("header.csv", ",".join([*REQUIRED, "accuracy"]).encode(), "hold no row"),
        ("garbage.csv", bytes(range(256)) * 20, "cannot be read"),
        ("garbage.parquet", bytes(range(256)) * 20, "cannot be read"),
        ("zeros.csv", bytes(1000), "are missing"),
        ("open.csv", b'a,b\n"1,2\n', "cannot be read"),
        ("semicolons.csv", ";".join(REQUIRED).encode() + b"\n", "separated by commas"),
        ("commas.csv", b"a,b\nx, y,2\nx, z,3\n", "more fields than its header"),
        ("curves.txt", b"", "those end in .csv or .parquet"),
    ],
)
def test_a_file_that_is_no_table_of_curves_is_refused(tmp_path, name, content, said):
    (tmp_path / name).write_bytes(content)
    assert said in refused(tmp_path / name, tmp_path)


def test_a_file_that_is_not_there_or_a_directory_is_refused(tmp_path):
    assert "there is no file" in refused(tmp_path / "nowhere.csv", tmp_path)
    (tmp_path / "folder.csv").mkdir()
    assert "there is no file" in refused(tmp_path / "folder.csv", tmp_path)


def test_a_column_that_stands_twice_is_refused(tmp_path):
    table = pa.Table.from_pandas(curves())
    table = table.append_column("seed", table["seed"])
    pq.write_table(table, tmp_path / "twice.parquet")
    assert "the column 'seed' stands more than once" in refused(
        tmp_path / "twice.parquet", tmp_path
    )


def files_of(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_directory_that_holds_curves_is_left_as_it_is(tmp_path):
    results, _, _ = imported(curves(), tmp_path)
    before = files_of(results)
    path = save(curves(accuracy=0.7), tmp_path / "other.csv")
    with pytest.raises(ResultsError, match="holds curves already; name another with --results"):
        import_curves(path, results)
    assert files_of(results) == before


def test_a_directory_with_runs_but_no_tables_is_left_as_it_is(tiny, tmp_path):
    results = alrun.run_sweep(tiny, tmp_path / "results", jobs=0)
    (results / "curves.parquet").unlink()
    before = files_of(results)
    with pytest.raises(ResultsError, match="holds curves already"):
        import_curves(save(curves(), tmp_path / "other.csv"), results)
    assert files_of(results) == before


def test_the_command_takes_curves_over_and_names_the_next_one(tmp_path):
    from typer.testing import CliRunner

    path = save(curves(seconds=1.0), tmp_path / "curves.csv")
    command = ["import-curves", str(path), "--results", str(tmp_path / "results")]
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 0
    assert done.stderr == "the column 'seconds' is not known, and left out\n"
    assert done.stdout.splitlines()[0] == f"12 runs are in {tmp_path / 'results'}."
    again = CliRunner().invoke(app, command)
    assert (again.exit_code, again.stdout) == (2, "")
    assert again.stderr.count("\n") == 1
    next_command = done.stdout.splitlines()[1].removeprefix("Next: alrun ").split()
    report = CliRunner().invoke(app, next_command)
    assert report.exit_code == 0
    assert f"Labels to target: digits, {COMPARISON_GROUP['model']}, batch size 10" in report.stdout


def test_status_of_imported_curves_is_a_line(tmp_path):
    from typer.testing import CliRunner

    results, _, _ = imported(curves(), tmp_path)
    done = CliRunner().invoke(app, ["status", str(results)])
    assert done.exit_code == 2
    assert "holds no experiment.toml" in done.stderr
