"""An HTML document in one file: the browser loads nothing for it, and runs its script alone."""

from base64 import b64encode
from hashlib import sha256
from importlib import resources

from alrun.report.html.markup import Markup, element


def document(title: str, style: str, script: str, *content: Markup) -> str:
    """Return a document with a style sheet and a script in it, which needs no other file."""
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=_policy(style, script)),
        element("meta", name_="viewport", content="width=device-width, initial-scale=1"),
        element("title", title),
        element("style", Markup(style)),
    )
    body = element("body", *content, element("script", Markup(script)))
    return f"<!DOCTYPE html>\n{element('html', head, body, lang='en')}\n"


def own(name: str) -> str:
    """Return a file of this package: a style sheet or a script."""
    return resources.files(__package__).joinpath(name).read_text(encoding="utf-8")


def _policy(style: str, script: str) -> str:
    """Return the rule that lets the browser load nothing and run this script alone."""
    return (
        f"default-src 'none'; img-src data:; style-src '{_digest(style)}';"
        f" script-src '{_digest(script)}'; base-uri 'none'; form-action 'none'"
    )


def _digest(text: str) -> str:
    return f"sha256-{b64encode(sha256(text.encode()).digest()).decode()}"
