"""Mutated experiments: refused, or planned as written."""

import re
import shutil
import tomllib
from pathlib import Path

import pyarrow.parquet as pq
from fuzzing.answers import answered, check_run, in_a_process
from fuzzing.files import BASES, experiment_of
from fuzzing.mutations import mutated_toml, pick

from alrun.experiment.toml import to_toml
from alrun.sweep.plan import plan_of, plan_sweep

EXPERIMENTS = Path(__file__).parents[2] / "experiments"
# The experiments on data that need no file and no network.
BUILT_IN = [
    path.stem
    for path in sorted(EXPERIMENTS.glob("*.toml"))
    if not re.search("keel:|[.]csv", path.read_text(encoding="utf-8"))
]


def check_experiment(rng, folder):
    """Plan a mutated experiment; if that is possible, count its grid and compute a run."""
    name = pick(rng, [*BASES, *BASES, *BUILT_IN])
    file = folder / "question.toml"
    known = name in BASES
    text = experiment_of(name, rng) if known else (EXPERIMENTS / f"{name}.toml").read_text()
    file.write_bytes(mutated_toml(text, rng))
    results = folder / "results"
    shutil.rmtree(results, ignore_errors=True)
    code, output = answered("sweep", file, "--results", results, "--dry-run")
    assert not results.exists()
    if rng.integers(100) == 0:
        done = in_a_process("sweep", file, "--results", results, "--dry-run")
        assert done.returncode == code, done.stderr
    if code == 2:
        return code
    content = tomllib.loads(file.read_text(encoding="utf-8"))
    if "until_halfwidth" not in content:
        n_planned = sum(int(line.split()[0]) for line in output.splitlines())
        expected = n_runs(content)
        assert n_planned <= expected if content.get("skip_impossible") else n_planned == expected
    plan = plan_sweep(file, results)
    if len(plan.specs) > 500:
        return code
    plan.store.prepare()
    plan.store.save_experiment(to_toml(plan.experiment, folder, results))
    assert plan_of(results).specs.keys() == plan.specs.keys()
    specs = [spec for spec in plan.specs.values() if spec.budget <= 400 * spec.batch_size]
    if known and specs:
        spec = pick(rng, specs)
        check_run(spec, plan.sources[spec.dataset.display_name].at(spec.seed))
        adds_seeds = plan.experiment.until_halfwidth is not None
        if len(plan.specs) < 50 and not adds_seeds and rng.integers(20) == 0:
            check_sweep(file, results, plan.specs.keys())
    return code


def check_sweep(file, results, ids):
    """Run the sweep, and check the tables against the plan."""
    done = in_a_process("sweep", file, "--results", results, "--jobs", "1")
    assert done.returncode in (0, 1), done.stderr
    curves = pq.read_table(results / "curves.parquet").to_pylist()
    queries = pq.read_table(results / "queries.parquet").to_pylist()
    swept = {row["run_id"] for row in curves}
    assert swept == ids if done.returncode == 0 else swept < ids
    for run in swept:
        sizes = [row["n_labels"] for row in curves if row["run_id"] == run]
        assert sizes == sorted(set(sizes))
        assert sizes[-1] - sizes[0] == sum(row["run_id"] == run for row in queries)
    assert in_a_process("status", results).returncode == done.returncode


def n_runs(content):
    """Return the number of runs in a grid."""

    def n(key, default=1):
        value = content.get(key)
        return len(value) if isinstance(value, list) else default

    seeds = content["seeds"]
    n_seeds = seeds if isinstance(seeds, int) else len(seeds)
    n_models = n("dataset") * n("model") * n("initial") * n("oracle") * n("cost")
    return n_models * n("strategies") * n("batch_sizes") * n_seeds
