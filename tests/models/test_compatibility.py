"""What a model cannot do for a data set is one line before anything is run."""

import operator

import numpy as np
import pytest
import tomli_w
from scipy import sparse
from sklearn.datasets import dump_svmlight_file
from sklearn.utils import all_estimators

from alrun.data.dataset import Dataset
from alrun.errors import ExperimentError
from alrun.models.build import resolve
from alrun.models.compatibility import incompatibilities
from alrun.spec import RunSpec
from alrun.spec_parts import PIPELINE, DatasetSpec, InitialSpec, ModelSpec, StrategySpec
from alrun.sweep.plan import plan_sweep

BAYES, SVM = "sklearn.naive_bayes.GaussianNB", "sklearn.svm.LinearSVC"
COUNTS = "sklearn.naive_bayes.MultinomialNB"
SCALER, RANGE = "sklearn.preprocessing.StandardScaler", "sklearn.preprocessing.MinMaxScaler"
LARGEST, DENSE = "sklearn.preprocessing.MaxAbsScaler", "sklearn.decomposition.TruncatedSVD"
SPARSE, MANY, NEGATIVE = "sparse features", "more than two classes", "features below zero"


def data(is_sparse=False, n_classes=2, low=0.0):
    rng = np.random.default_rng(0)
    y = np.arange(60) % n_classes
    X = np.maximum(rng.normal(size=(60, 5)) + y[:, None], low)
    labels = tuple(f"class {code}" for code in range(n_classes))
    return Dataset(sparse.csr_matrix(X) if is_sparse else X, y, labels, "some")


def said(model, dataset, scale="none", ask=operator.call, **parameters):
    """Return what is said of a model, a name or the names of a pipeline's steps."""
    name = model
    if isinstance(model, tuple):
        name = PIPELINE
        parameters = {"steps": [{"name": step, "parameters": {}} for step in model]}
    spec = RunSpec(
        DatasetSpec("mine", "mine", "some", scale, 20),
        InitialSpec("per_class", 2),
        ModelSpec("the model", name, resolve(name, parameters)),
        StrategySpec("random", "random", {}, 1),
        batch_size=5,
        budget=20,
        seed=0,
    )
    return list(incompatibilities("model", spec, dataset, ask))


@pytest.mark.parametrize(
    ("model", "dataset", "refused"),
    [
        (BAYES, data(is_sparse=True), SPARSE),
        (SVM, data(is_sparse=True), None),
        ("logistic", data(is_sparse=True, n_classes=3, low=-9.0), None),
        ((SCALER, SVM), data(is_sparse=True), SPARSE),
        ((LARGEST, SVM), data(is_sparse=True), None),
        ((LARGEST, BAYES), data(is_sparse=True), SPARSE),
        ((DENSE, BAYES), data(is_sparse=True), None),  # which scikit-learn's tags deny
        (BAYES, data(), None),
        (COUNTS, data(low=-9.0), NEGATIVE),
        (COUNTS, data(), None),
        ((LARGEST, COUNTS), data(low=-9.0), NEGATIVE),  # which they do not on_message
        ((RANGE, COUNTS), data(low=-9.0), None),
    ],
)
def test_what_a_model_does_not_take_is_said(model, dataset, refused):
    lines = said(model, dataset)
    assert len(lines) == (refused is not None)
    if refused:
        assert lines[0].startswith(f"model: mine has {refused}, which the model does not take; ")


@pytest.mark.parametrize(
    ("scale", "low", "is_refused"),
    [("standard", 0.0, True), ("minmax", -9.0, False), (2.0, -9.0, True), (2.0, 0.0, False)],
)
def test_what_is_below_zero_depends_on_the_scale(scale, low, is_refused):
    assert bool(said(COUNTS, data(low=low), scale)) == is_refused


def is_fitted(kind, dataset):
    try:
        kind().fit(dataset.X, dataset.y)
    except (TypeError, ValueError):
        return False
    return True


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("dataset", [data(is_sparse=True), data(low=-9.0), data(n_classes=3)])
def test_scikit_learns_models_are_refused_where_they_fail(dataset):
    """Their tags are trusted: here each is fitted."""
    tried = 0
    for label, kind in all_estimators(type_filter="classifier"):
        if any(slow in label for slow in ("Boosting", "Forest", "CV", "MLP", "Trees")):
            continue
        if not is_fitted(kind, data()):  # it has parameters without a default
            continue
        lines = said(f"{kind.__module__}.{label}", dataset)
        assert len(lines) == (not is_fitted(kind, dataset)), label
        tried += 1
    assert tried > 20


