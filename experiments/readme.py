"""Writes the numbers of README.md and docs/ from the committed results, or checks them.

The function `name` makes the block between `<!-- name -->` and `<!-- /name -->`, in whichever
document that block stands. With --check nothing is written, and the exit code is 1 if a block is
stale.
"""

import json
import re
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

import atlas_findings
import atlas_sentences
import oracle_findings
from findings import ROOT, labels, link, must_hold, p_value, reported, rows

import alrun
from alrun.class_mix import class_mix
from alrun.data import registry as data_registry
from alrun.metrics import METRICS, Metric
from alrun.report.options import stopping_options
from alrun.report.phrasing import percent
from alrun.report.render import render
from alrun.report.sections import saving_text as saving
from alrun.report.stopping.build import build_stopping
from alrun.strategies import registry as strategy_registry
from alrun.util.entries import Entry

DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]

# The figures published from one seed: labels to .90 on digits at batch size 10.
PUBLISHED = {"random": 130, "least_confidence": 150, "margin": 80, "entropy": 180}


def stands(strategy: str, row: Any) -> bool:
    """Return whether the published saving lies in the interval of the measured one."""
    published = 1 - PUBLISHED[strategy] / PUBLISHED["random"]
    return bool(row.saving_low <= published <= row.saving_high)


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
                "Over fifty seeds two of the three claims fall. The claim about margin stands.",
                [stands(name, cell[name]) for name in ("least_confidence", "entropy", "margin")]
                == [False, False, True],
            ),
            must_hold(
                f"Least confidence does not cost labels: it saves {saving(least)}. In"
                f" {least.losses:.0f} of the {least.n_pairs} seeds it does need more labels than"
                " random, so a single seed can easily mislead.",
                least.significant and least.saving > 0,
            ),
            must_hold(
                "Entropy does not need 38 % more labels: no difference from random can be shown.",
                not entropy.significant and not stands("entropy", entropy),
            ),
            must_hold(
                "The source standardised its features. With standardised features, and the scaler"
                " fitted without the test rows, least confidence saves"
                f" {saving(scaled['least_confidence'])}, margin {saving(scaled['margin'])} and"
                f" entropy {saving(scaled['entropy'])}. So the two claims fall with"
                " either scaling.",
                scaled["entropy"].saving > entropy.saving
                and scaled["least_confidence"].saving > least.saving
                and margin.significant,
            ),
        ]
    )


def tour() -> str:
    """Return the verdict on one batch size and the rows of one target, as they are printed."""
    found = alrun.report(ROOT / "results" / "digits")
    # Seconds are those of one machine, and not committed.
    found = replace(found, rows=found.rows.assign(query_seconds=float("nan")))
    text = render(found, "table")
    where = "digits, logistic, batch size 10"
    verdict, table = (
        text[text.index(f"{title}: {where}") :].partition("\n\n")[0]
        for title in ("Verdict", "Labels to target")
    )
    title, header, *rows = table.splitlines()
    first = next(place for place, row in enumerate(rows) if row.startswith("0.9 "))
    return "\n".join(["```", verdict, "", title, header, *rows[first : first + 4], "```"])


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
            "| experiment | question | finding |",
            "| --- | --- | --- |",
            f"| {link('digits')} | How many labels do uncertainty strategies save at four"
            " batch sizes on digits? | Saving of margin at .90, by batch size: "
            + must_hold(
                f"{sizes}. The larger the batch, the smaller the saving. |",
                savings == sorted(savings, reverse=True),
            ),
            f"| {link('digits_standard')} | How much of the answer is scaling? | "
            + must_hold(
                "At .90 the saving of margin hardly changes"
                f" ({saving(scaled['margin'])}). Least confidence"
                f" ({saving(scaled['least_confidence'])}) and entropy ({saving(scaled['entropy'])})"
                " save more than on pixels divided by 16. |",
                abs(gains["margin"]) < 0.05
                and min(gains["least_confidence"], gains["entropy"]) > 0.05,
            ),
            f"| {link('synthetic')} | What do 20 queries, one at a time, gain on generated data?"
            " One published seed rose from 88 % to 91 %. | With least confidence the accuracy"
            f" rises from {points(100 * active.initial)} % by {points(100 * active.gain)} points,"
            f" with random labels by {points(100 * random.gain)}. The paired difference at the end"
            f" is {points(100 * active.final_difference)} points"
            f" (adjusted p {p_value(active.final_p_adjusted)}). |",
            diversity(),
            seven(),
            strategies(),
            stopping(),
            oracle_findings.noise(),
            oracle_findings.cost(),
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
        f"| {link('diversity')} | Does diversity start to pay when batches grow?"
        " Does any strategy need three to ten times fewer labels? | "
        + must_hold(
            f"Digits at .90, batch sizes {', '.join(map(str, sizes))}: k_center saves"
            f" {', '.join(map(percent, center))} %, entropy {', '.join(map(percent, entropy))} %."
            " Diversity pays at every batch size; uncertainty stops paying at the largest.",
            entropy == sorted(entropy, reverse=True)
            and entropy[0] > 0 > entropy[-1]
            and min(center) > 0.2
            and max(center) - min(center) < 0.1,
        )
        + must_hold(
            " A third of the labels is enough only on breast_cancer at .95 with one label at a time"
            f" ({best.strategy} saves {saving(best)}). |",
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
        f"| {link('seven')} | Seven or not: after 2,000 random labels, which digits"
        " are the 50 that the model is least sure of? | "
        + must_hold(
            f"{half} % are sevens, {percent(nines)} % nines, {percent(zeros)} % zeros,"
            f" {percent(ones)} % ones. The stronger the penalty, the more sevens: {many} % with"
            f" C = .01, {fewer} % with C = 100. |",
            by_penalty == sorted(by_penalty, reverse=True) and nines > 0.2 > 4 * max(zeros, ones),
        )
    )


