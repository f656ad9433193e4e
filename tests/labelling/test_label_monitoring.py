"""The monitoring of a project, against numbers that are counted here."""

import json

import numpy as np
import pandas as pd
import pytest
from commands import alrun_here
from labelling_projects import answered, give, label_all, project, table
from sklearn.metrics import cohen_kappa_score

from alrun.labelling.export import export
from alrun.labelling.monitoring import monitor
from alrun.labelling.next_batch import next_batch
from alrun.labelling.opened import OpenedProject
from alrun.labelling.records import Answer
from alrun.stats import share_interval


def audited(folder, **options):
    """Return a finished project that has an audit and no test file, and the truth."""
    path, truth = project(folder, **{"more": "audit = 0.3\ncost = 0.5", **options})
    path.write_text(path.read_text().replace('test = "held-out.csv"', ""))
    label_all(path, truth)
    return path, truth


def test_accuracy_is_that_on_the_audit_with_wilsons_interval(tmp_path):
    path, truth = audited(tmp_path)
    numbers = monitor(path)
    batches = OpenedProject(path).history.batches
    for batch, found in zip(batches[1:], numbers["batches"][1:], strict=True):
        said = batch.facts["audit"]
        assert len(said) == 5  # 0.3 of the 18 labels after the first six
        right = sum(truth[id] == name for id, name in said.items())
        interval = share_interval(right, 5)
        assert found["score"]["accuracy"] == right / 5
        assert found["score"]["on"] == "audit"
        assert (found["score"]["accuracy_low"], found["score"]["accuracy_high"]) == (
            interval.low,
            interval.high,
        )
    assert numbers["cost"] == 12


def test_without_test_and_audit_no_accuracy_is_shown(tmp_path):
    path, _ = audited(tmp_path, more="")
    numbers = monitor(path, fit=True)
    assert [batch["score"] for batch in numbers["batches"]] == [None] * 4
    assert numbers["now"]["score"] is None
    assert numbers["cost_per_point"] is None
    said = alrun_here("status", path).stdout
    assert "No accuracy: " in said
    assert "%" not in said.split("No accuracy")[0]


@pytest.mark.parametrize("scored_on", ["test", "audit"])
def test_before_the_second_batch_the_status_says_when_accuracy_comes(tmp_path, scored_on):
    path, _ = project(tmp_path, more="audit = 0.3" if scored_on == "audit" else "")
    if scored_on == "audit":
        path.write_text(path.read_text().replace('test = "held-out.csv"', ""))
    next_batch(path)
    assert monitor(path)["scored_on"] == scored_on
    said = " ".join(alrun_here("status", path).stdout.split())
    assert "No accuracy yet: " in said
    assert "second" in said
    assert "dataset.test" not in said


def test_the_score_on_the_test_part_and_what_a_point_has_cost(tmp_path):
    path, truth = project(tmp_path, more="cost = 2.0", seed=2)
    label_all(path, truth)
    numbers = monitor(path, fit=True)
    scores = [batch["score"] for batch in numbers["batches"][1:]]
    facts = [batch.facts["test"] for batch in OpenedProject(path).history.batches[1:]]
    assert [score["accuracy"] for score in scores] == [one["n_correct"] / 30 for one in facts]
    gain = scores[-1]["accuracy"] - scores[0]["accuracy"]
    assert gain > 0
    assert numbers["cost_per_point"] == pytest.approx(2.0 * 12 / (100 * gain))
    assert numbers["now"]["score"]["n"] == 30
    assert numbers["now"]["n_trained"] == 24


def test_the_accuracy_now_is_that_of_the_exported_predictions_on_the_audit(tmp_path):
    path, _ = audited(tmp_path)
    now = monitor(path, fit=True)["now"]
    assert (now["n_trained"], now["score"]["n"], now["score"]["on"]) == (19, 5, "audit")
    found = export(path).set_index("key")
    assert found.loc[found["audit"].fillna(False), "label"].notna().all()


def test_skips_seconds_and_classes_are_counted(tmp_path):
    path, truth = project(tmp_path)
    tasks = next_batch(path).tasks
    seconds = [1.0, 2.0, 30.0, 4.0, 5.0]
    answers = [
        Answer(task.id, truth[task.id], seconds=value)
        for task, value in zip(tasks, seconds, strict=False)
    ]
    give(path, [*answers, Answer(tasks[5].id, None)])
    (found,) = monitor(path)["batches"]
    assert (found["n_answered"], found["n_skipped"], found["seconds_per_label"]) == (6, 1, 4.0)
    assert sum(found["classes"].values()) == 5


