"""Results are made once, and the oldest go."""

from alrun.util.lru_cache import LRUCache


def test_a_result_is_made_once_and_the_one_asked_for_the_longest_ago_goes():
    made = []
    kept = LRUCache(2)
    for key in "aababcacb":
        assert (
            kept.get_or_compute(key, lambda key=key: made.append(key) or key.upper()) == key.upper()
        )
    assert made == ["a", "b", "c", "a", "b"]
    assert list(kept) == ["c", "b"]
