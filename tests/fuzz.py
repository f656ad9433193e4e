"""Input from strangers, mutated: each file gives a right answer, or clear lines and exit code 2.

python tests/fuzz.py [--first N]

A case is a kind and a number, by which it is drawn; the number of one that fails is printed, and
`check` repeats it. Cases run in processes of their own, so that none can take the others with it.
"""

import argparse
import multiprocessing
import os
import resource
import sys
import tempfile
import traceback
from pathlib import Path

import numpy as np
from fuzzing.answers import SECONDS
from fuzzing.data import check_data
from fuzzing.experiments import check_experiment
from fuzzing.files import prepared
from fuzzing.results import check_results, check_run_file

GIGABYTES = 3
# How many of each kind there are in the whole of it.
CASES = {"experiment": 2000, "data": 500, "results": 500, "runs": 500}
CHECKS = {
    "experiment": check_experiment,
    "data": check_data,
    "results": check_results,
    "runs": check_run_file,
}


def check(kind, number, folder):
    """Check one case in a folder that was `prepared`; return the exit code, or fail."""
    rng = np.random.default_rng([list(CHECKS).index(kind), number])
    return CHECKS[kind](rng, folder)


def _check_many(kind, numbers, folder, answers):
    """Check cases in a process of their own, and put what became of each."""
    resource.setrlimit(resource.RLIMIT_AS, (3 * GIGABYTES * 2**30,) * 2)
    os.chdir(folder)
    for number in numbers:
        answers.put((number, "began"))
        try:
            what = check(kind, number, folder)
        except BaseException as error:
            what = "".join(traceback.format_exception(error))
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
        answers.put((number, f"took {peak:.1f} GB" if peak > GIGABYTES else what))
        if peak > GIGABYTES:
            return


def run(kind, first, n, folder):
    """Check cases; return those that failed with the reason, by number, and exit codes counted."""
    context = multiprocessing.get_context("fork")
    failed, codes = {}, {0: 0, 2: 0}
    numbers = list(range(first, first + n))
    while numbers:
        answers = context.Queue()
        child = context.Process(target=_check_many, args=(kind, numbers, folder, answers))
        child.start()
        current = numbers[0]
        while True:
            try:
                number, what = answers.get(timeout=2 * SECONDS if child.is_alive() else 1)
            except Exception:
                break
            if what == "began":
                current = number
                continue
            numbers.remove(number)
            if what in codes:
                codes[what] += 1
            else:
                failed[number] = what
                print(f"  {kind} {number}: {what.strip().splitlines()[-1][:400]}", flush=True)
            if not numbers:
                break
        if numbers and current in numbers:
            failed[current] = f"took too long, or killed its process ({child.exitcode})"
            print(f"  {kind} {current}: {failed[current]}", flush=True)
            numbers.remove(current)
        child.kill()
        child.join()
    return failed, codes


def main():
    """Check all cases, or the first of each kind."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--first", type=int, metavar="N", help="so many of each kind")
    parser.add_argument("--kind", choices=CHECKS, action="append")
    parser.add_argument("--case", type=int, help="this one alone, with its traceback")
    options = parser.parse_args()
    n_failed = 0
    with tempfile.TemporaryDirectory() as folder:
        folder = prepared(Path(folder).resolve() / "fuzz")
        for kind in options.kind or CHECKS:
            first, n = 0, options.first or CASES[kind]
            if options.case is not None:
                first, n = options.case, 1
            failed, codes = run(kind, first, n, folder)
            n_failed += len(failed)
            counts = f"{codes[0]} right, {codes[2]} refused, {len(failed)} failed"
            print(f"{kind}: {n} cases, {counts}", flush=True)
            for what in failed.values() if options.case is not None else ():
                print(what)
    sys.exit(bool(n_failed))


if __name__ == "__main__":
    main()
