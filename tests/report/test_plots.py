"""Plots of small reports, read back from what was drawn."""

import re
import subprocess
import sys
from dataclasses import replace
from itertools import combinations
from math import inf
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
import scipy.stats
from curves_factory import GRID, curve, reaching, write

import alrun
from alrun import stats
from alrun.errors import ResultsError
from alrun.report.plots.highlight import highlighted_in
from alrun.report.plots.pareto import non_dominated
from alrun.report.plots.styles import LONGEST_NAME, MUTED, shortened, spread, styles_of
from alrun.util.install_hint import install_hint

matplotlib = pytest.importorskip("matplotlib")

from matplotlib.colors import to_hex, to_rgb  # noqa: E402

from alrun.report.plots import KINDS, draw, write_plot  # noqa: E402

# What does not fit, or is no number, is said by matplotlib and numpy as a warning.
pytestmark = pytest.mark.filterwarnings("error")

NAMES = ["random", "entropy", "margin"]
TWO = ["random", "margin"]


def report_of(*frames, targets=(0.8, 0.9), **options):
    with TemporaryDirectory() as name:
        return alrun.report(write(Path(name), *frames), targets=targets, **options)


def rising(n_seeds=6, names=NAMES, grid=GRID, seed=0, **columns):
    """Return noisy curves that rise from 0.6 to about 0.95, each strategy slower than the last."""
    rng = np.random.default_rng(seed)
    steps = np.arange(len(grid))
    return [
        curve(
            grid,
            0.6 + 0.35 * (1 - np.exp(-steps / (3 + place))) + rng.normal(0, 0.01, len(grid)),
            name,
            number,
            **columns,
        )
        for place, name in enumerate(names)
        for number in range(n_seeds)
    ]


@pytest.fixture(scope="module")
def report():
    """Return a report of two data sets, two batch sizes, two targets and three strategies."""
    frames = [
        frame
        for dataset in ("digits", "iris")
        for place, batch_size in enumerate([5, 10])
        for frame in rising(seed=place, dataset=dataset, batch_size=batch_size)
    ]
    return report_of(*frames)


@pytest.fixture(scope="module")
def small():
    """Return a report with a panel of each kind but one, which has two."""
    return report_of(*rising())


@pytest.fixture(scope="module")
def whole(report):
    """Return the figure of everything in a report."""
    return draw(report)


@pytest.fixture(scope="module")
def small_whole(small):
    """Return the figure of everything in the small report."""
    return draw(small)


def panels_of(report, kind):
    return draw(report, [kind]).axes


def panels_in(figure, kind):
    """Return the panels of a kind in a figure of all kinds."""
    return figure.subfigs[KINDS.index(kind)].axes


def titles_of(figure):
    """Return the title of each kind that was drawn, up to the data."""
    return [part.legends[0].get_title().get_text().split(":")[0] for part in figure.subfigs]


def texts_of(figure):
    """Return every text of a figure that can be seen."""
    found = figure.findobj(matplotlib.text.Text)
    return [text.get_text() for text in found if text.get_visible() and text.get_text()]


def line_of(axes, strategy, baseline="random", order=NAMES):
    """Return the one line of a panel that has the style of a strategy."""
    colour = styles_of(order, baseline)[strategy].colour
    found = [
        line
        for line in axes.lines
        if line.get_color() == colour and line.get_transform() == axes.transData
    ]
    (line,) = [line for line in found if line.get_marker() != "None"]
    return line


def band_of(axes, strategy, order=NAMES):
    """Return the label counts, lower and upper edge of a strategy's band."""
    colour = styles_of(order, "random")[strategy].colour
    (band,) = [
        found for found in axes.collections if to_hex(found.get_facecolor()[0]) == colour.lower()
    ]
    points = band.get_paths()[0].vertices
    counts = np.unique(points[:, 0])
    heights = [points[points[:, 0] == count, 1] for count in counts]
    return counts, np.array([h.min() for h in heights]), np.array([h.max() for h in heights])


# Learning curves


def test_a_line_is_the_mean_of_the_curves(small_whole):
    frames = rising()
    (axes,) = panels_in(small_whole, "curves")
    for place, name in enumerate(NAMES):
        scores = [frame["accuracy"].to_numpy() for frame in frames[6 * place : 6 * place + 6]]
        x, y = line_of(axes, name).get_data()
        assert x.tolist() == list(GRID)
        np.testing.assert_allclose(y, sum(scores) / 6)
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("labels", "accuracy")


