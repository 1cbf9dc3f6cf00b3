"""A status fits into its budget, whatever a run comes to, and what programs need is always in it."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seatrial.api.budget import STATUS_BYTES, captured, fitted, needed, size
from seatrial.api.captures import CAPTURE_BYTES
from seatrial.api.scenario import TestScenarioSpec
from seatrial.api.status import (
    BaselineStatus,
    Condition,
    ErrorCount,
    LatencySummary,
    LoadResult,
    LoadTestStatus,
    MetricComparison,
    RequestResult,
    ResourceUse,
    RunStatus,
    RunSummary,
    ServiceState,
    ServiceStatus,
    StepState,
    StepStatus,
    TestScenarioStatus,
    ThresholdResult,
    ThresholdState,
    Verdict,
)
from seatrial.api.validation import InvalidSpec, read

AT = "2026-11-22T10:00:00.000Z"
LONG = "It was the best of times, it was the worst of times. " * 20


def load() -> LoadResult:
    summary = LatencySummary(**dict.fromkeys(("min", "mean", "p50", "p90", "p95", "p99", "p999", "max"), "12.34ms"))
    return LoadResult(
        workers=100,
        workers_reporting=100,
        requests=10**9,
        latency=summary,
        service_time=summary,
        errors_by_kind=[ErrorCount(kind=f"status{number}xx", count=10**6) for number in range(16)],
        by_request=[
            RequestResult(name=f"GET /orders/{'x' * 40}/{number}", requests=10**6, errors=3, p50="1ms", p99="2ms")
            for number in range(50)
        ],
        resource_use=[
            ResourceUse(name=f"{'n' * 49}{number}", samples=10**4, memory_max=2**40, restarts=9, message=LONG[:300])
            for number in range(6)
        ],
        thresholds=[
            ThresholdResult(expr=LONG[:1024], state=ThresholdState.PASSED, value=LONG[:256]) for _ in range(20)
        ],
    )


def status(
    names: list[str], services: list[str], states: list[StepState], loads: int, captures: int, letter: str = "x"
) -> TestScenarioStatus:
    """A status with the longest of everything."""
    steps = []
    for number, (name, state) in enumerate(zip(names, states, strict=True)):
        steps.append(
            StepStatus(
                name=name,
                state=state,
                reason="CreateContainerConfigError" if state is StepState.ERROR else "Completed",
                message=LONG[:1000],
                attempts=1,
                started_at=AT,
                finished_at=AT if state.ended else None,
                captures={f"capture{number}": letter * 500} if number < captures else {},
                load=load() if number < loads else None,
            )
        )
    kept = [
        ServiceStatus(
            name=name, state=ServiceState.HEALTHY, reason="Healthy", message=LONG[:1000], started_at=AT, healthy_at=AT
        )
        for name in services
    ]
    conditions = [
        Condition(type=kind, status="True", last_transition_time=AT, reason="AllStepsSucceeded", message=LONG[:1000])
        for kind in ("Ready", "Reconciling", "Stalled", "EnvironmentReady", "Complete", "Succeeded", "TornDown")
    ]
    past = RunSummary(id="17", verdict=Verdict.FAILED, reason="ExpectationFailed", started_at=AT, finished_at=AT)
    return TestScenarioStatus(
        verdict=Verdict.FAILED,
        reason="ExpectationFailed",
        message=LONG[:1000],
        run=RunStatus(id="18", generation=18, namespace="trial-checkout-12345678", started_at=AT),
        conditions=conditions,
        history=[past] * 10,
        services=kept,
        steps=steps,
    )


def essence(found: TestScenarioStatus) -> Any:
    """What must survive."""
    return (
        [(step.name, step.state, step.reason) for step in found.steps],
        [(service.name, service.state, service.reason, service.healthy_at) for service in found.services],
        [(one.type, one.status, one.reason) for one in found.conditions],
        (found.verdict, found.reason, found.run, [run.verdict for run in found.history]),
    )


def test_a_status_that_fits_stays_as_it_is() -> None:
    small = status(["a"], ["web"], [StepState.SUCCEEDED], 0, 1)
    assert fitted(small) is small


def test_the_worst_that_the_schema_allows_fits() -> None:
    names = [f"step-{number:03}" for number in range(200)]
    services = [f"service-{number:02}" for number in range(50)]
    worst = status(names, services, [StepState.FAILED] * 200, 20, 24)
    assert size(worst) > 10 * STATUS_BYTES
    short = fitted(worst)
    assert size(short) <= STATUS_BYTES
    assert essence(short) == essence(worst)
    assert "seatrial report" in short.shortened
    assert type(short).model_validate(json.loads(json.dumps(short.to_kubernetes()))) == short


def test_failures_are_heard_longer_than_successes() -> None:
    names = [f"step-{number:03}" for number in range(60)]
    mixed = status(names, ["web"], [StepState.SUCCEEDED] * 50 + [StepState.FAILED] * 10, 0, 0)
    short = fitted(mixed)
    lengths = {step.state: len(step.message) for step in short.steps}
    assert lengths[StepState.FAILED] > lengths[StepState.SUCCEEDED]
    assert "shortened, see report" in short.steps[-1].message


def test_captures_that_a_later_step_may_need_stay() -> None:
    names = [f"s{number}" for number in range(100)]
    states = [StepState.SUCCEEDED] * 50 + [StepState.PENDING] * 50
    going = status(names, ["web"], states, 5, 20)
    short = fitted(going)
    assert size(short) <= STATUS_BYTES
    assert [step.captures for step in short.steps] == [step.captures for step in going.steps]


def test_a_load_tests_status_fits_too() -> None:
    metric = MetricComparison(
        metric="rate.achieved", state=ThresholdState.FAILED, before="12.34ms", after="12.34ms", least_percent=-99.9
    )
    reports = [f"{'n' * 150}-report-{number}" for number in range(5)]
    baseline = BaselineStatus(
        run="r" * 60, load_hash="0" * 16, report=reports, message=LONG[:1000], windows=240, metrics=[metric] * 4
    )
    past = RunSummary(id="17", load_hash="0" * 16, verdict=Verdict.FAILED, started_at=AT, report=reports)
    whole = LoadTestStatus(
        result=load(), message=LONG[:1000], reason="ThresholdMissed", baseline=baseline, history=[past] * 10
    )
    assert size(whole) > STATUS_BYTES
    short = fitted(whole)
    assert size(short) <= STATUS_BYTES
    assert short.baseline is not None
    assert (short.baseline.report, len(short.history)) == (reports, 10)
    assert short.result is not None
    assert [one.state for one in short.result.thresholds] == [ThresholdState.PASSED] * 20


NAMES = st.integers(1, 50)


@settings(max_examples=25, deadline=None)
@given(
    st.lists(NAMES, max_size=200),
    st.lists(NAMES, min_size=1, max_size=50),
    st.data(),
    st.integers(0, 5),
    st.integers(0, 24),
)
def test_what_a_valid_scenario_comes_to_fits(
    lengths: list[int], services: list[int], data: st.DataObject, loads: int, captures: int
) -> None:
    names = [f"{'n' * length}{number}"[-50:] for number, length in enumerate(lengths)]
    hosts = [f"{'h' * length}{number}"[-50:] for number, length in enumerate(services)]
    states = [data.draw(st.sampled_from(StepState)) for _ in names]
    captures = min(captures, len(names))
    spec = TestScenarioSpec.model_validate(
        {
            "environment": {"services": [{"name": f"h{name}"[:50], "image": "i"} for name in hosts]},
            "steps": [
                {"name": f"n{name}"[:50], "http": {"service": "x"}}
                | ({"capture": {f"capture{number}": "1"}} if number < captures else {})
                for number, name in enumerate(names)
            ],
        }
    )
    worst = status(
        [step.name for step in spec.steps], [one.name for one in spec.environment.services], states, loads, captures
    )
    short = fitted(worst)
    assert essence(short) == essence(worst)
    if needed(spec) + captured(spec, CAPTURE_BYTES) <= STATUS_BYTES:
        assert size(short) <= STATUS_BYTES


def test_a_scenario_whose_status_could_not_fit_is_refused() -> None:
    steps: list[dict[str, Any]] = [{"name": f"{'n' * 45}{number}", "http": {"service": "web"}} for number in range(200)]
    services = [{"name": "web", "image": "i", "ports": [{"name": "http", "port": 80}]}]
    spec: dict[str, Any] = {"environment": {"services": services}, "steps": steps}
    read(TestScenarioSpec, spec)
    steps[0]["capture"] = {f"c{number}": "response.status" for number in range(16)}
    steps[1]["capture"] = {f"d{number}": "response.status" for number in range(8)}
    with pytest.raises(InvalidSpec, match=r"spec\.steps: 200 steps: its status could need .*: split the scenario"):
        read(TestScenarioSpec, spec)
