"""Data files that change under the reader: what is read is one file, or refused."""

import shutil

from changing_files import changed_at, overwritten, replaced
from fuzzing.files import GRID
from fuzzing.mutations import mutated_bytes, pick

from alrun.data.readers.source_file import HELD_BYTES
from alrun.errors import AlrunError
from alrun.sweep.plan import plan_sweep

# The data set and its settings, by the file that changes.
FILES = {
    "flowers.csv": ("flowers.csv", 'target = "species"'),
    "reviews.csv": ("reviews.csv", 'target = "opinion"\ntext = "review"'),
    "flowers.parquet": ("flowers.parquet", 'target = "species"'),
    "flowers.csv.gz": ("flowers.csv.gz", 'target = "species"'),
    "flowers.feather": ("flowers.feather", 'target = "species"'),
    "flowers.jsonl": ("flowers.jsonl", 'target = "species"'),
    "flowers.arff": ("flowers.arff", 'target = "species"'),
    "wide.parquet": ("wide.parquet", 'target = "label"'),
    "arrays.npz": ("arrays.npz", ""),
    "sparse.svmlight": ("sparse.svmlight", "test_size = 20"),
    "images/train-images-idx3-ubyte": ("idx:images", "test_size = 20"),
    "images/train-labels-idx1-ubyte.gz": ("idx:images", "test_size = 20"),
}


def check_change(rng, folder):
    """Read a file that becomes another one at a random moment; it is one of the two, or refused."""
    case = folder / "case"
    shutil.rmtree(case, ignore_errors=True)
    shutil.copytree(folder / "images", case / "images")
    file = pick(rng, list(FILES))
    name, settings = FILES[file]
    path, whole = case / file, (folder / file).read_bytes()
    changed = pick(rng, [mutated_bytes, other_labels])(whole, rng)
    (case / "question.toml").write_text(
        GRID.format(names="") + f"[dataset]\nname = '{name}'\n{settings}"
    )
    answers = []
    for content in (whole, changed):
        path.write_bytes(content)
        answers.append(answer_of(case / "question.toml"))
    path.write_bytes(whole)
    change, moment = pick(rng, [replaced, overwritten, overwritten]), int(rng.integers(3))
    with changed_at(moment, lambda: change(path, changed), pick(rng, [0, 0, HELD_BYTES])):
        answer = answer_of(case / "question.toml")
    if answer not in answers:
        assert change is overwritten, answer
        assert "changed while it was read" in answer, answer
    return 2 if isinstance(answer, str) else 0


def other_labels(content, rng):
    """Return a file that is as well-formed, if it holds texts or plain arrays."""
    return content.replace(b"setosa", b"sylvan").replace(b"good", b"fine").replace(b"warm", b"cold")


def answer_of(question):
    """Return fingerprint, features and labels that a sweep would run on, or the error."""
    try:
        plan = plan_sweep(question, question.parent / "none")
    except AlrunError as error:
        return str(error)
    (dataset,) = plan.sources.values()
    X = dataset.X.toarray() if hasattr(dataset.X, "toarray") else dataset.X
    return dataset.fingerprint, X.tolist(), dataset.labels, dataset.y.tolist()