def test_a_band_is_the_mean_and_its_half_width_to_both_sides(small_whole):
    (axes,) = panels_in(small_whole, "curves")
    scores = np.array([frame["accuracy"] for frame in rising()[6:12]])
    counts, low, high = band_of(axes, "entropy")
    half_width = stats.band_half_width(scores)
    assert counts.tolist() == list(GRID)
    np.testing.assert_allclose(low, scores.mean(axis=0) - half_width)
    np.testing.assert_allclose(high, scores.mean(axis=0) + half_width)


@pytest.mark.parametrize(("n_seeds", "n_bands"), [(1, 0), (4, 0), (5, 3)])
def test_a_band_is_drawn_where_there_are_five_seeds(n_seeds, n_bands):
    figure = draw(report_of(*rising(n_seeds)), ["curves"])
    assert len(figure.axes[0].collections) == n_bands
    assert any("no band" in text for text in texts_of(figure)) == (n_bands == 0)
    assert any("95 %" in text for text in texts_of(figure)) == (n_bands > 0)


def test_curves_of_other_grids_are_drawn_over_the_labels_that_all_went_through():
    frames = [
        curve([20, 40, 60], [0.5, 0.7, 0.9], "random", 0),
        curve([30, 50, 70], [0.6, 0.8, 0.8], "margin", 0),
    ]
    (axes,) = panels_of(report_of(*frames), "curves")
    for name, heights in (("random", [0.6, 0.7, 0.8, 0.9]), ("margin", [0.6, 0.7, 0.8, 0.8])):
        x, y = line_of(axes, name, order=TWO).get_data()
        assert x.tolist() == [30, 40, 50, 60]
        np.testing.assert_allclose(y, heights)


def test_runs_that_share_no_labels_leave_words_and_no_line():
    frames = [curve([20, 40], [0.5, 0.7]), curve([50, 70], [0.6, 0.8], "margin")]
    figure = draw(report_of(*frames), ["curves"])
    assert not figure.axes[0].lines
    assert "no labels or no seeds in common" in texts_of(figure)


def test_targets_are_lines_across_the_panel(whole):
    for axes in panels_in(whole, "curves"):
        levels = [line.get_ydata()[0] for line in axes.lines if line.get_marker() == "None"]
        assert levels == [0.8, 0.9]
        assert {"0.8", "0.9"} <= {text.get_text() for text in axes.texts}


# Differences


def test_a_difference_is_taken_seed_by_seed_on_the_seeds_that_both_have():
    frames = rising(7, names=TWO)
    random, margin = frames[:7], frames[7:]
    (axes,) = panels_of(report_of(*random[1:], *margin[:6]), "difference")
    apart = np.array([margin[n]["accuracy"] - random[n]["accuracy"] for n in range(1, 6)])
    x, y = line_of(axes, "margin", order=TWO).get_data()
    assert x.tolist() == list(GRID)
    np.testing.assert_allclose(y, apart.mean(axis=0))
    _, low, high = band_of(axes, "margin", TWO)
    np.testing.assert_allclose(high - low, 2 * stats.band_half_width(apart))
    assert axes.get_ylabel() == "difference in accuracy"


def test_zero_is_a_line_in_a_difference(whole):
    for axes in panels_in(whole, "difference"):
        levels = [line.get_ydata() for line in axes.lines if line.get_marker() == "None"]
        assert np.ravel(levels).tolist() == [0, 0]


def test_the_baseline_has_no_line_in_a_difference():
    report = report_of(*rising(), baseline="margin")
    (axes,) = panels_of(report, "difference")
    assert line_of(axes, "random", "margin", ["margin", "random", "entropy"])
    assert len([line for line in axes.lines if line.get_marker() != "None"]) == 2


def test_a_strategy_that_shares_no_seed_has_no_difference():
    frames = [reaching([100] * 5), reaching([80] * 5, "margin", seeds=range(5, 10))]
    figure = draw(report_of(*frames), ["difference"])
    assert "no labels or no seeds in common" in texts_of(figure)


# Savings


SAVED = [
    reaching([100, 120, 140, 110, 130, 150]),
    reaching([80, 90, 100, 100, 80, 90], "margin"),
    reaching([100, 130, 130, 110, 140, 140], "entropy"),
]


