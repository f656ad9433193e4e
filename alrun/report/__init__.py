"""Reports: what the curves of a results directory say, with their uncertainty."""
