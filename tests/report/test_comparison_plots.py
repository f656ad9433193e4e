"""The heat map of all pairs and the diagram of ranks, read back from what was drawn."""

import numpy as np
import pandas as pd
import pytest
from curves_factory import reaching, write

import alrun
from alrun.errors import ResultsError

pytest.importorskip("matplotlib")

from alrun.report.plots import draw

pytestmark = pytest.mark.filterwarnings("error")

BASE = np.array([100, 130, 110, 150, 120, 140, 160, 110])
# On the first four data sets at batch size 10 c is the best, at batch size 20 random.
STEPS = {10: {"random": 0, "b": -20, "c": -40}, 20: {"random": -40, "b": -20, "c": 0}}


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    frames = [
        reaching(BASE + step, name, dataset=f"data {place}", batch_size=size)
        for place in range(4)
        for size, steps in STEPS.items()
        for name, step in steps.items()
    ]
    return alrun.report(write(tmp_path_factory.mktemp("many"), *frames), [0.9])


def labels_of(axis):
    return [label.get_text() for label in axis.get_ticklabels()]


def test_the_heat_map_shows_each_ratio_and_its_inverse(report):
    figure = draw(report, ["pairs"], [10])
    assert len(figure.axes) == 4
    axes = figure.axes[0]
    assert labels_of(axes.yaxis) == labels_of(axes.xaxis) == ["random", "b", "c"]
    shown = {tuple(text.get_position()): text.get_text() for text in axes.texts}
    means = [BASE.mean() + step for step in STEPS[10].values()]
    expected = {
        (column, row): f"{means[row] / means[column]:.2f}*"
        for row in range(3)
        for column in range(3)
        if row != column
    }
    assert shown == expected
    colours = axes.images[0].get_array()
    assert colours[0, 2] > 0 > colours[2, 0]


def test_ranks_are_drawn_in_order_with_groups_within_the_critical_difference(report):
    figure = draw(report, ["ranks"])
    orders = [["c", "b", "random"], ["random", "b", "c"]]
    for axes, order in zip(figure.axes, orders, strict=True):
        names = labels_of(axes.yaxis)
        assert names[:3] == order
        # Ranks 1, 2, 3 with a critical difference of 1.66: two groups of two neighbours.
        assert names[3:] == ["", "", "CD 1.66"]
        drawn = [line.get_xdata() for line in axes.lines]
        assert [float(points[0]) for points in drawn[:3]] == [1, 2, 3]
        assert [list(map(float, points)) for points in drawn[3:5]] == [[1, 2], [2, 3]]


def test_what_cannot_be_drawn_is_a_sentence(tmp_path):
    frame = pd.concat([reaching(BASE, "random"), reaching(BASE, "b")])
    one = alrun.report(write(tmp_path, frame), [0.9])
    with pytest.raises(ResultsError, match="not several data sets"):
        draw(one, ["ranks"])
    with pytest.raises(ResultsError, match="no target is named"):
        draw(alrun.report(tmp_path), ["pairs"])
    with pytest.raises(ResultsError, match="did you mean 'pairs'"):
        draw(one, ["pair"])
