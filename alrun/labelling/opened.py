"""An opened project: its state, and its data in the order in which they became known."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from alrun.arrays import IntArray
from alrun.data.classes import NO_CLASS
from alrun.data.dataset import Dataset
from alrun.data.features import select
from alrun.errors import DatasetError, LabellingError, nearest, quoted
from alrun.experiment.settings import InitialSettings
from alrun.labelling.classes import alike_class
from alrun.labelling.history import History, read_history
from alrun.labelling.phrasing import counted
from alrun.labelling.project import Project, read_project, state_folder
from alrun.labelling.records import Layout, Task
from alrun.labelling.rows import Rows, read_rows, rows_of_dataset, version_of
from alrun.labelling.state import Batch, KnownRows, State
from alrun.spec import RunSpec
from alrun.spec_parts import InitialSpec
from alrun.sweep.grid import expand
from alrun.sweep.load_data import load_all
from alrun.util.digest import digest

_NEEDS_LABELS = ("per_class", "stratified")
# Ids that a message names.
_MOST_NAMED = 5
# What may not change after the first batch, and how a message calls it.
_FIXED = ("seed", "id", "target", "text")


@dataclass(frozen=True)
class Data:
    """The data of a project, row by row in the order in which they became known.

    Attributes
    ----------
    dataset
        Features and class codes; a test part has the last rows.
    rows
        The rows without the test part.
    spec
        The run of a sweep whose queries the project repeats.
    """

    dataset: Dataset
    rows: Rows
    spec: RunSpec

    @property
    def drawable(self) -> IntArray:
        """The rows that can be asked for: all but those left out for a missing value."""
        n = len(self.rows.ids)
        rows = np.arange(n) if self.dataset.drawable is None else self.dataset.drawable
        return rows[rows < n]


class OpenedProject:
    """A project with its state, which is read while the lock of the project is held.

    Raises AlrunError where the project file or a file of the state is wrong.
    """

    def __init__(
        self,
        path: Path,
        project: Project | None = None,
        on_message: Callable[[str], object] = lambda sentence: None,
    ) -> None:
        self.path = path
        self.project = project or read_project(path)
        self.state = State(state_folder(path))
        self._on_message = on_message
        self._hashed: tuple[object, str | None] = (None, None)

    @property
    def source(self) -> Path:
        """The path of the data."""
        return self.path.parent / self.project.dataset.name

    def source_hash(self) -> str | None:
        """Return the SHA-256 of the data file, computed anew if it was written since."""
        now = version_of(self.source)
        if now is None or now != self._hashed[0]:
            self._hashed = (now, file_hash(self.source))
        return self._hashed[1]

    @cached_property
    def known(self) -> KnownRows:
        """The rows that the project knows; without any there is no batch yet."""
        known = self.state.rows()
        if known.fixed:
            self._check_fixed(known.fixed)
        elif self.state.names["batch"] or self.state.names["labels"]:
            name = self.state.folder / "data-1.parquet"
            raise LabellingError(f"{name} is gone; restore it from a backup")
        return known

    @cached_property
    def history(self) -> History:
        """What was asked and heard so far."""
        known = self.known
        pairs = zip(known.ids, known.labels, strict=True)
        given = {id: label for id, label in pairs if label is not None}
        return read_history(self.state, given)

    def changed(self) -> None:
        """Read the state anew: a file has been added."""
        for name in ("known", "history"):
            self.__dict__.pop(name, None)

    def read_again(self) -> None:
        """Read the state now, while its lock is held; what comes later is not seen."""
        self.changed()
        self.history  # noqa: B018  # it reads the rows too

    def is_outdated(self) -> bool:
        """Return whether rows or a batch have come since the state was read; hold its lock."""
        names = self.state.names
        read = len(self.known.sizes), len(self.history.batches)
        return (len(names["data"]), len(names["batch"])) != read

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes by code: those of the first batch, then those listed since."""
        fixed = tuple(self.known.fixed["classes"])
        return (*fixed, *(name for name in self.project.listed if name not in fixed))

    @property
    def layout(self) -> Layout:
        """What the tasks hold, with the classes in the order of the project file."""
        listed = self.project.listed
        rest = (name for name in self.classes if name not in listed)
        settings = self.project.dataset
        text = None if self.project.image is not None else settings.text
        if self.project.show is not None and text not in self.project.show:
            text = None
        return Layout(settings.id or "row", text, self.project.image, (*listed, *rest))

    def tasks(self, batches: Sequence[Batch]) -> list[Task]:
        """Return the tasks of batches, by batch and rank; reads the table unless the data are read.

        Raises LabellingError if an example was changed or is gone.
        """
        rows = self.data.rows if "data" in self.__dict__ else self._read_rows()
        return [task for batch in batches for task in _tasks(batch, rows)]

    def _read_rows(self) -> Rows:
        """Return the rows of the data file in its order, checked against those that are known."""
        rows = read_rows(self.path, self.project)
        if rows is None:
            return self.data.rows
        _place_known(self.path, rows, self.known)
        return rows

    @cached_property
    def data(self) -> Data:
        """The data; raises AlrunError if rows that are known were changed or are gone."""
        listed = self.project.listed
        settings = self._initial_settings()
        experiment = self.project.experiment(settings)
        source = self.path.parent / self.project.dataset.name
        before = file_hash(source)
        rows = read_rows(self.path, self.project)
        loaded = load_all(self.path, experiment, self._on_message, classes=listed)
        (dataset,) = loaded.values()
        if file_hash(source) != before:
            raise DatasetError(f"{source} changed while it was read; start again when it is whole")
        assert isinstance(dataset, Dataset)  # nothing is drawn anew for each seed
        rows = rows or rows_of_dataset(dataset)
        if dataset.test is None:
            dataset = replace(dataset, test=np.empty(0, dtype=np.int64))
        spec = next(
            expand(experiment, {str(experiment.dataset[0].label): dataset}, self.path.parent)
        )
        if not self.known.ids:
            return Data(dataset, rows, _begun(self.path, self.project, dataset, rows, spec))
        return self._in_known_order(dataset, rows, spec)

    def _initial_settings(self) -> InitialSettings | None:
        """Return the rule of the initial set; a random batch where none is given."""
        if self.project.initial is not None and not self.state.names["batch"]:
            return self.project.initial
        return InitialSettings(size=1, method="random")

    def _in_known_order(self, dataset: Dataset, rows: Rows, spec: RunSpec) -> Data:
        """Return the data in the order of the known rows, with the new ones behind them."""
        places = _place_known(self.path, rows, self.known)
        n, fixed = len(rows.ids), self.known.fixed
        is_new = np.ones(n, dtype=bool)
        is_new[places] = False
        order = np.concatenate([places, np.flatnonzero(is_new), np.arange(n, dataset.n_examples)])
        dataset = _with_classes(_in_order(dataset, order), self.classes)
        rows = rows.in_order(order[:n])
        _check_labels(self.path, dataset, rows, self.known)
        _check_test(self.path, self.project, fixed)
        part = replace(spec.dataset, fingerprint=fixed["fingerprint"], test_size=fixed["test_size"])
        spec = replace(spec, dataset=part, initial=InitialSpec(**fixed["initial"]))
        return Data(dataset, rows, spec)

    def fixed_now(self, data: Data) -> dict[str, Any]:
        """Return what is fixed from the first batch on."""
        settings = self.project.dataset
        return {
            "seed": self.project.seed,
            "id": settings.id,
            "target": settings.target,
            "text": settings.text,
            "classes": list(data.dataset.labels),
            "fingerprint": data.spec.dataset.fingerprint,
            "test_size": data.spec.dataset.test_size,
            "test": _test_hash(self.path, self.project),
            "initial": asdict(data.spec.initial),
            "promise": self.project.promise,
        }

    def _check_fixed(self, fixed: Any) -> None:
        """Raise LabellingError if the project file changes what is fixed."""
        settings = self.project.dataset
        now = {
            "seed": self.project.seed,
            "id": settings.id,
            "target": settings.target,
            "text": settings.text,
        }
        for key in _FIXED:
            if now[key] != fixed[key]:
                name = key if key == "seed" else f"dataset.{key}"
                raise LabellingError(
                    f"{self.path}: {name} was {quoted(fixed[key])} at the first batch, and is"
                    f" {quoted(now[key])}; put it back, or begin a new project under another name"
                )


