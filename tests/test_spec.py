"""Identity: golden ids, what changes them and what does not."""

from dataclasses import replace
from pathlib import Path

import pytest
from blob_runs import spec_of

from alrun.spec import run_id
from alrun.spec_parts import PIPELINE
from alrun.sweep.plan import plan_sweep
from alrun.util.digest import digest

EXPERIMENTS = Path(__file__).parent.parent / "experiments"


def ids(path, *overrides):
    return plan_sweep(path, Path("nowhere"), overrides).specs.keys()


def test_run_ids_are_the_same_for_ever():
    assert run_id(spec_of()) == "8fac1743ca6ba1e0"


def test_the_first_run_of_the_digits_grid_is_the_same_for_ever():
    assert next(iter(ids(EXPERIMENTS / "digits.toml"))) == "32025289222336b6"


@pytest.mark.parametrize(
    "change",
    [
        {"seed": 1},
        {"budget": 21},
        {"batch_size": 5},
        {"initial": replace(spec_of().initial, size=2)},
        {"initial": replace(spec_of().initial, method="random")},
        {"initial": replace(spec_of().initial, rows="abc")},
        {"model": replace(spec_of().model, parameters={"C": 2.0, "class_weight": None})},
        {"strategy": replace(spec_of().strategy, replica=1)},
        {"strategy": replace(spec_of().strategy, version=2)},
        {"strategy": replace(spec_of().strategy, parameters={"beta": 1.0})},
        {"dataset": replace(spec_of().dataset, fingerprint="other")},
        {"dataset": replace(spec_of().dataset, scale="standard")},
        {"dataset": replace(spec_of().dataset, test_size=16)},
        {"dataset": replace(spec_of().dataset, splits="abc")},
        {"dataset": replace(spec_of().dataset, subsample=20)},
    ],
    ids=str,
)
def test_what_can_change_a_curve_changes_the_id(change):
    assert run_id(spec_of(**change)) != run_id(spec_of())
    assert run_id(spec_of(**change)) == digest(spec_of(**change).identity())


@pytest.mark.parametrize(
    "change",
    [
        {"dataset": replace(spec_of().dataset, display_name="other", name="data/other.csv")},
        {"model": replace(spec_of().model, display_name="other")},
        {"strategy": replace(spec_of().strategy, display_name="other")},
    ],
    ids=str,
)
def test_labels_and_paths_do_not_change_the_id(change):
    assert run_id(spec_of(**change)) == run_id(spec_of())


def test_the_cell_is_the_identity_less_the_budget():
    assert spec_of(budget=10).stream_key() == spec_of(budget=20).stream_key()
    assert "budget" not in spec_of().stream_key()


@pytest.mark.parametrize(
    "grown",
    [
        "seeds=4",
        "seeds=[0, 1, 2, 7]",
        'strategies=["entropy", "margin", "random"]',
        "batch_sizes=[5, 7]",
        "targets=[0.5, 0.6]",
        'metric="macro_f1"',
    ],
)
def test_a_grid_that_grows_changes_no_old_run(tiny, grown):
    assert ids(tiny) <= ids(tiny, grown)


def test_targets_and_metric_run_nothing_new(tiny):
    assert ids(tiny) == ids(tiny, "targets=[0.1]", 'metric="balanced_accuracy"')


def test_a_count_and_its_fraction_are_one_run(tiny):
    assert ids(tiny) == ids(tiny, "dataset.test_size=0.33333")


def test_a_whole_number_and_its_float_are_one_run(tiny):
    assert ids(tiny, "model.C=1") == ids(tiny, "model.C=1.0") == ids(tiny)


def test_scaled_and_unscaled_runs_differ_but_share_splits(tiny):
    assert not ids(tiny) & ids(tiny, 'dataset.scale="standard"')


@pytest.mark.parametrize("override", ["dataset.subsample=100", 'dataset.positive="setosa"'])
def test_a_part_of_the_data_and_merged_classes_are_other_runs(tiny, override):
    assert not ids(tiny) & ids(tiny, override)


def test_an_identity_has_a_subsample_only_where_there_is_one():
    assert "subsample" not in spec_of().identity()["dataset"]


def test_a_colon_in_the_name_of_a_model_or_of_a_step_is_a_dot_in_the_identity():
    model = replace(spec_of().model, name="mine.models:tree", parameters={"depth": 1})
    assert model.identity() == {"name": "mine.models.tree", "parameters": {"depth": 1}}
    step = {"name": "mine.models:tree", "parameters": {"depth": 1}, "version": 2}
    pipeline = replace(model, name=PIPELINE, parameters={"steps": [step]})
    dotted = {**step, "name": "mine.models.tree"}
    assert pipeline.identity() == {"name": PIPELINE, "parameters": {"steps": [dotted]}}
