"""A project whose answers are known labels queries exactly what a sweep queries."""

import numpy as np
import pytest
from labelling_projects import EXPERIMENT, answered, give, label_all, project, table

from alrun.labelling.facts import round_signals
from alrun.labelling.next_batch import next_batch
from alrun.labelling.opened import OpenedProject
from alrun.run.loop import run_active_learning
from alrun.strategies.registry import BUILT_IN
from alrun.sweep.plan import plan_sweep


def swept(folder, strategy="margin", seed=0, initial="per_class = 2"):
    """Return the ids that a sweep starts with, and those of each batch."""
    path = folder / "sweep.toml"
    path.write_text(EXPERIMENT.format(strategy=strategy, seed=seed, initial=initial))
    plan = plan_sweep(path, folder / "results")
    (spec,) = plan.specs.values()
    dataset = plan.sources[spec.dataset.display_name]
    rounds = run_active_learning(spec, dataset).rounds
    ids = table(90)["key"].to_numpy()
    return [ids[entry.batch].tolist() for entry in rounds if len(entry.batch)], rounds


@pytest.mark.parametrize("strategy", BUILT_IN)
def test_every_strategy_asks_for_the_batches_of_a_sweep(tmp_path, strategy):
    path, truth = project(tmp_path, strategy, seed=3)
    path.write_text(path.read_text().replace("budget     = 24", "budget = 18"))
    batches, _ = swept(tmp_path, strategy, seed=3)
    asked = label_all(path, truth)
    assert asked[1:] == batches[:2]


def deliveries(tasks, truth, how, rng):
    """Yield the answers to a batch in one of several ways."""
    answers = answered(tasks, truth)
    if how == "shuffled":
        answers = [answers[place] for place in rng.permutation(len(answers))]
    parts = [answers[::2], answers[1::2]] if how == "in pieces" else [answers]
    yield from parts * (2 if how == "twice" else 1)


@pytest.mark.parametrize("how", ["in pieces", "shuffled", "twice"])
def test_how_answers_arrive_changes_no_query(tmp_path, how):
    path, truth = project(tmp_path)
    asked, rng = [], np.random.default_rng(0)
    while tasks := next_batch(path).tasks:
        asked.append([task.id for task in tasks])
        for answers in deliveries(tasks, truth, how, rng):
            assert next_batch(path).tasks == tasks or how == "twice"
            give(path, answers)
    batches, _ = swept(tmp_path)
    assert asked[1:] == batches


def test_the_signals_are_those_of_a_sweep(tmp_path):
    path, truth = project(tmp_path, seed=5)
    _, rounds = swept(tmp_path, seed=5)
    label_all(path, truth)
    found, signals = round_signals(OpenedProject(path).history)
    n_labels = [batch.facts["n_trained"] for batch in found]
    assert n_labels == [entry.n_labels for entry in rounds[:-1]]
    for one, other in zip(signals, rounds, strict=False):
        assert one.keys() == other.signals.keys()
        for name, value in one.items():
            assert value == pytest.approx(other.signals[name], abs=1e-9), name


def test_scores_on_the_test_part_are_those_of_a_sweep(tmp_path):
    path, truth = project(tmp_path, seed=2)
    _, rounds = swept(tmp_path, seed=2)
    label_all(path, truth)
    batches = OpenedProject(path).history.batches[1:]
    assert [batch.facts["test"]["n_correct"] for batch in batches] == [
        entry.scores.n_correct for entry in rounds[:-1]
    ]
