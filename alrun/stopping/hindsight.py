"""Rules that see test scores: for comparison only, since no labelling could follow them."""

from alrun.arrays import first_true
from alrun.stopping.rules import is_plateau, number, whole_number
from alrun.stopping.signals import Curve


def score_plateau(curve: Curve, gain: float = 0.005, rounds: int = 5) -> int | None:
    """Stop, in hindsight, when the test score has gained at most this in the last rounds."""
    number("score_plateau", "gain", gain)
    whole_number("score_plateau", "rounds", rounds)
    return first_true(is_plateau(curve.score, gain, rounds))


def score_target(curve: Curve, score: float) -> int | None:
    """Stop, in hindsight, when the test score is reached, or where less is better got down to."""
    return first_true(curve.score >= number("score_target", "score", score))
