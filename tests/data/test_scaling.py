"""Scales of features: fitted on the training part alone, and applied once."""

import numpy as np
import pytest
from sklearn import datasets as bundled

from alrun.data.load import load
from alrun.data.scaling import rescale
from alrun.data.splits import draw_split
from alrun.errors import DatasetError
from alrun.run.loop import run_active_learning
from alrun.spec import RunSpec
from alrun.spec_parts import DatasetSpec, InitialSpec, ModelSpec, StrategySpec

GENERATOR = "make_classification"


def test_a_number_divides_at_load():
    np.testing.assert_array_equal(load("digits", {}, scale=16).X, bundled.load_digits().data / 16)
    generated = load(GENERATOR, {}, per_seed=True, scale=4).at(0).X
    np.testing.assert_array_equal(generated, load(GENERATOR, {}, per_seed=True).at(0).X / 4)


def test_a_number_divides_a_sparse_file_too(tmp_path):
    (tmp_path / "m.svm").write_text("1 1:2 3:4\n0 2:6\n")
    scaled = load("m.svm", {}, folder=tmp_path, scale=2).X
    np.testing.assert_array_equal(scaled.toarray(), [[1, 0, 2], [0, 3, 0]])


@pytest.mark.parametrize("scale", ["none", 16, 16.0])
def test_what_was_applied_at_load_is_not_applied_again(scale):
    X = load("iris", {}, scale=scale).X
    assert rescale(X, scale, np.arange(10)) is X


ROWS = np.arange(0, 150, 2)


def by_hand(X, scale, rows):
    """Scale with the statistics of `rows`, in loops over the columns."""
    columns = []
    for column in X.T:
        known = [float(column[row]) for row in rows]
        mean = sum(known) / len(known)
        spread = (sum((value - mean) ** 2 for value in known) / len(known)) ** 0.5
        low, width = (
            (mean, spread) if scale == "standard" else (min(known), max(known) - min(known))
        )
        columns.append((column - low) / width)
    return np.column_stack(columns)


@pytest.mark.parametrize("scale", ["standard", "minmax"])
def test_scales_are_fitted_on_the_rows_given(scale):
    X = load("iris", {}).X
    np.testing.assert_allclose(rescale(X, scale, ROWS), by_hand(X, scale, ROWS), atol=1e-12)


@pytest.mark.parametrize("scale", ["standard", "minmax"])
def test_other_rows_have_no_part_in_a_scale(scale):
    X = load("iris", {}).X
    changed = X.copy()
    changed[1::2] *= -1000
    one, other = rescale(X, scale, ROWS), rescale(changed, scale, ROWS)
    np.testing.assert_array_equal(one[ROWS], other[ROWS])


@pytest.mark.parametrize("scale", ["standard", "minmax"])
def test_a_constant_feature_stays_finite(scale):
    X = np.column_stack([np.full(6, 3.0), np.arange(6.0)])
    assert np.isfinite(rescale(X, scale, np.arange(4))).all()


@pytest.mark.parametrize("scale", ["standard", "minmax"])
def test_scaling_leaves_the_data_set_as_it_was(scale):
    dataset = load("iris", {})
    rescale(dataset.X, scale, ROWS)
    np.testing.assert_array_equal(dataset.X, bundled.load_iris().data)


@pytest.mark.parametrize("scale", ["standard", "minmax"])
def test_a_sparse_matrix_is_not_filled(tmp_path, scale):
    (tmp_path / "m.svm").write_text("1 1:1\n0 1:2\n1 1:3\n")
    with pytest.raises(DatasetError, match=r"m\.svm.*would make the sparse features dense"):
        load("m.svm", {}, folder=tmp_path, scale=scale)


SPY = """
seen = []

def look(pool, n, rng):
    seen.append((pool.X, pool.X_labelled))
    return range(n)
"""


@pytest.mark.parametrize("scale", ["standard", "minmax"])
def test_a_run_scales_by_its_training_part_alone(tmp_path, monkeypatch, scale):
    (tmp_path / f"scale_spy_{scale}.py").write_text(SPY)
    monkeypatch.syspath_prepend(tmp_path)
    dataset, initial = load("wine", {}), InitialSpec("per_class", 2)
    spec = RunSpec(
        DatasetSpec("wine", "wine", dataset.fingerprint, scale, 60),
        initial,
        ModelSpec("logistic", "logistic", {}),
        StrategySpec("spy", f"scale_spy_{scale}:look", {}, 1),
        batch_size=5,
        budget=11,
        seed=2,
    )
    run_active_learning(spec, dataset)
    split = draw_split(dataset, 60, initial, 2)
    training = np.union1d(split.initial, split.pool)
    expected = by_hand(dataset.X, scale, training)[training]
    ((pool, labelled),) = __import__(f"scale_spy_{scale}").seen
    held = np.concatenate([pool, labelled])
    np.testing.assert_allclose(np.sort(held, axis=0), np.sort(expected, axis=0), atol=1e-12)
