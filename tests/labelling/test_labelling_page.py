"""The labelling page: what annotators see in turn, what is written, and what gets no answer."""

import re
import sys

import pandas as pd
import pytest
from commands import alrun_here
from labelling_page import HOST, Page
from labelling_projects import answered, give, project

from alrun.errors import AlrunError
from alrun.labelling.history import History
from alrun.labelling.next_batch import next_batch
from alrun.labelling.opened import OpenedProject
from alrun.labelling.page import server
from alrun.labelling.page.images import allowed_images
from alrun.labelling.page.session import Session
from alrun.util.install_hint import install_hint

HINT = install_hint("label")
HOSTILE = "</p><script>alert(1)</script> {{ 7 * 7 }} \u202e & \"'"
TEXTS = """
strategy = "random"
batch_size = 3
budget = 9
classes = ["ham", "{hostile}"]
{more}

[dataset]
name = "mine.csv"
id = "key"
text = "body"
"""


def history_of(path) -> History:
    return OpenedProject(path).history


def files_of(path):
    return sorted(file.name for file in path.with_suffix(".labelling").glob("labels-*"))


def texts(folder, more="", **columns):
    """Return a project of nine texts with other columns, and its first batch of three asked."""
    frame = pd.DataFrame({"key": [f"k{n}" for n in range(9)], "body": [HOSTILE] * 9, **columns})
    frame.to_csv(folder / "mine.csv", index=False)
    path = folder / "mine.toml"
    escaped = HOSTILE.replace('"', '\\"').replace("\u202e", "")
    path.write_text(TEXTS.format(hostile=escaped, more=more))
    next_batch(path)
    return path


@pytest.fixture
def labelled(tmp_path):
    """Return a project with a first batch of six rows of a table, and its page."""
    path, truth = project(tmp_path)
    next_batch(path)
    return path, truth, Page(path)


def test_a_batch_is_answered_in_order_each_answer_a_file(labelled):
    path, truth, page = labelled
    tasks = next_batch(path).tasks
    for number, task in enumerate(tasks, start=1):
        shown = page.see()
        assert shown.place == f"1.{task.rank}"
        assert shown.values("<td[^>]*>(.*?)</td>") == [str(value) for value in task.fields.values()]
        names = shown.values("<bdi>(ant|bee|cat)</bdi>")
        done = page.answer(str(names.index(truth[task.id])))
        assert (done.status, done.headers["location"]) == (303, "label?name=Ann")
        assert files_of(path) == [f"labels-{n}.jsonl" for n in range(1, number + 1)]
    assert "Nothing is left for you" in page.see().text
    found = history_of(path)
    assert found.labels == {task.id: truth[task.id] for task in tasks}
    assert {answers["Ann"].seconds for answers in found.answers.values()} == {1.5}
    assert next_batch(path).is_new


def test_undo_shows_the_last_one_and_a_further_answer_counts(labelled):
    path, _, page = labelled
    page.answer("0")
    page.answer("skip")
    (back,) = set(page.see().values('href="(label[^"]*example=[^"]*)"'))
    shown = page.ask(back)
    assert shown.place == "1.2"
    assert "You have answered: <b>skip</b>" in shown.text
    page.answer("1", place="1.2")
    first, second = (task.id for task in next_batch(path).tasks[:2])
    assert history_of(path).labels == {first: "ant", second: "bee"}
    assert len(files_of(path)) == 3
    assert page.see().place == "1.3"
    assert page.session.taken.n_corrections == 1
    page.answer("2", place="1.1")
    links = page.see().values('href="(label[^"]*example=[^"]*)"')
    assert links == ["label?name=Ann&example=1.1"]  # what was answered last
    page.answer("0", place="1.2")
    further_back = page.ask(back).values('href="(label[^"]*example=[^"]*)"')
    assert [link.partition("=")[2] for link in further_back] == ["Ann&example=1.1"]


