"""The draft of an experiment: choices that suit the data, as valid and commented TOML."""

import tomllib
from pathlib import Path

import numpy as np
import pytest
from scipy import sparse

from alrun.data.dataset import Dataset
from alrun.data.inspection import Inspection
from alrun.errors import DatasetError
from alrun.experiment.draft import (
    Traits,
    batch_size,
    budget,
    draft,
    metric_of,
    seeds,
    start,
    strategies,
    to_toml_value,
    traits_of,
)
from alrun.experiment.toml import experiment_of
from alrun.stats import ALPHA, fewest_seeds, power_of


def traits(*sizes, n_features=5, is_sparse=False, rare=None):
    named = {f"class {place}": n for place, n in enumerate(sizes)}
    return Traits(named, n_features, ("standard", "why"), is_sparse, rare)


def dataset(y, X=None, **more):
    y = np.array(y)
    X = np.arange(2.0 * len(y)).reshape(-1, 2) - 3 if X is None else X
    return Dataset(X, y, tuple(f"c{code}" for code in range(y.max() + 1)), "f", **more)


@pytest.mark.parametrize(
    ("sizes", "metric"),
    [
        ((50, 50), "accuracy"),
        ((26, 74), "accuracy"),
        ((12, 88), "balanced_accuracy"),
        ((100,) * 9 + (20,), "balanced_accuracy"),
        ((100,) * 9 + (60,), "accuracy"),
    ],
)
def test_imbalanced_classes_are_read_on_balanced_accuracy(sizes, metric):
    assert metric_of(traits(*sizes))[0] == metric


@pytest.mark.parametrize(
    "made",
    [
        traits(3, 3),
        traits(40, 40),
        traits(*(3,) * 100),
        traits(*(15,) * 60),
        traits(900, 900),
        traits(5000, 5000),
        traits(400_000, 600_000),
    ],
)
def test_sizes_fit_the_data(made):
    n_start = start(made) * made.n_classes
    n_test = made.n_used - made.n_training
    assert n_test >= made.n_classes
    assert made.n_training > n_start
    assert 0 < made.n_training <= 20_000  # more have no ceiling, and the targets need it
    assert (budget(made) - n_start) % batch_size(made) == 0
    assert n_start < budget(made) <= max(made.n_training, n_start + batch_size(made))


def test_batches_grow_with_examples_and_classes():
    assert [batch_size(traits(n, n)) for n in (40, 500, 50_000)] == [5, 10, 20]
    assert batch_size(traits(*(30,) * 60)) == 15


def test_strategies_are_five_distinct_ones_with_random_first():
    kinds = [traits(40, 40), traits(9000, 9000), traits(40, 40, is_sparse=True)]
    kinds.append(traits(40, 40, n_features=3000))
    found = [strategies(kind)[0] for kind in kinds]
    assert all(names[:2] == ("random", "margin") and len(set(names)) == 5 for names in found)
    assert len({*found}) == 3
    assert "max_herding" not in found[1]  # it holds pairs, and there are many


@pytest.mark.parametrize(("saving", "power"), [(0.2, 0.8), (0.1, 0.9), (0.5, 0.5)])
def test_seeds_have_the_power_that_one_wants_and_are_the_fewest(saving, power):
    n = seeds(saving, power, 8)
    assert n >= fewest_seeds(8, "holm")
    assert power_of(n, saving, 0.4, ALPHA / 8) >= power
    if n > fewest_seeds(8, "holm"):
        assert power_of(n - 1, saving, 0.4, ALPHA / 8) < power


def test_small_classes_are_merged_or_else_dropped():
    many = [0] * 10 + [1] * 10
    assert traits_of(dataset(many)).rare is None
    merged = traits_of(dataset([*many, 2, 2, 3, 4]))
    assert (merged.rare, merged.class_sizes) == ("merge", {"c0": 10, "c1": 10, "other": 4})
    dropped = traits_of(dataset([*many, 2, 2]))
    assert (dropped.rare, dropped.class_sizes) == ("drop", {"c0": 10, "c1": 10})
    with pytest.raises(DatasetError, match="fewer than two classes"):
        traits_of(dataset([0] * 10 + [1, 1]))


def test_rows_without_a_role_do_not_count():
    made = dataset([0] * 5 + [1] * 5, drawable=np.arange(1, 10))
    assert traits_of(made).class_sizes == {"c0": 4, "c1": 5}


def test_the_scale_suits_the_features():
    y = [0] * 5 + [1] * 5
    pixels = np.arange(10 * 20).reshape(10, 20) % 17.0
    assert traits_of(dataset(y)).scale[0] == "standard"
    assert traits_of(dataset(y, pixels)).scale[0] == 16
    assert traits_of(dataset(y, pixels / 16)).scale[0] == "none"
    assert traits_of(dataset(y, pixels + 0.5)).scale[0] == "standard"
    assert traits_of(dataset(y, np.where(pixels == 3, np.nan, pixels))).scale[0] == 16
    words = sparse.csr_matrix(pixels)
    assert traits_of(dataset(y, words)).scale[0] == "none"
    assert traits_of(dataset(y, words, scale="tfidf")).scale[0] == "tfidf"


def test_a_draft_is_a_valid_experiment_with_the_keys_that_were_found():
    y = [0] * 40 + [1] * 40 + [2] * 2
    name = 'a "mean" fil\u00eb\\with\ttabs\x7f.csv'
    keys = {
        "target": "y",
        "drop": ["id", "a\nb"],
        "missing": "median",
        "read": {"sep": ";", "na_values": ["?"]},
    }
    found = Inspection(name, keys, {"drop": "a\nb: an id " + "word " * 60}, dataset(y))
    made = traits_of(found.dataset)
    text = draft(found, made, "results/mine", 0.3, 0.9)
    content = tomllib.loads(text)
    assert content["dataset"].items() >= {"name": name, **keys}.items()
    assert (content["dataset"]["rare"], content["dataset"]["rare_below"]) == ("drop", 3)
    experiment = experiment_of(content, Path("mine.toml"))
    assert experiment.seed_list == list(range(seeds(0.3, 0.9, 8)))
    assert experiment.budget == budget(made)
    comments = [line for line in text.splitlines() if line.startswith("#")]
    assert len(comments) > 10
    assert max(map(len, comments)) <= 100
    assert "\x7f" not in text
    assert "30 %" in text
    assert "90 %" in text


def test_large_data_are_drawn_from_for_each_seed():
    made = traits(30_000, 30_000)
    found = Inspection("big.npz", {}, {}, dataset([0] * 5 + [1] * 5))
    content = tomllib.loads(draft(found, made, "results/big"))
    assert (content["dataset"]["subsample"], content["dataset"]["test_size"]) == (20_000, 1000)


def test_values_are_written_on_one_line_as_toml_reads_them():
    value = {"odd key": [1, 0.5, True, 'say "hi"\n'], "b": {"c": "\U0001f600"}}
    line = to_toml_value(value)
    assert "\n" not in line
    assert tomllib.loads(f"x = {line}")["x"] == value
