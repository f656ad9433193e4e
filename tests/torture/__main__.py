"""A torture test: a sweep and its workers are killed at random moments, and no run may be lost.

The sweep has two poisonous runs: they kill their own process. Others of the same strategy spoil it,
which no other run may notice. It is computed undisturbed, then
killed a number of times, then left to finish. Each mistake is printed as a line, and the exit code
is 1 if there is any. The victims and the moments are drawn from a seed; what is hit also depends on
the machine.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np
import psutil
from clusters import cluster
from sessions import PATIENCE, Session, described, wait_until
from small_experiments import TABLES
from torture.kill_actions import LOCAL, MISSED, Stroke, has_begun, on_cluster
from torture.labelling import LabellingTorture
from torture.labelling_page import PageTorture

from alrun.data.splits import split_of
from alrun.spec import run_id
from alrun.sweep.plan import SweepPlan, plan_sweep

DEADLY = {17: signal.SIGKILL, 31: signal.SIGSEGV}
# Seconds in which all processes must have ended after their command or worker. With a core for each
# they need less than one, but a process that computes must get its turn first.
LINGERING = 10.0
# The test stops after this many mistakes.
ENOUGH = 10
LOCALLY = ("--jobs", "2")
N_WORKERS = 3

EXPERIMENT = """
strategies  = ["random", "margin", "entropy", "poison.py:poisonous"]
batch_sizes = [10]
seeds       = {seeds}
targets     = [0.8]
budget      = 150
dataset     = {{name = "digits", test_size = 540}}
initial     = {{per_class = 2}}
"""
# The strategy is not told the seed; it recognises one by its labelled examples.
POISON = """
import os
import signal
import numpy as np
from alrun.strategies import registry

np.seterr(all="raise")


def poisonous(pool, n, rng):
    total = float(pool.X_labelled.sum())
    deadly = {deadly}.get(total)
    if deadly is not None:
        os.kill(os.getpid(), deadly)
    spoil(int(total) % 4)
    return rng.permutation(len(pool))[:n]


def spoil(kind):
    np.random.seed(0)
    if kind == 1:
        os.chdir("/")
        os.environ.clear()
        os.umask(0o777)
    elif kind == 2:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    elif kind == 3:
        registry.BUILT_IN["margin"] = registry.BUILT_IN["entropy"] = registry.BUILT_IN["random"]
