"""Strategies covering the feature space: each label represents the examples near it.

The points to cover are a sample of the training part, the reference points, drawn once per split.
"""

import hashlib
import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from alrun.arrays import BoolArray, FloatArray, IntArray
from alrun.errors import StrategyError
from alrun.strategies.support.pool import Pool
from alrun.strategies.support.reference_points import FEW, Reference, reference_points
from alrun.strategies.support.validation import whole_number
from alrun.util.numbers import is_number
from alrun.util.top_k import highest, top_k


def prob_cover(
    pool: Pool,
    n: int,
    rng: np.random.Generator,
    delta: float | None = None,
    reference: int = 5000,
) -> IntArray:
    """Pick the example with the most uncovered reference points in its ball of radius delta.

    The default delta is the upper quartile of the distances of the reference points to the nearest
    other, distinct one. Once no ball covers a further point, picks are random. A warning says so,
    and another one if most balls are empty. Source: Yehuda, Dekel, Hacohen and Weinshall 2022,
    Active learning through a covering lens.
    """
    _check_length("delta", delta)
    whole_number("prob_cover", "reference", reference, 1)
    positions = reference_points(pool.training, reference)
    name = f"prob_cover {delta} {reference}"

    def start() -> _BallCoverage:
        balls = pool.training.cached(
            name, lambda _: _all_balls(Reference(pool.training, positions), delta)
        )
        if balls.n_empty > len(pool.training) / 2:
            warnings.warn(
                f"prob_cover: {balls.n_empty} of {len(pool.training)} balls of radius"
                f" {balls.delta:.6g} are empty: they hold no reference point except their centre;"
                " raise delta",
                stacklevel=2,
            )
        return _BallCoverage(balls, pool.labelled)

    coverage = _resume(pool, name, start)
    rows, n_random = coverage.pick(pool.unlabelled, n)
    if n_random:
        warnings.warn(
            "prob_cover: no ball covers a further reference point, so the rest of the picks is"
            " random; lower delta or the budget",
            stacklevel=2,
        )
    return rows


def max_herding(
    pool: Pool,
    n: int,
    rng: np.random.Generator,
    bandwidth: float | None = None,
    reference: int = 5000,
) -> IntArray:
    """Pick for the largest gain in similarity of the reference points to their nearest label.

    The similarity at distance d is exp(-d^2 / (2 bandwidth^2)). The default bandwidth is the median
    distance between the reference points. Source: Bae, Noh and Sutherland 2024, Generalized
    coverage for more robust low-budget active learning.
    """
    _check_length("bandwidth", bandwidth)
    whole_number("max_herding", "reference", reference, 1)
    positions = reference_points(pool.training, reference)
    name = f"max_herding {bandwidth} {reference}"

    def start() -> _SimilarityCoverage:
        points = Reference(pool.training, positions)
        width = bandwidth or pool.training.cached(
            f"median distance {reference}", lambda _: _median_distance(points)
        )
        coverage = _SimilarityCoverage(points, width, pool.labelled)
        if len(pool.training) <= FEW:
            coverage.gains = np.full(len(pool.training), np.inf)
            return coverage
        # All runs on the split begin with these labels, so they share the first gains.
        labelled = hashlib.sha256(pool.labelled.tobytes()).hexdigest()
        gains = pool.training.cached(f"{name} {labelled}", lambda _: coverage.gain_bounds())
        coverage.gains = gains.copy()
        return coverage

    return _resume(pool, name, start).pick(pool.unlabelled, n)


# Reference points or examples processed together: more would take memory.
_CHUNK = 128
# Examples that are looked at together for the next pick.
_WINDOW = 5000
# Numbers in the cache of similarities: 160 MB.
_CACHE_SIZE = 20_000_000


def _check_length(name: str, value: float | None) -> None:
    if value is not None and not (is_number(value) and 0 < value < math.inf):
        raise StrategyError(f"{name} must be a positive number, or be left out, not {value!r}")


class _Coverage(Protocol):
    """The coverage of the reference points by labelled and picked examples."""

    labelled: IntArray

    def add(self, positions: IntArray) -> None:
        """Add these examples of the training part to the labelled ones."""


CoverageT = TypeVar("CoverageT", bound=_Coverage)


def _resume(pool: Pool, name: str, start: Callable[[], CoverageT]) -> CoverageT:
    """Return the coverage of the previous round with the new labels added, else `start()`.

    The previous one is used only if all examples it counts as labelled, including its own picks,
    have been labelled.
    """
    coverage: CoverageT | None = pool.training.run_state.get(name)
    if coverage is None or not np.array_equal(
        pool.labelled[: len(coverage.labelled)], coverage.labelled
    ):
        coverage = pool.training.run_state[name] = start()
    coverage.add(pool.labelled[len(coverage.labelled) :])
    return coverage


