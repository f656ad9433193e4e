"""How many seeds: as many as a test will need, and as many as the intervals need."""

import json
from math import inf, isnan, nan

import numpy as np
import pandas as pd
import pytest
from curves_factory import reaching, write
from scipy import integrate
from scipy import stats as scipy_stats
from small_experiments import TINY
from typer.testing import CliRunner

import alrun
from alrun import stats
from alrun.api import run_sweep
from alrun.cli.app import app
from alrun.errors import AlrunError, ExperimentError, ResultsError
from alrun.execute.local import Workers
from alrun.experiment.toml import read_experiment
from alrun.report.render import render
from alrun.report.sample_size import seeds_needed
from alrun.sequential import describe_step, run_experiment
from alrun.spec import RunSpec
from alrun.sweep.run import run_missing

RANDOM = [100, 120, 140, 110, 130]
MARGIN = [80, 90, 100, 100, 80]  # differences 20, 30, 40, 10, 50
TABLES = ["curves.parquet", "queries.parquet", "splits.parquet", "experiment.toml"]


def report_of(folder, *frames, targets=(0.9,), **options):
    return alrun.report(write(folder, *frames), targets=targets, **options)


# Power


def naive_power(n, difference, spread, alpha):
    """Return the power of the paired t test, integrated over the spread that the seeds show."""
    critical = scipy_stats.t.ppf(1 - alpha / 2, n - 1)
    shift = difference * np.sqrt(n) / spread

    def density(x):
        limit = critical * x / np.sqrt(n - 1)
        beyond = scipy_stats.norm.sf(limit - shift) + scipy_stats.norm.cdf(-limit - shift)
        return scipy_stats.chi.pdf(x, n - 1) * beyond

    return integrate.quad(density, 0, np.sqrt(n - 1) + 12, limit=200)[0]


@pytest.mark.parametrize(
    ("spread", "difference", "n"), [(28.3, 20.7, 17), (28.8, 10, 68)], ids=["17", "68"]
)
def test_seeds_for_a_power_as_computed_by_hand(spread, difference, n):
    assert stats.seeds_for(difference, spread, 0.8, 0.05) == n
    assert naive_power(n, difference, spread, 0.05) >= 0.8
    assert naive_power(n - 1, difference, spread, 0.05) < 0.8


@pytest.mark.parametrize("alpha", [0.05, 0.05 / 24])
@pytest.mark.parametrize("effect", [0.1, 0.5, 1.0, 2.0, 3.0])
@pytest.mark.parametrize("n", [3, 10, 40])
def test_power_agrees_with_an_integral_over_the_spread(n, effect, alpha):
    expected = naive_power(n, effect, 1.0, alpha)
    assert stats.power_of(n, effect, 1.0, alpha) == pytest.approx(expected, abs=1e-6)


def test_power_is_the_share_of_tests_that_see_the_difference():
    draws = np.random.default_rng(0).normal(20.7, 28.3, size=(20_000, 17))
    seen = scipy_stats.ttest_1samp(draws, 0, axis=1).pvalue <= 0.05
    assert stats.power_of(17, 20.7, 28.3, 0.05) == pytest.approx(seen.mean(), abs=0.01)


def test_the_upper_limit_of_the_spread_holds_for_eighty_of_a_hundred_pilots():
    draws = np.random.default_rng(0).normal(0, 3, size=(20_000, 8))
    found = draws.std(axis=1, ddof=1)
    limits = found * stats.upper_spread(1.0, 8)
    assert (limits >= 3).mean() == pytest.approx(0.8, abs=0.01)
    assert (found >= 3).mean() < 0.5


@pytest.mark.parametrize("power", [0.8, 0.95, 0.99])
@pytest.mark.parametrize("effect", [0.7, 2.0, 3.0, 20.0])
@pytest.mark.parametrize("alpha", [0.05, 0.05 / 24])
def test_seeds_for_a_power_are_the_fewest(effect, power, alpha):
    n = stats.seeds_for(effect, 1.0, power, alpha)
    assert naive_power(n, effect, 1.0, alpha) >= power
    assert n == 2 or naive_power(n - 1, effect, 1.0, alpha) < power


