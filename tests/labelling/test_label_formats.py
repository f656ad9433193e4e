"""Every format of tasks and answers: round trips as the tools make them, and hostile files."""

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from labelling_tools import LABELS, LAYOUT, TASKS, TOOLS, as_lines, label_csv, lines_of

from alrun.errors import LabellingError
from alrun.labelling.formats import FORMATS, read_answers, recognise
from alrun.labelling.records import Answer, Layout, Task

WORDS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1)
NAMES = WORDS.filter(str.strip)


def read(content, layout=LAYOUT):
    return read_answers(content, "answers", layout)


def refusal(content, layout=LAYOUT):
    with pytest.raises(LabellingError) as caught:
        read(content, layout)
    return str(caught.value)


def test_every_format_has_a_tool_here():
    assert TOOLS.keys() == FORMATS.keys()


@pytest.mark.parametrize("name", FORMATS)
def test_answers_come_back(name):
    labelled = TOOLS[name](FORMATS[name].write(TASKS, LAYOUT), LABELS)
    assert recognise(labelled, "answers") == name
    found = {answer.id: answer.label for answer in read(labelled)}
    # Doccano has no skips: what has no label may wait for one.
    skips = () if name == "doccano" else ("007",)
    assert found == {key: value for key, value in LABELS.items() if value or key in skips}


@settings(max_examples=40)
@given(st.lists(NAMES, min_size=1, max_size=4, unique=True), NAMES, WORDS)
def test_any_id_and_label_comes_back(ids, label, text):
    tasks = [Task(key, 1, rank, {"body": text}) for rank, key in enumerate(ids, start=1)]
    labels = dict.fromkeys(ids, label)
    for name, tool in TOOLS.items():
        written = FORMATS[name].write(tasks, LAYOUT)
        if name == "csv":
            # Nobody escapes what they type, so that an apostrophe before a formula is lost.
            typed = {key: label.lstrip("'") or "x" for key in ids}
            expected, labelled = typed, label_csv(written, typed, tasks)
        else:
            expected, labelled = labels, tool(written, labels)
        assert recognise(labelled, "answers") == name
        assert {answer.id: answer.label for answer in read(labelled)} == expected


def test_the_examples_of_the_page_are_read():
    page = Path(__file__).parents[2].joinpath("docs", "label-formats.md").read_text("utf-8")
    (table,) = re.findall(r"```csv\n(.*?)```", page, re.DOTALL)
    answer, skip = read(table.encode(), Layout(id_column="mail"))
    assert (answer.label, answer.annotator, answer.seconds) == ("ham", "Ann", 4.2)
    assert (skip.id, skip.label) == ("m-03", None)
    (line,) = re.findall(r"```json\n(.*?)```", page, re.DOTALL)
    assert read(line.encode()) == [replace(answer, place="answers: line 1")]


def test_what_else_is_known_of_an_answer():
    by_format = {
        name: read(tool(FORMATS[name].write(TASKS, LAYOUT), {"a": "ham"}))[0]
        for name, tool in TOOLS.items()
    }
    moment = "2026-11-29T08:30:44.011960+00:00"
    assert by_format == {
        "csv": Answer("a", "ham", "Ann", place="answers: line 2"),
        "jsonl": Answer("a", "ham", "Ann", place="answers: line 1"),
        "label-studio": Answer("a", "ham", "1", moment, 1.5, "answers: task 1"),
        "doccano": Answer("a", "ham", place="answers: line 1"),
        "prodigy": Answer(
            "a", "ham", "mails-ann", "2025-11-29T08:26:40+00:00", place="answers: line 1"
        ),
    }


