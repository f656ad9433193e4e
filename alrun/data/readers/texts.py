"""Reader of texts in folders by class, and the counting of their words."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.feature_extraction.text import CountVectorizer

from alrun.data.readers.contents import Contents
from alrun.errors import DatasetError, first_line
from alrun.util.digest import digest
from alrun.util.import_path import completed, defaults_of

# Longer n-grams of words or characters hardly ever occur twice, and would fill the memory.
_LONGEST_NGRAM = 20
# Parameters of CountVectorizer that an experiment file can set. The others are functions, or about
# reading files.
_COUNTING_KEYS = (
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
    """Return the parameters of texts, from scikit-learn's CountVectorizer, with defaults."""
    defaults = defaults_of(CountVectorizer)
    return {key: defaults[key] for key in _COUNTING_KEYS}


def read_texts(folder: Path, parameters: Mapping[str, Any]) -> Contents:
    """Read the UTF-8 files of a folder, one subfolder for each class, and count their words.

    Classes and files are sorted by name; names that begin with a dot are skipped. Raises
    DatasetError, which names the file.
    """
    documents, labels = [], []
    content = hashlib.sha256()
    for path, text in documents_in(folder):
        documents.append(text)
        labels.append(path.parent.name)
        for part in (path.parent.name.encode(), text.encode()):
            content.update(hashlib.sha256(part).digest())
    if not documents:
        names = [path.name for path in _entries(folder)]
        raise DatasetError(
            f"{folder}: there are no classes; make a folder of UTF-8 files for each of them"
            + (f", or name a file in it, such as {folder.name}/{names[0]}" if names else "")
        )
    X, resolved = count_words(folder, documents, parameters)
    fingerprint = digest(["texts", content.hexdigest(), resolved])
    return Contents(X, np.array(labels), fingerprint, (vocabulary_note(X),), "tfidf")


def documents_in(folder: Path) -> Iterator[tuple[Path, str]]:
    """Yield the files of the classes of a folder with their texts; raises DatasetError."""
    for class_folder in _entries(folder):
        if not class_folder.is_dir():
            continue
        files = _entries(class_folder)
        if not files:
            raise DatasetError(
                f"{class_folder}: a class without texts; add some or drop the folder"
            )
        for path in files:
            yield path, _decoded(path, _bytes_of(path))


def count_words(
    path: Path, documents: Sequence[str], parameters: Mapping[str, Any]
) -> tuple[Any, dict[str, Any]]:
    """Return the counts of each word in each document, CSR, and all parameters, resolved.

    Raises DatasetError if a parameter is wrong or no word is left.
    """
    resolved = completed(str(path), counting_parameters(), parameters, DatasetError)
    # Keep whole numbers as they are: max_df = 5 counts documents, 5.0 would be a share of them.
    resolved |= parameters
    ngram_range = resolved["ngram_range"]
    if isinstance(ngram_range, list):  # TOML has no tuples, and scikit-learn requires one
        ngram_range = tuple(ngram_range)
        if any(isinstance(end, int) and end > _LONGEST_NGRAM for end in ngram_range):
            raise DatasetError(f"{path}: ngram_range must not go beyond {_LONGEST_NGRAM}")
    try:
        counter = CountVectorizer(**{**resolved, "ngram_range": ngram_range}, dtype=np.float64)
        X = counter.fit_transform(documents)
    except Exception as error:  # parameters from a file raise almost anything
        raise DatasetError(f"{path}: words cannot be counted: {first_line(error)}") from error
    return sparse.csr_matrix(X), resolved


def vocabulary_note(X: Any) -> str:
    """Return the note on texts converted to word counts."""
    return f"texts as counts of {X.shape[1]:,} words"


def _entries(folder: Path) -> list[Path]:
    """Return the visible entries of a folder, sorted by name."""
    try:
        return sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    except OSError as error:
        raise DatasetError(f"{folder} cannot be read: {error.strerror}") from error


def _bytes_of(path: Path) -> bytes:
    if path.is_dir():
        raise DatasetError(
            f"{path}: a folder among the texts of a class; move its files up, or drop it"
        )
    if path.suffix.lower() == ".parquet":
        raise DatasetError(
            f"{path}: a Parquet file among the texts of a class; name the folder of one table,"
            " whose subfolders are named column=value if it has any"
        )
    try:
        return path.read_bytes()
    except OSError as error:
        raise DatasetError(f"{path} cannot be read: {error.strerror}") from error


def _decoded(path: Path, encoded: bytes) -> str:
    try:
        text = encoded.decode("utf-8")
    except UnicodeDecodeError as error:
        raise DatasetError(
            f"{path} is not UTF-8 at byte {error.start}; convert the file, or drop it"
        ) from error
    if not text.strip():
        raise DatasetError(f"{path}: the text is empty; drop the file")
    return text