@dataclass(frozen=True)
class _Balls:
    """Membership of the reference points in the balls of radius `delta` around all examples.

    Attributes
    ----------
    bits
        A row per reference point, with eight examples of the training part in a byte.
    counts
        Number of reference points in the ball of each example.
    n_empty
        Number of balls without a reference point except their centre.
    """

    delta: float
    bits: NDArray[np.uint8]
    counts: IntArray
    n_empty: int


def _upper_quartile(points: Reference) -> float:
    """Return the upper quartile of the distances to the nearest distinct point; 0 without one."""
    distances = _sampled_distances(points)
    nearest = np.where(distances > 0, distances, np.inf).min(axis=1)
    finite = nearest[np.isfinite(nearest)]
    return float(np.quantile(finite, 0.75)) if len(finite) else 0.0


def _median_distance(points: Reference) -> float:
    """Return the median distance between distinct points; 1 if all are equal."""
    distances = _sampled_distances(points)
    positive = distances[distances > 0]
    return float(np.median(positive)) if len(positive) else 1.0


def _sampled_distances(points: Reference) -> FloatArray:
    """Return the distances of up to 1,000 evenly spaced points to all; enough for a quantile."""
    sample = points.positions[:: -(-len(points) // 1000)]
    return np.sqrt(points.squared_distances(sample))


def _all_balls(points: Reference, delta: float | None) -> _Balls:
    """Return the balls of radius `delta` around all examples; by default the upper quartile."""
    delta = _upper_quartile(points) if delta is None else float(delta)
    # Distances equal to delta up to rounding count as inside.
    limit, radius = delta**2 * (1 + 1e-9), delta / points.unit
    n = points.n_examples
    bits = np.empty((len(points), -(-n // 8)), dtype=np.uint8)
    counts = np.empty(n, dtype=np.int64)
    for block, bounds, norms in points.blocks():
        inside = bounds <= limit / points.unit**2
        # The norm of a point inside is at most the norm of the centre plus the radius.
        gap = 2 * points.slack * (norms + (np.sqrt(norms) + radius) ** 2)
        certain = (radius**2 * (1 - 1e-9) - gap).astype(bounds.dtype)
        places = np.flatnonzero(inside)
        rows = places // len(points)
        # If a bound is too close to decide, the distances of the example are computed exactly.
        is_open = np.zeros(len(inside), dtype=bool)
        is_open[rows[bounds.ravel()[places] > certain[rows]]] = True
        if is_open.any():
            examples = np.arange(block.start, block.stop)[is_open]
            inside[is_open] = points.squared_distances(examples) <= limit
        counts[block] = np.count_nonzero(inside, axis=1)
        # A block holds a multiple of eight examples, but for the last. Along rows packing takes a
        # fraction of the time.
        packed = np.packbits(np.ascontiguousarray(inside.T), axis=1)
        bits[:, block.start // 8 : -(-block.stop // 8)] = packed
    others = counts.copy()
    others[points.positions] -= 1
    return _Balls(delta, bits, counts, int(np.count_nonzero(others == 0)))


class _BallCoverage:
    """The reference points outside all balls around labelled and picked examples."""

    def __init__(self, balls: _Balls, labelled: IntArray) -> None:
        self.labelled = labelled[:0]
        self._bits = balls.bits
        self._counts = balls.counts.copy()
        self._is_uncovered = np.ones(len(balls.bits), dtype=bool)
        self.add(labelled)

    def add(self, positions: IntArray) -> None:
        """Cover the balls around these examples of the training part.

        `_counts` holds the uncovered points in each ball, and each point is subtracted only once.
        """
        for position in positions:
            column = self._bits[:, position // 8] >> (7 - position % 8) & 1
            new = np.flatnonzero(self._is_uncovered & column.astype(bool))
            self._is_uncovered[new] = False
            for chunk in np.array_split(new, len(new) // _CHUNK + 1):
                inside = np.unpackbits(self._bits[chunk], axis=1, count=len(self._counts))
                self._counts -= inside.sum(axis=0, dtype=np.int64)
        self.labelled = np.concatenate([self.labelled, positions])

    def pick(self, unlabelled: IntArray, n: int) -> tuple[IntArray, int]:
        """Return `n` rows of the unlabelled, and the number of them without a new point."""
        rows: list[int] = []
        n_random = 0
        for _ in range(n):
            counts = self._counts[unlabelled]
            counts[rows] = -1
            row = int(counts.argmax())
            n_random += bool(counts[row] == 0)
            rows.append(row)
            self.add(unlabelled[[row]])
        return np.array(rows, dtype=np.int64), n_random


class _SimilarityCoverage:
    """The similarity of each reference point to the nearest labelled or picked example.

    Attributes
    ----------
    gains
        Upper bounds of the gain in mean similarity from each example of the training part. They
        stay valid after further picks, since picks only lower the gains.
    """

    def __init__(self, points: Reference, width: float, labelled: IntArray) -> None:
        self._points, self._width = points, width
        self._nearest = np.zeros(len(points))
        self.labelled = labelled[:0]
        self.gains: FloatArray = np.empty(0)
        self.add(labelled)

    def add(self, positions: IntArray) -> None:
        """Add these examples of the training part to the labelled ones."""
        for start in range(0, len(positions), _CHUNK):
            chunk = positions[start : start + _CHUNK]
            self._count(chunk, self.similarities(chunk))

    def _count(self, positions: IntArray, similarities: FloatArray) -> None:
        """Count these examples as labelled, given their similarities to the reference points."""
        np.maximum(self._nearest, similarities.max(axis=0), out=self._nearest)
        self.labelled = np.concatenate([self.labelled, positions])

    def similarities(self, positions: IntArray) -> FloatArray:
        """Return similarities to the reference points, shape (len(positions), n_points)."""
        return np.exp(self._points.squared_distances(positions) / (-2 * self._width**2))

    def gain_bounds(self) -> FloatArray:
        """Return an upper bound of the gain from each example, shape (len(training),)."""
        parts = []
        scale = -((self._points.unit / self._width) ** 2) / 2
        for _, bounds, _ in self._points.blocks():
            bounds *= bounds.dtype.type(scale)
            np.exp(np.minimum(bounds, 0, out=bounds), out=bounds)
            bounds -= (self._nearest * (1 - 1e-6)).astype(bounds.dtype)
            parts.append(np.maximum(bounds, 0, out=bounds).mean(axis=1) * (1 + 1e-5))
        return np.concatenate(parts).astype(np.float64)

    def pick(self, unlabelled: IntArray, n: int) -> IntArray:
        """Return `n` rows of the unlabelled, each with the largest gain after the previous ones.

        A gain is computed anew only if its upper bound reaches the best gain. Source: Minoux 1978,
        Accelerated greedy algorithms for maximizing submodular set functions.
        """
        cache = _SimilarityCache(self, len(self._nearest), len(unlabelled))
        if len(unlabelled) <= FEW:  # a few large products take less time than many small ones
            for start in range(0, len(unlabelled), _CHUNK):
                cache.similarities(unlabelled[start : start + _CHUNK])
        bounds = self.gains[unlabelled]
        is_picked = np.zeros(len(unlabelled), dtype=bool)
        rows: list[int] = []
        size = _WINDOW
        window, limit = highest(bounds, size)
        while len(rows) < n:
            gains = np.where(is_picked[window], -np.inf, bounds[window])
            is_exact = self._refine(gains, unlabelled[window], cache)
            bounds[window] = np.where(is_picked[window], 0, gains)
            best = gains[is_exact].max()
            if best - 1e-8 * abs(best) > limit:
                row = int(window[top_k(np.where(is_exact, gains, -np.inf), 1)[0][0]])
                is_picked[row] = True
                rows.append(row)
                self._count(unlabelled[[row]], cache.similarities(unlabelled[[row]]))
            else:
                size *= 2
                window, limit = highest(np.where(is_picked, -np.inf, bounds), size)
        self.gains[unlabelled] = bounds
        return np.array(rows, dtype=np.int64)

    def _refine(
        self, gains: FloatArray, positions: IntArray, cache: "_SimilarityCache"
    ) -> BoolArray:
        """Replace upper bounds of gains, until the highest are exact; return which are exact."""
        is_exact = gains <= 0  # a gain is never negative
        best = gains[is_exact].max(initial=-np.inf)
        while True:
            # Among gains equal up to rounding the first wins, so all of these must be exact.
            inexact = np.flatnonzero(~is_exact & (gains >= best - 1e-8 * abs(best)))
            if len(inexact) == 0:
                return is_exact
            chunk = inexact[top_k(gains[inexact], min(_CHUNK, len(inexact)))[0]]
            increase = cache.similarities(positions[chunk]) - self._nearest
            gains[chunk] = np.maximum(increase, 0).mean(axis=1)
            is_exact[chunk] = True
            best = max(best, gains[chunk].max())


class _SimilarityCache:
    """A cache of the similarities of examples, emptied when it is full."""

    def __init__(self, coverage: _SimilarityCoverage, n_points: int, n_examples: int) -> None:
        self._coverage = coverage
        self._values = np.empty((min(max(_CACHE_SIZE // n_points, _CHUNK), n_examples), n_points))
        self._rows: dict[int, int] = {}

    def similarities(self, positions: IntArray) -> FloatArray:
        """Return the similarities of at most _CHUNK examples, shape (len(positions), n_points)."""
        new = [position for position in positions.tolist() if position not in self._rows]
        if len(self._rows) + len(new) > len(self._values):
            self._rows.clear()
            new = positions.tolist()
        if new:
            rows = np.arange(len(self._rows), len(self._rows) + len(new))
            self._values[rows] = self._coverage.similarities(np.array(new))
            self._rows.update(zip(new, rows.tolist(), strict=True))
        return self._values[[self._rows[position] for position in positions.tolist()]]
