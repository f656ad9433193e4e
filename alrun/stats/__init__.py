"""Estimates, intervals and tests: arrays in, numbers out.

An array holds one value per seed, except where answers of annotators are compared. Two arrays that
are compared are paired: the same position is the same seed. A value that cannot be estimated is
NaN, never a guess.

`make calibrate` checks error rates and coverage on simulated curves whose truth is known; its table
stands in docs/statistics.md.
"""

from alrun.stats.agreement import (
    NO_ANSWER,
    class_counts,
    cohen_kappa,
    confusion_with_majority,
    fleiss_kappa,
    krippendorff_alpha,
)
from alrun.stats.bands import FEWEST_SEEDS, band_half_width
from alrun.stats.estimates import (
    CONFIDENCE,
    FEWEST_DIFFERENT,
    Interval,
    geometric_saving,
    improvement,
    is_equivalent,
    mean_interval,
    median_interval,
    ratio_interval,
    saving,
    saving_interval,
    share_interval,
    t_quantile,
)
from alrun.stats.families import (
    ALPHA,
    fewest_seeds,
    holm,
    max_t,
    smallest_adjusted_p,
)
from alrun.stats.letters import compact_letters
from alrun.stats.paired import MONTE_CARLO_DRAWS, sign_flip, smallest_p
from alrun.stats.power import MOST_SEEDS, power_of, seeds_for, smallest_effect, upper_spread
from alrun.stats.ranks import critical_difference, friedman, mean_ranks, nemenyi
from alrun.stats.stopping import adaptation, against_budget

__all__ = [
    "ALPHA",
    "CONFIDENCE",
    "FEWEST_DIFFERENT",
    "FEWEST_SEEDS",
    "MONTE_CARLO_DRAWS",
    "MOST_SEEDS",
    "NO_ANSWER",
    "Interval",
    "adaptation",
    "against_budget",
    "band_half_width",
    "class_counts",
    "cohen_kappa",
    "compact_letters",
    "confusion_with_majority",
    "critical_difference",
    "fewest_seeds",
    "fleiss_kappa",
    "friedman",
    "geometric_saving",
    "holm",
    "improvement",
    "is_equivalent",
    "krippendorff_alpha",
    "max_t",
    "mean_interval",
    "mean_ranks",
    "median_interval",
    "nemenyi",
    "power_of",
    "ratio_interval",
    "saving",
    "saving_interval",
    "seeds_for",
    "share_interval",
    "sign_flip",
    "smallest_adjusted_p",
    "smallest_effect",
    "smallest_p",
    "t_quantile",
    "upper_spread",
]
