"""Draws of many seeds: the same signs as in one piece, and little memory."""

import tracemalloc
from functools import partial

import numpy as np
import pytest

from alrun import stats
from alrun.stats import bands, families, paired, sign_draws
from alrun.util.random_streams import generator

MIB = 2**20


def in_one_piece(rng, n_draws, n):
    return 1.0 - 2.0 * rng.integers(0, 2, size=(n_draws, n))


@pytest.fixture
def small_blocks(monkeypatch):
    monkeypatch.setattr(sign_draws, "_BLOCK_SIZE", 1000)


@pytest.mark.parametrize("n", [17, 50, 333, 2001])
@pytest.mark.parametrize("n_draws", [1, 99, 100])
@pytest.mark.parametrize("n_columns", [1, 400])
@pytest.mark.usefixtures("small_blocks")
def test_blocks_are_the_signs_of_one_piece(n, n_draws, n_columns):
    expected = in_one_piece(generator(0, "max-t", n), n_draws, n)
    blocks = list(sign_draws.sign_draws(generator(0, "max-t", n), n_draws, n, n_columns))
    assert max(map(len, blocks)) * max(n, n_columns) <= max(1000, 2 * n)
    np.testing.assert_array_equal(np.concatenate(blocks), expected)


@pytest.mark.parametrize("n_bytes", [1, 4, 63, 64, 65, 130])
def test_the_bytes_of_the_sign_flip_test_are_those_of_one_piece(n_bytes):
    size = (n_bytes, stats.MONTE_CARLO_DRAWS)
    expected = generator(0, "sign-flip", n_bytes).integers(0, 256, size=size, dtype=np.uint8)
    np.testing.assert_array_equal(list(paired._sign_bytes(n_bytes)), expected)


def test_p_values_and_bands_are_those_of_one_piece(monkeypatch):
    values = np.random.default_rng(2).normal(0.05, 1, size=(600, 7)).cumsum(axis=1)
    found = stats.max_t(values, 2000), stats.band_half_width(values)
    for module in (families, bands):
        monkeypatch.setattr(module, "sign_draws", lambda *args: [in_one_piece(*args[:3])])
    np.testing.assert_array_equal(found[0], stats.max_t(values, 2000))
    np.testing.assert_allclose(found[1], stats.band_half_width(values), rtol=1e-12)


def peak_of(function, values):
    """Return the peak of the memory that a call allocates, in bytes."""
    tracemalloc.start()
    try:
        function(values)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("shape", [(10_000, 3), (20, 3000)])
def test_the_memory_of_max_t_does_not_grow_with_seeds_or_tests(shape):
    values = np.random.default_rng(0).normal(size=shape)
    few = partial(stats.max_t, n_draws=2000)  # in one piece they take more than 90 MiB
    assert peak_of(few, values) < 30 * MIB


def test_nor_does_that_of_a_band(monkeypatch):
    monkeypatch.setattr(bands, "_DRAWS", 2000)
    assert peak_of(stats.band_half_width, np.random.default_rng(0).normal(size=(10_000, 3))) < (
        30 * MIB
    )


def test_nor_does_that_of_a_sign_flip_test():
    values = np.random.default_rng(0).normal(size=4000)  # in one piece the draws take 48 MiB
    assert peak_of(stats.sign_flip, values) < 15 * MIB
    assert peak_of(lambda _: paired._cached_draws.cache_info(), values) < MIB
