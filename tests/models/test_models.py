"""Models: from a name and parameters to a classifier over all classes."""

import pickle
import sys
from dataclasses import replace
from importlib import import_module

import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.datasets import load_breast_cancer, load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import NearestCentroid
from sklearn.preprocessing import scale
from sklearn.svm import SVC, LinearSVC
from sklearn.tree import DecisionTreeClassifier
from sklearn.utils import all_estimators

from alrun.errors import ModelError
from alrun.models.build import build, prediction_methods, resolve, resolve_step, version
from alrun.models.classifier import Classifier
from alrun.spec_parts import ModelSpec
from alrun.sweep.plan import plan_sweep

FOREST = "sklearn.ensemble.RandomForestClassifier"
UNSEEN = np.array([0, 2, 5])  # the codes seen, of six


def stream(seed=0):
    return np.random.default_rng(seed)


def iris():
    return load_iris(return_X_y=True)


def some_classes():
    """Iris, its classes under three of six codes."""
    X, y = iris()
    return X, UNSEEN[y]


# Names and parameters


def test_defaults_are_filled_in():
    assert resolve("logistic", {}) == {"C": 1.0, "class_weight": None}
    assert resolve("logistic", {"C": 0.1}) == {"C": 0.1, "class_weight": None}


def test_a_later_parameter_is_in_the_identity_only_where_it_differs_from_its_default():
    default, given = (
        resolve("logistic", {"tolerance": None}),
        resolve("logistic", {"tolerance": 1e-4}),
    )
    assert default == resolve("logistic", {})
    assert given == {"C": 1.0, "class_weight": None, "tolerance": 1e-4}
    assert build("logistic", given, stream()).tolerance == 1e-4
    assert build("logistic", default, stream()).tolerance is None
    step = resolve_step("logistic", {}, is_last=True)
    assert step["parameters"] == {"C": 1.0, "class_weight": None}
    with pytest.raises(ModelError, match="tolerance must be a number between 0 and 1"):
        resolve("logistic", {"tolerance": 0})


def test_defaults_of_scikit_learn_are_filled_in():
    resolved = resolve("sklearn.neighbors.KNeighborsClassifier", {"n_neighbors": 3})
    assert resolved["n_neighbors"] == 3
    assert resolved["weights"] == "uniform"


@pytest.mark.parametrize(
    ("name", "key", "whole"),
    [("logistic", "C", 1), ("logistic", "C", 5), ("sklearn.svm.LinearSVC", "tol", 1)],
)
def test_a_whole_number_is_the_same_as_its_float(name, key, whole):
    one, other = resolve(name, {key: whole}), resolve(name, {key: float(whole)})
    assert one == other
    assert type(one[key]) is type(other[key]) is float


def test_what_is_resolved_resolves_to_itself():
    once = resolve(FOREST, {"n_estimators": 7})
    assert resolve(FOREST, once) == once


class Open(LogisticRegression):
    """A model that takes any parameter, as XGBoost and LightGBM do."""

    def __init__(self, C=1.0, n_jobs=None, **others):
        super().__init__(C=C, n_jobs=n_jobs)
        self.others = others

    def get_params(self, deep=True):
        return {"C": self.C, "n_jobs": self.n_jobs, "random_state": self.random_state}


def test_a_constructor_that_takes_any_parameter_gets_what_is_given():
    name = "test_models:Open"
    assert resolve(name, {}) == {"C": 1.0}  # as before, so that no id changes
    given = {"depth": 3, "n_jobs": 2, "verbose": 0}
    assert resolve(name, given) == {"C": 1.0, **given}
    built = build(name, resolve(name, given), stream())
    assert (built.others, built.n_jobs) == ({"depth": 3, "verbose": 0}, 2)
    with pytest.raises(ModelError, match="random_state"):
        resolve(name, {"random_state": 1})


def test_a_model_of_another_library_uses_one_core_unless_told_otherwise():
    assert build("test_models:Open", resolve("test_models:Open", {}), stream()).n_jobs == 1
    assert build(FOREST, resolve(FOREST, {}), stream()).n_jobs is None


@pytest.mark.parametrize("library", ["xgboost:XGBClassifier", "lightgbm:LGBMClassifier"])
def test_the_parameters_of_boosting_libraries_are_taken(library):
    pytest.importorskip(library.split(":")[0])
    parameters = {"n_estimators": 7, "verbosity": -1 if "light" in library else 0, "n_jobs": 1}
    built = build(library, resolve(library, parameters), stream())
    assert {key: built.get_params()[key] for key in parameters} == parameters
    default = build(library, resolve(library, {}), stream())
    assert default.get_params()["n_jobs"] == 1


