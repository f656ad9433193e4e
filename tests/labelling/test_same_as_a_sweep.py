"""A project whose answers are known labels queries exactly what a sweep queries."""

import re

import numpy as np
import pytest
from labelling_projects import answered, give, label_all, project, table

from alrun.labelling.facts import round_signals
from alrun.labelling.next_batch import next_batch
from alrun.labelling.opened import OpenedProject
from alrun.run.loop import run_active_learning
from alrun.strategies.registry import BUILT_IN
from alrun.sweep.plan import plan_sweep

# How an experiment says what a project says.
AS_EXPERIMENT = {
    r'strategy += ("\w+")': r"strategies = [\1]",
    r"batch_size += (\d+)": r"batch_sizes = [\1]",
    r"seed += (\d+)": r"seeds = [\1]",
    r'id += "key"': 'drop = ["key"]',
    r'drop = \["key"\]\n(text = .*)': r"\1",
}
HOW = ["whole", "in pieces", "shuffled", "twice"]
# Its result depends on the order of the examples, and on a random stream.
SGD = '[model]\nname = "sklearn.linear_model.SGDClassifier"\nloss = "log_loss"'
FOREST = '[model]\nname = "sklearn.ensemble.RandomForestClassifier"\nn_estimators = 5'


def swept(path):
    """Return the ids of each batch of a sweep with the settings of a project, and its rounds."""
    text = path.read_text()
    for key, in_experiment in AS_EXPERIMENT.items():
        text = re.sub(key, in_experiment, text)
    experiment = path.with_name("sweep.toml")
    experiment.write_text(text)
    plan = plan_sweep(experiment, path.with_name("results"))
    (spec,) = plan.specs.values()
    dataset = plan.sources[spec.dataset.display_name]
    rounds = run_active_learning(spec, dataset).rounds
    ids = table(90)["key"].to_numpy()
    return [ids[entry.batch].tolist() for entry in rounds if len(entry.batch)], rounds


def changed(path, **values):
    """Give keys of a project file other values."""
    text = path.read_text()
    for key, value in values.items():
        text, n = re.subn(rf"{key} += .*", f"{key} = {value}", text)
        assert n == 1
    path.write_text(text)


def deliveries(tasks, truth, how, rng):
    """Return the answers to a batch in one of several ways, or in some of them together."""
    answers = answered(tasks, truth)
    if "shuffled" in how:
        answers = [answers[place] for place in rng.permutation(len(answers))]
    parts = [answers[::2], answers[1::2]] if "in pieces" in how else [answers]
    return parts * (2 if "twice" in how else 1)


def asked_for(path, truth, *ways):
    """Label until the project ends, each batch in the next one of the ways; return the ids."""
    asked, rng = [], np.random.default_rng(0)
    while tasks := next_batch(path).tasks:
        how = ways[len(asked) % len(ways)]
        asked.append([task.id for task in tasks])
        for answers in deliveries(tasks, truth, how, rng):
            again = [task.id for task in next_batch(path).tasks]
            assert again == asked[-1] or "twice" in how
            give(path, answers)
    return asked


@pytest.mark.parametrize("strategy", BUILT_IN)
def test_every_strategy_asks_for_the_batches_of_a_sweep(tmp_path, strategy):
    path, truth = project(tmp_path, strategy, seed=3)
    changed(path, budget=18)
    batches, _ = swept(path)
    assert asked_for(path, truth, "shuffled, in pieces and twice", "whole")[1:] == batches


@pytest.mark.parametrize("how", HOW)
def test_how_answers_arrive_changes_no_query(tmp_path, how):
    """The batch size does not divide the budget, and the model sees the order of its examples."""
    path, truth = project(tmp_path, initial=f"per_class = 2\n{SGD}")
    changed(path, batch_size=7, target='"kind"\nscale = "standard"')
    batches, _ = swept(path)
    assert [len(batch) for batch in batches] == [7, 7, 4]
    assert asked_for(path, truth, how)[1:] == batches


@pytest.mark.parametrize("strategy", ["k_center", "entropy"])
def test_batches_with_other_models_and_missing_values_are_those_of_a_sweep(tmp_path, strategy):
    frame = table(90)
    frame.loc[::7, "a"] = np.nan
    frame["town"] = np.where(np.arange(90) % 3 == 0, "Köln", "Rom")
    path, truth = project(tmp_path, strategy, 1, f"per_class = 1\n{FOREST}", frame=frame)
    frame.iloc[:30].to_csv(tmp_path / "held-out.csv", index=False)
    changed(path, budget=17, target='"kind"\nmissing = "mean"\nscale = "minmax"')
    assert asked_for(path, truth, *HOW)[1:] == swept(path)[0]


def test_batches_of_texts_are_those_of_a_sweep(tmp_path):
    rng, frame = np.random.default_rng(0), table(90)[["key", "kind"]]
    words = {"ant": "hill leaf", "bee": "hive leaf", "cat": "sofa hive"}
    frame["body"] = [
        f"{words[kind]} w{rng.integers(9)} w{rng.integers(9)}" for kind in frame["kind"]
    ]
    path, truth = project(tmp_path, frame=frame)
    frame.iloc[:30].to_csv(tmp_path / "held-out.csv", index=False)
    changed(path, batch_size=5, id='"key"\ntext = "body"')
    assert asked_for(path, truth, *HOW)[1:] == swept(path)[0]


def test_the_signals_are_those_of_a_sweep(tmp_path):
    path, truth = project(tmp_path, seed=5)
    _, rounds = swept(path)
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
    _, rounds = swept(path)
    label_all(path, truth)
    batches = OpenedProject(path).history.batches[1:]
    assert [batch.facts["test"]["n_correct"] for batch in batches] == [
        entry.scores.n_correct for entry in rounds[:-1]
    ]