def intervals_of(axes):
    """Return the ends of each interval from the top, without zero and what parts the groups."""
    lines = [line for line in axes.lines if len(line.get_xdata()) == 2]
    inside = [line for line in lines if line.get_transform() == axes.transData]
    return [tuple(line.get_xdata()) for line in inside]


def markers_of(axes):
    """Return the markers of savings from the top."""
    return [line for line in axes.lines if line.get_markersize() == 5]


def test_a_saving_is_a_marker_on_its_interval_in_percent():
    report = report_of(*SAVED, targets=[0.9])
    (axes,) = panels_of(report, "savings")
    rows = report.rows.set_index("strategy").loc[["entropy", "margin"]]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["entropy", "margin"]
    savings = [line.get_xdata()[0] for line in markers_of(axes)]
    np.testing.assert_allclose(savings, 100 * rows["saving"])
    np.testing.assert_allclose(
        intervals_of(axes), 100 * rows[["saving_low", "saving_high"]].to_numpy()
    )
    assert axes.get_xlabel() == "saving within the budget (%)"


def test_a_marker_is_filled_where_the_saving_is_significant():
    report = report_of(*SAVED, targets=[0.9])
    rows = report.rows.set_index("strategy").loc[["entropy", "margin"]]
    filled = [line.get_markerfacecolor() != "white" for line in markers_of(draw_savings(report))]
    assert filled == rows["significant"].tolist() == [False, False]
    report = report_of(*SAVED[:2], targets=[0.9])
    assert report.rows["significant"].any()
    assert [line.get_markerfacecolor() for line in markers_of(draw_savings(report))] != ["white"]


def draw_savings(report):
    (axes,) = panels_of(report, "savings")
    return axes


def test_an_unbounded_interval_is_an_arrow_to_both_edges():
    grid = [10, 20, 200, 500]
    frames = [reaching([20, 20, 500], grid=grid), reaching([20, 200, 20], "margin", grid=grid)]
    axes = draw_savings(report_of(*frames, targets=[0.9]))
    left, right = axes.get_xlim()
    assert intervals_of(axes) == [(left, right)]
    arrows = {line.get_marker(): line.get_xdata()[0] for line in axes.lines}
    assert arrows["<"] == left
    assert arrows[">"] == right


def test_a_bounded_interval_has_no_arrow():
    axes = draw_savings(report_of(*SAVED, targets=[0.9]))
    assert not {"<", ">"} & {line.get_marker() for line in axes.lines}


def test_one_wide_interval_does_not_flatten_the_others():
    grid = [10, 20, 100, 1000]
    wide = reaching([20, 20, 20, 1000], "wide", grid=grid)
    frames = [reaching([100, 20, 100, 100], grid=grid), wide]
    report = report_of(*frames, targets=[0.9])
    row = report.rows.iloc[1]
    assert np.isfinite(row["saving_low"])
    assert row["saving_low"] < row["saving"] - 1
    axes = draw_savings(report)
    assert axes.get_xlim()[0] > 100 * row["saving_low"]
    assert "<" in {line.get_marker() for line in axes.lines}


def test_a_saving_that_cannot_be_estimated_is_said_in_words():
    frames = [reaching([inf] * 5), reaching([inf] * 5, "margin")]
    axes = draw_savings(report_of(*frames, targets=[0.9]))
    assert [text.get_text() for text in axes.texts if text.get_text()] == ["not estimable"]
    assert markers_of(axes) == []
    assert intervals_of(axes) == []


def test_a_single_pair_has_a_saving_without_an_interval():
    report = report_of(reaching([100]), reaching([80], "margin"), targets=[0.9])
    axes = draw_savings(report)
    (marker,) = markers_of(axes)
    assert marker.get_xdata()[0] == pytest.approx(20)
    assert marker.get_markerfacecolor() == "white"
    assert np.isnan(intervals_of(axes)).all()


def test_rows_of_savings_are_grouped_by_target_and_batch_size(whole):
    first, second = panels_in(whole, "savings")
    named = [text.get_text() for text in first.texts if text.get_text()]
    assert named == [
        f"target {target}, batch size {size}" for target in (0.8, 0.9) for size in (5, 10)
    ]
    assert [first.get_title("left"), second.get_title("left")] == ["digits", "iris"]
    assert len(first.get_yticks()) == 8


# Runs at the target


