"""What is said of runs that were not all computed with the same, and of what it is not said."""

import json

import pandas as pd
import pytest
from curves_factory import COMPARISON_GROUP, reaching, write

import alrun

SIX = [100, 120, 140, 110, 130, 150]
USUAL = {
    "python": "3.12.1",
    "machine": "Linux x86_64",
    "processor": "Alpha",
    "blas": "openblas 0.3 Haswell",
    "alrun": "0.1.0",
    "numpy": "2.1.0",
    "pyarrow": "20.0",
    "commit": "0123456789abcdef",
    "tree": "clean",
}
EXPERIMENT = """
strategies = {strategies}
seeds = 6
targets = [0.9]
budget = 200
dataset = {{name = "digits"}}
model = {{name = "{model}", label = "logistic"{parameters}}}
"""


def runs_of(provenances, strategies=("random", "margin")):
    """Return a table of six runs per strategy, with these provenances in turn as they are."""
    rows = []
    for strategy in strategies:
        for seed in range(6):
            row = {
                **COMPARISON_GROUP,
                "strategy": strategy,
                "seed": seed,
                "status": "finished",
                "error": None,
            }
            row |= {"run_id": f"digits-logistic-10-{strategy}-{seed}", "unconverged": 0}
            row |= {"seconds_query": 1.0, "provenance": provenances[len(rows) % len(provenances)]}
            rows.append(row)
    return pd.DataFrame(rows)


def notes_of(
    folder, runs, model="logistic", strategies='["random", "margin"]', run_id=True, parameters=""
):
    """Return what a report of twelve runs says of where they are from."""
    curves = [reaching(SIX), reaching([80, 90, 100, 100, 80, 90], "margin")]
    write(folder, *(curves if run_id else [frame.drop(columns="run_id") for frame in curves]))
    runs.to_parquet(folder / "runs.parquet", index=False)
    if model is not None:
        text = EXPERIMENT.format(model=model, strategies=strategies, parameters=parameters)
        (folder / "experiment.toml").write_text(text)
    notes = alrun.report(folder, targets=[0.9]).notes
    return [note for note in notes if "computed" in note or "processor" in note]


def differing(*changes):
    """Return provenances, each the usual one but for these changes; None drops a key."""
    changed = [{**USUAL, **change} for change in changes]
    return [json.dumps({k: v for k, v in one.items() if v is not None}) for one in changed]


def test_of_runs_that_are_alike_nothing_is_said(tmp_path):
    assert notes_of(tmp_path, runs_of(differing({}))) == []


def test_different_versions_are_named_with_how_many_runs_have_each(tmp_path):
    provenances = differing({}, {}, {"numpy": "2.2.0"}, {"python": "3.11", "numpy": "2.2.0"})
    assert notes_of(tmp_path, runs_of(provenances)) == [
        "Warning: the runs were computed with different versions, and differences between"
        " strategies may be due to them: numpy 2.1.0 (6 runs), 2.2.0 (6 runs);"
        " python 3.12.1 (9 runs), 3.11 (3 runs)."
    ]


def test_a_package_that_only_some_runs_use_differs_between_those_alone(tmp_path):
    provenances = differing({}, {"scikit-activeml": "1.0"})
    assert notes_of(tmp_path, runs_of(provenances)) == []
    provenances += differing({"scikit-activeml": "1.1"})
    (note,) = notes_of(tmp_path, runs_of(provenances))
    assert note.endswith(": scikit-activeml 1.0 (4 runs), 1.1 (4 runs).")


def test_runs_that_are_not_in_the_curves_do_not_count(tmp_path):
    runs = runs_of(differing({}), ["random", "margin", "entropy"])
    runs.loc[runs["strategy"] == "entropy", "provenance"] = differing({"numpy": "1.0"})[0]
    assert notes_of(tmp_path, runs) == []
    runs.loc[0, "provenance"] = differing({"numpy": "1.0"})[0]
    (note,) = notes_of(tmp_path, runs)
    assert "numpy 2.1.0 (11 runs), 1.0 (1 run)." in note


def test_code_that_was_edited_between_runs_is_named(tmp_path):
    one, other, helper = "0" * 16, "f" * 16, {"helper": "1" * 16}
    same = differing({"code": {"mine.py": one, **helper}}, {}, {"code": helper})
    assert notes_of(tmp_path, runs_of(same)) == []
    (note,) = notes_of(tmp_path, runs_of([*same, *differing({"code": {"mine.py": other}})]))
    assert note == (
        "Warning: files of your own were edited between runs, which were computed with different"
        " code: mine.py 0000000000 (3 runs), ffffffffff (3 runs)."
    )
    for odd in ("mine.py", ["mine.py"], {"mine.py": 1}, None):
        assert notes_of(tmp_path, runs_of([*same, *differing({"code": odd})])) == []


