"""The tables `[oracle]` and `[cost]`: what they mean, and what is refused."""

import pytest

from alrun.errors import ExperimentError
from alrun.experiment.oracles import CostSettings, OracleSettings, read_confusion
from alrun.experiment.toml import read_experiment, to_toml
from alrun.spec_parts import AnnotatorSpec, CostSpec

GRID = """
strategies = ["random", { name = "margin", per_cost = true }]
seeds = 2
budget = 40
budget_cost = 12.5
[dataset]
name = "iris"
"""


def read(tmp_path, text):
    path = tmp_path / "noise.toml"
    path.write_text(GRID + text)
    return read_experiment(path, check=True)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[oracle]\nnoise = 1.5", "oracle.noise"),
        ("[oracle]\nnoize = 0.1", "unknown key; did you mean 'noise'"),
        ("[oracle]\nnoise = 0.1\nconfusion = 'c.csv'", "noise and confusion exclude each other"),
        ("[oracle]\nkind = 'odd'", "oracle.kind"),
        ("[oracle]\nkind = 'boundary'\nannotators = [{}]", "goes with noise alone"),
        ("[oracle]\nnoise = 0.1\nannotators = [{}]", "has a noise of its own"),
        ("[oracle]\nrelabel = 'disagreement'", "goes with share"),
        ("[oracle]\nshare = 0.1", "goes with share"),
        ("[oracle]\nabstain = 0.1\ninitial = true", "initial and abstain exclude each other"),
        ("[oracle]\nannotators = [{name = 'a'}, {name = 'a'}]", "the name a is given more"),
        ("[oracle]\nannotators = [{name = 'a + b'}]", "joins several names"),
        ("[oracle]\nvotes = 0", "oracle.votes"),
        ("[oracle]\nconfusion = {a = {a = 0.5, b = 0.4}}", "row 'a' sums to 0.9, not to 1"),
        ("[oracle]\nconfusion = {}", "should be the path of a CSV file, or a table"),
        ("[[oracle]]\nnoise = 0.1\n[[oracle]]\nnoise = 0.1", "the label noise 0.1 is given more"),
        ("[cost]\ncolumn = 'n'\nlabel = 2", "column excludes label and per_class"),
        ("[cost]\nbase = 2", "base and rate go with column"),
        ("[cost]\nlabel = -1", "cost.label"),
        (
            "[oracle]\nannotators = [{}, {cost = 2}]\n[cost]\ncolumn = 'n'",
            "cost.column and the cost of an annotator exclude each other",
        ),
        (
            "[oracle]\nannotators = [{cost = 2}]\n[[cost]]\n[[cost]]\nper_class = {a = 3}",
            "cost.per_class and the cost of an annotator exclude each other",
        ),
        ("[[cost]]\nlabel = 1\n[[cost]]\nlabel = 1", "the name 1 per label is given more"),
    ],
)
def test_what_makes_no_sense_is_refused_with_the_key(tmp_path, text, message):
    with pytest.raises(ExperimentError) as error:
        read(tmp_path, text)
    assert message in str(error.value)


def test_several_tables_get_labels_and_a_single_one_has_none(tmp_path):
    several = read(tmp_path, "[[oracle]]\nnoise = 0\n[[oracle]]\nkind = 'boundary'\nnoise = 0.1")
    assert several.oracles == ["noise 0", "boundary noise 0.1"]
    assert several.cost_models == [""]
    assert read(tmp_path, "[oracle]\nnoise = 0.1\n[cost]\nlabel = 2").oracles == [""]


@pytest.mark.parametrize(
    ("own", "cost"), [("", "per_class = { setosa = 2 }"), (", cost = 3", "label = 2")]
)
def test_what_is_written_out_is_read_again(tmp_path, own, cost):
    (tmp_path / "c.csv").write_text("true,a,b\na,.9,.1\nb,0,1\n")
    text = f"""
    [[oracle]]
    annotators = [{{ noise = 0.1{own} }}, {{ confusion = "c.csv" }}]
    votes = 2
    [[oracle]]
    noise = 0.2
    relabel = "disagreement"
    share = 0.1
    [cost]
    {cost}
    """
    experiment = read(tmp_path, text)
    folder = tmp_path / "results"
    folder.mkdir()
    path = folder / "experiment.toml"
    path.write_text(to_toml(experiment, tmp_path, folder))
    again = read_experiment(path)
    assert again.oracle[0].annotators[1].confusion == "../c.csv"
    again.oracle[0].annotators[1].confusion = "c.csv"
    assert (again.oracle, again.cost) == (experiment.oracle, experiment.cost)
    assert again.budget_cost == 12.5
    assert [entry.per_cost for entry in again.strategies] == [None, True]


def test_a_confusion_may_be_in_a_file_or_in_the_experiment():
    table = read_confusion("true,b,a\na,.1,.9\nb,1,0\n")
    named = OracleSettings(confusion="c.csv").spec(("a", "b"), {"c.csv": table})
    written = OracleSettings(confusion={"a": {"a": 0.9, "b": 0.1}, "b": {"b": 1.0}})
    expected = (AnnotatorSpec("", 0.0, ((0.9, 0.1), (0.0, 1.0))),)
    assert named.annotators == written.spec(("a", "b"), {}).annotators == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("true,a,b\n", "a header with the answers"),
        ("true,a,b\na,1\n", "line 2 must hold a class of its own and 2 probabilities"),
        ("true,a,b\na,1,0\na,1,0\n", "line 3 must hold a class of its own"),
        ("true,a,b\na,x,0\n", "line 2 holds something else than probabilities"),
        ("true,a,b\na,nan,0\n", "a probability for each answer"),
    ],
)
def test_a_damaged_file_of_a_confusion_is_named(text, message):
    with pytest.raises(ValueError, match=message):
        read_confusion(text)


@pytest.mark.parametrize(
    ("confusion", "message"),
    [
        ({"a": {"a": 1.0}, "c": {"c": 1.0}}, "there is no class 'c'"),
        ({"a": {"a": 1.0}}, "there is no row for the class 'b'"),
    ],
)
def test_a_confusion_of_other_classes_is_refused(confusion, message):
    with pytest.raises(ValueError, match=message):
        OracleSettings(confusion=confusion).spec(("a", "b"), {})


def test_costs_by_class_have_the_price_of_a_label_where_none_is_named():
    cost = CostSettings(label=2.0, per_class={"b": 5.0})
    assert cost.spec(("a", "b")) == CostSpec(2.0, (2.0, 5.0))
    with pytest.raises(ValueError, match="per_class: there is no class 'c'"):
        CostSettings(per_class={"c": 1.0}).spec(("a", "b"))
