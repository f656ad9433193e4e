"""The loop of a project on data without labels: batches, answers, skips, audit, export."""

import json
from dataclasses import replace

import pandas as pd
import pytest
from commands import alrun_here
from labelling_projects import answered, give, label_all, project, table

from alrun.labelling.export import as_csv, export
from alrun.labelling.next_batch import next_batch
from alrun.labelling.opened import OpenedProject
from alrun.labelling.records import Answer

LISTED = 'classes = ["cat", "ant", "bee"]'


def without_labels(folder, n_labelled=0, test=False, column=True, **options):
    """Return a project on a file in which all but the first rows lack a label, and the truth."""
    options = {"initial": "size = 8\nmethod = 'kmeans'", "more": LISTED, **options}
    frame = table(90)
    path, truth = project(folder, frame=frame, **options)
    frame.loc[n_labelled:, "kind"] = None
    (frame if column else frame.drop(columns="kind")).to_csv(folder / "mine.csv", index=False)
    text = path.read_text()
    path.write_text(text if test else text.replace('test = "held-out.csv"', ""))
    return path, truth


def history_of(path):
    return OpenedProject(path).history


@pytest.mark.parametrize("column", [True, False])
def test_without_labels_the_initial_set_is_the_first_batch_whole(tmp_path, column):
    path, truth = without_labels(tmp_path, column=column)
    first = next_batch(path)
    assert [task.rank for task in first.tasks] == [*range(1, 9)]
    assert {task.suggestion for task in first.tasks} == {None}
    assert list(first.tasks[0].fields) == ["a", "b", "c", "d"]
    sizes = [len(batch) for batch in label_all(path, truth)]
    assert sizes == [8, 6, 6, 4]
    assert history_of(path).n_labels == 24


def test_classes_have_the_order_of_the_project_for_annotators(tmp_path):
    path, _ = without_labels(tmp_path)
    assert next_batch(path).layout.classes == ("cat", "ant", "bee")


def test_rows_with_labels_are_what_a_project_starts_from(tmp_path):
    path, truth = without_labels(tmp_path, n_labelled=10, initial="", more="")
    path.write_text(path.read_text().replace("[initial]", ""))
    tasks = next_batch(path).tasks
    assert len(tasks) == 6
    assert not {task.id for task in tasks} & {f"k{row}" for row in range(10)}
    assert {task.suggestion for task in tasks} <= {"ant", "bee", "cat"}
    sizes = [len(batch) for batch in label_all(path, truth)]
    assert sizes == [6, 6, 2]


def test_labels_in_the_file_and_an_initial_rule_exclude_each_other(tmp_path):
    path, _ = without_labels(tmp_path, n_labelled=10)
    done = alrun_here("next", path)
    assert "the file has 10 labels already" in done.stderr


def test_a_class_that_the_file_writes_in_another_way_is_refused(tmp_path):
    path, _ = without_labels(tmp_path, n_labelled=10, initial="", more=LISTED)
    path.write_text(path.read_text().replace('"bee"]', '"Bee "]').replace("[initial]", ""))
    done = alrun_here("next", path)
    assert done.returncode == 2
    assert 'the label "bee", and the class is "Bee "; write both in the same way' in done.stderr


def test_the_column_of_images_is_no_feature(tmp_path):
    path, _ = without_labels(tmp_path)
    shapes = [OpenedProject(path).data.dataset.X.shape]
    frame = pd.read_csv(tmp_path / "mine.csv").assign(picture=[f"{n}.png" for n in range(90)])
    frame.to_csv(tmp_path / "mine.csv", index=False)
    path.write_text('image = "picture"\n' + path.read_text())
    shapes.append(OpenedProject(path).data.dataset.X.shape)
    assert shapes == [(90, 4)] * 2
    assert [*next_batch(path).tasks[0].fields] == ["picture"]


def test_a_label_that_is_written_into_the_file_later_is_refused(tmp_path):
    path, truth = without_labels(tmp_path, n_labelled=10, initial="")
    path.write_text(path.read_text().replace("[initial]", ""))
    give(path, answered(next_batch(path).tasks, truth))
    frame = table(90)
    frame.loc[11:, "kind"] = None
    frame.to_csv(tmp_path / "mine.csv", index=False)
    assert 'the row "k10" had the label null' in alrun_here("next", path).stderr