def test_shares_agree_with_the_empirical_distribution_of_scipy():
    """Labels to target, those of censored runs known to be more than the last, are its sample."""
    labels = [120, inf, 150, inf, 180, 90, 120]
    frames = [reaching(labels), reaching(labels[::-1], "margin")]
    (axes,) = panels_of(report_of(*frames, targets=[0.9]), "reached")
    n_labels, shares = line_of(axes, "random", order=TWO).get_data()
    censored = scipy.stats.CensoredData.right_censored(
        np.minimum(labels, GRID[-1]), np.isinf(labels)
    )
    expected = scipy.stats.ecdf(censored).cdf.evaluate(n_labels)
    np.testing.assert_allclose(shares, expected, atol=1e-12)


def test_a_share_is_that_of_the_runs_that_sustained_the_target():
    touching = [0.5, 0.95, 0.5, 0.95, 0.95]
    frames = [curve([20, 30, 40, 50, 60], touching, name, seed) for name in TWO for seed in (0, 1)]
    (axes,) = panels_of(report_of(*frames, targets=[0.9], sustain=2), "reached")
    line = line_of(axes, "margin", order=TWO)
    assert list(zip(*line.get_data(), strict=True)) == [(20, 0), (30, 0), (40, 0), (50, 1)]


def test_a_share_is_that_of_the_runs_that_reached_the_target():
    frames = [reaching([100, inf, 150, inf]), reaching([90, 110, inf, 110], "margin")]
    (axes,) = panels_of(report_of(*frames, targets=[0.9]), "reached")
    line = line_of(axes, "margin", order=TWO)
    assert line.get_drawstyle() == "steps-post"
    assert dict(zip(*line.get_data(), strict=True)) == {
        n: sum(n >= labels for labels in (90, 110, 110)) / 4 for n in GRID
    }


def test_shares_end_where_the_first_run_did_without_reaching():
    short = reaching([100, inf, 90], grid=GRID[:12])
    report = report_of(short, reaching([110, 150, 180], "margin"), targets=[0.9])
    (axes,) = panels_of(report, "reached")
    for name in TWO:
        x, y = line_of(axes, name, order=TWO).get_data()
        assert x[-1] == 130 == report.rows["budget"].max()
        assert y[-1] == {"random": 2 / 3, "margin": 1 / 3}[name]


def test_the_last_share_is_the_one_in_the_table(report, whole):
    panels = panels_in(whole, "reached")
    cells = report.rows.groupby(["dataset", "batch_size", "target"], sort=False)
    assert len(panels) == len(cells) == 8
    for axes, (_, rows) in zip(panels, cells, strict=True):
        for row in rows.itertuples():
            assert line_of(axes, row.strategy).get_ydata()[-1] == row.reached / row.n_seeds


# All kinds


def test_every_kind_has_its_title_and_its_panels(whole):
    assert titles_of(whole) == [
        "Learning curves",
        "Difference from random",
        "Saving against random",
        "Runs that have reached the target",
    ]
    assert [len(part.axes) for part in whole.subfigs] == [4, 4, 2, 8]


def test_kinds_are_drawn_in_the_order_asked_for_and_one_named_twice_once(small):
    first, second = titles_of(draw(small, ["reached", "curves", "reached"]))
    assert (first, second) == ("Runs that have reached the target", "Learning curves")


def test_only_the_batch_sizes_that_were_asked_for_are_drawn(report):
    figure = draw(report, ["curves"], batch_sizes=[10])
    assert [axes.get_title("left") for axes in figure.axes] == ["digits", "iris"]
    assert "batch size 10" in figure.subfigs[0].legends[0].get_title().get_text()


def test_panels_of_a_data_set_have_the_same_scales(whole):
    first, second, third, _ = panels_in(whole, "difference")
    assert first.get_ylim() == second.get_ylim()
    assert first.get_shared_y_axes().joined(first, second)
    assert not first.get_shared_y_axes().joined(first, third)


def test_a_strategy_looks_the_same_in_every_panel(whole):
    for strategy, style in styles_of(NAMES, "random").items():
        for axes in whole.axes:
            lines = [line for line in axes.lines if line.get_color() == style.colour]
            drawn = {line.get_marker() for line in lines} - {"None"}
            assert drawn <= {style.marker}, strategy
    assert {line.get_color() for axes in whole.axes for line in axes.lines} >= {
        style.colour for style in styles_of(NAMES, "random").values()
    }


