"""The results directory: its files, its tables, and the curves read from them."""
