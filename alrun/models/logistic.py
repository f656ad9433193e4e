"""Logistic regression, converged far enough that no decision depends on where the solver stops."""

from typing import Literal

from sklearn.linear_model import LogisticRegression


def logistic(C: float = 1.0, class_weight: Literal["balanced"] | None = None) -> LogisticRegression:
    """Fit an L2-penalised logistic regression, multinomial for more than two classes.

    The objective is C sum of losses + |W|^2 / 2, the intercept not penalised. scikit-learn's
    default solver stops short of the optimum at a place that depends on the processor, and the
    queries with it; Newton's method with conjugate gradients goes on until nothing moves.

    Source: Lin, Weng and Keerthi 2008, Trust region Newton method for large-scale logistic
    regression; the solver is scikit-learn's newton-cg.
    """
    return LogisticRegression(
        C=C, class_weight=class_weight, solver="newton-cg", tol=1e-8, max_iter=1000
    )