def test_a_strategy_that_some_cells_lack_keeps_its_looks():
    frames = [*rising(dataset="a", names=["random", "margin", "entropy"])]
    frames += rising(dataset="b", names=["random", "entropy"])
    for axes in panels_of(report_of(*frames), "curves"):
        order = ["random", "entropy", "margin"]
        assert line_of(axes, "entropy", order=order).get_marker() == "o"


def test_without_a_baseline_a_comparison_is_refused_alone_and_left_out_of_all():
    report = report_of(*rising(names=["margin", "entropy"]))
    for kind in ("difference", "savings"):
        with pytest.raises(ResultsError, match=rf"no random .* '{kind}' .* --baseline$"):
            draw(report, [kind])
    assert titles_of(draw(report)) == ["Learning curves", "Runs that have reached the target"]


def test_without_targets_there_is_no_plot_of_them():
    report = report_of(*rising(), targets=[])
    for kind in ("savings", "reached"):
        with pytest.raises(ResultsError, match=rf"no target .* '{kind}' .* --target$"):
            draw(report, [kind])
    assert titles_of(draw(report)) == ["Learning curves", "Difference from random"]


def test_a_baseline_alone_has_nothing_to_be_compared_with():
    report = report_of(*rising(names=["random"]))
    with pytest.raises(ResultsError, match="nothing to compare with random"):
        draw(report, ["savings"])
    assert len(draw(report).subfigs) == 2


def test_cells_without_a_baseline_are_left_out_of_comparisons():
    frames = [*rising(dataset="a"), *rising(dataset="b", names=["margin"])]
    report = report_of(*frames)
    assert len(panels_of(report, "difference")) == 1
    assert len(panels_of(report, "savings")) == 1
    assert len(panels_of(report, "curves")) == 2


def test_an_unknown_kind_or_batch_size_is_refused_with_what_is_known(report):
    with pytest.raises(ResultsError, match="no plot 'curve'; did you mean 'curves'"):
        draw(report, ["curve"])
    with pytest.raises(ResultsError, match="no batch size 7 in these results; known are 5, 10"):
        draw(report, batch_sizes=[7])


def test_a_single_round_is_drawn_as_points():
    frames = [curve([20], [0.7 + seed / 100], name, seed) for name in TWO for seed in range(5)]
    figure = draw(report_of(*frames))
    assert len(figure.subfigs) == 4
    assert line_of(figure.axes[0], "margin", order=TWO).get_xydata().tolist() == [[20, 0.72]]


def test_one_seed_is_drawn_without_a_band():
    figure = draw(report_of(*rising(1)))
    assert [len(part.axes) for part in figure.subfigs] == [1, 1, 1, 2]
    assert not any(axes.collections for axes in figure.axes)


# Names


def test_names_stand_at_the_ends_of_lines_where_they_fit():
    figure = draw(report_of(*rising(names=TWO)), ["curves"])
    (axes,) = figure.axes
    names = {text.get_text(): text for text in axes.texts}
    ends = {name: line_of(axes, name, order=TWO).get_xydata()[-1] for name in TWO}
    for name, end in ends.items():
        np.testing.assert_allclose(names[name].xy, end)
    boxes = [names[name].get_window_extent() for name in ends]
    assert not boxes[0].overlaps(boxes[1])
    assert all(box.x1 <= figure.bbox.x1 for box in boxes)
    assert figure.subfigs[0].legends[0].get_texts() == []


def test_names_that_do_not_fit_stand_in_one_legend():
    long = [name * 5 for name in NAMES[1:]]
    report = report_of(*rising(names=["random", *long]))
    for kind in ("curves", "reached"):
        figure = draw(report, [kind])
        (legend,) = figure.subfigs[0].legends
        assert sorted(text.get_text() for text in legend.get_texts()) == sorted(["random", *long])
        assert not set(long) & {text.get_text() for axes in figure.axes for text in axes.texts}


AWKWARD = ["$x_1$", "_hidden", "50% \\alpha {", "W" * 40, "x_" * 20, "a\nb", "z" * 100]


@pytest.fixture(scope="module")
def awkward():
    return report_of(*rising(names=["random", *AWKWARD], dataset="$d$" * 13, model="m" * 40))


