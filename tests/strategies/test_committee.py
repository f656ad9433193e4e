"""qbc_vote, qbc_kl and bald: a committee that differs, and what it disagrees on."""

import json
import math
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from sklearn.base import BaseEstimator, ClassifierMixin

from alrun.errors import StrategyError
from alrun.models.classifier import Classifier
from alrun.models.predictions import Predictions
from alrun.run.query import query
from alrun.spec_parts import StrategySpec
from alrun.strategies import committee
from alrun.strategies.committee import bald, qbc_kl, qbc_vote
from alrun.strategies.registry import resolve
from alrun.strategies.support.pool import Pool

STRATEGIES = [qbc_vote, qbc_kl, bald]
TREE = "sklearn.tree.DecisionTreeClassifier"


def stream(seed=0):
    return np.random.default_rng(seed)


def pool_of(X, y, n_labelled, n_classes, model="logistic", **parameters):
    """A pool in which the first rows are labelled, and the model is fitted on them."""
    labelled, unlabelled = np.arange(n_labelled), np.arange(n_labelled, X.shape[0])
    classifier = Classifier(model, parameters, n_classes, stream())
    classifier.fit(X[labelled], y[labelled])
    return Pool(X, unlabelled, labelled, y[labelled], Predictions(classifier, X))


def drawn(
    seed=0, n=80, n_classes=3, n_labelled=15, model="logistic", as_sparse=False, **parameters
):
    rng = stream(seed)
    y = np.concatenate([np.arange(n_classes), rng.integers(n_classes, size=n - n_classes)])
    X = rng.normal(size=(n, 4)) + 0.8 * np.eye(n_classes, 4)[y]
    X = sparse.csr_matrix(X) if as_sparse else X
    return pool_of(X, y, n_labelled, n_classes, model, **parameters)


def members_of(pool, seed, n_members=5):
    """What the committee of a seed is fitted on, and it."""
    return committee.committee_of(pool, stream(seed), n_members)


# By the definitions


def naive_votes(members, X, n_classes):
    scores = []
    for row in X:
        votes = [int(member.votes(row[None])[0]) for member in members]
        shares = [votes.count(code) / len(votes) for code in range(n_classes)]
        scores.append(-sum(share * math.log(share) for share in shares if share > 0))
    return scores


def naive_kl(members, X, n_classes):
    scores = []
    for row in X:
        own = [[0.0] * n_classes for _ in members]
        for place, member in enumerate(members):
            given = [1.0] if len(member.seen) == 1 else member.estimator.predict_proba(row[None])[0]
            for code, p in zip(member.seen, given, strict=True):
                own[place][code] = float(p)
        mean = [sum(column) / len(members) for column in zip(*own, strict=True)]
        divergences = [
            sum(p * math.log(p / q) for p, q in zip(ps, mean, strict=True) if p > 0) for ps in own
        ]
        scores.append(sum(divergences) / len(members))
    return scores


@pytest.mark.parametrize("model", ["logistic", "sklearn.naive_bayes.GaussianNB"])
@pytest.mark.parametrize("n_labelled", [4, 15])
@pytest.mark.parametrize("seed", range(3))
def test_scores_are_those_of_the_definition(model, n_labelled, seed):
    pool = drawn(seed, 50, n_labelled=n_labelled, model=model)
    members = members_of(pool, seed)
    np.testing.assert_allclose(
        qbc_vote(pool, 1, stream(seed)), naive_votes(members, pool.X, 3), atol=1e-12
    )
    kl = qbc_kl(pool, 1, stream(seed))
    np.testing.assert_allclose(kl, naive_kl(members, pool.X, 3), rtol=1e-9, atol=2e-12)
    assert (kl >= 0).all()
    assert kl.max() > 0


@pytest.mark.parametrize("seed", range(3))
def test_bald_is_the_mutual_information_of_label_and_member(seed):
    pool = drawn(seed)
    given = [member.probabilities(pool.X, 3) for member in members_of(pool, seed)]
    joint = np.array(given) / 5  # of member, example and label
    independent = joint.sum(axis=0, keepdims=True) * 0.2
    expected = (joint * np.log(joint / independent)).sum(axis=(0, 2))
    scores = bald(pool, 1, stream(seed))
    np.testing.assert_allclose(scores, expected, rtol=1e-9, atol=2e-12)
    np.testing.assert_array_equal(scores, qbc_kl(pool, 1, stream(seed)))


@pytest.mark.parametrize("seed", range(3))
def test_scores_are_those_of_scikit_activeml_on_the_same_committee(seed):
    peer = pytest.importorskip("skactiveml.pool._query_by_committee")
    pool = drawn(seed)
    members = members_of(pool, seed)
    votes = np.column_stack([member.votes(pool.X) for member in members])
    np.testing.assert_allclose(
        qbc_vote(pool, 1, stream(seed)), peer.vote_entropy(votes, np.arange(3)), atol=1e-12
    )
    given = np.array([member.probabilities(pool.X, 3) for member in members])
    expected = peer.average_kl_divergence(given.copy(), eps=1e-15)
    np.testing.assert_allclose(qbc_kl(pool, 1, stream(seed)), expected, rtol=1e-9, atol=2e-12)


