"""The findings of the experiments on wrong labels and on what labels cost."""

from typing import Any

from findings import link, must_hold, rows

from alrun.report.sections import saving_text as saving


def cost() -> str:
    """Return whether ranking by score over cost saves cost, on texts that cost by their length."""
    early, late = (in_cost(target) for target in (0.7, 0.8))
    return (
        f"| {link('cost')} | Texts cost by their length. Does it pay to ask for the most"
        " informative ones [per cost](oracles.md#what-labels-cost)? | "
        + must_hold(
            f"No. To .70 margin saves cost as it is ({saving(early['margin'])}), and ranked by"
            f" score over cost it does not ({saving(early['margin per cost'])}): it asks for many"
            f" short texts. Random texts, chosen by their cost alone, are as good as margin there"
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
