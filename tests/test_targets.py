"""Targets as they are written."""

import math

import pytest

from alrun.metrics import METRICS
from alrun.targets import between, in_order, read_target


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (0.9, 0.9),
        (1, 1.0),
        ("0.9", 0.9),
        (" 95 %  of full", "95% of full"),
        ("95% of full", "95% of full"),
        ("97.50% of full", "97.5% of full"),
        ("90% between floor and full", "90% between floor and full"),
        ("random@end", "random@end"),
    ],
)
def test_every_way_to_write_a_target_has_one_form(value, written):
    found = read_target(value)
    assert found.written == written
    assert type(found.written) is type(written)
    assert read_target(written) == found


def test_the_parts_of_a_share():
    assert read_target("95% of full").share == 0.95
    assert not read_target("95% of full").is_between
    assert read_target("5% between floor and full").is_between
    assert read_target(between("95% of full")) == read_target("95% between floor and full")
    assert read_target("random@end").is_end
    assert read_target("random@end").share is read_target(0.9).share is None


@pytest.mark.parametrize(
    "value", ["", "full", "0% of full", "101% of full", "-5% of full", "95% of", True, None, [0.9]]
)
def test_anything_else_is_an_error_that_quotes_it(value):
    with pytest.raises(ValueError, match=r'should be a score .* "95% of full"'):
        read_target(value)


def test_the_order_is_numbers_shares_and_the_end():
    targets = {"random@end", "95% of full", 0.9, "90% of full", 0.85}
    expected = (0.85, 0.9, "90% of full", "95% of full", "random@end")
    assert in_order(targets) == expected


@pytest.mark.parametrize("metric", METRICS)
def test_shares_are_refused_for_scores_that_fall(metric):
    rises = METRICS[metric].greater_is_better
    for text in ("95% of full", "95% between floor and full"):
        if rises:
            read_target(text).check(metric, METRICS[metric])
            continue
        with pytest.raises(ValueError, match=f"'{text}' .* falls .* {metric}"):
            read_target(text).check(metric, METRICS[metric])
    read_target("random@end").check(metric, METRICS[metric])
    with pytest.raises(ValueError, match="is no score"):
        read_target(math.nan).check(metric, METRICS[metric])
