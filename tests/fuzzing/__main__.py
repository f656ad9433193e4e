"""A test of mutated input: each file gives a right answer, or clear lines and exit code 2.

make fuzz, or python -m fuzzing [--first N]

The number of a failing case is printed, and `--case` repeats it. Cases run in processes of their
own, so that a crash does not end the others.
"""

import argparse
import sys
import tempfile
from collections import Counter
from pathlib import Path

from fuzzing.answers import SECONDS
from fuzzing.cases import CHECKS, answer_to
from fuzzing.files import prepared

from alrun.execute.sandbox import Sandbox

# The number of cases of each kind.
CASES = {
    "experiment": 2000,
    "data": 500,
    "results": 500,
    "runs": 500,
    "names": 500,
    "changes": 300,
    "labels": 5000,
}


def run(kind, numbers, folder):
    """Check cases and print the failures; return their number."""
    answers = {}
    with Sandbox(2 * SECONDS) as process:
        for number in numbers:
            answer = process.call(answer_to, kind, number, folder)
            if answer is None:
                answer = "took too long or too much memory, or died"
            answers[number] = answer
            if answer not in (0, 2):
                print(f"  {kind} {number}: {answer if len(numbers) == 1 else last_line(answer)}")
    codes = Counter(answers.values())
    n_failed = len(numbers) - codes[0] - codes[2]
    counts = f"{codes[0]} right, {codes[2]} refused, {n_failed} failed"
    print(f"{kind}: {len(numbers)} cases, {counts}", flush=True)
    return n_failed


def last_line(text):
    return text.strip().splitlines()[-1][:400]


def main():
    """Check all cases, the first of each kind, or a single one."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--first", type=int, metavar="N", help="check the first N cases of each kind"
    )
    parser.add_argument("--kind", choices=CHECKS, action="append")
    parser.add_argument("--case", type=int, help="check this case alone, and show its traceback")
    options = parser.parse_args()
    n_failed = 0
    with tempfile.TemporaryDirectory() as folder:
        folder = prepared(Path(folder).resolve() / "fuzz")
        for kind in options.kind or CHECKS:
            numbers = range(options.first or CASES[kind])
            if options.case is not None:
                numbers = [options.case]
            n_failed += run(kind, numbers, folder)
    sys.exit(bool(n_failed))


if __name__ == "__main__":
    main()
