"""Models that want the classes 0 ... k - 1: what they get, and the classes that come back."""

import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression

from alrun.models.classifier import Classifier
from alrun.models.consecutive_codes import ConsecutiveCodes, fitted


class Strict(ClassifierMixin, BaseEstimator):
    """A model that wants the classes 0 ... k - 1, as XGBoost does."""

    def fit(self, X, y):
        if not np.array_equal(np.unique(y), np.arange(len(np.unique(y)))):
            raise ValueError(f"expected consecutive classes, got {np.unique(y)}")
        self.inner_ = RandomForestClassifier(20, random_state=0).fit(X, y)
        self.classes_ = self.inner_.classes_
        return self

    def predict(self, X):
        return self.inner_.predict(X)

    def predict_proba(self, X):
        return self.inner_.predict_proba(X)


def strict():
    return Strict()


def data(codes, n=60):
    rng = np.random.default_rng(0)
    y = rng.choice(codes, size=n)
    return rng.normal(size=(n, 3)) + y[:, None], y


@pytest.mark.parametrize("codes", [[0, 2], [1, 3, 4], [5, 6]])
def test_the_columns_of_a_strict_model_are_those_of_the_classes(codes):
    X, y = data(codes)
    model = Classifier("test_consecutive_codes:strict", {}, 7, np.random.default_rng(0)).fit(X, y)
    expected = RandomForestClassifier(20, random_state=0).fit(X, y)
    whole = np.zeros((60, 7))
    whole[:, codes] = expected.predict_proba(X)
    np.testing.assert_array_equal(model.probabilities(X), whole)
    np.testing.assert_array_equal(model.predict(X), expected.predict(X))


def test_a_model_that_takes_any_codes_is_left_alone():
    X, y = data([1, 4])
    assert type(fitted(LogisticRegression(), X, y)) is LogisticRegression


def test_an_error_with_another_cause_is_not_hidden():
    for codes in ([0, 1], [0, 2]):
        with pytest.raises(ValueError, match="'C' parameter"):
            fitted(LogisticRegression(C=-1.0), *data(codes))


def test_a_wrapped_model_is_copied_and_has_the_methods_of_the_model():
    X, y = data([0, 2])
    wrapped = fitted(Strict(), X, y)
    assert isinstance(wrapped, ConsecutiveCodes)
    assert hasattr(wrapped, "predict_proba")
    assert not hasattr(wrapped, "decision_function")
    again = clone(wrapped).fit(X, y)
    np.testing.assert_array_equal(again.predict(X), wrapped.predict(X))


def test_xgboost_itself_runs_where_a_class_has_no_label_yet():
    pytest.importorskip("xgboost")
    X, y = data([0, 1, 3])
    parameters = {"n_estimators": 8, "max_depth": 2, "verbosity": 0}
    model = Classifier("xgboost:XGBClassifier", parameters, 4, np.random.default_rng(0)).fit(X, y)
    probabilities = model.probabilities(X)
    assert probabilities.shape == (60, 4)
    assert (probabilities[:, 2] == 0).all()
    assert (probabilities.argmax(axis=1) == model.predict(X)).all()
    assert np.mean(model.predict(X) == y) > 0.8