def test_what_is_resolved_does_not_depend_on_what_was_built():
    before = resolve(FOREST, {})
    build(FOREST, before, stream())
    assert resolve(FOREST, {}) == before


@pytest.mark.parametrize(
    ("name", "parameters", "fragments"),
    [
        ("logistic", {"class_weigth": "balanced"}, ["class_weigth", "'class_weight'"]),
        ("logistic", {"D": 1, "E": 2}, ["'D'", "'E'", "C, class_weight"]),
        ("logistic", {"C": -1.0}, ["C", "-1"]),
        ("logistic", {"C": "much"}, ["C", "much"]),
        ("logistic", {"C": 10**400}, ["C"]),
        ("logistic", {"class_weight": "blanced"}, ["class_weight", "blanced"]),
        ("logistic", {"random_state": 1}, ["random_state", "leave it out"]),
        (FOREST, {"random_state": 1}, ["random_state", "leave it out"]),
        (FOREST, {"n_jobs": 2}, ["n_jobs", "leave it out"]),
        (FOREST, {"n_estimatrs": 2}, ["n_estimatrs", "'n_estimators'"]),
        (FOREST, {"n_estimators": 0}, ["n_estimators", "0"]),
        ("logistc", {}, ["'logistc'", "'logistic'"]),
        ("sklearn.swm.SVC", {}, ["sklearn.swm"]),
        ("nowhere_to_be_found.SVC", {}, ["nowhere_to_be_found"]),
        ("sklearn.svm.LinearSVX", {}, ["LinearSVX", "'LinearSV"]),
        ("sklearn.svm.SVR", {}, ["sklearn.svm.SVR", "not a classifier"]),
        ("sklearn.preprocessing.StandardScaler", {}, ["not a classifier"]),
        (
            "math.sin",
            {},
            ["'math.sin' is not a class of scikit-learn", "with a colon, as in math:sin"],
        ),
        ("math:sin", {}, ["'math:sin' is neither a scikit-learn estimator"]),
        ("sklearn.show_versions", {}, ["'sklearn.show_versions' is not an estimator"]),
        ("sklearn.utils.Bunch", {}, ["'sklearn.utils.Bunch' is not an estimator"]),
        ("sklearn.svm", {}, ["sklearn.svm"]),
        ("", {}, ["no model ''"]),
        (".SVC", {}, [".SVC"]),
        ("..SVC", {}, ["..SVC"]),
        ("sklearn..svm.SVC", {}, ["sklearn..svm"]),
        ("sklearn.svm.", {}, ["sklearn.svm"]),
        # It cannot be built without an estimator, which TOML cannot hold.
        ("sklearn.multiclass.OneVsRestClassifier", {}, ["sklearn.multiclass.OneVsRestClassifier"]),
        ("sklearn.model_selection.GridSearchCV", {}, ["sklearn.model_selection.GridSearchCV"]),
        ("sklearn.pipeline.Pipeline", {}, ["sklearn.pipeline.Pipeline"]),
    ],
)
def test_what_cannot_be_built_is_one_line_that_says_why(name, parameters, fragments):
    with pytest.raises(ModelError) as caught:
        resolve(name, parameters)
    assert "\n" not in str(caught.value)
    for fragment in fragments:
        assert fragment in str(caught.value)


@pytest.mark.parametrize(
    "content", ["def (", "import nowhere_to_be_found", "1 / 0", "raise OSError"]
)
def test_a_module_that_does_not_import_is_named(tmp_path, monkeypatch, content):
    (tmp_path / "broken_models.py").write_text(content)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModelError, match=r"broken_models\.Mine"):
        resolve("broken_models.Mine", {})


@pytest.mark.filterwarnings("ignore::FutureWarning")
@pytest.mark.parametrize(
    "name",
    [f"{kind.__module__}.{label}" for label, kind in all_estimators(type_filter="classifier")],
)
def test_every_classifier_of_scikit_learn_is_taken_or_refused_with_a_reason(name):
    try:
        answer = prediction_methods(name, {})
    except ModelError as error:
        answer = str(error)
    known = {"predict_proba", "decision_function"}
    assert name in answer if isinstance(answer, str) else answer <= known


