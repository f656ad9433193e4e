"""Experiments: their settings, their TOML files, and checks of the names in them."""