def test_what_lies_between_the_classes_is_disagreed_on():
    X = np.array([[-2.0], [-1.9], [-2.1], [2.0], [1.9], [2.1], [-2.0], [0.0], [2.0]])
    pool = pool_of(X, np.array([0, 0, 0, 1, 1, 1, 0, 0, 1]), 6, 2)
    assert qbc_kl(pool, 1, stream()).argmax() == 1
    votes = np.array([qbc_vote(pool, 1, stream(seed)) for seed in range(10)])
    assert (votes[:, [0, 2]] == 0).all()
    assert (votes[:, 1] > 0).any()


# The committee


class Told(ClassifierMixin, BaseEstimator):
    """Keeps what it is fitted on."""

    def __init__(self, random_state=None):
        self.random_state = random_state

    def fit(self, X, y):
        self.X_, self.y_, self.classes_ = X, y, np.unique(y)
        return self

    def predict(self, X):
        return np.full(X.shape[0], self.classes_[0])


def told_pool(y, n_classes, n=5, **parameters):
    X = np.arange(float(len(y) + n))[:, None]
    y = np.concatenate([y, np.zeros(n, dtype=int)])
    pool = pool_of(X, y, len(y) - n, n_classes)
    pool.__dict__["model"] = Told(**parameters)
    return pool


def test_members_are_fitted_on_bootstraps_that_differ():
    y = np.arange(40) % 4
    members = members_of(told_pool(y, 4), 3)
    samples = [tuple(member.estimator.X_[:, 0].astype(int)) for member in members]
    assert len({tuple(sorted(sample)) for sample in samples}) == 5
    for member, sample in zip(members, samples, strict=True):
        assert len(sample) == 40
        assert set(sample) <= set(range(40))
        assert 18 <= len(set(sample)) <= 32  # 25 in the mean: with replacement
        np.testing.assert_array_equal(member.estimator.y_, y[list(sample)])
    everywhere = np.bincount(np.concatenate(samples), minlength=40)
    assert (everywhere > 0).mean() > 0.9


@pytest.mark.parametrize("model", ["logistic", TREE, "sklearn.ensemble.RandomForestClassifier"])
def test_members_disagree(model):
    parameters = {"n_estimators": 3} if "Forest" in model else {}
    pool = drawn(1, model=model, **parameters)
    given = [member.probabilities(pool.X, 3) for member in members_of(pool, 0)]
    for place, own in enumerate(given):
        assert all(np.abs(own - other).max() > 0.01 for other in given[:place])
    assert qbc_vote(pool, 1, stream()).max() > 0


def test_every_member_has_a_random_state_of_its_own_from_the_stream():
    y = np.arange(20) % 2
    states = [
        [member.estimator.random_state for member in members_of(told_pool(y, 2), seed)]
        for seed in (0, 0, 1)
    ]
    assert len(set(states[0])) == 5
    assert states[0] == states[1]
    assert not set(states[0]) & set(states[2])


def test_random_states_within_are_drawn_too():
    pool = drawn(0, model="sklearn.ensemble.BaggingClassifier", n_estimators=2)
    first, second = (member.estimator.random_state for member in members_of(pool, 0, 2))
    assert first != second
    states = ["base__random_state", "random_state"]

    class Outer(Told):
        def __init__(self, base=None, random_state=None):
            self.base, self.random_state = base, random_state

    pool.__dict__["model"] = Outer(Told())
    members = members_of(pool, 0, 2)
    drawn_states = [member.estimator.get_params()[key] for member in members for key in states]
    assert len(set(drawn_states)) == 4
    assert pool.model.base.random_state is None


def test_a_class_that_a_member_has_not_seen_has_probability_zero():
    y = np.array([0] * 6 + [2] * 6 + [3])
    for seed in range(20):
        members = members_of(told_pool(y, 5), seed)
        if any(3 not in member.seen for member in members):
            break
    pool = drawn()
    member = committee.Member(drawn(n_classes=2).model, np.array([0, 2]))
    probabilities = member.probabilities(pool.X, 4)
    assert (probabilities[:, [1, 3]] == 0).all()
    np.testing.assert_allclose(probabilities.sum(axis=1), 1)
    for member in members:
        assert set(member.seen) == set(member.estimator.y_) == set(member.estimator.classes_)
    assert any(3 not in member.seen for member in members)


def test_a_bootstrap_of_one_class_is_drawn_again():
    labels = np.array([0, 0, 0, 1])
    drawn_rows = [committee._bootstrap(labels, stream(seed)) for seed in range(200)]
    # A third of the bootstraps would miss the class of one.
    assert all(len(set(labels[rows])) == 2 for rows in drawn_rows)
    assert set(committee._bootstrap(np.zeros(4, dtype=int), stream())) <= set(range(4))


