"""Logistic regression, converged, and fast to refit."""
