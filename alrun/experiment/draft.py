"""The draft of a first experiment on some data, as commented TOML."""

import json
import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from textwrap import wrap
from typing import Any

import numpy as np
import tomli_w
from scipy import sparse

from alrun import stats
from alrun.data.dataset import Dataset
from alrun.data.inspection import Inspection
from alrun.errors import DatasetError, printable

_WIDTH = 100
TARGETS = ("80% between floor and full", "90% between floor and full")
# The standard deviation of paired differences in labels, as a share of random's mean labels: the
# median over the experiments of the gallery is 0.24 to 0.59.
SPREAD = 0.4
# A class with fewer examples cannot be in the test part, the initial set and the pool.
_FEWEST_OF_A_CLASS = 3
# More examples make first runs slow, and are too many for a ceiling.
_MOST_EXAMPLES, _LARGE_TEST = 20_000, 1000
_MANY_EXAMPLES, _MANY_FEATURES = 5000, 2000
_ROUNDS = 30
# Batch sizes by the most training examples that they are for.
_BATCH_SIZES = {150: 5, 3000: 10, _MOST_EXAMPLES: 20}
# Classes are imbalanced if the smallest has less than this share of its even part.
_EVEN = 0.5


@dataclass(frozen=True)
class Traits:
    """What a draft depends on: the data after rare classes are merged or dropped.

    Attributes
    ----------
    class_sizes
        The number of examples by class label.
    n_features
        The number of features, one-hot encoded categories included.
    scale
        The scale that suits the features, and why.
    is_sparse
        Whether the features are sparse.
    rare
        What becomes of classes that are too small: "merge", "drop", or None where there are none.
    """

    class_sizes: Mapping[str, int]
    n_features: int
    scale: tuple[str | float, str]
    is_sparse: bool
    rare: str | None = None

    def __str__(self) -> str:
        features = f"{self.n_features:,} feature{'' if self.n_features == 1 else 's'}"
        return f"{self.n_examples:,} examples, {features}, {self.n_classes} classes"

    @property
    def n_classes(self) -> int:
        """Number of classes."""
        return len(self.class_sizes)

    @property
    def n_examples(self) -> int:
        """Number of examples with a class."""
        return sum(self.class_sizes.values())

    @property
    def n_used(self) -> int:
        """Number of examples that each seed uses."""
        return min(self.n_examples, _MOST_EXAMPLES)

    @property
    def test_size(self) -> int | float:
        """The size of the test part: a share, or a count."""
        if self.n_used > 4 * _LARGE_TEST:
            return max(_LARGE_TEST, self.n_classes)
        return 0.25 if self.n_used >= 4 * self.n_classes else self.n_classes

    @property
    def n_training(self) -> int:
        """Number of examples for pool and initial set."""
        size = self.test_size
        return self.n_used - (size if isinstance(size, int) else int(size * self.n_used + 0.5))

    @property
    def is_imbalanced(self) -> bool:
        """Whether the smallest class has far less than an even share."""
        return min(self.class_sizes.values()) < _EVEN * self.n_examples / self.n_classes


def traits_of(dataset: Dataset) -> Traits:
    """Return the traits of a data set; raises DatasetError if fewer than two classes are usable."""
    codes = dataset.y if dataset.drawable is None else dataset.y[dataset.drawable]
    counts = np.bincount(codes, minlength=dataset.n_classes)
    sizes = {label: int(n) for label, n in zip(dataset.labels, counts, strict=True)}
    kept = {label: n for label, n in sizes.items() if n >= _FEWEST_OF_A_CLASS}
    rest, rare = sum(sizes.values()) - sum(kept.values()), None
    if len(kept) < len(sizes):
        rare = "merge" if rest >= _FEWEST_OF_A_CLASS and "other" not in kept else "drop"
    if rare == "merge":
        kept["other"] = rest
    if len(kept) < 2:
        raise DatasetError(
            f"fewer than two classes have {_FEWEST_OF_A_CLASS} examples, so that there is nothing"
            " to learn and to test; name another target, or collect more examples"
        )
    is_sparse = sparse.issparse(dataset.X)
    return Traits(kept, dataset.X.shape[1], _scale(dataset), is_sparse, rare)


