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
from alrun.report.phrasing import counted, enumerated, p_text, percent, percent_with_interval

ROOT = Path(__file__).parent.parent
# The models, by the name of their experiment.
MODELS = {"atlas": "logistic", "atlas_forest": "forest"}
NOISE = "atlas_noise"
SHARE = 0.95
TARGET = f"{100 * SHARE:.0f}% of full"
TRAITS_FILE = ROOT / "results" / "atlas" / "datasets.csv"
# What savings may depend on; the imbalance is the share of the largest class times their number.
TRAITS = ("classes", "features", "imbalance")
N_PERMUTATIONS = 9_999
STAR = r"\*"  # a bare one could begin italics in Markdown


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


def over_all(found: Chart, strategy: str) -> str:
    """Return the saving of a strategy over all data sets."""
    row = found.across.loc[strategy]
    return percent_with_interval(row["saving"], row["saving_low"], row["saving_high"])


def counts_of(found: Chart) -> pd.DataFrame:
    """Return on how many data sets each strategy is shown to save labels, and to cost labels."""
    return found.compared.groupby("strategy", sort=False)[["saves", "costs"]].sum()


def atlas_answer() -> str:
    """Return for each model which data sets count, and how often each strategy saves labels."""
    lines = []
    for name, model in MODELS.items():
        found = chart(name)
        n, every = len(found.datasets), found.rows.groupby("dataset", sort=False)
        left_out = [
            f"on {enumerated(names)} {why}"
            for names, why in (
                (
                    [name for name, own in every if not own["informative"].all()],
                    "the target is no better than naming the largest class",
                ),
                (
                    [name for name, own in every if own["reached"].sum() == 0],
                    "no run reaches it",
                ),
            )
            if names
        ]
        lines.append(
            f"**{model}**: {n} of {len(every)} data sets count"
            f"{': ' * bool(left_out)}{'; '.join(left_out)}."
        )
        counts = counts_of(found)
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
        "| strategy | model | saves | not shown | costs | data sets in the mean |"
        " saving over them | adjusted p |",
        "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for strategy in chart("atlas").strategies:
        for name, model in MODELS.items():
            found = chart(name)
            own = found.compared[found.compared["strategy"] == strategy]
            if own.empty:
                continue
            saves, costs = int(own["saves"].sum()), int(own["costs"].sum())
            row = found.across.loc[strategy]
            lines.append(
                f"| {strategy} | {model} | {saves} | {len(own) - saves - costs} | {costs} |"
                f" {row['n_datasets']} | {over_all(found, strategy)} |"
                f" {p_text(row['p_adjusted'])}{STAR * bool(row['significant'])} |"
            )
    return "\n".join(lines)


@cache
def agreements() -> pd.DataFrame:
    """Return a row per strategy: on how many data sets the two models say the same."""
    logistic, forest = (chart(name).compared for name in MODELS)
    both = logistic.merge(forest, on=["strategy", "dataset"], suffixes=("_1", "_2"))
    rows = []
    for strategy, own in both.groupby("strategy", sort=False):
        known = own.dropna(subset=["log_ratio_1", "log_ratio_2"])
        correlation, p_value = rank_correlation(known["log_ratio_1"], known["log_ratio_2"])
        saves = own["saves_1"].astype(int) + own["saves_2"]
        costs = own["costs_1"].astype(int) + own["costs_2"]
        rows.append(
            {
                "strategy": strategy,
                "n_datasets": len(own),
                "both_save": (saves == 2).sum(),
                "one_saves": ((saves == 1) & (costs == 0)).sum(),
                "both_cost": (costs == 2).sum(),
                "one_costs": ((costs == 1) & (saves == 0)).sum(),
                "opposite": ((saves == 1) & (costs == 1)).sum(),
                "correlation": correlation,
                "p_value": p_value,
            }
        )
    table = pd.DataFrame(rows)
    return table.assign(p_adjusted=stats.holm(table.pop("p_value").to_numpy()))


