from hypothesis import given
from hypothesis import strategies as st

from e2e.bench.start import SCENARIO, nearest_rank
from seatrial.api.scenario import TestScenarioSpec
from seatrial.build.container import resources
from seatrial.build.environment import QUOTA


def test_a_percentile_is_one_of_the_values() -> None:
    values = list(range(1, 201))
    assert nearest_rank(values, 0.50) == 100
    assert nearest_rank(values, 0.99) == 198
    assert nearest_rank(values, 1.0) == 200
    assert nearest_rank([7.0], 0.99) == 7.0


def test_shares_that_binary_numbers_cannot_hold_are_exact() -> None:
    assert nearest_rank(list(range(1, 101)), 0.07) == 7


@given(st.lists(st.floats(allow_nan=False), min_size=1), st.floats(0.01, 1.0))
def test_a_percentile_has_its_share_at_or_below_it(values: list[float], share: float) -> None:
    found = nearest_rank(values, share)
    assert found in values
    assert sum(value <= found for value in values) >= share * len(values) - 1e-6


def test_the_quota_keeps_the_scenario_from_starting_a_pod() -> None:
    service = TestScenarioSpec.model_validate(SCENARIO).environment.services[0]
    assert int(resources(service)["requests"]["cpu"]) > int(QUOTA["requests.cpu"])
