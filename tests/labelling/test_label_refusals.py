"""What a project refuses: by name, with nothing taken and nothing written."""

import json
import re
from pathlib import Path

import pandas as pd
import pytest
from commands import alrun_here
from labelling_projects import answered, give, project, table

from alrun.errors import AlrunError
from alrun.labelling.next_batch import next_batch
from alrun.labelling.opened import OpenedProject
from alrun.labelling.take import take_files


def files_of(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def begun(folder, **options):
    """Return a project with two batches, of which the first is labelled, and the truth."""
    path, truth = project(folder, **options)
    give(path, answered(next_batch(path).tasks, truth))
    next_batch(path)
    return path, truth


def refused(path, call, *parts):
    """Check that a call is refused with these parts of a sentence, and changes no file."""
    before = files_of(path.with_suffix(".labelling"))
    with pytest.raises(AlrunError) as error:
        call()
    for part in parts:
        assert part in str(error.value)
    assert files_of(path.with_suffix(".labelling")) == before


@pytest.mark.parametrize(
    ("line", "parts"),
    [
        ("k9999,bee", ["line 3", '"k9999" is no example of this project']),
        ("k5,bee", ["line 3", '"k5" was in no batch']),
        ("{asked},Bee", ["line 3", "\"Bee\"; did you mean 'bee'?"]),
        ("{asked},wasp", ["line 3", '"wasp"; known are ant, bee, cat']),
    ],
)
def test_an_unknown_example_or_class_refuses_all_answers(tmp_path, line, parts):
    path, truth = begun(tmp_path)
    first, second = (task.id for task in next_batch(path).tasks[:2])
    assert "k5" not in OpenedProject(path).history.asked
    file = tmp_path / "answers.csv"
    file.write_text(f"key,label\n{first},{truth[first]}\n{line.format(asked=second)}\n")
    refused(path, lambda: take_files(path, [file]), str(file), *parts)


def test_every_wrong_answer_of_every_file_is_named_up_to_twenty(tmp_path):
    path, _ = begun(tmp_path)
    file = tmp_path / "answers.csv"
    file.write_text("key,label\n" + "".join(f"x{n},bee\n" for n in range(50)))
    done = alrun_here("label", path, file)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 21
    assert "and 30 more; nothing was taken" in done.stderr


def test_files_that_are_given_together_may_not_contradict_each_other(tmp_path):
    path, _ = begun(tmp_path)
    (id, other), files = [task.id for task in next_batch(path).tasks[:2]], []
    for name, labels in {"ann": ("bee", "ant"), "ben": ("cat", "ant")}.items():
        files.append(tmp_path / f"{name}.csv")
        files[-1].write_text(f"key,label\n{id},{labels[0]}\n{other},{labels[1]}\n")
    before = files_of(tmp_path / "mine.labelling")
    done = alrun_here("label", path, *files)
    assert done.returncode == 2
    assert re.search(
        r'ben\.csv: line 2: .* "cat" here, and "bee" in .*ann\.csv: line 2; keep one', done.stderr
    )
    assert files_of(tmp_path / "mine.labelling") == before
    done = alrun_here("label", path, files[0], files[0])
    assert done.stdout.startswith("Took 2 labels, 2 answers known before.")
    assert "an earlier answer" in alrun_here("label", path, files[1]).stdout


def test_a_file_that_is_not_there_is_named(tmp_path):
    path, _ = begun(tmp_path)
    done = alrun_here("label", path, tmp_path / "answrs.csv")
    assert done.returncode == 2
    assert done.stderr == f"there is no file '{tmp_path / 'answrs.csv'}'; name one with answers\n"


def test_a_dry_run_checks_and_takes_nothing(tmp_path):
    path, truth = begun(tmp_path)
    file = tmp_path / "answers.csv"
    file.write_text(
        "key,label\n" + "".join(f"{t.id},{truth[t.id]}\n" for t in next_batch(path).tasks)
    )
    before = files_of(tmp_path / "mine.labelling")
    assert alrun_here("label", path, file, "--dry-run").stdout == "Would take 6 labels.\n"
    assert files_of(tmp_path / "mine.labelling") == before


def changed(frame, how, asked):
    """Return a table with a change, and what is said of it."""
    row = frame.index[frame["key"] == asked][0]
    if how == "changed":
        frame.loc[row, "a"] += 1
        return frame, "was changed in the data"
    return frame.drop(index=row), "is gone from the data"


@pytest.mark.parametrize("how", ["changed", "gone"])
def test_a_row_that_changed_is_named_by_next_and_label(tmp_path, how):
    path, truth = begun(tmp_path)
    task = next_batch(path).tasks[0]
    frame, said = changed(table(90), how, task.id)
    frame.to_csv(tmp_path / "mine.csv", index=False)
    refused(path, lambda: next_batch(path), f'"{task.id}" {said}')
    refused(path, lambda: next_batch(path, more=3), f'"{task.id}" {said}')
    refused(path, lambda: give(path, answered([task], truth)), f'"{task.id}"', "since it was asked")


def test_rows_in_another_order_are_the_same_data(tmp_path):
    path, truth = begun(tmp_path)
    give(path, answered(next_batch(path).tasks, truth))
    after = tmp_path / "shuffled"
    after.mkdir()
    for name in ("mine.toml", "mine.csv", "held-out.csv"):
        (after / name).write_bytes((tmp_path / name).read_bytes())
    (after / "mine.labelling").mkdir()
    for name, content in files_of(tmp_path / "mine.labelling").items():
        (after / "mine.labelling" / name).write_bytes(content)
    table(90).sample(frac=1, random_state=0).to_csv(after / "mine.csv", index=False)
    assert next_batch(after / "mine.toml").tasks == next_batch(path).tasks


def test_rows_that_are_added_are_asked_for_and_change_no_open_batch(tmp_path):
    path, truth = begun(tmp_path)
    open_tasks = next_batch(path).tasks
    more = table(60, seed=7, start=90)
    pd.concat([table(90), more]).to_csv(tmp_path / "mine.csv", index=False)
    truth |= dict(zip(more["key"], more["kind"], strict=True))
    assert next_batch(path).tasks == open_tasks
    give(path, answered(open_tasks, truth))
    asked = [task.id for task in next_batch(path).tasks]
    assert {*asked} & {*more["key"]}
    assert (tmp_path / "mine.labelling" / "data-2.parquet").is_file()


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("seed       = 0", "seed = 1", "seed was 0 at the first batch, and is 1"),
        ('target = "kind"', 'target = "a"', 'dataset.target was "kind"'),
        ('test = "held-out.csv"', "", "the test part was changed"),
    ],
)
def test_what_is_fixed_may_not_change(tmp_path, before, after, said):
    path, truth = begun(tmp_path)
    give(path, answered(next_batch(path).tasks, truth))
    path.write_text(path.read_text().replace(before, after))
    refused(path, lambda: next_batch(path), said)


