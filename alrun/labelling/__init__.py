"""Labelling for real: the live loop, its state, and the files that annotators exchange with it."""
