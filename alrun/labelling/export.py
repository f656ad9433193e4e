"""The export of a project: its labels, with who and when, and predictions for all other rows."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import sklearn

from alrun.errors import LabellingError
from alrun.labelling.formats.csv import escaped
from alrun.labelling.history import History
from alrun.labelling.learning import resumed
from alrun.labelling.opened import Data, OpenedProject, open_project
from alrun.util.process_state import seeded
from alrun.util.random_streams import generator

# The columns behind that of the id.
COLUMNS = (
    "label",
    "predicted",
    "probability",
    "annotators",
    "n_answers",
    "n_agreeing",
    "time",
    "batch",
    "rank",
    "audit",
)


def export(path: Path, on_message: Callable[[str], object] = lambda sentence: None) -> Any:
    """Return a table with a row for each row of the data, in the order of the file.

    `label` is empty where none came, and `predicted` where one did. Labels of the audit are among
    them, but the model is not fitted on these. Raises AlrunError where there is no label yet.
    """
    opened = open_project(path, on_message=on_message)
    if not opened.known.ids or opened.history.n_labels == 0:
        raise LabellingError(f"{path}: there is no label yet; see alrun next {path}")
    data = opened.data
    table = _answered(data, opened.history, opened.layout.id_column)
    predicted, probability = _predicted(opened, data)
    has_label = table["label"].notna()
    table.insert(2, "predicted", pd.Series(predicted).where(~has_label))
    table.insert(3, "probability", pd.Series(probability).where(~has_label))
    return table


def as_csv(table: Any) -> str:
    """Return an export as CSV that no spreadsheet computes."""
    texts = table.astype(object).where(table.notna(), "")
    escaped_texts = texts.map(lambda value: escaped(value) if isinstance(value, str) else value)
    return str(escaped_texts.to_csv(index=False, lineterminator="\n"))


def as_jsonl(table: Any) -> str:
    """Return an export as JSON lines, with null where there is nothing."""
    return str(table.to_json(orient="records", lines=True, force_ascii=False))


def as_parquet(table: Any) -> bytes:
    """Return an export as the content of a Parquet file."""
    return bytes(table.to_parquet(index=False))


def _answered(data: Data, history: History, column: str) -> Any:
    """Return the table without predictions."""
    taken = {
        answer.id: answer.time or delivery.taken
        for delivery in history.deliveries
        for answer in delivery.answers
    }
    rows = {
        id: (
            history.labels.get(id),
            "; ".join(filter(None, history.answers.get(id, ()))) or None,
            len(history.answers.get(id, ())),
            sum(a.label == history.labels[id] for a in history.answers.get(id, {}).values()),
            taken.get(id),
            batch.number,
            asked.rank,
            asked.is_audit,
        )
        for id, (batch, asked) in history.asked.items()
    }
    names = [name for name in COLUMNS if name not in ("predicted", "probability")]
    asked = pd.DataFrame.from_dict(rows, orient="index", columns=names, dtype=object)
    table = asked.reindex(data.rows.ids)
    table["label"] = table["label"].fillna(pd.Series(dict(history.given), dtype=object))
    table["n_answers"], table["n_agreeing"] = (
        table[name].fillna(0).astype("int64") for name in ("n_answers", "n_agreeing")
    )
    table = table.astype({"batch": "Int64", "rank": "Int64", "audit": "boolean"})
    return table.rename_axis(column).reset_index()


def _predicted(opened: OpenedProject, data: Data) -> tuple[Any, Any]:
    """Return the class that the model names for each row, or None, and its probability or NaN."""
    spec, nothing = data.spec, np.empty(0, dtype=np.int64)
    rng = generator(spec.seed, "export", spec.stream_key())
    with seeded(rng), sklearn.config_context(assume_finite=True):
        learner = resumed(data, opened.known, opened.history, nothing)
        predictions = learner.fit()
        rows = np.searchsorted(learner.rows, data.drawable)
        has_probabilities = predictions.classifier.has_probabilities
        p = predictions.probabilities_of(rows) if has_probabilities else None
        classes = predictions.classes_of(rows, p)
    predicted = np.full(len(data.rows.ids), None, dtype=object)
    predicted[data.drawable] = np.array(data.dataset.labels, dtype=object)[classes]
    probability = np.full(len(predicted), np.nan)
    if p is not None:
        probability[data.drawable] = p[np.arange(len(rows)), classes]
    return predicted, probability
