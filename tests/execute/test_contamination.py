"""User code that changes its process: later runs, and runs beside it, notice nothing."""

import json
import os
import sys

import numpy as np
import pytest

import alrun
from alrun.api import run_sweep
from alrun.execute.local import Workers
from alrun.strategies import registry
from alrun.sweep.plan import plan_sweep
from alrun.sweep.run import run_missing
from alrun.util.digest import digest_of_bytes

BACKENDS = [
    pytest.param(0, None, marks=pytest.mark.slow),  # the tests below compare with this process
    (1, None),
    pytest.param(2, None, marks=pytest.mark.slow),
    (2, "loky"),
    pytest.param(2, "multiprocessing", marks=pytest.mark.slow),
    (2, "threading"),
    (1, "sequential"),
]

RAISING = """
import os
import numpy as np

np.seterr(all="raise")
os.environ["HOME"] = "/nowhere"
os.chdir("/")


def named(pool, n, rng):
    assert os.environ.get("HOME") != "/nowhere"
    assert os.getcwd() != "/"
    return -pool.probabilities.max(axis=1) + 0 * np.exp(np.full(len(pool), -1000.0))


def other(pool, n, rng):
    return named(pool, n, rng)
"""

# Each strategy changes what others rely on. None reads or writes a file by a relative path.
SPOILING = """
import builtins, gc, json, locale, os, signal, sys, warnings
import numpy as np
import sklearn
from sklearn.linear_model import LogisticRegression
from alrun.models.logistic.estimator import Logistic
from alrun.strategies import registry, uncertainty


def picks(pool, n):
    return list(range(n))


def careless(C=1.0):
    np.seterr(all="raise")
    os.chdir("/")
    os.environ["HOME"] = "/nowhere"
    return LogisticRegression(C=C)


def last(pool, n, rng, **parameters):
    return list(range(len(pool) - n, len(pool)))


def registered(pool, n, rng):
    registry.BUILT_IN["margin"] = last
    return picks(pool, n)


def recoded(pool, n, rng):
    uncertainty.margin.__code__ = last.__code__
    return picks(pool, n)


def numpy_function(pool, n, rng):
    np.argsort = np.lexsort = np.argpartition = None
    return picks(pool, n)


def method(pool, n, rng):
    LogisticRegression.predict_proba = lambda self, X: np.eye(3)[np.zeros(len(X), int)]
    Logistic.predict_proba = LogisticRegression.predict_proba
    return picks(pool, n)


def builtin(pool, n, rng):
    builtins.sorted = lambda values, **options: list(values)[::-1]
    return picks(pool, n)


def settings(pool, n, rng):
    np.seterr(all="raise")
    sklearn.set_config(transform_output="pandas", enable_metadata_routing=True)
    warnings.simplefilter("error")
    return picks(pool, n)


def process(pool, n, rng):
    os.environ.clear()
    os.chdir("/")
    os.umask(0o777)
    sys.path.clear()
    sys.setrecursionlimit(150)
    locale.setlocale(locale.LC_ALL, "C.UTF-8")
    return picks(pool, n)


def signals(pool, n, rng):
    signal.signal(signal.SIGTERM, lambda *arguments: None)
    signal.alarm(1)
    return picks(pool, n)
"""
KINDS = ("registered", "recoded", "numpy_function", "method", "builtin", "settings", "process")
# A strategy that tells the state of its process.
PROBE = """
import json, locale, os, signal, sys, warnings
import numpy as np


def probe(pool, n, rng):
    mask = os.umask(0)
    os.umask(mask)
    state = {
        "errors": np.geterr(), "variables": dict(os.environ), "directory": os.getcwd(),
        "umask": mask, "path": [entry for entry in sys.path], "limit": sys.getrecursionlimit(),
        "handler": str(signal.getsignal(signal.SIGTERM)), "timer": signal.getitimer(0),
        "locale": locale.setlocale(locale.LC_ALL), "argsort": np.argsort.__module__,
    }
    with open(os.path.join(os.path.dirname(__file__), "probe"), "w") as file:
        json.dump(state, file)
    return list(range(n))
"""

