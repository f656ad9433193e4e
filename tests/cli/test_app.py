"""The command line as a user meets it: output, exit codes, one line for each mistake."""

import json
import os
import re
import sys

import pandas as pd
import pytest
from commands import alrun, alrun_here
from preloaded import PreloadedCommand, anew
from small_experiments import TINY

from alrun.cli.app import main
from alrun.cli.power_text import describe_power
from alrun.execute.worker import Outcome
from alrun.progress import shown
from alrun.records import Failure
from alrun.sweep.plan import plan_sweep


@pytest.fixture(scope="module")
def swept(tmp_path_factory):
    """Return a folder in which the tiny experiment was swept by the command, and what it said."""
    folder = tmp_path_factory.mktemp("swept")
    (folder / "tiny.toml").write_text(TINY)
    return folder, alrun_here("sweep", "tiny.toml", "--jobs", 1, cwd=folder)


def test_a_sweep_shows_progress_and_names_the_next_command(swept):
    _, done = swept
    assert done.returncode == 0
    assert "6 runs: 0 done, 0 failed before, 6 to do" in done.stderr
    assert re.search(r"6/6 runs, [\d.]+ runs/s, 0:00 left", done.stderr)
    assert done.stdout == "6 of 6 runs are done.\nNext: alrun report results/tiny\n"
    assert "Traceback" not in done.stderr


def test_a_failure_is_one_line_of_a_log(tiny, tmp_path, capsys):
    spec = next(iter(plan_sweep(tiny, tmp_path / "results").specs.values()))
    failure = Failure("failed", f"ValueError: {'word ' * 40}", "", 1)
    with shown([spec]) as advance:
        advance(spec, Outcome("", failure=failure))
    assert f"failed: {spec}: {failure.reason}\n" in capsys.readouterr().err


def test_a_sweep_on_a_terminal_shows_a_bar(tmp_path):
    import pty

    (tmp_path / "tiny.toml").write_text(TINY)
    parent, child = pty.openpty()
    process = PreloadedCommand(
        ["alrun", "sweep", "tiny.toml", "--backend", "sequential"],
        cwd=tmp_path,
        stdout=child,
        stderr=child,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "100"},
    )
    os.close(child)
    shown = b""
    while True:
        try:
            block = os.read(parent, 4096)
        except OSError:
            break
        if not block:
            break
        shown += block
    os.close(parent)
    assert process.wait() == 0
    assert "6/6" in shown.decode()
    assert "━" in shown.decode()


def test_the_report_is_a_table_of_the_targets(swept):
    folder, _ = swept
    done = alrun_here("report", "results/tiny", cwd=folder)
    assert done.returncode == 0
    assert "Labels to target: iris, logistic, batch size 5" in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 100


def test_every_format_can_go_to_a_file(swept, tmp_path):
    folder, _ = swept
    for name in ("table", "markdown", "csv", "json", "latex"):
        output = tmp_path / f"report.{name}"
        done = alrun_here(
            "report", "results/tiny", "--format", name, "--output", output, cwd=folder
        )
        assert (done.returncode, done.stdout) == (0, "")
        assert "margin" in output.read_text()
    rows = json.loads((tmp_path / "report.json").read_text())["rows"]
    assert [row["strategy"] for row in rows] == ["random", "margin"]
    assert len(pd.read_csv(tmp_path / "report.csv")) == 2


@pytest.mark.parametrize(
    ("ending", "begins"),
    [
        (".txt", "Verdict: iris, logistic, batch size 5"),
        (".md", "## tiny"),
        (".MD", "## tiny"),
        (".tex", r"\paragraph{Verdict"),
        (".csv", "dataset,model"),
        (".json", "{"),
        ("", "Verdict"),
    ],
)
def test_the_ending_of_the_output_names_the_format(swept, tmp_path, ending, begins):
    folder, _ = swept
    output = tmp_path / f"report{ending}"
    done = alrun_here("report", "results/tiny", "--output", output, cwd=folder)
    assert (done.returncode, done.stdout) == (0, "")
    assert output.read_text().startswith(begins)


