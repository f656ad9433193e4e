"""The labelling page as a browser or an attacker sees it: requests, and what is answered."""

import asyncio
import re
from dataclasses import dataclass
from html import unescape
from urllib.parse import urlencode

from alrun.labelling.page.app import page_app
from alrun.labelling.page.images import allowed_images
from alrun.labelling.page.session import Session

TOKEN = "the-token"
HOST = "127.0.0.1:8000"
ORIGIN = f"http://{HOST}"


@dataclass(frozen=True)
class Reply:
    status: int
    headers: dict
    body: bytes

    @property
    def text(self):
        return self.body.decode()

    def values(self, pattern):
        return [unescape(value) for value in re.findall(pattern, self.text)]

    @property
    def place(self):
        """Batch and rank of the example that is shown, None without one."""
        found = self.values('name="example" value="([^"]*)"')
        return found[0] if found else None


class Page:
    """The application of a page, asked without a socket."""

    def __init__(self, path, images=()):
        self.session = Session(path)
        allowed = allowed_images(self.session.source, images)
        self.app = page_app(self.session, allowed, TOKEN, [HOST, "localhost:8000"])

    def ask(self, path, body=None, token=TOKEN, host=HOST, origin=ORIGIN, method=None):
        """Return the reply to a request; a body makes it a form."""
        headers = [(b"host", host.encode())] if host else []
        if origin and body is not None:
            headers.append((b"origin", origin.encode()))
        path, _, query = f"/{token}/{path}".partition("?")
        scope = {
            "type": "http",
            "http_version": "1.1",
            "method": method or ("GET" if body is None else "POST"),
            "path": path,
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "root_path": "",
            "scheme": "http",
            "headers": headers,
            "server": ("127.0.0.1", 8000),
            "client": ("127.0.0.1", 50000),
        }
        sent = []

        async def receive():
            return {"type": "http.request", "body": body or b"", "more_body": False}

        async def send(message):
            sent.append(message)

        asyncio.run(self.app(scope, receive, send))
        headers = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
        content = b"".join(message.get("body", b"") for message in sent[1:])
        return Reply(sent[0]["status"], headers, content)

    def see(self, name="Ann", place=None):
        """Return the page with an example."""
        of_place = {} if place is None else {"example": place}
        return self.ask(f"label?{urlencode({'name': name} | of_place)}")

    def answer(self, answer, name="Ann", place=None, **options):
        """Answer the example that is shown, or another one."""
        fields = {"example": place or self.see(name).place, "answer": answer, "seconds": "1.5"}
        path = f"label?{urlencode({'name': name})}"
        return self.ask(path, urlencode(fields).encode(), **options)
