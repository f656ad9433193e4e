"""Floor and ceiling in a sweep: computed once, kept, never a reason to fail."""

import textwrap

import numpy as np
import pandas as pd
import pytest

from alrun.api import run_sweep
from alrun.cli.plan_text import describe
from alrun.errors import ExperimentError
from alrun.execute.local import Workers
from alrun.records import Failure
from alrun.results import store
from alrun.results.reference_file import read_reference
from alrun.spec import ReferenceSpec, RunSpec
from alrun.sweep import references as of_sweep
from alrun.sweep.plan import plan_sweep
from alrun.sweep.run import run_missing

MINI = """
strategies  = ["random"]
batch_sizes = [5]
seeds       = 2
budget      = 11

[dataset]
name      = "iris"
test_size = 50
"""


@pytest.fixture
def mini(tmp_path):
    path = tmp_path / "mini.toml"
    path.write_text(MINI)
    return path


def table(results):
    return pd.read_parquet(results / "references.parquet")


def computed(path, results, overrides=(), **options):
    """Sweep in this process; return the references that were computed, and the plan."""
    called = []
    plan = run_missing(
        plan_sweep(path, results, overrides),
        Workers(0),
        on_progress=lambda spec, outcome: called.append(spec),
        **options,
    )
    return [spec for spec in called if isinstance(spec, ReferenceSpec)], plan


def test_the_table_has_a_row_per_data_set_model_seed_and_reference(mini, tmp_path):
    results = run_sweep(mini, tmp_path / "r", jobs=0)
    rows = table(results)
    keys = ["dataset", "model", "seed", "reference"]
    assert rows[keys].to_numpy().tolist() == [
        ["iris", "logistic", seed, kind] for seed in (0, 1) for kind in ("ceiling", "floor")
    ]
    assert (rows["n_test"] == 50).all()
    np.testing.assert_allclose(rows["accuracy"], rows["n_correct"] / rows["n_test"])
    assert rows["f1"].isna().all()
    assert rows[rows["reference"] == "ceiling"]["accuracy"].min() > 0.9
    assert rows[rows["reference"] == "floor"]["accuracy"].max() < 0.4


@pytest.mark.parametrize("backend", ["isolated", "threading", "loky"])
def test_every_backend_makes_the_same_table(mini, tmp_path, backend):
    expected = run_sweep(mini, tmp_path / "r", jobs=0) / "references.parquet"
    found = run_sweep(mini, tmp_path / backend, jobs=2, backend=backend) / "references.parquet"
    assert found.read_bytes() == expected.read_bytes()


def test_only_what_is_missing_is_computed(mini, tmp_path):
    assert len(computed(mini, tmp_path / "r")[0]) == 4
    for overrides in ([], ["budget=16"], ["initial.per_class=1"], ['strategies=["margin"]']):
        assert computed(mini, tmp_path / "r", overrides)[0] == []
    more = computed(mini, tmp_path / "r", ["seeds=3"])[0]
    assert {(spec.kind, spec.seed) for spec in more} == {("floor", 2), ("ceiling", 2)}
    assert len(table(tmp_path / "r")) == 6
    assert len(computed(mini, tmp_path / "r", ["dataset.test_size=40"])[0]) == 4
    # The files of the first test part are still there, so that going back computes nothing.
    assert computed(mini, tmp_path / "r")[0] == []
    assert len(table(tmp_path / "r")) == 4


def test_the_table_alone_is_enough(mini, tmp_path):
    results = tmp_path / "r"
    computed(mini, results)
    before = (results / "references.parquet").read_bytes()
    for file in (results / "references").iterdir():
        file.unlink()
    assert computed(mini, results)[0] == []
    assert (results / "references.parquet").read_bytes() == before


def test_results_of_an_earlier_version_get_theirs_at_the_next_sweep(mini, tmp_path):
    results = tmp_path / "r"
    computed(mini, results)
    curves = (results / "curves.parquet").read_bytes()
    expected = (results / "references.parquet").read_bytes()
    for file in [*(results / "references").iterdir(), results / "references.parquet"]:
        file.unlink()
    assert len(computed(mini, results)[0]) == 4
    assert (results / "references.parquet").read_bytes() == expected
    assert (results / "curves.parquet").read_bytes() == curves


def test_files_of_references_are_read_again_only_if_one_or_the_table_changed(
    mini, tmp_path, monkeypatch
):
    results = tmp_path / "r"
    computed(mini, results)
    table_file = results / "references.parquet"
    expected = table_file.read_bytes()
    read = []
    monkeypatch.setattr(
        store, "read_reference", lambda path, spec: read.append(path) or read_reference(path, spec)
    )

    def n_read():
        read.clear()
        assert computed(mini, results)[0] == []
        assert table_file.read_bytes() == expected
        return len(read)

    assert n_read() == 0
    one = min((results / "references").iterdir())
    one.write_bytes(one.read_bytes())
    assert [n_read(), n_read()] == [4, 0]
    table_file.write_bytes(expected[:-30])
    assert [n_read(), n_read()] == [4, 0]
    computed(mini, results, ['dataset.label="other"'])
    assert set(table(results)["dataset"]) == {"other"}


