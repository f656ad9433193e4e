"""A data set with classes of chosen sizes, and comparisons of its splits."""

import numpy as np

from alrun.data.dataset import Dataset
from alrun.spec import RunSpec
from alrun.spec_parts import DatasetSpec, InitialSpec, ModelSpec, StrategySpec

PER_CLASS = InitialSpec("per_class", 2)


def made(counts=(60, 30, 20), fingerprint="made"):
    y = np.repeat(np.arange(len(counts)), counts)
    y = np.random.default_rng(0).permutation(y)
    X = np.arange(len(y), dtype=float)[:, None]
    return Dataset(X, y, tuple(f"class {code}" for code in range(len(counts))), fingerprint)


def assert_same(one, other):
    for role in ("test", "initial", "pool"):
        np.testing.assert_array_equal(getattr(one, role), getattr(other, role))


def run_spec():
    return RunSpec(
        DatasetSpec("d", "d", "made", "none", 30),
        PER_CLASS,
        ModelSpec("logistic", "logistic", {"C": 1.0, "class_weight": None}),
        StrategySpec("random", "random", {}, 1),
        batch_size=10,
        budget=40,
        seed=5,
    )