def test_seeds_beyond_all_reason_are_not_counted():
    assert stats.seeds_for(0.001, 10.0, 0.8, 0.05) is None
    assert stats.seeds_for(1.0, 0.0, 0.8, 0.05) == 2


# Seeds needed


def is_fewest(n, difference, spread, n_pilot, power, alpha, fewest):
    """Return whether n seeds have the power and n - 1 have not, or are too few for any."""
    spread = spread * np.sqrt((n_pilot - 1) / scipy_stats.chi2.ppf(0.2, n_pilot - 1))
    too_few = n == fewest or naive_power(n - 1, difference, spread, alpha) < power
    return too_few and naive_power(n, difference, spread, alpha) >= power


def test_seeds_needed_from_a_pilot_of_five(tmp_path):
    needed = seeds_needed(
        report_of(tmp_path, reaching(RANDOM), reaching(MARGIN, "margin")), 0.1, 0.8
    )
    (row,) = needed.to_dict("records")
    assert row["n_pilot"] == 5
    assert row["difference"] == pytest.approx(12)  # a tenth of 120
    assert row["spread"] == pytest.approx(np.sqrt(250))
    # chi2(.20) with 4 degrees of freedom is 1.6488: the upper limit is 24.6.
    assert stats.upper_spread(row["spread"], 5) == pytest.approx(24.627, abs=0.001)
    assert is_fewest(row["seeds"], 12, np.sqrt(250), 5, 0.8, 0.05, 6)
    assert row["seeds"] > stats.seeds_for(12, np.sqrt(250), 0.8, 0.05)


@pytest.mark.parametrize(("saving", "power"), [(0.1, 0.8), (0.2, 0.9), (0.05, 0.5)])
def test_each_test_is_at_alpha_over_the_family(tmp_path, saving, power):
    frames = [reaching(RANDOM), reaching(MARGIN, "margin")]
    frames.append(reaching([130, 100, 100, 150, 90], "entropy"))
    report = report_of(tmp_path, *frames, targets=(0.7, 0.8, 0.9))
    assert report.family == 6
    needed = seeds_needed(report, saving, power)
    assert len(needed) == 6
    spreads = {"margin": np.sqrt(250), "entropy": np.std([-30, 20, 40, -40, 40], ddof=1)}
    for row in needed.itertuples():
        spread = spreads[row.strategy]
        assert is_fewest(row.seeds, saving * 120, spread, 5, power, 0.05 / 6, fewest=8)


@pytest.mark.parametrize(("n_targets", "fewest"), [(1, 6), (2, 7), (4, 8)])
def test_no_fewer_seeds_than_can_reach_significance(tmp_path, n_targets, fewest):
    """Equal differences have no spread; the sign-flip test asks for so many all the same."""
    frames = [reaching(RANDOM), reaching([n - 20 for n in RANDOM], "margin")]
    report = report_of(tmp_path, *frames, targets=(0.6, 0.7, 0.8, 0.9)[:n_targets])
    assert n_targets * 2.0 ** (1 - fewest) <= 0.05 < n_targets * 2.0 ** (2 - fewest)
    assert seeds_needed(report, 0.1, 0.8)["seeds"].tolist() == [fewest] * n_targets


def test_under_max_t_the_family_asks_for_no_more_seeds(tmp_path):
    frames = [reaching(RANDOM), reaching([n - 20 for n in RANDOM], "margin")]
    report = report_of(tmp_path, *frames, targets=(0.8, 0.9), adjustment="maxT")
    assert seeds_needed(report, 0.1, 0.8)["seeds"].tolist() == [6, 6]


def test_one_pair_says_nothing_of_the_spread(tmp_path):
    frames = [reaching(RANDOM), reaching([80], "margin"), reaching(MARGIN, "entropy")]
    needed = seeds_needed(report_of(tmp_path, *frames), 0.1, 0.8).set_index("strategy")
    assert needed.loc["margin", "n_pilot"] == 1
    assert isnan(needed.loc["margin", "seeds"])
    assert is_fewest(needed.loc["entropy", "seeds"], 12, np.sqrt(250), 5, 0.8, 0.05, 6)


