"""Texts: a folder of them by class, and how words are counted."""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.feature_extraction.text import CountVectorizer

from alrun.data.readers.contents import Contents, digest
from alrun.errors import DatasetError, first_line
from alrun.util.import_path import completed, defaults_of

# Longer runs of words or characters hardly ever occur twice, and would fill the memory.
_LONGEST_RUN = 20
# Those of CountVectorizer that a file can hold; the others are functions, or about reading.
_COUNTING = (
    "strip_accents",
    "lowercase",
    "stop_words",
    "token_pattern",
    "ngram_range",
    "analyzer",
    "max_df",
    "min_df",
    "max_features",
    "binary",
)


def counting_parameters() -> dict[str, Any]:
    """Return the parameters of scikit-learn's CountVectorizer that texts take, with defaults."""
    defaults = defaults_of(CountVectorizer)
    return {key: defaults[key] for key in _COUNTING}


def read_texts(folder: Path, parameters: Mapping[str, Any]) -> Contents:
    """Read a folder that holds a folder of UTF-8 files for each class, and count their words.

    Classes and files come in the order of their names; those that begin with a dot are passed
    over. Raises DatasetError, which names the file.
    """
    documents, labels = [], []
    content = hashlib.sha256()
    for class_folder in _entries(folder):
        if not class_folder.is_dir():
            continue
        files = _entries(class_folder)
        if not files:
            raise DatasetError(f"{class_folder}: a class without texts; drop the folder")
        for path in files:
            written = _bytes_of(path)
            documents.append(_decoded(path, written))
            labels.append(class_folder.name)
            for part in (class_folder.name.encode(), written):
                content.update(hashlib.sha256(part).digest())
    if not documents:
        raise DatasetError(f"{folder}: there are no classes; each is a folder of UTF-8 files")
    X, resolved = count_words(folder, documents, parameters)
    fingerprint = digest(["texts", content.hexdigest(), resolved])
    return Contents(X, np.array(labels), fingerprint, (vocabulary_note(X),), "tfidf")


def count_words(
    path: Path, documents: Sequence[str], parameters: Mapping[str, Any]
) -> tuple[Any, dict[str, Any]]:
    """Return how often each document has each word, CSR, and the parameters, defaults included.

    Raises DatasetError where a parameter is wrong or no word is left.
    """
    # Over what `completed` makes of them: max_df = 5 counts documents, 5.0 would be a share.
    resolved = completed(str(path), counting_parameters(), parameters, DatasetError)
    resolved |= parameters
    range_of_words = resolved["ngram_range"]
    if isinstance(range_of_words, list):  # TOML has no tuples, and scikit-learn takes nothing else
        range_of_words = tuple(range_of_words)
        if any(isinstance(end, int) and end > _LONGEST_RUN for end in range_of_words):
            raise DatasetError(f"{path}: ngram_range goes up to {_LONGEST_RUN}, not beyond")
    try:
        counter = CountVectorizer(**{**resolved, "ngram_range": range_of_words}, dtype=np.float64)
        X = counter.fit_transform(documents)
    except Exception as error:  # parameters from a file raise almost anything
        raise DatasetError(f"{path}: no words can be counted: {first_line(error)}") from error
    return sparse.csr_matrix(X), resolved


def vocabulary_note(X: Any) -> str:
    """Say what was done to texts."""
    return f"texts as counts of {X.shape[1]:,} words"


def _entries(folder: Path) -> list[Path]:
    """Return what a folder holds in the order of the names, without what is hidden."""
    try:
        return sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    except OSError as error:
        raise DatasetError(f"{folder} cannot be read: {error.strerror}") from error


def _bytes_of(path: Path) -> bytes:
    if path.is_dir():
        raise DatasetError(f"{path}: a folder among the texts of a class; move its files up")
    try:
        return path.read_bytes()
    except OSError as error:
        raise DatasetError(f"{path} cannot be read: {error.strerror}") from error


def _decoded(path: Path, written: bytes) -> str:
    try:
        text = written.decode("utf-8")
    except UnicodeDecodeError as error:
        raise DatasetError(
            f"{path}: not UTF-8 at byte {error.start}; convert it, or drop the file"
        ) from error
    if not text.strip():
        raise DatasetError(f"{path}: an empty text; drop the file")
    return text
