"""The writer of the README's numbers, from the committed results.

The function `name` here makes the text between `<!-- name -->` and `<!-- /name -->` in README.md.
With --check nothing is written, and the exit code is 1 if a text is out of date.
"""

import json
import re
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import alrun
from alrun.class_mix import class_mix
from alrun.report.render import render
from alrun.report.sections import percent, with_interval
from alrun.report.sections import saving_text as saving

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"

# The figures published from one seed: labels to .90 on digits at batch size 10.
PUBLISHED = {"random": 130, "least_confidence": 150, "margin": 80, "entropy": 180}


@cache
def reported(name: str) -> Any:
    """Return the rows of a report."""
    return alrun.report(ROOT / "results" / name).rows


def rows(name: str, **cell: Any) -> dict[str, Any]:
    """Return the rows of a report by strategy, for these values of other columns."""
    table = reported(name)
    for column, value in cell.items():
        table = table[table[column] == value]
    return {row.strategy: row for row in table.itertuples()}


def p_value(value: float) -> str:
    """Return a p value as papers print it."""
    if value > 0.995:
        return "1"
    return "< .001" if value < 0.001 else f"{value:.3f}".removeprefix("0")


def stands(strategy: str, row: Any) -> bool:
    """Return whether the published saving lies in the interval of the measured one."""
    published = 1 - PUBLISHED[strategy] / PUBLISHED["random"]
    return bool(row.saving_low <= published <= row.saving_high)


def labels(row: Any) -> str:
    """Return mean labels with their interval."""
    return with_interval(
        row.mean_labels, row.mean_labels_low, row.mean_labels_high, "{:.0f}".format
    )


def must_hold(sentence: str, holds: bool) -> str:
    """Return a sentence, or exit if the results no longer support it."""
    if not holds:
        sys.exit(f"the results no longer say so, rewrite it in experiments/readme.py: {sentence}")
    return sentence


def finding() -> str:
    """Return the table of one seed beside fifty."""
    cell = rows("digits", batch_size=10, target=0.9)
    lines = [
        "| strategy | labels, one seed (published) | saving, one seed | labels, fifty seeds |"
        " saving, fifty seeds | adjusted p | seeds better / same / worse | the claim |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | --- |",
        f"| random | {PUBLISHED['random']} | | {labels(cell['random'])} | | | | |",
    ]
    for strategy, row in cell.items():
        if strategy == "random":
            continue
        one = percent(1 - PUBLISHED[strategy] / PUBLISHED["random"])
        verdict = "stands" if stands(strategy, row) else "**falls**"
        lines.append(
            f"| {strategy} | {PUBLISHED[strategy]} | {one} % | {labels(row)} | {saving(row)} |"
            f" {p_value(row.p_adjusted)} | {row.wins:.0f} / {row.ties:.0f} / {row.losses:.0f} |"
            f" {verdict} |"
        )
    return "\n".join(lines)


def verdict() -> str:
    """Return the conclusions from the table, and the effect of scaling."""
    cell = rows("digits", batch_size=10, target=0.9)
    scaled = rows("digits_standard", target=0.9)
    least, entropy, margin = cell["least_confidence"], cell["entropy"], cell["margin"]
    return " ".join(
        [
            must_hold(
                "Two of the three claims do not hold over fifty seeds, and one stands: margin.",
                [stands(name, cell[name]) for name in ("least_confidence", "entropy", "margin")]
                == [False, False, True],
            ),
            must_hold(
                f"Least confidence is not worse than random but saves {saving(least)}; yet"
                f" {least.losses:.0f} of the {least.n_pairs} seeds, looked at alone, say that it is"
                " worse.",
                least.significant and least.saving > 0,
            ),
            must_hold(
                "Entropy is not 38 % worse; it cannot be told from random.",
                not entropy.significant and not stands("entropy", entropy),
            ),
            must_hold(
                "The source had standardised its features. With that, and the scaler fitted without"
                f" the test rows, least confidence saves {saving(scaled['least_confidence'])},"
                f" margin {saving(scaled['margin'])} and entropy {saving(scaled['entropy'])}: what"
                " entropy is worth depends on the scaling, but the two claims fall all the more.",
                scaled["entropy"].saving > entropy.saving
                and scaled["least_confidence"].saving > least.saving
                and margin.significant,
            ),
        ]
    )


def tour() -> str:
    """Return the report of one batch size, as it is printed."""
    text = render(alrun.report(ROOT / "results" / "digits"), "table")
    block = text[text.index("Labels to target: digits, logistic, batch size 10") :]
    return "```\n" + block[: block.index("\n\n")] + "\n```"


