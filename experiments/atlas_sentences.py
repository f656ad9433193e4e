"""What the atlas says in sentences: to somebody who chooses a strategy, and to a referee."""

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
from atlas_findings import (
    MODELS,
    SHARE,
    Chart,
    agreements,
    chart,
    counts_of,
    dependences,
    over_all,
    traits,
)
from findings import must_hold

from alrun import stats
from alrun.report.phrasing import enumerated, percent


def atlas_finding() -> str:
    """Return the finding in five lines, for README.md."""
    charts = _charts()
    saving = _saving()
    n_datasets = [len(found.datasets) for found in charts]
    counts = [counts_of(found) for found in charts]
    first, *others = saving
    means = [f"{name} {' and '.join(over_all(found, name) for found in charts)}" for name in saving]
    by_dataset = [
        f"{name} on {' and '.join(str(table['saves'][name]) for table in counts)}"
        for name in others
    ]
    lines = [
        f"To {percent(SHARE)} % of the accuracy that the same model has with all labels, over up to"
        f" {n_datasets[0]} data sets with logistic, then {n_datasets[1]} with a random forest, the"
        f" savings are: {enumerated(means)}. No other strategy is shown to save with both models.",
        f"On single data sets little is shown with 20 seeds. {first} is shown to save on"
        f" {counts[0]['saves'][first]} of {n_datasets[0]} with logistic and on"
        f" {counts[1]['saves'][first]} of {n_datasets[1]} with the forest,"
        f" {enumerated(by_dataset)}.",
        _harm(charts, counts),
        _agreement(saving),
        _dependence(),
    ]
    return "\n".join(f"- {line}" for line in lines)


def _charts() -> list[Chart]:
    return [chart(name) for name in MODELS]


def _saving() -> list[str]:
    """Return the strategies that are shown to save labels over the data sets with every model."""
    shown = [
        set(found.across.index[found.across["significant"] & (found.across["saving"] > 0)])
        for found in _charts()
    ]
    return [name for name in _charts()[0].strategies if all(name in names for names in shown)]


def _harm(charts: Sequence[Chart], counts: Sequence[pd.DataFrame]) -> str:
    """Return which strategies are shown to need more labels nowhere, and how sure that is."""
    strategies = charts[0].strategies
    harmless = [
        name for name in strategies if not any(table["costs"].get(name, 0) for table in counts)
    ]
    every = pd.concat([found.compared for found in charts])
    below = every[every["saving_high"] < 0].groupby("strategy").size()
    alone = enumerated([f"{name} {below.get(name, 0)}" for name in harmless])
    return (
        f"For {enumerated(harmless)} no data set shows that they need more labels than random; for"
        " each of the others one does. That is no proof that they are safe: single intervals that"
        f" lie below 0, before any adjustment: {alone}."
    )


def _agreement(saving: Sequence[str]) -> str:
    """Return whether a strategy saves on the same data sets with both models."""
    table = agreements().set_index("strategy").loc[list(saving)]
    shown = table[(table["p_adjusted"] <= stats.ALPHA) & (table["correlation"] > 0)]
    rest = table.drop(index=shown.index)
    values = enumerated([f"{value:.2f}" for value in shown["correlation"]])
    others = [f"{name} ({value:.2f})" for name, value in rest["correlation"].items()]
    return must_hold(
        f"Where {enumerated(list(shown.index))} save more with logistic, they tend to do so with"
        f" the forest (rank correlations over data sets: {values}). For {enumerated(others)} that"
        " is not shown.",
        len(shown) > 0 and len(rest) > 0,
    )


def _dependence() -> str:
    """Return on which traits of the data sets the savings are shown to depend."""
    table = dependences()
    shown = table[table["shown"]]
    return must_hold(
        f"Of {len(table)} rank correlations of savings with the number of classes, the number of"
        " features and imbalance, two are shown: with logistic, margin and falcun tend to save more"
        " where there are more features.",
        set(zip(shown["strategy"], shown["model"], shown["trait"], strict=True))
        == {(name, "logistic", "features") for name in ("margin", "falcun")}
        and bool((shown["correlation"] > 0).all()),
    )


def atlas_practice() -> str:
    """Return a paragraph for somebody who has to choose a strategy."""
    charts, saving = _charts(), _saving()
    rows = pd.concat([found.across.loc[saving] for found in charts])
    own = [found.compared[found.compared["strategy"].isin(saving)] for found in charts]
    least = np.floor(min(each[each["saves"]]["baseline_mean_labels"].min() for each in own))
    n_below = [
        (found.rows[found.rows["is_baseline"]].set_index("dataset")["mean_labels"] < least)[
            found.datasets
        ].sum()
        for found in charts
    ]
    widths = [
        100 * (each["saving_high"] - each["saving_low"])[each["strategy"] == saving[0]].median() / 2
        for each in own
    ]
    return (
        f"**To choose a strategy.** For data like these, in batches of ten, take {saving[0]} or"
        f" {' or '.join(saving[1:])}. Each is compared with random, not with the others. Over the"
        f" data sets their mean savings are {percent(rows['saving'].min())} to"
        f" {percent(rows['saving'].max())} % of the labels, with intervals from"
        f" {percent(rows['saving_low'].min())} to {percent(rows['saving_high'].max())} %. On a"
        " single data set the saving can be far from that, or negative. Where random needs fewer"
        f" than {least:.0f} labels, on {n_below[0]} data sets with logistic and {n_below[1]} with"
        " the forest, no saving of these is shown. The atlas cannot tell whether your own data will"
        " gain. A sweep can, but it needs data whose labels are known, such as an earlier project"
        f" like yours. With 20 seeds the interval of the saving of {saving[0]} on one data set"
        f" reaches {widths[0]:.0f} points to each side with logistic and {widths[1]:.0f} with the"
        " forest (medians): use more seeds there."
    )


def atlas_method() -> str:
    """Return a paragraph for somebody who checks how it was found."""
    charts = _charts()
    families = enumerated(
        [
            f"{found.family} tests with {model}"
            for found, model in zip(charts, MODELS.values(), strict=True)
        ]
    )
    baselines = [
        found.rows[found.rows["is_baseline"]].set_index("dataset").loc[found.datasets]
        for found in charts
    ]
    never = " and ".join(str((rows["reached"] == 0).sum()) for rows in baselines)
    early = " and ".join(
        str((rows["n_start_at_target"] >= rows["n_seeds"] / 2).sum()) for rows in baselines
    )
    return (
        "**To check it.** On a data set, mean labels are compared with those of random seed by"
        f" seed, by a paired sign-flip test over 20 seeds, adjusted by step-down maxT over"
        f" {families}."
        " Runs that do not reach the target count with the budget, which is at most 200 labels."
        " Over data sets each counts once, with the logarithm of its ratio of mean labels: a t"
        " interval, and a sign-flip test over the data sets, Holm over the strategies of one model"
        " at one target. It treats the data sets as independent draws, which those of a collection"
        " are not. Seeds vary split and initial set, not the rows. Two kinds of data sets blur the"
        f" means: random never reaches the target within the budget on {never} (logistic and"
        " forest), where savings are cut, and starts at it in half of the seeds or more on"
        f" {early}, where little is left to save. On"
        f" the {(traits()['classes'] == 2).sum()} data sets of two classes"
        " least_confidence, margin and entropy order examples alike: they are no three"
        " confirmations. *Not shown* is no proof of equality: the intervals stand in `report.csv`."
        " Fixed are features (standardised), batch size, budget and the parameters of the models."
    )


BLOCKS: Sequence[Callable[[], str]] = [atlas_finding, atlas_practice, atlas_method]