@pytest.mark.parametrize(
    ("name", "parameters", "offered"),
    [
        ("logistic", {}, {"predict_proba", "decision_function"}),
        ("sklearn.svm.LinearSVC", {}, {"decision_function"}),
        ("sklearn.naive_bayes.GaussianNB", {}, {"predict_proba"}),
        ("sklearn.linear_model.SGDClassifier", {}, {"decision_function"}),
        (
            "sklearn.linear_model.SGDClassifier",
            {"loss": "log_loss"},
            {"predict_proba", "decision_function"},
        ),
    ],
)
def test_what_a_model_offers(name, parameters, offered):
    assert prediction_methods(name, parameters) == offered


# Functions and classes of one's own

FACTORIES = """
import numpy as np
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.linear_model import LinearRegression
from sklearn.preprocessing import MinMaxScaler

def forest(trees=3, depth=2.0, random_state=None):
    model = ExtraTreesClassifier(trees, max_depth=int(depth), random_state=0)
    model.asked = random_state
    return model

def two():
    return MinMaxScaler()
two.version = 2

def named():
    return MinMaxScaler()
named.version = "2"

class Nearest:
    version = 4
    def __init__(self, power=2.0, random_state=None):
        self.power, self.random_state = power, random_state
    def fit(self, X, y):
        self.classes_ = np.unique(y)
        self.means = np.array([X[y == c].mean(axis=0) for c in self.classes_])
    def predict(self, X):
        far = (np.abs(X[:, None] - self.means) ** self.power).sum(axis=2)
        return self.classes_[far.argmin(axis=1)]

def nothing(): pass
def a_class(): return Nearest
def regressor(): return LinearRegression()
def fails(): raise RuntimeError("no luck\\ntoday")
def leaves(): raise SystemExit(3)
def needs(depth): return forest()
"""


@pytest.fixture
def factory(tmp_path, monkeypatch):
    (tmp_path / "own_models.py").write_text(FACTORIES)
    monkeypatch.syspath_prepend(tmp_path)
    return "own_models:{}".format


def test_a_function_makes_a_model_of_its_parameters(factory):
    name = factory("forest")
    resolved = resolve(name, {"depth": 1})
    assert resolved == {"trees": 3, "depth": 1.0}
    model = build(name, resolved, stream())
    assert (model.n_estimators, model.max_depth) == (3, 1)
    assert prediction_methods(name, {}) == {"predict_proba"}


def test_every_random_state_of_a_function_comes_from_the_stream(factory):
    states = []
    for seed in (0, 0, 1):
        model = build(factory("forest"), {}, stream(seed))
        states.append((model.asked, model.random_state))
    assert states[0] == states[1] != states[2]
    assert 0 not in states[0]
    assert None not in states[0]


def test_a_class_that_is_not_of_scikit_learn_is_a_model(factory):
    X, y = some_classes()
    name = factory("Nearest")
    ours = Classifier(name, resolve(name, {}), 6, stream()).fit(X, y)
    np.testing.assert_array_equal(ours.predict(X), NearestCentroid().fit(X, y).predict(X))
    assert isinstance(ours.estimator.random_state, int)
    assert prediction_methods(name, {}) == frozenset()


@pytest.mark.parametrize(
    ("name", "expected"), [("forest", 1), ("two", 2), ("Nearest", 4), ("logistic", 1)]
)
def test_the_version_is_an_attribute(factory, name, expected):
    assert version(name if name == "logistic" else factory(name)) == expected


def test_a_version_is_a_whole_number(factory):
    with pytest.raises(ModelError, match="the version of own_models:named must be a whole number"):
        version(factory("named"))


def test_the_version_is_in_the_identity_only_where_it_is_not_one(factory):
    spec = ModelSpec("label", factory("forest"), {})
    assert spec.identity() == {"name": "own_models.forest", "parameters": {}}
    assert replace(spec, version=2).identity() == {**spec.identity(), "version": 2}


def test_a_version_that_is_raised_gives_new_runs(factory, tiny, tmp_path):
    def ids():
        return plan_sweep(tiny, tmp_path, [f"model.name={factory('forest')}"]).specs.keys()

    before = ids()
    assert before == ids()
    with open(sys.modules["own_models"].__file__, "a") as file:
        file.write("\nforest.version = 2\n")
    assert not before & ids()