def test_runs_that_all_miss_the_target_say_nothing_of_the_spread(tmp_path):
    """All differences are 0 there, as all labels are the budget."""
    frames = [reaching(RANDOM), reaching(MARGIN, "margin")]
    needed = seeds_needed(report_of(tmp_path, *frames, targets=(0.9, 0.99)), 0.1, 0.8)
    assert needed["target"].tolist() == [0.9, 0.99]
    assert needed["seeds"].iloc[0] > 6
    assert isnan(needed["spread"].iloc[1])
    assert isnan(needed["seeds"].iloc[1])


def test_seeds_beyond_all_reason_are_said_to_be_more(tmp_path):
    write(tmp_path, reaching(RANDOM), reaching(MARGIN, "margin"))
    needed = seeds_needed(alrun.report(tmp_path, targets=(0.9,)), 0.0001, 0.8)
    assert needed["seeds"].tolist() == [inf]
    done = CliRunner().invoke(
        app, ["sample-size", str(tmp_path), "--target", "0.9", "--saving", "0.0001"]
    )
    assert "more than 100,000" in done.stdout


@pytest.mark.parametrize(
    ("saving", "power"),
    [(0, 0.8), (1, 0.8), (-0.1, 0.8), (nan, 0.8), (10, 0.8), (0.1, 0), (0.1, 1), (0.1, nan)],
)
def test_a_saving_or_power_that_is_no_share_is_refused(tmp_path, saving, power):
    report = report_of(tmp_path, reaching(RANDOM), reaching(MARGIN, "margin"))
    with pytest.raises(ResultsError, match="shares between 0 and 1, as in"):
        seeds_needed(report, saving, power)


@pytest.mark.parametrize("lacking", ["targets", "a baseline", "seeds"])
def test_without_a_test_there_is_nothing_to_plan_for(tmp_path, lacking):
    frames = [reaching(RANDOM), reaching(MARGIN, "margin")]
    if lacking == "a baseline":
        frames = frames[1:]
    if lacking == "seeds":
        frames = [frame[frame["seed"] == 0] for frame in frames]
    write(tmp_path, *frames)
    target = [] if lacking == "targets" else ["--target", "0.9"]
    done = CliRunner().invoke(app, ["sample-size", str(tmp_path), *target])
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.startswith("there is no test to plan for: it takes a target (see --target)")
    assert done.stderr.count("\n") == 1


def test_the_plan_is_a_table_with_the_seeds_for_every_comparison(tmp_path):
    frames = [reaching(RANDOM), reaching(MARGIN, "margin"), reaching([80], "one pair")]
    needed = seeds_needed(report_of(tmp_path, *frames), 0.15, 0.9)
    options = ["--target", "0.9", "--saving", "0.15", "--power", "0.9"]
    done = CliRunner().invoke(app, ["sample-size", str(tmp_path), *options])
    assert done.exit_code == 0
    text = " ".join(done.stdout.split())
    assert "Seeds needed: digits, logistic, batch size 10" in text
    seeds = needed.set_index("strategy")["seeds"]["margin"]
    assert f"margin 5 18.0 15.8 {seeds:.0f}" in text
    assert "one pair 1 15.0 not estimable" in text
    assert "a saving of 15 % with a chance of 90 %" in text
    assert f"Enough for every comparison that can be estimated: {seeds:.0f} seeds." in text


# Seeds until the intervals are narrow

HALF_WIDTH = 0.119


def half_widths(curves, n_seeds, folder):
    """Return how far the intervals reach with the first seeds, by target."""
    folder = folder / f"first {n_seeds}"
    folder.mkdir()
    rows = report_of(folder, curves[curves["seed"] < n_seeds]).rows
    rows = rows[rows["strategy"] == "margin"]
    return ((rows["saving_high"] - rows["saving_low"]) / 2).tolist()


def first_narrow(curves, half_width, folder):
    """Return with how many seeds, 10, 15, 20 ..., the interval is narrow for the first time."""
    for n_seeds in range(10, curves["seed"].nunique() + 1, 5):
        if max(half_widths(curves, n_seeds, folder)) <= half_width:
            return n_seeds
    return None


def overrides(half_width=HALF_WIDTH, **more):
    given = {"until_halfwidth": half_width} | more
    return [f"{key}={value}" for key, value in given.items()]


