"""Tasks for Label Studio, its labelling config, and its exports as version 1.23.2 writes them."""

import json
from xml.etree import ElementTree

import pytest

from alrun.errors import LabellingError
from alrun.labelling.formats import recognise
from alrun.labelling.formats.label_studio import labelling_config, read, write
from alrun.labelling.records import Layout, Task

LAYOUT = Layout(text="body", classes=("ham", 'spam & "more"'))
TASKS = [
    Task("007", 1, 1, {"body": "hello"}, "ham", 0.5),
    Task("b", 1, 2, {"body": "=1+1\nsecond"}),
]
MOMENT = "2026-11-29T08:30:4{}.011960Z"
# What version 1.23.2 exported as JSON_MIN and CSV, of an answer, one without a label, and a task
# without an answer. Its CSV has the columns in the order of the alphabet.
MINIMAL = """[
{
  "text": "hello", "alrun_id": "007", "alrun_batch": 1, "alrun_rank": 1, "id": 1, "label": "a,b",
  "annotator": 1, "annotation_id": 8, "created_at": "2026-11-29T08:30:46.104085Z",
  "updated_at": "2026-11-29T08:30:46.104114Z", "lead_time": 3.5
},
{
  "text": "<b>&amp;<\\/b>", "alrun_id": "h", "alrun_batch": 1, "alrun_rank": 8, "id": 8,
  "annotator": 1, "annotation_id": 10, "created_at": "2026-11-29T08:30:46.682554Z",
  "updated_at": "2026-11-29T08:30:46.682581Z", "lead_time": 5.0
},
{
  "text": "not answered", "alrun_id": "i", "alrun_batch": 1, "alrun_rank": 9, "id": 9,
  "annotator": null, "annotation_id": null, "created_at": null, "updated_at": null,
  "lead_time": null
}
]"""
TABLE = (
    '"alrun_batch","alrun_id","alrun_rank","annotation_id","annotator","created_at","id","label",'
    '"lead_time","text","updated_at"\n'
    '1,"007",1,8,"1","2026-11-29T08:30:46.104085Z",1,"a,b",3.5,"=1+1\nsecond",'
    '"2026-11-29T08:30:46.104114Z"\n'
    '1,"h",8,10,"1","2026-11-29T08:30:46.682554Z",8,"",5.0,"h","2026-11-29T08:30:46.682581Z"\n'
    '1,"i",9,"","","",9,"","","not answered",""\n'
)


def result(*labels, name="label"):
    value = {"choices": [*labels]}
    return [{"from_name": name, "to_name": "text", "type": "choices", "value": value}]


def annotation(*labels, second=4, user=1, **more):
    return {
        "completed_by": user,
        "result": result(*labels) if labels else [],
        "was_cancelled": False,
        "updated_at": MOMENT.format(second),
        "lead_time": 1.5,
    } | more


def answers_in(*tasks):
    """Read tasks, each an id and its annotations, as an export."""
    exported = [
        {"id": 1, "data": {"alrun_id": key}, "predictions": [1, 2], "annotations": annotations}
        for key, *annotations in tasks
    ]
    return read(json.dumps(exported).encode(), "export.json", LAYOUT)


def refusal(content):
    with pytest.raises(LabellingError) as caught:
        read(json.dumps(content).encode(), "export.json", LAYOUT)
    return str(caught.value)


def test_tasks_hold_their_identity_and_the_prediction():
    assert json.loads(write(TASKS[::-1], LAYOUT)) == [
        {
            "data": {"text": "hello", "alrun_id": "007", "alrun_batch": 1, "alrun_rank": 1},
            "predictions": [{"model_version": "alrun-1", "score": 0.5, "result": result("ham")}],
        },
        {
            "data": {"text": "=1+1\nsecond", "alrun_id": "b", "alrun_batch": 1, "alrun_rank": 2},
        },
    ]
    rounded_up = Task("a", 1, 1, {"body": ""}, "ham", 1.0000000000000002)
    (task,) = json.loads(write([rounded_up], LAYOUT))
    assert task["predictions"][0]["score"] == 1


def test_the_config_shows_the_text_and_one_choice_of_the_classes():
    root = ElementTree.fromstring(labelling_config(TASKS, LAYOUT))
    assert [(child.tag, child.attrib) for child in root] == [
        ("Text", {"name": "text", "value": "$text"}),
        ("Choices", {"name": "label", "toName": "text", "choice": "single"}),
    ]
    assert [choice.get("value") for choice in root[1]] == ["ham", 'spam & "more"']


def test_columns_of_a_table_get_names_that_a_config_can_hold():
    row = {"my col": True, "größe": None, "a.b": 1.5, "label": "x", "lead_time": 3, "my_col": 4}
    tasks, layout = [Task("a", 1, 1, row, "ham", 0.9)], Layout(classes=("ham",))
    (task,) = json.loads(write(tasks, layout))
    names = ["my_col", "gr__e", "a_b", "data_label", "data_lead_time", "data_my_col"]
    assert list(task["data"]) == [*names, "alrun_id", "alrun_batch", "alrun_rank"]
    # A Text tag takes no null and no bool.
    assert [task["data"][name] for name in names] == ["True", "", 1.5, "x", 3, 4]
    root = ElementTree.fromstring(labelling_config(tasks, layout))
    assert [header.get("value") for header in root.iter("Header")] == list(row)
    assert [text.get("value") for text in root.iter("Text")] == [f"${name}" for name in names]
    assert root.find("Choices").get("toName") == task["predictions"][0]["result"][0]["to_name"]


