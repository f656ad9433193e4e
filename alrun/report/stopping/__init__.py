"""Stopping rules judged: their rows, sentences and tables."""
