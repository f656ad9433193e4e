"""The loading of an experiment's data: a line and a share for data that are slow to read."""

import os
from threading import Event, Timer

import pandas as pd
import pytest
from typer.testing import CliRunner

from alrun.cli.app import app
from alrun.cli.output import share_shown
from alrun.data.readers import source_file
from alrun.data.readers.source_file import opened, share_read
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


def test_a_terminal_sees_how_far_a_large_file_is_read(question, monkeypatch):
    shares, is_half = [], Event()
    read, path = load_data._load, question.parent / "mine.csv"

    def hear(share):
        shares.append(share)
        if share and 0.49 < share < 0.51:
            is_half.set()

    def slow(*arguments):
        with opened(path) as file:
            os.lseek(file.stream.fileno(), file.n_bytes // 2, os.SEEK_SET)
            assert is_half.wait(60)
        return read(*arguments)

    monkeypatch.setattr(source_file, "HELD_BYTES", 10)
    monkeypatch.setattr(load_data, "_load", slow)
    monkeypatch.setattr(load_data, "_EVERY", 0.01)
    load_all(question, read_experiment(question), slow=0.01, on_share=hear)
    assert is_half.is_set()
    assert shares[-1] is None
    assert share_read() is None


def test_a_share_takes_one_line_of_a_terminal_and_none_of_a_log(monkeypatch, capsys):
    assert share_shown() is None
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    show = share_shown()
    show(0.425)
    show(None)
    assert capsys.readouterr().err == "\r42% of the file\x1b[K\r\r\x1b[K\r"
