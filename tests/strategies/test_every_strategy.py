"""What holds for every strategy: distinct picks, the same for the same stream, on any pool."""

import math
import warnings
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from alrun.data.dataset import Dataset, UserSplits
from alrun.errors import StrategyError
from alrun.models.classifier import Classifier
from alrun.models.predictions import Predictions
from alrun.run.loop import run_active_learning
from alrun.run.query import query
from alrun.spec import RunSpec
from alrun.spec_parts import DatasetSpec, InitialSpec, ModelSpec, StrategySpec
from alrun.strategies.registry import BUILT_IN, parameters_of, resolve
from alrun.strategies.support.pool import Pool
from alrun.strategies.support.validation import validate_parameters

FEW = settings(max_examples=8)
NAMES = sorted(BUILT_IN)
SHAPES = ("spread", "identical", "constant features", "sparse")


def spec_of(name):
    parameters, version = resolve(name, {})
    return StrategySpec(name, name, parameters, version)


def pool_of(rng, n_labelled, n_unlabelled, n_features, n_classes, n_seen, shape):
    """Return a pool with a fitted model that has seen the first classes alone."""
    X = rng.normal(size=(n_labelled + n_unlabelled, n_features))
    if shape == "identical":
        X[:] = X[0]
    elif shape == "constant features":
        X[:, 0] = 3.0
    y = np.arange(n_labelled) % n_seen
    X[:n_labelled, -1] += y
    X = sparse.csr_matrix(X) if shape == "sparse" else X
    labelled = rng.permutation(n_labelled)
    unlabelled = n_labelled + rng.permutation(n_unlabelled)
    classifier = Classifier("logistic", {}, n_classes, rng).fit(X[labelled], y[labelled])
    return Pool(X, unlabelled, labelled, y[labelled], Predictions(classifier, X))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", NAMES)
@FEW
@given(st.data())
def test_picks_are_distinct_and_those_of_the_stream(name, shape, data):
    """Pools down to one example, batches up to all of it, classes unseen, a single feature."""
    seed = data.draw(st.integers(0, 1000))
    n_classes = data.draw(st.integers(2, 5))
    n_seen = data.draw(st.integers(1, n_classes))
    n_labelled = data.draw(st.integers(n_seen, 12))
    n_unlabelled = data.draw(st.integers(1, 30))
    n_features = data.draw(st.integers(1, 4))
    n = data.draw(st.integers(1, n_unlabelled))
    sizes = (n_labelled, n_unlabelled, n_features, n_classes, n_seen, shape)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # such as that a pool is degenerate
        answers = [
            query(
                spec_of(name),
                pool_of(np.random.default_rng(seed), *sizes),
                n,
                np.random.default_rng(seed),
            )[0].tolist()
            for _ in range(2)
        ]
    assert answers[0] == answers[1]
    assert len(set(answers[0])) == n
    assert set(answers[0]) <= set(range(n_unlabelled))


@pytest.mark.parametrize("name", NAMES)
def test_no_strategy_sees_a_label_before_it_is_paid_for(name):
    """Hidden labels are poisoned but for those of the first batch: two batches are the same."""
    rng = np.random.default_rng(5)
    X = rng.normal(size=(120, 3))
    y = (X[:, 0] > 0).astype(np.int64) + (X[:, 1] > 0.5)
    roles = np.where(np.arange(120) < 80, 0, 2).astype(np.int8)
    roles[:9] = 1
    dataset = Dataset(X, y, (0, 1, 2), "made up", splits=UserSplits((0,), roles[None]))
    spec = RunSpec(
        DatasetSpec("made up", "made up", "made up", "none", 0, "given"),
        InitialSpec("splits", 0),
        ModelSpec("logistic", "logistic", {"C": 1.0, "class_weight": None}),
        spec_of(name),
        batch_size=6,
        budget=21,
        seed=0,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        first, second, *_ = (r.batch for r in run_active_learning(spec, dataset).rounds)
        paid = np.concatenate([np.arange(9), first, np.arange(80, 120)])
        poisoned = np.full(120, 2)
        poisoned[paid] = y[paid]
        rounds = run_active_learning(spec, replace(dataset, y=poisoned)).rounds
    assert rounds[0].batch.tolist() == first.tolist()
    assert rounds[1].batch.tolist() == second.tolist()


@pytest.mark.parametrize("value", [math.nan, "x", [1.0], {"a": 1}, -1, -0.5, True])
@pytest.mark.parametrize(("name", "key"), [(n, k) for n in NAMES for k in parameters_of(n)])
def test_a_senseless_value_is_known_before_a_pool_is_looked_at(name, key, value):
    with pytest.raises(StrategyError, match=rf"^{key} .*must be ") as caught:
        validate_parameters(BUILT_IN[name], {key: value})
    assert "\n" not in str(caught.value)


def test_a_large_value_takes_no_time_to_be_found_in_order():
    assert resolve("qbc_kl", {"members": 10**12}) == ({"members": 10**12}, 1)
    assert resolve("typiclust", {"most_clusters": 10**12})[0]["most_clusters"] == 10**12