def atlas_models() -> str:
    """Return how far the two models agree, strategy by strategy."""
    lines = [
        "| strategy | data sets | shown to save with both | with one | to cost with both |"
        " with one | to save with one, to cost with the other | rank correlation | adjusted p |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for strategy, *counts, correlation, p_value in agreements().itertuples(index=False):
        cells = [strategy, *map(str, counts), f"{correlation:.2f}", _starred(p_value)]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


@cache
def dependences() -> pd.DataFrame:
    """Return the rank correlation of savings with traits: a row per strategy, model and trait."""
    rows = []
    for name, model in MODELS.items():
        compared = chart(name).compared.dropna(subset="log_ratio")
        for strategy, own in compared.groupby("strategy", sort=False):
            table = traits().loc[own["dataset"]]
            for trait in TRAITS:
                found = rank_correlation(-own["log_ratio"], table[trait])
                rows.append((strategy, model, trait, *found))
    table = pd.DataFrame(rows, columns=["strategy", "model", "trait", "correlation", "p_value"])
    adjusted = stats.holm(table.pop("p_value").to_numpy())
    return table.assign(p_adjusted=adjusted, shown=adjusted <= stats.ALPHA)


def atlas_traits() -> str:
    """Return the table of the dependences."""
    table = dependences()
    lines = [
        f"| strategy | model | {' | '.join(TRAITS)} |",
        f"| --- | --- |{' ---: |' * len(TRAITS)}",
    ]
    for key, own in table.groupby(["strategy", "model"], sort=False):
        texts = [f"{row.correlation:+.2f} ({_starred(row.p_adjusted)})" for row in own.itertuples()]
        lines.append(f"| {' | '.join([*key, *texts])} |")
    n_shown = table["shown"].sum()
    lines += ["", f"{n_shown} of {len(table)} correlations are shown, after Holm's correction."]
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
                f" {stops['mean_labels'].median():.0f} | {_tenths(stops['missed'].median())} % |"
            )
    return "\n".join(lines)


def atlas_noise() -> str:
    """Return the savings with right labels beside those with wrong ones."""
    report = alrun.report(ROOT / "results" / NOISE, adjustment="maxT")
    noise = report.noise[report.noise["target"] == TARGET]
    right = noise["compared_with"].max()  # it is empty in the rows of that oracle itself
    wrong = noise.loc[noise["oracle"] != right, "oracle"].iloc[0]
    strategies = list(noise["strategy"].unique())
    found = report.rows[report.rows["target"] == TARGET].set_index(
        ["dataset", "oracle", "strategy"]
    )
    lines = [
        "| data set | wrong labels of margin | full | full with wrong labels |"
        f" {' | '.join(f'{strategy}, right labels | wrong labels' for strategy in strategies)} |",
        f"| --- |{' ---: |' * (3 + 2 * len(strategies))}",
    ]
    for dataset, own in noise[noise["oracle"] == wrong].groupby("dataset", sort=False):
        margin = own.set_index("strategy").loc["margin"]
        savings = [
            _saving(found.loc[dataset, oracle, strategy])
            for strategy in strategies
            for oracle in (right, wrong)
        ]
        lines.append(
            f"| {dataset} | {percent(margin['wrong'])} % |"
            f" {found.loc[dataset, wrong, 'margin']['ceiling']:.3f} |"
            f" {margin['noisy_ceiling']:.3f} | {' | '.join(savings)} |"
        )
    changes = noise[noise["significant"]]["change"]
    lines += [
        "",
        f"Of {counted(int(noise['p_value'].notna().sum()), 'saving')}, shown to be smaller with"
        f" wrong labels: {(changes < 0).sum()}; larger: {(changes > 0).sum()}.",
    ]
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


def _tenths(share: float) -> str:
    """Return a share in tenths of a per cent, without a minus at 0."""
    return f"{round(100 * share, 1) + 0:.1f}"


def _starred(p_value: float) -> str:
    return f"{p_text(p_value)}{STAR * bool(p_value <= stats.ALPHA)}"


BLOCKS: Sequence[Callable[[], str]] = [
    atlas_answer,
    atlas_across,
    atlas_models,
    atlas_traits,
    atlas_logistic,
    atlas_forest,
    atlas_noise,
    atlas_kappa,
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