def _scale(dataset: Dataset) -> tuple[str | float, str]:
    """Return the scale that suits the features, and why."""
    if sparse.issparse(dataset.X):
        if dataset.scale == "tfidf":
            return "tfidf", "Counts of words, weighted by how rare the words are."
        return "none", "The features are sparse, and stay so."
    low, high = float(np.nanmin(dataset.X)), float(np.nanmax(dataset.X))
    if low >= 0 and high <= 1:
        return "none", "All features lie between 0 and 1."
    is_whole = bool((np.nan_to_num(dataset.X) % 1 == 0).all())
    if low == 0 and is_whole and dataset.X.shape[1] > 15 and high in (15, 16, 255):
        return high, f"Whole numbers from 0 to {high:g}, as of pixels, divided to lie in 0 ... 1."
    return "standard", "Features of different units, each standardised on pool and initial set."


def draft(
    found: Inspection, traits: Traits, results: str, saving: float = 0.2, power: float = 0.8
) -> str:
    """Return an experiment on inspected data as TOML, with a comment on each choice.

    `results` names the experiment's results directory in the comments. The seeds are those that
    see a `saving` against random with this `power`, if savings vary as in the gallery.
    """
    n_start = start(traits)
    n_batch, n_budget = batch_size(traits), budget(traits)
    names, why = strategies(traits)
    n_tests = len(TARGETS) * (len(names) - 1)
    metric, why_metric = metric_of(traits)
    lines = [
        *_comment(_described(found, traits)),
        "",
        *_comment(f"Random labelling, margin, and {why}."),
        f"strategies  = {to_toml_value(list(names))}",
        *_comment("Labels per round, and in all with the initial ones."),
        f"batch_sizes = {to_toml_value([n_batch])}",
        f"budget      = {n_budget}",
        *_comment(
            f"A saving of {100 * saving:g} % is seen with a chance of {100 * power:g} % in a family"
            f" of {n_tests} tests, if savings vary from seed to seed as in other experiments (by"
            f" {SPREAD:g} of random's labels). After the first sweep, alrun sample-size"
            f" {shlex.quote(results)} says how many it takes here."
        ),
        f"seeds       = {seeds(saving, power, n_tests)}",
        *_comment(why_metric),
        f'metric      = "{metric}"',
        *_comment(
            "Between always the most frequent class (floor) and all training labels (full). Targets"
            " are not run: change them at any time."
        ),
        f"targets     = {to_toml_value(list(TARGETS))}",
        "",
        "[dataset]",
        *_dataset_lines(found, traits),
        "",
        *_comment("Labels before the first query."),
        "[initial]",
        f"per_class = {n_start}",
        "",
        *_comment('Or a classifier of scikit-learn, such as "sklearn.svm.SVC".'),
        "[model]",
        'name = "logistic"',
        "C    = 1.0",
    ]
    return "\n".join(lines) + "\n"


def _described(found: Inspection, traits: Traits) -> str:
    """Return a sentence on the data."""
    sizes = sorted(traits.class_sizes.items(), key=lambda entry: -entry[1])
    shown = ", ".join(f"{label} ({n:,})" for label, n in sizes[:5])
    more = f" and {len(sizes) - 5} more" if len(sizes) > 5 else ""
    return f"{found.name}: {traits}: {shown}{more}."


def metric_of(traits: Traits) -> tuple[str, str]:
    """Return the score that targets are read on, and why."""
    if not traits.is_imbalanced:
        return "accuracy", "The share of the test part that is right; see alrun list metrics."
    largest = max(traits.class_sizes.values()) / traits.n_examples
    return "balanced_accuracy", (
        f"The classes are imbalanced: always naming the largest is right for {100 * largest:.0f} %."
        " Balanced accuracy is the mean over the classes of the share that is right."
    )


