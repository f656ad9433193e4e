"""A rectangle with axes in SVG: from values to places, ticks, grid and names."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import ceil, floor, log10

from alrun.report.html.markup import Markup, element

WIDTH = 720.0


@dataclass(frozen=True)
class Axes:
    """A plot's rectangle in a picture `WIDTH` wide.

    Attributes
    ----------
    x, y
        The lowest and the highest value; of `y` None where rows stand in place of values.
    height
        Of the whole picture.
    left, right, top, bottom
        The room around the rectangle.
    """

    x: tuple[float, float]
    y: tuple[float, float] | None
    height: float
    left: float = 56.0
    right: float = 16.0
    top: float = 12.0
    bottom: float = 44.0

    def across(self, value: float) -> float:
        """Return the place of a value from the left, within the rectangle."""
        low, high = self.x
        share = min(max((value - low) / (high - low), 0.0), 1.0)
        return self.left + share * (WIDTH - self.left - self.right)

    def down(self, value: float) -> float:
        """Return the place of a value from the top, within the rectangle."""
        assert self.y is not None
        low, high = self.y
        share = min(max((value - low) / (high - low), 0.0), 1.0)
        return self.floor - share * (self.floor - self.top)

    @property
    def floor(self) -> float:
        """The place of the lower edge."""
        return self.height - self.bottom

    def frame(self, x_name: str, y_name: str = "", x_unit: str = "") -> Markup:
        """Return grid, ticks and names of the axes."""
        parts = [*self._vertical(x_unit), *self._horizontal()]
        middle = (self.left + WIDTH - self.right) / 2
        parts.append(label(middle, self.height - 8, x_name, "middle"))
        if y_name:
            parts.append(label(4, self.top - 2 if self.top > 20 else 10, y_name, "start"))
        return element("g", *parts, class_="axes", aria_hidden="true")

    def _vertical(self, unit: str) -> Iterator[Markup]:
        for value in ticks(*self.x):
            x = place(self.across(value))
            yield element("path", d=f"M{x} {place(self.top)}V{place(self.floor)}", class_="grid")
            yield label(self.across(value), self.floor + 16, f"{value:g}{unit}", "middle")

    def _horizontal(self) -> Iterator[Markup]:
        for value in ticks(*self.y) if self.y else ():
            y = self.down(value)
            right = place(WIDTH - self.right)
            yield element("path", d=f"M{place(self.left)} {place(y)}H{right}", class_="grid")
            yield label(self.left - 6, y + 4, f"{value:g}", "end")


def ticks(low: float, high: float, most: int = 8) -> Sequence[float]:
    """Return round values between two, at most about `most`."""
    rough = (high - low) / most
    power = 10.0 ** floor(log10(rough))
    step = next(power * factor for factor in (1, 2, 2.5, 5, 10) if power * factor >= rough * 0.999)
    first, last = ceil(low / step - 1e-9), floor(high / step + 1e-9)
    return [round(step * number, 12) + 0.0 for number in range(first, last + 1)]


def padded(low: float, high: float, share: float = 0.04) -> tuple[float, float]:
    """Return a range with some room around it; never an empty one."""
    room = (high - low) * share or max(abs(high), 1.0) * share
    return low - room, high + room


def label(x: float, y: float, text: str, anchor: str, class_: str | None = None) -> Markup:
    """Return a line of text at a place."""
    return element("text", text, x=place(x), y=place(y), text_anchor=anchor, class_=class_)


def place(value: float) -> str:
    """Return a coordinate with one decimal, none where it is whole."""
    return f"{value:.1f}".removesuffix(".0").replace("-0", "0") if abs(value) < 0.05 else (
        f"{value:.1f}".removesuffix(".0")
    )  # fmt: skip


def picture(height: float, title: str, *content: Markup | None, class_: str, **data: str) -> Markup:
    """Return an SVG with a title that is read out."""
    size = f"0 0 {WIDTH:g} {height:g}"
    return element(
        "svg",
        element("title", title),
        *content,
        viewBox=size,
        role="img",
        class_=class_,
        **data,
    )


def figure(drawn: Markup, caption: str) -> Markup:
    """Return a picture with its caption."""
    return element("figure", element("div", drawn, class_="wide"), element("figcaption", caption))
