"""Reader of images in the format of MNIST: a folder of idx files, gzipped or not."""

import gzip
import hashlib
import math
from dataclasses import dataclass
from os.path import isdir
from pathlib import Path
from typing import Any

import numpy as np

from alrun.arrays import IntArray
from alrun.data.readers.contents import Contents
from alrun.data.readers.memory_limit import check_fits, read_at_most
from alrun.data.readers.source_file import SourceFile, opened
from alrun.errors import DatasetError, first_line
from alrun.util.digest import digest

# The type code of unsigned bytes. A file begins with two zero bytes, the type code, the number of
# dimensions.
_UNSIGNED_BYTE = 8
# Parts of a data set, in the order in which they are concatenated.
_PARTS = ("train", "t10k", "test")


def check_idx(folder: Path) -> None:
    """Raise DatasetError unless the folder holds images and labels of one data set."""
    _pairs(folder)


def read_idx(folder: Path) -> Contents:
    """Read the images and labels of a folder, the training part first; raises DatasetError.

    The features are the unscaled pixels in float32; labels are 0 to 255.
    """
    parts = [_Part.read(images, labels) for images, labels in _pairs(folder)]
    for part in parts:
        if part.images.shape[1] != parts[0].images.shape[1]:
            raise DatasetError(
                f"{folder}: its images have {parts[0].images.shape[1]} and"
                f" {part.images.shape[1]} pixels; keep only images of one size"
            )
    n_examples = sum(len(part.labels) for part in parts)
    X = np.empty((n_examples, parts[0].images.shape[1]), np.float32)
    np.concatenate([part.images for part in parts], out=X)
    labels = np.concatenate([part.labels for part in parts])
    return Contents(X, labels, digest(["idx", *(part.content for part in parts)]))


@dataclass(frozen=True)
class _Part:
    """Images, one a row, their labels, and the hashes of the two files."""

    images: IntArray
    labels: IntArray
    content: list[str]

    @classmethod
    def read(cls, images: Path, labels: Path) -> "_Part":
        pixels, hash_of_pixels = _bytes_of(images, 3)
        codes, hash_of_codes = _bytes_of(labels, 1)
        if len(pixels) != len(codes):
            raise DatasetError(
                f"{images} holds {len(pixels)} images, but {labels.name} {len(codes)} labels; fetch"
                " both again"
            )
        return cls(pixels, codes.reshape(-1), [hash_of_pixels, hash_of_codes])


def _pairs(folder: Path) -> list[tuple[Path, Path]]:
    """Return the files of images and labels, the training part first.

    If a file exists both gzipped and unpacked, as after a download, the unpacked one is taken.
    """
    if not isdir(folder):  # unlike Path.is_dir, it returns False for a name that is too long
        raise DatasetError(f"there is no folder '{folder}'")
    files: dict[str, dict[str, Path]] = {"images": {}, "labels": {}}
    try:
        paths = sorted(folder.iterdir())
    except OSError as error:
        raise DatasetError(f"{folder} cannot be read: {error.strerror}") from error
    for path in paths:
        for kind, by_part in files.items():
            if kind in path.name and path.is_file():
                by_part.setdefault(path.name.partition(kind)[0], path)
    images, labels = files["images"], files["labels"]
    if not images:
        raise DatasetError(f"{folder}: there is no file of images, such as train-images-idx3-ubyte")
    for part in sorted(images.keys() ^ labels.keys()):
        kind = "images" if part in labels else "labels"
        raise DatasetError(f"{folder}: there is no file '{part}{kind}...'; add it")
    for previous, part in zip(sorted(images), sorted(images)[1:], strict=False):
        if _without_part(previous) != _without_part(part):
            raise DatasetError(
                f"{folder} holds several data sets, '{previous}' and '{part}'; keep each in a"
                " folder of its own"
            )
    ordered = sorted(images, key=lambda part: ([name not in part for name in _PARTS], part))
    return [(images[part], labels[part]) for part in ordered]


def _without_part(prefix: str) -> str:
    """Return the prefix of a file's name without the name of its part, such as "train"."""
    for name in _PARTS:
        prefix = prefix.replace(name, "")
    return prefix


def _bytes_of(path: Path, fewest_dimensions: int) -> tuple[IntArray, str]:
    """Return the numbers of a file, shape (n, numbers in each), and the hash of its content."""
    with opened(path) as file:
        try:
            header, shape, content = _unpacked(file, fewest_dimensions)
        except DatasetError:
            raise
        except Exception as error:  # a damaged file raises almost anything
            raise DatasetError(f"{path} cannot be read: {first_line(error)}") from error
    expected = math.prod(shape)
    if len(content) != expected:
        has = f"{'more' if len(content) > expected else 'fewer'} than the {expected}"
        raise DatasetError(f"{path} has {has} numbers that its header says; fetch it again")
    if expected == 0:
        raise DatasetError(f"{path} holds no examples")
    hashed = hashlib.sha256(header)
    hashed.update(content)
    return np.frombuffer(content, np.uint8).reshape(shape[0], -1), hashed.hexdigest()


def _unpacked(file: SourceFile, fewest_dimensions: int) -> tuple[bytes, list[int], bytearray]:
    """Return header, shape and numbers; no more is unpacked than one more than the header says."""
    is_packed = file.path.suffix == ".gz"
    stream: Any = gzip.GzipFile(fileobj=file.from_start()) if is_packed else file.from_start()
    header, shape = _header(file.path, stream, fewest_dimensions)
    expected = math.prod(shape)
    most = expected if is_packed else min(expected, file.n_bytes)
    check_fits(file.path, most * (1 + np.dtype(np.float32).itemsize))
    return header, shape, read_at_most(stream, expected + 1)


def _header(path: Path, stream: Any, fewest_dimensions: int) -> tuple[bytes, list[int]]:
    """Return the bytes of a header, and the shape that it names; raises DatasetError."""
    magic = stream.read(4)
    n_dimensions = magic[3] if len(magic) > 3 else 0
    if magic[:3] != bytes([0, 0, _UNSIGNED_BYTE]) or n_dimensions == 0:
        raise DatasetError(
            f"{path} is not an idx file of unsigned bytes: it begins with {magic!r}; drop it, or"
            " fetch it again"
        )
    if (n_dimensions == 1) != (fewest_dimensions == 1):
        raise DatasetError(
            f"{path} has {n_dimensions} dimensions; labels must have one, images at least two"
        )
    sizes = stream.read(4 * n_dimensions)
    if len(sizes) < 4 * n_dimensions:
        raise DatasetError(f"{path} ends within its header; fetch it again")
    return magic + sizes, [int(size) for size in np.frombuffer(sizes, ">u4")]
