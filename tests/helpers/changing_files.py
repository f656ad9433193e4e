"""Files that change at a given moment of their reading."""

import os
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

from alrun.data.readers import source_file
from alrun.data.readers.source_file import SourceFile


def replaced(path, content):
    """Put another file in the place of a file, as a download does that is then renamed."""
    other = path.with_name(f".{path.name}.other")
    other.write_bytes(content)
    os.replace(other, path)


def overwritten(path, content):
    """Write other content into the same file."""
    path.write_bytes(content)


@contextmanager
def changed_at(moment, change, held_bytes=source_file.HELD_BYTES):
    """Call `change` before the reader turns to an open file for the time `moment`, from 0.

    Yields a list of the moments so far: if it is not longer than `moment`, there was no change.
    """
    moments = []

    def counted(function):
        def call(*arguments, **keywords):
            if len(moments) == moment:
                change()
            moments.append(function)
            return function(*arguments, **keywords)

        return call

    with (
        mock.patch.object(source_file, "HELD_BYTES", held_bytes),
        mock.patch.object(SourceFile, "from_start", counted(SourceFile.from_start)),
        mock.patch.object(Path, "read_bytes", counted(Path.read_bytes)),
    ):
        yield moments
