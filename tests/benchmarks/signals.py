"""Benchmark of the signals for stopping rules, as a share of the CPU time of the runs."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

from alrun.run.loop import run_active_learning
from alrun.sweep.plan import plan_sweep

DIGITS = Path(__file__).parent.parent.parent / "experiments" / "digits.toml"
# 60,000 examples to train on, and as many to test on as MNIST has.
WIDE = """
strategies  = ["margin"]
batch_sizes = [10]
seeds       = 1
budget      = 320
dataset     = {name = "wide.npz", test_size = 10000}
"""


def signals(scratch: Path) -> dict[str, float]:
    """Return the share of CPU time that signals take, and the milliseconds of those of a round."""
    y = np.arange(70_000) % 10
    rng = np.random.default_rng(0)
    X = rng.normal(size=(10, 784))[y] * 0.15 + rng.normal(size=(70_000, 784))
    np.savez(scratch / "wide.npz", X=X, y=y)
    (scratch / "wide.toml").write_text(WIDE)
    figures = {}
    for name, path, changes in (
        ("digits", DIGITS, ["seeds=5"]),
        ("digits_random", DIGITS, ["seeds=5", 'strategies=["random"]']),
        ("60000x784_margin", scratch / "wide.toml", []),
    ):
        share, milliseconds = cost_of_signals(path, scratch / name, changes)
        figures |= {f"{name}_share": share, f"{name}_ms_per_round": milliseconds}
    return figures


def cost_of_signals(path: Path, results: Path, changes: Sequence[str]) -> tuple[float, float]:
    """Return the share of the signals in the CPU time of these runs, and their cost by round.

    The runs are computed one after the other in this process, on one thread.
    """
    plan = plan_sweep(path, results, changes)
    n_rounds, whole, of_signals = 0, 0.0, 0.0
    with threadpool_limits(1):
        for spec in plan.specs.values():
            dataset = plan.sources[spec.dataset.display_name].at(spec.seed)
            result = run_active_learning(spec, dataset)
            n_rounds += len(result.rounds)
            whole += sum(result.cpu_seconds.values())
            of_signals += result.cpu_seconds["signals"]
    return of_signals / whole, 1000 * of_signals / n_rounds


MEASUREMENTS = {
    "signals": (signals, "at most .05 of the digits sweep, and .10 of margin in 60,000 x 784"),
}