@pytest.mark.parametrize("name", FORMATS)
def test_values_of_any_data_file_are_written(name):
    values = [
        np.float32(1.5),
        np.int64(3),
        np.nan,
        None,
        np.datetime64("2026-05-01"),
        True,
        "\ud800",
    ]
    row = {f"column {place}": value for place, value in enumerate(values)}
    layout = Layout(classes=("ham",))
    content = FORMATS[name].write([Task("a", 1, 1, row, "ham", np.float64("nan"))], layout)
    text = content.decode()
    assert "1.5" in text
    assert "2026-05-01" in text
    assert "nan" not in text.lower()
    if name != "csv":
        for line in [text] if name == "label-studio" else text.splitlines():
            json.loads(line, parse_constant=pytest.fail)


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("name", FORMATS)
def test_marks_and_line_ends_of_other_systems(name, encoding, line_end):
    labelled = TOOLS[name](FORMATS[name].write(TASKS, LAYOUT), {"ü 😀": "spam"}).decode()
    labelled = line_end + labelled.replace("\r\n", "\n").replace("\n", line_end) + line_end * 2
    (answer,) = read(labelled.encode(encoding))
    assert (answer.id, answer.label) == ("ü 😀", "spam")


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "answers: it is empty"),
        (b"\xef\xbb\xbf \n", "answers: it is empty"),
        (b"id,label\na,\xe4\n", "line 2: it is not UTF-8, since it holds the byte 0xe4"),
        (b"id,label\na,x\0y\n", "line 2: it holds a NUL"),
        ("id,label\na,ham\n".encode("utf-16-le"), "line 1: it holds a NUL"),
        (b"\xff\xfei\0d\0,", "it is not UTF-16"),
        (b"PK\x03\x04...", "a zip archive or a workbook; unpack it, or save it as CSV"),
        (b"\x1f\x8b\x08...", "it is packed; unpack it"),
        (b'{"id": "a", "label": "ham"}\n{"id": "b", "la\n', "answers: line 2: it is no JSON"),
        (b'\n\n{"id": \n', "answers: line 3: it is no JSON"),
        (b'[\n{"data": {},\n]', "answers: line 3: it is no JSON"),
        (b"[" * 100_000, "line 1: it cannot be read"),
        (b'{"id": ' + b"7" * 5000 + b', "label": "x"}', "line 1: it cannot be read"),
        (b'{"id": "a", "label": "ham", "label": "x"}', 'an object has the key "label" twice'),
        (b'{"id": "a", "label": "x"}\n[1]', "line 2: [1] is no object with keys"),
        (b"[1]", "task 1: 1 is no object with keys"),
        (b'{"id": "a"}', "line 1: there is no 'label'; add it, with null for a skip"),
        (b'{"label": "ham"}', "line 1: it has no id"),
        (b'{"id": "a", "label": ["ham", "x"]}', 'the label ["ham", "x"] is no text'),
        (b'{"id": 1.0, "label": "ham"}', "the id 1.0 is no text"),
        (b'{"id": true, "label": "ham"}', "the id true is no text"),
        (b'{"id": "a", "label": "\\ud800"}', "holds half a character"),
        (b'{"id": "a", "label": "x", "seconds": -1}', "the seconds -1 are no number"),
        (b'{"id": "a", "label": "x", "seconds": NaN}', "the seconds NaN are no number"),
        (b'{"id": "a", "label": "x", "seconds": {}}', "the seconds {} are no number"),
        (b'{"id": "a", "label": "x", "time": "1/5/26"}', 'the time "1/5/26" is none in ISO 8601'),
        (b'{"id": "a", "label": "x", "time": 3}', "the time 3 is none in ISO 8601"),
        (b'{"alrun_id": "a", "text": ""}', "line 1: there is no 'label'"),
        (b'{"id": 4, "alrun_id": "a", "label": ["ham", "x"]}', "line 1: it has 2 labels"),
        (b'{"id": 4, "alrun_id": "a", "label": "ham"}', '"ham" is no list of labels'),
        (b'{"text": "", "label": ["ham"]}', "line 1: there is no 'alrun_id'; import the batch"),
        (b'{"text": "", "answer": "accept"}', "line 1: there is no 'alrun_id' under 'meta'"),
        (b'{"meta": {"alrun_id": "a"}, "answer": "yes"}', "'answer' is \"yes\", not accept"),
        (b'{"meta": {"alrun_id": "a"}, "answer": "accept"}', "accepted without a 'label'"),
    ],
)
def test_a_hostile_file_is_refused_in_a_sentence(content, expected):
    message = refusal(content)
    assert expected in message
    assert message.startswith("answers: ")


@settings(max_examples=60)
@given(st.sampled_from(sorted(TOOLS)), st.data())
def test_a_damaged_file_gives_answers_or_a_sentence(name, data):
    content = TOOLS[name](FORMATS[name].write(TASKS, LAYOUT), {"a": "ham"})
    start = data.draw(st.integers(0, len(content)))
    end = data.draw(st.integers(start, min(start + 20, len(content))))
    changed = content[:start] + data.draw(st.binary(max_size=6)) + content[end:]
    try:
        said = [answer.place for answer in read(changed)]
    except LabellingError as error:
        said = [str(error)]
    assert all(text.startswith("answers: ") for text in said)


