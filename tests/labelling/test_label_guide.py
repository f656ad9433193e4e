"""The guide from start to end in docs/labelling.md, as it is written there."""

import re
import runpy
import shlex
import sys
from contextlib import chdir
from pathlib import Path

import pandas as pd
import pytest
from commands import alrun_here

from alrun.labelling.monitoring import monitor

PAGE = Path(__file__).parents[2] / "docs" / "labelling.md"
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)


@pytest.fixture
def guide(tmp_path, monkeypatch):
    """Return the lines to type in the guide, with its files written and in a folder of its own."""
    _, _, section = PAGE.read_text(encoding="utf-8").partition("\n## From start to end\n")
    lines = []
    for kind, text in BLOCK.findall(section.partition("\n## ")[0]):
        if kind == "sh":
            lines += text.splitlines()
        else:
            (tmp_path / re.match(r"# (\S+)\n", text)[1]).write_text(text)
    monkeypatch.setattr(sys, "argv", [])
    with chdir(tmp_path):
        yield lines


def test_texts_in_files_become_a_table_that_is_asked_for(tmp_path):
    _, _, section = PAGE.read_text(encoding="utf-8").partition("\n## A project\n")
    (script,) = re.findall(r"```python\n(.*?)```", section.partition("\n## ")[0], re.DOTALL)
    (tmp_path / "texts").mkdir()
    for n in range(6):
        (tmp_path / "texts" / f"{n}.txt").write_text(f"Größe {n}\nword word{n}", encoding="utf-8")
    (tmp_path / "make_table.py").write_text(script)
    (tmp_path / "t.toml").write_text(
        'strategy = "margin"\nbatch_size = 3\nbudget = 6\nclasses = ["a", "b"]\n'
        '[dataset]\nname = "texts.jsonl"\nid = "id"\ntext = "body"\n'
    )
    with chdir(tmp_path):
        runpy.run_path("make_table.py")
        assert alrun_here("next", "t.toml").returncode == 0
    batch = pd.read_csv(tmp_path / "t.batch-1.csv")
    assert len(batch) == 3
    assert batch["body"].str.startswith("Größe ").all()


def typed(line):
    """Run a line of the guide in this process; return what it prints."""
    program, *words = shlex.split(line)
    if program == "python":
        sys.argv[:] = words
        runpy.run_path(words[0])
        return ""
    extra = ["--backend", "sequential"] if words[0] == "sweep" else []
    done = alrun_here(*words, *extra)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_guide_leads_from_start_to_end(guide):
    said = {line: typed(line) for line in guide}
    assert "margin" in said["alrun report results/last-year"]
    assert "Stopping rule" in said["alrun status mails.toml"]
    path, number = Path("mails.toml"), 3
    while monitor(path)["stopping"][0]["stopped_at"] is None:
        if alrun_here("next", path).returncode:
            break
        typed(f"python annotate.py mails.batch-{number}.csv")
        typed("alrun label mails.toml answers.csv")
        number += 1
    numbers = monitor(path, fit=True)
    typed("alrun export mails.toml --output labels.csv")
    labels = pd.read_csv("labels.csv")
    truth = pd.read_csv("truth.csv")
    rest = labels["label"].isna()
    assert labels.loc[~rest, "label"].tolist() == truth.loc[~rest, "kind"].tolist()
    right = (labels["predicted"] == truth["kind"])[rest].mean()
    # The planted truth: what is predicted is right within the interval of the audit.
    score = numbers["now"]["score"]
    assert score["accuracy_low"] <= right <= score["accuracy_high"]
    assert right > 0.8
    assert numbers["batches"][1]["strategy"] in ("margin", "random")
    assert any(batch["expected"] is not None for batch in numbers["batches"])
