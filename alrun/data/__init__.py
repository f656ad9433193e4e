"""Data sets: reading, splitting, scaling."""