OWN = """
import numpy as np

class Own:
    def fit(self, X, y):
        if hasattr(X, "tocsr") or len(set(y)) > 2 or X.min() < 0:
            raise ValueError("no")
        self.classes_ = np.unique(y)
    def predict(self, X):
        return np.full(X.shape[0], self.classes_[0])

class Everything(Own):
    def fit(self, X, y):
        self.classes_ = np.unique(y)

class WithoutClasses(Own):
    def fit(self, X, y):
        pass
    def predict(self, X):
        return np.zeros(X.shape[0], dtype=int)

class Descending(Everything):
    def fit(self, X, y):
        self.classes_ = np.unique(y)[::-1]

class Scores(Everything):
    def predict(self, X):
        return X[:, 0] + 0.5

class Columns(Everything):
    def predict(self, X):
        return np.zeros((X.shape[0], 1), dtype=int)

class NoThird(Everything):
    def predict(self, X):
        return np.full(X.shape[0], 0 if len(self.classes_) < 3 else 7)

class Fails(Own):
    def fit(self, X, y):
        raise ValueError("not with these")
"""


@pytest.fixture
def own(tmp_path, monkeypatch):
    (tmp_path / "own_refusals.py").write_text(OWN)
    monkeypatch.syspath_prepend(tmp_path)
    return "own_refusals:{}".format


@pytest.mark.parametrize("dataset", [data(is_sparse=True), data(n_classes=3), data(low=-9.0)])
def test_a_model_that_says_nothing_of_itself_is_tried(own, dataset):
    assert len(said(own("Own"), dataset)) == 1
    assert said(own("Everything"), dataset) == []


def test_all_that_a_model_does_not_take_is_said(own):
    lines = said(own("Own"), data(is_sparse=True, n_classes=3, low=-9.0))
    for line, trait in zip(lines, (SPARSE, MANY, NEGATIVE), strict=True):
        assert f"mine has {trait}" in line


def test_nothing_is_said_of_a_model_that_fails_on_the_examples_anyhow(own):
    assert said(own("Fails"), data(is_sparse=True)) == []


def test_of_a_model_that_gives_no_answer_nothing_is_said_and_it_is_asked_once(own):
    asked = []
    dataset = data(is_sparse=True, n_classes=3)
    assert said(own("Own"), dataset, ask=lambda *question: asked.append(question)) == []
    assert len(asked) == 1


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("WithoutClasses", "WithoutClasses must keep the classes"),
        ("Descending", "Descending must keep the classes"),
        ("Scores", "Scores predicted something else than a class for each row"),
        ("Columns", "Columns predicted something else than a class for each row"),
        ("NoThird", "NoThird predicted something else than a class for each row"),
    ],
)
def test_a_model_of_ones_own_that_is_no_classifier_is_refused(own, name, expected):
    (line,) = said(own(name), data(n_classes=3))
    assert line.startswith(f"model: {expected}")


# Before the sweep


def written(path, **changes):
    content = {"strategies": ["random"], "seeds": 1, "budget": 30, "dataset": {"name": "iris"}}
    path.write_text(tomli_w.dumps(content | changes))
    return path


def test_every_model_and_data_set_is_held_against_each_other(tmp_path):
    X, y = data(n_classes=2).X, data(n_classes=2).y
    dump_svmlight_file(X, y, str(tmp_path / "some.svmlight"))
    path = written(
        tmp_path / "question.toml",
        dataset=[{"name": "some.svmlight", "test_size": 20}, {"name": "iris", "scale": "standard"}],
        model=[{"name": SVM}, {"name": COUNTS}, {"steps": [SCALER, SVM]}],
    )
    with pytest.raises(ExperimentError) as caught:
        plan_sweep(path, tmp_path / "results")
    starts = [
        f"model[2]: iris has {NEGATIVE}, which {COUNTS} does not take",
        f"model[3]: some.svmlight has {SPARSE}, which StandardScaler + LinearSVC does not take",
    ]
    lines = sorted(caught.value.problems)
    for line, start in zip(lines, starts, strict=True):
        assert line.startswith(f"{path}: {start}")


@pytest.mark.parametrize(
    ("model", "key"),
    [
        ({"class_weight": {"malignent": 2.0}}, "model.class_weight.malignent"),
        ({"name": SVM, "class_weight": {"malignent": 2}}, "model.class_weight.malignent"),
        (
            {"steps": [SCALER, {"name": SVM, "class_weight": {"malignent": 2}}]},
            "model.steps[2].class_weight.malignent",
        ),
    ],
)
def test_a_weight_of_a_class_that_is_not_there_names_the_nearest(tmp_path, model, key):
    path = written(tmp_path / "question.toml", dataset={"name": "breast_cancer"}, model=model)
    with pytest.raises(ExperimentError) as caught:
        plan_sweep(path, tmp_path / "results")
    assert caught.value.problems == [
        f"{path}: {key}: breast_cancer has no such class; did you mean 'malignant'?"
    ]


def test_classes_that_are_numbers_are_named_by_their_text(tmp_path):
    drawn = {"name": "make_classification", "per_seed": True}
    model = {"class_weight": {"1": 2.0}}
    path = written(tmp_path / "question.toml", dataset=[{"name": "digits"}, drawn], model=model)
    assert len(plan_sweep(path, tmp_path / "results").specs) == 2