def edit_line(path, number, change):
    lines = path.read_text(encoding="utf-8").split("\n")
    lines[number - 1] = change(lines[number - 1])
    path.write_text("\n".join(lines), encoding="utf-8")


@pytest.mark.parametrize(
    ("name", "edit", "said"),
    [
        ("labels-1.jsonl", lambda line: line.replace("ant", "bee"), "line 3 was edited"),
        ("labels-1.jsonl", lambda line: line[:-9], "line 3 is damaged"),
        ("batch-1.jsonl", lambda line: line.replace('"k', '"q'), "line 3 was edited"),
        ("batch-2.jsonl", lambda line: line.replace("e", "é"), "line 3 is damaged"),
    ],
)
def test_an_edited_line_of_the_state_is_named(tmp_path, name, edit, said):
    path, _ = begun(tmp_path, frame=table(90).assign(kind=["ant", "bee", "cat"] * 30))
    file = tmp_path / "mine.labelling" / name
    for number in range(3, 9 if name == "labels-1.jsonl" else 4):
        if (
            edit(file.read_text().split("\n")[number - 1])
            != file.read_text().split("\n")[number - 1]
        ):
            edit_line(file, number, edit)
            said = said.replace("line 3", f"line {number}")
            break
    refused(path, lambda: next_batch(path), str(file), said)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("labels-1.jsonl", "labels-1.jsonl is gone"),
        ("batch-1.jsonl", "batch-1.jsonl is gone"),
        ("batch-2.jsonl", None),
        ("data-1.parquet", "data-1.parquet is gone"),
    ],
)
def test_a_file_that_is_gone_is_missed(tmp_path, name, said):
    path, _ = begun(tmp_path)
    tasks = next_batch(path).tasks
    (tmp_path / "mine.labelling" / name).unlink()
    if said is None:  # the last batch without an answer is chosen again, and is the same
        assert next_batch(path).tasks == tasks
    else:
        refused(path, lambda: next_batch(path), said)


