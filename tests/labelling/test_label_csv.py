"""Batches and answers as CSV."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alrun.errors import LabellingError
from alrun.labelling.formats.csv import escaped, read, read_table, restored, write
from alrun.labelling.records import Layout, Task

MAILS = Layout(id_column="mail")


def labels_in(text, layout=MAILS):
    answers = read(text.encode(), "answers.csv", layout)
    return {answer.id: answer.label for answer in answers}


def refusal(text, layout=MAILS):
    with pytest.raises(LabellingError) as caught:
        labels_in(text, layout)
    return str(caught.value)


def test_a_batch_begins_with_the_id_column_under_its_own_name():
    fields = {"body": "Hi,\nthere", "label": "old", "alrun_rank": 3, "mail": "again", "n": -2.5}
    content = write([Task("a", 2, 1, fields), Task("b", 2, 2, {"body": None})], MAILS)
    assert content.decode().replace("\r\n", "\n") == (
        "mail,alrun_batch,alrun_rank,body,data_label,data_alrun_rank,data_mail,n\n"
        'a,2,1,"Hi,\nthere",old,3,again,-2.5\n'
        "b,2,2,,,,,\n"
    )


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("=1+1", "'=1+1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("+1", "+1"),
        ("-2.50", "-2.50"),
        ("-1+1", "'-1+1"),
        ("+cmd|' /C calc'!A0", "'+cmd|' /C calc'!A0"),
        ("\t=1", "'\t=1"),
        ("\r=1", "'\r=1"),
        ("\uff1d1", "'\uff1d1"),
        ("'=1", "''=1"),
        ("'tis", "'tis"),
        ("", ""),
    ],
)
def test_no_text_is_a_formula_in_a_spreadsheet(text, shown):
    assert escaped(text) == shown
    assert restored(shown) == text
    rows = csv.reader(io.StringIO(write([Task("a", 1, 1, {text: text})], MAILS).decode(), ""))
    assert [row[3] for row in rows] == [shown, shown]


@given(st.text(st.sampled_from("'=+-@\t\r\n1.a")))
def test_what_is_escaped_is_restored(text):
    assert restored(escaped(text)) == text
    is_number = text[:1] in "+-" and text[1:].replace(".", "", 1).isdecimal()
    assert escaped(text)[:1] not in tuple("=+-@\t\r\n") or is_number


def test_ids_that_look_like_formulas_come_back():
    assert labels_in("mail,label\n'=a,ham\n=b,'-spam\n'=c,'tis\n") == {
        "=a": "ham",
        "=b": "-spam",
        "=c": "'tis",
    }


def test_an_empty_label_is_a_skip_and_other_columns_are_passed_over():
    text = "x,label,mail,x,annotator,seconds,time\n1,,a,,Ann,2.5,2026-05-01T10:00:00Z\n,ham,b,,,,\n"
    skip, answer = read(text.encode(), "answers.csv", MAILS)
    assert (skip.id, skip.label, skip.annotator, skip.seconds) == ("a", None, "Ann", 2.5)
    assert skip.time == "2026-05-01T10:00:00+00:00"
    assert (answer.label, answer.annotator, answer.seconds, answer.time) == ("ham", "", None, None)
    assert (skip.place, answer.place) == ("answers.csv: line 2", "answers.csv: line 3")
    assert labels_in("mail,label\na, \n") == {"a": None}


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_separators_and_line_ends_of_spreadsheets(separator, line_end):
    rows = [["note", "mail", "label"], ['"x\ny,;z"', "a", "ham"], [], ["", "b", "", ""], ["", "c"]]
    text = line_end.join(separator.join(row) for row in rows)
    assert labels_in(text) == {"a": "ham", "b": None, "c": None}


def test_rows_have_as_many_cells_as_the_header():
    _, rows = read_table("a,b\n1\n2,3,,\n", "x", ("a",))
    assert rows == [("x: line 2", ["1", ""]), ("x: line 3", ["2", "3"])]


def test_a_cell_may_be_long():
    limit = csv.field_size_limit()
    assert labels_in(f"mail,body,label\na,{'x' * 200_000},ham\n") == {"a": "ham"}
    assert csv.field_size_limit() == limit


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("mail,Label\na,ham\n", "there is no column \"label\"; did you mean 'Label'?"),
        ("id,label\na,ham\n", 'there is no column "mail"; known are id, label'),
        ("mail,alrun_batch\na,1\n", 'there is no column "label" beside those of the batch;'),
        ("mail,label,label\na,ham,spam\n", 'two columns "label"'),
        ("mail,label\na,ham\n\n,spam\n", "line 4: it has no id"),
        ('mail,label,x\na,ham,"1\n2"\nb,ham,3,4\n', "line 4: it has 4 cells, and the header 3"),
        ('mail,label\na,"ham\nb,spam\n', "line 2: it is no CSV"),
        ('mail,label\na,"ham"x\n', "line 2: it is no CSV"),
        ("mail,label,seconds\na,ham,soon\n", 'line 2: the seconds "soon" are no number'),
        ("mail,label,time\na,ham,noon\n", 'line 2: the time "noon" is none in ISO 8601'),
        ("mail,label\na,ham\nb,ham\na,spam\n", 'line 4: example "a" has the label "spam" here'),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_line(text, expected):
    message = refusal(text)
    assert message.startswith("answers.csv: ")
    assert expected in message


def test_an_id_column_that_is_called_like_ours_is_refused():
    layout = Layout(id_column="label")
    assert "rename it in the data" in refusal("label\nham\n", layout)
    with pytest.raises(LabellingError, match='the id column is called "label"'):
        write([Task("a", 1, 1)], layout)


def test_an_id_that_no_spreadsheet_keeps_is_refused():
    for key in ("a\0b", " "):
        with pytest.raises(LabellingError, match="cannot stand in CSV"):
            write([Task(key, 1, 1)], MAILS)
    assert b"\0" not in write([Task("a", 1, 1, {"body": "x\0y"})], MAILS)
