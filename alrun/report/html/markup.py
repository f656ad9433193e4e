"""Elements of HTML and SVG as texts, in which nothing from outside is markup."""

from html import escape

from alrun.errors import printable


class Markup(str):
    """A text that is HTML already; any other text is escaped where an element takes it in."""


# Elements without a content or an end.
_VOID = frozenset(("br", "hr", "img", "input", "meta", "col"))


def element(name: str, /, *content: str | None, **attributes: str | float | bool | None) -> Markup:
    """Return an element with its content; None is left out.

    Attributes are named as in HTML, with `_` for `-` and one at the end where Python knows the word
    (`class_`). A false one or None is left out, and a true one has no value.

    >>> element("td", "a < b", class_="number")
    '<td class="number">a &lt; b</td>'
    """
    written = "".join(
        _attribute(key, value) for key, value in attributes.items() if value not in (None, False)
    )
    if name in _VOID:
        return Markup(f"<{name}{written}>")
    return Markup(f"<{name}{written}>{joined(*content)}</{name}>")


def joined(*content: str | None, between: str = "") -> Markup:
    """Return several texts as one, escaped where they are no HTML yet."""
    return Markup(between.join(escaped(text) for text in content if text is not None))


def escaped(text: str) -> Markup:
    """Return a text without markup, control and invisible characters written as escapes."""
    return text if isinstance(text, Markup) else Markup(escape(printable(text)))


def _attribute(key: str, value: str | float | bool | None) -> str:
    name = key.removesuffix("_").replace("_", "-")
    if value is True:
        return f" {name}"
    text = f"{value:g}" if isinstance(value, float) else str(value)
    return f' {name}="{escape(printable(text))}"'
