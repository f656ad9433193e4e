"""Time and memory of a command."""

import os
import subprocess
import time


def seconds_and_memory(*command: str) -> tuple[float, float]:
    """Return wall seconds and peak resident MiB of a process, or of a child of it."""
    started = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise RuntimeError(f"{command} ended with {status}")
    return time.perf_counter() - started, usage.ru_maxrss / 1024
