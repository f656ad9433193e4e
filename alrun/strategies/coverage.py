"""Strategies that cover the examples: each label speaks for what is near it.

What is to be covered is a sample of the training part, the reference points, drawn once per split.
"""

import hashlib
import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from alrun.arrays import FloatArray, IntArray
from alrun.errors import StrategyError
from alrun.strategies.support.pool import Pool
from alrun.strategies.support.reference_points import Reference, reference_points
from alrun.strategies.support.top_k import top_k
from alrun.strategies.support.validation import whole_number
from alrun.util.numbers import is_number


def prob_cover(
    pool: Pool,
    n: int,
    rng: np.random.Generator,
    delta: float | None = None,
    reference: int = 5000,
) -> IntArray:
    """Pick the ball of radius delta that covers the most reference points not yet covered.

    Without a delta it is the upper quartile of the distances of the reference points to the nearest
    other one that differs. Where balls cover nothing more the picks are random; a warning says so,
    and another that most balls are empty. Source: Yehuda, Dekel, Hacohen and Weinshall 2022, Active
    learning through a covering lens.
    """
    _check_length("delta", delta)
    whole_number("prob_cover", "reference", reference, 1)
    positions = reference_points(pool.training, reference)
    name = f"prob_cover {delta} {reference}"

    def begun() -> _Covered:
        balls = pool.training.cached(
            name, lambda _: _balls(Reference(pool.training, positions), delta)
        )
        if balls.n_empty > len(pool.training) / 2:
            warnings.warn(
                f"prob_cover: {balls.n_empty} of {len(pool.training)} balls of radius"
                f" {balls.delta:.6g} are empty, with no reference point but their centre; raise"
                " delta",
                stacklevel=2,
            )
        return _Covered(balls, pool.labelled)

    covered = _continued(pool, name, begun)
    rows, n_random = covered.pick(pool.unlabelled, n)
    if n_random:
        warnings.warn(
            "prob_cover: what balls can cover is covered, and the rest of the picks is random;"
            " lower delta or the budget",
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
    """Pick what raises the similarity of the reference points to their nearest label the most.

    Similarity at distance d is exp(-d^2 / (2 bandwidth^2)). Without a bandwidth it is the median
    distance of the reference points. Source: Bae, Noh and Sutherland 2024, Generalized coverage for
    more robust low-budget active learning.
    """
    _check_length("bandwidth", bandwidth)
    whole_number("max_herding", "reference", reference, 1)
    positions = reference_points(pool.training, reference)
    name = f"max_herding {bandwidth} {reference}"

    def begun() -> _Herd:
        points = Reference(pool.training, positions)
        width = bandwidth or pool.training.cached(
            f"median distance {reference}", lambda _: _median_distance(points)
        )
        herd = _Herd(points, width, pool.labelled)
        # The initial labels are those of all runs on the split, which share the pass over all.
        labelled = hashlib.sha256(pool.labelled.tobytes()).hexdigest()
        herd.gains = pool.training.cached(f"{name} {labelled}", lambda _: herd.most()).copy()
        return herd

    return _continued(pool, name, begun).pick(pool.unlabelled, n)


# Reference points or examples that are dealt with together: more would take memory.
_AT_ONCE = 128
# Numbers that a batch keeps of the similarities it has computed: 160 MB.
_MOST_KNOWN = 20_000_000


def _check_length(name: str, value: float | None) -> None:
    if value is not None and not (is_number(value) and 0 < value < math.inf):
        raise StrategyError(f"{name} must be a positive number, or be left out, not {value!r}")


class _Cover(Protocol):
    """What is covered by the examples labelled and by those picked since."""

    labelled: IntArray

    def add(self, positions: IntArray) -> None:
        """Cover what these examples of the training part cover."""


Cover = TypeVar("Cover", bound=_Cover)


def _continued(pool: Pool, name: str, begun: Callable[[], Cover]) -> Cover:
    """Return what the round before has left, with the labels since; else what `begun` returns.

    The former serves only if what it took for labelled, its own picks among it, has been labelled.
    """
    cover: Cover | None = pool.training.run_state.get(name)
    if cover is None or not np.array_equal(pool.labelled[: len(cover.labelled)], cover.labelled):
        cover = pool.training.run_state[name] = begun()
    cover.add(pool.labelled[len(cover.labelled) :])
    return cover


@dataclass(frozen=True)
class _Balls:
    """Which reference points are within `delta` of which examples.

    Attributes
    ----------
    bits
        A row per reference point, eight examples of the training part in a byte.
    counts
        Of the reference points in the ball of each example.
    n_empty
        How many balls hold no reference point but their centre.
    """

    delta: float
    bits: NDArray[np.uint8]
    counts: IntArray
    n_empty: int


def _upper_quartile(points: Reference) -> float:
    """Return that of the distances of points to the nearest one that differs, 0 if none does."""
    distances = _distances_of_some(points)
    nearest = np.where(distances > 0, distances, np.inf).min(axis=1)
    found = nearest[np.isfinite(nearest)]
    return float(np.quantile(found, 0.75)) if len(found) else 0.0


def _median_distance(points: Reference) -> float:
    """Return that of the points that differ; 1 where none does."""
    distances = _distances_of_some(points)
    found = distances[distances > 0]
    return float(np.median(found)) if len(found) else 1.0


def _distances_of_some(points: Reference) -> FloatArray:
    """Return the distances of a thousand points, evenly spread, to all: enough for a quantile."""
    some = points.positions[:: -(-len(points) // 1000)]
    return np.sqrt(points.squared_distances(some))


def _balls(points: Reference, delta: float | None) -> _Balls:
    """Return all balls of a radius, by default the upper quartile."""
    delta = _upper_quartile(points) if delta is None else float(delta)
    # Distances that equal delta but for rounding count as equal.
    most, radius = delta**2 * (1 + 1e-9), delta / points.unit
    bits, counts = [], []
    for block, bounds, norms in points.blocks():
        inside = bounds <= most / points.unit**2
        # Of what is inside, no norm is larger than that of the centre and the radius together.
        gap = 2 * points.slack * (norms + (np.sqrt(norms) + radius) ** 2)
        least = (radius**2 * (1 - 1e-9) - gap).astype(bounds.dtype)
        is_open = (inside & (bounds > least[:, None])).any(axis=1)
        if is_open.any():
            examples = np.arange(block.start, block.stop)[is_open]
            inside[is_open] = points.squared_distances(examples) <= most
        counts.append(np.count_nonzero(inside, axis=1))
        bits.append(np.packbits(inside, axis=0))
    total = np.concatenate(counts)
    others = total.copy()
    others[points.positions] -= 1
    by_point = np.ascontiguousarray(np.concatenate(bits).T)
    return _Balls(delta, by_point, total, int(np.count_nonzero(others == 0)))


class _Covered:
    """The reference points that no ball around a label or a pick holds."""

    def __init__(self, balls: _Balls, labelled: IntArray) -> None:
        self.labelled = labelled[:0]
        self._bits = balls.bits
        self._counts = balls.counts.copy()
        self._left = np.ones(len(balls.bits), dtype=bool)
        self.add(labelled)

    def add(self, positions: IntArray) -> None:
        """Cover the balls around these examples; each point is counted out but once in a run."""
        for position in positions:
            column = self._bits[:, position // 8] >> (7 - position % 8) & 1
            new = np.flatnonzero(self._left & column.astype(bool))
            self._left[new] = False
            for some in np.array_split(new, len(new) // _AT_ONCE + 1):
                inside = np.unpackbits(self._bits[some], axis=1, count=len(self._counts))
                self._counts -= inside.sum(axis=0, dtype=np.int64)
        self.labelled = np.concatenate([self.labelled, positions])

    def pick(self, unlabelled: IntArray, n: int) -> tuple[IntArray, int]:
        """Return `n` rows of the unlabelled, and how many of them cover nothing."""
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


class _Herd:
    """The similarity of each reference point to the nearest label or pick.

    Attributes
    ----------
    gains
        What each example of the training part adds to the mean of it, at most: the more is picked,
        the less anything adds.
    """

    def __init__(self, points: Reference, width: float, labelled: IntArray) -> None:
        self._points, self._width = points, width
        self._nearest = np.zeros(len(points))
        self.labelled = labelled[:0]
        self.gains: FloatArray = np.empty(0)
        self.add(labelled)

    def add(self, positions: IntArray) -> None:
        """Take these examples of the training part for labelled."""
        for start in range(0, len(positions), _AT_ONCE):
            some = self.similarities(positions[start : start + _AT_ONCE])
            np.maximum(self._nearest, some.max(axis=0), out=self._nearest)
        self.labelled = np.concatenate([self.labelled, positions])

    def similarities(self, positions: IntArray) -> FloatArray:
        """Return those of examples to the reference points, shape (len(positions), n_points)."""
        return np.exp(self._points.squared_distances(positions) / (-2 * self._width**2))

    def most(self) -> FloatArray:
        """Return what each example of the training part adds, rounded up."""
        parts = []
        scale = -((self._points.unit / self._width) ** 2) / 2
        for _, bounds, _ in self._points.blocks():
            bounds *= bounds.dtype.type(scale)
            np.exp(np.minimum(bounds, 0, out=bounds), out=bounds)
            bounds -= (self._nearest * (1 - 1e-6)).astype(bounds.dtype)
            parts.append(np.maximum(bounds, 0, out=bounds).mean(axis=1) * (1 + 1e-5))
        return np.concatenate(parts).astype(np.float64)

    def pick(self, unlabelled: IntArray, n: int) -> IntArray:
        """Return `n` rows of the unlabelled, each what adds the most after those before it.

        Only what was once as good as the best is looked at again. Source: Minoux 1978, Accelerated
        greedy algorithms for maximizing submodular set functions.
        """
        known = _Known(self, len(self._nearest), len(unlabelled))
        is_picked = np.zeros(len(unlabelled), dtype=bool)
        rows: list[int] = []
        for _ in range(n):
            gains = np.where(is_picked, -np.inf, self.gains[unlabelled])
            is_exact = gains <= 0  # there is no less to add
            highest = gains[is_exact].max(initial=-np.inf)
            while True:
                # Of what is equal but for rounding the first wins, so that all must be known.
                left = np.flatnonzero(~is_exact & (gains >= highest - 1e-8 * abs(highest)))
                if len(left) == 0:
                    break
                some = left[top_k(gains[left], min(_AT_ONCE, len(left)))[0]]
                above = known.similarities(unlabelled[some]) - self._nearest
                gains[some] = np.maximum(above, 0).mean(axis=1)
                is_exact[some] = True
                highest = max(highest, gains[some].max())
            row = int(top_k(np.where(is_exact, gains, -np.inf), 1)[0][0])
            self.gains[unlabelled] = np.where(is_picked, 0, gains)
            is_picked[row] = True
            rows.append(row)
            self.add(unlabelled[[row]])
        return np.array(rows, dtype=np.int64)


class _Known:
    """Similarities of examples, those asked for before included, as far as the memory reaches."""

    def __init__(self, herd: _Herd, n_points: int, n_examples: int) -> None:
        self._herd = herd
        self._values = np.empty((min(max(_MOST_KNOWN // n_points, _AT_ONCE), n_examples), n_points))
        self._places: dict[int, int] = {}

    def similarities(self, positions: IntArray) -> FloatArray:
        """Return those of at most _AT_ONCE examples, shape (len(positions), n_points)."""
        new = [position for position in positions.tolist() if position not in self._places]
        if len(self._places) + len(new) > len(self._values):
            self._places.clear()
            new = positions.tolist()
        if new:
            places = np.arange(len(self._places), len(self._places) + len(new))
            self._values[places] = self._herd.similarities(np.array(new))
            self._places.update(zip(new, places.tolist(), strict=True))
        return self._values[[self._places[position] for position in positions.tolist()]]
