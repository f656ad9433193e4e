"""A short version of `make torture`: no run is lost when processes are killed."""

import signal

import numpy as np
import pytest
from sessions import PATIENCE
from torture.__main__ import Torture, poisonous_experiment, poisonous_runs, tortured
from torture.kill_actions import kill_both, kill_worker

from alrun.execute.local import Workers
from alrun.sweep.run import run_missing

DEADLY = {1: signal.SIGKILL}
SEEDS = 6


@pytest.fixture(scope="module")
def plan(tmp_path_factory):
    """Return the plan of 24 runs, one of them poisonous, after an undisturbed sweep."""
    plan = poisonous_experiment(tmp_path_factory.mktemp("torture"), SEEDS, DEADLY)
    assert len(run_missing(plan, Workers(1)).failures) == 1
    return plan


@pytest.mark.slow  # tests/sweep/test_faults.py and tests/execute kill workers, commands, clusters
def test_a_sweep_survives_what_kills_it(plan, tmp_path, monkeypatch):
    monkeypatch.setattr("torture.__main__.LINGERING", PATIENCE)  # there may be no core free
    torture = Torture(plan, tmp_path / "local", ["--jobs", "2"], np.random.default_rng(1))
    poisonous = poisonous_runs(plan, DEADLY)
    strokes = [kill_worker, kill_both]
    assert tortured(torture, 3, strokes, plan.store.path, poisonous), torture.wrong
    assert torture.hits.total() >= 3