def test_images_stand_before_the_other_fields():
    layout = Layout(image="path", classes=("ham",))
    root = ElementTree.fromstring(
        labelling_config([Task("a", 1, 1, {"n": 1, "path": "x"})], layout)
    )
    assert [child.tag for child in root] == ["Image", "Header", "Text", "Choices"]
    assert root.find("Choices").get("toName") == "image"


def test_what_xml_cannot_hold_is_refused():
    with pytest.raises(LabellingError, match="holds a character that Label Studio's config"):
        labelling_config(TASKS, Layout(text="body", classes=("a\x01",)))
    with pytest.raises(LabellingError, match="no field to show"):
        labelling_config([Task("a", 1, 1)], Layout())
    root = ElementTree.fromstring(labelling_config(TASKS, Layout(text="body", classes=("a\nb",))))
    assert root[1][0].get("value") == "a\nb"


def test_the_last_update_of_each_user_counts():
    found = answers_in(
        (
            "a",
            annotation("ham", second=5),
            annotation("spam", second=4),
            annotation("eggs", user=2),
        ),
        ("b", annotation(second=1, was_cancelled=True)),
        # The same task, imported again.
        ("a", annotation("late", second=9, user=2)),
    )
    said = [(answer.id, answer.annotator, answer.label) for answer in found]
    assert said == [("a", "1", "ham"), ("a", "2", "late"), ("b", "1", None)]
    assert found[0].time == "2026-11-29T08:30:45.011960+00:00"
    assert found[0].seconds == 1.5


def test_a_user_may_be_an_object_and_a_cancelled_answer_hold_a_draft():
    user = {"id": 3, "email": "ann@example.org"}
    skip = annotation("ham", user=user, was_cancelled=True)
    (answer,) = answers_in(("a", skip))
    assert (answer.annotator, answer.label) == ("3", None)


@pytest.mark.parametrize("text", [MINIMAL, TABLE], ids=["JSON_MIN", "CSV"])
def test_short_exports(text):
    assert recognise(text.encode(), "export") == "label-studio"
    # A task without an answer is exported too, and is no skip.
    answer, empty = read(text.encode(), "export", LAYOUT)
    assert (answer.id, answer.label, answer.annotator) == ("007", "a,b", "1")
    assert (answer.time, answer.seconds) == ("2026-11-29T08:30:46.104114+00:00", 3.5)
    assert (empty.id, empty.label) == ("h", None)


def test_csv_is_its_own_where_our_id_column_is_called_as_its_id():
    ours = b"id,label,annotation_id\na,ham,3\n"
    assert (recognise(TABLE.encode(), "x"), recognise(ours, "x")) == ("label-studio", "csv")


@pytest.mark.parametrize("text", [MINIMAL, TABLE], ids=["JSON_MIN", "CSV"])
def test_a_renamed_control_is_no_skip(text):
    with pytest.raises(LabellingError, match="no answer here has a 'label'"):
        read(text.replace('"label"', '"verdict"').encode(), "export", LAYOUT)


def test_two_labels_in_short_exports_are_refused():
    for text, old, new in (
        (MINIMAL, '"a,b"', '{"choices": ["a", "b"]}'),
        (TABLE, '"a,b"', '"{""choices"":[""a"",""b""]}"'),
    ):
        with pytest.raises(LabellingError, match="2 labels"):
            read(text.replace(old, new).encode(), "export", LAYOUT)


@pytest.mark.parametrize(
    ("task", "expected"),
    [
        ({"annotations": None}, "there are no 'annotations'; export the project as JSON"),
        ({"data": {}, "annotations": [annotation("ham")]}, "there is no 'alrun_id' among its data"),
        ({"data": 7, "annotations": [annotation("ham")]}, "there is no 'alrun_id' among its data"),
        ({"annotations": [7]}, "the annotation 7 is no object"),
        ({"annotations": {"ham": 1}}, "there are no 'annotations'"),
        ({"annotations": [annotation(result="ham")]}, 'the result "ham" is no list of objects'),
        ({"annotations": [annotation(result=["ham"])]}, "is no list of objects"),
        ({"annotations": [annotation("ham", "spam")]}, 'it has 2 labels, ["ham", "spam"]'),
        ({"annotations": [annotation(result=result("ham") + result("spam"))]}, "it has 2 labels"),
        ({"annotations": [annotation(result=result("ham", name={}))]}, "but {}; label with"),
        ({"annotations": [annotation(result=[result("ham")[0] | {"value": 7}])]}, "7 is no list"),
        ({"annotations": [annotation(lead_time="long")]}, 'the seconds "long" are no number'),
        ({"annotations": [annotation(updated_at=7)]}, "the time 7 is none in ISO 8601"),
        ({"annotations": [annotation(user=[1])]}, "the annotator [1] is no text"),
        (
            {"annotations": [annotation(result=result("ham", name="Label"))]},
            "there is no control 'label' in the result, but \"Label\"; label with alrun's",
        ),
    ],
)
def test_a_strange_export_is_refused_with_its_task(task, expected):
    whole = {"data": {"alrun_id": "a"}, "annotations": []}
    message = refusal([whole, whole | task])
    assert message.startswith("export.json: task 2: ")
    assert expected in message