def test_a_format_that_is_named_wins_over_the_ending(swept, tmp_path):
    folder, _ = swept
    for name in ("report.txt", "report.anything"):
        options = ["--format", "json", "--output", tmp_path / name]
        assert alrun_here("report", "results/tiny", *options, cwd=folder).returncode == 0
        assert json.loads((tmp_path / name).read_text())["verdict"]


def test_a_screen_has_its_width_and_files_have_a_hundred_columns(swept, tmp_path, monkeypatch):
    folder, _ = swept
    command = ["report", "results/tiny", "--notes", "full"]
    for width, longest in ((60, 60), (150, 150), (30, 60)):
        done = alrun_here(*command, cwd=folder, env={"COLUMNS": str(width)})
        assert longest - 15 < max(map(len, done.stdout.splitlines())) <= longest
    output = tmp_path / "report.txt"
    alrun_here(*command, "--output", output, cwd=folder, env={"COLUMNS": "60"})
    assert 85 < max(map(len, output.read_text().splitlines())) <= 100
    piped = alrun_here(*command, cwd=folder, env={"COLUMNS": None})
    assert piped.stdout == output.read_text()


def test_notes_are_brief_unless_all_are_asked_for(swept):
    folder, _ = swept
    brief, full = (
        alrun_here("report", "results/tiny", "--notes", kind, cwd=folder).stdout
        for kind in ("brief", "full")
    )
    assert brief == alrun_here("report", "results/tiny", cwd=folder).stdout
    assert "More with --notes full." in " ".join(brief.split())
    assert "neither dropped nor guessed" not in " ".join(brief.split())
    assert "neither dropped nor guessed" in " ".join(full.split())
    said = alrun_here("report", "results/tiny", "--format", "csv", cwd=folder).stderr
    assert "iris, logistic, batch size 5: " in said  # a CSV file has no place for the verdict


def test_filters_of_report_and_plot_are_taken(swept, tmp_path):
    folder, _ = swept
    filters = ["--strategy", "margin", "--dataset", "iris", "--model", "logistic"]
    filters += ["--batch-size", "5"]
    done = alrun_here("report", "results/tiny", *filters, cwd=folder)
    assert "Selected: --strategy margin; --dataset iris; --model logistic" in done.stdout
    options = ["--output", tmp_path / "plot.svg", "--kind", "reached"]
    assert alrun_here("plot", "results/tiny", *filters, *options, cwd=folder).returncode == 0
    wrong = alrun_here("plot", "results/tiny", "--strategy", "margni", *options, cwd=folder)
    assert wrong.returncode == 2
    assert "there is no strategy 'margni' in these results; did you mean 'margin'?" in wrong.stderr


def test_the_rope_is_taken(swept):
    folder, _ = swept
    options = ["--rope", "0.3", "--format", "json"]
    content = json.loads(alrun_here("report", "results/tiny", *options, cwd=folder).stdout)
    assert content["rope"] == 0.3
    assert any("within 30 %" in note for note in content["notes"])


def test_targets_and_baseline_and_metric_are_taken(swept):
    folder, _ = swept
    options = ["--target", 0.8, "--target", 0.9, "--baseline", "margin", "--metric", "macro_f1"]
    done = alrun_here("report", "results/tiny", *options, "--format", "json", cwd=folder)
    content = json.loads(done.stdout)
    assert [row["target"] for row in content["rows"]] == [0.8, 0.8, 0.9, 0.9]
    assert [row["strategy"] for row in content["rows"] if row["is_baseline"]] == ["margin"] * 2
    assert any("does not name the target 0.8" in note for note in content["notes"])
    assert any("macro_f1" in note for note in content["notes"])


def test_sustain_and_adjust_are_taken(swept):
    folder, _ = swept
    options = ["--target", 0.8, "--sustain", 2, "--adjust", "maxT", "--format", "json"]
    content = json.loads(alrun_here("report", "results/tiny", *options, cwd=folder).stdout)
    assert (content["sustain"], content["adjustment"]) == (2, "maxT")
    assert any("step-down maxT" in note for note in content["notes"])
    assert content["across"] == []