def open_project(
    path: Path,
    project: Project | None = None,
    on_message: Callable[[str], object] = lambda sentence: None,
) -> OpenedProject:
    """Return a project with its state as it is now; the lock is held while it is read."""
    opened = OpenedProject(path, project, on_message)
    with opened.state.locked():
        opened.read_again()
    return opened


def given_labels(dataset: Dataset, rows: Rows) -> list[str | None]:
    """Return the labels that rows have in the file, or None; none if every row has one.

    A project on labelled data is a rehearsal: its labels are asked for all the same.
    """
    codes = dataset.y[: len(rows.ids)]
    if (codes != NO_CLASS).all():
        return [None] * len(codes)
    labels = (*dataset.labels, None)
    return [labels[code] for code in codes.tolist()]


def file_hash(path: Path) -> str | None:
    """Return the SHA-256 of a file; None if it is none."""
    if not path.is_file():
        return None
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _begun(path: Path, project: Project, dataset: Dataset, rows: Rows, spec: RunSpec) -> RunSpec:
    """Return the run of a project without a batch; raises LabellingError if it cannot start."""
    _check_classes(path, dataset, project.listed)
    given = [row for row, label in enumerate(given_labels(dataset, rows)) if label is not None]
    if given:
        if project.initial is not None:
            raise LabellingError(
                f"{path}: initial: the file has {counted(len(given), 'label')} already, from which"
                " the project starts; leave [initial] out"
            )
        return replace(spec, initial=InitialSpec("file", len(given), rows=digest(given)))
    has_labels = bool((dataset.y[: len(rows.ids)] != NO_CLASS).any())
    if spec.initial.method in _NEEDS_LABELS and not has_labels:
        raise LabellingError(
            f"{path}: initial: {spec.initial.method} needs rows with labels, and there are none;"
            ' write size = 40 and method = "kmeans" or "random"'
        )
    if project.initial is None:
        size = min(project.batch_size, len(rows.ids), project.budget)
        return replace(spec, initial=InitialSpec("random", size))
    return spec


