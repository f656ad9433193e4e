"""Checks of every answer: it is right, or clear lines and exit code 2, and in time."""

import signal
import subprocess
import warnings
from contextlib import contextmanager

from commands import ALRUN
from typer.testing import CliRunner

from alrun.cli.app import app
from alrun.errors import AlrunError
from alrun.run.loop import run_active_learning

SECONDS = 60
LONGEST_LINE = 2000


class TooLongError(BaseException):
    """A timeout; no subclass of Exception, so that alrun does not catch it as an input error."""


@contextmanager
def limited(seconds=SECONDS):
    """Raise TooLongError in the context after so many seconds."""

    def ring(signum, frame):
        raise TooLongError

    before = signal.signal(signal.SIGALRM, ring)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def answered(*arguments):
    """Return exit code and output of a command; fail unless it is right or a clear line."""
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        for kind in (DeprecationWarning, PendingDeprecationWarning, ImportWarning, ResourceWarning):
            warnings.simplefilter("ignore", kind)
        with limited():
            answer = CliRunner().invoke(app, [str(argument) for argument in arguments])
    if answer.exception is not None and not isinstance(answer.exception, SystemExit):
        raise AssertionError(f"raised {answer.exception!r}") from answer.exception
    assert not seen, f"warned: {[str(warning.message)[:300] for warning in seen]}"
    assert answer.exit_code in (0, 2), f"exit code {answer.exit_code}: {answer.output[:500]}"
    assert "Traceback" not in answer.output
    if answer.exit_code == 2:
        lines = answer.stderr.split("\n")
        assert lines.pop() == "", lines
        assert lines, "nothing is said"
        for line in lines:
            assert line.isprintable(), f"not printable: {line!r:.300}"
            assert len(line.split()) > 2, f"no sentence: {line!r}"
            assert len(line) < LONGEST_LINE, f"{len(line)} characters: {line[:300]}"
    return answer.exit_code, answer.stdout


def check_run(spec, dataset):
    """Compute a run and check its rounds against the spec; the model may refuse it."""
    try:
        with limited(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            rounds = run_active_learning(spec, dataset).rounds
    except AlrunError:
        return
    except Exception as error:
        trace, files = error.__traceback__, []
        while trace is not None:
            files.append(trace.tb_frame.f_code.co_filename)
            trace = trace.tb_next
        if any(
            part in file
            for part in ("sklearn", "skactiveml", "alrun/models", "mine.py")
            for file in files
        ):
            return
        raise
    queried = [row for entry in rounds for row in entry.batch]
    sizes = [entry.n_labels for entry in rounds]
    assert len(set(queried)) == len(queried)
    assert sizes[-1] <= spec.budget
    for before, after, entry in zip(sizes, sizes[1:], rounds, strict=False):
        assert after - before == len(entry.batch)
        assert 0 < len(entry.batch) <= spec.batch_size
    for entry in rounds:
        scores = entry.scores
        assert scores.values["accuracy"] == scores.n_correct / scores.n_test
        assert 0 <= scores.values["balanced_accuracy"] <= 1
        assert 0 <= scores.values["macro_f1"] <= 1
    if spec.dataset.test_size:
        assert rounds[0].scores.n_test == spec.dataset.test_size


def in_a_process(*arguments):
    """Run a command in a process of its own, as a user does."""
    command = [*ALRUN, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=10 * SECONDS)
    assert "Traceback" not in done.stderr, done.stderr
    assert "Warning:" not in done.stderr.replace("\nWarning:", ""), done.stderr
    return done