def test_a_plan_says_how_many_seeds_it_takes(swept):
    folder, _ = swept
    done = alrun_here("sample-size", "results/tiny", "--saving", 0.2, "--power", 0.9, cwd=folder)
    assert done.returncode == 0
    assert "Seeds needed: iris, logistic, batch size 5" in done.stdout
    assert "a saving of 20 % with a chance of 90 %" in " ".join(done.stdout.split())


def test_status_counts_what_is_done_missing_and_failed(swept, tmp_path):
    folder, _ = swept
    done = alrun_here("status", "results/tiny", cwd=folder)
    assert done.returncode == 0
    first, *cells = done.stdout.splitlines()
    assert first == "6 runs: 6 done, 0 missing, 0 failed"
    assert [line.split()[:6] for line in cells] == [
        ["3", "done", "0", "missing", "0", "failed"]
    ] * 2


def test_a_clone_without_run_files_is_told_that_the_tables_hold_them(swept, tmp_path):
    folder, _ = swept
    for name in ("experiment.toml", "curves.parquet", "queries.parquet", "splits.parquet"):
        (tmp_path / name).write_bytes((folder / "results/tiny" / name).read_bytes())
    done = alrun_here("status", tmp_path)
    assert "6 runs: 0 done, 6 missing, 0 failed" in done.stdout
    assert "the tables hold 6 of them" in done.stdout
    assert "3 missing      0 failed   iris / logistic / margin / batch size 5" in done.stdout
    assert alrun_here("report", tmp_path).returncode == 0


def test_a_dry_run_says_what_it_would_do_and_writes_nothing(tiny, tmp_path):
    done = alrun_here("sweep", tiny, "--dry-run", "--set", "seeds=7", cwd=tmp_path)
    assert done.returncode == 0
    assert "7 to do: iris / logistic / random / batch size 5" in done.stdout
    assert not (tmp_path / "results").exists()


def test_what_the_seeds_can_show_is_said_before_computing(swept, tiny, tmp_path):
    more = ["--dry-run", "--set", 'strategies=["random", "margin", "entropy"]']
    few = alrun_here("sweep", tiny, *more, cwd=tmp_path)
    assert (
        "Warning: 3 seeds cannot reach significance in a family of 2 tests of labels to target; it"
        " takes 7 at least." in few.stderr
    )
    enough = alrun_here("sweep", tiny, *more, "--set", "seeds=7", cwd=tmp_path)
    assert (
        "Significance takes 7 seeds at least in a family of 2 tests of labels to target; the"
        " smallest adjusted p that 7 can give is 0.03." in enough.stderr
    )
    assert "the smallest saving" not in enough.stderr  # nothing is known yet
    folder, _ = swept
    known = alrun_here("sweep", "tiny.toml", *more, "--set", "seeds=30", cwd=folder)
    assert re.search(
        r"By the results so far, the smallest saving that 30 seeds see with a chance of 80 % is"
        r" \d+ % of the labels\.",
        known.stderr,
    )
    alone = alrun_here("sweep", tiny, "--dry-run", "--set", 'strategies=["margin"]', cwd=tmp_path)
    assert "ignifican" not in alone.stderr


def test_the_tests_of_a_plan_are_those_of_its_report_with_several_starts_and_without_skipped_pairs(
    tiny, tmp_path
):
    more = [
        "skip_impossible=true",
        'strategies=["random", "margin", "entropy"]',
        'model=[{name="logistic"}, {name="sklearn.linear_model.RidgeClassifier"}]',
        'initial=[{per_class=2}, {per_class=3, label="three"}]',
    ]
    # Two starts, with two comparisons for one model and without entropy for the other.
    (sentence,) = describe_power(plan_sweep(tiny, tmp_path / "results", more))
    assert "3 seeds cannot reach significance in a family of 6 tests" in sentence


