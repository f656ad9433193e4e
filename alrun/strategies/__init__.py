"""Query strategies, one file per family; `support` holds what serves them."""
