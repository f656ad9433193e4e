"""The documents: their links lead somewhere, and what they show exists."""

import ast
import re
import tomllib
from functools import cache
from pathlib import Path

import pytest
from typer.main import get_command

from alrun.cli.app import app
from alrun.cli.compare import PairFormat
from alrun.cli.export import ExportFormat
from alrun.cli.list_entries import Kind
from alrun.cli.next_batch import TaskFormat
from alrun.cli.options import Format
from alrun.cli.plot import Plot
from alrun.cli.queries import QueriesFormat
from alrun.cli.status import StatusFormat
from alrun.experiment.datasets import DatasetSettings, ReadSettings
from alrun.experiment.oracles import AnnotatorSettings, CostSettings, OracleSettings
from alrun.experiment.settings import Experiment, InitialSettings, ModelSettings, StrategySettings
from alrun.labelling.export import COLUMNS as EXPORT_COLUMNS
from alrun.labelling.project import Project, ProjectDataset
from alrun.models import registry as models
from alrun.report.across_datasets import COLUMNS as COLUMNS_ACROSS
from alrun.report.all_pairs import LETTER_COLUMNS
from alrun.report.options import Adjustment
from alrun.report.ranks import COLUMNS as RANK_COLUMNS
from alrun.report.rows import COLUMNS
from alrun.report.stopping.rows import CELL_COLUMNS
from alrun.report.stopping.rows import COLUMNS as STOPPING_COLUMNS
from alrun.report.two_results import COLUMNS as PAIR_COLUMNS
from alrun.results.schema import CURVES, QUERIES, REFERENCES, RUNS, SIGNALS, SPLITS
from alrun.stopping.registry import BUILT_IN as RULES
from alrun.stopping.registry import COMBINED, HINDSIGHT
from alrun.stopping.signals import NAMES as SIGNAL_NAMES
from alrun.strategies.registry import BUILT_IN

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
README, CONTRIBUTING = ROOT / "README.md", ROOT / "CONTRIBUTING.md"
PAGES = [README, CONTRIBUTING, ROOT / "CHANGELOG.md", *sorted(DOCS.glob("*.md"))]
MOST_LINES = 130
EXPERIMENTS = sorted((ROOT / "experiments").glob("*.toml"))
COMMANDS = get_command(app).commands
FENCED = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def id_of(path):
    return str(path.relative_to(ROOT))


@cache
def prose_of(page):
    """Return a page without its blocks of code."""
    return FENCED.sub("", page.read_text(encoding="utf-8"))


def blocks_of(page, language):
    """Return the blocks of code in a language."""
    blocks = FENCED.findall(page.read_text(encoding="utf-8"))
    return [text for name, text in blocks if name == language]


def spans_of(page):
    """Return what stands between backticks, on one line each."""
    return [" ".join(span.split()) for span in re.findall(r"`([^`]+)`", prose_of(page))]


@cache
def anchors_of(page):
    """Return the anchors that a forge gives the headings of a page."""
    headings = re.findall(r"^#+ (.+)$", prose_of(page), re.MULTILINE)
    slugs = [re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings]
    assert len(slugs) == len(set(slugs)), f"{page.name}: two headings have one anchor"
    return set(slugs)


def links_of(page):
    """Return the targets of the relative links and pictures of a page."""
    targets = re.findall(r"\]\(([^)\s]+)\)", re.sub(r"`[^`]*`", "", prose_of(page)))
    return [target for target in targets if not target.startswith(("https://", "http://"))]


def words_in_code(page):
    """Return the words between backticks in the prose of a page."""
    return set(re.findall(r"[\w-]+", " ".join(spans_of(page))))


def shell_lines(page):
    """Return what a page tells to type: lines of shell blocks, and spans of code."""
    lines = [line for block in blocks_of(page, "sh") for line in block.splitlines()]
    return [line.partition(" #")[0].removeprefix(".venv/bin/") for line in lines] + spans_of(page)


@pytest.mark.parametrize("page", PAGES, ids=id_of)
def test_every_link_leads_to_a_file_and_a_heading(page):
    broken = []
    for link in links_of(page):
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        is_there = target.exists() and target.is_relative_to(ROOT)
        if not is_there or (anchor and anchor not in anchors_of(target)):
            broken.append(link)
    assert broken == []


def test_every_page_is_in_the_index_and_reached_from_the_readme():
    for name in (path.name for path in DOCS.glob("*.md") if path.name != "README.md"):
        assert name in links_of(DOCS / "README.md")
        assert f"docs/{name}" in links_of(README)


def test_the_readme_takes_three_minutes():
    assert len(README.read_text(encoding="utf-8").splitlines()) <= MOST_LINES


@pytest.mark.parametrize("page", PAGES, ids=id_of)
def test_every_command_that_is_shown_exists(page):
    for line in shell_lines(page):
        for command in re.findall(r"^alrun ([a-z][a-z-]*)", line):
            assert command in COMMANDS, line
            known = {option for entry in COMMANDS[command].params for option in entry.opts}
            assert set(re.findall(r"--[a-z-]+", line)) <= known | {"--help"}, line


