"""General helpers, independent of active learning."""
