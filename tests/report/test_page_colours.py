"""The contrast of a page's colours, light and dark, by the formula of WCAG 2.2."""

import re
from importlib import resources

import pytest

CSS = resources.files("alrun.report.html").joinpath("page.css").read_text(encoding="utf-8")
# AA: of text, and of graphics and the borders of what one can operate.
TEXT, GRAPHICS = 4.5, 3.0
WRITTEN, BEHIND = ("ink", "soft"), ("paper", "panel")


def palette(scheme):
    """Return the colours of light or dark by name, red, green and blue of 0 ... 255."""
    light, dark = re.findall(r":root\{(?:color-scheme[^;]*;)?([^}]*)\}", CSS)
    names = dict(re.findall(r"--(\w+):([^;]+)", light))
    if scheme == "dark":
        names |= dict(re.findall(r"--(\w+):([^;]+)", dark))
    return {name: numbers(value.strip()) for name, value in names.items()}


def numbers(colour):
    if not colour.startswith("#"):
        return tuple(map(int, colour.split(",")))
    digits = colour[1:] if len(colour) == 7 else "".join(2 * digit for digit in colour[1:])
    return tuple(int(digits[n : n + 2], 16) for n in (0, 2, 4))


def luminance(colour):
    """Return the relative luminance."""
    shares = [one / 255 for one in colour]
    linear = [s / 12.92 if s <= 0.04045 else ((s + 0.055) / 1.055) ** 2.4 for s in shares]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one, other):
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def over(colour, opacity, below):
    """Return what is seen where a colour lies over another."""
    return tuple(opacity * c + (1 - opacity) * b for c, b in zip(colour, below, strict=True))


def test_the_formula_on_known_pairs():
    assert contrast((255, 255, 255), (0, 0, 0)) == pytest.approx(21)
    assert contrast(numbers("#fff"), numbers("#767676")) == pytest.approx(4.54, abs=0.005)
    assert contrast(numbers("#777"), numbers("#fff")) == pytest.approx(4.48, abs=0.005)


def test_only_these_colours_are_written_with():
    used = set(re.findall(r"(?<![-\w])color:var\(--(\w+)\)", CSS))
    assert used | set(re.findall(r"text\{fill:var\(--(\w+)\)", CSS)) == set(WRITTEN)
    assert set(re.findall(r"background:var\(--(\w+)\)", CSS)) == set(BEHIND)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_can_be_read(scheme):
    colours = palette(scheme)
    grounds = {name: colours[name] for name in BEHIND}
    for name, opacity in re.findall(r"rgba\(var\(--(\w+)\),(\.\d+)\)", CSS):
        grounds[f"{name} {opacity}"] = over(colours[name], float(opacity), colours["paper"])
    (opacity,) = re.findall(r"\.band\{fill:var\(--c\);opacity:(\.\d+)", CSS)
    for name in ("c0", "c1", "c2", "c3", "c4", "c5", "base"):  # names of levels lie over bands
        grounds[f"band {name}"] = over(colours[name], float(opacity), colours["paper"])
    assert len(grounds) == 2 + 8 + 7
    for name in WRITTEN:
        for ground, below in grounds.items():
            found = contrast(colours[name], below)
            if name == "soft" and ground.split()[0] in ("more", "less"):
                continue  # cells of a matrix are in ink
            assert found >= TEXT, f"{name} on {ground}: {found:.2f}"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_line_and_border_can_be_seen(scheme):
    colours = palette(scheme)
    for name in ("c0", "c1", "c2", "c3", "c4", "c5", "base", "soft", "ink"):
        for ground in BEHIND:
            found = contrast(colours[name], colours[ground])
            assert found >= GRAPHICS, f"{name} on {ground}: {found:.2f}"
    assert re.search(r"input,select,button\{[^}]*border:1px solid var\(--soft\)", CSS)
