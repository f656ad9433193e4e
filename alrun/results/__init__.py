"""The results directory: its files, its tables, and the curves in them."""