def strategies(traits: Traits) -> tuple[tuple[str, ...], str]:
    """Return the strategies to compare, random first, and what the last three are."""
    if traits.is_sparse or traits.n_features > _MANY_FEATURES:
        more = ("least_confidence", "power_margin", "falcun")
        why = "three that look at probabilities alone, since there are many features"
    elif traits.n_used > _MANY_EXAMPLES:
        more = ("power_margin", "falcun", "cluster_margin")
        why = "three that are quick and spread a batch, since there are many examples"
    else:
        more = ("typiclust", "max_herding", "falcun")
        why = "three that do well with few examples"
    return ("random", "margin", *more), why


def start(traits: Traits) -> int:
    """Return the number of initial labels per class."""
    return 2 if 8 * traits.n_classes <= traits.n_training else 1


def batch_size(traits: Traits) -> int:
    """Return the number of labels per round: more for more examples or classes."""
    by_size = next(size for most, size in _BATCH_SIZES.items() if traits.n_training <= most)
    return max(by_size, 5 * round(traits.n_classes / 20))


def budget(traits: Traits) -> int:
    """Return the number of labels in all: some rounds, but at most two thirds of the training part.

    There is at least one round, which the pool may cut short.
    """
    first, batch = start(traits) * traits.n_classes, batch_size(traits)
    rounds = min(_ROUNDS, (2 * traits.n_training // 3 - first) // batch)
    return first + max(rounds, 1) * batch


def seeds(saving: float, power: float, n_tests: int) -> int:
    """Return the number of seeds that see a saving with this power, if savings vary by SPREAD.

    `saving` and `power` are shares between 0 and 1. It is at least the fewest that can be
    significant in a family of `n_tests`.
    """
    enough = stats.seeds_for(saving, SPREAD, power, stats.ALPHA / n_tests)
    return max(enough or stats.MOST_SEEDS, stats.fewest_seeds(n_tests, "holm"))


def _dataset_lines(found: Inspection, traits: Traits) -> Iterator[str]:
    """Yield the lines of the table `[dataset]`."""
    scale, why = traits.scale
    keys: dict[str, tuple[Any, str]] = {"name": (found.name, "")}
    if (label := PurePosixPath(found.name).name) != found.name.rstrip("/"):
        keys["label"] = (printable(label), "Its name in reports.")
    keys |= {key: (value, found.reasons.get(key, "")) for key, value in found.keys.items()}
    keys["scale"] = (int(scale) if isinstance(scale, float) else scale, why)
    keys["test_size"] = (traits.test_size, "A share of the examples, or a count.")
    if traits.n_used < traits.n_examples:
        why = f"Each seed draws so many of the {traits.n_examples:,} examples."
        keys["subsample"] = (traits.n_used, why)
    if traits.rare is not None:
        what = "become one" if traits.rare == "merge" else "are left out"
        why = f"Classes with fewer than {_FEWEST_OF_A_CLASS} examples {what}."
        keys |= {"rare": (traits.rare, why), "rare_below": (_FEWEST_OF_A_CLASS, "")}
    width = max(map(len, keys))
    for key, (value, why) in keys.items():
        yield from _comment(why)
        yield f"{key:{width}} = {to_toml_value(value)}"


def _comment(text: str) -> Iterator[str]:
    """Yield a text as lines of comments, none of them longer than 100 characters."""
    for line in wrap(printable(text), _WIDTH - 2, break_long_words=False, break_on_hyphens=False):
        yield f"# {line}"


def to_toml_value(value: Any) -> str:
    """Return plain data as TOML on one line.

    >>> to_toml_value({"sep": ";", "na_values": ["?"]})
    '{ sep = ";", na_values = ["?"] }'
    """
    if isinstance(value, Mapping):
        pairs = (f"{_toml_key(key)} = {to_toml_value(entry)}" for key, entry in value.items())
        return f"{{ {', '.join(pairs)} }}"
    if isinstance(value, list):
        return f"[{', '.join(map(to_toml_value, value))}]"
    if isinstance(value, str):
        return tomli_w.dumps({"x": value}).removeprefix("x = ").removesuffix("\n")
    return json.dumps(value)


def _toml_key(key: str) -> str:
    return key if re.fullmatch(r"[A-Za-z0-9_-]+", key) else to_toml_value(key)
