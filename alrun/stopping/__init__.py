"""Stopping rules: when labelling may end, read off the signals of a run."""