@pytest.mark.parametrize("kind", KINDS)
def test_awkward_names_are_written_as_they_are_and_inside_the_picture(awkward, kind):
    figure = draw(awkward, [kind])
    shown = set(texts_of(figure))
    for name in AWKWARD:
        assert shortened(name) in shown
    for text in figure.findobj(matplotlib.text.Text):
        assert not text.get_parse_math()
    width, height = figure.bbox.x1, figure.bbox.y1
    for axes in figure.axes:
        box = axes.get_tightbbox()
        assert -1 <= box.x0 < box.x1 <= width + 1
        assert -1 <= box.y0 < box.y1 <= height + 1
        assert axes.get_window_extent().width > 150
        assert axes.get_window_extent().height > 60
    assert figure.subfigs[0].legends[0].get_window_extent().x1 <= width + 1


def test_titles_do_not_run_into_the_panel_beside():
    frames = [f for n in "abc" for f in rising(2, NAMES[:2], dataset=n * 40, model=n * 40)]
    boxes = [
        axes._left_title.get_window_extent() for axes in panels_of(report_of(*frames), "curves")
    ]
    assert len(boxes) == 3
    for one, other in combinations(boxes, 2):
        assert not one.overlaps(other)


def test_a_long_name_loses_its_middle():
    assert shortened("a  b\nc") == "a b c"
    assert shortened("x" * LONGEST_NAME) == "x" * LONGEST_NAME
    name = shortened("begins" + "x" * 60 + "ends")
    assert len(name) == LONGEST_NAME - 1
    assert name.startswith("begins")
    assert name.endswith("ends")


def test_heights_are_spread_as_little_as_can_be():
    assert spread(np.array([0.0, 20.0]), 10).tolist() == [0, 20]
    assert spread(np.array([1.0, 1.0]), 10).tolist() == [-4, 6]
    assert spread(np.array([5.0, 3.0, 100.0]), 10).tolist() == [9, -1, 100]
    rng = np.random.default_rng(0)
    for _ in range(20):
        heights = rng.uniform(0, 50, 6)
        moved = spread(heights, 10)
        assert np.argsort(moved).tolist() == np.argsort(heights).tolist()
        assert np.diff(np.sort(moved)).min() >= 10 - 1e-9


# Looks


def test_no_two_of_many_strategies_look_alike():
    styles = styles_of([f"s{n}" for n in range(210)], "s0")
    looks = [(style.colour, style.line, style.marker) for style in styles.values()]
    assert len(set(looks)) == 210
    assert len({look[:2] for look in looks[:31]}) == 31
    assert len({look[2] for look in looks[:8]}) == 8


def test_the_baseline_looks_the_same_in_whatever_place_it_stands():
    assert styles_of(["a", "b"], "b")["b"] == styles_of(["b", "a"], "b")["b"]
    assert styles_of(["a", "b"], "b")["a"] == styles_of(["b", "a"], "b")["a"]
    assert styles_of(["a"], "random")["a"].marker == "o"


def test_the_first_strategies_differ_in_grey():
    colours = [style.colour for style in styles_of(["r", "a", "b", "c"], "r").values()]
    grey = [np.dot(to_rgb(colour), [0.299, 0.587, 0.114]) for colour in colours]
    assert min(abs(a - b) for a, b in combinations(grey, 2)) > 0.05


# Files


@pytest.mark.parametrize("suffix", [".svg", ".png", ".pdf", ".SVG"])
def test_a_file_has_the_same_bytes_every_time(small, tmp_path, suffix):
    first, second = tmp_path / f"first{suffix}", tmp_path / f"second{suffix}"
    write_plot(small, first, ["curves", "savings"])
    with matplotlib.rc_context({"font.size": 20, "svg.hashsalt": None, "text.usetex": True}):
        write_plot(small, second, ["curves", "savings"])
    assert first.read_bytes() == second.read_bytes()
    magic = {".svg": b"<?xml", ".png": b"\x89PNG", ".pdf": b"%PDF"}
    assert first.read_bytes().startswith(magic[suffix.lower()])
    assert sorted(tmp_path.iterdir()) == [first, second]


def test_no_file_says_when_or_with_what_it_was_made(small, tmp_path):
    for suffix in ("svg", "png", "pdf"):
        write_plot(small, tmp_path / f"plot.{suffix}", ["savings"])
        content = (tmp_path / f"plot.{suffix}").read_bytes()
        for word in (b"Date", b"matplotlib.org", matplotlib.__version__.encode()):
            assert word not in content