def test_a_correction_counts_though_the_clock_was_set_back(labelled):
    path, _, page = labelled
    first = next_batch(path).tasks[0].id
    give(path, answered(next_batch(path).tasks[:1], {first: "cat"}, "Ann", time="2999-01-01T00:00"))
    page.answer("0", place="1.1")
    assert history_of(path).labels == {first: "ant"}


def test_annotators_get_what_they_have_not_answered_and_first_what_nobody_has(labelled):
    page = labelled[2]
    assert page.see("Ann").place == "1.1"
    assert page.see("Ben").place == "1.2"  # not what Ann has before her
    page.answer("0", "Ben", "1.2")
    page.answer("0", "Ann", "1.1")
    assert page.see("Ann").place == "1.3"
    for place in ("1.3", "1.4", "1.5", "1.6"):
        page.answer("1", "Ann", place)
    shown = page.see("Ann")
    assert shown.place == "1.2"
    assert "second opinion" in shown.text
    assert page.see("Ben").place == "1.1"
    assert page.ask("").values('href="(label[^"]*)"') == ["label?name=Ann", "label?name=Ben"]
    assert "second opinion" not in page.see("Ann", "1.4").text


def test_what_other_commands_do_meanwhile_is_seen(labelled):
    path, truth, page = labelled
    page.answer("0")
    give(path, answered(next_batch(path).tasks, truth, "Ann"))
    assert page.see().place is None
    next_batch(path)
    assert page.see().place == "2.1"
    assert page.answer("2").status == 303
    assert len(history_of(path).answers) == 7