def test_different_commits_are_named_by_their_first_digits(tmp_path):
    other = "f" * 40
    (note,) = notes_of(tmp_path, runs_of(differing({}, {"commit": other}, {"commit": other})))
    assert note == (
        "Note: the runs were computed at different commits: ffffffffff (8 runs),"
        " 0123456789 (4 runs)."
    )


@pytest.mark.parametrize(
    ("changes", "count"),
    [([{}, {"tree": "changed"}], "6 runs of 12"), ([{"tree": "changed"}], "12 runs of 12")],
)
def test_runs_from_a_tree_with_changes_are_counted(tmp_path, changes, count):
    (note,) = notes_of(tmp_path, runs_of(differing(*changes)))
    assert note.startswith(f"Note: {count} were computed in a tree with uncommitted changes.")


ELSEWHERE = [{}, {"processor": "Beta"}, {"blas": "openblas 0.3 Zen"}]
MINE = '["random", {name = "somewhere:mine", label = "margin"}]'


def test_processors_make_no_difference_to_what_is_built_in(tmp_path):
    assert notes_of(tmp_path, runs_of(differing(*ELSEWHERE))) == []
    assert notes_of(tmp_path, runs_of(differing(*ELSEWHERE)), model=None) == []


@pytest.mark.parametrize(
    ("model", "strategies", "n"),
    [("sklearn.svm.SVC", '["random", "margin"]', 12), ("logistic", MINE, 6)],
)
def test_processors_are_named_where_they_may_make_a_difference(tmp_path, model, strategies, n):
    runs = runs_of(differing(*ELSEWHERE))
    (note,) = notes_of(tmp_path, runs, model, strategies)
    assert f": Alpha ({2 * n // 3} runs), Beta ({n // 3} runs); " in note
    assert note.endswith(
        f"; openblas 0.3 Haswell ({2 * n // 3} runs), openblas 0.3 Zen ({n // 3} runs)."
    )


@pytest.mark.parametrize("key", ["machine", "pyarrow"])
def test_what_changes_no_number_is_not_said(tmp_path, key):
    assert notes_of(tmp_path, runs_of(differing({}, {key: "another"}))) == []


@pytest.mark.parametrize("key", ["numpy", "commit", "tree", "processor", "blas"])
def test_runs_that_do_not_say_are_not_different(tmp_path, key):
    runs = runs_of(differing({}, {key: None}))
    assert notes_of(tmp_path, runs, "sklearn.svm.SVC") == []


@pytest.mark.parametrize(
    "text",
    [None, "", "{", "[1]", "null", '{"numpy": 2, "tree": ["changed"], "commit": {}}', "[" * 10**5],
)
def test_a_provenance_that_is_none_is_passed_over(tmp_path, text):
    assert notes_of(tmp_path, runs_of([*differing({}), text])) == []
    (note,) = notes_of(tmp_path, runs_of([*differing({}, {"numpy": "2.2.0"}), text]))
    assert "numpy 2.1.0 (4 runs), 2.2.0 (4 runs)." in note


def test_tables_that_lack_what_it_takes_say_nothing(tmp_path):
    runs = runs_of(differing({}, {"numpy": "2.2.0"}))
    for column in ("provenance", "run_id"):
        assert notes_of(tmp_path, runs.drop(columns=column)) == []
    assert notes_of(tmp_path, runs.assign(provenance=pd.array([None] * 12, "string"))) == []
    assert notes_of(tmp_path, runs, run_id=False) == []
    assert len(notes_of(tmp_path, runs)) == 1


def test_fits_that_stop_at_a_tolerance_are_named(tmp_path):
    alike = runs_of(differing({}))
    assert notes_of(tmp_path, alike, parameters=", C = 2.0") == []
    assert notes_of(tmp_path, alike, parameters=", tolerance = 1e-4") == [
        "Note: the fits stop at a tolerance (logistic at 0.0001), so that on another processor the"
        " same runs may query other examples."
    ]
    elsewhere = notes_of(tmp_path, runs_of(differing(*ELSEWHERE)), parameters=", tolerance = 1e-4")
    assert len(elsewhere) == 2
    assert "theirs differed: Alpha (8 runs), Beta (4 runs)" in elsewhere[0]