def test_the_version_of_a_step_stands_in_the_step(factory):
    steps = [{"name": factory("two"), "parameters": {}}, {"name": "logistic", "parameters": {}}]
    one, other = resolve("pipeline", {"steps": steps})["steps"]
    assert one == {"name": "own_models:two", "parameters": {}, "version": 2}
    assert "version" not in other
    assert version("pipeline") == 1


@pytest.mark.parametrize(
    ("name", "fragments"),
    [
        ("nothing", ["returned NoneType, which is not a classifier", "fit"]),
        ("a_class", ["returned a class, which is not a classifier"]),
        ("regressor", ["returned LinearRegression, which is not a classifier"]),
        ("two", ["returned MinMaxScaler, which is not a classifier", "predict"]),
        ("fails", ["own_models:fails cannot be built: no luck"]),
        ("leaves", ["own_models:leaves cannot be built: 3"]),
        ("needs", ["needs a value for depth"]),
        ("np", ["own_models:np", "nor a function"]),
        ("forst", ["own_models has no 'forst'", "'forest'"]),
    ],
)
def test_what_makes_no_classifier_is_one_line(factory, name, fragments):
    with pytest.raises(ModelError) as caught:
        resolve(factory(name), {})
    assert "\n" not in str(caught.value)
    for fragment in fragments:
        assert fragment in str(caught.value)


def test_a_model_in_a_file_is_named_by_its_module(factory):
    with pytest.raises(ModelError, match=r"'own_models\.py:forest' is a file; .* mine:function"):
        resolve("own_models.py:forest", {})


def test_nothing_of_the_standard_library_is_called(tmp_path):
    kept = tmp_path / "kept"
    kept.mkdir()
    with pytest.raises(ModelError, match="nor a function that returns an estimator"):
        resolve("shutil:rmtree", {"path": str(kept)})
    assert kept.is_dir()


MARKED = """
from pathlib import Path

Path(__file__).with_name("was run").touch()


class Mine:
    pass


class Marking:
    def __reduce__(self):
        return Path.touch, (Path(__file__).with_name("was unpickled"),)
"""


@pytest.fixture
def marked(tmp_path, monkeypatch):
    """Return a folder with a module that leaves a mark, and a pickle that does when it is read."""
    (tmp_path / "marked.py").write_text(MARKED)
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "mine.pkl").write_bytes(pickle.dumps(import_module("marked").Marking()))
    del sys.modules["marked"]
    (tmp_path / "was run").unlink()
    return tmp_path


@pytest.mark.parametrize("name", ["marked.Mine", "marked.mine", "marked.Nothing"])
def test_what_has_no_colon_is_not_even_imported(marked, name):
    with pytest.raises(ModelError, match=f"'{name}' is not a class of scikit-learn; .* a colon"):
        resolve(name, {})
    with pytest.raises(ModelError, match="a colon"):
        resolve_step(name, {}, is_last=False)
    assert "marked" not in sys.modules
    assert not (marked / "was run").exists()


@pytest.mark.parametrize("name", ["joblib.load", "pickle.load", "numpy.load", "pandas.read_pickle"])
@pytest.mark.parametrize("key", ["filename", "file", "filepath_or_buffer"])
def test_no_pickle_is_read_for_a_name(marked, name, key):
    with pytest.raises(ModelError, match=f"'{name}' is not a class of scikit-learn"):
        resolve(name, {key: str(marked / "mine.pkl")})
    assert not (marked / "was unpickled").exists()


def test_no_folder_of_pickles_is_named_as_a_memory(tmp_path):
    name = "sklearn.cluster.FeatureAgglomeration"
    with pytest.raises(ModelError, match=f"'memory' of {name} names a folder of pickles"):
        resolve_step(name, {"memory": str(tmp_path)}, is_last=False)
    whole = resolve_step(name, {}, is_last=False)
    assert whole["parameters"]["memory"] is None
    assert resolve_step(name, whole["parameters"], is_last=False) == whole


# Streams


def test_the_random_state_is_drawn_from_the_stream():
    states = [build(FOREST, resolve(FOREST, {}), stream(seed)).random_state for seed in (0, 0, 1)]
    assert isinstance(states[0], int)
    assert states[0] == states[1] != states[2]


def test_two_models_of_one_stream_differ():
    rng = stream()
    assert build(FOREST, {}, rng).random_state != build(FOREST, {}, rng).random_state


def test_a_model_without_randomness_draws_nothing():
    rng = stream()
    build("sklearn.naive_bayes.GaussianNB", {}, rng)
    assert rng.integers(2**31) == stream().integers(2**31)