@pytest.mark.parametrize("page", PAGES, ids=id_of)
def test_every_target_that_is_shown_exists(page):
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    known = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    shown = {word for line in shell_lines(page) for word in re.findall(r"^make ([a-z-]+)", line)}
    assert shown <= known


def test_every_command_and_option_is_described():
    described = words_in_code(DOCS / "experiments.md")
    for name, command in COMMANDS.items():
        if not command.hidden:
            options = {option for entry in command.params for option in entry.opts[:1]}
            long = {option for option in options if option.startswith("--")}
            assert {name} | long <= described, name


@pytest.mark.parametrize(
    ("page", "kind"),
    [
        ("experiments", Experiment),
        ("data", DatasetSettings),
        ("data", InitialSettings),
        ("data", ReadSettings),
        ("oracles", OracleSettings),
        ("oracles", AnnotatorSettings),
        ("oracles", CostSettings),
        ("models-and-strategies", ModelSettings),
        ("models-and-strategies", StrategySettings),
    ],
)
def test_every_key_of_an_experiment_is_described(page, kind):
    assert set(kind.model_fields) <= words_in_code(DOCS / f"{page}.md")


def test_every_key_and_column_of_labelling_is_described():
    described = words_in_code(DOCS / "labelling.md")
    keys = {field.alias or name for name, field in Project.model_fields.items()}
    own = ProjectDataset.model_fields.keys() - DatasetSettings.model_fields.keys()
    tables = {"dataset", "initial", "model"}
    assert (keys - tables) | own | {*EXPORT_COLUMNS} <= described


def test_every_column_is_described():
    report = words_in_code(DOCS / "statistics.md")
    assert {*COLUMNS, *COLUMNS_ACROSS, *PAIR_COLUMNS, *RANK_COLUMNS, *LETTER_COLUMNS} <= report
    results = words_in_code(DOCS / "reproducibility.md")
    tables = (CURVES, QUERIES, SPLITS, RUNS, REFERENCES, SIGNALS)
    assert {name for table in tables for name in table.names} <= results


@pytest.mark.parametrize("page", PAGES, ids=id_of)
def test_code_that_is_shown_is_well_formed(page):
    for block in blocks_of(page, "python"):
        ast.parse(block)
    for block in blocks_of(page, "toml"):
        content = tomllib.loads(block)
        if "budget" in content:
            if "seeds" in content:
                Experiment.model_validate(content)
            else:  # a project, which may take its strategy over from a sweep
                Project.model_validate({"strategy": "margin", **content})


def test_every_experiment_is_in_the_gallery():
    links = links_of(DOCS / "gallery.md")
    assert [path.name for path in EXPERIMENTS if f"../{id_of(path)}" not in links] == []


@pytest.mark.parametrize(
    "choices",
    [
        Adjustment,
        ExportFormat,
        Format,
        Kind,
        PairFormat,
        Plot,
        QueriesFormat,
        StatusFormat,
        TaskFormat,
    ],
)
def test_every_choice_of_an_option_is_described(choices):
    assert set(choices) <= words_in_code(DOCS / "experiments.md")


def test_every_built_in_model_is_described():
    assert set(models.BUILT_IN) <= words_in_code(DOCS / "models-and-strategies.md")


def test_every_stopping_rule_signal_and_column_is_described():
    described = words_in_code(DOCS / "stopping.md")
    assert {*RULES, *HINDSIGHT, *COMBINED, *SIGNAL_NAMES} <= described
    assert {*STOPPING_COLUMNS, *CELL_COLUMNS} <= described


def test_every_built_in_strategy_is_on_the_map():
    experiment = tomllib.loads((ROOT / "experiments" / "strategies.toml").read_text())
    assert set(BUILT_IN) == set(experiment["strategies"])


def tree_of_contributing():
    """Return the paths in the tree of the layout."""
    (tree,) = (block for block in blocks_of(CONTRIBUTING, "") if block.startswith("alrun/"))
    top, paths = "", []
    for line in tree.splitlines():
        name = line.split()[0]
        if not line.startswith(" "):
            top = name
        paths.append(top if name == top else top + name)
    return paths


def test_every_path_in_contributing_exists():
    named = [
        span
        for span in spans_of(CONTRIBUTING)
        if re.match(r"(alrun|tests|experiments|docs|results)/\S*$", span)
    ]
    assert len(named) > 30
    assert [path for path in [*tree_of_contributing(), *named] if not (ROOT / path).exists()] == []


def test_the_tree_in_contributing_is_whole():
    # A package that was moved leaves a folder of compiled files, which a commit does not hold.
    entries = [*(ROOT / "alrun").glob("*.py"), *(ROOT / "alrun").glob("*/__init__.py")]
    entries = {path.parent if path.name == "__init__.py" else path for path in entries}
    entries.discard(ROOT / "alrun")
    there = {f"alrun/{path.name}{'/' if path.is_dir() else ''}" for path in entries}
    missing = there - set(tree_of_contributing())
    assert {path for path in missing if "__" not in path} == set()