DRAWING = """
import random
import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.tree import ExtraTreeClassifier

WEIGHT = np.random.rand()


def drawing(pool, n, rng):
    return WEIGHT * np.random.rand(len(pool)) + [random.random() for _ in range(len(pool))]


def other(pool, n, rng):
    np.random.seed(0)
    random.seed(0)
    return np.random.rand(len(pool))


class Trees(ClassifierMixin, BaseEstimator):
    def fit(self, X, y):
        self.trees_ = [ExtraTreeClassifier(max_depth=2).fit(X, y) for _ in range(3)]
        self.classes_ = self.trees_[0].classes_
        return self

    def predict_proba(self, X):
        return sum(tree.predict_proba(X) for tree in self.trees_) / 3

    def predict(self, X):
        return self.classes_[self.predict_proba(X).argmax(axis=1)]
"""


@pytest.fixture
def folder(tiny, tmp_path, monkeypatch):
    """The folder of the tiny experiment and of all this code, as the current directory."""
    for name, text in (("spoiling", SPOILING), ("probe", PROBE), ("drawing", DRAWING)):
        (tmp_path / f"{name}.py").write_text(text)
    (tmp_path / "raising.py").write_text(RAISING)
    monkeypatch.chdir(tmp_path)
    # A run of the spoiling code in this process leaves another margin behind: it is put back.
    monkeypatch.setitem(registry.BUILT_IN, "margin", registry.BUILT_IN["margin"])
    return tmp_path


def curves_of(results, *strategies):
    """Return what strategies gave, as text."""
    curves = alrun.load_curves(results)
    return curves[curves["strategy"].isin(strategies)].to_csv(index=False)


def swept(folder, name, strategies, seeds=1, jobs=1, backend=None, more=()):
    overrides = [f"strategies={[*strategies]}", f"seeds={seeds}", *more]
    return run_sweep(
        folder / "tiny.toml", folder / name, jobs=jobs, backend=backend, overrides=overrides
    )


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_module_that_lets_numpy_raise_costs_no_run(folder, jobs):
    before = np.geterr(), dict(os.environ), os.getcwd()
    strategies = ["raising.py:named", "random", "raising.py:other", "margin", "entropy"]
    results = swept(folder, "results", strategies, 3, jobs)
    assert len(list((results / "runs").glob("*.parquet"))) == 15
    alone = swept(folder, "alone", ["random", "margin", "entropy"], 3, 0)
    built_in = ("random", "margin", "entropy")
    assert curves_of(results, *built_in) == curves_of(alone, *built_in)
    assert (np.geterr(), dict(os.environ), os.getcwd()) == before


def test_planning_leaves_the_command_as_it_was(folder):
    before = np.geterr(), dict(os.environ), os.getcwd()
    overrides = ['strategies=["random", "raising.py:named"]', 'model.name="spoiling:careless"']
    assert len(plan_sweep(folder / "tiny.toml", folder / "results", overrides).specs) == 6
    assert (np.geterr(), dict(os.environ), os.getcwd()) == before


def test_no_change_of_a_process_reaches_later_runs_in_its_worker(folder):
    strategies = [*(f"spoiling.py:{kind}" for kind in KINDS), "probe.py:probe", "margin", "random"]
    plan = plan_sweep(
        folder / "tiny.toml", folder / "results", [f"strategies={strategies}", "seeds=1"]
    )
    assert run_missing(plan, Workers(1)).failures == {}
    after = (folder / "probe").read_text()
    alone = swept(folder, "alone", ["probe.py:probe", "margin", "random"])
    assert after == (folder / "probe").read_text()
    names = ("margin", "random", "probe:probe")
    assert curves_of(folder / "results", *names) == curves_of(alone, *names)


def test_a_change_of_libraries_reaches_no_other_model(folder):
    model = '[{name="logistic"}, {name="sklearn.linear_model.LogisticRegression"}]'
    more = [f"model={model}"]
    results = swept(folder, "results", ["spoiling.py:method", "margin"], 2, 2, more=more)
    alone = swept(folder, "alone", ["margin"], 2, 0, more=more)
    assert curves_of(results, "margin") == curves_of(alone, "margin")


def test_signals_and_timers_end_with_their_run(folder):
    plan = plan_sweep(
        folder / "tiny.toml",
        folder / "results",
        ['strategies=["spoiling.py:signals", "probe.py:probe"]', "seeds=1"],
    )
    assert run_missing(plan, Workers(1)).failures == {}
    after = (folder / "probe").read_text()
    swept(folder, "alone", ["probe.py:probe"])
    assert after == (folder / "probe").read_text()


