"""Examples on a page: pictures, texts or rows with their labels, batch by batch."""

import zlib
from base64 import b64encode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from struct import pack

import numpy as np

from alrun.arrays import IntArray
from alrun.report.html.markup import Markup, element
from alrun.report.html.matrix import Matrix, matrix
from alrun.report.html.table import table
from alrun.report.sections import Section


@dataclass(frozen=True)
class Example:
    """An example with its label: `pixels` of 0 ... 255, shape (height, width), or else a text."""

    label: str
    text: str = ""
    pixels: IntArray | None = None


@dataclass(frozen=True)
class Gallery:
    """Some examples that a strategy queried."""

    strategy: str
    title: str
    examples: tuple[Example, ...]


@dataclass(frozen=True)
class Queried:
    """What the strategies of a comparison group queried.

    `overlap` says how far they queried the same, and `mix` which classes.
    """

    overlap: Matrix
    mix: Section | None
    galleries: tuple[Gallery, ...]


def queried_parts(found: Queried, names: Mapping[str, str], key: str) -> Iterator[Markup]:
    """Yield overlap, class mix and galleries; `names` and `key` are as for `table`."""
    yield element("h3", "What was queried")
    yield matrix(found.overlap, names, f"{key}-overlap")
    if found.mix is not None:
        yield table(found.mix, dict(names), f"{key}-classes")
    for one in found.galleries:
        if one.strategy in names:
            yield _gallery(one, names[one.strategy])


def _gallery(found: Gallery, look: str) -> Markup:
    items = [element("li", *_example(one)) for one in found.examples]
    is_drawn = all(one.pixels is not None for one in found.examples)
    title = element("summary", f"{found.strategy}: {found.title}")
    content = element("ol", *items, class_="pictures" if is_drawn else "texts")
    return element("details", title, content, open=True, class_=f"gallery {look.split()[0]}")


def _example(one: Example) -> Iterator[Markup]:
    if one.pixels is not None:
        source = f"data:image/png;base64,{b64encode(as_png(one.pixels)).decode()}"
        yield element("img", src=source, alt=f"example labelled {one.label}")
    yield element("b", one.label)
    if one.text:
        yield element("span", f" {one.text}")


def as_png(pixels: IntArray) -> bytes:
    """Return grey pixels as a PNG file; the same pixels are the same bytes."""
    height, width = pixels.shape
    rows = np.zeros((height, width + 1), np.uint8)  # each row begins with the filter 0: none
    rows[:, 1:] = pixels
    header = pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    parts = ((b"IHDR", header), (b"IDAT", zlib.compress(rows.tobytes(), 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        pack(">I", len(data)) + name + data + pack(">I", zlib.crc32(name + data))
        for name, data in parts
    )
