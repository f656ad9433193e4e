"""The page as a web application: the question of the name, the examples, and their answers."""

from collections.abc import Awaitable, Callable, Collection
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.types import ASGIApp

from alrun.errors import AlrunError, LabellingError
from alrun.labelling.formats.content import plain, to_bytes
from alrun.labelling.page.guard import Guard
from alrun.labelling.page.images import MEDIA_TYPES, AllowedImages, is_address
from alrun.labelling.page.session import Place, Session
from alrun.labelling.records import Task

# An answer takes some hundred bytes.
_LARGEST_FORM = 10_000
_LONGEST_NAME = 100
_FOLDER = Path(__file__).parent
_SKIP = "skip"
_Endpoint = Callable[[Request], Awaitable[Response]]


def page_app(
    session: Session, images: AllowedImages, token: str, hosts: Collection[str]
) -> ASGIApp:
    """Return the application, which serves nothing but addresses that begin with the token."""
    page = _Page(session, images)
    routes = [
        Route("/", page.names),
        Route("/label", page.example),
        Route("/label", page.answer, methods=["POST"]),
        Route("/image", page.image),
        Route("/page.css", _file("page.css", "text/css")),
        Route("/page.js", _file("page.js", "text/javascript")),
    ]
    errors: Any = {AlrunError: _refused}
    app = Starlette(routes=[Mount(f"/{token}", routes=routes)], exception_handlers=errors)
    return Guard(app, token, hosts)


class _Page:
    """The answers to requests for a session."""

    def __init__(self, session: Session, images: AllowedImages) -> None:
        self._session, self._images = session, images

    async def names(self, request: Request) -> Response:
        """Return the page that asks who labels."""
        known = await run_in_threadpool(self._session.annotators)
        links = [(name, f"label?{urlencode({'name': name})}") for name in known]
        return _rendered("names.html", known=links, longest=_LONGEST_NAME)

    async def example(self, request: Request) -> Response:
        """Return the page with the example that is named, or else the next one."""
        name, query = _name(request), request.query_params
        place = _place(query["example"]) if "example" in query else None
        shown = await run_in_threadpool(self._session.show, name, place)
        here = f"label?{urlencode({'name': name})}"
        back = None if shown.back is None else f"{here}&example={_written(shown.back)}"
        policy, parts = ("", {}) if shown.task is None else self._parts(shown.task)
        return _rendered(
            "example.html",
            policy,
            name=name,
            here=here,
            back=back,
            shown=shown,
            classes=list(enumerate(self._session.layout.classes)),
            skip=_SKIP,
            **parts,
        )

    async def answer(self, request: Request) -> Response:
        """Write an answer, then lead to the next example."""
        name, form = _name(request), await _form(request)
        place = _place(form.get("example", ""))
        label = self._label(form.get("answer", ""))
        seconds = form.get("seconds")
        await run_in_threadpool(self._session.answer, name, place, label, seconds)
        return RedirectResponse(f"label?{urlencode({'name': name})}", 303)

    async def image(self, request: Request) -> Response:
        """Return the image of an example that was asked for; no request names a path."""
        task = self._session.task(_place(request.query_params.get("example", "")))
        value = plain(task.fields.get(self._session.layout.image or ""))
        path = self._images.file_of("" if value is None else str(value))
        content = await run_in_threadpool(path.read_bytes)
        return Response(content, media_type=MEDIA_TYPES[path.suffix.lower()])

    def _label(self, answer: str) -> str | None:
        """Return the class with a number, None for a skip; numbers, for a class can hold a break.

        Raises LabellingError for anything else.
        """
        classes = self._session.layout.classes
        if answer == _SKIP:
            return None
        if answer not in map(str, range(len(classes))):
            raise LabellingError("this is none of the classes; choose one that the page shows")
        return classes[int(answer)]

    def _parts(self, task: Task) -> tuple[str, dict[str, Any]]:
        """Return what may be loaded beside the page itself, and the parts of an example."""
        layout = self._session.layout
        values = {name: plain(value) for name, value in task.fields.items()}
        text = values.pop(layout.text, None) if layout.text is not None else None
        policy, source, problem = "", None, ""
        if layout.image is not None:
            value = str(values.pop(layout.image, None) or "")
            try:
                policy, source = self._image_of(value, task)
            except LabellingError as error:
                problem = str(error)
        rows = [(name, "" if value is None else value) for name, value in values.items()]
        return policy, {"text": text, "image": source, "problem": problem, "rows": rows}

    def _image_of(self, value: str, task: Task) -> tuple[str, str]:
        """Return the origin of an image on the web, and the address that the page loads."""
        if not is_address(value):
            self._images.file_of(value)
            return "", f"image?example={_written((task.batch, task.rank))}"
        if not self._images.allows_address(value):
            raise LabellingError(
                f"the image {value} is not shown; allow the beginning of its address with --images"
            )
        parts = urlsplit(value)
        return f"{parts.scheme}://{parts.netloc}", value


@cache
def _templates() -> Environment:
    return Environment(
        loader=FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _rendered(template: str, images: str = "", **values: Any) -> Response:
    """Return a page; `images` is a further origin that images are loaded from."""
    policy = (
        "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self';"
        f" img-src 'self' {images}; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )
    html = _templates().get_template(template).render(values)
    headers = {"Content-Security-Policy": policy}
    return Response(to_bytes(html), headers=headers, media_type="text/html; charset=utf-8")


def _file(name: str, media_type: str) -> _Endpoint:
    async def endpoint(request: Request) -> Response:
        return Response((_FOLDER / name).read_bytes(), media_type=media_type)

    return endpoint


async def _refused(request: Request, error: Exception) -> Response:
    return PlainTextResponse(to_bytes(f"{error}\n"), 400)


async def _form(request: Request) -> dict[str, str]:
    """Return the fields of a form; raises HTTPException if the page sends none so large."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > _LARGEST_FORM:
            raise HTTPException(413, "This is too large for an answer.\n")
    fields = parse_qs(body.decode("utf-8", errors="replace"), keep_blank_values=True)
    return {name: values[-1] for name, values in fields.items()}


def _name(request: Request) -> str:
    """Return who labels; raises LabellingError if it is no name."""
    name = " ".join(request.query_params.get("name", "").split())
    if not name or len(name) > _LONGEST_NAME or not name.isprintable():
        raise LabellingError(
            f"an annotator needs a name of up to {_LONGEST_NAME} characters; go back, and give one"
        )
    return name


def _place(text: str) -> Place:
    """Return batch and rank of an example as addresses have them; raises LabellingError."""
    batch, _, rank = text.partition(".")
    if not all(part.isascii() and part.isdecimal() and len(part) < 10 for part in (batch, rank)):
        raise LabellingError("this page has no such example; go back to the beginning")
    return int(batch), int(rank)


def _written(place: Place) -> str:
    return f"{place[0]}.{place[1]}"
