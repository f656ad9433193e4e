"""The oracle of a run: it sells labels of the pool, some of them wrong, each at its price."""

import numpy as np

from alrun.arrays import BoolArray, FloatArray, IntArray
from alrun.data.dataset import Dataset
from alrun.records import ABSTAINED, Answers
from alrun.run.label_noise import (
    BoundaryNoise,
    ConfusionNoise,
    InstanceNoise,
    LabelNoise,
    even_confusion,
    reference_probabilities,
)
from alrun.run.learner import Learner
from alrun.run.prices import prices_of
from alrun.spec import RunSpec
from alrun.spec_parts import AnnotatorSpec, CostSpec, OracleSpec
from alrun.util.random_streams import generator

# Without an oracle in the experiment all labels are true, and without costs each answer costs 1.
_TRUE_LABELS = OracleSpec("uniform", (AnnotatorSpec(""),))
_ALL_ALIKE = CostSpec()


class Oracle:
    """Sells answers about the examples of a run.

    What an annotator says of an example depends on the data set, the seed, the example, the
    annotator and how often it was asked, never on the strategy. So all strategies of a seed meet
    the same wrong answers. The draws do not depend on the rates either: what is wrong at a low rate
    is wrong at a higher one.

    Attributes
    ----------
    y
        The true class codes, by position in X. Nothing else of a run reads those of the pool.
    costs
        What an answer about each example costs, as far as it is known before and differs; else
        None.
    """

    def __init__(self, spec: RunSpec, dataset: Dataset, learner: Learner) -> None:
        self._spec, self._is_true = spec.oracle or _TRUE_LABELS, spec.oracle is None
        self.y = dataset.y[learner.rows]
        annotators = self._spec.annotators
        self._prices = prices_of(spec.cost or _ALL_ALIKE, annotators, dataset, learner.rows)
        self.costs = self._prices.known
        self._draws = _Draws(spec, dataset.n_examples, learner.rows)
        noises = [
            _noise(self._spec.kind, annotator, learner, self.y, dataset.n_classes, self._draws)
            for annotator in annotators
        ]
        self._annotators = [
            _Annotator(number, noise, self._spec.abstain, self.y, self._draws)
            for number, noise in enumerate(noises)
        ]
        # All votes on an example so far, by its position.
        self._votes: dict[int, list[tuple[int, int]]] = {}

    def ask(self, examples: IntArray) -> Answers:
        """Buy answers about these examples, given by their positions in X.

        An example that is asked for again keeps its votes: the label is that of all of them.
        """
        if self._is_true:  # at most once for each example
            labels = self.y[examples]
            said = tuple(((0, code),) for code in labels.tolist())
            return Answers(labels, said, self._prices.each[examples, 0].astype(np.float64))
        votes = tuple(tuple(self._votes_on(example)) for example in examples.tolist())
        given = [self._majority(example) for example in examples.tolist()]
        costs = [
            sum(float(self._prices.each[example, number]) for number, _ in said)
            for example, said in zip(examples.tolist(), votes, strict=True)
        ]
        return Answers(np.array(given, dtype=np.int64), votes, np.array(costs, dtype=np.float64))

    def most_cost(self, examples: IntArray) -> FloatArray:
        """Return the most that asking for each of these examples may cost, shape (n,)."""
        return self._prices.most[examples] * self._spec.votes

    def has_sold(self, examples: IntArray) -> BoolArray:
        """Return which of these examples were asked for, shape (n,).

        Only an oracle of the experiment knows: votes of the true one are not kept.
        """
        return np.array([example in self._votes for example in examples.tolist()], dtype=bool)

    def _votes_on(self, example: int) -> list[tuple[int, int]]:
        """Ask as many annotators as vote on an example; return who said what."""
        before = self._votes.setdefault(example, [])
        turns = range(len(before), len(before) + self._spec.votes)
        new = []
        for turn in turns:
            repeat, place = divmod(turn, len(self._annotators))
            number = self._order_of(example)[place]
            new.append((number, self._annotators[number].answer(example, repeat)))
        before.extend(new)
        return new

    def _order_of(self, example: int) -> list[int]:
        """Return in which order the annotators are asked for an example: a random one."""
        numbers = range(len(self._annotators))
        if len(numbers) == 1:
            return [0]
        return sorted(numbers, key=lambda number: self._draws.of(example, "order", number))

    def _majority(self, example: int) -> int:
        """Return the most frequent class among the votes; a draw decides between equal ones."""
        named = [code for _, code in self._votes[example] if code != ABSTAINED]
        if not named:
            return ABSTAINED
        most = max(map(named.count, named))
        ahead = sorted({code for code in named if named.count(code) == most})
        if len(ahead) == 1:
            return ahead[0]
        return ahead[int(self._draws.of(example, "ties") * len(ahead))]