def test_a_ceiling_that_fails_is_a_line_and_no_failure(tiny, tmp_path):
    (tmp_path / "frail.py").write_text(
        "from sklearn.linear_model import LogisticRegression\n"
        "class Frail(LogisticRegression):\n"
        "    def fit(self, X, y):\n"
        "        if len(y) > 50: raise RuntimeError('too many')\n"
        "        return super().fit(X, y)\n"
    )
    options = ["--set", 'model.name="frail:Frail"', "--set", "seeds=2", "--jobs", 1]
    done = alrun_here("sweep", tiny, *options, cwd=tmp_path)
    assert done.returncode == 0
    assert "4 of 4 runs are done." in done.stdout
    assert "4 references to do, 2 of them with all training labels" in done.stderr
    assert (
        "no ceiling of iris / frail:Frail in 2 seeds; seed 0: RuntimeError: too many" in done.stderr
    )
    report = alrun_here("report", "results/tiny", "--target", "95% of full", cwd=tmp_path)
    assert report.returncode == 0
    assert "have no value: 95% of full (iris, frail:Frail)" in " ".join(report.stdout.split())


def test_a_target_may_be_a_share_of_the_ceiling(swept):
    folder, _ = swept
    shown = alrun_here("report", "results/tiny", "--target", "95 % of full", cwd=folder)
    assert "95% of full: 0.9" in shown.stdout
    wrong = alrun_here("report", "results/tiny", "--target", "most", cwd=folder)
    assert wrong.returncode == 2
    assert wrong.stderr.startswith("a target should be a score such as 0.9")
    assert wrong.stderr.count("\n") == 1


def test_some_failed_runs_are_listed_and_the_exit_code_is_one(tiny, tmp_path):
    (tmp_path / "mine.py").write_text("def never(pool, n, rng):\n    raise RuntimeError('no')\n")
    grid = ["--set", 'strategies=["random", "mine:never"]']
    done = alrun_here("sweep", tiny, *grid, "--jobs", 1, cwd=tmp_path)
    assert done.returncode == 1
    assert "3 of 6 runs are done" in done.stdout
    assert (
        "iris / logistic / mine:never / batch size 5 / seed 2: failed: RuntimeError: no"
        in done.stderr
    )
    assert "Traceback" not in done.stderr
    shown = alrun_here("status", "results/tiny", cwd=tmp_path)
    assert shown.returncode == 1
    assert "3 done, 0 missing, 3 failed" in shown.stdout
    assert "seed 2: failed: RuntimeError: no" in shown.stdout
    report = alrun_here("report", "results/tiny", cwd=tmp_path)
    assert "3 runs failed and are left out" in " ".join(report.stdout.split())


def test_a_sweep_that_stops_at_its_failures_says_so(tiny, tmp_path):
    (tmp_path / "mine.py").write_text("def never(pool, n, rng):\n    raise RuntimeError('a\\nb')\n")
    options = ["--set", 'strategies=["mine:never"]', "--jobs", 1, "--max-failures", 2]
    done = alrun_here("sweep", tiny, *options, cwd=tmp_path)
    assert done.returncode == 1
    assert "0 of 3 runs are done; stopped after 2 failures, 1 still to do." in done.stdout
    assert "RuntimeError: a b" in done.stderr


ENDS = {
    "exits": ("raise SystemExit(4)", "failed: SystemExit: 4"),
    "raises": (
        r'raise OSError("caf\udce9\x1b[31m\nis gone")',
        r"failed: OSError: caf\udce9\x1b[31m is gone",
    ),
    "dies": ("os._exit(3)", "crashed: its worker died 3 times, the last with exit code 3"),
}


@pytest.fixture(scope="module")
def ended(tmp_path_factory):
    """Return what a sweep says in which every strategy but one ends its process, or tries to."""
    folder = tmp_path_factory.mktemp("ended")
    bodies = [f"def {name}(pool, n, rng):\n    {body}\n" for name, (body, _) in ENDS.items()]
    (folder / "mine.py").write_text("\n\n".join(["import os", *bodies]))
    (folder / "tiny.toml").write_text(TINY)
    strategies = ["random", *(f"mine:{name}" for name in ENDS)]
    options = ["--set", f"strategies={json.dumps(strategies)}", "--set", "seeds=1", "--jobs", 1]
    return alrun_here("sweep", "tiny.toml", *options, cwd=folder)


