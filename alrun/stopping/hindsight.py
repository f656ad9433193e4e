"""Rules that see test scores: for comparison only, since no labelling could follow them."""

from alrun.stopping.criterion import Criterion
from alrun.stopping.rules import gains, number, whole_number
from alrun.stopping.signals import Curve


def score_plateau(curve: Curve, gain: float = 0.005, rounds: int = 5) -> Criterion:
    """Stop, in hindsight, when the test score has gained at most this in the last rounds."""
    number("score_plateau", "gain", gain)
    whole_number("score_plateau", "rounds", rounds)
    return Criterion("the gain of the test score", gains(curve.score, rounds), "<=", gain)


def score_target(curve: Curve, score: float) -> Criterion:
    """Stop, in hindsight, when the test score is reached, or where less is better got down to."""
    threshold = number("score_target", "score", score)
    return Criterion("the test score", curve.score, ">=", threshold)