def test_duplicates_of_what_was_asked_are_counted(tmp_path):
    once = table(12)
    twice = pd.concat([once, once.assign(key=once["key"] + "b")])
    path, truth = project(tmp_path, frame=twice, initial='size = 6\nmethod = "random"')
    label_all(path, truth)
    found = monitor(path)
    assert found["n_labels"] == 24
    assert sum(batch["n_duplicates"] for batch in found["batches"]) == 12


def test_the_selection_is_compared_with_the_pool(tmp_path):
    path, truth = project(tmp_path)
    label_all(path, truth)
    history = OpenedProject(path).history
    for batch, found in zip(history.batches[1:], monitor(path)["batches"][1:], strict=True):
        pool = batch.facts["pool"]
        names = [one.suggestion for one in batch.examples]
        selected = np.array([names.count(name) / len(names) for name in pool["names"]])
        expected = np.array(pool["classes"]) / pool["n"]
        assert sum(pool["classes"]) == pool["n"] == 90 - batch.facts["n_trained"]
        assert found["class_distance"] == pytest.approx(np.abs(selected - expected).sum() / 2)
        assert 0 < found["uncertainty_distance"] <= 1


def test_two_annotators_have_kappa_and_three_have_alpha(tmp_path):
    path, truth = project(tmp_path)
    tasks = next_batch(path).tasks
    give(path, answered(tasks, truth, "anna"))
    assert monitor(path)["agreement"] is None
    wrong = truth | {tasks[0].id: "bee", tasks[1].id: "bee"}
    give(path, answered(tasks, wrong, "bert"))
    found = monitor(path)["agreement"]
    labels = [[truth[task.id] for task in tasks], [wrong[task.id] for task in tasks]]
    assert found["measure"] == "kappa"
    assert found["value"] == pytest.approx(cohen_kappa_score(*labels))
    give(path, answered(tasks, truth, "carl"))
    found = monitor(path)["agreement"]
    assert (found["measure"], found["n_examples"]) == ("alpha", 6)
    share = {one["annotator"]: one["with_majority"] for one in found["annotators"]}
    assert share["bert"] < share["anna"] == share["carl"] == 1


def test_a_wrong_label_is_disputed(tmp_path):
    path, truth = project(tmp_path, initial="per_class = 8")
    tasks = next_batch(path).tasks
    wrong = next(task.id for task in tasks if truth[task.id] == "cat")
    give(path, answered(tasks, truth | {wrong: "ant"}))
    disputed = monitor(path, fit=True)["now"]["disputed"]
    assert disputed[0]["id"] == wrong
    assert disputed[0]["label"] == "ant"


def test_rules_say_at_how_many_labels_they_fired(tmp_path):
    rules = '["kappa", { name = "budget", labels = 12 }, { name = "min_error", threshold = 0.9 }]'
    path, truth = project(tmp_path, more=f"stopping = {rules}")
    label_all(path, truth)
    fired = {one["rule"]: one["stopped_at"] for one in monitor(path)["stopping"]}
    assert fired == {"kappa": None, "budget(labels=12)": 12, "min_error(threshold=0.9)": 6}


def test_the_status_is_text_or_json(tmp_path):
    path, truth = project(tmp_path, more='stopping = ["kappa"]')
    done = alrun_here("status", path)
    assert done.stdout.startswith("mine: 0 of 24 labels")
    assert not (tmp_path / "mine.labelling").exists()
    label_all(path, truth)
    assert "give --fit for its accuracy" in alrun_here("status", path).stdout
    said = alrun_here("status", path, "--fit").stdout
    assert "Stopping rule kappa has not fired: " in said
    assert "Now, on 24 labels:" in said
    assert "--fit" not in said
    shown = json.loads(alrun_here("status", path, "--fit", "--format", "json").stdout)
    assert shown == json.loads(json.dumps(monitor(path, fit=True)))


def test_one_of_a_kind_is_no_plural(tmp_path):
    path, truth = project(tmp_path)
    tasks = next_batch(path).tasks
    give(path, [*answered(tasks[:1], truth), *(Answer(task.id, None) for task in tasks[1:5])])
    said = alrun_here("status", path).stdout.splitlines()[0]
    waiting = "1 of 24 labels; 1 example waits for an answer; 4 examples skipped"
    assert said == f"mine: {waiting}. 5 answers have cost 5."
    (tmp_path / "rest.csv").write_text(f"key,label\n{tasks[5].id},{truth[tasks[5].id]}\n")
    assert alrun_here("label", path, tmp_path / "rest.csv").stdout.startswith("Took 1 label.\n")
    assert alrun_here("next", path, "--n", 1).stdout.startswith("Batch 2, chosen now: 1 example in")


def test_fit_and_format_are_for_projects(tmp_path):
    assert alrun_here("status", tmp_path, "--fit").returncode == 2
