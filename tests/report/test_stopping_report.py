"""Stopping rules judged on results made by hand: numbers, words, formats, refusals."""

import csv
import io
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from commands import alrun_here
from signals_factory import made_results, rising

import alrun
from alrun import stats
from alrun.errors import ResultsError, StoppingError
from alrun.report.options import Selection, stopping_options
from alrun.report.render import Layout
from alrun.report.stopping.build import build_stopping
from alrun.report.stopping.options import Costs, costs_of
from alrun.report.stopping.render import STOPPING_FORMATS, render_stopping, sentences_of
from alrun.report.stopping.rows import CELL_COLUMNS, COLUMNS
from alrun.results.schema import FURTHER_AXES

GRID = np.arange(20, 221, 10)
PACES = [30, 40, 60, 80, 90, 120]
STOPS = [70, 80, 120, 150, None, 200]
LABELS = np.array([70, 80, 120, 150, 220, 200])
RULES = ["kappa", "plateau", "variance", '{ name = "budget", labels = 100 }']


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Return results in which kappa stops later on slower runs, and one run never."""
    return made_results(tmp_path_factory.mktemp("made"), PACES, STOPS)


@pytest.fixture(scope="module")
def judged(made):
    return build_stopping(made, stopping_options(made), RULES)


def score(pace, n_labels):
    return np.interp(n_labels, GRID, rising(GRID, pace))


def test_the_numbers_of_a_rule_are_those_of_its_runs(judged):
    row = judged.rows.iloc[0]
    assert list(judged.rows.columns[: len(COLUMNS)]) == COLUMNS
    assert list(judged.cells.columns[: len(CELL_COLUMNS)]) == CELL_COLUMNS
    assert (row["rule"], row["n_seeds"], row["stopped"]) == ("kappa", 6, 5)
    share = stats.share_interval(5, 6)
    assert (row["stopped_low"], row["stopped_high"]) == (share.low, share.high)
    labels = stats.mean_interval(LABELS)
    assert row["mean_labels"] == pytest.approx(LABELS.mean())
    assert (row["mean_labels_low"], row["mean_labels_high"]) == pytest.approx(
        (labels.low, labels.high)
    )
    assert (row["median_labels"], row["min_labels"], row["max_labels"]) == (135, 70, 220)
    own = np.array([score(pace, n) for pace, n in zip(PACES, LABELS, strict=True)])
    last = np.array([score(pace, 220) for pace in PACES])
    assert row["score"] == pytest.approx(own.mean())
    assert row["missed"] == pytest.approx((last - own).mean())
    assert judged.cells.iloc[0]["final"] == pytest.approx(last.mean())


def test_the_fixed_budget_is_the_mean_and_the_slope_is_taken_out(judged):
    row = judged.rows.iloc[0]
    budget, spread = LABELS.mean(), LABELS.std()
    own = np.array(
        [score(pace, n) - score(pace, budget) for pace, n in zip(PACES, LABELS, strict=True)]
    )
    low, high = (
        np.mean([score(pace, budget + side * spread) for pace in PACES]) for side in (-1, 1)
    )
    slope = (high - low) / (2 * spread)
    interval = stats.mean_interval(own - slope * (LABELS - budget))
    assert row["budget_difference"] == pytest.approx(own.mean())
    assert (row["budget_difference_low"], row["budget_difference_high"]) == pytest.approx(
        (interval.low, interval.high)
    )


def test_a_rule_that_waits_for_slow_runs_adapts(judged):
    rows = judged.rows.set_index("rule")
    matrix = np.array([[score(pace, n) for n in LABELS] for pace in PACES])
    assert rows.loc["kappa", "budget_p_value"] == stats.adaptation(matrix)
    assert rows.loc["kappa", "budget_p_value"] < 0.05


def test_a_rule_whose_stops_are_alike_is_no_test_and_makes_no_other_harder(judged, made):
    """A fixed budget, and a rule that never stops: whoever is dealt their stops is the same."""
    rows = judged.rows.set_index("rule")
    alike = ["plateau", "variance", "budget(labels=100)"]
    assert rows.loc[alike, ["budget_p_value", "budget_p_adjusted"]].isna().all(axis=None)
    assert rows.loc["kappa", "budget_p_adjusted"] == rows.loc["kappa", "budget_p_value"]
    assert any("Holm's correction over 1 test." in note for note in judged.notes)
    text = " ".join(sentences_of(judged))
    assert "budget(labels=100) stops at 100 labels [100, 100] with" in text
    assert ": at the same labels in every run, as a budget would, so not tested." in text
    both = ["kappa", '{ name = "kappa", threshold = 0.9 }']
    two = build_stopping(made, stopping_options(made), both).rows
    assert two["budget_p_adjusted"][0] == pytest.approx(
        stats.holm(two["budget_p_value"].to_numpy())[0]
    )
    assert two["budget_p_adjusted"][0] > two["budget_p_value"][0]


def test_a_rule_that_never_stops_is_at_the_end_and_says_so(judged):
    row = judged.rows.set_index("rule").loc["variance"]
    assert (row["stopped"], row["mean_labels"], row["missed"]) == (0, 220, 0)
    assert "variance never stops." in " ".join(sentences_of(judged))
    assert any("counts as stopped at its end" in note for note in judged.notes)


def test_regret_is_the_cost_above_the_cheapest_round(judged):
    row = judged.rows.iloc[0]
    for name, cost in (("1000", 1e3), ("100000", 1e5)):
        regrets, best = [], []
        for pace, n in zip(PACES, LABELS, strict=True):
            costs = GRID + cost * (1 - rising(GRID, pace))
            regrets.append(n + cost * (1 - score(pace, n)) - costs.min())
            best.append(GRID[costs.argmin()])
        assert row[f"regret_{name}"] == pytest.approx(np.mean(regrets))
        assert judged.cells.iloc[0][f"best_labels_{name}"] == pytest.approx(np.mean(best))


def test_the_verdict_says_what_the_numbers_say(judged):
    (paragraph,) = judged.paragraphs
    assert paragraph.title == "Verdict: digits, logistic, batch size 10, random"
    text = " ".join(paragraph.sentences)
    assert "kappa stops at 140 labels [75, 205] with .865" in text
    assert "(never in 1 of 6 runs)" in text
    assert (
        "runs): the rule adapts, but it is not shown to do better than a fixed budget of 140."
        in text
    )


def test_stops_at_random_adapt_to_nothing(tmp_path):
    rng = np.random.default_rng(4)
    stops = (10 * rng.integers(4, 20, 40)).tolist()
    made_results(tmp_path, (60 * np.exp(rng.normal(0, 0.3, 40))).tolist(), stops)
    report = build_stopping(tmp_path, stopping_options(tmp_path), ["kappa"])
    row = report.rows.iloc[0]
    assert row["budget_p_adjusted"] > 0.05
    assert row["budget_difference_high"] < 0  # the curves bend
    mean = f"{row['mean_labels']:.0f}"
    words = f"a fixed budget of {mean} does better: nothing shows that the rule adapts."
    assert sentences_of(report)[0].endswith(words)


def test_json_has_the_keys_of_the_contract(judged):
    content = json.loads(render_stopping(judged, "json", Layout()))
    row = content["rows"][0]
    assert set(COLUMNS) - set(FURTHER_AXES) <= set(row)
    assert set(row["regret"]) == {"1000", "10000", "100000"}
    assert set(row["regret"]["1000"]) == {"mean", "low", "high"}
    assert row["regret"]["1000"]["mean"] == pytest.approx(judged.rows.iloc[0]["regret_1000"])
    assert [row["rule"] for row in content["rows"]] == [
        "kappa",
        "plateau",
        "variance",
        "budget(labels=100)",
    ]
    assert content["cells"][0]["best_labels"]["1000"]["mean"] > 0


def test_csv_has_a_line_for_each_row(judged):
    lines = list(csv.DictReader(io.StringIO(render_stopping(judged, "csv", Layout()))))
    assert [line["rule"] for line in lines] == judged.rows["rule"].tolist()
    assert float(lines[0]["mean_labels"]) == 140


@pytest.mark.parametrize("format", ["table", "markdown", "latex"])
def test_texts_begin_with_the_verdict_and_name_every_rule(judged, format):
    text = render_stopping(judged, format, Layout())
    assert text.index("Verdict") < text.index("regret")
    for rule in judged.rows["rule"]:
        assert rule in text.replace("\\_", "_")
    assert set(STOPPING_FORMATS) == {"table", "markdown", "latex", "csv", "json"}


def test_hindsight_is_named_and_not_tested(made):
    report = build_stopping(made, stopping_options(made), ["kappa", "score_plateau"])
    row = report.rows.iloc[1]
    assert row["hindsight"]
    assert np.isnan(row["budget_p_value"])
    assert any(note.startswith("In hindsight: score_plateau.") for note in report.notes)
    assert report.rows["budget_p_adjusted"][0] == report.rows["budget_p_value"][0]


def test_one_seed_gives_no_interval_and_no_test(tmp_path):
    made_results(tmp_path, [40], [80])
    report = build_stopping(tmp_path, stopping_options(tmp_path), ["kappa"])
    row = report.rows.iloc[0]
    assert row[["budget_p_value", "mean_labels_low", "budget_difference_low"]].isna().all()
    assert sentences_of(report)[0].endswith("not tested, with one seed.")


def test_scores_that_fall_are_read_the_other_way_and_cost_no_money(made, tmp_path):
    made_results(tmp_path, PACES, STOPS)
    curves = pd.read_parquet(made / "curves.parquet")
    curves["brier"] = 1 - curves["accuracy"]
    curves.to_parquet(tmp_path / "curves.parquet")
    options = stopping_options(tmp_path, "brier")
    report = build_stopping(tmp_path, options, ["kappa"])
    here = build_stopping(made, stopping_options(made), ["kappa"])
    assert report.rows["budget_p_value"][0] == here.rows["budget_p_value"][0]
    assert report.rows["missed"][0] == pytest.approx(-here.rows["missed"][0])
    assert any(note.startswith("No regret: money needs accuracy") for note in report.notes)
    with pytest.raises(ResultsError, match="use --metric accuracy"):
        build_stopping(tmp_path, options, ["kappa"], costs_of(None, [10.0]))


def test_runs_without_signals_are_left_out_and_named(tmp_path):
    made_results(tmp_path, PACES, STOPS)
    table = pd.read_parquet(tmp_path / "signals.parquet")
    table[table["seed"] != 2].to_parquet(tmp_path / "signals.parquet")
    report = build_stopping(tmp_path, stopping_options(tmp_path), ["kappa"])
    assert report.rows["n_seeds"][0] == 5
    assert report.notes[0].startswith("Warning: left out, since 1 run without signals: random seed")
    (tmp_path / "signals.parquet").unlink()
    with pytest.raises(ResultsError, match="has no signals: an earlier alrun computed"):
        build_stopping(tmp_path, stopping_options(tmp_path), ["kappa"])


def test_cells_of_several_strategies_are_counted_together(tmp_path):
    for place, name in enumerate(("margin", "random")):
        made_results(tmp_path, PACES, STOPS, strategy=name)
        for kind in ("curves", "signals"):
            (tmp_path / f"{kind}.parquet").rename(tmp_path / f"{kind}{place}")
    for kind in ("curves", "signals"):
        parts = [pd.read_parquet(tmp_path / f"{kind}{place}") for place in (0, 1)]
        pd.concat(parts).to_parquet(tmp_path / f"{kind}.parquet")
    report = build_stopping(tmp_path, stopping_options(tmp_path), ["kappa", "variance"])
    assert report.rows["strategy"].tolist() == ["margin", "margin", "random", "random"]
    first = report.paragraphs[0].sentences
    assert first[0] == "Shown to adapt to the runs that they stop, of 2 cells: kappa in 2."
    assert first[1].startswith("No rule that was tested does better than a fixed budget")
    assert first[2] == "Stop fewer than half of the runs: variance 0 %."
    one = stopping_options(tmp_path, None, Selection(strategy=("margin",)))
    assert build_stopping(tmp_path, one, ["kappa"]).rows["strategy"].tolist() == ["margin"]


def test_costs_that_cannot_be_are_refused():
    with pytest.raises(ResultsError, match="a cost is a finite number from 0 on, not -1"):
        Costs(-1)
    with pytest.raises(ResultsError, match="named twice"):
        costs_of(1.0, [10.0, 10.0])


def test_the_command_prints_the_verdict_first(made, tmp_path):
    done = alrun_here("stopping", made, "--rule", "kappa", "--error-cost", "500")
    assert done.returncode == 0
    assert done.stdout.startswith("Verdict: digits, logistic, batch size 10, random\n  kappa stops")
    assert "regret 500" in done.stdout
    file = tmp_path / "rules.json"
    alrun_here("stopping", made, "--output", file)
    assert len({row["rule"] for row in json.loads(file.read_text())["rows"]}) == 12


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--rule", "kapa"], "there is no stopping rule 'kapa'"),
        (["--rule", "{ name = "], "--rule { name = : not a table of TOML"),
        (["--rule", "kappa", "--rule", "kappa"], "the stopping rule kappa is named twice"),
        (["--strategy", "margn"], "there is no strategy 'margn'"),
        (["--metric", "brier"], "no column 'brier'"),
    ],
)
def test_a_wrong_word_is_one_line(made, arguments, message):
    done = alrun_here("stopping", made, *arguments)
    assert done.returncode == 2
    assert message in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_rules_of_the_experiment_are_the_default(made, tmp_path):
    made_results(tmp_path, PACES, STOPS)
    (tmp_path / "experiment.toml").write_text(
        'strategies = ["random"]\nseeds = 6\nbudget = 220\n'
        'stopping = ["kappa", { name = "mine.py:early", labels = 50 }]\n'
        '[dataset]\nname = "digits"\n'
    )
    (tmp_path / "mine.py").write_text(
        "def early(signals, labels):\n"
        "    return len(signals) - 1 if signals.n_labels[-1] >= labels else None\n"
    )
    report = build_stopping(tmp_path, stopping_options(tmp_path))
    assert report.rows["rule"].tolist() == ["kappa", "mine.py:early(labels=50)"]
    assert report.rows["mean_labels"][1] == 50


def test_a_rule_that_is_gone_is_a_sentence(made):
    with pytest.raises(StoppingError, match="there is no file"):
        build_stopping(made, stopping_options(made), ["gone.py:rule"])


def test_the_picture_shows_every_stop(judged, made, tmp_path):
    pytest.importorskip("matplotlib")
    from alrun.report.stopping.plot import draw_stopping

    figure = draw_stopping(judged)
    rows, curve = figure.axes[0], figure.axes[-1]
    names = [label.get_text() for label in rows.get_yticklabels()]
    assert names == ["kappa", "plateau", "variance (never)", "budget(labels=100)"]
    ticks = [line for line in rows.lines if line.get_marker() == "|"]
    assert sorted(ticks[0].get_xdata()) == [70, 80, 120, 150, 200]
    crosses = [line for line in rows.lines if line.get_marker() == "x"]
    assert list(crosses[0].get_xdata()) == [220]
    assert (curve.lines[0].get_xdata() == GRID).all()
    marks = [line.get_xdata()[0] for line in curve.lines[1:]]
    assert marks == pytest.approx(judged.rows["mean_labels"][[0, 1, 3]])
    regret = figure.axes[1].lines[0]
    at = np.flatnonzero(np.isclose(regret.get_xdata(), 1e3))[0]
    assert regret.get_ydata()[at] == pytest.approx(judged.rows["regret_1000"][0])
    output = tmp_path / "stops.svg"
    done = alrun_here("plot", made, "--kind", "stopping", "--rule", "kappa", "--output", output)
    assert (done.returncode, output.is_file()) == (0, True)
    done = alrun_here(
        "plot", made, "--kind", "stopping", "--kind", "curves", "--output", tmp_path / "b.svg"
    )
    assert (done.returncode, "draw 'stopping' alone" in done.stderr) == (2, True)


def test_a_form_that_it_lacks_is_refused(tmp_path):
    done = alrun_here("stopping", ".", "--output", "judged.html", cwd=tmp_path)
    assert done.returncode == 2
    assert "as html they stand on the page that alrun report writes" in done.stderr


def test_from_python_it_is_a_table_that_shows_itself(made, judged):
    found = alrun.stopping(made, ["kappa", {"name": "budget", "labels": 100}], error_costs=[500])
    assert found.rows["rule"].tolist() == ["kappa", "budget(labels=100)"]
    assert found.rows["mean_labels"][0] == judged.rows["mean_labels"][0]
    assert "regret_500" in found.rows
    assert repr(found).startswith("Verdict: digits, logistic, batch size 10, random\n")
    html = found._repr_html_()
    assert html.count("<table>") == html.count("</table>") == 2
    assert "budget(labels=100)" in html
    hostile = replace(found, name="<script>")
    assert "<h3>&lt;script&gt;</h3>" in hostile._repr_html_()
    with pytest.raises(alrun.AlrunError, match="there is no stopping rule 'kapa'"):
        alrun.stopping(made, ["kapa"])


def test_from_python_the_picture_is_one_line(made):
    figure = pytest.importorskip("matplotlib.figure").Figure
    judged = alrun.stopping(made, ["kappa"])
    one = alrun.plot(judged)
    assert isinstance(one, figure)
    labels = [text.get_text() for text in one.axes[0].get_yticklabels()]
    assert labels == ["kappa"]
    assert len(alrun.plot(made, kind="stopping").axes[0].get_yticklabels()) == 12
    for arguments in ({"kind": ["stopping", "curves"]}, {"targets": [0.9], "kind": "stopping"}):
        with pytest.raises(alrun.AlrunError, match="stopping rules are drawn alone"):
            alrun.plot(made, **arguments)
    with pytest.raises(alrun.AlrunError, match="a report holds no stopping rules"):
        alrun.plot(alrun.report(made, [0.8]), kind="stopping")


def test_the_committed_stops_on_digits_are_those_of_an_independent_prototype():
    """Its ten seeds gave 179 labels (160-220) for kappa, about 225 for the accuracy of a batch.

    It saw no stop of min_error, max_confidence and performance_convergence up to 800 labels, and
    the mean entropy below .05 at 738 only.
    """
    path = Path(__file__).parents[2] / "results" / "stopping"
    rules = ["kappa", "batch_accuracy", "min_error", "max_confidence", "performance_convergence"]
    options = stopping_options(path, None, Selection(dataset=("digits",), strategy=("margin",)))
    found = build_stopping(path, options, [*rules, "overall_uncertainty"]).rows.set_index("rule")
    assert 160 <= found.loc["kappa", "mean_labels"] <= 220
    assert found.loc["kappa", "score"] == pytest.approx(0.954, abs=0.003)
    assert 200 <= found.loc["batch_accuracy", "mean_labels"] <= 250
    assert found["stopped"].tolist() == [50, 50, 0, 0, 0, 0]
