"""The page on which annotators of this machine label the open batches of a project."""
