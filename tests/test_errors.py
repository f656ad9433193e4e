"""Errors: what they say, and that they survive the way between processes."""

import pickle

import pytest

from alrun import errors
from alrun.errors import (
    AlrunError,
    DatasetError,
    ExperimentError,
    LabellingError,
    ModelError,
    ResultsError,
    StoppingError,
    StrategyError,
    nearest,
)

KINDS = [DatasetError, LabellingError, ModelError, ResultsError, StoppingError, StrategyError]


@pytest.mark.parametrize("kind", [*KINDS, ExperimentError])
def test_every_kind_is_caught_as_an_alrun_error(kind):
    assert issubclass(kind, AlrunError)


def test_no_kind_is_missing_here():
    named = [value for key, value in vars(errors).items() if key.endswith("Error")]
    assert set(named) == {AlrunError, ExperimentError, *KINDS}


@pytest.mark.parametrize("kind", KINDS)
def test_an_error_survives_pickling(kind):
    copy = pickle.loads(pickle.dumps(kind("iris: no label")))
    assert type(copy) is kind
    assert str(copy) == "iris: no label"


def test_an_experiment_error_has_a_line_for_each_problem():
    error = ExperimentError(["a.toml: x: one", "a.toml: y: two"])
    assert str(error).splitlines() == error.problems == ["a.toml: x: one", "a.toml: y: two"]


def test_the_problems_of_an_experiment_error_survive_pickling():
    error = ExperimentError(["a.toml: x: one", "a.toml: y: two"])
    copy = pickle.loads(pickle.dumps(error))
    assert isinstance(copy, ExperimentError)
    assert copy.problems == error.problems
    assert str(copy) == str(error)


@pytest.mark.parametrize(
    ("name", "known", "meant"),
    [
        ("entropi", ["margin", "entropy", "random"], "entropy"),
        ("bugdet", ["batch_sizes", "budget", "seeds"], "budget"),
        ("tets_size", ["target", "splits", "test_size"], "test_size"),
    ],
)
def test_a_slip_of_the_pen_is_told_the_nearest_name_alone(name, known, meant):
    sentence = nearest(name, known)
    assert f"did you mean '{meant}'?" in sentence
    assert not any(other in sentence for other in known if other != meant)


def test_a_name_like_no_other_is_told_all_in_order():
    assert nearest("xyz", ["margin", "entropy"]).endswith("known are entropy, margin")


def test_where_nothing_is_known_nothing_is_suggested():
    assert nearest("xyz", []) == ""


def test_known_names_may_come_from_any_iterable():
    assert "'margin'" in nearest("margn", iter({"margin": 1, "entropy": 2}))


def test_nothing_is_said_to_be_known_twice():
    assert nearest("xyz", ["scale", "scale", "shift"]).endswith("known are scale, shift")


ODD = "a\nb\r\x00\x1b[31m\u2028\udcff é"
SHOWN = r"a\nb\r\x00\x1b[31m\u2028\udcff é"


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_quoted_breaks_no_line_and_obeys_no_terminal(kind):
    error = kind(f"there is no '{ODD}'")
    assert str(error) == f"there is no '{SHOWN}'"
    assert str(pickle.loads(pickle.dumps(error))) == str(error)


def test_each_problem_of_an_experiment_error_is_a_line():
    error = ExperimentError([f"a.toml: {ODD}: one", "a.toml: y: two"])
    assert error.problems == [f"a.toml: {SHOWN}: one", "a.toml: y: two"]
    assert str(error).split("\n") == error.problems


def test_a_message_keeps_its_beginning_and_its_end_whatever_it_quotes():
    problem = f"a.toml: no '{'x' * 20_000}'; known are a, b"
    for error in (DatasetError(problem), ExperimentError([problem])):
        assert len(str(error)) < 1100
        assert str(error).startswith("a.toml: no 'xxx")
        assert str(error).endswith("x'; known are a, b")
