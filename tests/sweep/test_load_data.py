"""The loading of an experiment's data: a line for data that are slow to read."""

from threading import Event, Timer

import pandas as pd
import pytest
from typer.testing import CliRunner

from alrun.cli.app import app
from alrun.experiment.toml import read_experiment
from alrun.sweep import load_data
from alrun.sweep.load_data import load_all

EXPERIMENT = """
strategies = ["random"]
seeds = 1
budget = 3
[[dataset]]
name = "mine.csv"
[[dataset]]
name = "iris"
"""


@pytest.fixture
def question(tmp_path):
    frame = pd.DataFrame({"a": range(4000), "target": [0, 1] * 2000})
    frame.to_csv(tmp_path / "mine.csv", index=False)
    (tmp_path / "question.toml").write_text(EXPERIMENT)
    return tmp_path / "question.toml"


def test_data_that_are_slow_to_read_are_announced_while_they_are_read(question, monkeypatch):
    lines, said = [], Event()

    def hear(line):
        lines.append(line)
        said.set()

    read = load_data._load

    def slow(*arguments):
        assert said.wait(60)
        said.clear()
        return read(*arguments)

    monkeypatch.setattr(load_data, "_load", slow)
    load_all(question, read_experiment(question), hear, slow=0.01)
    size = (question.parent / "mine.csv").stat().st_size / 1000
    assert lines == [f"Reading {question.parent}/mine.csv ({size:.1f} kB)", "Reading iris"]


def test_data_that_are_read_in_time_are_not(question):
    load_all(question, read_experiment(question), pytest.fail, slow=3600)


def test_no_line_comes_after_an_error(question, monkeypatch):
    (question.parent / "mine.csv").write_text("a")
    with pytest.raises(Exception, match=r"mine\.csv"):
        load_all(question, read_experiment(question), pytest.fail, slow=3600)


def test_the_command_says_so_on_stderr(question, tmp_path, monkeypatch):
    class Hasty(Timer):
        def start(self):
            self.function(*self.args)
            self.interval = 0
            super().start()

        def run(self):
            pass

    monkeypatch.setattr(load_data, "Timer", Hasty)
    answer = CliRunner().invoke(app, ["sweep", str(question), "--dry-run"])
    assert answer.stderr.startswith(f"Reading {tmp_path}/mine.csv (")
    assert "\nReading iris\n" in answer.stderr
    assert "Reading" not in answer.stdout