class _Annotator:
    """The answers of one annotator."""

    def __init__(
        self, number: int, noise: LabelNoise | None, abstain: float, y: IntArray, draws: "_Draws"
    ) -> None:
        self._number, self._noise, self._abstain = number, noise, abstain
        self._y, self._draws = y, draws
        # The answers about all examples, by how often they were asked for before.
        self._answers: list[IntArray] = []

    def answer(self, example: int, repeat: int) -> int:
        """Return the class code of an answer, or ABSTAINED."""
        while len(self._answers) <= repeat:
            self._answers.append(self._answers_of(len(self._answers)))
        return int(self._answers[repeat][example])

    def _answers_of(self, repeat: int) -> IntArray:
        if self._noise is None and not self._abstain:
            return self._y
        answers = self._y.copy()
        if self._noise is not None:
            errs = self._draws.all("error", self._number, repeat) < self._noise.rates
            wrong = np.flatnonzero(errs)
            which = self._draws.all("wrong class", self._number, repeat)[wrong]
            answers[wrong] = self._noise.wrong_classes(wrong, which)
        if self._abstain:
            answers[self._draws.all("abstain", self._number, repeat) < self._abstain] = ABSTAINED
        return answers


class _Draws:
    """Uniform draws for the examples of a data set and a seed, by purpose.

    There is one for each row of the data set, so that a split that uses few of them changes none.
    """

    def __init__(self, spec: RunSpec, n_rows: int, rows: IntArray) -> None:
        self._seed, self._fingerprint = spec.seed, spec.dataset.fingerprint
        self._n_rows, self._rows = n_rows, rows
        self._made: dict[tuple[str | int, ...], FloatArray] = {}

    def rng(self, *purpose: str | int) -> np.random.Generator:
        """Return the random stream of a purpose."""
        return generator(self._seed, "oracle", self._fingerprint, *purpose)

    def all(self, *purpose: str | int) -> FloatArray:
        """Return the draws of a purpose, by position in X."""
        if purpose not in self._made:
            self._made[purpose] = self.rng(*purpose).random(self._n_rows)[self._rows]
        return self._made[purpose]

    def of(self, example: int, *purpose: str | int) -> float:
        """Return the draw for one example."""
        return float(self.all(*purpose)[example])


def _noise(
    kind: str,
    annotator: AnnotatorSpec,
    learner: Learner,
    y: IntArray,
    n_classes: int,
    draws: _Draws,
) -> LabelNoise | None:
    """Return how an annotator errs; None if it never does."""
    X, noise = learner.X_of_strategy, annotator.noise
    if noise == 0 and annotator.confusion is None:
        return None
    if kind == "instance":
        rng = draws.rng("wrong classes by features")
        return InstanceNoise(X, y, n_classes, noise, draws.all("rate"), rng)
    if kind == "boundary":
        training = learner.split.training
        # Labels are in the key, since they may be merged into fewer classes.
        p = learner.training.cached(
            f"boundary noise {hash(y.tobytes())}",
            lambda rng: reference_probabilities(X, y, training, n_classes, rng),
        )
        return BoundaryNoise(p, y, training, noise)
    return ConfusionNoise(y, even_confusion(annotator, n_classes))
