"""The scores of one round, against scikit-learn."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as oracle

from alrun import metrics
from alrun.metrics import METRICS, ModelOutputs


def score(y, predicted, probabilities=None, ranking=None, n_classes=2):
    scores = metrics.score(ModelOutputs(y, predicted, probabilities, ranking, n_classes))
    return scores.values | {"n_test": scores.n_test, "n_correct": scores.n_correct}


def log_loss(y, probabilities):
    return score(y, y, probabilities, None, probabilities.shape[1])["log_loss"]


def average_precision(y, ranking):
    return score(y, y, None, ranking)["average_precision"]


def drawn(seed, n, n_classes, absent=()):
    """Labels, predictions and probabilities; classes in `absent` are in no label."""
    rng = np.random.default_rng(seed)
    present = [code for code in range(n_classes) if code not in absent]
    y = rng.choice(present, size=n)
    probabilities = rng.dirichlet(np.full(n_classes, 0.4), size=n)
    return y, probabilities.argmax(axis=1), probabilities


def expected(y, predicted, probabilities, n_classes):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of classes that are predicted but not there
        return {
            "accuracy": oracle.accuracy_score(y, predicted),
            "balanced_accuracy": oracle.balanced_accuracy_score(y, predicted),
            "macro_f1": oracle.f1_score(y, predicted, average="macro", zero_division=0),
            "log_loss": oracle.log_loss(y, probabilities, labels=range(n_classes)),
        }


def assert_agree(y, predicted, probabilities, n_classes):
    scores = score(y, predicted, probabilities, None, n_classes)
    for name, value in expected(y, predicted, probabilities, n_classes).items():
        assert scores[name] == pytest.approx(value, rel=1e-12, abs=1e-12), name


@pytest.mark.parametrize("n_classes", [2, 3, 10])
@pytest.mark.parametrize("n", [1, 2, 7, 300])
@pytest.mark.parametrize("seed", range(4))
def test_every_score_is_that_of_scikit_learn(seed, n, n_classes):
    assert_agree(*drawn(seed, n, n_classes), n_classes)


@pytest.mark.parametrize("absent", [(0,), (4,), (0, 2), (1, 2, 3, 4)])
@pytest.mark.parametrize("seed", range(4))
def test_classes_without_a_test_example_are_counted_as_scikit_learn_does(seed, absent):
    assert_agree(*drawn(seed, 40, 5, absent), 5)


@pytest.mark.parametrize("guess", range(4))
def test_classes_that_are_never_predicted_are_counted_as_scikit_learn_does(guess):
    y, _, probabilities = drawn(1, 40, 4, absent=(3,))
    assert_agree(y, np.full(40, guess), probabilities, 4)


@settings(max_examples=60)
@given(
    st.integers(2, 5).flatmap(
        lambda k: st.tuples(
            st.just(k),
            st.lists(
                st.tuples(
                    st.integers(0, k - 1),
                    st.integers(0, k - 1),
                    st.lists(st.integers(0, 4), min_size=k, max_size=k).filter(any),
                ),
                min_size=1,
                max_size=12,
            ),
        )
    )
)
def test_whatever_the_confusion_the_scores_are_those_of_scikit_learn(case):
    n_classes, rows = case
    y, predicted, weights = (np.array(column) for column in zip(*rows, strict=True))
    assert_agree(y, predicted, weights / weights.sum(axis=1, keepdims=True), n_classes)


def test_counts_are_exact():
    scores = score(np.array([0, 1, 2, 2]), np.array([0, 2, 2, 2]), None, None, 3)
    assert (scores["n_test"], scores["n_correct"], scores["accuracy"]) == (4, 3, 0.75)


def test_what_the_model_does_not_give_is_none():
    scores = score(np.array([0, 1]), np.array([0, 1]), None, None, 2)
    assert scores["log_loss"] is None
    assert scores["average_precision"] is None


def test_a_probability_of_zero_for_the_right_class_costs_a_finite_amount():
    y, probabilities = np.array([0, 1, 2]), np.array([[1, 0, 0], [1, 0, 0], [0, 0.5, 0.5]])
    assert np.isfinite(log_loss(y, probabilities))
    assert log_loss(y, probabilities) == pytest.approx(
        oracle.log_loss(y, probabilities, labels=[0, 1, 2]), rel=1e-12
    )


def test_log_loss_by_hand():
    probabilities = np.array([[0.5, 0.5], [0.25, 0.75]])
    assert log_loss(np.array([0, 1]), probabilities) == pytest.approx(
        -(np.log(0.5) + np.log(0.75)) / 2
    )


@pytest.mark.parametrize("n", [1, 2, 30, 500])
@pytest.mark.parametrize("levels", [1, 3, 10, 10**6])
@pytest.mark.parametrize("seed", range(3))
def test_average_precision_is_that_of_scikit_learn_ties_included(seed, levels, n):
    rng = np.random.default_rng(seed)
    y = rng.integers(2, size=n)
    y[0] = 1
    ranking = rng.integers(levels, size=n) / levels - 0.5
    assert average_precision(y, ranking) == pytest.approx(
        oracle.average_precision_score(y, ranking), rel=1e-12
    )


@settings(max_examples=60)
@given(
    st.lists(
        st.tuples(st.integers(0, 1), st.sampled_from([-1e300, -1.0, -1e-12, 0.0, 1e-12, 2.0])),
        min_size=1,
        max_size=15,
    ).filter(lambda rows: any(label for label, _ in rows))
)
def test_average_precision_does_not_depend_on_the_order_of_the_rows(rows):
    y, ranking = (np.array(column) for column in zip(*rows, strict=True))
    assert average_precision(y, ranking) == pytest.approx(
        oracle.average_precision_score(y, ranking), rel=1e-12
    )
    assert average_precision(y[::-1], ranking[::-1]) == pytest.approx(average_precision(y, ranking))


@pytest.mark.parametrize("constant", [-np.inf, 0.0, np.inf])
@pytest.mark.parametrize("y", [[1, 0, 0, 1, 0, 0], [0, 0, 1, 0, 0, 1]])
def test_where_all_rank_the_same_average_precision_is_the_share_of_the_class(y, constant):
    # As with one class labelled, whose decision values are infinitely apart.
    assert average_precision(np.array(y), np.full(6, constant)) == pytest.approx(2 / 6)


def test_without_an_example_of_the_second_class_there_is_no_average_precision():
    assert average_precision(np.zeros(3, dtype=int), np.array([0.1, 0.2, 0.3])) is None


def test_average_precision_stands_among_the_scores_of_two_classes():
    y, ranking = np.array([0, 1, 1, 0]), np.array([0.1, 0.9, 0.4, 0.6])
    scores = score(y, (ranking > 0.5).astype(int), None, ranking, 2)
    assert scores["average_precision"] == pytest.approx(oracle.average_precision_score(y, ranking))


@pytest.mark.parametrize("n_classes", [2, 3, 10])
@pytest.mark.parametrize("levels", [2, 5, 10**6])
@pytest.mark.parametrize("seed", range(4))
def test_the_area_under_the_roc_curve_is_that_of_scikit_learn_ties_included(
    seed, levels, n_classes
):
    rng = np.random.default_rng(seed)
    y = rng.permutation(np.arange(60) % n_classes)
    weights = rng.integers(1, levels, size=(60, n_classes), endpoint=True)
    probabilities = weights / weights.sum(axis=1, keepdims=True)
    if n_classes == 2:
        found = score(y, y, None, probabilities[:, 1])["roc_auc"]
        wanted = oracle.roc_auc_score(y, probabilities[:, 1])
    else:
        found = score(y, y, probabilities, None, n_classes)["roc_auc"]
        wanted = oracle.roc_auc_score(y, probabilities, multi_class="ovr")
    assert found == pytest.approx(wanted, rel=1e-12)


@pytest.mark.parametrize("scale", [1e-300, 1.0, 1e300])
def test_the_area_under_the_roc_curve_takes_decision_values_of_any_size(scale):
    y = np.array([0, 1, 0, 1, 1])
    ranking = scale * np.array([-2.0, -1.0, 0.0, 0.0, 3.0])
    assert score(y, y, None, ranking)["roc_auc"] == oracle.roc_auc_score(y, ranking) == 4.5 / 6
    endless = np.array([-np.inf, -np.inf, 1.0, np.inf, 0.0])
    assert score(y, y, None, endless)["roc_auc"] == 3.5 / 6


def test_scores_that_agree_at_nine_digits_are_ties_of_the_roc_curve():
    y = np.array([0, 1])
    assert score(y, y, None, np.array([0.3, 0.3 * (1 + 1e-12)]))["roc_auc"] == 0.5
    assert score(y, y, None, np.array([0.3, 0.3 * (1 + 1e-8)]))["roc_auc"] == 1.0
    # Just below a power of two, all binary digits differ.
    assert score(y, y, None, np.array([0.5 * (1 - 1e-12), 0.5]))["roc_auc"] == 0.5
    assert score(y, y, None, np.array([0.0, -0.0]))["roc_auc"] == 0.5


def test_a_class_that_cannot_be_told_from_the_rest_is_left_out_of_the_area():
    y, probabilities = (
        np.array([0, 0, 1]),
        np.array([[0.5, 0.4, 0.1], [0.2, 0.5, 0.3], [0, 0.6, 0.4]]),
    )
    assert score(y, y, probabilities, None, 3)["roc_auc"] == 1.0
    one_class = np.zeros(3, dtype=int)
    assert score(one_class, one_class, probabilities, None, 3)["roc_auc"] is None
    assert score(y, y, None, None, 3)["roc_auc"] is None


@pytest.mark.parametrize("n_classes", [2, 3, 10])
@pytest.mark.parametrize("seed", range(4))
def test_the_brier_score_is_that_of_scikit_learn(seed, n_classes):
    y, predicted, probabilities = drawn(seed, 80, n_classes)
    found = score(y, predicted, probabilities, None, n_classes)["brier"]
    if n_classes == 2:
        wanted = oracle.brier_score_loss(y, probabilities[:, 1])
    else:
        wanted = ((probabilities - np.eye(n_classes)[y]) ** 2).sum(axis=1).mean()
    assert found == pytest.approx(wanted, rel=1e-12)


def naive_ece(y, probabilities):
    """Return the error of equation 3, a bin at a time."""
    total = 0.0
    confidence, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == y
    for number in range(15):
        inside = (confidence > number / 15) & (confidence <= (number + 1) / 15)
        if inside.any():
            total += inside.mean() * abs(right[inside].mean() - confidence[inside].mean())
    return total


@pytest.mark.parametrize("n_classes", [2, 3, 10])
@pytest.mark.parametrize("seed", range(4))
def test_the_calibration_error_is_that_of_a_loop_over_bins(seed, n_classes):
    y, predicted, probabilities = drawn(seed, 300, n_classes)
    found = score(y, predicted, probabilities, None, n_classes)["ece"]
    assert found == pytest.approx(naive_ece(y, probabilities), rel=1e-9)


def test_a_confidence_on_an_edge_is_in_the_bin_below_whatever_its_rounding():
    y, edge = np.array([0, 0, 1]), 9 / 15
    for noise in (0.0, 1e-15, -1e-15):
        first = np.array([edge + noise, edge - 0.01, edge + 0.05])
        found = score(y, y, np.column_stack([first, 1 - first]), None, 2)["ece"]
        assert found == pytest.approx((abs(2 - 2 * edge + 0.01) + edge + 0.05) / 3)


@pytest.mark.parametrize("seed", range(4))
def test_f1_and_recall_are_those_of_the_second_class(seed):
    y, predicted, _ = drawn(seed, 50, 2)
    found = score(y, predicted)
    assert found["f1"] == pytest.approx(oracle.f1_score(y, predicted))
    assert found["recall"] == pytest.approx(oracle.recall_score(y, predicted))
    assert score(y, np.zeros(50, dtype=int))["f1"] == 0
    nobody = score(np.zeros(3, dtype=int), np.array([0, 1, 1]))
    assert nobody["f1"] is nobody["recall"] is None


def test_metrics_of_two_classes_are_none_for_three():
    y, predicted, probabilities = drawn(0, 30, 3)
    values = score(y, predicted, probabilities, None, 3)
    for name, metric in METRICS.items():
        assert (values[name] is None) == metric.binary_only


@pytest.mark.parametrize("name", METRICS)
def test_the_direction_and_the_largest_value_of_a_metric_are_as_the_table_says(name):
    """A model that is sure and right has the best value, one that is sure and wrong a worse."""
    y = np.array([0, 1, 1, 0])
    scores = [score(y, guess, np.eye(2)[guess], guess.astype(float))[name] for guess in (y, 1 - y)]
    metric = METRICS[name]
    best, worst = scores if metric.greater_is_better else scores[::-1]
    assert worst < best <= metric.largest
    assert metric.is_at(np.array(scores), scores[0]).tolist() == [True, False]
    assert metric.is_at(np.array(scores), scores[1]).tolist() == [True, True]


def test_an_unknown_metric_is_an_error_that_names_the_nearest():
    with pytest.raises(ValueError, match="there is no metric 'acuracy'; did you mean 'accuracy'"):
        metrics.find("acuracy")