def strategies() -> str:
    """Return the strategies with the highest saving on each data set, and those with a loss."""
    n_strategies, text, leaders = reported("strategies")["strategy"].nunique(), [], []
    for dataset, target in (("digits", 0.9), ("breast_cancer", 0.95), ("wine", 0.95)):
        cell = rows("strategies", dataset=dataset, target=target)
        cell.pop("random")
        ranked = sorted(cell.values(), key=lambda row: -row.saving)
        leaders.append(ranked[0].strategy)
        named = ", ".join(f"{row.strategy} {percent(row.saving)} %" for row in ranked[:3])
        text.append(f"{dataset} at {target:.2f}".replace("0.", ".") + f" {named}")
    losing = sorted(
        row.strategy
        for row in rows("strategies", dataset="digits", target=0.9).values()
        if row.saving_high < 0
    )
    return (
        f"| {link('strategies')} | Which of the {n_strategies} strategies saves"
        f" most, on four small data sets? | The best three: {'; '.join(text)}. "
        + must_hold("No strategy is the best everywhere.", len(set(leaders)) == len(leaders))
        + f" On digits {', '.join(losing)} need more labels than random. |"
    )


def stopping() -> str:
    """Return whether any stopping rule adapts, and where the best known one stops."""
    path = ROOT / "results" / "stopping"
    table = build_stopping(path, stopping_options(path)).rows
    rules = table[~table["hindsight"]]
    tested = rules[rules["budget_p_adjusted"].notna()]
    known = table[(table["rule"] == "kappa") & (table["strategy"] == "margin")]
    kappa = {row.dataset: row for row in known.itertuples()}
    digits, mnist = kappa["digits"], kappa["mnist_5k"]
    stopped = rules.groupby("rule")["stopped"].sum()
    never = ", ".join(
        sorted(stopped.index[stopped < 0.02 * rules.groupby("rule")["n_seeds"].sum()])
    )
    return (
        f"| {link('stopping')} | When may labelling end? Which of {rules['rule'].nunique()}"
        " [stopping rules](stopping.md) is worth following, on four data sets with three"
        " strategies? | "
        + must_hold(
            f"Of the {tested['rule'].nunique()} that stop runs at different labels, none is"
            " shown to adapt to its"
            " runs, and none does better than a fixed budget of as many labels",
            tested["budget_p_adjusted"].min() > 0.05
            and not (tested["budget_difference_low"] > 0).any(),
        )
        + f" (smallest adjusted p {p_value(tested['budget_p_adjusted'].min())}). kappa stops margin"
        f" on digits at {labels(digits)} labels, where {percent(digits.missed)} % of accuracy are"
        f" still to come, and on mnist_5k in {mnist.stopped} of {mnist.n_seeds} runs up to 400"
        f" labels. Stop next to no run: {never}. |"
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
        f" the {work['runs']:.0f} runs of the digits grid. `alrun --help` takes"
        f" {start['help_seconds']:.2f} s. A report of 10,000 runs x 100 rounds takes"
        f" {report['report_seconds']:.1f} s. The overhead of a run is"
        f" {cost['local_10000_ms_per_run']:.1f} ms with local workers and"
        f" {cost['dask_10000_ms_per_run']:.1f} ms on a Dask cluster of two processes, measured over"
        f" 10,000 runs. {signals_text(figures['signals'])}"
        "\n\nscikit-learn's default solver stops earlier than `logistic`: along the"
        f" margin run its gradient is {fits['scikit_learn_gradient']:.0e}, that of `logistic`"
        f" {fits['ours_gradient']:.0e}. On the fit to embeddings in the table a few steps are"
        " enough for scikit-learn, and it is the faster one."
        f"\n\n{refits_text(figures['refits'])}"
        f"\n\n{queries_text(figures['queries'])}"
        f"{million_text(figures)}"
    )


