"""A sweep: the grid, what is missing of it, and running that."""
