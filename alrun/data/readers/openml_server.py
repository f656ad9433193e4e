"""Answers of OpenML's server: fetched once, checked, and kept in the user's cache.

The server is not trusted. Only https is spoken, wherever it sends us; an answer has a largest size;
and a file takes its place in the cache once it is whole and checked, never before. The cache has
the layout of scikit-learn's `fetch_openml`.
"""

import gzip
import hashlib
import json
import os
import secrets
import time
import urllib.request
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit

from sklearn.datasets import _openml

from alrun.errors import DatasetError, first_line
from alrun.util.atomic_files import unusable
from alrun.util.cache_folder import cache_folder

# The address of the API; scikit-learn before 1.8 has its host in a constant of its own.
_API = getattr(_openml, "_OPENML_PREFIX", "") + _openml._DATA_INFO.partition("data/")[0]
_LARGEST_ANSWER = 2**27
_LARGEST_FILE = 2**33
_CHUNK = 2**20
# Seconds without a byte after which a connection is given up.
_TIMEOUT = 60.0
_UNKNOWN = 412  # the status by which OpenML says that there is no such thing
# An opener with these knows https alone: a redirection to http, ftp or a local file is an error.
_HANDLERS = (
    urllib.request.ProxyHandler,
    urllib.request.HTTPSHandler,
    urllib.request.HTTPRedirectHandler,
    urllib.request.HTTPErrorProcessor,
    urllib.request.HTTPDefaultErrorHandler,
    urllib.request.UnknownHandler,
)


class _WrongFileError(Exception):
    """A file that is not what it should be; the message says why."""


def answer(source: str, path: str, what: str = "data set") -> Any:
    """Return an answer of the API, decoded from JSON.

    `source` is what the user asked for, and begins the message of a DatasetError. `what` names the
    thing that is asked for, in case that OpenML has no such thing.
    """
    content = answer_or_none(source, path)
    if content is None:
        raise DatasetError(f"{source}: OpenML has no such {what}")
    return content


def answer_or_none(source: str, path: str) -> Any:
    """Return an answer of the API as `answer` does, or None where OpenML has no such thing."""
    return _checked(source, f"{_API}{path}", _LARGEST_ANSWER, _json)


def data_file(source: str, url: str, md5: str) -> Path:
    """Return the path of a gzipped data file in the cache, its bytes checked against their MD5.

    Raises DatasetError, which `source` begins.
    """
    secure = url.replace("http://", "https://", 1) if url.startswith("http://") else url
    if not _checked(source, secure, _LARGEST_FILE, partial(_check_md5, md5)):
        raise DatasetError(f"{source}: OpenML does not have its data file any more")
    return _place(source, secure)


@contextmanager
def as_expected(source: str) -> Iterator[None]:
    """Turn errors by answers of another form than OpenML's into a DatasetError."""
    try:
        yield
    except (LookupError, TypeError, AttributeError, ValueError) as error:
        what = f"{type(error).__name__}: {first_line(error)}"
        raise DatasetError(f"{source}: an answer of OpenML has another form ({what})") from error


def _checked(source: str, url: str, largest: int, check: Callable[[Path], Any]) -> Any:
    """Return what `check` makes of a file in the cache; fetch the file if it is absent or damaged.

    A damaged file stays until a new one is whole.
    """
    path = _place(source, url)
    where = f"is not in {cache_folder()}"
    if path.exists():
        try:
            return check(path)
        except _WrongFileError as error:
            where = f"is damaged in the cache ({path}: {error})"
    temporary = path.with_name(f".{path.name[:100]}.{secrets.token_hex(8)}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _fetch(url, temporary, largest)
        content = check(temporary)
        os.replace(temporary, path)
        return content
    except (_WrongFileError, HTTPException) as error:
        raise DatasetError(f"{source} {where}, and OpenML's answer is wrong: {error}") from error
    except (URLError, TimeoutError, ConnectionError) as error:
        if isinstance(error, HTTPError) and error.code == _UNKNOWN:
            return None
        raise DatasetError(
            f"{source} {where} and cannot be fetched ({first_line(error)}); run the sweep once on a"
            " machine with network access, or copy that folder from one"
        ) from error
    except OSError as error:
        raise unusable(path, "be written", error) from error
    finally:
        temporary.unlink(missing_ok=True)


def _place(source: str, url: str) -> Path:
    """Return the path in the cache for a URL; raise DatasetError if it would be elsewhere."""
    address = urlsplit(url)
    parts = address.path.lstrip("/").split("/")
    is_plain = all(part not in (".", "..") and "\\" not in part for part in parts)
    if address.scheme != "https" or not is_plain or not url.isprintable() or len(url) > 1000:
        raise DatasetError(f"{source}: OpenML names {url!r} as a file to fetch; that is refused")
    return cache_folder() / "openml" / "openml.org" / ("/".join(parts) + ".gz")


def _fetch(url: str, path: Path, largest: int) -> None:
    """Write what a URL holds to a gzipped file; raise _WrongFileError if it is not whole."""
    with _opened(url) as response, open(path, "xb") as file:
        headers, n_bytes = response.info(), 0
        is_packed = headers.get("Content-Encoding", "") == "gzip"
        output: Any = file if is_packed else gzip.GzipFile(fileobj=file, mode="wb")
        while chunk := response.read(_CHUNK):
            n_bytes += len(chunk)
            if n_bytes > largest:
                raise _WrongFileError(f"it has more than {largest / 2**30:g} GiB")
            output.write(chunk)
        if not is_packed:
            output.close()
        announced = headers.get("Content-Length", "")
        if announced.isdecimal() and int(announced) != n_bytes:
            raise _WrongFileError(f"it has {n_bytes} bytes and not {announced}")


def _opened(url: str) -> Any:
    """Return the response for a URL; after a failure of the network a second one is tried."""
    opener = urllib.request.OpenerDirector()
    for handler in _HANDLERS:
        opener.add_handler(handler())
    request = urllib.request.Request(url, headers={"Accept-encoding": "gzip"})  # noqa: S310 -- https
    try:
        return opener.open(request, timeout=_TIMEOUT)
    except HTTPError:
        raise
    except OSError:
        time.sleep(0.1)
        return opener.open(request, timeout=_TIMEOUT)


def _json(path: Path) -> Any:
    """Return the content of a gzipped JSON file; raise _WrongFileError if it is none."""
    try:
        with gzip.open(path) as file:
            text = file.read(_LARGEST_ANSWER + 1)
        if len(text) > _LARGEST_ANSWER:
            raise _WrongFileError(f"it has more than {_LARGEST_ANSWER / 2**30:g} GiB")
        return json.loads(text)
    except (ValueError, EOFError, RecursionError, zlib.error, gzip.BadGzipFile) as error:
        raise _WrongFileError(f"it is not JSON ({first_line(error)})") from error


def _check_md5(md5: str, path: Path) -> bool:
    """Return True if the content of a gzipped file has this MD5; raise _WrongFileError if not."""
    found, n_bytes = hashlib.md5(usedforsecurity=False), 0
    try:
        with gzip.open(path) as file:
            while chunk := file.read(_CHUNK):
                n_bytes += len(chunk)
                if n_bytes > _LARGEST_FILE:
                    raise _WrongFileError(f"it has more than {_LARGEST_FILE / 2**30:g} GiB")
                found.update(chunk)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise _WrongFileError(f"it is damaged ({first_line(error)})") from error
    if found.hexdigest() != md5:
        raise _WrongFileError(
            f"its MD5 is {found.hexdigest()} and not {md5}, which OpenML gives for it"
        )
    return True
