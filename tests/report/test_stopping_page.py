"""Stopping rules on a page: the tables, the data of the slider, and whose code is run."""

import json
import re
import subprocess
from contextlib import chdir
from html import unescape
from shutil import which

import numpy as np
import pandas as pd
import pytest
from commands import alrun_here
from signals_factory import made_results

from alrun.report.build import build_report
from alrun.report.options import options_for, stopping_options
from alrun.report.render import Layout, render
from alrun.report.stopping.build import build_for_page, build_stopping
from alrun.report.stopping.options import Costs

PACES = [30, 40, 60, 80, 90, 120]
STOPS = [70, 80, 120, 150, None, 200]
EXPERIMENT = """
strategies = ["random"]
seeds      = 6
budget     = 220
dataset    = {name = "digits"}
stopping   = ["kappa", {name = "all", rules = ["kappa", "mine.py:rule"]}, "score_plateau",
              "mine.py:rule", {name = "budget", labels = 100}]
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Return results whose experiment names rules, and a module that leaves a file if it is run."""
    folder = made_results(tmp_path_factory.mktemp("made"), PACES, STOPS)
    (folder / "experiment.toml").write_text(EXPERIMENT)
    (folder / "mine.py").write_text("open('was_run', 'w')\ndef rule(signals): return 0\n")
    return folder


def page_of(folder):
    report = build_report(folder, options_for(folder, [0.8]))
    return render(report, "html", Layout(judged=build_for_page(folder, report.options)))


@pytest.fixture(scope="module")
def page(made):
    return page_of(made)


def data_of(page):
    return json.loads(re.search(r'type="application/json" id="data">(.*?)</script>', page)[1])


def test_a_chapter_has_the_tables_of_the_judgement(page, made):
    judged = build_stopping(made, stopping_options(made), ["kappa", "score_plateau"])
    (table,) = re.findall(r'data-file="1-stopping-1".*?</table>', page, re.DOTALL)
    rows = re.findall(r"<tr.*?</tr>", table, re.DOTALL)[1:]
    cells = [re.findall(r"<t[dh][^>]*>(.*?)</t[dh]>", row) for row in rows]
    assert [row[1] for row in cells] == ["kappa", "score_plateau (hindsight)", "budget(labels=100)"]
    assert cells[0][2] == "5/6"
    assert cells[0][3].startswith(f"{judged.rows['mean_labels'][0]:.0f} ")
    assert page.count("<h2>When to stop</h2>") == page.count("<h3>When to stop</h3>") == 1
    assert page == page_of(made)


def test_the_slider_reads_the_regret_that_is_computed(page, made):
    """What the script computes, from the data on the page alone."""
    data = data_of(page)
    (cell,) = data["stopping"]["cells"]
    group = data["groups"][cell["group"]]
    own = [run for run in group["runs"] if run[0] == cell["strategy"] and run[1] in cell["seeds"]]
    rules = ["kappa", "score_plateau", '{ name = "budget", labels = 100 }']
    costs = Costs(errors=(300.0, 1e4))
    judged = build_stopping(made, stopping_options(made), rules, costs).rows
    for cost in costs.errors:
        least = [
            min(
                labels + cost * (1 - score / (divisor or 1))
                for labels, score in zip(group["grids"][grid], scores, strict=True)
            )
            for _, _, grid, divisor, scores in own
        ]
        found = [
            labels + cost * (1 - score) - np.mean(least) for _, _, labels, score in cell["rules"]
        ]
        assert found == pytest.approx(judged[f"regret_{cost:.0f}"].tolist())
    assert [rule[1] for rule in cell["rules"]] == judged["stopped"].tolist()
    assert "Means only" in page


def test_a_page_runs_no_code_that_came_with_the_results(made, tmp_path):
    with chdir(tmp_path):
        judged = build_for_page(made, options_for(made))
    assert [rule.name for rule in judged.rules] == ["kappa", "score_plateau", "budget"]
    assert not (tmp_path / "was_run").exists()


def test_without_signals_a_page_is_as_before(made, tmp_path):
    made_results(tmp_path, PACES, STOPS)
    (tmp_path / "signals.parquet").unlink()
    page = page_of(tmp_path)
    assert "When to stop" not in page
    assert "stopping" not in data_of(page)
    assert 'class="error-cost"' not in page


def test_a_score_that_costs_no_money_has_no_slider(tmp_path):
    made_results(tmp_path, PACES, STOPS)
    curves = pd.read_parquet(tmp_path / "curves.parquet")
    curves.assign(macro_f1=curves["accuracy"]).to_parquet(tmp_path / "curves.parquet")
    report = build_report(tmp_path, options_for(tmp_path, [0.8], "macro_f1"))
    page = render(report, "html", Layout(judged=build_for_page(tmp_path, report.options)))
    assert "<h3>When to stop</h3>" in page
    assert 'class="error-cost"' not in page
    assert "stopping" not in data_of(page)


def test_a_damaged_table_of_signals_is_told_and_the_page_is_made(tmp_path):
    made_results(tmp_path, PACES, STOPS)
    (tmp_path / "signals.parquet").write_bytes(b"no table")
    done = alrun_here("report", tmp_path, "--output", tmp_path / "page.html")
    assert done.returncode == 0
    assert "The page shows no stopping rules: " in done.stderr
    assert "When to stop" not in (tmp_path / "page.html").read_text(encoding="utf-8")


@pytest.mark.slow  # the data and the markup are checked above without a browser
def test_a_browser_fills_the_table_of_regrets(page, made, tmp_path):
    chromium = which("chromium")
    if chromium is None:
        pytest.skip("there is no chromium")
    (tmp_path / "page.html").write_text(page, encoding="utf-8")
    arguments = ["--headless=new", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path}"]
    address = (tmp_path / "page.html").as_uri()
    shown = subprocess.run(
        [chromium, *arguments, "--virtual-time-budget=4000", "--dump-dom", address],
        capture_output=True, encoding="utf-8", check=True, timeout=120,
    ).stdout  # fmt: skip
    table = re.search(r'<div class="regrets".*?</table>', shown, re.DOTALL)[0]
    rows = re.findall(r"<tr.*?</tr>", table, re.DOTALL)[1:]
    cells = [re.findall(r"<t[dh][^>]*>(.*?)</t[dh]>", row) for row in rows]
    judged = build_for_page(made, options_for(made)).rows
    assert [unescape(row[5]) for row in cells] == [f"{one:.0f}" for one in judged["regret_10000"]]
