"""The guard before the page: only its own address with its token, and its own forms, pass."""

import secrets
from collections.abc import Collection

from starlette.datastructures import MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_HEADERS = {
    "Cache-Control": "no-store",
    # Unless the answer has a policy of its own, it loads and runs nothing.
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; sandbox",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    # Not no-referrer, with which browsers would call the origin of a form null.
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


class Guard:
    """An application that passes on what comes from its own page, and refuses all else.

    The host must be one of `hosts`, or a foreign name that leads to this machine would do. The path
    must begin with the token. The origin, which browsers name with every form, must be the host.
    """

    def __init__(self, app: ASGIApp, token: str, hosts: Collection[str]) -> None:
        self._app, self._token, self._hosts = app, token, hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, with headers that keep the page to itself."""

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, text in _HEADERS.items():
                    headers.setdefault(name, text)
            await send(message)

        app = self._app if (refusal := self._refusal(scope)) is None else refusal
        await app(scope, receive, send_with_headers)

    def _refusal(self, scope: Scope) -> PlainTextResponse | None:
        """Return the answer to a request that does not get through, None for one that does."""
        hosts, origins = (
            [value.decode("latin-1") for name, value in scope["headers"] if name == wanted]
            for wanted in (b"host", b"origin")
        )
        if len(hosts) != 1 or hosts[0] not in self._hosts:
            return PlainTextResponse("This page has another host.\n", 403)
        token = scope["path"].split("/")[1] if "/" in scope["path"] else ""
        if not secrets.compare_digest(token.encode(), self._token.encode()):
            return PlainTextResponse("Open the address that the terminal shows.\n", 404)
        reads = scope["method"] in ("GET", "HEAD")
        if origins != [f"http://{hosts[0]}"] and not (reads and not origins):
            return PlainTextResponse("The request comes from another page.\n", 403)
        return None