@pytest.mark.parametrize(
    "backend", ["threading", pytest.param("sequential", marks=pytest.mark.slow), "loky"]
)
def test_without_isolation_what_can_be_put_back_is(folder, backend):
    before = np.geterr(), dict(os.environ), os.getcwd(), [*sys.path], sys.getrecursionlimit()
    strategies = ["spoiling.py:settings", "spoiling.py:process", "probe.py:probe", "margin"]
    results = swept(folder, "results", strategies, 1, 1, backend)
    after = (folder / "probe").read_text()
    alone = swept(folder, "alone", ["probe.py:probe", "margin"], 1, 1, backend)
    assert after == (folder / "probe").read_text()
    assert curves_of(results, "margin") == curves_of(alone, "margin")
    now = np.geterr(), dict(os.environ), os.getcwd(), [*sys.path], sys.getrecursionlimit()
    assert now == before


@pytest.mark.parametrize(("jobs", "backend"), BACKENDS)
def test_draws_from_global_generators_are_the_same_in_every_sweep(folder, jobs, backend):
    more = ['model=[{name="logistic"}, {name="drawing:Trees"}]']
    strategies = ["random", "drawing.py:drawing"]
    one = swept(folder, "one", strategies, 2, jobs, backend, more)
    other = swept(folder, "other", ["drawing.py:other", *strategies], 2, 0, None, more)
    names = ("random", "drawing:drawing")
    assert curves_of(one, *names) == curves_of(other, *names)
    drawn = alrun.load_curves(one).query("strategy == 'drawing:drawing' and model == 'logistic'")
    assert drawn.groupby("seed")["accuracy"].apply(tuple).nunique() == 2


def test_a_sweep_in_this_process_leaves_its_global_generators_as_they_were(folder):
    np.random.seed(5)
    expected = np.random.rand(3).tolist()
    np.random.seed(5)
    swept(folder, "results", ["drawing.py:drawing", "drawing.py:other"], 1, 0)
    assert np.random.rand(3).tolist() == expected


def test_built_in_runs_are_compared_with_nothing(folder, monkeypatch):
    plan = plan_sweep(folder / "tiny.toml", folder / "results")
    assert all(spec.user_code == () for spec in plan.specs.values())
    monkeypatch.setattr("alrun.execute.worker.put_back", None)
    assert run_missing(plan, Workers(0)).failures == {}


# A strategy that another run edits as soon as it runs.
EDITED = """
import helper
from pathlib import Path

HERE = Path(__file__).parent


def named(pool, n, rng):
    for name in ("edited", "helper"):
        (HERE / f"{name}.py").write_text("raise SystemExit")
    with open(HERE / "ran", "a") as file:
        file.write(f"{helper.VALUE}\\n")
    return list(range(n))


def model(C=1.0):
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(C=C)
"""


@pytest.mark.parametrize(
    ("name", "jobs", "backend"),
    [
        ("edited.py:named", 1, None),
        pytest.param("edited:named", 1, None, marks=pytest.mark.slow),
        pytest.param("edited.py:named", 2, "loky", marks=pytest.mark.slow),
        ("edited:named", 1, "sequential"),
    ],
)
def test_a_file_edited_during_a_sweep_changes_none_of_its_runs(folder, name, jobs, backend):
    (folder / "edited.py").write_text(EDITED)
    (folder / "helper.py").write_text("VALUE = 1\n")
    # The first run of each seed spoils its worker, so that the next ones start after the edit.
    strategies = [name, "spoiling.py:registered"]
    more = ['model=[{name="edited:model"}]']
    results = swept(folder, "results", strategies, 2, jobs, backend, more)
    assert (folder / "edited.py").read_text() == "raise SystemExit"
    runs = alrun.load_runs(results)
    assert set(runs["status"]) == {"finished"}
    assert len(runs) == 4
    assert set((folder / "ran").read_text().split()) == {"1"}
    code = [json.loads(text)["code"] for text in runs["provenance"]]
    assert {digests["helper"] for digests in code} == {digest_of_bytes(b"VALUE = 1\n")}
    assert {digests["edited"] for digests in code} == {digest_of_bytes(EDITED.encode())}
