"""The key `read`, from the experiment file to the report."""

import hashlib

import numpy as np
import pandas as pd
import pytest
import tomli_w

import alrun
from alrun.errors import ExperimentError
from alrun.experiment.toml import read_experiment
from alrun.sweep.plan import plan_of, plan_sweep
from alrun.util.digest import digest

N = 80
rng = np.random.default_rng(3)
A, B = np.round(rng.normal(size=(2, N)), 3)
PLAIN = "\n".join(["a,b,target", *(f"{a},{b},{a + b > 0}" for a, b in zip(A, B, strict=True))])
GERMAN = PLAIN.replace(",", ";").replace(".", ",")
KEYS = {"sep": ";", "decimal": ","}


def experiment(folder, content=PLAIN, name="mine.csv", **dataset):
    (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    path = folder / "question.toml"
    path.write_text(
        tomli_w.dumps(
            {
                "strategies": ["random", "margin"],
                "batch_sizes": [5],
                "budget": 25,
                "seeds": 2,
                "targets": [0.8],
                "dataset": {"name": name, **dataset},
            }
        )
    )
    return path


def problems_of(path):
    with pytest.raises(ExperimentError) as caught:
        plan_sweep(path)
    return caught.value.problems


def test_a_file_with_decimal_commas_is_reported_as_the_same_file_with_points(tmp_path):
    tables = []
    for name, content, more in (("one", PLAIN, {}), ("other", GERMAN, {"read": KEYS})):
        folder = tmp_path / name
        folder.mkdir()
        path = experiment(folder, content, label="mine", **more)
        results = alrun.run_sweep(path, folder / "out", jobs=0)
        assert set(alrun.report(results).rows["strategy"]) == {"random", "margin"}
        tables.append(pd.read_parquet(results / "curves.parquet"))
        again = plan_of(results)  # the experiment that the results keep
        assert not again.missing()
        assert ("read" in (results / "experiment.toml").read_text()) == bool(more)
    assert len(tables[0]) == len(tables[1])
    assert not set(tables[0]["run_id"]) & set(tables[1]["run_id"])


def test_a_run_keeps_its_id_without_the_key_and_gets_another_with_it(tmp_path):
    usual = set(plan_sweep(experiment(tmp_path)).specs)
    assert set(plan_sweep(experiment(tmp_path, read={"header": True})).specs) == usual
    other = set(plan_sweep(experiment(tmp_path, read={"na_values": ["?"]})).specs)
    assert not usual & other
    # The fingerprint is the one from before there was the key.
    spec = next(iter(plan_sweep(experiment(tmp_path)).specs.values()))
    content = hashlib.sha256(PLAIN.encode()).hexdigest()
    assert spec.dataset.fingerprint == digest(["file", content, "target"])


def test_the_message_of_a_file_ends_with_the_key_that_mends_it(tmp_path):
    (problem,) = problems_of(experiment(tmp_path, GERMAN))
    assert problem.endswith('add read = { sep = ";", decimal = "," }')
    assert len(plan_sweep(experiment(tmp_path, GERMAN, read=KEYS)).specs) == 4


@pytest.mark.parametrize(
    ("read", "problem"),
    [
        ({"sep": ";;"}, "dataset.read.sep: should be the character between fields"),
        ({"decimal": "point"}, "dataset.read.decimal: should be one character"),
        ({"thousands": ""}, "dataset.read.thousands: should be one character"),
        ({"encoding": "klingon"}, "dataset.read.encoding: should be an encoding"),
        ({"encoding": "base64"}, "dataset.read.encoding: should be an encoding"),
        ({"na_values": "?"}, "dataset.read.na_values"),
        ({"header": "no"}, "dataset.read.header"),
        ({"sep": ",", "decimal": ","}, "dataset.read: sep, decimal and thousands must be"),
        ({"thousands": "."}, "dataset.read: sep, decimal and thousands must be"),
        ({"seperator": ";"}, "dataset.read.seperator"),
    ],
)
def test_a_wrong_key_of_read_is_named(tmp_path, read, problem):
    assert any(problem in line for line in problems_of(experiment(tmp_path, read=read)))


def test_read_is_for_csv(tmp_path):
    frame = pd.DataFrame({"a": A, "target": A > 0})
    frame.to_parquet(tmp_path / "mine.parquet")
    content = (tmp_path / "mine.parquet").read_bytes()
    path = experiment(tmp_path, content, "mine.parquet", read={"sep": ";"})
    assert any("read says how CSV is written" in line for line in problems_of(path))


def test_every_key_of_read_comes_back_from_the_saved_experiment(tmp_path):
    keys = {
        **KEYS,
        "thousands": ".",
        "encoding": "latin-1",
        "na_values": ["?"],
        "header": False,
        "categories": ["1"],
    }
    settings = read_experiment(experiment(tmp_path, read=keys)).dataset[0].read
    assert settings.keys().given() == keys
