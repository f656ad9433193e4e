"""The server of the page, for browsers of this machine alone."""

import secrets
import socket
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

import uvicorn

from alrun.errors import AlrunError
from alrun.labelling.page.app import page_app
from alrun.labelling.page.images import allowed_images
from alrun.labelling.page.session import Session
from alrun.labelling.take import Taken

_HOST = "127.0.0.1"


def serve(
    path: Path, port: int | None, images: Sequence[str], on_ready: Callable[[str], object]
) -> Taken:
    """Serve the page of a project until an interrupt, and return what it took.

    Raises AlrunError where the project cannot be labelled, or the port is in use.

    Parameters
    ----------
    port
        The port, or None for one that is free.
    images
        Folders and addresses that images may be shown from; the folder of the data if empty.
    on_ready
        Called with the address of the page as soon as it is there.
    """
    session = Session(path)
    allowed = allowed_images(session.source, images)
    with _listening(port) as listener:
        number = listener.getsockname()[1]
        token = secrets.token_urlsafe(16)
        hosts = [f"{name}:{number}" for name in (_HOST, "localhost")]
        app = page_app(session, allowed, token, hosts)
        # Without its own log: requests are no news, and the address with the token stays in the
        # terminal that it was shown in.
        config = uvicorn.Config(
            app,
            log_config=None,
            log_level="error",
            access_log=False,
            lifespan="off",
            loop="asyncio",
            http="h11",
            ws="none",
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=5,
        )
        on_ready(f"http://{hosts[0]}/{token}/")
        with suppress(KeyboardInterrupt):  # the way to end it
            uvicorn.Server(config).run(sockets=[listener])
    return session.taken


def _listening(port: int | None) -> socket.socket:
    """Return a socket that listens; raises AlrunError if the port cannot be had."""
    listener = socket.socket()
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((_HOST, port or 0))
        listener.listen()
    except OSError as error:
        listener.close()
        raise AlrunError(
            f"port {port} cannot be had: {error.strerror}; name another with --port, or leave it"
            " out, and a free one is chosen"
        ) from error
    return listener
