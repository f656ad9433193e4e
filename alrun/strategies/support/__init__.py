"""Code shared by the strategies."""
