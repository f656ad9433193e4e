"""Labelling projects: a TOML file in the dialect of an experiment, validated."""

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import (
    BeforeValidator,
    Field,
    PrivateAttr,
    ValidationError,
    field_validator,
    model_validator,
)

from alrun.errors import AlrunError, ExperimentError
from alrun.experiment.datasets import ClassLabel, DatasetSettings
from alrun.experiment.names import check_names
from alrun.experiment.parts import Names, Positive, Section
from alrun.experiment.settings import (
    Experiment,
    InitialSettings,
    ModelSettings,
    RuleSettings,
    StrategySettings,
)
from alrun.experiment.toml import read_toml, sentences
from alrun.labelling.promise import completed, promise_of
from alrun.labelling.state import fixed_of
from alrun.util.user_code import forget

# Keys of a data set that a project cannot have, and why.
_NOT_FOR_LABELLING = {
    "per_seed": "a project labels one set of data",
    "splits": "every row is labelled or waits for it; name a labelled file with test",
    "test_size": "the test part is a file of its own; name it with test",
    "stratify": "the test part is a file of its own; name it with test",
    "subsample": "every row of the file waits for a label",
    "ceiling": "nobody knows all labels",
    "bins": "annotators name classes",
    "rare": "annotators name classes",
    "rare_below": "annotators name classes",
    "positive": "annotators name classes; list the two with classes",
}


class ProjectDataset(DatasetSettings):
    """The `[dataset]` table of a project; `id` is the column that identifies an example."""

    id: str | None = None

    @model_validator(mode="after")
    def _is_for_labelling(self) -> Self:
        for key, why in _NOT_FOR_LABELLING.items():
            if key in self.model_fields_set:
                raise ValueError(f"{key} does not go with labelling: {why}; leave it out")
        if self.id is not None and self.id in (self.target, self.text):
            raise ValueError(f"the column '{self.id}' is the id and something else too")
        return self


def _named(value: Any) -> Any:
    return {"name": value} if isinstance(value, str) else value


def _all_named(value: Any) -> Any:
    return [_named(entry) for entry in value] if isinstance(value, list) else value


class Project(Section):
    """A labelling project, its defaults filled in.

    Without `initial` and without labels in the file, a random batch comes first. Without `show`,
    annotators see the text, the image, or the features of a row.
    """

    strategy: Annotated[StrategySettings, BeforeValidator(_named)]
    batch_size: Positive = 10
    budget: Positive
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0
    classes: Annotated[list[ClassLabel], Field(min_length=2)] | None = None
    audit: Annotated[float, Field(ge=0, lt=1)] = 0.0
    stopping: Annotated[list[RuleSettings] | None, BeforeValidator(_all_named)] = None
    cost: Annotated[float, Field(gt=0)] = 1.0
    image: str | None = None
    show: Names | None = None
    dataset: ProjectDataset
    initial: InitialSettings | None = None
    model: ModelSettings = Field(default={}, validate_default=True)
    results: Annotated[str | None, Field(alias="from")] = None
    _promise: dict[str, Any] | None = PrivateAttr(None)

    @field_validator("classes")
    @classmethod
    def _distinct(cls, value: list[Any] | None) -> list[Any] | None:
        names = [str(name).strip() for name in value or ()]
        if len(set(names)) < len(names) or "" in names:
            raise ValueError("each class needs a name of its own, on which blanks do not count")
        return value

    @property
    def promise(self) -> dict[str, Any] | None:
        """What it takes over from a sweep: `settings`, and the `cell` of its runs; None if nothing.

        It is found once, and fixed from the first batch on.
        """
        return self._promise

    @property
    def listed(self) -> tuple[str, ...]:
        """The classes that the file lists, as texts."""
        return tuple(map(str, self.classes or ()))

    def experiment(self, initial: InitialSettings | None) -> Experiment:
        """Return the experiment whose only run queries what the project does."""
        return Experiment(
            strategies=[self.strategy.model_copy()],
            batch_sizes=[self.batch_size],
            seeds=[self.seed],
            budget=self.budget,
            dataset=[self._read_dataset()],
            initial=[] if initial is None else [initial.model_copy()],
            model=[self.model.model_copy()],
        )

    def _read_dataset(self) -> DatasetSettings:
        """Return the data set as it is read: the id and the image are no features."""
        dataset = self.dataset.model_copy()
        no_features = [name for name in (dataset.id, self.image) if name is not None]
        if no_features and dataset.text is None and dataset.columns is None:
            dataset.drop = list(dict.fromkeys([*(dataset.drop or ()), *no_features]))
        return dataset


def read_project(path: Path) -> Project:
    """Read and validate a project file.

    Raises ExperimentError with everything that is wrong, each as `file: key: what is wrong`.
    """
    content = read_toml(path)
    problems: list[str] = []
    project = promise = None
    if isinstance(content.get("from"), str):
        try:
            promise = _promise(path, content)
        except AlrunError as error:
            raise ExperimentError([f"{path}: {error}"]) from error
        content = completed(content, promise["settings"])
    try:
        project = Project.model_validate(content)
    except ValidationError as error:
        problems += sentences(content, error, Project)
    forget()
    problems += _problems_with_names(content, path.parent)
    if project is None or problems:
        raise ExperimentError([f"{path}: {problem}" for problem in problems])
    project._promise = promise
    return project


def is_project(path: Path) -> bool:
    """Return whether a path is that of a project file, and not of a results directory."""
    return path.suffix == ".toml"


def state_folder(path: Path) -> Path:
    """Return the directory of a project's state, beside its file."""
    return path.with_name(f"{path.stem}.labelling")


def _promise(path: Path, content: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a project takes over from a sweep: what it did at the first batch."""
    fixed = fixed_of(state_folder(path)).get("promise")
    if fixed is not None and fixed["from"] == content["from"]:
        return dict(fixed)
    return {"from": content["from"], **promise_of(path.parent / content["from"], content)}


def _problems_with_names(content: Mapping[str, Any], folder: Path) -> list[str]:
    """Return the problems with names and parameters, as an experiment has them."""
    known = {
        key: copy.deepcopy(content[key])
        for key in ("dataset", "model", "stopping")
        if key in content
    }
    if isinstance(known.get("dataset"), dict):
        known["dataset"].pop("id", None)
    if "strategy" in content:
        known["strategies"] = _named(content["strategy"])
    return [
        f"strategy{problem.removeprefix('strategies')}"
        if problem.startswith("strategies")
        else problem
        for problem in check_names(known, folder)
    ]
