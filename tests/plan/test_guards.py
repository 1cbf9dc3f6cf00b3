"""A load generator that could not keep up proves nothing about the service."""

from typing import Any

import pytest

from seatrial.api.status import ErrorCount, GeneratorResult, StepState
from seatrial.plan.load import judge_load
from seatrial.plan.observed import Observed
from tests.plan.situations import at, heard, load_spec


def judge(**generator: Any) -> Any:
    seen = heard(1, 0, measured_seconds=10, generator=GeneratorResult(**generator))
    return judge_load("l", load_spec(), Observed(loads={"l": seen}), at(1))


@pytest.mark.parametrize(
    ("generator", "reason", "says"),
    [
        ({"busy_seconds": 1.5}, "GeneratorSaturated", "over 90 % of its CPU in 1.5 of 10 s: add workers"),
        ({"throttled_seconds": 0.6}, "GeneratorSaturated", "throttled for 0.6 of 10 s"),
        ({"lag_p99_bound_milliseconds": 51.0}, "ScheduleLag", "over 1 % of the requests started 51 ms late or more"),
        ({"late_seconds": 2.0, "loop_lag_max_milliseconds": 230.0}, "GeneratorSlow", "by up to 230 ms"),
    ],
)
def test_a_generator_that_cannot_keep_up_is_inconclusive(generator: dict[str, Any], reason: str, says: str) -> None:
    outcome = judge(**generator)
    assert (outcome.state, outcome.reason) == (StepState.INCONCLUSIVE, reason)
    assert says in outcome.message


def test_single_bad_seconds_are_no_doubt() -> None:
    generator = {"busy_seconds": 1.0, "late_seconds": 1.0, "throttled_seconds": 0.5}
    lag = {"lag_p99_milliseconds": 300.0, "lag_p99_bound_milliseconds": 50.0, "lag_max_milliseconds": 900.0}
    assert judge(**generator, **lag, cpu_max=1.0).state is StepState.SUCCEEDED


def test_saturation_is_named_before_the_rate_that_it_cost() -> None:
    generator = GeneratorResult(busy_seconds=10.0)
    seen = heard(1, 0, measured_seconds=10, achieved_rate=50.0, generator=generator)
    outcome = judge_load("l", load_spec(), Observed(loads={"l": seen}), at(1))
    assert outcome is not None
    assert outcome.reason == "GeneratorSaturated"


@pytest.mark.parametrize(
    ("done", "dropped", "says"), [(999, 0, "give it more time"), (999, 1, "raise maxInFlight"), (1000, 0, "")]
)
def test_iterations_that_were_not_done_prove_nothing(done: int, dropped: int, says: str) -> None:
    spec = load_spec(profile={"rate": 100, "duration": "10s", "iterations": 1000})
    outcome = judge_load("l", spec, Observed(loads={"l": heard(1, 0, iterations=done, dropped=dropped)}), at(1))
    assert outcome is not None
    if says:
        assert (outcome.state, outcome.reason) == (StepState.INCONCLUSIVE, "IterationsNotDone")
        assert outcome.message.startswith(f"999 of 1000 iterations were done: {says}")
    else:
        assert outcome.state is StepState.SUCCEEDED


@pytest.mark.parametrize(("dropped", "state"), [(53, StepState.INCONCLUSIVE), (40, StepState.SUCCEEDED)])
def test_of_arrivals_by_chance_as_many_count_as_came(dropped: int, state: StepState) -> None:
    """80 a second where 100 were asked for may be chance; what was dropped is not."""
    spec = load_spec(profile={"rate": 100, "duration": "10s", "arrivals": "Poisson"})
    seen = heard(1, 0, measured_seconds=10, achieved_rate=80.0, dropped=dropped)
    outcome = judge_load("l", spec, Observed(loads={"l": seen}), at(1))
    assert outcome is not None
    assert outcome.state is state
    if state is StepState.INCONCLUSIVE:
        assert outcome.message.startswith("achieved 80 of 85.3 requests per second (53 dropped)")


@pytest.mark.parametrize(("begun", "state"), [(94.9, StepState.INCONCLUSIVE), (95.0, StepState.SUCCEEDED)])
def test_of_flows_those_that_begin_count(begun: float, state: StepState) -> None:
    seen = heard(1, 0, achieved_rate=250.0, flow_rate=begun)
    outcome = judge_load("l", load_spec(), Observed(loads={"l": seen}), at(1))
    assert outcome is not None
    assert outcome.state is state
    if state is StepState.INCONCLUSIVE:
        assert outcome.message.startswith("achieved 94.9 of 100 flows per second")


def test_requests_that_the_generator_could_not_send_are_not_held_against_the_service() -> None:
    spec = load_spec(thresholds=[{"expr": "errors.rate < 0.01"}])
    failed = [ErrorCount(kind="connect", count=3), ErrorCount(kind="exhausted", count=2)]
    seen = heard(1, 0, values={"errors.rate": 0.5}, errors_by_kind=failed)
    outcome = judge_load("l", spec, Observed(loads={"l": seen}), at(1))
    assert outcome is not None
    assert (outcome.state, outcome.reason) == (StepState.INCONCLUSIVE, "GeneratorExhausted")
    assert outcome.message.startswith("2 requests had no connection because a worker had no port or file left")
