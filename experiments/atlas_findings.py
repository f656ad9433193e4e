"""The findings of the atlas, computed from its committed results, as blocks of docs/atlas.md.

They are read at one target, 95 % of full, which was chosen before anything was run. On a data set a
strategy saves labels, or costs labels, if its p adjusted over all tests of the report says so;
otherwise no difference is shown. As a program it writes the traits of the data sets, for which
they must be read.
"""

import csv
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import rankdata

import alrun
from alrun import stats
from alrun.experiment.toml import read_experiment
from alrun.report.phrasing import enumerated, p_text, percent, percent_with_interval

ROOT = Path(__file__).parent.parent
# The models, by the name of their experiment.
MODELS = {"atlas": "logistic", "atlas_forest": "forest"}
TARGET = "95% of full"
TRAITS_FILE = ROOT / "results" / "atlas" / "datasets.csv"
# What savings may depend on; the imbalance is the share of the largest class times their number.
TRAITS = {"classes": "classes", "features": "features", "imbalance": "imbalance"}
N_PERMUTATIONS = 9_999
STAR = r"\*"  # a bare one could begin italics in Markdown
NOTHING = "No results are committed yet: `make atlas` computes them."


@dataclass(frozen=True)
class Chart:
    """What the atlas says of one model at the target.

    Attributes
    ----------
    rows
        A row per data set and strategy, that of random included.
    compared
        The rows of the other strategies on the data sets where the target says something: it is
        above the floor, and some strategy reaches it.
    across
        A row per strategy over these data sets.
    family
        How many tests the p values are adjusted for.
    """

    rows: pd.DataFrame
    compared: pd.DataFrame
    across: pd.DataFrame
    family: int

    @property
    def datasets(self) -> list[str]:
        """The data sets where the target says something."""
        return list(self.compared["dataset"].unique())

    @property
    def strategies(self) -> list[str]:
        """The strategies other than random."""
        return list(self.compared["strategy"].unique())


@cache
def chart(experiment: str) -> Chart:
    """Return what an experiment of the atlas says at the target."""
    report = alrun.report(ROOT / "results" / experiment, adjustment="maxT")
    rows = report.rows[report.rows["target"] == TARGET]
    is_reached = rows.groupby("dataset")["reached"].transform("sum") > 0
    compared = rows[rows["informative"] & is_reached & ~rows["is_baseline"]].assign(
        log_ratio=lambda own: np.log(own["mean_labels"] / own["baseline_mean_labels"]),
        saves=lambda own: own["significant"] & (own["saving"] > 0),
        costs=lambda own: own["significant"] & (own["saving"] < 0),
    )
    across = report.across[report.across["target"] == TARGET].set_index("strategy")
    return Chart(rows, compared, across, report.family)


@cache
def traits() -> pd.DataFrame:
    """Return examples, features, classes and imbalance of each data set."""
    table = pd.read_csv(TRAITS_FILE, index_col="dataset")
    return table.assign(imbalance=table["largest_class"] * table["classes"])


def atlas_answer() -> str:
    """Return for each model how often each strategy saves labels, and which one never costs any."""
    lines = []
    for name, model in MODELS.items():
        found = chart(name)
        n, every = len(found.datasets), found.rows["dataset"].unique()
        silent = [dataset for dataset in every if dataset not in found.datasets]
        lines.append(
            f"**{model}**: the target says something on {n} of {len(every)} data sets (the others"
            f" are {enumerated(silent)})."
            if silent
            else f"**{model}**: the target says something on all {n} data sets."
        )
        counts = found.compared.groupby("strategy", sort=False)[["saves", "costs"]].sum()
        ranked = counts.sort_values(["saves", "costs"], ascending=[False, True], kind="stable")
        lines.append(
            "Labels are saved, no difference is shown, or more labels are needed: "
            + "; ".join(
                f"{row.Index} {row.saves}, {n - row.saves - row.costs}, {row.costs}"
                for row in ranked.itertuples()
            )
            + "."
        )
        never = list(counts.index[counts["costs"] == 0])
        lines.append(
            f"Never shown to need more labels than random: {enumerated(never)}."
            if never
            else "Every strategy is shown to need more labels than random somewhere."
        )
        lines.append("")
    return "\n".join(lines[:-1])


