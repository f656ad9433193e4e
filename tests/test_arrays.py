import numpy as np
import pytest

from alrun.arrays import first_true


@pytest.mark.parametrize(
    ("mask", "place"),
    [([], None), ([False, False], None), ([True], 0), ([False, True, True], 1)],
)
def test_the_first_true_entry_is_found_where_there_is_one(mask, place):
    assert first_true(np.array(mask, dtype=bool)) == place


def test_of_a_matrix_the_place_counts_row_by_row():
    mask = np.zeros((3, 4), dtype=bool)
    mask[1, 2] = mask[2, 0] = True
    assert divmod(first_true(mask), 4) == (1, 2)