"""


def poisonous_experiment(folder: Path, seeds: int, deadly: Mapping[int, int] = DEADLY) -> SweepPlan:
    """Write an experiment of four runs per seed, one of them poisonous at each deadly seed.

    `deadly` has the signal by seed.
    """
    path, results = folder / "torture.toml", folder / "undisturbed"
    path.write_text(EXPERIMENT.format(seeds=seeds))
    pairs = plan_sweep(path, results, ['strategies=["random"]'])
    signals = {}
    for spec in pairs.specs.values():
        if spec.seed in deadly:
            dataset = pairs.sources[spec.dataset.display_name].at(spec.seed)
            labelled = dataset.X[split_of(spec, dataset).initial]
            signals[float(labelled.sum())] = int(deadly[spec.seed])
    (folder / "poison.py").write_text(POISON.format(deadly=signals))
    return plan_sweep(path, results)


def poisonous_runs(plan: SweepPlan, deadly: Mapping[int, int] = DEADLY) -> dict[str, str]:
    """Return the signals of the poisonous runs, names by run id."""
    return {
        run_id(spec): signal.Signals(deadly[spec.seed]).name
        for spec in plan.specs.values()
        if spec.seed in deadly and "poison" in spec.strategy.display_name
    }


class Torture:
    """A sweep under attack.

    Parameters
    ----------
    plan
        The plan to compute.
    results
        The results directory.
    options
        Options of the command line, such as the number of workers.
    rng
        The generator of victims and moments.
    orphans
        Returns living processes that should have ended with their parent.

    Attributes
    ----------
    hits
        Counts of processes that were alive when hit, by kind.
    wrong
        A sentence for each mistake.
    lingered
        The most seconds that a process lived on after its command or worker.
    """

    def __init__(
        self,
        plan: SweepPlan,
        results: Path,
        options: Sequence[str],
        rng: np.random.Generator,
        orphans: Callable[[], Sequence[psutil.Process]] = tuple,
    ) -> None:
        self.hits: Counter[str] = Counter()
        self.wrong: list[str] = []
        self.lingered = 0.0
        self._plan = plan
        self._results = results
        self._command = [
            *(sys.executable, "-m", "alrun", "sweep", str(plan.path)),
            *("--results", str(results), *options),
        ]
        self._rng = rng
        self._orphans = orphans
        self._stored: dict[str, tuple[int, int]] = {}

    def find(self, sentence: str) -> None:
        """Record and print a mistake."""
        self.wrong.append(sentence)
        print(f"WRONG: {sentence}", flush=True)

    def endure(self, n_kills: int, strokes: Sequence[Stroke]) -> None:
        """Run the command again and again, and attack it, until there were `n_kills` hits.

        An attack that is listed twice is twice as likely.
        """
        options: tuple[str, ...] = ()
        while self.hits.total() < n_kills and len(self.wrong) < ENOUGH:
            with self._started(*options) as command:
                codes = {1}  # some runs fail
                while not command.is_over and len(self.wrong) < ENOUGH:
                    self._wait(command, n_kills - self.hits.total())
                    if not command.is_over:
                        codes |= self._strike(command, strokes)
                self._look(command, codes)
            if self._n_left() == 0:  # poisonous runs can always be tried again
                options = ("--retry-failed",)

    def finish(self) -> None:
        """Run the command once more, undisturbed, with all failed runs again."""
        with self._started("--retry-failed") as command:
            if not wait_until(lambda: command.is_over, 5 * PATIENCE):
                self.find(f"the last command does not end: {command.said}")
            self._look(command, {1})
        for path in self._results.rglob(".*"):
            self.find(f"{path.relative_to(self._results)} was left")

    def compare(self, undisturbed: Path, poisonous: Mapping[str, str]) -> None:
        """Compare tables and crashes with those of an undisturbed sweep."""
        for name in TABLES:
            there = self._results / name
            if not there.is_file() or there.read_bytes() != (undisturbed / name).read_bytes():
                self.find(f"{name} is not that of the undisturbed sweep")
        self.see_crashed(poisonous)

    def see_crashed(self, poisonous: Mapping[str, str]) -> None:
        """Compare the crashed runs and their signals with the poisonous ones."""
        records = {path.stem: path for path in (self._results / "failed").glob("*.json")}
        for identity in records.keys() ^ poisonous.keys():
            what = "is not" if identity in poisonous else f"is in {records[identity].read_text()}"
            self.find(f"{identity} {what} among the failures")
        for identity in records.keys() & poisonous.keys():
            record = json.loads(records[identity].read_text())
            if record["status"] != "crashed" or poisonous[identity] not in record["error"]:
                self.find(f"{identity} is recorded as {record['status']}: {record['error']}")

    def _started(self, *options: str) -> Session:
        return Session([*self._command, *options], self._results.with_suffix(".log"))

    def _wait(self, command: Session, n_kills: int) -> None:
        """Wait for the next moment to attack.

        The moments are chosen so that the missing runs last for the remaining kills."""
        is_first, n_left = not has_begun(command), self._n_left()
        if n_left == 0 or (is_first and self._rng.random() < 0.25):
            seconds = self._rng.uniform(0, 3)  # while it starts, or tries failed runs again
        else:
            share = n_left // max(2 * n_kills, 1)
            n = self._n_stored() + int(self._rng.integers(is_first, share + 2))
            wait_until(lambda: command.is_over or self._n_stored() >= n or self._n_left() == 0)
            seconds = self._rng.uniform(0, 0.2)
        with suppress(subprocess.TimeoutExpired):
            command.process.wait(seconds)

    def _strike(self, command: Session, strokes: Sequence[Stroke]) -> set[int]:
        """Attack once; return the exit codes allowed for it."""
        hit, codes = strokes[self._rng.integers(len(strokes))](command, self._rng)
        self.hits[hit] += hit != MISSED
        self._see_end(self._orphans)
        return codes

    def _look(self, command: Session, codes: set[int]) -> None:
        """Check how a command ended: its processes, exit code, messages and files."""
        self._see_end(command.members)
        said, code = command.said, command.process.returncode
        if "Traceback" in said:
            self.find(f"a traceback: {said}")
        if code not in codes:
            self.find(f"exit code {code}, not one of {sorted(codes)}: {said}")
        stored = self._run_files()
        for name, when in self._stored.items():
            if stored.get(name) != when:
                self.find(f"{name} was {'written again' if name in stored else 'lost'}")
        self._stored = stored
        for path in self._results.rglob("*.damaged*"):
            self.find(f"{path.relative_to(self._results)} was damaged")

    def _see_end(self, left: Callable[[], Sequence[psutil.Process]]) -> None:
        """Check the end of these processes within LINGERING seconds."""
        started = time.monotonic()
        if not wait_until(lambda: not left(), LINGERING):
            self.find(f"{LINGERING:g} s later still runs {described(left())}")
        self.lingered = max(self.lingered, time.monotonic() - started)

    def _run_files(self) -> dict[str, tuple[int, int]]:
        """Return inode and time of each run file, by name."""
        stats = {path.name: path.stat() for path in self._results.glob("runs/*.parquet")}
        return {name: (stat.st_ino, stat.st_mtime_ns) for name, stat in stats.items()}

    def _n_stored(self) -> int:
        return self._n_files("runs", ".parquet")

    def _n_left(self) -> int:
        return len(self._plan.specs) - self._n_stored() - self._n_files("failed", ".json")

    def _n_files(self, folder: str, suffix: str) -> int:
        with suppress(FileNotFoundError):
            names = os.listdir(self._results / folder)
            return sum(name.endswith(suffix) and name[0] != "." for name in names)
        return 0


def tortured(
    torture: Torture, n_hits: int, strokes: Sequence[Stroke], expected: Path, poisonous: Mapping
) -> bool:
    """Attack a sweep, let it finish, and print a summary; return whether there was no mistake."""
    started = time.monotonic()
    torture.endure(n_hits, strokes)
    torture.finish()
    torture.compare(expected, poisonous)
    hits = ", ".join(f"{n} {what}" for what, n in torture.hits.most_common() if n)
    end = "were NOT survived" if torture.wrong else "were survived"
    seconds = time.monotonic() - started
    lingered = f"{torture.lingered:.1f} s at most until all had ended"
    print(f"{torture.hits.total()} kills ({hits}) {end} in {seconds:.0f} s; {lingered}", flush=True)
    return not torture.wrong


def main() -> None:
    """Attack a labelling project, and a sweep of 200 runs on this machine and on a cluster."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--local", type=int, default=125, help="number of kills on this machine")
    parser.add_argument("--dask", type=int, default=60, help="number of kills on a cluster")
    parser.add_argument("--labelling", type=int, default=100, help="number of kills of labelling")
    parser.add_argument("--page", type=int, default=100, help="number of kills of its page")
    parser.add_argument(
        "--seeds", type=int, default=50, help="number of seeds, with four runs each"
    )
    parser.add_argument("--seed", type=int, default=0, help="seed of the victims and the moments")
    given = parser.parse_args()
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell ignores it in the background
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        labelling = LabellingTorture(folder, np.random.default_rng([given.seed, 2]))
        all_well = not given.labelling or labelling.survives(given.labelling)
        page = PageTorture(folder, np.random.default_rng([given.seed, 3]))
        all_well &= not given.page or page.survives(given.page)
        plan = poisonous_experiment(folder, given.seeds)
        poisonous = poisonous_runs(plan)
        print(f"{len(plan.specs)} runs, undisturbed ...", flush=True)
        calm = Torture(plan, plan.store.path, LOCALLY, np.random.default_rng())
        calm.finish()
        calm.see_crashed(poisonous)
        all_well &= not calm.wrong
        if given.local:
            rng = np.random.default_rng([given.seed, 0])
            local = Torture(plan, folder / "local", LOCALLY, rng)
            all_well &= tortured(local, given.local, LOCAL, plan.store.path, poisonous)
        if given.dask:
            rng = np.random.default_rng([given.seed, 1])
            with cluster(N_WORKERS) as there:
                options = ["--dask", there.address]
                on_dask = Torture(plan, folder / "dask", options, rng, there.orphans)
                strokes = on_cluster(there)
                all_well &= tortured(on_dask, given.dask, strokes, plan.store.path, poisonous)
    sys.exit(not all_well)


if __name__ == "__main__":
    main()
