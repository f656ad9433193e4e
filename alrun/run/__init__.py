"""One run: the active-learning loop and what it reports."""
