"""Features in single precision are computed with as if they were stored in double."""

import tracemalloc
import warnings
from dataclasses import replace

import numpy as np
import pytest
from scipy import sparse
from sklearn.datasets import dump_svmlight_file

from alrun.api import run_sweep
from alrun.data.dataset import Dataset
from alrun.data.features import (
    map_in_blocks,
    map_rows,
    products_of,
    weighted_sum,
    with_small_indices,
)
from alrun.data.scaling import rescale
from alrun.results.load import load_runs
from alrun.run.loop import run_active_learning
from alrun.spec import RunSpec
from alrun.spec_parts import DatasetSpec, InitialSpec, ModelSpec, StrategySpec
from alrun.strategies.registry import BUILT_IN, resolve


def single(n=300, n_features=20, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, n_features)).astype(np.float32)


@pytest.fixture
def small_parts(monkeypatch):
    monkeypatch.setattr("alrun.data.features._WIDENED", 7 * 20)
    monkeypatch.setattr("alrun.data.features.LARGEST_CHUNK", 11 * 20)


@pytest.mark.usefixtures("small_parts")
def test_each_part_is_widened_before_it_is_used():
    X = single()
    wide, rows = X.astype(np.float64), np.array([5, 3, 299, 0] * 10)
    others = wide[:4]
    made = map_in_blocks(lambda part: products_of(part, others), X)
    assert made.dtype == np.float64
    np.testing.assert_allclose(made, wide @ others.T, rtol=1e-13, atol=1e-13)
    assert np.abs(X @ others.astype(np.float32).T - made).max() > 1e-8  # what single would give
    np.testing.assert_array_equal(map_rows(lambda part: part, X, rows), wide[rows])
    np.testing.assert_allclose(weighted_sum(X, wide[:, 0]), wide.T @ wide[:, 0], rtol=1e-12)
    by_class = map_in_blocks(lambda part: np.ones((2, len(part))).T, X)
    assert by_class.shape == (300, 2)
    assert by_class.flags.f_contiguous  # as it was made


def test_double_and_sparse_features_are_taken_as_they_are():
    X = single().astype(np.float64)
    seen = []
    map_in_blocks(seen.append, X)
    assert seen[0] is X
    rows = sparse.csr_matrix(X)
    np.testing.assert_allclose(weighted_sum(rows, X[:, 0]), X.T @ X[:, 0], rtol=1e-12)


def test_to_widen_takes_little_memory():
    X = single(200_000, 50)  # 40 MB
    others = np.ones((1, 50))
    tracemalloc.start()
    map_in_blocks(lambda part: products_of(part, others), X)
    weighted_sum(X, np.ones(len(X)))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 25e6


@pytest.mark.parametrize("scale", ["standard", "minmax"])
def test_scalers_are_fitted_and_applied_in_double(scale):
    X = single()
    rows = np.arange(0, 300, 2)
    scaled = rescale(X, scale, rows)
    assert scaled.dtype == np.float64
    np.testing.assert_allclose(scaled, rescale(X.astype(np.float64), scale, rows), rtol=1e-12)


@pytest.mark.parametrize("name", sorted(BUILT_IN))
@pytest.mark.usefixtures("small_parts")
def test_a_run_on_single_precision_is_that_on_the_same_numbers_in_double(name):
    X = single(120)
    y = (X[:, 0] > 0).astype(np.int64) + (X[:, 1] > 0.5)
    dataset = Dataset(X, y, (0, 1, 2), "made up")
    parameters, version = resolve(name, {})
    spec = RunSpec(
        DatasetSpec("made up", "made up", "made up", "none", 30),
        InitialSpec("per_class", 2),
        ModelSpec("logistic", "logistic", {"C": 1.0, "class_weight": None}),
        StrategySpec(name, name, parameters, version),
        batch_size=6,
        budget=24,
        seed=0,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ours = run_active_learning(spec, dataset).rounds
        double = run_active_learning(spec, replace(dataset, X=X.astype(np.float64))).rounds
    assert [entry.batch.tolist() for entry in ours] == [entry.batch.tolist() for entry in double]
    for one, other in zip(ours, double, strict=True):
        assert one.scores.n_correct == other.scores.n_correct
        assert one.scores.values["log_loss"] == pytest.approx(
            other.scores.values["log_loss"], rel=1e-9
        )


def test_sparse_indices_have_32_bits_where_they_fit(tmp_path):
    X = sparse.random(40, 6, 0.3, "csr", rng=np.random.default_rng(0))
    X.indices, X.indptr = X.indices.astype(np.int64), X.indptr.astype(np.int64)
    small = with_small_indices(X)
    assert (small.indices.dtype, small.indptr.dtype) == (np.int32, np.int32)
    np.testing.assert_array_equal(small.toarray(), X.toarray())
    dense = np.ones((3, 2))
    assert with_small_indices(dense) is dense


def test_svc_runs_on_an_svmlight_file_from_file_to_curve(tmp_path):
    rng = np.random.default_rng(0)
    y = np.repeat([-1, 1], 40)
    X = rng.normal(size=(80, 3)) + y[:, None]
    dump_svmlight_file(X, y, str(tmp_path / "two.svm"))
    (tmp_path / "svc.toml").write_text(
        'strategies = ["margin"]\nseeds = 1\nbudget = 14\nbatch_sizes = [5]\n'
        '[dataset]\nname = "two.svm"\n[model]\nname = "sklearn.svm.SVC"\n'
    )
    results = run_sweep(tmp_path / "svc.toml", tmp_path / "results", jobs=0)
    assert load_runs(results)["status"].tolist() == ["finished"]
