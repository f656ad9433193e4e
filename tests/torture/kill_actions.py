"""Attacks on a sweep: each kills some of its processes."""

import signal
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TypeAlias

import numpy as np
import psutil
from clusters import Cluster
from sessions import PATIENCE, Session, is_alive, wait_until

# Returns the kind of process that was hit, and the exit codes allowed for the command.
Stroke: TypeAlias = Callable[[Session, np.random.Generator], tuple[str, set[int]]]
MISSED = ""


def has_begun(command: Session) -> bool:
    """Return whether a command is past the start of Python and runs code of alrun."""
    with suppress(psutil.NoSuchProcess):
        times = psutil.Process(command.process.pid).cpu_times()
        return times.user + times.system > 0.5
    return True


def signalled(number: signal.Signals, name: str) -> Stroke:
    """Return an attack on the command by a signal."""

    def strike(command: Session, rng: np.random.Generator) -> tuple[str, set[int]]:
        command.process.send_signal(number)
        command.process.wait(PATIENCE)
        was_alive = command.process.returncode == -number
        return name if was_alive else MISSED, {-number}

    return strike


kill_command = signalled(signal.SIGKILL, "command")
terminate = signalled(signal.SIGTERM, "SIGTERM")


def kill_one(processes: Sequence[psutil.Process], rng: np.random.Generator) -> bool:
    """Kill a random one of these processes; return whether it was alive."""
    with suppress(psutil.NoSuchProcess):
        victim = processes[rng.integers(len(processes))]
        is_hit = is_alive(victim)
        victim.kill()
        return is_hit
    return False


def kill_worker(command: Session, rng: np.random.Generator) -> tuple[str, set[int]]:
    workers = [process for process in command.members() if process.pid != command.process.pid]
    return "worker" if workers and kill_one(workers, rng) else MISSED, set()


def kill_both(command: Session, rng: np.random.Generator) -> tuple[str, set[int]]:
    worker, _ = kill_worker(command, rng)
    hit, codes = kill_command(command, rng)
    return "both" if worker and hit else hit or worker, codes


def interrupt(command: Session, rng: np.random.Generator) -> tuple[str, set[int]]:
    """Interrupt the command once or three times; sometimes kill it while it makes the tables."""
    if not has_begun(command):
        return MISSED, set()
    for _ in range(rng.choice([1, 3])):
        command.process.send_signal(signal.SIGINT)
        time.sleep(rng.uniform(0, 0.1))
    codes = {130}
    if rng.random() < 0.5:
        time.sleep(rng.uniform(0, 0.5))
        command.process.kill()
        codes.add(-signal.SIGKILL)
    wait_until(lambda: command.is_over)
    return "SIGINT" if command.process.returncode in codes else MISSED, codes


LOCAL = (
    *(kill_worker,) * 8,
    *(kill_command,) * 4,
    *(kill_both,) * 4,
    *(interrupt,) * 2,
    terminate,
)


def on_cluster(cluster: Cluster) -> tuple[Stroke, ...]:
    """Return the attacks on a sweep on a cluster."""

    def kill_dask_worker(command: Session, rng: np.random.Generator) -> tuple[str, set[int]]:
        workers = cluster.workers()
        return "worker" if workers and kill_one(workers, rng) else MISSED, set()

    def kill_computing(command: Session, rng: np.random.Generator) -> tuple[str, set[int]]:
        computing = cluster.computing()
        return "process of a run" if computing and kill_one(computing, rng) else MISSED, set()

    def replace_nanny(command: Session, rng: np.random.Generator) -> tuple[str, set[int]]:
        cluster.replace_nanny(int(rng.integers(cluster.n_workers)))
        return "nanny", set()

    def replace_scheduler(command: Session, rng: np.random.Generator) -> tuple[str, set[int]]:
        cluster.replace_scheduler()
        return "scheduler", set()

    return (
        *(kill_dask_worker,) * 12,
        *(kill_computing,) * 2,
        *(replace_nanny,) * 2,
        replace_scheduler,
        *(kill_command,) * 2,
        interrupt,
    )
