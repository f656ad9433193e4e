"""The part of results that is reported: what is left out, and what that does to the tests."""

import pytest
from curves_factory import reaching, write

import alrun
from alrun.errors import ResultsError
from alrun.report.build import build_report
from alrun.report.options import ReportOptions, Selection

RANDOM, FEWER = [100, 120, 140, 110, 130, 150], [60, 70, 90, 60, 80, 80]


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    frames = [
        reaching(labels, name, dataset=dataset, batch_size=size)
        for dataset in ("digits", "wine")
        for size in (5, 10)
        for name, labels in (("random", RANDOM), ("margin", FEWER), ("entropy", RANDOM[::-1]))
    ]
    return write(tmp_path_factory.mktemp("results"), *frames)


def selected(results, **selection):
    return build_report(results, ReportOptions(targets=(0.9,), selection=Selection(**selection)))


def test_the_family_is_what_is_reported_and_the_report_says_so(results):
    everything = selected(results)
    assert everything.family == 8
    assert not any(note.startswith("Selected") for note in everything.notes)
    part = selected(results, strategy=("margin",), batch_size=(5,))
    assert part.family == 2
    assert set(part.rows["strategy"]) == {"random", "margin"}  # the baseline is always there
    assert set(part.rows["batch_size"]) == {5}
    (note,) = (note for note in part.notes if note.startswith("Selected"))
    assert "--strategy margin; --batch-size 5." in note
    assert "the family of tests is what is reported" in note
    assert note in part.brief_notes
    for report, family in ((part, 2), (everything, 8)):
        row = report.rows[report.rows["strategy"] == "margin"].iloc[0]
        assert (row["p_value"], row["p_adjusted"]) == (2**-5, family * 2**-5)


def test_several_values_of_a_filter_add_up_and_filters_multiply(results):
    report = selected(results, dataset=("wine", "digits"), batch_size=(10,))
    keys = report.rows[["dataset", "batch_size"]].drop_duplicates()
    assert sorted(keys.itertuples(index=False, name=None)) == [("digits", 10), ("wine", 10)]


@pytest.mark.parametrize(
    ("selection", "said"),
    [
        ({"strategy": ("margni",)}, "there is no strategy 'margni' .* did you mean 'margin'"),
        ({"dataset": ("digit",)}, "there is no data set 'digit' .* did you mean 'digits'"),
        ({"model": ("logistics",)}, "there is no model 'logistics' .* did you mean 'logistic'"),
        ({"batch_size": (7,)}, "there is no batch size '7' in these results; known are 5, 10"),
        ({"start": ("x",)}, "there is no start 'x' in these results; there is one, without"),
    ],
)
def test_what_is_not_in_the_results_is_refused_with_the_nearest(results, selection, said):
    with pytest.raises(ResultsError, match=said):
        selected(results, **selection)


def test_a_selection_of_nothing_is_refused(tmp_path):
    frames = [reaching(RANDOM), reaching(RANDOM, dataset="wine", batch_size=5)]
    write(tmp_path, *frames)
    with pytest.raises(ResultsError, match="no run is of --dataset wine; --batch-size 10"):
        selected(tmp_path, dataset=("wine",), batch_size=(10,))


def test_runs_that_are_not_selected_are_not_missed(results, tmp_path):
    for file in results.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    (tmp_path / "experiment.toml").write_text(
        'strategies = ["random", "margin", "entropy", "density"]\nseeds = 6\nbudget = 200\n'
        'batch_sizes = [5, 10]\ntargets = [0.9]\n[[dataset]]\nname = "digits"\n'
        '[[dataset]]\nname = "wine"\n'
    )
    assert any("24 of the 96 runs" in note for note in alrun.report(tmp_path, [0.9]).notes)
    part = selected(tmp_path, strategy=("margin",), dataset=("wine",))
    assert not any("missing" in note for note in part.notes)