def signals_text(figures: dict[str, float]) -> str:
    """Return which share of the CPU time the signals for stopping rules take."""
    names = ("digits", "digits_random", "60000x784_margin")
    digits, random, wide = (percent(figures[f"{name}_share"]) for name in names)
    return (
        f"[Signals](stopping.md#the-signals) take {digits} % of the CPU time of the digits grid"
        f" ({random} % with random, which has to predict for them), and {wide} % with margin among"
        " 60,000 x 784 examples."
    )


def refits_text(figures: dict[str, float]) -> str:
    """Return the table of refits to made-up embeddings along random runs."""
    lines = [
        "Refits to made-up embeddings of overlapping classes along a random run, as means in ms."
        " The speed-ups are over the default of scikit-learn, fitted from scratch. With"
        " `tolerance = 1e-4` both stop by the same rule.",
        "",
        "| classes x features, batch, labels | alrun | speed-up | with tolerance | speed-up |"
        " scikit-learn | its warm start |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for key in (key for key in figures if key.endswith("_tolerant_ratio")):
        name = key.removesuffix("_tolerant_ratio")
        size, batch, _, n_labels = name.split("_")
        of = {kind: figures[f"{name}_{kind}"] for kind in ("ratio", "tolerant_ratio")}
        ours, tolerant, peer, warm = (
            f"{figures[f'{name}_{kind}_ms']:.3g}"
            for kind in ("ours", "tolerant", "scikit_learn", "warm_scikit_learn")
        )
        lines.append(
            f"| {size.replace('x', ' x ')}, {batch}, {n_labels} | {ours} | {of['ratio']:.2f} |"
            f" {tolerant} | {of['tolerant_ratio']:.2f} | {peer} | {warm} |"
        )
    return "\n".join(lines)


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
        f" with at most {memory:.0f} MiB. Speed-up over scikit-activeml at 10,000 examples:"
        f" {faster}."
    )