def gallery() -> str:
    """Return the finding of each experiment in the gallery."""
    drawn = rows("synthetic")
    active, random = drawn["least_confidence"], drawn["random"]
    by_batch = {
        size: rows("digits", batch_size=size, target=0.9)["margin"] for size in (5, 10, 20, 50)
    }
    sizes = ", ".join(f"{size}: {percent(row.saving)} %" for size, row in by_batch.items())
    savings = [row.saving for row in by_batch.values()]
    plain, scaled = (
        rows("digits", batch_size=10, target=0.9),
        rows("digits_standard", target=0.9),
    )
    gains = {name: row.saving - plain[name].saving for name, row in scaled.items()}
    points = "{:.1f}".format
    return "\n".join(
        [
            "| experiment | question | what the seeds say |",
            "| --- | --- | --- |",
            "| [digits](experiments/digits.toml) | what do uncertainty strategies save on digits,"
            " at four batch sizes? | margin to .90, by batch size: "
            + must_hold(
                f"{sizes}. The larger the batch, the less it saves. |",
                savings == sorted(savings, reverse=True),
            ),
            "| [digits_standard](experiments/digits_standard.toml) | how much of that is scaling?"
            + must_hold(
                f" | to .90, margin hardly moves ({saving(scaled['margin'])}); least confidence"
                f" ({saving(scaled['least_confidence'])}) and entropy ({saving(scaled['entropy'])})"
                " gain. |",
                abs(gains["margin"]) < 0.05
                and min(gains["least_confidence"], gains["entropy"]) > 0.05,
            ),
            "| [synthetic](experiments/synthetic.toml) | 20 queries, one at a time, on generated"
            " data: one published seed went from 88 % to 91 % | from"
            f" {points(100 * active.initial)} % by {points(100 * active.gain)} points; random by"
            f" {points(100 * random.gain)}. The paired difference at the end is"
            f" {points(100 * active.final_difference)} points"
            f" (adjusted p {p_value(active.final_p_adjusted)}). |",
            diversity(),
            seven(),
            strategies(),
        ]
    )


def diversity() -> str:
    """Return the findings on diversity in growing batches, and on savings of two thirds."""
    sizes = (1, 10, 50)
    cells = [rows("diversity", dataset="digits", batch_size=size, target=0.9) for size in sizes]
    entropy, center = ([cell[name].saving for cell in cells] for name in ("entropy", "k_center"))
    table = reported("diversity")
    third = table[table["saving"] >= 2 / 3]
    best = third.loc[third["saving"].idxmax()]
    where = {(row.dataset, row.batch_size, row.target) for row in third.itertuples()}
    return (
        "| [diversity](experiments/diversity.toml) | does diversity start to pay when batches grow,"
        " and who needs three to ten times fewer labels? | "
        + must_hold(
            f"digits to .90, by batch size {', '.join(map(str, sizes))}: k_center saves"
            f" {', '.join(map(percent, center))} %, entropy {', '.join(map(percent, entropy))} %:"
            " diversity pays at each, and it is uncertainty that stops.",
            entropy == sorted(entropy, reverse=True)
            and min(center) > 0.2
            and max(center) - min(center) < 0.1,
        )
        + must_hold(
            f" A third of the labels: only one by one on breast_cancer to .95 ({best.strategy}"
            f" {saving(best)}). |",
            where == {("breast_cancer", 1, 0.95)},
        )
    )


def seven() -> str:
    """Return the digits queried in the task of telling sevens from the rest."""
    mix = class_mix(ROOT / "results" / "seven")
    mix = mix[mix["strategy"] == "margin"].set_index(["model", "label"])["share"]
    by_penalty = [mix[model, "7"] for model in ("C = 0.01", "C = 1", "C = 100")]
    zeros, ones, nines = (mix["C = 1", digit] for digit in "019")
    many, half, fewer = map(percent, by_penalty)
    return (
        "| [seven](experiments/seven.toml) | seven or not: after 2,000 random labels, which digits"
        " are the 50 that the model is least sure of? | "
        + must_hold(
            f"{half} % are sevens, {percent(nines)} % nines, {percent(zeros)} % zeros,"
            f" {percent(ones)} % ones. The stronger the penalty the more sevens: {many} % with"
            f" C = .01, {fewer} % with C = 100. |",
            by_penalty == sorted(by_penalty, reverse=True) and nines > 0.2 > 4 * max(zeros, ones),
        )
    )


def strategies() -> str:
    """Return the strategies with the highest saving on each data set, and those with a loss."""
    text, leaders = [], []
    for dataset, target in (("digits", 0.9), ("breast_cancer", 0.95), ("wine", 0.95)):
        cell = rows("strategies", dataset=dataset, target=target)
        cell.pop("random")
        ranked = sorted(cell.values(), key=lambda row: -row.saving)
        leaders.append(ranked[0].strategy)
        named = ", ".join(f"{row.strategy} {percent(row.saving)} %" for row in ranked[:3])
        text.append(f"{dataset} to {target:.2f}".replace("0.", ".") + f" {named}")
    losing = sorted(
        row.strategy
        for row in rows("strategies", dataset="digits", target=0.9).values()
        if row.saving_high < 0
    )
    return (
        "| [strategies](experiments/strategies.toml) | which of the nineteen, on four small data"
        f" sets? | The most saved: {'; '.join(text)}. "
        + must_hold("None is the best everywhere", len(set(leaders)) == len(leaders))
        + f"; on digits {', '.join(losing)} cost more labels than random. |"
    )


