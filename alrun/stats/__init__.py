"""Estimates, intervals and tests: arrays in, numbers out.

An array holds one value per seed. Two arrays that are compared are paired: the same position is
the same seed. A value that cannot be estimated is NaN, never a guess.

The table shows what `make calibrate` finds on simulated curves whose truth is known: how often
tests reject at the 5 % level where there is no difference, and how often intervals and bands of
95 % cover the truth. At five seeds the smallest p value is .0625, so that nothing is ever rejected.
The Monte Carlo error stands in brackets; each rate is held to its bound up to three such errors.

1,000 repetitions, 20 rounds, a test part of 500.
Cut: random's runs without the target, 0.1, 10.0, 38.3 %; true savings 20.0, 21.2, 16.3 %.
Families of 9 tests. A/A: 400 groups of seeds of one sweep.

per cent (error)     | cut | n = 5       | n = 10      | n = 20      | n = 50      | held to
---------------------|-----|-------------|-------------|-------------|-------------|---------------
type I, labels       | 0   | 0.0 (0.0)   | 2.8 (0.3)   | 3.4 (0.4)   | 4.1 (0.4)   | 0-5
type I, labels       | 10  | 0.0 (0.0)   | 3.3 (0.3)   | 4.0 (0.4)   | 4.5 (0.4)   | 0-5
type I, labels       | 40  | 0.0 (0.0)   | 3.1 (0.3)   | 4.4 (0.4)   | 4.0 (0.4)   | 0-5
type I, AULC         |     | 0.0 (0.0)   | 4.7 (0.4)   | 4.8 (0.4)   | 4.6 (0.4)   | 0-5
type I, final score  |     | 0.0 (0.0)   | 4.2 (0.4)   | 4.6 (0.4)   | 5.4 (0.5)   | 0-5
family-wise, Holm    |     | 0.0 (0.0)   | 0.8 (0.3)   | 2.9 (0.5)   | 2.5 (0.5)   | 0-5
family-wise, maxT    |     | 0.0 (0.0)   | 3.7 (0.6)   | 4.8 (0.7)   | 4.6 (0.7)   | 0-5
coverage, labels     | 0   | 94.6 (0.7)  | 92.5 (0.8)  | 94.4 (0.7)  | 94.5 (0.7)  | 92-97
coverage, labels     | 10  | 94.3 (0.7)  | 93.3 (0.8)  | 94.9 (0.7)  | 95.2 (0.7)  | 92-97
coverage, labels     | 40  | 90.0 (0.9)  | 91.7 (0.9)  | 94.3 (0.7)  | 94.9 (0.7)  | 90/92/92/92-97
coverage, saving     | 0   | 95.5 (0.7)  | 95.6 (0.6)  | 94.7 (0.7)  | 95.1 (0.7)  | 93-97
coverage, saving     | 10  | 94.4 (0.7)  | 95.0 (0.7)  | 94.5 (0.7)  | 95.5 (0.7)  | 93-97
coverage, saving     | 40  | 93.8 (0.8)  | 94.3 (0.7)  | 95.5 (0.7)  | 94.6 (0.7)  | 93-97
coverage, mean curve |     | 94.5 (0.7)  | 90.6 (0.9)  | 93.4 (0.8)  | 95.7 (0.6)  | 92-98
coverage, difference |     | 95.8 (0.6)  | 94.2 (0.7)  | 94.4 (0.7)  | 95.2 (0.7)  | 93-98
power, saving        | 0   | 0.0 (0.0)   | 63.0 (1.5)  | 92.7 (0.8)  | 100.0 (0.0) | 0/0/80/95-100
power, saving        | 10  | 0.0 (0.0)   | 64.5 (1.5)  | 94.9 (0.7)  | 99.9 (0.1)  | 0/0/80/95-100
power, saving        | 40  | 0.0 (0.0)   | 54.5 (1.6)  | 90.5 (0.9)  | 100.0 (0.0) | 0/0/80/95-100
A/A, labels          |     |             | 1.8 (0.7)   |             |             | 0-5
A/A, AULC            |     |             | 4.8 (1.1)   |             |             | 0-5
A/A, final score     |     |             | 5.2 (1.1)   |             |             | 0-5
"""

from alrun.stats.bands import FEWEST_SEEDS, band_half_width
from alrun.stats.estimates import (
    CONFIDENCE,
    Interval,
    geometric_saving,
    improvement,
    mean_interval,
    median_interval,
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
from alrun.stats.paired import MONTE_CARLO_DRAWS, sign_flip, smallest_p
from alrun.stats.power import MOST_SEEDS, power_of, seeds_for, upper_spread

__all__ = [
    "ALPHA",
    "CONFIDENCE",
    "FEWEST_SEEDS",
    "MONTE_CARLO_DRAWS",
    "MOST_SEEDS",
    "Interval",
    "band_half_width",
    "fewest_seeds",
    "geometric_saving",
    "holm",
    "improvement",
    "max_t",
    "mean_interval",
    "median_interval",
    "power_of",
    "saving",
    "saving_interval",
    "seeds_for",
    "share_interval",
    "sign_flip",
    "smallest_adjusted_p",
    "smallest_p",
    "t_quantile",
    "upper_spread",
]
