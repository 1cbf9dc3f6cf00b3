import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from e2e.bench.__main__ import GROUPS, PARTS, parser
from e2e.bench.load.merge import Operator, lines
from e2e.bench.load.stall import implied
from e2e.bench.load.stalling import DELAY, PERIOD, STALL, due

SECOND = 1_000_000_000


@given(st.integers(0, 100 * SECOND), st.sampled_from([1, 2, 3]))
def test_percentiles_of_a_stalling_server_are_what_arithmetic_says(begin: int, periods: int) -> None:
    count = 2000 * periods
    arrivals = [begin + number * round(PERIOD * SECOND) * periods // count for number in range(count)]
    latencies = sorted((due(moment) - moment) / SECOND for moment in arrivals)
    for percent in (10, 50, 75, 79, 81, 90, 99, 99.9, 100):
        # Two arrivals beside one another are half a hundredth of a second apart.
        assert latencies[max(round(percent * count / 100) - 1, 0)] == pytest.approx(implied(percent), abs=0.006)


def test_what_the_page_says_of_the_stalling_server() -> None:
    assert (DELAY, STALL, PERIOD) == (0.1, 2.0, 10.0)
    assert [implied(percent) for percent in (50.0, 99.0, 99.9)] == pytest.approx([0.1, 2.0, 2.09])


def test_a_group_stands_for_its_parts() -> None:
    assert {"load.plain", "load.stall"} < set(PARTS)
    assert "load" in GROUPS
    assert parser().parse_args(["load"]).part == "load"


def test_lines_take_their_real_way_through_the_operator() -> None:
    texts = asyncio.run(lines(1))
    operator = Operator()
    for second in range(2):
        operator.second(second, [line[0] for line in texts], turns=2)
    assert operator.result is not None
    assert (operator.result.workers_reporting, operator.result.requests) == (100, 50_000)
    assert [threshold.value.partition(" = ")[0] for threshold in operator.result.thresholds] == [
        "latency.p99",
        "errors.rate",
    ]
