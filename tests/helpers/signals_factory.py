"""Signals and curves of runs, made by hand."""

import numpy as np
import pandas as pd
from curves_factory import curve, write

from alrun.stopping.signals import NAMES, Signals

RUN_KEYS = ["dataset", "model", "batch_size", "strategy", "seed", "round", "run_id", "n_labels"]


def signals(n_rounds=None, step=10, **columns):
    """Return the signals of one run; what is not given is NaN."""
    n_rounds = n_rounds or len(next(iter(columns.values())))
    values = {name: np.full(n_rounds, np.nan) for name in NAMES} | columns
    return Signals(20.0 + step * np.arange(n_rounds), **values)


def noisy(rng, n_rounds):
    """Return signals of one run as a walk of small steps, here and there NaN."""
    values = {}
    for name in NAMES:
        steps = rng.choice([-0.02, -0.01, 0.0, 0.01, 0.02, 1e-6], n_rounds)
        value = np.clip(rng.choice([0.08, 0.5, 0.92]) + np.cumsum(steps), 0, 1)
        values[name] = np.where(rng.random(n_rounds) < 0.05, np.nan, value)
    return signals(n_rounds, **values)


def rising(n_labels, pace, height=0.95):
    """Return a score that rises from 0.5 at 20 labels to a height at a pace."""
    return height - (height - 0.5) * np.exp(-(np.asarray(n_labels) - 20) / pace)


def made_results(folder, paces, kappa_at, n_labels=range(20, 221, 10), **columns):
    """Make results in which the three kappas up to `kappa_at` of each seed are 1, no other is.

    `paces` and `kappa_at` have a value for each seed; None is never.
    """
    n_labels = np.array(n_labels)
    curves, table = [], []
    for seed, (pace, stop) in enumerate(zip(paces, kappa_at, strict=True)):
        run = curve(n_labels, rising(n_labels, pace), seed=seed, **columns)
        curves.append(run)
        at = -1 if stop is None else int(np.flatnonzero(n_labels == stop)[0])
        rounds = np.arange(len(n_labels))
        kappa = np.where((rounds <= at) & (rounds > at - 3), 1.0, 0.5) if stop else 0.5 + 0 * rounds
        kappa[0] = np.nan
        own = dict.fromkeys(NAMES, np.nan) | {"kappa": kappa, "expected_f1": rounds / 1000}
        table.append(run[RUN_KEYS].assign(**own))
    write(folder, *curves)
    pd.concat(table, ignore_index=True).to_parquet(folder / "signals.parquet", index=False)
    return folder
