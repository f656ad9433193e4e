"""The originals to mutate: valid experiments, their data files, and results."""

import gzip
import struct

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from small_experiments import TINY

from alrun.api import run_sweep

# Every key of docs/data.md, over files that `prepared` writes.
GRID = """
strategies = ["random", {names}{{ name = "margin", label = "again", replica = 1 }}]
batch_sizes = [3, 5]
seeds = [0, 3]
targets = [0.5, 0.9]
budget = 24
"""
BASES = {
    "texts": """
        metric = "balanced_accuracy"
        model = { C = 2.0, class_weight = "balanced" }
        initial = { size = 6, method = "random" }
        [dataset]
        name = "texts/"
        test_size = 0.3
        ngram_range = [1, 2]
        min_df = 1
        max_features = 500
        token_pattern = '\\w+'
        """,
    "reviews": """
        metric = "average_precision"
        initial = { size = 0.3, method = "stratified" }
        [dataset]
        name = "reviews.csv"
        label = "words"
        text = "review"
        target = "opinion"
        positive = "good"
        [model]
        steps = [
            { name = "sklearn.decomposition.TruncatedSVD", n_components = 3 },
            "sklearn.preprocessing.StandardScaler",
            { name = "sklearn.linear_model.LogisticRegression", C = 2.0 },
        ]
        """,
    "arrays": """
        metric = "macro_f1"
        [[dataset]]
        name = "arrays.npz"
        scale = "minmax"
        [[dataset]]
        name = "sparse.svmlight"
        scale = 2
        test_size = 20
        [[model]]
        label = "one"
        class_weight = { 0 = 2.0, 1 = 1 }
        [[model]]
        name = "sklearn.linear_model.LogisticRegression"
        C = 0.5
        max_iter = 200
        """,
    "images": """
        dataset = { name = "idx:images", scale = 255, subsample = 50, test_size = 15 }
        initial = { size = 6, method = "kmeans" }
        model = { name = "sklearn.neighbors.KNeighborsClassifier", n_neighbors = 2 }
        """,
    "splits": """
        dataset = { name = "flowers.csv", target = "species", splits = "splits.csv" }
        model = { name = "sklearn.naive_bayes.GaussianNB", var_smoothing = 1e-8 }
        """,
    "semicolons": """
        [dataset]
        name = "semicolons.csv"
        target = "3"
        missing = { 1 = "mean" }
        [dataset.read]
        sep = ";"
        decimal = ","
        thousands = "."
        encoding = "latin-1"
        na_values = ["?"]
        header = false
        categories = ["2"]
        """,
    "initial": """
        dataset = { name = "flowers.parquet", target = "species", scale = "standard" }
        initial = { method = "file", file = "initial.csv" }
        """,
    "gaps": """
        [dataset]
        name = "people.csv"
        target = "vote"
        drop = ["id"]
        missing = { age = "median", income = -1, city = "category" }
        missing_indicator = true
        scale = "standard"
        ceiling = true
        """,
    "kept": """
        [dataset]
        name = "people.csv"
        target = "vote"
        columns = ["age", "income"]
        missing = "keep"
        rare = "merge"
        rare_below = 12
        [model]
        name = "sklearn.ensemble.HistGradientBoostingClassifier"
        max_iter = 2
        """,
    "bins": """
        skip_impossible = true
        [dataset]
        name = "people.csv"
        target = "id"
        drop = ["city"]
        bins = 3
        missing = "most_frequent"
        stratify = false
        ceiling = false
        [[initial]]
        size = 9
        method = "random"
        [[initial]]
        size = 8
        method = "typical"
        label = "eight"
        [[model]]
        name = "sklearn.linear_model.Perceptron"
        [[model]]
        name = "sklearn.neighbors.KNeighborsClassifier"
        n_neighbors = 10
        fallback = "logistic"
        """,
    "tested": """
        [dataset]
        name = "flowers.csv"
        target = "species"
        test = "more.csv"
        rare = "drop"
        rare_below = 3
        [[initial]]
        per_class = 2
        [[initial]]
        size = 9
        model_scores = "scores.csv"
        [[initial]]
        method = "file"
        file = "initial.csv"
        """,
    "parts": """
        dataset = { name = "parts/", target = "species", columns = ["length", "colour"] }
        initial = { size = 6, method = "typical" }
        """,
    "drawn": """
        max_seeds = 12
        until_halfwidth = 0.2
        [dataset]
        name = "make_classification"
        per_seed = true
        n_samples = 90
        n_features = 6
        n_informative = 3
        n_classes = 3
        n_clusters_per_class = 1
        weights = [0.4, 0.3, 0.3]
        """,
}
TARGETS = [
    "[0.5, 0.9]",
    "[0.5, 0.9]",
    "[]",
    '["90% of full", "random@end", 0.5]',
    '["50% between floor and full"]',
]
# Without a ceiling there is no share of it, and without a target no half-width of a saving.
N_TARGETS = {"bins": 3, "drawn": 2}
STRATEGIES = [
    '"entropy"',
    '{ name = "mine.py:softened", beta = 2.0 }',
    '{ name = "density", beta = 2.0, label = "density 2" }',
    '{ name = "typiclust", neighbours = 5, components = 4 }',
    '{ name = "prob_cover", reference = 40 }',
    '{ name = "qbc_vote", members = 3 }',
    '{ name = "balanced", w = 0.3 }',
]
MINE = """
import numpy as np


def softened(pool, n, rng, beta=1.0):
    return beta * rng.random(len(pool))
"""


