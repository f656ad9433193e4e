"""A page taken apart: its elements, its texts, and the tables that it can save."""

from html.parser import HTMLParser

VOID = {"meta", "input", "br", "img"}


class Page(HTMLParser):
    """The elements of a page; an element that is not closed in order is an error.

    `tables` holds the texts of the cells, row by row, of each table by the name of its file, None
    for those without one.
    """

    def __init__(self, text):
        super().__init__()
        self.open, self.found, self.texts, self.tables = [], [], {}, {}
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        named = dict(attributes)
        self.found.append((tag, named, tuple(self.open)))
        if tag == "div":
            self._key = named.get("data-file")
        if tag == "table":
            self._rows = self.tables.setdefault(self._key, [])
        if tag == "tr":
            self._rows.append([])
        if tag in ("td", "th"):
            self._rows[-1].append("")
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open:
            self.texts.setdefault(self.open[-1], []).append(data)
        if {"td", "th"} & {*self.open}:
            self._rows[-1][-1] += data

    def of(self, tag):
        return [attributes for name, attributes, _ in self.found if name == tag]
