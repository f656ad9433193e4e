"""The smallest experiment, with changes, written and read."""

import re

import pytest
import tomli_w

from alrun.errors import ExperimentError
from alrun.experiment.toml import read_experiment

LEAST = {"strategies": ["random"], "seeds": 2, "budget": 60, "dataset": {"name": "iris"}}


def text_of(**changes):
    content = LEAST | changes
    return tomli_w.dumps({key: value for key, value in content.items() if value is not None})


def read(path, *overrides, text=None, **changes):
    """Write the smallest experiment with changes, and read it; None leaves a key out."""
    path.write_text(text_of(**changes) if text is None else text, encoding="utf-8")
    return read_experiment(path, overrides, check=True)


def problems(path, *overrides, **changes):
    with pytest.raises(ExperimentError) as caught:
        read(path, *overrides, **changes)
    assert not any(re.search(r"[\r\n]", problem) for problem in caught.value.problems)
    return caught.value.problems


def problem(path, *overrides, **changes):
    (only,) = problems(path, *overrides, **changes)
    return only