def as_arff(frame):
    """Return a table of numbers and texts in Weka's format."""
    kinds = {
        name: "{" + ",".join(sorted(set(values))) + "}"
        if values.dtype.kind not in "f"
        else "NUMERIC"
        for name, values in frame.items()
    }
    head = [f"@ATTRIBUTE {name} {kind}" for name, kind in kinds.items()]
    rows = [",".join(map(str, row)) for row in frame.itertuples(index=False)]
    return "\n".join(["@RELATION flowers", *head, "@DATA", *rows]) + "\n"


def rows_of(X, colour, species):
    """Return the lines of the table of flowers."""
    flowers = zip(X, colour, species, strict=False)
    rows = [f"{a},{b},{colour_of},{kind}" for (a, b, _), colour_of, kind in flowers]
    return ["length,width,colour,species", *rows]


def write_people(folder, y):
    """Write a table with an identifier, missing numbers and texts, and classes of three sizes."""
    rng = np.random.default_rng(8)
    votes = np.array(["yes", "no", "none"])[np.minimum(y, rng.integers(3, size=len(y)))]
    people = pd.DataFrame({
        "id": np.arange(len(y)) + 500, "age": rng.integers(18, 90, len(y)).astype(float),
        "income": np.round(rng.normal(size=len(y)), 2),
        "city": rng.choice(["Lima", "Oslo"], len(y)), "vote": votes,
    })  # fmt: skip
    people.loc[[3, 7, 20], "age"] = None
    people.loc[[4, 7], "income"] = None
    people.loc[[5], "city"] = None
    people.to_csv(folder / "people.csv", index=False)