def atlas_across() -> str:
    """Return the table of both models by strategy: the count of data sets, and the mean saving."""
    lines = [
        "| strategy | model | saves | not shown | costs | saving over data sets | adjusted p |",
        "| --- | --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for strategy in chart("atlas").strategies:
        for name, model in MODELS.items():
            found = chart(name)
            own = found.compared[found.compared["strategy"] == strategy]
            if own.empty:
                continue
            saves, costs = int(own["saves"].sum()), int(own["costs"].sum())
            row = found.across.loc[strategy]
            saving = percent_with_interval(row["saving"], row["saving_low"], row["saving_high"])
            lines.append(
                f"| {strategy} | {model} | {saves} | {len(own) - saves - costs} | {costs} |"
                f" {saving} | {p_text(row['p_adjusted'])}{STAR * bool(row['significant'])} |"
            )
    return "\n".join(lines)


def atlas_models() -> str:
    """Return how far the two models agree, strategy by strategy."""
    logistic, forest = (chart(name).compared for name in MODELS)
    both = logistic.merge(forest, on=["strategy", "dataset"], suffixes=("_1", "_2"))
    tests = []
    for strategy, own in both.groupby("strategy", sort=False):
        known = own.dropna(subset=["log_ratio_1", "log_ratio_2"])
        correlation = rank_correlation(known["log_ratio_1"], known["log_ratio_2"])
        tests.append((strategy, own, *correlation))
    adjusted = stats.holm(np.array([p_value for *_, p_value in tests]))
    lines = [
        "| strategy | data sets | shown to save with both | with one | to cost with both |"
        " with one | to save with one, to cost with the other | rank correlation | adjusted p |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for (strategy, own, correlation, _), p_value in zip(tests, adjusted, strict=True):
        saves = own["saves_1"].astype(int) + own["saves_2"]
        costs = own["costs_1"].astype(int) + own["costs_2"]
        counts = [
            (saves == 2),
            (saves == 1) & (costs == 0),
            (costs == 2),
            (costs == 1) & (saves == 0),
            (saves == 1) & (costs == 1),
        ]
        cells = [str(int(count.sum())) for count in counts]
        lines.append(
            f"| {strategy} | {len(own)} | {' | '.join(cells)} | {correlation:.2f} |"
            f" {_starred(p_value)} |"
        )
    return "\n".join(lines)


def atlas_traits() -> str:
    """Return the rank correlations of savings with traits of the data sets."""
    tests = []
    for name, model in MODELS.items():
        compared = chart(name).compared.dropna(subset="log_ratio")
        for strategy, own in compared.groupby("strategy", sort=False):
            table = traits().loc[own["dataset"]]
            for trait in TRAITS:
                found = rank_correlation(-own["log_ratio"], table[trait])
                tests.append((strategy, model, trait, *found))
    adjusted = stats.holm(np.array([p_value for *_, p_value in tests]))
    cells: dict[tuple[str, str], list[str]] = {}
    for (strategy, model, _, correlation, _), p_value in zip(tests, adjusted, strict=True):
        text = f"{correlation:+.2f} ({_starred(p_value)})"
        cells.setdefault((strategy, model), []).append(text)
    lines = [
        f"| strategy | model | {' | '.join(TRAITS.values())} |",
        f"| --- | --- |{' ---: |' * len(TRAITS)}",
        *(f"| {' | '.join([*key, *texts])} |" for key, texts in cells.items()),
    ]
    n_shown = int((adjusted <= stats.ALPHA).sum())
    lines += ["", f"{n_shown} of {len(tests)} correlations are shown, after Holm's correction."]
    return "\n".join(lines)


def atlas_logistic() -> str:
    """Return the table by data set for logistic."""
    return _by_dataset("atlas")


def atlas_forest() -> str:
    """Return the table by data set for the forest."""
    return _by_dataset("atlas_forest")


def _by_dataset(experiment: str) -> str:
    """Return the saving of each strategy on each data set, with a star where it is shown."""
    found = chart(experiment)
    lines = [
        "| data set | examples | features | classes | largest class | full | random |"
        f" {' | '.join(found.strategies)} |",
        f"| --- |{' ---: |' * (6 + len(found.strategies))}",
    ]
    for dataset, own in found.rows.groupby("dataset", sort=False):
        about, by_name = traits().loc[dataset], own.set_index("strategy")
        random = by_name.loc["random"]
        cells = [_saving(by_name.loc[strategy]) for strategy in found.strategies]
        lines.append(
            f"| {dataset} | {about['examples']:,.0f} | {about['features']:.0f} |"
            f" {about['classes']:.0f} | {percent(about['largest_class'])} % |"
            f" {random['ceiling']:.3f} | {_labels(random)} | {' | '.join(cells)} |"
        )
    return "\n".join(lines)


def atlas_kappa() -> str:
    """Return where the kappa rule stops, over the data sets."""
    lines = [
        "| strategy | model | data sets where more than half of the runs stop | labels at the stop,"
        " median | of the score at the end still to come, median |",
        "| --- | --- | ---: | ---: | ---: |",
    ]
    for strategy in chart("atlas").strategies:
        for name, model in MODELS.items():
            table = pd.read_csv(ROOT / "results" / name / "stopping.csv")
            own = table[(table["strategy"] == strategy) & (table["rule"] == "kappa")]
            if own.empty:
                continue
            stops = own[own["stopped"] > own["n_seeds"] / 2]
            lines.append(
                f"| {strategy} | {model} | {len(stops)} of {len(own)} |"
                f" {stops['mean_labels'].median():.0f} | {100 * stops['missed'].median():.1f} % |"
            )
    return "\n".join(lines)


def rank_correlation(a: Any, b: Any) -> tuple[float, float]:
    """Return Spearman's correlation of two columns, and its two-sided p by permutations."""
    ranks = [rankdata(np.round(np.asarray(column, np.float64), 9)) for column in (a, b)]
    x, y = (own - own.mean() for own in ranks)
    scale = np.sqrt((x @ x) * (y @ y))
    generator = np.random.default_rng(0)
    drawn = generator.permuted(np.tile(y, (N_PERMUTATIONS, 1)), axis=1) @ x
    n_as_far = int((np.abs(drawn) >= abs(x @ y) - 1e-9).sum())
    return float(x @ y / scale), (n_as_far + 1) / (N_PERMUTATIONS + 1)


def _labels(random: Any) -> str:
    """Return the mean labels of random: at least so many where a run did not reach the target."""
    if np.isnan(random["mean_labels"]):
        return ""
    is_lower_bound = random["reached"] < random["n_seeds"]
    return f"{'≥ ' * bool(is_lower_bound)}{random['mean_labels']:.0f}"


def _saving(row: Any) -> str:
    if np.isnan(row["saving"]):
        return "-"
    text = percent(row["saving"])
    if not row["informative"]:
        return f"({text})"
    return f"{text}{STAR * bool(row['significant'])}"


def _starred(p_value: float) -> str:
    return f"{p_text(p_value)}{STAR * bool(p_value <= stats.ALPHA)}"


def _or_nothing(block: Callable[[], str]) -> Callable[[], str]:
    """Return a block that says so where no results are committed."""

    def made() -> str:
        files = [ROOT / "results" / name / "curves.parquet" for name in MODELS]
        return block() if all(file.is_file() for file in files) else NOTHING

    made.__name__ = block.__name__
    return made


BLOCKS: Sequence[Callable[[], str]] = [
    _or_nothing(block)
    for block in (
        atlas_answer,
        atlas_across,
        atlas_models,
        atlas_traits,
        atlas_logistic,
        atlas_forest,
        atlas_kappa,
    )
]


def describe() -> Iterator[tuple[str, int, int, int, float]]:
    """Yield name, examples, features after encoding, classes and the share of the largest class."""
    from alrun.data.load import load

    for settings in read_experiment(ROOT / "experiments" / "atlas.toml").dataset:
        data = load(settings.name, {})
        counts = np.bincount(data.y)
        share = round(float(counts.max() / counts.sum()), 6)
        yield settings.label, *data.X.shape, len(data.classes), share


def main() -> None:
    """Write the traits of the data sets."""
    try:
        rows = list(describe())
    except alrun.AlrunError as error:
        sys.exit(str(error))
    TRAITS_FILE.parent.mkdir(parents=True, exist_ok=True)
    with TRAITS_FILE.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["dataset", "examples", "features", "classes", "largest_class"])
        writer.writerows(rows)


if __name__ == "__main__":
    main()
