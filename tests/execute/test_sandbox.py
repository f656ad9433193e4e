"""What a model does where it is tried ends neither the command nor the sweep."""

import os
import signal
import time

from commands import alrun
from sessions import has_ended, wait_until
from small_experiments import TINY

from alrun.execute import isolated
from alrun.execute.sandbox import Sandbox


def double(number):
    return 2 * number


def die(*words):
    os.kill(os.getpid(), signal.SIGKILL)


def raise_exit():
    raise SystemExit(3)


def sleep(path):
    if not os.fork():
        path.write_text(str(os.getpid()))
    time.sleep(600)


def test_one_process_answers_until_it_dies_then_another():
    with Sandbox() as process:
        here = os.getpid()
        first = process.call(os.getpid)
        assert first not in (here, None)
        assert process.call(os.getpid) == first
        assert process.call(double, 21) == 42
        assert process.call(die, "any", "words") is None
        assert process.call(os.getpid) not in (first, here, None)
        assert process.call(raise_exit) is None
        last = process.call(os.getpid)
    assert has_ended(last)


def test_what_takes_too_long_is_no_answer_and_ends_with_what_it_has_started(tmp_path, monkeypatch):
    pid = tmp_path / "pid"
    has_answer = isolated._has_answer

    def once_it_sleeps(process, timeout):
        if process.is_ready:
            assert wait_until(lambda: pid.exists() and pid.read_text())
        return has_answer(process, timeout)

    monkeypatch.setattr(isolated, "_has_answer", once_it_sleeps)
    with Sandbox(0.5) as process:
        assert process.call(sleep, pid) is None
        assert wait_until(lambda: has_ended(int(pid.read_text())))


MODEL = """
import os
import signal

from sklearn.dummy import DummyClassifier


class Deadly(DummyClassifier):
    def fit(self, X, y, sample_weight=None):
        os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_model_that_kills_its_process_leaves_the_command_alive(tmp_path):
    (tmp_path / "deadly.py").write_text(MODEL)
    models = ['name = "deadly:Deadly"', 'label = "steps"\nsteps = ["deadly:Deadly"]', ""]
    (tmp_path / "e.toml").write_text(TINY + "".join(f"[[model]]\n{model}\n" for model in models))
    done = alrun("sweep", "e.toml", "--dry-run", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("3 to do: ") == 6
