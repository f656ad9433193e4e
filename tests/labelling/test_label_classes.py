"""Classes as annotators write them."""

import pytest

from alrun.errors import LabellingError
from alrun.labelling.classes import match_class


def test_a_class_is_matched_as_it_stands():
    assert match_class("us", ["US", "us"]) == "us"


@pytest.mark.parametrize(
    ("text", "classes", "hint"),
    [
        ("Ham", ["ham", "spam"], "; did you mean 'ham'?"),
        (" a\t", ["a", "b"], "; did you mean 'a'?"),
        ("very  good", ["Very good", "bad"], "; did you mean 'Very good'?"),
        ("1.0", ["0", "1"], "; did you mean '1'?"),
        ("hm", ["ham", "eggs"], "; did you mean 'ham'?"),
        ("x", ["ham", "eggs"], "; known are eggs, ham"),
        ("x", [], ""),
    ],
)
def test_another_text_is_refused_and_the_nearest_class_suggested(text, classes, hint):
    with pytest.raises(LabellingError) as caught:
        match_class(text, classes, "mails.csv: line 4")
    assert str(caught.value).startswith("mails.csv: line 4: unknown class ")
    assert str(caught.value).endswith(hint or '"x"')


def test_the_place_may_be_missing():
    with pytest.raises(LabellingError, match=r'^unknown class "x"'):
        match_class("x", ["ham"])