NESTED = """
from sklearn.ensemble import BaggingClassifier
from sklearn.tree import DecisionTreeClassifier

class Bag(BaggingClassifier):
    def __init__(self, estimator=DecisionTreeClassifier(max_depth=1), n_estimators=3,
                 random_state=None):
        super().__init__(estimator, n_estimators=n_estimators, random_state=random_state)
"""


@pytest.fixture
def bag(tmp_path, monkeypatch):
    (tmp_path / "nested_models.py").write_text(NESTED)
    monkeypatch.syspath_prepend(tmp_path)
    return "nested_models:Bag"


def test_a_random_state_within_is_drawn_from_the_stream_too(bag):
    states = []
    for seed in (0, 0, 1):
        model = build(bag, resolve(bag, {}), stream(seed))
        states.append((model.random_state, model.estimator.random_state))
    assert all(isinstance(state, int) for pair in states for state in pair)
    assert states[0] == states[1] != states[2]
    assert states[0][0] != states[0][1]


def test_a_model_within_is_the_same_parameter_before_and_after_it_was_built(bag):
    before = resolve(bag, {})
    build(bag, before, stream())
    assert resolve(bag, {}) == before
    assert isinstance(build(bag, before, stream()).estimator, DecisionTreeClassifier)


def test_models_do_not_share_the_model_within(bag):
    rng = stream()
    one, other = build(bag, {}, rng), build(bag, {}, rng)
    assert one.estimator is not other.estimator
    assert one.estimator.random_state != other.estimator.random_state


def test_parameters_arrive_in_the_estimator():
    assert build("logistic", resolve("logistic", {"C": 0.25}), stream()).C == 0.25
    name = "sklearn.neural_network.MLPClassifier"
    model = build(name, resolve(name, {"hidden_layer_sizes": [5, 4]}), stream())
    assert model.hidden_layer_sizes == [5, 4]
    assert model.learning_rate_init == 0.001


# The classifier over all classes


def test_with_every_class_seen_the_classifier_is_the_estimator():
    X, y = iris()
    ours = Classifier("sklearn.naive_bayes.GaussianNB", {}, 3, stream()).fit(X, y)
    theirs = GaussianNB().fit(X, y)
    np.testing.assert_array_equal(ours.probabilities(X), theirs.predict_proba(X))
    np.testing.assert_array_equal(ours.predict(X), theirs.predict(X))


def test_unseen_classes_have_probability_zero_and_the_others_their_own_columns():
    X, y = some_classes()
    ours = Classifier("sklearn.naive_bayes.GaussianNB", {}, 6, stream()).fit(X, y)
    probabilities = ours.probabilities(X)
    assert probabilities.shape == (150, 6)
    np.testing.assert_array_equal(probabilities[:, [1, 3, 4]], 0)
    np.testing.assert_array_equal(probabilities[:, UNSEEN], GaussianNB().fit(X, y).predict_proba(X))
    np.testing.assert_array_equal(probabilities.argmax(axis=1), ours.predict(X))


def test_unseen_classes_have_the_lowest_decision_value():
    X, y = some_classes()
    ours = Classifier("sklearn.svm.SVC", {}, 6, stream()).fit(X, y)
    decision = ours.decision(X)
    assert (decision[:, [1, 3, 4]] == -np.inf).all()
    np.testing.assert_allclose(decision[:, UNSEEN], SVC().fit(X, y).decision_function(X))
    np.testing.assert_array_equal(decision.argmax(axis=1), ours.predict(X))


@pytest.mark.parametrize("name", ["logistic", "sklearn.svm.LinearSVC"])
@pytest.mark.parametrize("code", [0, 2, 3])
def test_with_one_class_seen_that_class_is_predicted(name, code):
    X = iris()[0]
    ours = Classifier(name, {}, 4, stream()).fit(X[:5], np.full(5, code))
    np.testing.assert_array_equal(ours.predict(X), np.full(150, code))
    others = [other for other in range(4) if other != code]
    np.testing.assert_array_equal(ours.probabilities(X)[:, code], 1)
    np.testing.assert_array_equal(ours.probabilities(X)[:, others], 0)
    assert np.isfinite(ours.decision(X)[:, code]).all()
    assert (ours.decision(X)[:, others] == -np.inf).all()


