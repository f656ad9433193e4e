"""Parts of sentences about labelling: counts, shares, amounts."""


def counted(n: int, noun: str) -> str:
    """Return a count with its noun: 1 example, 1,200 examples."""
    return f"{n:,} {noun}" if n == 1 else f"{n:,} {noun}s"


def share_text(value: float) -> str:
    """Return a share as a percentage with one decimal."""
    return f"{100 * value:.1f} %"


def amount_text(value: float) -> str:
    """Return an amount of money or of labels, with two decimals unless it is whole."""
    return f"{value:,.2f}".removesuffix(".00")


def signal_text(value: float) -> str:
    """Return what a rule compares, with the six decimals of a signal as far as they say more."""
    return f"{value:,.0f}" if value == round(value) else f"{value:.6g}"