def test_no_example_is_in_two_open_batches(tmp_path):
    path, truth = without_labels(tmp_path)
    give(path, answered(next_batch(path).tasks, truth))
    sets = [next_batch(path).tasks, next_batch(path, more=5).tasks, next_batch(path, more=3).tasks]
    assert [len(tasks) for tasks in sets] == [6, 5, 3]
    ids = [task.id for tasks in sets for task in tasks]
    assert len(set(ids)) == 14
    assert [task.id for task in next_batch(path).tasks] == ids
    assert [len(next_batch(path, more=9).tasks), next_batch(path, more=9).ended[:25]] == [
        2,
        "The budget of 24 labels i",
    ]


def test_a_batch_reserved_without_new_labels_is_no_round(tmp_path):
    """Two models on the same labels agree fully, which would stop every rule of agreement."""
    path, truth = without_labels(tmp_path)
    give(path, answered(next_batch(path).tasks, truth))
    next_batch(path)
    next_batch(path, more=5)
    assert ["signals" in batch.facts for batch in history_of(path).batches] == [False, True, False]


def test_a_batch_is_written_byte_for_byte_again(tmp_path):
    path, truth = without_labels(tmp_path)
    give(path, answered(next_batch(path).tasks, truth))
    for form in ("csv", "jsonl", "label-studio", "doccano", "prodigy"):
        files = [tmp_path / f"{n}.{form}" for n in (1, 2)]
        for file in files:
            done = alrun_here("next", path, "--to", form, "--output", file)
            assert done.returncode == 0
            follows = f"alrun label {path}"
            follows += f" {file}" if form in ("csv", "jsonl") else " with the file that it exports."
            assert follows in " ".join(done.stdout.split())
        assert files[0].read_bytes() == files[1].read_bytes()


def test_skips_leave_the_pool_and_count_not(tmp_path):
    path, truth = without_labels(tmp_path)
    tasks = next_batch(path).tasks
    answers = answered(tasks, truth)
    give(path, [replace(answers[0], label=None), *answers[1:]])
    asked = label_all(path, truth)
    assert history_of(path).n_labels == 24
    assert tasks[0].id not in {id for batch in asked for id in batch}


def test_where_all_is_skipped_the_next_batch_is_random(tmp_path):
    path, truth = without_labels(tmp_path)
    first = next_batch(path).tasks
    give(path, [Answer(task.id, None) for task in first])
    second = next_batch(path).tasks
    assert len(second) == 6
    assert not {task.id for task in first} & {task.id for task in second}
    give(path, answered(second, truth))
    assert next_batch(path).tasks[0].suggestion in ("ant", "bee", "cat")


def test_of_several_annotators_the_most_frequent_label_counts(tmp_path):
    path, _ = without_labels(tmp_path)
    id = next_batch(path).tasks[0].id
    give(path, [Answer(id, "ant", "anna")])
    give(path, [Answer(id, "bee", "bert")])
    assert history_of(path).labels[id] == "ant"  # of equally frequent ones the first
    give(path, [Answer(id, "bee", "carl")])
    assert history_of(path).labels[id] == "bee"
    give(path, [Answer(id, None, "carl")])
    assert history_of(path).labels[id] == "ant"


def test_a_correction_counts_and_an_older_answer_does_not(tmp_path):
    path, _ = without_labels(tmp_path)
    id = next_batch(path).tasks[0].id
    give(path, [Answer(id, "ant", "anna", "2026-05-01T10:00:00")])
    assert give(path, [Answer(id, "bee", "anna", "2026-05-01T11:00:00")]).n_corrections == 1
    assert give(path, [Answer(id, "cat", "anna", "2026-05-01T09:00:00")]).n_known == 1
    assert history_of(path).labels[id] == "bee"


def test_the_file_of_before_undoes_no_correction(tmp_path):
    path, _ = without_labels(tmp_path)
    id = next_batch(path).tasks[0].id
    first, second = tmp_path / "1.csv", tmp_path / "2.csv"
    first.write_text(f"key,label\n{id},ant\n")
    second.write_text(f"key,label\n{id},bee\n")
    for file in (first, second, first):
        alrun_here("label", path, file)
    assert history_of(path).labels[id] == "bee"


def test_the_audit_is_random_flagged_and_never_trained_on(tmp_path):
    path, truth = without_labels(tmp_path, more=f"audit = 0.25\n{LISTED}")
    label_all(path, truth)
    history = history_of(path)
    audits = [[one.id for one in batch.examples if one.is_audit] for batch in history.batches]
    assert [len(ids) for ids in audits] == [0, 1, 2, 1]
    assert [batch.facts["n_trained"] for batch in history.batches[1:]] == [8, 13, 17]
    drawn = [id for ids in audits for id in ids]
    assert [list(batch.facts["audit"]) for batch in history.batches[1:]] == [drawn] * 3
    flagged = [task.suggestion for task in next_batch(path).tasks if task.id in drawn]
    assert {*flagged} <= {None}


