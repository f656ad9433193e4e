"""Small runs on overlapping clouds, and stores of them."""

from dataclasses import replace

import numpy as np

from alrun.data.dataset import Dataset
from alrun.data.splits import split_of
from alrun.results.run_file import serialize_run
from alrun.results.store import Store
from alrun.run.loop import run_active_learning
from alrun.spec import RunSpec, run_id
from alrun.spec_parts import DatasetSpec, InitialSpec, ModelSpec, StrategySpec


def blobs(n=60, n_classes=3, n_features=4, seed=0):
    """Return a data set of overlapping clouds with distinct rows."""
    rng = np.random.default_rng(seed)
    y = np.arange(n) % n_classes
    X = rng.normal(size=(n, n_features)) + y[:, None]
    return Dataset(X, y, tuple(range(n_classes)), "blobs")


def spec_of(name="margin", **changes):
    """Return a small run on blobs."""
    spec = RunSpec(
        dataset=DatasetSpec("blobs", "blobs", "blobs", "none", 15),
        initial=InitialSpec("per_class", 1),
        model=ModelSpec("logistic", "logistic", {"C": 1.0, "class_weight": None}),
        strategy=StrategySpec(name, name, {}, 1),
        batch_size=4,
        budget=20,
        seed=0,
    )
    return replace(spec, **changes)


def filled(path, seeds=(0, 1), names=("random", "margin")):
    """Return a store with the runs of a small grid, and their specs."""
    store = Store(path)
    store.prepare()
    specs = [spec_of(name, seed=seed) for name in names for seed in seeds]
    for spec in specs:
        store.write_run(run_id(spec), content_of(spec))
    return store, specs


def content_of(spec, labels="abc"):
    """Compute a run on the blobs, and return the content of its file."""
    result = run_active_learning(spec, blobs())
    return serialize_run(spec, result, labels, {"alrun": "1"})


def splits(specs):
    cells = {spec.seed: spec for spec in specs}
    return [("blobs", "", seed, split_of(spec, blobs())) for seed, spec in sorted(cells.items())]
