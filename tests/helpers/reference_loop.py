"""A second active-learning loop, in plain scikit-learn and pandas, to check the first.

It replays stored queries. It knows the experiment SMALL of `small_experiments`, and uses no code of
the package.
"""

import numpy as np
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score, f1_score, log_loss

DIGITS = load_digits()
X, Y = DIGITS.data / 16, DIGITS.target
CLASSES = np.arange(10)


def uncertainty(name, probabilities):
    """Return the textbook score of a strategy, a row at a time."""
    scores = []
    for row in probabilities:
        ordered = sorted(row, reverse=True)
        if name == "least_confidence":
            scores.append(1 - ordered[0])
        elif name == "margin":
            scores.append(-(ordered[0] - ordered[1]))
        elif name == "entropy":
            scores.append(-sum(p * np.log(p) for p in row if p > 0))
    return np.array(scores)


def replay(splits, queries):
    """Yield for each round the labelled rows, the unlabelled rows, the model and the batch."""
    labelled = splits.loc[splits["role"] == "initial", "index"].tolist()
    pool = set(splits.loc[splits["role"] == "pool", "index"])
    last = queries["round"].max()
    for number in range(last + 2):
        model = LogisticRegression(C=1.0, solver="newton-cg", tol=1e-8, max_iter=1000)
        model.fit(X[labelled], Y[labelled])
        batch = queries[queries["round"] == number].sort_values("position")["index"].tolist()
        yield list(labelled), sorted(pool), model, batch
        labelled += batch
        pool -= set(batch)


def scores(model, test):
    """Return the scores in a row of the curves, by scikit-learn's metrics."""
    probabilities, predicted = model.predict_proba(X[test]), model.predict(X[test])
    return {
        "n_test": len(test),
        "n_correct": int((predicted == Y[test]).sum()),
        "accuracy": float((predicted == Y[test]).mean()),
        "balanced_accuracy": balanced_accuracy_score(Y[test], predicted),
        "macro_f1": f1_score(Y[test], predicted, average="macro"),
        "log_loss": log_loss(Y[test], probabilities, labels=CLASSES),
    }
