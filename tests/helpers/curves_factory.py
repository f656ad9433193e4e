"""Small made-up tables of curves, with known labels to target."""

import pandas as pd

GRID = tuple(range(20, 201, 10))
COMPARISON_GROUP = {"dataset": "digits", "model": "logistic", "batch_size": 10}


def curve(n_labels, score, strategy="random", seed=0, **columns):
    """Return the rounds of one run; `columns` replace or extend the usual ones."""
    keys = {**COMPARISON_GROUP, "strategy": strategy, "seed": seed} | columns
    name = "-".join(str(keys[key]) for key in (*COMPARISON_GROUP, "strategy", "seed"))
    rounds = {"round": range(len(n_labels)), "n_labels": n_labels, "accuracy": score}
    return pd.DataFrame({"run_id": name, **rounds, **keys}, index=range(len(n_labels)))


def jump(labels, grid=GRID, low=0.5, high=0.95):
    """Return scores: `low` below a number of labels and `high` from there on."""
    return [high if n >= labels else low for n in grid]


def reaching(labels, strategy="random", seeds=None, grid=GRID, low=0.5, high=0.95, **columns):
    """Return a run per seed; it reaches all targets from low to high at its number of `labels`."""
    seeds = range(len(labels)) if seeds is None else seeds
    runs = [
        curve(grid, jump(n, grid, low, high), strategy, seed, **columns)
        for seed, n in zip(seeds, labels, strict=True)
    ]
    return pd.concat(runs, ignore_index=True)


def shuffled(frame, seed=0):
    """Return the same rows in another order."""
    return frame.sample(frac=1, random_state=seed, ignore_index=True)


def write(folder, *frames):
    """Make a results directory with these curves and nothing else."""
    pd.concat(frames, ignore_index=True).to_parquet(folder / "curves.parquet", index=False)
    return folder
