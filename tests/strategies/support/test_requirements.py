"""What a strategy cannot do is said before a sweep starts, a line for each data set."""

from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.datasets import dump_svmlight_file

from alrun.errors import ExperimentError, StrategyError
from alrun.strategies.registry import BUILT_IN
from alrun.strategies.support import requirements
from alrun.strategies.support.requirements import DataTraits, Requirements, read_requirements
from alrun.sweep.plan import plan_sweep

OWN = """
def dense(pool, n, rng):
    return pool.X[:, 0]

def two(pool, n, rng):
    return pool.X[:, 0]

def sure(pool, n, rng):
    return pool.probabilities[:, 0]

dense.dense_only = True
two.binary_only = True
sure.requires = ("predict_proba",)
"""


@pytest.fixture
def path(tmp_path):
    """An experiment on iris and on sparse features of two classes, with three strategies."""
    X, y = np.eye(40, 4), np.arange(40) % 2
    dump_svmlight_file(X, y, str(tmp_path / "words.svmlight"))
    (tmp_path / "own_needs.py").write_text(OWN)
    path = tmp_path / "question.toml"
    path.write_text(
        "seeds = 1\nbudget = 12\n"
        'strategies = ["own_needs.py:dense", "own_needs.py:two", "own_needs.py:sure", "random"]\n'
        '[[dataset]]\nname = "iris"\n[[dataset]]\nname = "words.svmlight"\n'
    )
    return path


def said(path, *overrides):
    with pytest.raises(ExperimentError) as caught:
        plan_sweep(path, path.parent / "results", overrides)
    return [problem.replace(f"{path.parent}/", "") for problem in caught.value.problems]


def test_a_data_set_that_a_strategy_cannot_take_is_a_line_each_all_at_once(path):
    assert said(path) == [
        "question.toml: strategies[1]: own_needs.py:dense takes no sparse features, and those of"
        " words.svmlight are sparse; choose another strategy",
        "question.toml: strategies[2]: own_needs.py:two is for two classes, and iris has 3; choose"
        " another strategy",
    ]


def test_what_it_can_take_is_planned(path):
    names = ["own_needs.py:sure", *BUILT_IN]
    assert len(plan_sweep(path, path.parent, [f"strategies={names}"]).specs) == 2 * len(names)


def test_a_model_without_the_method_that_ones_own_strategy_needs_is_refused(path):
    (line,) = said(path, 'model.name="sklearn.svm.LinearSVC"')
    assert "strategies[3]: own_needs.py:sure needs a model with predict_proba" in line


@pytest.mark.parametrize(("gigabytes", "fits"), [(8.1, True), (7.9, False)])
def test_all_pairs_must_fit_into_memory(monkeypatch, gigabytes, fits):
    memory = SimpleNamespace(total=int(gigabytes * 1e9))
    monkeypatch.setattr(requirements.psutil, "virtual_memory", lambda: memory)
    facts = DataTraits("mine", is_sparse=False, n_classes=2, n_training=20_000)
    lines = list(
        Requirements("theirs", bytes_per_pair=20, instead="k_center").unmet_requirements(facts)
    )
    sentence = (
        "theirs holds all pairs of the 20000 examples of mine in 8 GB of memory, and this machine"
        " has 8; k_center needs no pairs"
    )
    assert lines == ([] if fits else [sentence])


def test_who_needs_nothing_is_served_by_all():
    assert list(Requirements("mine").unmet_requirements(DataTraits("mine", True, 9, 10**9))) == []


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("requires", "predict_proba"),
        ("requires", ("predict",)),
        ("requires", ([],)),
        ("requires", 3),
        ("dense_only", 1),
        ("binary_only", "yes"),
        ("bytes_per_pair", "8"),
    ],
)
def test_a_need_that_is_none_is_refused(key, value):
    def own(pool, n, rng):
        """Do nothing."""

    setattr(own, key, value)
    with pytest.raises(StrategyError, match=f"^{key} of own must be "):
        read_requirements("own", own)


def test_what_is_built_in_takes_sparse_features_and_many_classes():
    for name, function in BUILT_IN.items():
        assert read_requirements(name, function) == Requirements(
            name, getattr(function, "requires", ())
        )
