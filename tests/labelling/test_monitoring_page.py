"""The monitoring as a page: whole, safe, and with the numbers of the JSON."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from commands import alrun_here
from headless import headless_browser
from html_page import Page
from labelling_projects import CLASSES, answered, give, project, table

from alrun.labelling.monitoring import monitor
from alrun.labelling.monitoring_page import as_page
from alrun.labelling.next_batch import next_batch

HOSTILE = '</script><script>alert("x")</script>\u202e&'
RULES = """stopping = [
  "kappa",
  { name = "budget", labels = 12 },
  { name = "any", rules = ["contradiction", { name = "mine.py:rule", least = 2 }] },
]"""
RULE = "def rule(signals, least):\n    return len(signals) - 1 if len(signals) >= least else None\n"


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    """Return a project with hostile names, an audit, rules, two annotators and a skip."""
    folder = tmp_path_factory.mktemp("monitored")
    frame = table(60).replace({"kind": {CLASSES[0]: HOSTILE}})
    frame["key"] = frame["key"].replace({"k0": "<img src=x onerror=alert(1)>"})
    more = f"audit = 0.3\ncost = 0.5\n{RULES}"
    path, truth = project(folder, more=more, frame=frame, initial="per_class = 3")
    path.write_text(path.read_text().replace('test = "held-out.csv"', ""))
    (folder / "mine.py").write_text(RULE)
    while tasks := next_batch(path).tasks:
        give(path, answered(tasks, truth, "<b>bert</b>", seconds=2.5))
        give(path, answered(tasks[1:], truth | {tasks[1].id: "cat"}, "anna", seconds=4.0))
    return path


@pytest.fixture(scope="module")
def numbers(path):
    return json.loads(alrun_here("status", path, "--fit", "--format", "json").stdout)


@pytest.fixture(scope="module")
def text(path):
    file = path.with_suffix(".html")
    assert alrun_here("status", path, "--fit", "--output", file).returncode == 0
    return file.read_text(encoding="utf-8")


def percent(value):
    return "" if value is None else f"{100 * value:.1f} %"


def two(value):
    return "" if value is None else f"{value:.2f}"


def test_the_page_is_one_safe_file_in_which_names_are_texts(text):
    page = Page(text)
    assert len(page.of("script")) == 1
    assert page.of("img") == page.of("i") == []
    assert all(not key.startswith("on") for _, attributes, _ in page.found for key in attributes)
    assert "\u202e" not in text
    assert "<b>bert</b>" not in text
    policy = page.of("meta")[1]["content"]
    assert policy.startswith("default-src 'none'; ")
    assert "http://" not in text
    assert "https://" not in text
    assert '</script><script>alert("x")' in " ".join(page.texts["th"])
    assert page.texts["h1"] == ["mine"]


def test_the_same_state_makes_the_same_page(path, text):
    assert alrun_here("status", path, "--fit", "--format", "html").stdout == text


def test_accuracy_and_work_by_batch_are_those_of_the_json(text, numbers):
    tables, batches = Page(text).tables, numbers["batches"]
    assert [row[0] for row in tables["accuracy"][1:]] == ["2", "3", "4"]
    for row, batch in zip(tables["accuracy"][1:], batches[1:], strict=True):
        score = batch["score"]
        keys = ("accuracy", "accuracy_low", "accuracy_high")
        shown = [batch["strategy"], str(batch["n_trained"]), *(percent(score[k]) for k in keys)]
        assert row[1:] == [*shown, str(score["n"])]
    for row, batch in zip(tables["batches"][1:], batches, strict=True):
        keys = ("n_labels", "n", "n_audit", "n_answered", "n_skipped", "n_duplicates")
        cost = f"{batch['cost']:.2f}".removesuffix(".00")
        seconds = f"{batch['seconds_per_label']:.1f}"
        assert row[1:] == [*(str(batch[key]) for key in keys), seconds, cost]
    assert sum(batch["cost"] for batch in batches) == numbers["cost"] > 0


def test_what_was_queried_is_beside_the_pool(text, numbers):
    tables, chosen = Page(text).tables, numbers["batches"][1:]
    for key, part, distance in (
        ("class-mix", "classes", "class_distance"),
        ("uncertainty", "uncertainty", "uncertainty_distance"),
    ):
        selected, pool = (
            np.array([[*(one[part].values() if part == "classes" else one[part])] for one in both])
            for both in ([batch[name] for batch in chosen] for name in ("selected", "pool"))
        )
        is_shown = (selected + pool).any(axis=0)
        mine, others = (100 * n / n.sum(axis=1, keepdims=True) for n in (selected, pool))
        found = np.abs(mine - others).sum(axis=1) / 200
        assert found.tolist() == pytest.approx([batch[distance] for batch in chosen])
        header, *rows = tables[key]
        assert len(rows) == len(chosen)
        for place, row in enumerate(rows):
            pairs = zip(mine[place, is_shown], others[place, is_shown], strict=True)
            assert row[1:] == [f"{found[place]:.2f}", *(f"{a:.0f} ({b:.0f})" for a, b in pairs)]
            assert len(header) == len(row)
    for row, batch in zip(tables["labels"][1:], numbers["batches"], strict=True):
        assert sorted(map(int, row[1:])) == sorted(
            batch["classes"].get(name, 0) for name in numbers["classes"]
        )


def test_rules_have_fired_or_say_how_near_they_are(path, text, numbers):
    kappa, budget, either = numbers["stopping"]
    assert kappa["stopped_at"] is kappa["batch"] is None
    found = kappa["criterion"]
    assert (found["comparison"], found["threshold"]) == (">=", 0.99)
    assert found["subject"] == "the mean kappa of the last 3 rounds"
    trained = [batch["n_trained"] for batch in numbers["batches"]]
    assert (budget["stopped_at"], budget["batch"]) == (trained[2], 3)
    assert (budget["criterion"]["value"], budget["criterion"]["before"]) == (trained[3], trained[2])
    assert either["criterion"] is None
    falls, own = either["parts"]
    assert falls["criterion"]["threshold"] == 3
    assert (own["rule"], own["criterion"]) == ("mine.py:rule(least=2)", None)
    assert own["stopped_at"] == either["stopped_at"] == trained[2]
    rows = {row[0].strip("\N{BULLET} "): row[1:] for row in Page(text).tables["rules"][1:]}
    assert rows["budget(labels=12)"] == [
        str(trained[2]), "3", str(trained[3]), str(trained[2]), ">= 12"
    ]  # fmt: skip
    assert rows["mine.py:rule(least=2)"] == [str(trained[2]), "3", "", "", ""]
    assert rows["kappa"][:2] == ["", ""]
    said = alrun_here("status", path).stdout
    assert f"Stopping rule budget(labels=12) has fired at {trained[2]} labels, when batch 3" in said
    near = "has not fired: the mean kappa of the last 3 rounds is not known at the last batch."
    assert f"Stopping rule kappa {near}" in said
    assert (
        "  Stopping rule contradiction has not fired: the number of falls in a row of the" in said
    )


def test_agreement_and_disputed_labels_are_those_of_the_json(text, numbers):
    tables, agreement = Page(text).tables, numbers["agreement"]
    for row, one in zip(tables["annotators"][1:], agreement["annotators"], strict=True):
        shown = [one["annotator"], str(one["n"]), str(one["n_decided"])]
        assert row == [*shown, percent(one["with_majority"])]
    for place, one in enumerate(agreement["annotators"], start=1):
        header, *rows = tables[f"confusion-{place}"]
        assert len(rows) == len(header) - 1 == 3
        total = sum(int(cell) for row in rows for cell in row[1:])
        assert total == sum(map(sum, one["confusion"])) == one["n_decided"]
        counts = [[str(n) for n in row] for row in one["confusion"]]
        assert [row[1:] for row in rows] == counts
    disputed = [[one["id"], one["label"], percent(one["probability"])]
                for one in numbers["now"]["disputed"]]  # fmt: skip
    shown = tables.get("disputed", [[]])[1:]
    assert [row[0] for row in shown] == [row[0] for row in disputed]
    assert [row[2] for row in shown] == [row[2] for row in disputed]


def test_the_picture_has_what_came_and_what_was_promised(numbers, text):
    n_scores = len(numbers["batches"]) - 1
    assert text.count('class="mark"') == n_scores + 1  # that of now is one more
    assert "promised baseline" not in text
    promise = {"from": "<i>results</i>", "n_labels": [6.0, 20.0, 90.0], "accuracy": [0.5, 0.8, 0.9]}
    batches = [batch | {"expected": 0.4321} for batch in numbers["batches"]]
    page = as_page(numbers | {"promise": promise, "batches": batches})
    assert [row[-1] for row in Page(page).tables["accuracy"]] == ["promised", *["43.2 %"] * 3]
    assert "<i>" not in page
    (line,) = [
        attributes["class"] for attributes in Page(page).of("g")
        if "promised" in (attributes["class"] or "")
    ]  # fmt: skip
    assert line == "curve promised baseline"
    assert "The sweep in &lt;i&gt;results&lt;/i&gt; had promised 43.2 % there, " in page


def test_long_tables_are_folded_and_the_most_frequent_classes_shown(numbers):
    first, second, *_ = numbers["batches"]
    mix = {"n": 210, "classes": {f"c{n}": n for n in range(21)}, "uncertainty": None}
    wide = second | {"selected": mix, "pool": mix, "uncertainty_distance": None}
    page = as_page(numbers | {"batches": [first, *[wide] * 31]})
    (header, *rows) = Page(page).tables["class-mix"]
    assert header == ["batch", "distance", *(f"c{n}" for n in range(1, 21))]
    assert len(rows) == 31
    assert "uncertainty" not in Page(page).tables
    assert page.count("<details><summary>Class mix against the pool (31 rows)</summary>") == 1
    assert page.count("<details>") == 4
    more = mix | {"classes": mix["classes"] | {"c21": 21}}
    page = as_page(numbers | {"batches": [first, wide | {"selected": more, "pool": more}]})
    assert "The 20 most frequent of 21 classes." in page
    assert "<details>" not in page


def test_a_biased_number_is_no_accuracy_on_the_page(tmp_path):
    path, truth = project(tmp_path)
    path.write_text(path.read_text().replace('test = "held-out.csv"', ""))
    assert "Nothing was asked yet." in as_page(monitor(path))
    for _ in range(2):
        give(path, answered(next_batch(path).tasks, truth))
    page = as_page(monitor(path))
    assert "No accuracy: " in page
    assert "accuracy" not in Page(page).tables
    assert 'class="mark"' not in page
    assert "give --fit" in page


def keys_of(found):
    """Return the keys of JSON that do not depend on the classes."""
    if isinstance(found, list):
        return set().union(*map(keys_of, found))
    if not isinstance(found, dict) or HOSTILE in found or "cat" in found:
        return set()
    return set(found).union(*map(keys_of, found.values()))


def test_every_key_of_the_json_is_described(numbers):
    page = (Path(__file__).parents[2] / "docs" / "labelling.md").read_text(encoding="utf-8")
    described = set(re.findall(r"`(\w+)`", page))
    keys = keys_of(numbers)
    assert {"criterion", "subject", "n_decided", "uncertainty", "accuracy_low"} <= keys
    assert keys - described == set()


def test_formats_and_files_are_those_of_projects(tmp_path, path):
    for option in (["--output", "a.html"], ["--format", "html"]):
        done = alrun_here("status", tmp_path, *option)
        assert (done.returncode, "are for labelling projects" in done.stderr) == (2, True)
    assert "no format ends in '.pdf'" in alrun_here("status", path, "--output", "a.pdf").stderr
    file = tmp_path / "status.txt"
    assert alrun_here("status", path, "--output", file).stdout == ""
    assert file.read_text() == alrun_here("status", path).stdout


@pytest.mark.slow  # the tests above read the page without a browser
def test_a_browser_shows_the_page_without_a_request_and_saves_its_tables(text, tmp_path):
    driver = headless_browser(tmp_path)
    try:
        (tmp_path / "status.html").write_text(text, encoding="utf-8")
        driver.get((tmp_path / "status.html").as_uri())
        shown = driver.execute_script(
            "document.querySelectorAll('[data-file=accuracy] th button')[3].click();"
            "return [...document.querySelectorAll('[data-file=accuracy] tbody tr')]"
            ".map((row) => row.cells[3].textContent)"
        )
        assert shown == sorted(shown, key=lambda cell: float(cell.split()[0]))
        saved = driver.execute_script(
            "return asCsv(document.querySelector('[data-file=batches] table'))"
        )
        assert len(saved.splitlines()) == 5
        size = {"height": 800, "deviceScaleFactor": 1, "mobile": False}
        driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {"width": 360, **size})
        assert driver.execute_script("return document.documentElement.scrollWidth") <= 360
        assert driver.get_log("browser") == []
        sent = [json.loads(entry["message"])["message"] for entry in driver.get_log("performance")]
        requests = [one["params"]["request"]["url"] for one in sent
                    if one["method"] == "Network.requestWillBeSent"]  # fmt: skip
        assert all(url.startswith(("file:", "data:", "blob:")) for url in requests)
    finally:
        driver.quit()
