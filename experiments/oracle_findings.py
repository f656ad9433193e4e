"""The findings of the experiments on wrong labels and on what labels cost."""

from typing import Any

from findings import ROOT, labels, link, must_hold, rows

import alrun
from alrun.report.phrasing import percent
from alrun.report.sections import saving_text as saving

FULL = "95% of full"
RATES = ("right", "noise 0.05", "noise 0.1", "noise 0.2")
# The strategies whose savings do not survive the highest rate.
FADING = ("k_center", "badge")


def noise() -> str:
    """Return which savings on digits survive wrong labels, and what votes cost."""
    table = alrun.report(ROOT / "results" / "noise").noise
    digits = table[(table["dataset"] == "digits") & (table["target"] == FULL)]
    cells = {(row.strategy, row.oracle): row for row in digits.itertuples()}
    margin = [cells["margin", rate].saving for rate in RATES]
    fading = {name: [cells[name, rate] for rate in (RATES[0], RATES[-1])] for name in FADING}
    boundary = cells["margin", "boundary noise 0.1"]
    one, vote = (
        rows("noise", "cost", dataset="digits", oracle=who, target=FULL)["margin"]
        for who in ("one of three", "vote of three")
    )
    return (
        f"| {link('noise')} | Does a saving survive when [labels are wrong](oracles.md)? | "
        + must_hold(
            f"On digits that of margin does: at 95 % of full {', '.join(map(percent, margin))} %"
            " with 0, 5, 10, 20 % wrong labels. "
            + ", ".join(
                f"{name} falls from {percent(before.saving)} to {percent(after.saving)} %"
                for name, (before, after) in fading.items()
            )
            + f". Noise along the boundary, 10 % of all, makes {percent(boundary.wrong)} % of the"
            f" labels of margin wrong, and it saves {percent(boundary.saving)} %.",
            min(margin) > 0.4
            and all(
                after.saving < 0.1 < before.saving and after.significant
                for before, after in fading.values()
            )
            and boundary.saving_low > 0.3,
        )
        + must_hold(
            " Of three people with 10, 20, 30 % errors, margin needs"
            f" {labels(one)} answers if one of them labels each example, and {labels(vote)} if all"
            " three vote. |",
            one.mean_labels_high < vote.mean_labels_low,
        )
    )


def cost() -> str:
    """Return whether ranking by score over cost saves cost, on texts that cost by their length."""
    early, late = (in_cost(target) for target in (0.7, 0.8))
    return (
        f"| {link('cost')} | Texts cost by their length. Does it pay to ask for the most"
        " informative ones [per cost](oracles.md#what-labels-cost)? | "
        + must_hold(
            f"No. To .70 margin saves cost as it is ({saving(early['margin'])}), and ranked by"
            f" score over cost it does not ({saving(early['margin per cost'])}): it asks for many"
            f" short texts. Random texts, chosen by their cost alone, save as well"
            f" ({saving(early['random per cost'])}). To .80 nothing saves cost, and margin per cost"
            f" needs more than random ({saving(late['margin per cost'])}). |",
            early["margin"].saving_low > 0
            and early["margin"].significant
            and early["random per cost"].saving_low > 0
            and not early["margin per cost"].saving_low > 0
            and late["margin per cost"].saving_high < 0
            and not any(row.significant and row.saving > 0 for row in late.values()),
        )
    )


def in_cost(target: float) -> dict[str, Any]:
    """Return the rows of the experiment on costs by strategy, read off in units of cost."""
    return rows("cost", "cost", target=target)