def numbers_of_seeds(path, results, settings, on_progress=lambda spec, outcome: None):
    """Return the numbers of seeds of all steps, each swept."""
    workers, numbers = Workers(0), []

    def sweep(plan):
        numbers.append(plan.experiment.seeds)
        return run_missing(plan, workers, on_progress=on_progress)

    run_experiment(path, sweep, results, settings)
    return numbers


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """Return the results of a sweep that nothing disturbed, and its numbers of seeds."""
    folder = tmp_path_factory.mktemp("narrow")
    (folder / "tiny.toml").write_text(TINY)
    numbers = numbers_of_seeds(folder / "tiny.toml", folder / "results", overrides())
    return folder / "results", numbers


@pytest.fixture(scope="module")
def narrow(undisturbed):
    """Return the results of a sweep that nothing disturbed."""
    return undisturbed[0]


def test_seeds_are_added_until_the_interval_is_narrow(narrow, tmp_path):
    n_seeds = alrun.load_curves(narrow)["seed"].nunique()
    assert n_seeds == first_narrow(alrun.load_curves(narrow), HALF_WIDTH, tmp_path)
    assert n_seeds > 15  # else the test would show little
    row = alrun.report(narrow).rows.iloc[1]
    assert (row["saving_high"] - row["saving_low"]) / 2 <= HALF_WIDTH
    assert sorted(alrun.load_curves(narrow)["seed"].unique()) == list(range(n_seeds))


def test_steps_are_of_five_from_ten_at_least(tiny, undisturbed, tmp_path):
    results, numbers = undisturbed
    last = alrun.load_curves(results)["seed"].nunique()
    assert numbers == list(range(10, last + 1, 5))
    assert numbers_of_seeds(tiny, tmp_path / "wide", overrides(0.9)) == [10]
    assert numbers_of_seeds(tiny, tmp_path / "more", overrides(0.9, seeds=12)) == [12]


@pytest.mark.parametrize(
    ("more", "steps"),
    [
        ({"max_seeds": 10}, [10]),
        ({"max_seeds": 17}, [10, 15, 17]),
        pytest.param({"max_seeds": 20}, [10, 15, 20], marks=pytest.mark.slow),
        ({"max_seeds": 18, "seeds": 12}, [12, 17, 18]),
    ],
)
def test_no_seeds_are_added_beyond_the_most(tiny, tmp_path, more, steps):
    found = numbers_of_seeds(tiny, tmp_path / "results", overrides(0.001, **more))
    assert found == steps
    notes = alrun.report(tmp_path / "results").notes
    assert any("the interval is wider all the same: margin" in note for note in notes)


def test_without_a_number_the_most_is_a_hundred(tiny, tmp_path):
    short = overrides(0.001, seeds=100, budget=11)
    assert numbers_of_seeds(tiny, tmp_path / "results", short) == [100]
    with pytest.raises(ExperimentError, match="max_seeds: 100 is below the 101 to start with"):
        numbers_of_seeds(tiny, tmp_path / "results", overrides(0.001, seeds=101))


def test_a_grid_that_grows_beyond_the_most_runs_is_refused_and_keeps_what_is_done(
    tiny, tmp_path, monkeypatch
):
    monkeypatch.setattr("alrun.experiment.settings._MOST_RUNS", 25)  # 20 runs, and then 30
    with pytest.raises(ExperimentError, match="the grid has 30 runs, more than 25"):
        numbers_of_seeds(tiny, tmp_path / "results", overrides(0.001))
    assert alrun.load_curves(tmp_path / "results")["seed"].nunique() == 10


def test_an_experiment_without_a_half_width_is_one_step(tiny, tmp_path):
    assert numbers_of_seeds(tiny, tmp_path / "results", []) == [3]
    assert not alrun.report(tmp_path / "results").is_sequential


def test_the_saved_experiment_names_the_half_width_and_the_seeds_it_took(narrow):
    experiment = read_experiment(narrow / "experiment.toml")
    assert experiment.until_halfwidth == HALF_WIDTH
    assert experiment.seeds == alrun.load_curves(narrow)["seed"].nunique()


def test_the_saved_experiment_gives_the_same_tables(narrow, tmp_path):
    again = run_sweep(narrow / "experiment.toml", tmp_path / "again", jobs=0)
    for name in TABLES[:3]:
        assert (again / name).read_bytes() == (narrow / name).read_bytes()