@pytest.mark.parametrize(("codes", "n_classes"), [((0, 1), 2), ((1, 3), 5)])
def test_two_classes_seen_have_decision_columns_that_differ_by_the_distance(codes, n_classes):
    X, y = load_breast_cancer(return_X_y=True)
    X, y = scale(X), np.array(codes)[y]
    ours = Classifier("sklearn.svm.LinearSVC", {}, n_classes, stream(3)).fit(X, y)
    state = ours.estimator.random_state
    distance = LinearSVC(random_state=state).fit(X, y).decision_function(X)
    decision = ours.decision(X)
    low, high = codes
    np.testing.assert_allclose(decision[:, high] - decision[:, low], distance)
    np.testing.assert_array_equal(decision.argmax(axis=1), ours.predict(X))
    assert ours.has_decision
    assert not ours.has_probabilities


@pytest.mark.parametrize("n_classes", [3, 4])
def test_values_per_pair_of_classes_are_refused(n_classes):
    X, y = iris()
    y = np.where(np.arange(150) % 50 < 5, 3, y) if n_classes == 4 else y
    # With three classes there are as many pairs as classes, so that the shape tells nothing.
    parameters = {"decision_function_shape": "ovo"}
    ours = Classifier("sklearn.svm.SVC", parameters, n_classes, stream()).fit(X, y)
    with pytest.raises(ModelError, match="ovr"):
        ours.decision(X)


class Broken(ClassifierMixin, BaseEstimator):
    def fit(self, X, y):
        self.classes_ = np.unique(y)
        return self

    def predict_proba(self, X):
        return np.full((len(X), len(self.classes_)), np.nan)


def test_probabilities_that_are_not_finite_are_refused():
    X, y = iris()
    with pytest.raises(ModelError, match=r"Broken gave .* as in row 0: nan, nan, nan"):
        Classifier(f"{__name__}:Broken", {}, 3, stream()).fit(X, y).probabilities(X)


class Silent(Broken):
    def predict_proba(self, X):
        """Return nothing, as a function without a return statement."""


def test_no_probabilities_at_all_are_called_none():
    X, y = iris()
    with pytest.raises(ModelError, match="Silent gave None for 150 examples of 3 classes"):
        Classifier(f"{__name__}:Silent", {}, 3, stream()).fit(X, y).probabilities(X)


# The logistic regression


def softmax(values):
    values = np.exp(values - values.max(axis=1, keepdims=True))
    return values / values.sum(axis=1, keepdims=True)


def gradient(model, X, y, C, weights):
    """Gradient of C sum of weighted losses + |W|^2 / 2, for two classes and for more."""
    if len(model.classes_) == 2:
        p = 1 / (1 + np.exp(-(X @ model.coef_[0] + model.intercept_[0])))
        error = (weights * (p - y))[:, None]
    else:
        p = softmax(X @ model.coef_.T + model.intercept_)
        error = weights[:, None] * (p - np.eye(len(model.classes_))[y])
    return C * error.T @ X + model.coef_, C * error.sum(axis=0)


@pytest.mark.parametrize("C", [0.1, 1.0, 10.0])
@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("class_weight", [None, "balanced"])
def test_the_gradient_of_the_objective_vanishes_at_the_weights(C, n_classes, class_weight):
    X, y = iris()
    rows = np.flatnonzero(y < n_classes)[::2][: 20 * n_classes + 7]
    X, y = X[rows], y[rows]
    counts = np.bincount(y)
    weights = np.ones(len(y)) if class_weight is None else len(y) / (len(counts) * counts[y])
    model = build("logistic", {"C": C, "class_weight": class_weight}, stream()).fit(X, y)
    slope, intercept_slope = gradient(model, X, y, C, weights)
    assert np.abs(slope).max() < 1e-4
    assert np.abs(intercept_slope).max() < 1e-4


@pytest.mark.filterwarnings("ignore:lbfgs failed to converge")
def test_scikit_learns_default_solver_stops_where_the_gradient_does_not_vanish():
    X, y = iris()
    slope, _ = gradient(LogisticRegression().fit(X, y), X, y, 1.0, np.ones(150))
    assert np.abs(slope).max() > 1e-4


class Called(ClassifierMixin, BaseEstimator):
    def __init__(self, how=len, what=object()):  # noqa: B008 -- an object without a name
        self.how, self.what = how, what


def test_a_default_without_a_name_is_refused_since_no_run_could_be_named(monkeypatch):
    with pytest.raises(ModelError, match="cannot be part of a run's identity"):
        resolve(f"{Called.__module__}:Called", {})
