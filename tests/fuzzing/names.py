"""Hostile names in data, experiments and results: shown as they are, obeyed by nothing."""

import csv
import io
import re
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from fuzzing.answers import limited
from fuzzing.files import GRID
from fuzzing.mutations import pick
from typer.testing import CliRunner

from alrun.cli.app import app

PARTS = [
    *(
        "\x1b[2J",
        "\x1b]0;owned\x07",
        "\x1b]8;;http://x\x1b\\",
        "\x9b31m",
        "\x08",
        "\r",
        "\n",
        "\x00",
    ),
    *(
        "\u202e",
        "\u2028",
        "\u200b",
        "\ud800",
        "[/a]",
        "[bold]",
        "[link=x]",
        ":smile:",
        "=1+1",
        "+1+1",
    ),
    *(
        "-1+1",
        "@SUM(1)",
        "\t=1",
        "|",
        "`",
        "<script>",
        "<b>",
        "![x](http://x)",
        "](x)",
        "**",
        "---",
    ),
    *(
        "\\input{x}",
        "$\\frac{",
        "%",
        "&",
        "#",
        "_",
        "^",
        "~",
        "{0}",
        "%s",
        ";id",
        "$(id)",
        "'",
        '"',
    ),
    *("--help", "-", "..", "\\", ",", "a b", "é", "🦊"),
]
FORMATS = ("table", "csv", "json", "markdown", "latex")
COMMANDS = [
    *(("report", "--format", name) for name in FORMATS),
    *(("queries",), ("queries", "--format", "csv"), ("status",), ("plot", "--kind", "curves")),
]
LABELS = {
    "curves.parquet": ("dataset", "model", "strategy"),
    "runs.parquet": ("dataset", "model", "strategy", "error"),
    "queries.parquet": ("label",),
    "splits.parquet": ("dataset",),
}


def check_names(rng, folder):
    """Put hostile names in a table, an import or results; nothing of them may be obeyed."""
    case = folder / "case"
    shutil.rmtree(case, ignore_errors=True)
    case.mkdir()
    return pick(rng, [check_in_data, check_in_curves, check_in_results])(rng, folder, case)


def hostile(rng, *, is_file=False):
    """Return a name of several parts; without the characters that no file's name can have."""
    name = "".join(pick(rng, PARTS) for _ in range(rng.integers(1, 4)))
    # Neither files nor Parquet hold half a character.
    name = name.replace("\ud800", "\ufffe")
    return re.sub(r"[\0/]", "_", name) + "_" if is_file else name


def check_in_data(rng, folder, case):
    """Plan a sweep of a table whose columns, classes and file have hostile names."""
    flowers = pd.read_csv(folder / "flowers.csv")
    others = [name for name in flowers.columns if name != "species"]
    flowers = flowers.rename(columns={pick(rng, others): hostile(rng)})
    kinds = {kind: hostile(rng) + str(kind) for kind in flowers["species"].unique()}
    flowers["species"] = flowers["species"].map(kinds)
    flowers["text"] = [hostile(rng) for _ in range(len(flowers))]
    flowers.to_csv(case / "data.csv", index=False)
    (case / "question.toml").write_text(
        GRID.format(names="") + "dataset = {name = 'data.csv', target = 'species'}"
    )
    results = case / hostile(rng, is_file=True)
    return obeyed_nothing("sweep", case / "question.toml", "--results", results, "--dry-run")[0]


def check_in_curves(rng, folder, case):
    """Import curves in a file of a hostile name, with hostile columns and labels."""
    curves = pd.read_parquet(folder / "tiny" / "curves.parquet").drop(columns="run_id")
    curves = curves.astype({"strategy": str}).replace({"strategy": {"margin": hostile(rng)}})
    path = case / (hostile(rng, is_file=True) + ".csv")
    curves.assign(**{hostile(rng): hostile(rng)}).to_csv(path, index=False)
    results = case / hostile(rng, is_file=True)
    code, output = obeyed_nothing("import-curves", path, "--results", results)
    if code == 0:
        assert output.splitlines()[-1].startswith("Next: alrun report ")
        code, _ = obeyed_nothing("report", results, "--target", "0.9")
    return code


def check_in_results(rng, folder, case):
    """Show results whose labels and classes are hostile."""
    results = Path(shutil.copytree(folder / "tiny", case / hostile(rng, is_file=True)))
    names = {}
    for file, columns in LABELS.items():
        table = pq.read_table(results / file)
        for column in columns:
            place, values = table.schema.get_field_index(column), table[column].to_pylist()
            renamed = [
                value if value == "random" else names.setdefault(value, hostile(rng))
                for value in values
            ]
            kind = table.schema.field(place).type
            kind = kind.value_type if pa.types.is_dictionary(kind) else kind
            table = table.set_column(place, column, pa.array(renamed, kind))
        pq.write_table(table, results / file)
    command, *options = pick(rng, COMMANDS)
    if command == "plot":
        options += ["--output", str(case / "plot.svg")]
    code, output = obeyed_nothing(command, results, *options)
    if code == 0 and "csv" in options:
        for row in csv.reader(io.StringIO(output)):
            assert not [cell for cell in row if is_formula(cell)], row
    if code == 0 and "markdown" in options:
        assert "<script>" not in output
        assert "<b>" not in output
    return code


def is_formula(cell):
    """Return whether a spreadsheet would compute a cell."""
    try:
        float(cell)
    except ValueError:
        return cell.lstrip().startswith(("=", "+", "-", "@"))
    return False


def obeyed_nothing(*arguments):
    """Return exit code and stdout of a command; fail if a terminal would obey its output."""
    with limited(), np.errstate(all="ignore"):
        answer = CliRunner().invoke(app, [str(argument) for argument in arguments])
    if answer.exception is not None and not isinstance(answer.exception, SystemExit):
        raise AssertionError(f"raised {answer.exception!r}") from answer.exception
    assert answer.exit_code in (0, 2), answer.output[:500]
    for text in (answer.stdout, answer.stderr):
        shown = text.replace("\n", "")
        assert shown.isprintable(), [char for char in shown if not char.isprintable()]
        assert "Traceback" not in text
    assert answer.exit_code == 0 or answer.stderr
    return answer.exit_code, answer.stdout