@pytest.mark.parametrize(
    ("options", "status"),
    [
        ({"token": "wrong"}, 404),
        ({"token": ""}, 404),
        ({"token": "the-tokeñ"}, 404),
        ({"host": "rebound.example:8000"}, 403),
        ({"host": "127.0.0.1:9000"}, 403),
        ({"host": ""}, 403),
        ({"origin": "http://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"origin": "http://localhost:8000"}, 403),
        ({"origin": f"https://{HOST}"}, 403),
        ({"origin": ""}, 403),
    ],
)
def test_a_request_from_elsewhere_writes_nothing(labelled, options, status):
    path, _, page = labelled
    done = page.answer("0", place="1.1", **options)
    assert done.status == status
    assert "ant" not in done.text
    assert ("the terminal shows" in done.text) == (status == 404)
    assert files_of(path) == []
    if "origin" not in options:
        assert page.ask("label?name=Ann", **options).status == status
        assert page.ask("page.css", **options).status == status


def test_a_page_of_the_same_machine_under_its_other_name_gets_through(labelled):
    page = labelled[2]
    other = {"host": "localhost:8000", "origin": "http://localhost:8000"}
    assert page.answer("0", place="1.1", **other).status == 303
    assert page.ask("label?name=Ann", method="PUT").status in (403, 405)


@pytest.mark.parametrize("answer", ["3", "-1", "", "cat", "0 ", "٢"])
def test_what_is_no_class_is_refused(labelled, answer):
    path, _, page = labelled
    done = page.answer(answer, place="1.1")
    assert (done.status, done.text[:28]) == (400, "this is none of the classes;")
    assert files_of(path) == []


@pytest.mark.parametrize("place", ["1.7", "1.0", "2.1", "0.1", "1", "1.1.1", "-1.1", "1.", "x"])
def test_what_was_not_asked_is_refused(labelled, place):
    path, _, page = labelled
    assert page.answer("0", place=place).status == 400
    assert page.see(place=place).status == 400
    assert page.ask(f"image?example={place}").status == 400
    assert files_of(path) == []


def test_wrong_names_seconds_and_sizes_are_refused(labelled):
    path, _, page = labelled
    for name in ("", "%20", "a" * 101, "a%00b", "%e2%80%ae"):
        assert page.ask(f"label?name={name}").status == 400
    for seconds in ("-1", "nan", "soon"):
        form = f"example=1.1&answer=0&seconds={seconds}".encode()
        assert page.ask("label?name=Ann", form).status == 400
    assert page.ask("label?name=Ann", b"example=1.1&answer=0&x=" + b"x" * 20_000).status == 413
    assert page.ask("label?name=Ann", b"\xff\x00=&&=").status == 400
    assert files_of(path) == []


def test_nothing_of_others_is_markup(tmp_path):
    path = texts(tmp_path, f"show = ['body', '<b>{0}']", **{"<b>0": [HOSTILE] * 9})
    page = Page(path)
    shown = page.see("<i>Ann")
    assert shown.text.count("<script") == 1
    assert "alert(1)</script>" not in shown.text
    assert "<b>0" not in shown.text
    assert "<i>" not in shown.text
    assert "49" not in shown.text
    assert shown.values('<p class="text" dir="auto">(.*?)</p>') == [HOSTILE]
    assert shown.values("<td[^>]*>(.*?)</td>") == [HOSTILE]
    page.answer("1", "<i>Ann")
    assert "&lt;i&gt;Ann" in page.ask("").text
    (label,) = history_of(path).labels.values()
    assert label == HOSTILE.replace("\u202e", "")


def test_the_browser_may_load_nothing_from_elsewhere(labelled):
    page = labelled[2]
    for path in ("", "label?name=Ann", "page.css", "page.js", "nothing"):
        headers = page.ask(path).headers
        assert headers["content-security-policy"].startswith("default-src 'none'; ")
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cache-control"] == "no-store"
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
    text = page.ask("").text + page.see().text
    assert not re.search(r"//|style=| on\w+=", text)


def test_half_a_character_in_a_text_is_shown_as_an_escape(tmp_path):
    path = texts(tmp_path)
    page = Page(path)
    (task, *_) = page.session._tasks[1]
    task.fields["body"] = "half \ud83d"
    assert "half \\ud83d" in page.see(place="1.1").text


IMAGES = ["in.png", "../out.png", "link.png", "{folder}/in.png", "file://{folder}/in.png", "no.png",
          "notes.txt", "https://images.example.org/a.png", "in.png\0"]  # fmt: skip


def test_images_are_shown_from_allowed_folders_alone(tmp_path):
    folder = tmp_path / "data"
    folder.mkdir()
    for name in ("in.png", "../out.png", "notes.txt"):
        (folder / name).write_bytes(b"content of " + name.encode())
    (folder / "link.png").symlink_to(tmp_path / "out.png")
    allowed = allowed_images(folder / "mine.csv", [])
    shown = []
    for value in IMAGES[:7] + IMAGES[8:]:
        try:
            shown.append(allowed.file_of(value.format(folder=folder)).name)
        except AlrunError as error:
            shown.append(re.search("outside|no image|no file|no path", str(error))[0])
    outside = "outside"
    assert shown == [
        "in.png", outside, outside, "in.png", "in.png", "no file", "no image", "no path"
    ]  # fmt: skip
    assert allowed_images(folder / "mine.csv", [str(tmp_path)]).file_of("../out.png").name
    with pytest.raises(AlrunError, match="is no folder"):
        allowed_images(folder / "mine.csv", [str(tmp_path / "gone")])


@pytest.mark.parametrize(
    ("address", "is_shown"),
    [
        ("https://images.example.org/mine/a.png", True),
        ("https://images.example.org/mine-too/a.png", False),
        ("https://images.example.org/other/a.png", False),
        ("https://images.example.org/mine/../other/a.png", False),
        ("https://images.example.org/mine/%2e%2e/other/a.png", False),
        ("https://images.example.org.evil.example/mine/a.png", False),
        ("https://images.example.org@evil.example/mine/a.png", False),
        ("http://images.example.org/mine/a.png", False),
    ],
)
def test_web_addresses_are_shown_if_they_begin_as_an_allowed_one(tmp_path, address, is_shown):
    allowed = allowed_images(tmp_path / "x.csv", ["https://images.example.org/mine"])
    assert allowed.allows_address(address) == is_shown


def test_an_image_is_loaded_by_its_example_and_never_by_a_path(tmp_path):
    (tmp_path / "in.png").write_bytes(b"pixels")
    values = ["in.png", "/etc/passwd", "https://images.example.org/a.png"] * 3
    more = 'image = "picture"'
    path = texts(tmp_path, more, picture=values)
    places = {task.fields["picture"]: f"1.{task.rank}" for task in next_batch(path).tasks}
    while len(places) < 3:
        ids = next_batch(path, more=1).tasks
        places |= {task.fields["picture"]: f"{task.batch}.{task.rank}" for task in ids}
    page = Page(path, [str(tmp_path), "https://images.example.org/"])
    page.see()
    shown = page.see(place=places["in.png"])
    (source,) = shown.values('<img src="([^"]*)"')
    image = page.ask(source)
    assert (image.status, image.body) == (200, b"pixels")
    assert image.headers["content-type"] == "image/png"
    outside = page.see(place=places["/etc/passwd"])
    assert "outside of the folders" in outside.text
    assert "<img" not in outside.text
    assert page.ask(f"image?example={places['/etc/passwd']}").status == 400
    web = page.see(place=places["https://images.example.org/a.png"])
    assert "img-src 'self' https://images.example.org;" in web.headers["content-security-policy"]
    assert web.values('<img src="([^"]*)"') == ["https://images.example.org/a.png"]
    assert "https:" not in shown.headers["content-security-policy"]


def test_the_server_ends_with_what_was_labelled_and_the_next_command(labelled, monkeypatch):
    path, sessions = labelled[0], []

    def run(self, sockets):
        name, port = sockets[0].getsockname()
        assert (name, port > 0) == ("127.0.0.1", True)
        assert self.config.app._hosts == [f"127.0.0.1:{port}", f"localhost:{port}"]
        sessions[0].answer("Ann", (1, 1), "ant")
        raise KeyboardInterrupt

    def session(path):
        sessions.append(Session(path))
        return sessions[0]

    monkeypatch.setattr(server.uvicorn.Server, "run", run)
    monkeypatch.setattr(server, "Session", session)
    done = alrun_here("label", path, "--serve")
    assert done.returncode == 0
    assert re.match(
        r"Label at http://127.0.0.1:\d+/[\w-]{22}/ and end with Ctrl-C\.\n", done.stderr
    )
    assert done.stdout.splitlines() == [
        "Took 1 label.",
        "5 examples wait for an answer.",
        f"Next: alrun label {path} --serve",
    ]


def test_what_cannot_be_served_is_said_in_a_sentence(tmp_path):
    path, _ = project(tmp_path)
    file = tmp_path / "answers.csv"
    for words, part in [
        (["--serve"], "nothing was asked yet; alrun next"),
        (["--serve", file], "leave out files"),
        ([], "name files with answers"),
        (["--port", 80, file], "--serve"),
    ]:
        done = alrun_here("label", path, *words)
        assert done.returncode == 2
        assert part in done.stderr
    next_batch(path)
    with server._listening(None) as taken:
        port = taken.getsockname()[1]
        assert f"port {port} cannot be had" in alrun_here(
            "label", path, "--serve", "--port", port
        ).stderr  # fmt: skip


def test_without_its_packages_the_command_names_the_extra(labelled, monkeypatch):
    monkeypatch.setitem(sys.modules, "alrun.labelling.page.server", None)
    done = alrun_here("label", labelled[0], "--serve")
    assert done.returncode == 2
    assert done.stderr.endswith(f"--serve wants starlette, uvicorn and jinja2: {HINT}\n")


def test_the_page_reads_no_file_of_the_state_twice(labelled, monkeypatch):
    path, _, page = labelled
    page.answer("0")
    read = []
    real = type(path).read_bytes
    monkeypatch.setattr(type(path), "read_bytes", lambda self: read.append(self.name) or real(self))
    page.answer("0")
    page.answer("0")
    page.see()
    assert read == ["labels-1.jsonl", "labels-2.jsonl", "labels-3.jsonl"]
