"""Labelling projects on small data with known labels, and an annotator who knows them."""

import numpy as np
import pandas as pd

from alrun.labelling.next_batch import next_batch
from alrun.labelling.records import Answer
from alrun.labelling.take import Source, take

CLASSES = ["ant", "bee", "cat"]
PROJECT = """
strategy   = "{strategy}"
batch_size = 6
budget     = 24
seed       = {seed}
{more}

[dataset]
name = "mine.csv"
id   = "key"
target = "kind"
test = "held-out.csv"

[initial]
{initial}
"""


def table(n, seed=0, start=0):
    """Return n rows of three overlapping classes, with the ids k<start> and so on."""
    rng = np.random.default_rng(seed)
    y = rng.integers(3, size=n)
    X = rng.normal(size=(n, 4)).round(3) + y[:, None] * [1.5, 0, -1, 0]
    frame = pd.DataFrame(X, columns=list("abcd")).round(3)
    frame.insert(0, "key", [f"k{row}" for row in range(start, start + n)])
    frame["kind"] = [CLASSES[code] for code in y]
    return frame


def project(folder, strategy="margin", seed=0, initial="per_class = 2", more="", frame=None):
    """Write a project on 90 rows with labels and 30 to test on; return its path and the truth."""
    frame = table(90) if frame is None else frame
    frame.to_csv(folder / "mine.csv", index=False)
    table(30, 1, start=1000).to_csv(folder / "held-out.csv", index=False)
    path = folder / "mine.toml"
    text = PROJECT.format(strategy=strategy, seed=seed, initial=initial, more=more)
    path.write_text(text)
    return path, dict(zip(frame["key"], frame["kind"], strict=True))


def answered(tasks, truth, annotator="", **more):
    """Return the right answers to tasks."""
    return [Answer(task.id, truth[task.id], annotator, **more) for task in tasks]


def give(path, answers, name="answers"):
    """Take answers as those of a page."""
    return take(path, answers, Source(name, str(hash(tuple(answers)))))


def label_all(path, truth):
    """Label until the project ends; return the ids of each batch."""
    batches = []
    while tasks := next_batch(path).tasks:
        batches.append([task.id for task in tasks])
        give(path, answered(tasks, truth))
    return batches