def test_a_damaged_file_is_set_aside_and_computed_again(mini, tmp_path):
    results = tmp_path / "r"
    _, plan = computed(mini, results)
    expected = (results / "references.parquet").read_bytes()
    (results / "references.parquet").unlink()
    name = sorted(plan.references)[0]
    damaged = results / "references" / f"{name}.parquet"
    damaged.write_bytes(damaged.read_bytes()[:-30])
    said = []
    computed(mini, results, on_message=said.append)
    assert any(f"{damaged} is damaged" in sentence for sentence in said)
    assert [spec.kind for spec in computed(mini, results)[0]] == [plan.references[name].kind]
    assert (results / "references.parquet").read_bytes() == expected


def test_an_interrupted_sweep_keeps_what_is_finished(mini, tmp_path):
    def interrupt(spec, outcome):
        if isinstance(spec, ReferenceSpec):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_missing(plan_sweep(mini, tmp_path / "r"), Workers(0), on_progress=interrupt)
    assert table(tmp_path / "r")["n_test"].notna().sum() == 1
    assert len(computed(mini, tmp_path / "r")[0]) == 3


def test_runs_come_before_references(mini, tmp_path):
    kinds = []
    run_missing(
        plan_sweep(mini, tmp_path / "r"),
        Workers(0),
        on_progress=lambda spec, outcome: kinds.append(type(spec)),
    )
    assert kinds == [RunSpec] * 2 + [ReferenceSpec] * 4


FRAGILE = """
    import os, time
    from sklearn.linear_model import LogisticRegression

    class Fragile(LogisticRegression):
        def fit(self, X, y):
            if 50 < len(y) <= 100:  # the training part, and no trial
                {}
            return super().fit(X, y)
    """


@pytest.mark.parametrize(
    ("deed", "status", "timeout", "jobs"),
    [
        ("raise MemoryError('too many labels')", "failed", None, 0),
        ("os._exit(3)", "crashed", None, 1),
        pytest.param("time.sleep(600)", "failed", 1.0, 1, marks=pytest.mark.slow),
    ],
)
def test_a_ceiling_that_fails_is_not_known_and_fails_nothing(
    mini, tmp_path, monkeypatch, deed, status, timeout, jobs
):
    module = f"fragile_{status}_{timeout is None}"
    (tmp_path / f"{module}.py").write_text(textwrap.dedent(FRAGILE).format(deed))
    monkeypatch.syspath_prepend(tmp_path)
    overrides = [f'model.name="{module}:Fragile"', "seeds=1"]
    # First all the rest, so that the ceiling alone has to do with the timeout.
    run_sweep(mini, tmp_path / "r", jobs=0, overrides=[*overrides, "dataset.ceiling=false"])
    results = run_sweep(mini, tmp_path / "r", jobs=jobs, overrides=overrides, timeout=timeout)
    rows = table(results).set_index("reference")
    assert pd.isna(rows.loc["ceiling", "n_correct"])
    assert pd.isna(rows.loc["ceiling", "accuracy"])
    assert rows.loc["floor", "n_test"] == 50
    plan = plan_sweep(mini, results, overrides)
    (failure,) = plan.reference_failures.values()
    assert isinstance(failure, Failure)
    assert failure.status == status
    assert plan.failures == {}
    assert plan.missing_references() == []
    assert [spec.kind for spec in plan.missing_references(retry_failed=True)] == ["ceiling"]


def test_a_data_set_says_whether_it_has_a_ceiling(mini, tmp_path, monkeypatch):
    def kinds(*overrides):
        plan = plan_sweep(mini, tmp_path / "r", overrides)
        return {spec.kind for spec in plan.references.values()}

    assert kinds() == {"floor", "ceiling"}
    assert kinds("dataset.ceiling=false") == {"floor"}
    monkeypatch.setattr(of_sweep, "MOST_WITH_CEILING", 99)
    assert kinds() == {"floor"}
    assert kinds("dataset.test_size=51") == {"floor", "ceiling"}
    assert kinds("dataset.ceiling=true") == {"floor", "ceiling"}


def test_a_share_of_a_ceiling_that_is_not_computed_is_refused(mini, tmp_path):
    with pytest.raises(ExperimentError, match=r"targets: '90% of full' .* ceiling = false"):
        plan_sweep(mini, tmp_path / "r", ['targets=["90% of full"]', "dataset.ceiling=false"])


def test_a_status_tells_of_missing_references(mini, tmp_path):
    line = "4 references (floors and ceilings) are missing; a sweep computes them"
    assert line in list(describe(plan_sweep(mini, tmp_path / "r")))
    computed(mini, tmp_path / "r")
    assert line not in list(describe(plan_sweep(mini, tmp_path / "r")))
