"""The cases: each is drawn from its kind and number."""

import os
import resource
import traceback

import numpy as np
from fuzzing.changes import check_change
from fuzzing.data import check_data
from fuzzing.experiments import check_experiment
from fuzzing.labels import check_labels
from fuzzing.names import check_names
from fuzzing.results import check_results, check_run_file

GIGABYTES = 3
CHECKS = {
    "experiment": check_experiment,
    "data": check_data,
    "results": check_results,
    "runs": check_run_file,
    "names": check_names,
    "changes": check_change,
    "labels": check_labels,
}


def check(kind, number, folder):
    """Check one case in a folder that was `prepared`; return the exit code, or fail."""
    rng = np.random.default_rng([list(CHECKS).index(kind), number])
    return CHECKS[kind](rng, folder)


def answer_to(kind, number, folder):
    """Check one case within limits; return the exit code, or a sentence on the failure."""
    resource.setrlimit(resource.RLIMIT_AS, (3 * GIGABYTES * 2**30,) * 2)
    os.chdir(folder)
    try:
        answer = check(kind, number, folder)
    except BaseException as error:
        return "".join(traceback.format_exception(error))
    if resource.getrusage(resource.RUSAGE_SELF).ru_maxrss > GIGABYTES * 2**20:
        os._exit(1)  # the peak memory of a process never falls again
    return answer
