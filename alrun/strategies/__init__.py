"""Query strategies, one file per family, with shared code in `support`."""
