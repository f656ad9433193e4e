"""Predictions: of all rows or of some, in blocks or at once, they are the same."""

import numpy as np
import pytest
from scipy import sparse
from sklearn.datasets import load_iris
from sklearn.naive_bayes import GaussianNB

from alrun.data import features
from alrun.models.classifier import Classifier
from alrun.models.predictions import Predictions, likeliest

MODELS = ["logistic", "sklearn.naive_bayes.GaussianNB", "sklearn.svm.SVC"]


class Contrary(GaussianNB):
    """Predicts the least likely class."""

    def predict(self, X):
        return self.classes_[self.predict_proba(X).argmin(axis=1)]


def fitted(name, X, y, n_classes=4):
    return Classifier(name, {}, n_classes, np.random.default_rng(0)).fit(X[::3], y[::3])


@pytest.mark.parametrize("block", [4, 40, 4_000_000])
@pytest.mark.parametrize("name", MODELS)
def test_blocks_do_not_show(name, block, monkeypatch):
    monkeypatch.setattr(features, "LARGEST_CHUNK", block)
    X, y = load_iris(return_X_y=True)
    classifier = fitted(name, X, y)
    rows = np.random.default_rng(1).permutation(150)[:70]
    of_some, of_all = Predictions(classifier, X), Predictions(classifier, X)
    probabilities = None
    if classifier.has_probabilities:
        assert of_all.probabilities.shape == (150, 4)
        probabilities = of_some.probabilities_of(rows)
        np.testing.assert_allclose(probabilities, of_all.probabilities_of(rows), atol=1e-12)
        np.testing.assert_array_equal(of_all.probabilities_of(rows), of_all.probabilities[rows])
    if classifier.has_decision:
        assert of_all.decision.shape == (150, 4)
        np.testing.assert_allclose(of_some.decision_of(rows), of_all.decision_of(rows), atol=1e-12)
    np.testing.assert_array_equal(
        of_some.classes_of(rows, probabilities), classifier.predict(X[rows])
    )


def test_what_is_known_of_all_rows_is_not_computed_again():
    X, y = load_iris(return_X_y=True)
    classifier = fitted("logistic", X, y)
    known = Predictions(classifier, X)
    whole = known.probabilities
    classifier.probabilities = None
    np.testing.assert_array_equal(known.probabilities_of(np.array([5, 3])), whole[[5, 3]])


def test_sparse_rows_are_taken():
    X, y = load_iris(return_X_y=True)
    classifier = fitted("logistic", sparse.csr_matrix(X), y)
    rows = np.arange(0, 150, 2)
    of_sparse = Predictions(classifier, sparse.csr_matrix(X)).probabilities_of(rows)
    np.testing.assert_allclose(of_sparse, Predictions(classifier, X).probabilities_of(rows))


def test_a_model_that_does_not_predict_the_likeliest_class_is_asked():
    X, y = load_iris(return_X_y=True)
    classifier = fitted(f"{__name__}:Contrary", X, y, n_classes=3)
    predictions = Predictions(classifier, X)
    classes = predictions.classes_of(np.arange(150), predictions.probabilities)
    np.testing.assert_array_equal(classes, classifier.predict(X))
    assert (classes != predictions.probabilities.argmax(axis=1)).all()


def test_many_sparse_columns_are_no_reason_for_small_blocks(monkeypatch):
    monkeypatch.setattr(features, "LARGEST_CHUNK", 10)
    X = np.eye(60, 50)
    assert [len(block) for block in features.row_chunks(sparse.csr_array(X), np.arange(60))] == [60]
    assert [len(block) for block in features.row_chunks(X, np.arange(3))] == [1, 1, 1]


@pytest.mark.parametrize("n_classes", [1, 2, 3, 10, 255, 256, 300])
def test_the_likeliest_class_is_the_first_of_the_largest(n_classes):
    rng = np.random.default_rng(n_classes)
    p = rng.integers(0, 4, (50, n_classes)) / 4  # most rows have ties
    for matrix in (p, np.asfortranarray(p), np.zeros((3, n_classes)), np.full((3, 2), 0.5)):
        found = likeliest(matrix)
        assert found.dtype == np.intp
        np.testing.assert_array_equal(found, matrix.argmax(axis=1))