@pytest.mark.parametrize("name", ENDS)
def test_a_run_that_ends_its_process_is_no_traceback(ended, name):
    assert ended.returncode == 1
    assert "Traceback" not in ended.stderr
    line = f"  iris / logistic / mine:{name} / batch size 5 / seed 0: {ENDS[name][1]}"
    assert any(entry.startswith(line) for entry in ended.stderr.splitlines())
    assert "1 of 4 runs are done" in ended.stdout


WRONG = {
    "an unknown key": (["sweep", "E", "--set", "budgett=1"], r"budgett: unknown key; did you mean"),
    "an unknown strategy": (
        ["sweep", "E", "--set", 'strategies=["margn"]'],
        "did you mean 'margin'",
    ),
    "a metric for two classes": (
        ["sweep", "E", "--set", "metric=average_precision"],
        "is for two classes; iris has 3",
    ),
    "a missing file": (["sweep", "nothing.toml"], "nothing.toml: there is no such file"),
    "a wrong override": (["sweep", "E", "--set", "seeds"], "should be key=value"),
    "no worker": (["sweep", "E", "--jobs", "0"], "--jobs"),
    "no argument": (["sweep"], "(?i)missing argument"),
    "an unknown format": (["report", "R", "--format", "word"], "--format"),
    "an unknown adjustment": (["report", "R", "--adjust", "bonferroni"], "--adjust"),
    "no round": (["report", "R", "--sustain", "0"], "--sustain"),
    "an impossible saving": (["sample-size", "R", "--saving", "1.5"], "shares between 0 and 1"),
    "a half-width of percent": (
        ["sweep", "E", "--until-halfwidth", "8"],
        "until_halfwidth: should be less than 1",
    ),
    "seeds without an end": (["sweep", "E", "--max-seeds", "8"], "goes with until_halfwidth"),
    "an unknown metric": (["report", "R", "--metric", "f2"], "there is no metric 'f2'"),
    "a target above the largest score": (
        ["report", "R", "--metric", "brier", "--target", "2.5"],
        "no score between 0 and 2",
    ),
    "a metric without values": (["report", "R", "--metric", "average_precision"], "does not apply"),
    "an unknown baseline": (["report", "R", "--baseline", "margni"], "did you mean 'margin'"),
    "an unknown strategy of a report": (
        ["report", "R", "--strategy", "margni"],
        "did you mean 'margin'",
    ),
    "an unknown ending": (["report", "R", "--output", "x.foo"], "no format ends in '.foo'"),
    "no rope": (["report", "R", "--rope", "0"], "rope is a share of the labels above 0"),
    "unknown notes": (["report", "R", "--notes", "some"], "--notes"),
    "an impossible target": (["report", "R", "--target", "1.5"], "no score between 0 and 1"),
    "no results": (["report", "nowhere"], "there is no curves.parquet in nowhere"),
    "no status": (["status", "nowhere"], "holds no experiment.toml"),
    "an output that cannot be": (["report", "R", "--output", "no/such/file"], "cannot be written"),
    "results that are a file": (["sweep", "E", "--results", "E"], "cannot be a results directory"),
}


@pytest.mark.parametrize(("arguments", "said"), WRONG.values(), ids=WRONG)
def test_wrong_input_is_a_line_and_exit_code_two(swept, arguments, said):
    folder, _ = swept
    names = {"E": "tiny.toml", "R": "results/tiny"}
    done = alrun_here(*(names.get(word, word) for word in arguments), cwd=folder)
    assert done.returncode == 2
    assert re.search(said, done.stderr), done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert done.stdout == ""


def test_all_errors_of_a_file_are_shown_at_once(tmp_path):
    path = tmp_path / "bad.toml"
    path.write_text(
        'strategies = ["entropi"]\nseeds = "x"\nbugdet = 3\n[dataset]\nname = "digitz"\n'
    )
    done = alrun_here("sweep", path, cwd=tmp_path)
    assert done.returncode == 2
    for key in ("strategies[1]", "seeds", "bugdet", "budget", "dataset"):
        assert f"{path}: {key}: " in done.stderr
    assert len(done.stderr.splitlines()) == 5


