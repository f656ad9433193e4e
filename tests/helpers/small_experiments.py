"""Small experiments shared by the tests, and the tables of their results."""

SMALL = """
strategies  = ["random", "least_confidence", "margin", "entropy"]
batch_sizes = [10, 25]
seeds       = 2
targets     = [0.8, 0.9]
budget      = 65

[dataset]
name      = "digits"
scale     = 16
test_size = 540

[initial]
per_class = 2
"""

TINY = """
strategies  = ["random", "margin"]
batch_sizes = [5]
seeds       = 3
targets     = [0.9]
budget      = 20

[dataset]
name      = "iris"
test_size = 50

[initial]
per_class = 2
"""

TABLES = (
    "curves.parquet",
    "queries.parquet",
    "splits.parquet",
    "references.parquet",
    "signals.parquet",
)


def tables(results):
    return [(results / name).read_bytes() for name in TABLES]
