"""Conditions never contradict one another or the rest of status, and change only when something does."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.api.status import Condition, Phase, RunStatus, TestScenarioStatus, Verdict
from seatrial.plan.conditions import conditions
from tests.plan.situations import NOW, at

RUN = RunStatus(id="1", generation=1)


def status(
    phase: Phase | None = None, verdict: Verdict | None = None, before: list[Condition] | None = None
) -> TestScenarioStatus:
    return TestScenarioStatus(
        observed_generation=4,
        phase=phase,
        verdict=verdict,
        reason="Reason",
        message="said",
        run=RUN if phase else None,
        conditions=before or [],
    )


def flags(found: list[Condition]) -> dict[str, str]:
    return {condition.type: condition.status for condition in found}


VERDICTS = st.none() | st.sampled_from(Verdict)


@given(st.sampled_from(Phase), VERDICTS, st.booleans(), st.sampled_from(["", "pod x blocks"]))
def test_exactly_one_of_the_kstatus_conditions_is_true(
    phase: Phase, verdict: Verdict | None, invalid: bool, blocked: str
) -> None:
    if (phase in {Phase.TEARDOWN, Phase.DONE}) != (verdict is not None):
        return
    found = conditions(status(phase, verdict), NOW, invalid="bad" if invalid else "", blocked=blocked)
    assert [flags(found)[kind] for kind in ("Ready", "Reconciling", "Stalled")].count("True") == 1
    assert {condition.observed_generation for condition in found} == {4}
    assert all(condition.reason for condition in found)


@pytest.mark.parametrize("verdict", Verdict)
def test_complete_is_true_on_any_end_at_once(verdict: Verdict) -> None:
    for phase in (Phase.TEARDOWN, Phase.DONE):
        found = flags(conditions(status(phase, verdict), NOW))
        assert found["Complete"] == "True"
        assert found["Succeeded"] == ("True" if verdict is Verdict.PASSED else "False")
        assert found["TornDown"] == ("True" if phase is Phase.DONE else "False")
        assert found["Reconciling"] == ("True" if phase is Phase.TEARDOWN else "False")


@pytest.mark.parametrize("phase", [Phase.PROVISIONING, Phase.SETUP, Phase.RUNNING])
def test_a_run_under_way_is_neither_complete_nor_judged(phase: Phase) -> None:
    found = flags(conditions(status(phase), NOW))
    assert (found["Complete"], found["Succeeded"], found["Reconciling"]) == ("False", "Unknown", "True")


def test_an_invalid_spec_is_stalled_with_what_is_wrong() -> None:
    found = {one.type: one for one in conditions(status(), NOW, invalid="spec.steps[0]: no")}
    assert (found["Stalled"].status, found["Stalled"].reason) == ("True", "InvalidSpec")
    assert found["Stalled"].message == "spec.steps[0]: no"
    assert found["TornDown"].reason == "NothingLeft"


def test_what_blocks_the_teardown_is_named() -> None:
    found = {one.type: one for one in conditions(status(Phase.TEARDOWN, Verdict.PASSED), NOW, blocked="pod x")}
    assert (found["TornDown"].reason, found["TornDown"].message) == ("Blocked", "pod x")


def test_the_transition_time_moves_with_the_status_alone() -> None:
    first = conditions(status(Phase.RUNNING), NOW)
    second = conditions(status(Phase.TEARDOWN, Verdict.PASSED, first), at(60))
    times = {one.type: one.last_transition_time for one in second}
    assert times["Reconciling"] == times["Ready"] == "2026-01-01T12:00:00Z"
    assert times["Complete"] == times["Succeeded"] == "2026-01-01T12:01:00Z"


@pytest.mark.parametrize(("environment", "expected"), [(None, None), (True, "True"), (False, "False")])
def test_only_scenarios_have_an_environment(environment: bool | None, expected: str | None) -> None:
    found = flags(conditions(status(Phase.RUNNING), NOW, environment=environment))
    assert found.get("EnvironmentReady") == expected


def test_a_long_message_is_cut() -> None:
    found = conditions(status(), NOW, invalid="ä" * 3000)
    assert max(len(one.message.encode()) for one in found) <= 1000