def speed() -> str:
    """Return the latest figures of `make bench`."""
    figures = json.loads((ROOT / "results" / "benchmarks.json").read_text())
    if "machine" not in figures:
        sys.exit("results/benchmarks.json is not by `make bench`: it names no machine")
    work, start, report = figures["share_of_work"], figures["start"], figures["report"]
    fits, cost = figures["fits_along_a_run"], figures["overhead"]
    return "\n".join(speed_table(figures)) + (
        f"\n\nOn {work['cores']:.0f} cores `alrun sweep` takes {work['command_seconds']:.0f} s for"
        f" the {work['runs']:.0f} runs of the digits grid; `alrun --help` takes"
        f" {start['help_seconds']:.2f} s, and a report of 10,000 runs x 100 rounds"
        f" {report['report_seconds']:.1f} s. Each of 10,000 runs costs"
        f" {cost['local_10000_ms_per_run']:.1f} ms beside what it computes, and"
        f" {cost['dask_10000_ms_per_run']:.1f} ms on a Dask cluster of two processes. `make bench`"
        " measures all of this in turns, as medians. scikit-learn's default stops earlier: along"
        f" the margin run its gradient is {fits['scikit_learn_gradient']:.0e}, that of `logistic`"
        f" {fits['ours_gradient']:.0e}. Where a few steps are enough for that, as in the last fit"
        f" of the table, it is the faster.\n\n{queries_text(figures['queries'])}"
    )


def queries_text(figures: dict[str, float]) -> str:
    """Return the seconds and the memory of a query in large pools."""
    at_size = [key for key in figures if "_60000_" in key and "scikit" not in key]
    seconds = max(figures[key] for key in at_size if key.endswith("_60000_seconds"))
    memory = max(figures[key] for key in at_size if key.endswith("_60000_mib"))
    faster = ", ".join(
        f"`{name}` {figures[f'{name}_10000_ratio']:.0f}"
        for name in ("k_center", "typiclust", "prob_cover", "max_herding", "badge")
    )
    return (
        f"Every strategy queries 100 of 60,000 x 784 in at most {seconds:.1f} s, on one thread and"
        f" with at most {memory:.0f} MiB. Among 10,000, these are so many times as fast as"
        f" scikit-activeml's: {faster}."
    )


def speed_table(figures: dict[str, Any]) -> Iterator[str]:
    """Yield the lines of the table with our speed beside that of other libraries."""
    versions, query = figures["versions"], figures["large_pool"]
    learn = "scikit_learn", f"scikit-learn {versions['scikit-learn']}, its default"
    active = "scikit_activeml", f"scikit-activeml {versions['scikit-activeml']}"
    rows = [
        ("a fit along a margin run on digits", "fits_along_a_run", "", learn),
        ("a round of it, batches of 10", "whole_runs", "batch_10_", active),
        ("a round of it, batches of 1", "whole_runs", "batch_1_", active),
        ("a fit to MNIST, 100 labels", "wide_fits", "mnist_100_", learn),
        ("a fit to MNIST, 1000 labels", "wide_fits", "mnist_1000_", learn),
        ("a fit to MNIST, 2000 labels", "wide_fits", "mnist_2000_", learn),
        ("a fit to texts of 20,000 words, 100 labels", "wide_fits", "text_100_", learn),
        ("a fit to texts of 20,000 words, 1000 labels", "wide_fits", "text_1000_", learn),
        ("a fit to embeddings, two classes, 1000 labels", "wide_fits", "embeddings_1000_", learn),
    ]
    yield "| one thread | milliseconds | beside it | milliseconds | times as fast |"
    yield "| --- | ---: | --- | ---: | ---: |"
    for what, measurement, prefix, (key, peer) in rows:
        of = figures[measurement]
        ours, theirs, ratio = (of[prefix + name] for name in ("ours_ms", f"{key}_ms", "ratio"))
        yield f"| {what} | {ours:.3g} | {peer} | {theirs:.3g} | {ratio:.1f} |"
    yield (
        f"| a margin query over 60,000 x 784 | {query['query_ms']:.3g} | the matrix product in it |"
        f" {query['product_ms']:.3g} | {1 / query['query_to_product']:.1f} |"
    )


BLOCKS = (finding, verdict, tour, gallery, speed)


def main() -> None:
    """Write or check the README."""
    old = new = README.read_text(encoding="utf-8")
    for block in BLOCKS:
        name = block.__name__
        pattern = re.compile(rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)", re.DOTALL)
        if len(pattern.findall(new)) != 1:
            sys.exit(f"README.md must hold one block between <!-- {name} --> and <!-- /{name} -->")
        new = pattern.sub(lambda found, made=block: f"{found[1]}{made()}\n{found[2]}", new)
    if "--check" not in sys.argv:
        README.write_text(new, encoding="utf-8")
    elif new != old:
        stale = [line for line in new.splitlines() if line not in old.splitlines()]
        sys.exit(
            "the README is not of the committed results; `make readme` makes:\n" + "\n".join(stale)
        )


if __name__ == "__main__":
    main()