def test_the_state_of_another_project_is_refused(tmp_path):
    path, _ = begun(tmp_path)
    folder = tmp_path / "mine.labelling"
    (folder / "batch-3.jsonl").write_bytes((folder / "batch-2.jsonl").read_bytes())
    refused(path, lambda: next_batch(path), "batch-3.jsonl: line 1 is that of number 2")


def test_a_spent_budget_is_one_line_and_no_file(tmp_path):
    path, truth = begun(tmp_path, more="", initial="size = 18\nmethod = 'random'")
    give(path, answered(next_batch(path).tasks, truth))
    before = {file.name for file in tmp_path.iterdir()} | {*files_of(tmp_path / "mine.labelling")}
    done = alrun_here("next", path)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("The budget of 24 labels is spent;")
    assert len(done.stderr.splitlines()) == 1
    after = {file.name for file in tmp_path.iterdir()} | {*files_of(tmp_path / "mine.labelling")}
    assert after == before


def test_a_file_with_labels_in_it_is_not_overwritten(tmp_path):
    path, _ = project(tmp_path)
    alrun_here("next", path)
    file = tmp_path / "mine.batch-1.csv"
    first = file.read_bytes()
    assert alrun_here("next", path).returncode == 0
    assert file.read_bytes() == first
    file.write_bytes(first + b"mine\n")
    done = alrun_here("next", path)
    assert done.returncode == 2
    assert "is there with another content" in done.stderr
    assert file.read_bytes() == first + b"mine\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("strateg = 'margin'", "strategy: is missing; is 'strateg' a misspelling of it?"),
        ("strategy = 'margn'", "strategy: there is no strategy 'margn'"),
        ("strategy = 'margin'\naudit = 1.5", "audit:"),
        ("strategy = 'margin'\n[dataset]\nname='mine.csv'\nbins = 3", "bins does not go with"),
        ("strategy = 'margin'\n[dataset]\nname='mine.csv'\nid = 'x'", "dataset.id: there is no"),
    ],
)
def test_a_wrong_project_file_is_refused_by_key(tmp_path, text, said):
    project(tmp_path)
    path = tmp_path / "wrong.toml"
    rest = "" if "[dataset]" in text else "\n[dataset]\nname = 'mine.csv'\n"
    path.write_text(f"budget = 20\nclasses = ['ant', 'bee']\n{text}{rest}")
    done = alrun_here("next", path)
    assert done.returncode == 2
    assert said in done.stderr
    assert not (tmp_path / "wrong.labelling" / "batch-1.jsonl").exists()


def test_a_state_of_a_later_version_is_not_read(tmp_path):
    path, _ = begun(tmp_path)
    file = Path(tmp_path / "mine.labelling" / "batch-2.jsonl")
    from alrun.labelling.sealed_lines import seal, unseal

    lines = unseal(file.read_bytes(), file)
    file.write_bytes(seal([{**lines[0], "version": 9}, *lines[1:]]))
    refused(path, lambda: next_batch(path), "has the version 9")
    assert json.loads(file.read_text().split("\n")[0])["version"] == 9