@pytest.mark.parametrize("name", ["plot.jpg", "plot", "plot.svg.gz"])
def test_another_suffix_is_refused_with_the_three(report, tmp_path, name):
    with pytest.raises(ResultsError, match=r"\.svg, \.png or \.pdf"):
        write_plot(report, tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_cannot_be_written_is_said_in_a_line(small, tmp_path):
    with pytest.raises(ResultsError, match="cannot be written"):
        write_plot(small, tmp_path / "missing" / "plot.svg", ["savings"])


def test_the_settings_of_the_user_stay_as_they_are(small):
    before = dict(matplotlib.rcParams)
    draw(small, ["savings"])
    assert dict(matplotlib.rcParams) == before


def test_without_matplotlib_a_line_says_how_to_install_it(report, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    line = f"^plots need matplotlib; install it with {re.escape(install_hint('plot'))}$"
    with pytest.raises(ResultsError, match=line):
        draw(report)
    with pytest.raises(ResultsError, match=line):
        write_plot(report, tmp_path / "plot.svg")
    assert list(tmp_path.iterdir()) == []


def test_plots_are_imported_without_matplotlib_and_drawn_without_a_screen(tmp_path):
    code = (
        "import sys; from alrun.report.plots import draw; loaded = 'matplotlib' in sys.modules;"
        " import alrun; draw(alrun.report(sys.argv[1]));"
        " print(loaded, 'matplotlib' in sys.modules, 'matplotlib.pyplot' in sys.modules)"
    )
    folder = str(write(tmp_path, *rising(1, NAMES[:1])))
    said = subprocess.check_output([sys.executable, "-c", code, folder], text=True)
    assert said.split() == ["False", "True", "False"]


def test_a_name_in_letters_that_the_font_lacks_is_drawn_without_a_warning(tmp_path, recwarn):
    report = report_of(reaching([20, 30], "random"), reaching([20, 40], "日本 🦊"))
    write_plot(report, tmp_path / "plot.png", ["curves"])
    assert [str(warning.message) for warning in recwarn] == []


def test_plots_of_a_falling_score_say_that_less_is_better():
    frames = [frame.assign(log_loss=1 - frame["accuracy"]) for frame in rising()]
    losses = report_of(*frames, targets=[0.15], metric="log_loss")
    figure = draw(losses)
    texts = texts_of(figure)
    assert "at most 0.15" in texts
    assert "log_loss\n(less is better)" in texts
    assert "difference in log_loss\n(less is better)" in texts
    assert any("target at most 0.15" in text for text in texts)
    (axes,) = panels_in(figure, "curves")
    assert line_of(axes, "margin").get_ydata()[-1] < line_of(axes, "margin").get_ydata()[0]
    for text in texts_of(draw(report_of(*frames, targets=[0.85]))):
        assert "at most" not in text
        assert "less is" not in text


# Many strategies, seeds and seconds

MANY = ["random", *(f"s{place}" for place in range(9))]


@pytest.fixture(scope="module")
def many():
    """Return a report of ten strategies, of which s0 has the fewest labels."""
    return report_of(*rising(2, names=[MANY[1], MANY[0], *MANY[2:]]))


def lines_in_colour(axes):
    """Return the colours of the lines of strategies but the muted ones."""
    found = {line.get_color() for line in axes.lines if line.get_marker() not in ("None", "")}
    return found - {MUTED}


def test_every_title_says_how_many_seeds(small_whole):
    titles = [part.legends[0].get_title().get_text() for part in small_whole.subfigs]
    assert all("6 seeds" in title.split("\n")[0] for title in titles)
    few = draw(report_of(*rising(1), *rising(3, dataset="b")), ["curves"])
    assert "1 to 3 seeds" in few.subfigs[0].legends[0].get_title().get_text()


def test_above_eight_strategies_the_best_and_the_baseline_are_in_colour(many):
    styles = styles_of(MANY, "random", highlighted_in(many))
    assert {name for name, style in styles.items() if not style.is_muted} == {"random", "s0"}
    figure = draw(many, ["curves"])
    assert lines_in_colour(figure.axes[0]) == {styles["random"].colour, styles["s0"].colour}
    assert sum(line.get_color() == MUTED for line in figure.axes[0].lines) == 8
    assert "grey: all others" in figure.subfigs[0].legends[0].get_title().get_text()


def test_eight_strategies_are_all_in_colour():
    assert highlighted_in(report_of(*rising(1, names=MANY[:8]))) is None


def test_those_highlighted_are_in_colour_however_few_there_are(small):
    (axes,) = draw(small, ["curves"], highlight=["margin"]).axes
    styles = styles_of(NAMES, "random", ["margin"])
    assert styles["entropy"].colour == MUTED
    assert lines_in_colour(axes) == {styles["random"].colour, styles["margin"].colour}
    with pytest.raises(ResultsError, match="no strategy 'margn'; did you mean 'margin'"):
        draw(small, highlight=["margn"])


def test_without_targets_the_best_are_those_with_the_highest_area():
    assert highlighted_in(report_of(*rising(1, names=MANY[::-1]), targets=[])) == ["s8"]


def test_all_panels_of_savings_have_one_scale():
    frames = [*rising(dataset="a"), *rising(dataset="b", names=["entropy", "random", "margin"])]
    first, second = panels_of(report_of(*frames), "savings")
    assert first.get_xlim() == second.get_xlim()


def test_a_plot_of_many_rows_is_drawn_in_parts_with_a_legend_each():
    frames = [
        frame
        for size in range(1, 6)
        for frame in rising(1, names=["random", "m" * 40], batch_size=size)
    ]
    figure = draw(report_of(*frames), ["reached"])
    assert [len(part.axes) for part in figure.subfigs] == [6, 4]
    assert [len(part.legends[0].get_texts()) for part in figure.subfigs] == [2, 2]
    first, last = figure.subfigs[0].axes[0], figure.subfigs[1].axes[-2]
    assert first.get_xlim() == last.get_xlim()


def test_characters_that_the_font_lacks_are_named(tmp_path):
    report = report_of(reaching([20, 30], "random"), reaching([20, 40], "日本 баланс"))
    (sentence,) = write_plot(report, tmp_path / "plot.svg", ["curves"])
    assert "日本 баланс (日 本)" in sentence
    assert write_plot(report_of(*rising(1)), tmp_path / "plot.svg", ["curves"]) == ()


def test_non_dominated_points_are_those_of_a_search_over_all_pairs():
    rng = np.random.default_rng(0)
    for _ in range(50):
        seconds, labels = rng.integers(0, 4, (2, 7))
        points = list(zip(seconds.tolist(), labels.tolist(), strict=True))
        expected = [
            not any(a <= x and b <= y and (a, b) != (x, y) for a, b in points) for x, y in points
        ]
        assert non_dominated(seconds, labels).tolist() == expected


def with_seconds(report, seconds):
    """Return a report in which queries of a strategy take these seconds, 10 % more or less."""
    known = report.rows["strategy"].map(seconds)
    columns = {"query_seconds": known, "query_seconds_low": 0.9 * known}
    rows = report.rows.assign(**columns, query_seconds_high=1.1 * known)
    return replace(report, rows=rows)


def test_labels_are_drawn_by_seconds_and_the_non_dominated_are_joined_and_named(small):
    seconds = {"random": 0.01, "entropy": 2.0, "margin": 3.0}  # margin is slower in every way
    report = with_seconds(small, seconds)
    figure = draw(report, ["pareto"])
    assert len(figure.axes) == 2
    for axes, target in zip(figure.axes, (0.8, 0.9), strict=True):
        rows = report.rows[report.rows["target"] == target].set_index("strategy")
        for name in NAMES:
            x, y = line_of(axes, name).get_data()
            assert (list(x), list(y)) == ([seconds[name]], [rows.loc[name, "mean_labels"]])
        # `rising` makes each strategy slower than the one before.
        assert [text.get_text() for text in axes.texts] == ["random"]
        assert axes.get_xscale() == "log"
    texts = texts_of(figure)
    assert any("seconds differ between machines" in " ".join(text.split()) for text in texts)
    assert not any("mathdefault" in text for text in texts)


def test_a_strategy_with_fewer_labels_is_named_however_slow(small):
    report = with_seconds(small, {"random": 3.0, "entropy": 2.0, "margin": 1.0})
    axes = draw(report, ["pareto"]).axes[0]
    assert [text.get_text() for text in axes.texts] == ["margin", "entropy", "random"]
    assert axes.get_xscale() == "linear"


def test_without_seconds_they_are_not_drawn(small):
    with pytest.raises(ResultsError, match=r"without runs.parquet, so that 'pareto'"):
        draw(small, ["pareto"])
