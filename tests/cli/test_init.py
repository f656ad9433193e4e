"""The first experiment on some data: it runs as it is, and overwrites nothing."""

import shlex

import numpy as np
import pandas as pd
import pytest
from commands import alrun_here

import alrun
from alrun.experiment.toml import read_experiment


def table(n=60, n_classes=2, share=None):
    """Return a table with numbers, a category, gaps, an identifier and a date in each row."""
    rng = np.random.default_rng(0)
    y = rng.permutation(np.arange(n) % n_classes) if share is None else np.arange(n) < share * n
    frame = pd.DataFrame(
        {
            "id": [f"n{place:03}" for place in range(n)],
            "a": rng.normal(size=n) + 2 * y,
            "kind": np.where(rng.random(n) < 0.3 + 0.4 * (y > 0), "left", "right"),
            "seen": pd.date_range("2020-01-01", periods=n).strftime("%Y-%m-%d"),
            "target": [f"class {code:d}" for code in y],
        }
    )
    frame.loc[rng.random(n) < 0.1, ["a", "kind"]] = None
    return frame


@pytest.mark.parametrize(
    "frame",
    [table(), table(100, share=0.12), table(120, n_classes=40)],
    ids=["gaps", "imbalanced", "many classes"],
)
def test_the_next_command_that_it_names_works(tmp_path, frame):
    frame.to_csv(tmp_path / "my data.csv", index=False)
    done = alrun_here("init", "my data.csv", cwd=tmp_path)
    assert done.returncode == 0
    assert "Looked at my data.csv: " in done.stderr
    assert 'drop = ["id", "seen"]' in done.stderr
    next_command = shlex.split(done.stdout.splitlines()[-1].removeprefix("Next: "))
    assert next_command == ["alrun", "sweep", "my data.toml"]
    fewer = ["--set", "seeds=1", "--set", 'strategies=["random", "typiclust"]', "--jobs", 1]
    swept = alrun_here(*next_command[1:], *fewer, "--backend", "sequential", cwd=tmp_path)
    assert (swept.returncode, swept.stdout[:7]) == (0, "2 of 2 ")
    rows = alrun.report(tmp_path / "results" / "my data").rows
    assert rows["target_value"].notna().all()
    assert (rows["target_value"] > rows["floor"]).all()


def test_without_data_it_writes_the_example_of_digits(tmp_path):
    (tmp_path / "digits").mkdir()  # is not what is meant
    done = alrun_here("init", "--saving", 0.3, cwd=tmp_path)
    assert done.returncode == 0
    assert done.stdout.endswith("Next: alrun sweep digits.toml\n")
    experiment = read_experiment(tmp_path / "digits.toml", (), check=True)
    assert (experiment.dataset[0].name, experiment.dataset[0].scale) == ("digits", 16)
    assert f"an experiment of {5 * len(experiment.seed_list)} runs" in done.stdout
    assert len(experiment.seed_list) < 40  # 55 see a saving of 20 %


@pytest.mark.parametrize("there", ["mine.toml", "results/mine"])
def test_nothing_is_overwritten(tmp_path, there):
    table().to_csv(tmp_path / "mine.csv", index=False)
    if there.endswith(".toml"):
        (tmp_path / there).write_text("precious")
    else:
        (tmp_path / there).mkdir(parents=True)
    before = sorted(tmp_path.rglob("*"))
    done = alrun_here("init", "mine.csv", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr == f"{there} is there already; name another file with --output\n"
    assert sorted(tmp_path.rglob("*")) == before
    assert not (tmp_path / "mine.toml").exists() or (tmp_path / there).read_text() == "precious"
    (tmp_path / "other").mkdir()
    done = alrun_here("init", "mine.csv", "--output", "other/first.toml", cwd=tmp_path)
    assert done.returncode == 0
    dataset = read_experiment(tmp_path / "other" / "first.toml", (), check=True).dataset[0]
    assert (dataset.name, dataset.label) == ("../mine.csv", "mine.csv")


def test_a_file_that_appears_meanwhile_is_not_overwritten(tmp_path, monkeypatch):
    table().to_csv(tmp_path / "mine.csv", index=False)
    monkeypatch.setattr(
        "alrun.cli.init._checked", lambda text, path, results: path.write_text("precious")
    )
    done = alrun_here("init", "mine.csv", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert (tmp_path / "mine.toml").read_text() == "precious"


def test_a_folder_of_texts_is_named_with_its_slash(tmp_path):
    for place, kind in enumerate(["ham", "spam"] * 6):
        (tmp_path / "mails" / kind).mkdir(parents=True, exist_ok=True)
        (tmp_path / "mails" / kind / f"{place}.txt").write_text(f"{kind} words number{place}")
    assert alrun_here("init", "mails", cwd=tmp_path).returncode == 0
    dataset = read_experiment(tmp_path / "mails.toml").dataset[0]
    assert (dataset.name, dataset.scale) == ("mails/", "tfidf")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["gone.csv"], "there is no file 'gone.csv'"),
        (["mine.csv", "--target", "targt"], "did you mean 'target'?"),
        (["mine.csv", "--saving", 2], "shares between 0 and 1"),
        (["mine.csv", "--output", "no/where.toml"], "no/where.toml cannot be written"),
    ],
)
def test_what_cannot_be_is_one_line_and_writes_nothing(tmp_path, words, message):
    table().to_csv(tmp_path / "mine.csv", index=False)
    done = alrun_here("init", *words, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr
    assert done.stderr.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["mine.csv"]
