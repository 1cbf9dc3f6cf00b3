"""What few samples say for certain about a quantile, held against the binomial distribution itself."""

from fractions import Fraction
from itertools import pairwise
from math import comb

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.load.order_statistic import lower_rank


def at_least(number: int, samples: int, share: Fraction) -> Fraction:
    """Probability that so many samples or more are beyond a quantile, exactly."""
    fewer = sum(comb(samples, k) * share**k * (1 - share) ** (samples - k) for k in range(number))
    return 1 - Fraction(fewer)


@given(st.integers(1, 300), st.sampled_from([Fraction(1, 100), Fraction(1, 20), Fraction(1, 2)]))
def test_a_bound_is_wrong_in_one_case_of_twenty_at_most_and_no_lower_than_needed(samples: int, share: Fraction) -> None:
    beyond = samples - lower_rank(samples, float(1 - share)) + 1
    assert at_least(beyond, samples, share) <= Fraction(1, 20) < at_least(beyond - 1, samples, share)


def test_few_samples_allow_no_bound_of_a_low_quantile() -> None:
    assert lower_rank(0, 0.99) == 0
    assert lower_rank(4, 0.5) == 0
    assert lower_rank(5, 0.5) == 1


@pytest.mark.parametrize(("samples", "late"), [(40, 2), (100, 3), (1000, 15)])
def test_so_many_late_requests_prove_nothing_of_one_percent(samples: int, late: int) -> None:
    values = [0] * (samples - late) + [1] * late
    assert values[lower_rank(samples, 0.99) - 1] == 0
    assert [*values[1:], 1][lower_rank(samples, 0.99) - 1] == 1


def test_the_approximation_for_many_samples_goes_on_where_the_sum_ends() -> None:
    shares = [1 - lower_rank(samples, 0.99) / samples for samples in range(19_500, 20_500, 50)]
    assert all(abs(a - b) < 0.0001 for a, b in pairwise(shares))
    assert lower_rank(10**6, 0.99) == pytest.approx(990_000 - 1.645 * 99.5, abs=2)