@pytest.mark.parametrize(
    ("kind", "name"), [("strategies", "entropy"), ("datasets", "wine"), ("models", "logistic")]
)
def test_what_is_built_in_is_listed_a_line_each(kind, name):
    done = alrun_here("list", kind)
    assert done.returncode == 0
    assert any(line.startswith(name) for line in done.stdout.splitlines())
    assert all(len(line.split(None, 1)) == 2 for line in done.stdout.splitlines())


def test_the_list_of_strategies_names_the_papers():
    assert "Lewis and Gale 1994" not in alrun_here("list", "strategies").stdout
    assert "Lewis and Gale 1994" in alrun_here("list", "strategies", "--verbose").stdout


def test_tables_that_would_be_lost_are_told_of(swept, tmp_path):
    folder, _ = swept
    (tmp_path / "clone").mkdir()
    for name in ("curves.parquet", "queries.parquet", "splits.parquet"):
        (tmp_path / "clone" / name).write_bytes((folder / "results/tiny" / name).read_bytes())
    options = ["--results", tmp_path / "clone", "--set", "seeds=1", "--jobs", 1]
    done = alrun_here("sweep", "tiny.toml", *options, cwd=folder)
    assert "hold 4 runs that have no run file and are not of this experiment" in done.stderr
    again = alrun_here("sweep", "tiny.toml", *options, cwd=folder)
    assert "Warning" not in again.stderr


def test_the_version_is_that_of_the_package():
    from importlib.metadata import version

    assert alrun("--version", process=anew).stdout.strip() == f"alrun {version('alrun')}"


def test_a_current_directory_that_is_gone_is_no_traceback(tmp_path, monkeypatch, capsys):
    folder = tmp_path / "gone"
    folder.mkdir()
    monkeypatch.chdir(folder)
    folder.rmdir()
    monkeypatch.setattr(sys, "argv", ["alrun", "sweep", "mine.toml"])
    with pytest.raises(SystemExit) as left:
        main()
    assert left.value.code == 2
    assert capsys.readouterr().err == "mine.toml: there is no such file\n"


@pytest.mark.parametrize("kind", ["strategies", "datasets", "models", "metrics"])
def test_a_list_has_a_line_for_each_entry(kind):
    lines = alrun_here("list", kind).stdout.splitlines()
    names = [line.split("  ")[0] for line in lines]
    assert len(set(names)) == len(lines)
    first = {"strategies": "random", "datasets": "digits", "models": "logistic"}
    assert names[0] == first.get(kind, "accuracy")
    papers = alrun_here("list", kind, "-v").stdout.splitlines()
    assert [line for line in papers if not line.startswith(" ")] == lines


def test_metrics_are_listed_with_their_direction():
    lines = dict(line.split("  ", 1) for line in alrun_here("list", "metrics").stdout.splitlines())
    assert lines["log_loss"].endswith("; less is better")
    assert lines["f1"].endswith("; two classes")


@pytest.mark.parametrize("command", [[], ["sweep"], ["report"], ["sample-size"]])
def test_a_single_letter_asks_for_help(command):
    short, long = (alrun_here(*command, option) for option in ("-h", "--help"))
    assert short.returncode == 0
    assert short.stdout == long.stdout


def test_the_old_name_of_sample_size_works_and_says_that_it_is_old(swept):
    folder, _ = swept
    old, new = (alrun_here(name, "results/tiny", cwd=folder) for name in ("plan", "sample-size"))
    assert old.stdout == new.stdout
    assert "deprecated" in old.stderr
    assert new.stderr == ""


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("list", "foo"), "Invalid value for 'kind': 'foo' is not one of 'strategies', "),
        (("sweep", "x.toml", "--jobs", "0"), "Invalid value for '--jobs': it should be greater"),
        (("sweep", "x.toml", "--jbos", "1"), "No such option"),
    ],
)
def test_a_wrong_option_is_a_sentence(arguments, sentence):
    done = alrun_here(*arguments)
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert line.startswith(sentence)
    assert re.search(rf"[^.]\. See .*{arguments[0]} --help\.$", line)
