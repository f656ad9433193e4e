"""One run: the active-learning loop, its queries and its provenance."""
