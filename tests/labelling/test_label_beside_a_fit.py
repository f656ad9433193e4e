"""Commands on a project while another one fits: none waits, and none chooses an example twice."""

import fcntl
import os

import pytest
from labelling_projects import answered, give, label_all, project

from alrun.labelling.export import export
from alrun.labelling.monitoring import monitor
from alrun.labelling.next_batch import next_batch
from alrun.labelling.opened import OpenedProject
from alrun.labelling.project import state_folder
from alrun.run.learner import Learner


def beside_the_next_fit(monkeypatch, path, action):
    """Do something once while a model of the project is fitted, and check that no lock is held."""
    fit, done = Learner.fit, []

    def fitting(learner):
        if not done:
            done.append(True)
            descriptor = os.open(state_folder(path), os.O_RDONLY)
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)  # raises where it is held
            os.close(descriptor)
            action()
        return fit(learner)

    monkeypatch.setattr(Learner, "fit", fitting)
    return done


def begun(folder):
    """Return a project with a first batch that is labelled and a second one that is open."""
    folder.mkdir()
    path, truth = project(folder)
    give(path, answered(next_batch(path).tasks, truth))
    return path, truth, next_batch(path).tasks


def test_a_batch_is_of_the_labels_that_were_there_when_it_was_asked_for(tmp_path, monkeypatch):
    path, truth, tasks = begun(tmp_path / "beside")
    done = beside_the_next_fit(monkeypatch, path, lambda: give(path, answered(tasks, truth)))
    beside = next_batch(path, more=5).tasks
    assert done
    other, _, _ = begun(tmp_path / "in_turn")
    assert next_batch(other, more=5).tasks == beside
    give(other, answered(tasks, truth))
    name = "batch-3.jsonl"
    assert (state_folder(path) / name).read_bytes() == (state_folder(other) / name).read_bytes()
    assert OpenedProject(path).history.n_labels == 12
    give(path, answered(beside, truth))
    give(other, answered(beside, truth))
    assert label_all(path, truth) == label_all(other, truth)


@pytest.mark.parametrize("more", [None, 4])
def test_of_two_that_choose_at_once_the_later_one_chooses_anew(tmp_path, monkeypatch, more):
    path, truth, tasks = begun(tmp_path / "mine")
    if more is None:
        give(path, answered(tasks, truth))
    found = []
    beside_the_next_fit(monkeypatch, path, lambda: found.append(next_batch(path, more=more).tasks))
    mine, (theirs,) = next_batch(path, more=more).tasks, found
    if more is None:
        assert mine == theirs
    else:
        assert len({task.id for task in (*mine, *theirs, *tasks)}) == 4 + 4 + 6
    assert len(OpenedProject(path).history.batches) == (3 if more is None else 4)


def test_rows_that_another_command_came_to_know_are_not_written_again(tmp_path, monkeypatch):
    path, truth = project(tmp_path)
    given = OpenedProject.data.func
    found = []

    def reading(opened):
        if not found:
            found.append(None)
            found[0] = next_batch(path).tasks
        return given(opened)

    monkeypatch.setattr(OpenedProject.data, "func", reading)
    assert next_batch(path).tasks == found[0]
    assert len(OpenedProject(path).known.sizes) == 1
    label_all(path, truth)


@pytest.mark.parametrize("command", [lambda path: monitor(path, fit=True), export])
def test_status_and_export_fit_without_the_lock(tmp_path, monkeypatch, command):
    path, truth, tasks = begun(tmp_path / "mine")
    before = command(path)
    done = beside_the_next_fit(monkeypatch, path, lambda: give(path, answered(tasks, truth)))
    found = command(path)
    assert done
    assert str(found) == str(before)
    assert OpenedProject(path).history.n_labels == 12
