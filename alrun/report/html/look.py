"""The look of strategies on a page: classes of the stylesheet, and a line to show it."""

from collections.abc import Iterable

from alrun.report.html.markup import Markup, element

# The numbers of colours and of dashes in the stylesheet; they have no common divisor.
_COLOURS, _DASHES = 6, 5


def looks_of(strategies: Iterable[str], baseline: str) -> dict[str, str]:
    """Return the classes of each strategy, the baseline's first.

    `strategy-N` is its own, by which it is switched on and off; the others are colour and dashes.
    """
    others = [name for name in dict.fromkeys(strategies) if name != baseline]
    looks = {
        name: f"strategy-{place + 1} colour-{place % _COLOURS} dash-{place % _DASHES}"
        for place, name in enumerate(others)
    }
    return {baseline: "strategy-0 baseline"} | looks


def number_of(look: str) -> int:
    """Return the number in the class of a strategy."""
    return int(look.split()[0].removeprefix("strategy-"))


def switching_rules(n_strategies: int) -> str:
    """Return the rules by which a box that is not ticked hides all of its strategy."""
    return "".join(
        f":root:has(#switch-{n}:not(:checked)) .strategy-{n}{{display:none}}\n"
        for n in range(n_strategies)
    )


def sample(look: str) -> Markup:
    """Return a short line in the look of a strategy."""
    line = element("path", d="M1 6H27", class_=f"line {' '.join(look.split()[1:])}")
    return element("svg", line, viewBox="0 0 28 12", class_="sample", aria_hidden="true")