def test_the_audit_depends_on_no_query(tmp_path):
    """With half of all labels for the audit, a strategy that saw its rows would query some."""
    drawn = []
    for strategy in ("margin", "random"):
        folder = tmp_path / strategy
        folder.mkdir()
        more = f"audit = 0.5\n{LISTED}"
        path, truth = without_labels(folder, strategy=strategy, more=more)
        text = path.read_text().replace("budget     = 24", "budget = 60")
        path.write_text(text.replace("batch_size = 6", "batch_size = 26"))
        label_all(path, truth)
        drawn.append(
            [one.id for batch in history_of(path).batches for one in batch.examples if one.is_audit]
        )
    assert len(drawn[0]) == 26
    assert drawn[0] == drawn[1]


def test_the_strategy_may_change_and_its_stream_goes_on_where_it_was(tmp_path):
    path, truth = without_labels(tmp_path, strategy="random")
    give(path, answered(next_batch(path).tasks, truth))
    give(path, answered(next_batch(path).tasks, truth))
    text = path.read_text()
    path.write_text(text.replace('"random"', '"margin"'))
    give(path, answered(next_batch(path).tasks, truth))
    path.write_text(text)
    next_batch(path)
    names = [batch.facts["strategy"]["name"] for batch in history_of(path).batches[1:]]
    assert names == ["random", "margin", "random"]
    states = [batch.facts["streams"]["strategy"] for batch in history_of(path).batches[1:]]
    assert states[0] != states[2]


def test_a_class_may_be_added_later(tmp_path):
    path, truth = without_labels(tmp_path)
    tasks = next_batch(path).tasks
    path.write_text(path.read_text().replace('"bee"]', '"bee", "dog"]'))
    answers = answered(tasks, truth)
    give(path, [replace(answers[0], label="dog"), *answers[1:]])
    assert label_all(path, truth)
    assert history_of(path).labels[tasks[0].id] == "dog"


def test_an_export_has_labels_or_predictions_for_every_row(tmp_path):
    path, truth = without_labels(tmp_path)
    tasks = next_batch(path).tasks
    give(path, answered(tasks, truth, "anna", time="2026-05-01T10:00:00"))
    found = export(path).set_index("key")
    assert found.index.tolist() == [f"k{row}" for row in range(90)]
    labelled = found.loc[[task.id for task in tasks]]
    assert labelled["label"].tolist() == [truth[task.id] for task in tasks]
    assert {*labelled["annotators"], *labelled["time"]} == {"anna", "2026-05-01T10:00:00"}
    rest = found[found["label"].isna()]
    assert len(rest) == 82
    assert rest["probability"].between(1 / 3, 1).all()
    right = rest["predicted"] == [truth[id] for id in rest.index]
    assert right.mean() > 0.6
    lines = (tmp_path / "out.jsonl", tmp_path / "out.parquet")
    for file in lines:
        alrun_here("export", path, "--output", file)
    assert json.loads(lines[0].read_text().splitlines()[0])["key"] == "k0"
    assert len(pd.read_parquet(lines[1])) == 90


def test_an_export_as_csv_holds_no_formula():
    frame = pd.DataFrame({"id": ["=1+1", "2"], "label": ["ant", None]})
    assert as_csv(frame) == "id,label\n'=1+1,ant\n2,\n"


def test_texts_without_labels_are_shown_and_learned(tmp_path):
    words = {"ham": "lunch meeting tomorrow plan", "spam": "win money prize now"}
    rows = [(f"{kind}{n}", f"{text} {n}") for n in range(20) for kind, text in words.items()]
    pd.DataFrame(rows, columns=["id", "body"]).to_csv(tmp_path / "mails.csv", index=False)
    path = tmp_path / "mails.toml"
    path.write_text(
        'strategy = "margin"\nbatch_size = 4\nbudget = 12\nclasses = ["ham", "spam"]\n'
        '[dataset]\nname = "mails.csv"\nid = "id"\ntext = "body"\n'
    )
    truth = {id: id.rstrip("0123456789") for id, _ in rows}
    first = next_batch(path)
    assert first.layout.text == "body"
    assert first.tasks[0].fields == {"body": dict(rows)[first.tasks[0].id]}
    assert [len(batch) for batch in label_all(path, truth)] == [4, 4, 4]
    rest = export(path)
    rest = rest[rest["label"].isna()]
    assert (rest["predicted"] == rest["id"].map(truth)).all()
