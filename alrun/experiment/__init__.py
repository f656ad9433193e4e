"""Experiments: their settings, the TOML files they stand in, and the names they use."""