def million_text(all_figures: dict[str, Any]) -> str:
    """Return the table of queries in a pool of a million examples; nothing if none was measured."""
    if "million" not in all_figures:
        return ""
    figures, smaller = all_figures["million"], all_figures["queries"]
    lines = [
        "\n\nA query of 100 of 1,000,000 x 128 in single precision"
        f" ({figures['data_mib']:.0f} MiB), ten classes, after 300 labels, in seconds of processor"
        " time on one thread. What depends on the split alone is computed once for all runs on it."
        " The memory is that of the whole process. A dash: scikit-activeml has no such strategy, or"
        " it takes more than 100 s or 8 GB. The last column is its time over that of `alrun` at"
        " 10,000 x 784; below 1 it is the faster one.",
        "",
        "| strategy | first | next | once per split | MiB | scikit-activeml | at 10,000 |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for key in (key for key in figures if key.endswith("_next_seconds")):
        name = key.removesuffix("_next_seconds")
        first, after, once = (
            f"{figures[f'{name}_{kind}seconds']:.2g}" for kind in ("", "next_", "prepare_")
        )
        theirs = figures.get(f"{name}_scikit_activeml_seconds")
        ratio = smaller.get(f"{name}_10000_ratio")
        lines.append(
            f"| `{name}` | {first} | {after} | {once} | {figures[f'{name}_mib']:.0f} |"
            f" {'-' if theirs is None else f'{theirs:.2g}'} |"
            f" {'-' if ratio is None else f'{ratio:.1f}'} |"
        )
    return "\n".join(lines) + (
        "\n\nA sweep of five runs of four rounds over these data, one each of `random`, `margin`,"
        f" `badge`, `k_center` and `typiclust`, takes {figures['five_runs_seconds']:.0f} s of"
        f" processor time and {figures['five_runs_mib']:.0f} MiB in its largest process."
    )


def speed_table(figures: dict[str, Any]) -> Iterator[str]:
    """Yield the lines of the table of speed-ups over other libraries."""
    versions, query = figures["versions"], figures["large_pool"]
    learn = "scikit_learn", f"scikit-learn {versions['scikit-learn']}, its default"
    active = "scikit_activeml", f"scikit-activeml {versions['scikit-activeml']}"
    rows = [
        ("one fit along a margin run on digits", "fits_along_a_run", "", learn),
        ("one round of that run, batches of 10", "whole_runs", "batch_10_", active),
        ("one round of that run, batches of 1", "whole_runs", "batch_1_", active),
        ("one fit to MNIST, 100 labels", "wide_fits", "mnist_100_", learn),
        ("one fit to MNIST, 1000 labels", "wide_fits", "mnist_1000_", learn),
        ("one fit to MNIST, 2000 labels", "wide_fits", "mnist_2000_", learn),
        ("one fit to texts of 20,000 words, 100 labels", "wide_fits", "text_100_", learn),
        ("one fit to texts of 20,000 words, 1000 labels", "wide_fits", "text_1000_", learn),
        ("one fit to embeddings, two classes, 1000 labels", "wide_fits", "embeddings_1000_", learn),
    ]
    yield "| on one thread | alrun, ms | compared with | ms | speed-up |"
    yield "| --- | ---: | --- | ---: | ---: |"
    for what, measurement, prefix, (key, peer) in rows:
        of = figures[measurement]
        ours, theirs, ratio = (of[prefix + name] for name in ("ours_ms", f"{key}_ms", "ratio"))
        yield f"| {what} | {ours:.3g} | {peer} | {theirs:.3g} | {ratio:.1f} |"
    yield (
        "| one margin query over 60,000 x 784 |"
        f" {query['query_ms']:.3g} | the matrix product in it |"
        f" {query['product_ms']:.3g} | {1 / query['query_to_product']:.1f} |"
    )


def strategy_table() -> str:
    """Return the table of the built-in strategies."""
    lines = ["| strategy | how it picks | parameters | paper |", "| --- | --- | --- | --- |"]
    for entry in strategy_registry.entries():
        if entry.name in strategy_registry.BUILT_IN:
            cells = (f"`{entry.name}`", entry.summary, _parameters(entry), entry.source)
            lines.append(_table_line(cells))
    return "\n".join(lines)


def dataset_table() -> str:
    """Return the table of the sources of data that an experiment can name."""
    lines = ["| `name =` | what it is |", "| --- | --- |"]
    entries = data_registry.entries()
    lines += [_table_line((f'`"{entry.name}"`', entry.summary)) for entry in entries]
    return "\n".join(lines)


def metric_table() -> str:
    """Return the table of the metrics, and what each of them asks of classes and model."""
    lines = ["| metric | what it is | better | for |", "| --- | --- | --- | --- |"]
    for name, metric in METRICS.items():
        better = "higher" if metric.greater_is_better else "lower"
        lines.append(_table_line((f"`{name}`", metric.summary, better, _applies_to(metric))))
    return "\n".join(lines)


def _applies_to(metric: Metric) -> str:
    """Return the classes and the models that a metric is for."""
    methods = {"predict_proba": "probabilities", "decision_function": "decision values"}
    given = " or ".join(methods[method] for method in metric.requires)
    limits = ["two classes"] * metric.binary_only + [f"models with {given}"] * bool(given)
    return "; ".join(limits) or "all"


def _parameters(entry: Entry) -> str:
    """Return the parameters of a strategy but for `replica`, which every one takes."""
    return ", ".join(f"`{key}`" for key in entry.parameters if key != "replica=0")


def _table_line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


BLOCKS = {
    block.__name__: block
    for block in (
        finding,
        verdict,
        tour,
        gallery,
        speed,
        strategy_table,
        dataset_table,
        metric_table,
        *atlas_findings.BLOCKS,
        *atlas_sentences.BLOCKS,
    )
}
BLOCK = re.compile(r"(<!-- (\w+) -->\n)(.*?)(<!-- /\2 -->)", re.DOTALL)


def renewed(text: str) -> str:
    """Return a document with every block made anew."""
    return BLOCK.sub(lambda found: f"{found[1]}{BLOCKS[found[2]]()}\n{found[4]}", text)


def check_blocks(texts: Iterable[str]) -> None:
    """Exit unless every block stands once in the documents, and no other does."""
    names = [name for text in texts for name in re.findall(r"<!-- /?(\w+) -->", text)]
    if Counter(names) != dict.fromkeys(BLOCKS, 2):
        wrong = sorted(name for name in {*names, *BLOCKS} if names.count(name) != 2)
        sys.exit(
            f"README.md and docs/ must hold one block for each of {', '.join(BLOCKS)}, between"
            f" <!-- name --> and <!-- /name -->; look at {', '.join(wrong)}"
        )


def main() -> None:
    """Write or check the documents."""
    old = {path: path.read_text(encoding="utf-8") for path in DOCUMENTS}
    check_blocks(old.values())
    stale = []
    for path, text in old.items():
        new = renewed(text)
        if "--check" not in sys.argv:
            path.write_text(new, encoding="utf-8")
        lines = [line for line in new.splitlines() if line not in text.splitlines()]
        if new != text:
            stale.append("\n".join([f"{path.relative_to(ROOT)}:", *lines]))
    if stale and "--check" in sys.argv:
        sys.exit("\n".join(["the documents are stale; `make readme` makes these lines:", *stale]))


if __name__ == "__main__":
    main()