def prepared(folder):
    """Write the files named in the experiments, and results; return the folder."""
    rng = np.random.default_rng(7)
    folder.mkdir(parents=True, exist_ok=True)
    n = 60
    y = np.arange(n) % 3
    X = np.round(rng.normal(size=(n, 3)) + y[:, None], 3)
    species, colour = np.array(["setosa", "7", "virginica"])[y], np.array(["red", "blue"])[y % 2]
    (folder / "flowers.csv").write_text("\n".join(rows_of(X, colour, species)) + "\n")
    rows = [f"{a};{b};{k};{s}".replace(".", ",") for (a, b, k), s in zip(X, species, strict=True)]
    rows[7] = rows[7].replace(rows[7].split(";")[1], "?")
    (folder / "semicolons.csv").write_text("\n".join(rows) + "\n", encoding="latin-1")
    columns = {"length": X[:, 0], "colour": colour, "width": X[:, 1].astype("f4")}
    columns |= {"species": species, "vector": list(X), "size": y.astype("i2") + 1}
    pq.write_table(pa.table(columns), folder / "flowers.parquet")
    plain = pd.DataFrame({name: columns[name] for name in ("length", "colour", "width", "species")})
    plain.to_feather(folder / "flowers.feather")
    plain.to_json(folder / "flowers.jsonl", orient="records", lines=True)
    (folder / "flowers.arff").write_text(as_arff(plain))
    (folder / "flowers.csv.gz").write_bytes(
        gzip.compress((folder / "flowers.csv").read_bytes(), mtime=0)
    )
    wide = {"label": y, "vector": pa.array(list(X), pa.list_(pa.float32()))}
    wide["one"] = pa.array(X[:, 0], pa.float32())
    pq.write_table(pa.table(wide), folder / "wide.parquet")
    np.savez(folder / "arrays.npz", X=X, y=y)
    write_people(folder, y)
    (folder / "more.csv").write_text("\n".join(rows_of(X[:20], colour, species)) + "\n")
    scores = np.round(rng.dirichlet(np.ones(3), size=n + 20), 4)
    pd.DataFrame(scores).to_csv(folder / "scores.csv", index=False)
    for colour_of, part in plain.groupby("colour"):
        (folder / "parts" / f"colour={colour_of}").mkdir(parents=True)
        part.drop(columns="colour").to_parquet(folder / f"parts/colour={colour_of}/part-0.parquet")
    lines = [f"{c} 1:{abs(a)} {c + 2}:1.5" for c, a in zip(y, X[:, 0], strict=True)]
    (folder / "sparse.svmlight").write_text("\n".join(lines) + "\n")
    words = [
        f"{('nice', 'fine', 'warm')[row % 3]} {('dull', 'cold')[row % 2]} day {code}"
        for row, code in enumerate(y)
    ]
    opinions = np.array(["good", "bad", "so so"])[y]
    rows = [f"{o},{w}" for o, w in zip(opinions, words, strict=True)]
    (folder / "reviews.csv").write_text("\n".join(["opinion,review", *rows]) + "\n")
    for place, (opinion, text) in enumerate(zip(opinions, words, strict=True)):
        (folder / "texts" / opinion).mkdir(parents=True, exist_ok=True)
        (folder / "texts" / opinion / f"{place}.txt").write_text(text)
    (folder / "images").mkdir()
    pixels = rng.integers(256, size=(n, 4, 4), dtype=np.uint8)
    images = struct.pack(">4B3I", 0, 0, 8, 3, *pixels.shape) + pixels.tobytes()
    (folder / "images" / "train-images-idx3-ubyte").write_bytes(images)
    labels = struct.pack(">4BI", 0, 0, 8, 1, n) + y.astype(np.uint8).tobytes()
    (folder / "images" / "train-labels-idx1-ubyte.gz").write_bytes(gzip.compress(labels, mtime=0))
    roles = [
        ("test", "initial", "pool")[0 if row < 15 else 1 if row < 24 else 2] for row in range(n)
    ]
    splits = [f"{seed},{row},{roles[row]}" for seed in (0, 3) for row in range(n)]
    (folder / "splits.csv").write_text("\n".join(["seed,index,role", *splits]) + "\n")
    (folder / "initial.csv").write_text("index\n" + "\n".join(map(str, range(9))) + "\n")
    (folder / "mine.py").write_text(MINE)
    (folder / "tiny.toml").write_text(TINY)
    run_sweep(folder / "tiny.toml", folder / "tiny", jobs=1)
    return folder


def experiment_of(base, rng):
    """Return a valid experiment."""
    others = rng.permutation(STRATEGIES)[: int(rng.integers(3))]
    grid = GRID.format(names="".join(f"{name}, " for name in others))
    targets = TARGETS[: N_TARGETS.get(base)]
    grid = grid.replace("[0.5, 0.9]", targets[int(rng.integers(len(targets)))])
    if "until_halfwidth" in BASES[base]:
        grid = grid.replace("seeds = [0, 3]", "seeds = 2")
    return grid + BASES[base]