def _check_classes(path: Path, dataset: Dataset, listed: tuple[str, ...]) -> None:
    """Raise LabellingError if the file writes a class in another way than the project lists it."""
    for name in dataset.labels:
        alike = None if name in listed else alike_class(name, listed)
        if alike is not None:
            raise LabellingError(
                f"{path}: classes: a row of the data has the label {quoted(name)}, and the class is"
                f" {quoted(alike)}; write both in the same way"
            )


def _tasks(batch: Batch, rows: Rows) -> list[Task]:
    places = rows.places([example.id for example in batch.examples])
    shown = rows.shown(places).to_dict("records")
    return [
        Task(
            example.id,
            batch.number,
            example.rank,
            {str(name): value for name, value in fields.items()},
            # A suggestion would sway the answer, and an audit must not depend on the model.
            None if example.is_audit else example.suggestion,
            None if example.is_audit else example.confidence,
        )
        for example, fields in zip(batch.examples, shown, strict=True)
    ]


def _place_known(path: Path, rows: Rows, known: KnownRows) -> IntArray:
    """Return the row of each known id; raises LabellingError if one is gone or was changed."""
    places: IntArray = rows.places(known.ids)
    gone = np.flatnonzero(places < 0)
    if len(gone):
        _refuse(path, known, gone, "is gone from the data", "are gone from the data")
    changed = np.flatnonzero(rows.hashes[places] != known.hashes)
    if len(changed):
        _refuse(path, known, changed, "was changed in the data", "were changed in the data")
    return places


def _refuse(path: Path, known: KnownRows, places: IntArray, one: str, several: str) -> None:
    named = ", ".join(quoted(known.ids[place]) for place in places[:_MOST_NAMED].tolist())
    more = f" and {len(places) - _MOST_NAMED:,} more" if len(places) > _MOST_NAMED else ""
    what = f"the row {named} {one}" if len(places) == 1 else f"the rows {named}{more} {several}"
    raise LabellingError(
        f"{path}: {what} since the first batch; put the file back as it was: rows may only be added"
    )


def _in_order(dataset: Dataset, order: IntArray) -> Dataset:
    """Return a data set with its rows in another order."""
    if np.array_equal(order, np.arange(len(order))):
        return dataset
    new_place = np.empty(len(order), dtype=np.int64)
    new_place[order] = np.arange(len(order))
    drawable = None if dataset.drawable is None else np.sort(new_place[dataset.drawable])
    return replace(dataset, X=select(dataset.X, order), y=dataset.y[order], drawable=drawable)


def _with_classes(dataset: Dataset, classes: tuple[str, ...]) -> Dataset:
    """Return a data set whose classes have the codes of the project; raises DatasetError."""
    for name in dataset.labels:
        if name not in classes:
            raise DatasetError(
                f"a row has the label '{name}', which is no class{nearest(name, classes)}; add it"
                " to classes"
            )
    codes = np.array([*map(classes.index, dataset.labels), NO_CLASS], dtype=np.int64)
    return replace(dataset, y=codes[dataset.y], classes=classes)


def _check_labels(path: Path, dataset: Dataset, rows: Rows, known: KnownRows) -> None:
    """Raise LabellingError if the file has another label than at first; none counts any more."""
    if all(label is None for label in known.labels):
        return
    labels = given_labels(dataset, rows)
    for place, (now, before) in enumerate(zip(labels, known.labels, strict=False)):
        if now != before:
            raise LabellingError(
                f"{path}: the row {quoted(known.ids[place])} had the label {quoted(before)} in the"
                f" data at first, and has {quoted(now)}; put it back, and give new labels to alrun"
                " label"
            )


def _check_test(path: Path, project: Project, fixed: Any) -> None:
    if _test_hash(path, project) != fixed["test"]:
        raise LabellingError(
            f"{path}: dataset.test: the test part was changed since the first batch, so that scores"
            " cannot be compared; put it back"
        )


def _test_hash(path: Path, project: Project) -> str | None:
    test = project.dataset.test
    return None if test is None else file_hash(path.parent / test)
