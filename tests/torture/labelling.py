"""A labelling project whose commands are killed at random moments: is a label lost, or there twice?

Every command is a process of its own, forked with its imports, so that most kills hit its work. It
is killed some times and then given again, until it ends by itself. Some commands are started twice
at once.
"""

import os
import signal
import time
import traceback
from collections import Counter
from collections.abc import Sequence
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import numpy as np
from labelling_projects import label_all, project

from alrun.cli.app import app
from alrun.labelling.export import as_csv, export
from alrun.labelling.opened import OpenedProject

# The share of commands that are killed, again and again, and that of those started twice at once.
KILLED, TWICE = 0.7, 0.2


class LabellingTorture:
    """A labelling project under attack.

    Parameters
    ----------
    folder
        Where its projects are.
    rng
        The generator of commands and moments.

    Attributes
    ----------
    hits
        Counts of commands that were alive when killed, by name.
    wrong
        A sentence for each mistake.
    """

    def __init__(self, folder: Path, rng: np.random.Generator) -> None:
        self.hits: Counter[str] = Counter()
        self.wrong: list[str] = []
        self._folder, self._rng = folder, rng
        self._seconds: dict[str, float] = {}

    def survives(self, n_kills: int) -> bool:
        """Attack projects until there were `n_kills` hits; return whether there was no mistake."""
        started = time.monotonic()
        calm, truth = self._project("calm")
        expected = label_all(calm, truth)
        exported = self._labels_of(calm)
        number = 0
        while self.hits.total() < n_kills and not self.wrong:
            number += 1
            path, _ = self._project(f"attacked-{number}")
            self._label_all(path, truth)
            self._check(path, truth, expected, exported)
        hits = ", ".join(f"{n} {what}" for what, n in self.hits.most_common())
        end = "were NOT survived" if self.wrong else "were survived"
        seconds = time.monotonic() - started
        print(f"{self.hits.total()} kills of labelling ({hits}) {end} in {seconds:.0f} s")
        return not self.wrong

    def _project(self, name: str) -> tuple[Path, dict[str, str]]:
        folder = self._folder / name
        folder.mkdir()
        return project(folder, more="audit = 0.2")

    def _label_all(self, path: Path, truth: dict[str, str]) -> None:
        """Label to the end, with answers in two files for each batch."""
        for number in range(1, 100):
            if self._given("next", path) or self.wrong:
                return
            ids = [one.id for one in OpenedProject(path).history.batches[-1].examples]
            for part in (0, 1):
                file = path.with_name(f"answers-{number}-{part}.csv")
                lines = [f"{id},{truth[id]}\n" for id in ids[part::2]]
                file.write_text("".join(["key,label\n", *lines]))
                self._given("label", path, file)
            self._given("export", path, "--output", path.with_name("out.csv"))
            if number > 20:
                self._find(f"{path} does not end")

    def _given(self, name: str, *arguments: object) -> int:
        """Give a command until it ends by itself; return its exit code."""
        words = [name, *map(str, arguments)]
        while self._rng.random() < KILLED:
            child, started = self._started(words), time.monotonic()
            time.sleep(self._rng.uniform(0, 1.2 * self._seconds.get(name, 0.3)))
            if os.waitpid(child, os.WNOHANG) != (0, 0):
                break  # it was faster
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            self.hits[name] += 1
        n = 2 if self._rng.random() < TWICE else 1
        started = time.monotonic()
        children = [self._started(words) for _ in range(n)]
        codes = {os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children}
        if n == 1:
            self._seconds[name] = time.monotonic() - started
        if codes not in ({0}, {1}) or (codes == {1} and name != "next"):
            self._find(f"{' '.join(words)}: exit codes {codes}: {self._log.read_text()}")
        return max(codes)

    @property
    def _log(self) -> Path:
        return self._folder / "labelling.log"

    def _started(self, words: Sequence[str]) -> int:
        """Start a command in a forked process; return its id."""
        child = os.fork()
        if child:
            return child
        code = 70
        try:
            with self._log.open("w") as log, redirect_stdout(log), redirect_stderr(log):
                try:
                    code = app(list(words), standalone_mode=False) or 0
                except BaseException:
                    traceback.print_exc()
        finally:
            os._exit(code)

    def _check(
        self, path: Path, truth: dict[str, str], expected: list[list[str]], exported: str
    ) -> None:
        """Compare batches, answers, export and files with those of an undisturbed project."""
        history = OpenedProject(path).history
        if [[one.id for one in batch.examples] for batch in history.batches] != expected:
            self._find(f"{path}: the batches are not those of the undisturbed project")
        given = Counter(one.id for delivery in history.deliveries for one in delivery.answers)
        if given != Counter(id for batch in expected for id in batch):
            self._find(f"{path}: answers are lost or there twice: {given.most_common(3)}")
        if any(truth[id] != label for id, label in history.labels.items()):
            self._find(f"{path}: a label is not what was answered")
        if self._labels_of(path) != exported:
            self._find(f"{path}: the export is not that of the undisturbed project")
        for left in path.parent.rglob(".*"):
            self._find(f"{left} was left")

    def _labels_of(self, path: Path) -> str:
        return as_csv(export(path).drop(columns="time"))

    def _find(self, sentence: str) -> None:
        self.wrong.append(sentence)
        print(f"WRONG: {sentence}", flush=True)
