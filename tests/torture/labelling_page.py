"""The server of a labelling page, killed while two annotators send answers: is one lost, or twice?

The server is forked with its imports, so that it is back at once.
"""

import os
import re
import signal
import time
from collections import Counter
from contextlib import suppress
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from threading import Thread
from urllib.parse import urlencode, urlsplit

import numpy as np
from labelling_projects import project

from alrun.labelling.next_batch import next_batch
from alrun.labelling.opened import OpenedProject
from alrun.labelling.page.server import serve

ANNOTATORS = ("Ann", "Ben")
CLASSES = ("ant", "bee", "cat")
# The longest that a server lives, in seconds.
LONGEST = 0.5


class PageTorture:
    """Batches that are labelled on a page whose server is killed again and again.

    Attributes
    ----------
    n_kills
        Kills of a server that was alive.
    n_confirmed
        Answers that the server confirmed.
    n_in_flight
        Answers that were written, and whose confirmation did not arrive.
    wrong
        A sentence for each mistake.
    """

    def __init__(self, folder: Path, rng: np.random.Generator) -> None:
        self.n_kills = self.n_confirmed = self.n_in_flight = 0
        self.wrong: list[str] = []
        self._folder, self._rng = folder, rng
        self._confirmed: dict[tuple[str, str], str] = {}

    def survives(self, n_kills: int) -> bool:
        """Label until there were `n_kills`; return whether there was no mistake."""
        started, number = time.monotonic(), 0
        while self.n_kills < n_kills and not self.wrong:
            number += 1
            self._label_batch(self._asked(f"page-{number}"))
        end = "were NOT survived" if self.wrong else "were survived"
        answers = f"{self.n_confirmed} answers and {self.n_in_flight} in flight"
        seconds = time.monotonic() - started
        print(f"{self.n_kills} kills of the page ({answers}) {end} in {seconds:.0f} s", flush=True)
        return not self.wrong

    def _asked(self, name: str) -> Path:
        """Return a project with a batch of sixty."""
        folder = self._folder / name
        folder.mkdir()
        path, _ = project(folder, initial="size = 60\nmethod = 'random'")
        path.write_text(path.read_text().replace("budget     = 24", "budget = 90"))
        next_batch(path)
        return path

    def _label_batch(self, path: Path) -> None:
        """Label a batch to its end, both annotators all of it, and check what is there."""
        self._confirmed.clear()
        n_all = len(ANNOTATORS) * len(OpenedProject(path).history.asked)
        while self._n_written(path) < n_all and not self.wrong:
            child, address = self._served(path)
            threads = [Thread(target=self._send, args=(address, name)) for name in ANNOTATORS]
            for thread in threads:
                thread.start()
            time.sleep(self._rng.uniform(0, LONGEST))
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            for thread in threads:
                thread.join()
            self.n_kills += 1
        self._check(path)

    def _served(self, path: Path) -> tuple[int, str]:
        """Start the server; return its process and the address of the page."""
        there = path.with_name("address")
        there.unlink(missing_ok=True)
        child = os.fork()
        if not child:

            def on_ready(address: str) -> None:
                there.with_suffix(".part").write_text(address)
                there.with_suffix(".part").rename(there)

            try:
                serve(path, None, [], on_ready)
            finally:
                os._exit(1)
        while not there.is_file():
            if os.waitpid(child, os.WNOHANG) != (0, 0):
                raise AssertionError("the server did not start")
            time.sleep(0.005)
        return child, there.read_text()

    def _send(self, address: str, name: str) -> None:
        """Answer what the page shows until the server or the batch ends; note what it confirms."""
        parts = urlsplit(address)
        path = f"{parts.path}label?{urlencode({'name': name})}"
        origin = {"Origin": f"http://{parts.netloc}"}
        with suppress(OSError, HTTPException):
            connection = HTTPConnection(parts.netloc)
            while True:
                connection.request("GET", path)
                page = connection.getresponse().read().decode()
                if (found := re.search('name="example" value="([^"]*)"', page)) is None:
                    return
                if (name, found[1]) in self._confirmed:
                    self._find(f"{name} is asked again for {found[1]}, whose answer is lost")
                    return
                form = urlencode({"example": found[1], "answer": _answer(found[1])})
                connection.request("POST", path, form, origin)
                reply = connection.getresponse()
                reply.read()
                if reply.status != 303:
                    self._find(f"the answer to {found[1]} got {reply.status}")
                    return
                self._confirmed[name, found[1]] = CLASSES[_answer(found[1])]

    def _n_written(self, path: Path) -> int:
        return OpenedProject(path).history.n_answers

    def _check(self, path: Path) -> None:
        """Compare the answers that are written with those that were confirmed."""
        history = OpenedProject(path).history
        given = Counter(
            (one.annotator, one.id) for delivery in history.deliveries for one in delivery.answers
        )
        if set(given.values()) != {1}:
            self._find(f"{path}: answers are there twice: {given.most_common(3)}")
        written = {}
        for id, answers in history.answers.items():
            batch, example = history.asked[id]
            for name, answer in answers.items():
                written[name, f"{batch.number}.{example.rank}"] = answer.label
        lost = self._confirmed.items() - written.items()
        if lost:
            self._find(f"{path}: answers are lost, or others: {sorted(lost)[:3]}")
        self.n_confirmed += len(self._confirmed)
        self.n_in_flight += len(written) - len(self._confirmed)

    def _find(self, sentence: str) -> None:
        self.wrong.append(sentence)
        print(f"WRONG: {sentence}", flush=True)


def _answer(place: str) -> int:
    """Return the number of the class that both give to the example at a place."""
    return int(place.partition(".")[2]) % len(CLASSES)
