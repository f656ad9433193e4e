"""A sweep: the grid of an experiment, its missing runs, and their computation."""
