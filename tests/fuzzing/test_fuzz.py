"""A share of the mutated input of `make fuzz`."""

from collections import Counter

import numpy as np
import pytest
from fuzzing.answers import answered
from fuzzing.cases import check
from fuzzing.files import BASES, experiment_of, prepared

SHARE = {
    "experiment": 40,
    "data": 60,
    "results": 20,
    "runs": 40,
    "names": 20,
    "changes": 40,
    "labels": 300,
}
TWICE = [1, pytest.param(2, marks=pytest.mark.slow)]


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    return prepared(tmp_path_factory.mktemp("fuzz") / "files")


@pytest.fixture(autouse=True)
def _there(files, monkeypatch):
    monkeypatch.chdir(files)


@pytest.mark.parametrize("base", BASES)
def test_what_is_mutated_is_right_before(base, files):
    file = files / "right.toml"
    file.write_text(experiment_of(base, np.random.default_rng(1)))
    code, output = answered("sweep", file, "--results", "none", "--dry-run")
    assert code == 0
    assert "random" in output


@pytest.mark.parametrize("times", TWICE)
@pytest.mark.parametrize("kind", SHARE)
def test_mutated_input_gives_a_right_answer_or_clear_lines(kind, times, files):
    n = times * SHARE[kind]
    codes = Counter(check(kind, number, files) for number in range(n))
    assert min(codes[0], codes[2]) > n // 10
