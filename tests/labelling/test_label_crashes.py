"""Commands on a project that end before they are done: nothing is lost, and nothing is doubled."""

import errno
import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from commands import alrun_here
from labelling_projects import answered, give, label_all, project
from torture.labelling import LabellingTorture

from alrun.labelling.next_batch import next_batch
from alrun.labelling.opened import OpenedProject


class Killed(BaseException):
    """Stands for a kill: nothing catches it."""


def at_write(monkeypatch, number, error):
    """Let the write of this number raise an error before its file appears."""
    replace, written = os.replace, []

    def failing(source, target):
        written.append(target)
        if len(written) == number:
            raise error
        replace(source, target)

    monkeypatch.setattr("alrun.util.atomic_files.os.replace", failing)


@pytest.mark.parametrize("number", [1, 2])
def test_a_first_batch_that_was_killed_comes_again_as_it_would_have(tmp_path, monkeypatch, number):
    for name in ("calm", "killed"):
        (tmp_path / name).mkdir()
    calm, truth = project(tmp_path / "calm")
    path, _ = project(tmp_path / "killed")
    with monkeypatch.context() as patch:
        at_write(patch, number, Killed())
        with pytest.raises(Killed):
            next_batch(path)
    assert label_all(path, truth) == label_all(calm, truth)


def test_answers_whose_delivery_was_killed_are_taken_by_the_same_command(tmp_path, monkeypatch):
    path, truth = project(tmp_path)
    answers = answered(next_batch(path).tasks, truth)
    with monkeypatch.context() as patch:
        at_write(patch, 1, Killed())
        with pytest.raises(Killed):
            give(path, answers)
    assert OpenedProject(path).history.n_labels == 0
    assert give(path, answers).n_labels == 6
    assert give(path, answers).n_labels == 0
    assert OpenedProject(path).history.n_labels == 6


@pytest.mark.parametrize("command", ["next", "label", "export"])
def test_a_full_disk_is_said_and_leaves_all_as_it_was(tmp_path, monkeypatch, command):
    path, truth = project(tmp_path)
    tasks = next_batch(path).tasks
    file = tmp_path / "answers.csv"
    file.write_text("key,label\n" + "".join(f"{task.id},{truth[task.id]}\n" for task in tasks))
    if command != "label":
        alrun_here("label", path, file)
    words = {"label": [file], "export": ["--output", tmp_path / "out.csv"]}.get(command, [])
    before = {name: name.read_bytes() for name in tmp_path.rglob("*") if name.is_file()}
    with monkeypatch.context() as patch:
        at_write(patch, 1, OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))
        done = alrun_here(command, path, *words)
    assert done.returncode == 2
    assert "No space left on device; make room on the disk" in done.stderr
    assert {name: name.read_bytes() for name in tmp_path.rglob("*") if name.is_file()} == before
    assert alrun_here(command, path, *words).returncode == 0


def test_two_commands_at_once_choose_one_batch(tmp_path):
    path, _ = project(tmp_path)
    with ThreadPoolExecutor(2) as both:
        tasks = [one.tasks for one in both.map(next_batch, [path, path])]
    assert tasks[0] == tasks[1]
    assert len(OpenedProject(path).history.batches) == 1


@pytest.mark.slow  # the tests above end commands at the writes of their files
def test_a_project_survives_kills_of_its_commands(tmp_path):
    torture = LabellingTorture(tmp_path, np.random.default_rng(1))
    assert torture.survives(5), torture.wrong