def test_the_report_is_marked_sequential(narrow):
    report = alrun.report(narrow)
    assert report.is_sequential
    content = json.loads(render(report, "json"))
    assert content["sequential"] is True
    (note,) = [note for note in content["notes"] if note.startswith("Sequential:")]
    assert "a half-width of at most 11.9 points" in note
    assert "a little less than 95 %" in note
    assert not any("the interval reaches further" in note for note in content["notes"])


@pytest.mark.parametrize(
    "after",
    [*(pytest.param(after, marks=pytest.mark.slow) for after in (3, 20, 21)), 47],
)
def test_an_interrupted_sweep_ends_with_the_same_tables(tiny, narrow, tmp_path, after):
    """Interrupted in the first step, at its end and in later ones, then begun anew."""
    results, seen = tmp_path / "interrupted", []

    def interrupt(spec, outcome):
        if isinstance(spec, RunSpec):
            seen.append(outcome.run_id)
            if len(seen) == after:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        numbers_of_seeds(tiny, results, overrides(), interrupt)
    assert len(list((results / "runs").glob("*.parquet"))) == after
    run_sweep(tiny, results, jobs=0, overrides=overrides())
    for name in TABLES:
        assert (results / name).read_bytes() == (narrow / name).read_bytes(), name


def test_a_finished_sweep_runs_nothing_again(tiny, narrow):
    times = {path: path.stat().st_mtime_ns for path in (narrow / "runs").iterdir()}
    tables = {name: (narrow / name).read_bytes() for name in TABLES}
    # The path of the experiment differs, and has no part in the results.
    run_sweep(tiny, narrow, jobs=0, overrides=overrides())
    assert {path: path.stat().st_mtime_ns for path in (narrow / "runs").iterdir()} == times
    assert {name: (narrow / name).read_bytes() for name in TABLES} == tables


def test_a_narrower_interval_goes_on_where_the_wider_ended(tiny, tmp_path, narrow):
    results = run_sweep(tiny, tmp_path / "results", jobs=0, overrides=overrides(0.9))
    kept = {path.name: path.stat().st_mtime_ns for path in (results / "runs").iterdir()}
    run_sweep(tiny, results, jobs=0, overrides=overrides())
    now = {path.name: path.stat().st_mtime_ns for path in (results / "runs").iterdir()}
    assert kept.items() < now.items()
    assert (results / "curves.parquet").read_bytes() == (narrow / "curves.parquet").read_bytes()


WRONG = {
    "a list of seeds": (["until_halfwidth=0.1", "seeds=[0, 1]"], "needs seeds as a count"),
    "no targets": (["until_halfwidth=0.1", "targets=[]"], "until_halfwidth: needs targets"),
    "too few seeds": (["until_halfwidth=0.1", "max_seeds=9"], "9 is below the 10 to start with"),
    "fewer than named": (
        ["until_halfwidth=0.1", "max_seeds=15", "seeds=20"],
        "max_seeds: 15 is below the 20 to start with",
    ),
    "no half-width": (["max_seeds=20"], "max_seeds goes with until_halfwidth"),
    "none": (["until_halfwidth=0.0"], "until_halfwidth: should be greater than 0"),
    "all": (["until_halfwidth=1.0"], "until_halfwidth: should be less than 1"),
    "below none": (["until_halfwidth=-0.1"], "until_halfwidth: should be greater than 0"),
    "no number": (["until_halfwidth=nan"], "until_halfwidth: should be a finite number"),
    "no random": (
        ["until_halfwidth=0.1", 'strategies=["margin", "entropy"]'],
        "until_halfwidth: needs the strategy random and another",
    ),
    "random alone": (
        ["until_halfwidth=0.1", 'strategies=["random"]'],
        "until_halfwidth: needs the strategy random and another",
    ),
}


@pytest.mark.parametrize(("settings", "said"), WRONG.values(), ids=WRONG)
def test_what_cannot_be_swept_until_it_is_narrow_is_a_line(tiny, tmp_path, settings, said):
    results = tmp_path / "results"
    words = [word for setting in settings for word in ("--set", setting)]
    done = CliRunner().invoke(
        app, ["sweep", str(tiny), "--results", str(results), "--jobs", "1", *words]
    )
    assert (done.exit_code, done.stdout) == (2, "")
    assert said in done.stderr
    assert done.stderr.count("\n") == 1
    assert not results.exists()
    with pytest.raises(AlrunError):
        run_sweep(tiny, results, jobs=0, overrides=settings)


