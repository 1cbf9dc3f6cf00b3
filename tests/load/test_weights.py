from collections import Counter
from math import gcd

from hypothesis import given
from hypothesis import strategies as st

from seatrial.load.weights import sequence

weights = st.lists(st.integers(1, 50), min_size=1, max_size=12)


@given(weights)
def test_a_cycle_holds_each_index_as_often_as_its_weight_says(shares: list[int]) -> None:
    divisor = gcd(*shares)
    assert Counter(sequence(shares)) == {index: share // divisor for index, share in enumerate(shares)}


@given(weights)
def test_every_beginning_of_a_cycle_is_mixed_as_the_whole(shares: list[int]) -> None:
    cycle = sequence(shares)
    total = sum(shares)
    seen: Counter[int] = Counter()
    for place, index in enumerate(cycle, 1):
        seen[index] += 1
        # By half a request at each end, and as many as can be due at the same moment.
        assert all(abs(seen[i] - share * place / total) <= 1 + len(shares) / 2 for i, share in enumerate(shares))


def test_one_request_is_a_cycle_of_one() -> None:
    assert sequence([700]) == (0,)


def test_a_heavy_request_does_not_wait_for_the_light_one() -> None:
    assert sequence([3, 1]) in {(0, 0, 1, 0), (0, 1, 0, 0)}


def test_the_longest_cycle_is_made_quickly_enough_to_be_made_at_start() -> None:
    assert len(sequence([999 + index % 2 for index in range(50)])) == 49_975