def test_a_member_of_one_class_predicts_it_and_is_not_fitted(monkeypatch):
    monkeypatch.setattr(committee, "_MAX_DRAWS", 1)
    pool = told_pool(np.array([1, 2]), 3)
    members = members_of(pool, 0, 30)
    alone = [member for member in members if len(member.seen) == 1]
    assert 5 < len(alone) < 25
    for member in alone:
        assert not hasattr(member.estimator, "X_")
        assert set(member.votes(pool.X)) == set(member.seen)
        expected = np.eye(3)[np.full(len(pool), member.seen[0])]
        np.testing.assert_array_equal(member.probabilities(pool.X, 3), expected)


@pytest.mark.parametrize("value", [np.nan, np.inf, 0.4])
def test_probabilities_that_are_none_are_refused(value):
    class Odd(Told):
        def predict_proba(self, X):
            given = np.full((X.shape[0], len(self.classes_)), 1 / len(self.classes_))
            given[1, 0] = value
            return given

    pool = told_pool(np.arange(8) % 2, 2)
    pool.__dict__["model"] = Odd()
    with pytest.raises(StrategyError, match="Odd, fitted on a bootstrap"):
        qbc_kl(pool, 1, stream())


def test_where_all_agree_no_rounding_is_left(monkeypatch):
    monkeypatch.setattr(committee, "_bootstrap", lambda labels, rng: np.arange(len(labels)))
    for strategy in STRATEGIES:
        assert (strategy(drawn(), 1, stream()) == 0).all()


def test_the_fitted_model_stays_as_it_is():
    pool = drawn()
    before = pool.model.coef_.copy()
    for strategy in STRATEGIES:
        strategy(pool, 3, stream())
    np.testing.assert_array_equal(pool.model.coef_, before)


def test_votes_need_no_probabilities():
    assert not hasattr(qbc_vote, "needs")
    assert qbc_kl.requires == bald.requires == ("predict_proba",)
    pool = drawn(model="sklearn.svm.LinearSVC")
    assert not pool.has_probabilities
    assert qbc_vote(pool, 3, stream()).max() > 0


# Parameters and odd pools


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("value", [1, 0, -3, 2.5, "five", None, True])
def test_a_number_of_members_that_is_none_is_refused(strategy, value):
    with pytest.raises(StrategyError, match="members of a committee must be a whole number"):
        strategy(drawn(), 1, stream(), members=value)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_the_parameters_are_plain_data(strategy):
    assert json.loads(json.dumps(resolve(strategy.__name__, {}))) == [{"members": 5}, 1]


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("members", [2, 9])
def test_the_number_of_members_counts(strategy, members, monkeypatch):
    made = []
    unfitted_copy = committee.unfitted_copy
    monkeypatch.setattr(
        committee, "unfitted_copy", lambda *given: made.append(1) or unfitted_copy(*given)
    )
    strategy(drawn(), 1, stream(), members=members)
    assert len(made) == members


@settings(max_examples=60)
@given(
    st.sampled_from(STRATEGIES),
    st.sampled_from(["logistic", TREE, "sklearn.naive_bayes.BernoulliNB"]),
    st.integers(1, 15),
    st.integers(1, 12),
    st.sampled_from([2, 3, 5]),
    st.sampled_from(["normal", "identical", "single", "sparse", "one class", "a class unseen"]),
    st.integers(0, 2**32),
)
def test_odd_pools_are_survived(strategy, model, size, n_labelled, n_classes, kind, seed):
    rng = stream(seed)
    X = rng.normal(size=(size + n_labelled, 1 if kind == "single" else 3))
    y = rng.integers(n_classes - (kind == "a class unseen"), size=len(X))
    if kind == "identical":
        X[:] = X[0]
    if kind == "one class":
        y[:] = n_classes - 1
    if kind == "sparse":
        X = sparse.csr_matrix(X)
    pool = pool_of(X, y, n_labelled, n_classes, model)
    spec = StrategySpec(strategy.__name__, strategy.__name__, {"members": 3}, 1)
    n = int(rng.integers(1, size + 1))
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        picks = [query(spec, pool, n, stream(seed))[0].tolist() for _ in range(2)]
    assert picks[0] == picks[1]
    assert len(set(picks[0])) == n
    if kind in ("identical", "one class"):
        assert picks[0] == list(range(n))


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_dense_and_sparse_features_are_scored_alike(strategy):
    scores = [strategy(drawn(as_sparse=as_sparse), 1, stream()) for as_sparse in (False, True)]
    np.testing.assert_allclose(scores[0], scores[1], rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_streams_draw_different_committees(strategy):
    scores = {strategy(drawn(), 1, stream(seed)).tobytes() for seed in range(4)}
    assert len(scores) > 1
