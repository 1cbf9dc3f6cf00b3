"""Random specs against what reads and plans them: whatever comes, a mistake is named and nothing breaks."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from e2e.fuzz.kinds import drawn
from seatrial.api.loadtest import LoadTestSpec
from seatrial.api.scenario import TestScenarioSpec
from seatrial.api.status import LoadTestStatus, TestScenarioStatus
from seatrial.api.validation import InvalidSpec, Problem, read
from seatrial.plan.loadtest import plan_loadtest
from seatrial.plan.observed import NamespaceSeen, Observed
from seatrial.plan.scenario import plan_scenario
from seatrial.plan.trial import Subject

NOW = datetime(2026, 1, 1, tzinfo=UTC)
many = settings(max_examples=10 * settings().max_examples)


def subject(spec: Any, status: Any, invalid: str = "") -> Subject[Any, Any]:
    return Subject("a", "shop", "uid", 1, False, True, spec, invalid, spec, status)


def turns(spec: TestScenarioSpec | LoadTestSpec) -> None:
    """Plans turns in a world in which nothing ever comes up, until long after every deadline."""
    status: Any = TestScenarioStatus() if isinstance(spec, TestScenarioSpec) else LoadTestStatus()
    plan: Any = plan_scenario if isinstance(spec, TestScenarioSpec) else plan_loadtest
    for seconds in (0, 1, 60, 3600, 200_000, 200_001):
        namespace = NamespaceSeen("trial", "ns", ours=True) if seconds in (1, 60) else None
        decision = plan(subject(spec, status), Observed(namespace=namespace), NOW + timedelta(seconds=seconds))
        status = decision.status
        type(status).model_validate(status.to_kubernetes())
    assert status.verdict is not None


@many
@given(st.integers(0, 2**32))
def test_a_random_spec_is_read_and_planned_or_its_mistakes_are_named(seed: int) -> None:
    kind, body = drawn(str(seed))
    problems: list[Problem] = []
    try:
        turns(read(kind.model, body))
    except InvalidSpec as error:
        problems = error.problems
    assert all(problem.field.startswith("spec") and problem.remedy for problem in problems)


@pytest.mark.parametrize("body", [None, [], "", 1, {}, {"a": 1}, float("nan"), {"steps": "\ud800"}, {"\ud800": 1}])
def test_what_is_no_spec_at_all_is_named_too(body: object) -> None:
    for kind in (TestScenarioSpec, LoadTestSpec):
        with pytest.raises(InvalidSpec):
            read(kind, body)