def test_the_command_says_after_each_step_how_narrow_it_is(tiny, tmp_path):
    options = ["--until-halfwidth", "0.001", "--max-seeds", "12", "--jobs", "1"]
    results = str(tmp_path / "results")
    done = CliRunner().invoke(app, ["sweep", str(tiny), "--results", results, *options])
    assert done.exit_code == 0
    wide = "intervals of savings that have a half-width above 0.1 points: margin at 0.9 (iris"
    assert f"10 seeds: {wide}" in done.stderr
    assert f"12 seeds: {wide}" in done.stderr
    assert done.stdout == f"24 of 24 runs are done.\nNext: alrun report {results}\n"
    assert read_experiment(tmp_path / "results/experiment.toml").max_seeds == 12


def test_a_dry_run_says_what_the_first_step_would_do(tiny, tmp_path):
    options = ["--until-halfwidth", "0.1", "--dry-run", "--results", str(tmp_path / "results")]
    done = CliRunner().invoke(app, ["sweep", str(tiny), *options])
    assert done.exit_code == 0
    assert "10 to do: iris / logistic / margin / batch size 5" in done.stdout
    assert not (tmp_path / "results").exists()


def test_a_step_in_which_runs_fail_is_the_last(tiny, tmp_path, monkeypatch):
    (tmp_path / "failing_in_steps.py").write_text(
        "def never(pool, n, rng):\n    raise RuntimeError('no')\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    options = [
        "--set",
        'strategies=["random", "failing_in_steps:never"]',
        "--until-halfwidth",
        "0.1",
    ]
    options += ["--jobs", "1", "--results", str(tmp_path / "results")]
    done = CliRunner().invoke(app, ["sweep", str(tiny), *options])
    assert done.exit_code == 1
    assert "10 of 20 runs are done" in done.stdout
    with pytest.raises(ResultsError, match="10 of 20 runs failed"):
        run_sweep(
            tiny,
            tmp_path / "results",
            jobs=0,
            overrides=[*overrides(), 'strategies=["random", "failing_in_steps:never"]'],
        )


NOISE = """
strategies = ["random", "margin"]
seeds = 2
budget = 24
batch_sizes = [5]
targets = [0.55, 0.999]
dataset = {name = "make_classification", n_samples = 150, flip_y = 0.4, label = "noise"}
"""


def test_cells_that_cannot_be_estimated_are_passed_over_and_named(tmp_path):
    path, results = tmp_path / "noise.toml", tmp_path / "results"
    path.write_text(NOISE)
    assert numbers_of_seeds(path, results, overrides(0.9)) == [10]
    report = alrun.report(results)
    assert report.rows["reached"].tolist()[2:] == [0, 0]
    narrow, passed_over = describe_step(report, 0.9)
    assert narrow == "10 seeds: the interval of every saving is narrow enough."
    assert passed_over == (
        "10 seeds: savings that cannot be estimated are passed over: margin at 0.999"
        " (noise, logistic, batch size 5)."
    )


def test_where_no_cell_can_be_estimated_none_is_called_narrow(tmp_path):
    path, results = tmp_path / "noise.toml", tmp_path / "results"
    path.write_text(NOISE)
    settings = overrides(0.01, targets=[0.999])
    assert numbers_of_seeds(path, results, settings) == [10]
    (sentence,) = describe_step(alrun.report(results), 0.01)
    assert "passed over: margin at 0.999" in sentence


def test_an_unbounded_interval_is_wide(tmp_path):
    grid = [10, 20, 200, 500]
    frames = [reaching([20, 20, 500], grid=grid), reaching([20, 200, 20], "margin", grid=grid)]
    report = report_of(tmp_path, *frames)
    assert pd.isna(json.loads(render(report, "json"))["rows"][1]["saving_low"])
    (sentence,) = describe_step(report, 0.99)
    assert "have a half-width above 99 points: margin at 0.9" in sentence