def test_answers_of_one_annotator_to_one_example():
    def lines(*records):
        return as_lines({"id": "a"} | record for record in records)

    early, late = {"time": "2026-05-01T10:00:00+02:00"}, {"time": "2026-05-01T09:00:00Z"}
    # A repeat is one answer, a correction needs a time, and annotators answer each for themselves.
    assert len(read(lines({"label": "ham"}, {"label": "ham"}))) == 1
    assert "line 2" in refusal(lines({"label": "ham"}, {"label": "spam"}))
    assert "in answers: line 1" in refusal(lines({"label": "ham"}, {"label": None}))
    for records in ([early, late], [late, early]):
        labelled = [record | {"label": record["time"][-1]} for record in records]
        assert [answer.label for answer in read(lines(*labelled))] == ["Z"]
    # A time without a zone is taken for UTC.
    naive = {"time": "2026-05-01T08:30:00"}
    assert [
        answer.label for answer in read(lines(early | {"label": "x"}, naive | {"label": "y"}))
    ] == ["y"]
    same = {"time": "2026-05-01T08:00:00Z"}
    assert "keep one" in refusal(lines(early | {"label": "ham"}, same | {"label": "spam"}))
    both = lines({"label": "ham", "annotator": "Ann"}, {"label": "spam", "annotator": "Bob"})
    assert [answer.annotator for answer in read(both)] == ["Ann", "Bob"]
    blanks = lines(
        {"label": "ham", "annotator": "Ann Lee"}, {"label": "x", "annotator": " Ann  Lee "}
    )
    assert "keep one" in refusal(blanks)


def test_whole_numbers_in_json_are_texts_and_other_keys_are_passed_over():
    # A separator of lines of Unicode ends no line here.
    (answer,) = read('{"id": "a\u2028b", "label": "ham"}'.encode())
    assert answer.id == "a\u2028b"
    (answer,) = read(b'{"id": 7, "label": 1, "body": {"x": [1]}, "score": 0.5, "seconds": "2.5"}')
    assert (answer.id, answer.label, answer.seconds) == ("7", "1", 2.5)


@pytest.mark.parametrize(
    ("record", "label"),
    [
        ({"label": "ham", "answer": "accept"}, "ham"),
        ({"label": "ham", "answer": "reject"}, "spam"),
        ({"label": "eggs", "answer": "reject"}, None),
        ({"label": "ham", "answer": "ignore"}, None),
        ({"label": "ham", "options": [], "accept": ["spam"], "answer": "accept"}, "spam"),
        ({"label": "ham", "options": [], "answer": "reject"}, None),
        ({"label": "ham", "options": [], "answer": "accept"}, None),
    ],
)
def test_verdicts_of_prodigy(record, label):
    line = as_lines([{"text": "", "meta": {"alrun_id": "a"}} | record])
    assert [answer.label for answer in read(line)] == [label]
    if record["answer"] == "reject":
        # Of three classes, a rejected one leaves two.
        assert read(line, Layout(classes=("ham", "spam", "eggs")))[0].label is None


def test_prodigy_refuses_two_options_and_a_strange_time():
    line = {"meta": {"alrun_id": "a"}, "accept": ["ham", "spam"], "answer": "accept"}
    assert "2 labels" in refusal(as_lines([line]))
    line |= {"accept": ["ham"], "_timestamp": 1e300}
    assert "'_timestamp' is 1e+300" in refusal(as_lines([line]))


def test_tasks_of_images_and_of_rows():
    image, row = Task("a", 1, 1, {"path": "x.png"}), Task("a", 1, 1, {"length": 3, "hue": None})
    pictures = Layout(image="path", classes=("ham",))
    (line,) = lines_of(FORMATS["prodigy"].write([image], pictures))
    assert line["image"] == "x.png"
    assert line["options"] == [{"id": "ham", "text": "ham"}]
    with pytest.raises(LabellingError, match="doccano takes images only as uploads"):
        FORMATS["doccano"].write([image], pictures)
    for name in ("doccano", "prodigy"):
        (line,) = lines_of(FORMATS[name].write([row], Layout()))
        assert line["text"] == "length: 3\nhue: "


def test_fields_with_names_of_ours_are_renamed():
    fields = {"label": "old", "id": 4, "alrun_id": 5, "data_id": 6}
    (line,) = lines_of(FORMATS["jsonl"].write([Task("a", 1, 2, fields)], LAYOUT))
    assert line == {
        "id": "a",
        "alrun_batch": 1,
        "alrun_rank": 2,
        "data_label": "old",
        "data_id": 4,
        "data_alrun_id": 5,
        "data_data_id": 6,
    }
