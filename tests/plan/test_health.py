"""Services that have been healthy are watched: what interrupts them is named, counted and never passed over."""

from datetime import timedelta
from typing import Any

import pytest

from seatrial.api.outcome import Outcome
from seatrial.api.status import ServiceState, ServiceStatus, StepState, StepStatus, Verdict
from seatrial.plan.decision import Activities
from seatrial.plan.health import ANNOUNCED, with_notes
from seatrial.plan.observed import DeploymentSeen, PodSeen, ProbeSeen
from tests.plan.situations import NOW, Trial, at, pod, scenario_spec

UP, DOWN = DeploymentSeen(current=True, ready=1), DeploymentSeen(current=True, ready=0)
WEB = {"name": "web", "image": "web:1", "ports": [{"name": "http", "port": 80}], "ready": {"http": {}}}
LOOK = {"name": "look", "http": {"service": "web"}}
READY = pod("web", "web-1", running=True, ready=True)
GOOD = ProbeSeen(successes=1)


def running(*steps: dict[str, Any], service: dict[str, Any] | None = None) -> Trial:
    """A trial whose service has become healthy and whose first step is under way."""
    trial = Trial(scenario_spec(environment={"services": [WEB | (service or {})]}, steps=list(steps or (LOOK,))))
    trial.turn()
    trial.turn(1, deployments={"web": UP}, pods=(READY,), probes={"web": GOOD})
    assert trial.phase() == "Running"
    return trial


def seen(
    deployment: DeploymentSeen = UP, *pods: PodSeen, probe: ProbeSeen = GOOD, done: Outcome | None = None
) -> dict[str, Any]:
    outcomes = {"look": done} if done else {}
    return {
        "deployments": {"web": deployment},
        "pods": pods or (READY,),
        "probes": {"web": probe},
        "checking": frozenset({"look"} - outcomes.keys()),
        "outcomes": outcomes,
    }


def web(trial: Trial) -> ServiceStatus:
    service: ServiceStatus = trial.status.services[0]
    return service


PASSED = Outcome(StepState.SUCCEEDED, "ExpectationsMet", "status 200")
FAILED = Outcome(StepState.FAILED, "NoAnswer", "GET /: connection refused")


def test_a_healthy_service_goes_on_being_probed_and_nothing_else_happens() -> None:
    trial = running()
    before = trial.status
    for second in (2, 3, 4):
        decision = trial.turn(second, **seen())
        assert decision.activities == Activities(watches=frozenset({"web"}), checks=frozenset({"look"}))
        assert decision.actions == ()
        assert trial.status == before


def test_until_the_kubelet_has_looked_again_its_word_is_not_waited_for() -> None:
    """It asks once a second: the probe through the Service is ahead of it."""
    unseen = pod("web", "web-1", running=True)
    trial = Trial(scenario_spec(environment={"services": [WEB]}, steps=[LOOK]))
    trial.turn()
    trial.turn(1, deployments={"web": DOWN}, pods=(unseen,), probes={"web": GOOD})
    assert trial.phase() == "Running"
    trial.turn(1.2, **seen(DOWN, unseen))
    assert (web(trial).state, web(trial).interruptions) == (ServiceState.HEALTHY, 0)
    trial.turn(2, **seen())
    assert web(trial).state is ServiceState.HEALTHY
    trial.turn(3, **seen(DOWN, unseen))
    assert (web(trial).state, web(trial).reason) == (ServiceState.UNHEALTHY, "PodsNotReady")


def test_a_pod_that_is_ready_before_its_deployment_has_counted_it_is_not_missed() -> None:
    trial = Trial(scenario_spec(environment={"services": [WEB]}, steps=[LOOK]))
    trial.turn()
    ready = pod("web", "web-1", running=True, ready=True)
    trial.turn(1, deployments={"web": DOWN}, pods=(ready,), probes={"web": GOOD})
    trial.turn(1.2, **seen(DOWN, ready))
    trial.turn(1.3, **seen(DOWN, ready))
    assert (web(trial).state, web(trial).interruptions) == (ServiceState.HEALTHY, 0)


@pytest.mark.parametrize(
    "now", [pod("web", "web-1"), pod("web", "web-1", running=True, deleting_since=NOW), pod("other", "x")]
)
def test_a_pod_that_stops_or_goes_before_the_kubelet_has_looked_is_noticed(now: PodSeen) -> None:
    trial = Trial(scenario_spec(environment={"services": [WEB]}, steps=[LOOK]))
    trial.turn()
    trial.turn(1, deployments={"web": DOWN}, pods=(pod("web", "web-1", running=True),), probes={"web": GOOD})
    trial.turn(1.2, **seen(DOWN, now))
    assert web(trial).state is ServiceState.UNHEALTHY


@pytest.mark.parametrize(
    ("now", "reason", "message"),
    [
        (seen(DOWN), "PodsNotReady", "0 of 1 pods ready"),
        (seen(probe=ProbeSeen(0, "GET / answered 503", 3)), "ProbeFailing", "GET / answered 503"),
        (
            seen(DOWN, pod("web", "web-1", restarts=1, last_exit_code=3)),
            "CrashLoop",
            "pod web-1: its container ended with exit code 3 and was restarted 1 times",
        ),
        (
            seen(DOWN, pod("web", "web-1", exit_code=137, ended_reason="OOMKilled")),
            "OOMKilled",
            "pod web-1 exceeded its memory limit: raise resources.limits",
        ),
        (seen(DOWN, pod("web", "web-1", disruption="Evicted")), "Evicted", "pod web-1 was taken away: Evicted"),
    ],
)
def test_a_service_that_is_not_healthy_any_more_is_named(now: dict[str, Any], reason: str, message: str) -> None:
    trial = running()
    decision = trial.turn(5, **now)
    assert (web(trial).state, web(trial).reason, web(trial).message) == (ServiceState.UNHEALTHY, reason, message)
    assert (web(trial).interruptions, web(trial).interrupted_by) == (1, reason)
    assert web(trial).interrupted_at == "2026-01-01T12:00:05.000Z"
    (event,) = decision.announcements
    assert (event.warning, event.reason) == (True, "ServiceUnhealthy")
    assert event.message == f"service web is not healthy any more: {message}"
    assert trial.status.message == f"service web was not healthy since 2026-01-01T12:00:05.000Z: {reason}"
    assert decision.activities.watches == {"web"}
    again = trial.turn(6, **now)
    assert (again.announcements, web(trial).interruptions) == ((), 1)


def test_failures_below_the_threshold_are_none() -> None:
    trial = running(service={"ready": {"http": {}, "failureThreshold": 5}})
    trial.turn(5, **seen(probe=ProbeSeen(0, "GET / answered 503", 4)))
    assert web(trial).state is ServiceState.HEALTHY
    trial.turn(6, **seen(probe=ProbeSeen(0, "GET / answered 503", 5)))
    assert web(trial).state is ServiceState.UNHEALTHY


def test_it_recovers_once_its_pods_are_ready_and_its_probe_succeeds_and_the_count_is_kept() -> None:
    trial = running()
    trial.turn(5, **seen(DOWN))
    trial.turn(6, **seen(UP, probe=ProbeSeen(0, "refused", 1)))
    assert web(trial).state is ServiceState.UNHEALTHY
    unknown = seen(UP)
    del unknown["probes"]
    trial.turn(7, **unknown)
    assert web(trial).state is ServiceState.UNHEALTHY  # after a restart of ours nothing tells yet
    trial.turn(8, **seen())
    assert (web(trial).state, web(trial).reason, web(trial).interruptions) == (ServiceState.HEALTHY, "Recovered", 1)
    assert web(trial).recovered_at == "2026-01-01T12:00:08.000Z"
    assert "was not healthy from 2026-01-01T12:00:05.000Z" in web(trial).message
    assert trial.status.message == ""
    trial.turn(9, **seen(DOWN))
    assert web(trial).interruptions == 2


@pytest.mark.parametrize(
    ("later", "reason"),
    [
        (pod("web", "web-1", running=True, ready=True, restarts=1, last_exit_code=1), "CrashLoop"),
        (pod("web", "web-2", running=True, ready=True), "PodsReplaced"),
        (pod("web", "web-1", running=True, ready=True, created=NOW + timedelta(seconds=3)), "PodsReplaced"),
        (pod("web", "web-1", running=True, ready=True, restarts=1, last_ended_reason="OOMKilled"), "OOMKilled"),
    ],
)
def test_an_interruption_that_nobody_saw_shows_in_the_pods(later: PodSeen, reason: str) -> None:
    """The operator may have been away, or the restart too quick to be seen."""
    trial = running()
    decision = trial.turn(5, **seen(UP, later))
    assert (web(trial).state, web(trial).interruptions) == (ServiceState.HEALTHY, 1)
    assert web(trial).interrupted_by == reason
    assert [event.reason for event in decision.announcements] == ["ServiceUnhealthy"]
    after = trial.status
    trial.turn(6, **seen(UP, later))
    assert trial.status == after


def test_what_happened_before_it_was_healthy_is_no_interruption() -> None:
    trial = Trial(scenario_spec(environment={"services": [WEB]}, steps=[LOOK]))
    trial.turn()
    slow = pod("web", "web-1", running=True, ready=True, restarts=1, last_ended_reason="OOMKilled", last_exit_code=137)
    trial.turn(1, deployments={"web": UP}, pods=(slow,), probes={"web": GOOD})
    trial.turn(2, **seen(UP, slow))
    assert (web(trial).state, web(trial).interruptions) == (ServiceState.HEALTHY, 0)
    trial.turn(3, **seen(DOWN, slow))
    assert web(trial).interrupted_by == "PodsNotReady"
    trial.turn(4, **seen(UP, slow))
    trial.turn(5, **seen(UP, slow, done=PASSED))
    assert trial.status.verdict is Verdict.PASSED


def test_a_step_that_fails_meanwhile_says_so() -> None:
    trial = running()
    trial.turn(5, **seen(DOWN))
    trial.turn(6, **seen(DOWN, done=FAILED))
    note = "(service web was not healthy since 2026-01-01T12:00:05.000Z: PodsNotReady)"
    assert trial.status.steps[0].message == f"GET /: connection refused {note}"
    assert (trial.status.verdict, trial.status.reason) == (Verdict.FAILED, "NoAnswer")
    assert note in trial.status.message


def test_a_step_that_fails_after_the_recovery_says_so_too_and_a_later_one_does_not() -> None:
    trial = running(LOOK, LOOK | {"name": "then", "needs": [{"step": "look", "result": "Completed"}]})
    trial.turn(5, **seen(DOWN))
    trial.turn(6, **seen())
    trial.turn(7, **seen(done=FAILED))
    assert "was not healthy from 2026-01-01T12:00:05.000Z to 2026-01-01T12:00:06.000Z" in trial.status.steps[0].message
    both = seen(done=FAILED)
    both["outcomes"] = {"look": FAILED, "then": FAILED}
    trial.turn(8, **both)
    assert trial.status.steps[1].message == FAILED.message


def test_notes_leave_messages_within_their_bounds() -> None:
    service = ServiceStatus(
        name="a" * 50, state=ServiceState.UNHEALTHY, reason="PodsNotReady", interrupted_at="2026-01-01T12:00:05.000Z"
    )
    step = StepStatus(name="look", state=StepState.FAILED, message="x" * 256, started_at="2026-01-01T12:00:01.000Z")
    (noted,) = with_notes([StepStatus(name="look", state=StepState.RUNNING)], [step], [service])
    assert len(noted.message.encode()) <= 256
    assert noted.message.endswith("PodsNotReady)")


def test_a_service_that_is_not_healthy_at_the_end_leaves_no_run_passed() -> None:
    trial = running()
    trial.turn(5, **seen(probe=ProbeSeen(0, "GET / answered 503", 3), done=PASSED))
    assert (trial.status.verdict, trial.status.reason) == (Verdict.ERROR, "ServiceUnhealthy")
    assert trial.status.message == "not healthy any more at the end: service web: GET / answered 503"


@pytest.mark.parametrize("reason", ["OOMKilled", "Evicted", "NodeLost", "Preempted"])
def test_what_was_taken_away_meanwhile_leaves_no_run_passed(reason: str) -> None:
    trial = running()
    lost = {"ended_reason": reason, "exit_code": 137} if reason == "OOMKilled" else {"disruption": reason}
    trial.turn(5, **seen(DOWN, pod("web", "web-1", **lost)))
    new = pod("web", "web-2", running=True, ready=True)
    trial.turn(6, **seen(UP, new))
    trial.turn(7, **seen(DOWN, new))  # a lesser interruption does not hide the graver one
    trial.turn(8, **seen(UP, new))
    trial.turn(9, **seen(UP, new, done=PASSED))
    assert (trial.status.verdict, trial.status.reason) == (Verdict.ERROR, reason)
    assert f"service web was interrupted during the run: {reason}" in trial.status.message


def test_an_eviction_that_shows_only_after_the_pod_went_away_counts() -> None:
    trial = running()
    trial.turn(5, **seen(DOWN))
    trial.turn(6, **seen(DOWN, pod("web", "web-1", disruption="Evicted", deleting_since=NOW)))
    trial.turn(7, **seen(UP, pod("web", "web-2", running=True, ready=True)))
    trial.turn(8, **seen(UP, pod("web", "web-2", running=True, ready=True), done=PASSED))
    assert trial.status.reason == "Evicted"


def test_a_passed_run_tells_of_interruptions() -> None:
    trial = running()
    for second in (5, 7):
        trial.turn(second, **seen(DOWN))
        trial.turn(second + 1, **seen())
    trial.turn(9, **seen(done=PASSED))
    assert trial.status.verdict is Verdict.PASSED
    assert trial.status.message == "1 of 1 steps succeeded; interrupted and recovered: web 2 times"


def test_a_service_that_flaps_does_not_flood_its_namespace() -> None:
    trial = running()
    events = 0
    for second in range(5, 35, 2):
        events += len(trial.turn(second, **seen(DOWN)).announcements)
        trial.turn(second + 1, **seen())
    assert (web(trial).interruptions, events) == (15, ANNOUNCED)


def test_a_service_without_a_probe_of_ours_is_watched_by_its_pods() -> None:
    trial = Trial(scenario_spec(environment={"services": [WEB | {"ready": {"command": ["true"]}}]}, steps=[LOOK]))
    trial.turn()
    decision = trial.turn(1, deployments={"web": UP}, pods=(READY,))
    assert (trial.phase(), decision.activities.watches) == ("Running", frozenset())
    trial.turn(2, **seen(DOWN))
    assert web(trial).state is ServiceState.UNHEALTHY
    trial.turn(3, **seen(UP, probe=ProbeSeen()))
    assert web(trial).state is ServiceState.HEALTHY


def two_services() -> Trial:
    late = {"name": "late", "image": "late:1", "dependsOn": [{"service": "web"}]}
    trial = Trial(scenario_spec(environment={"services": [WEB, late]}))
    trial.turn()
    trial.turn(1, deployments={"web": UP}, pods=(READY,), probes={"web": GOOD})
    return trial


def test_while_others_come_up_a_service_is_watched_too() -> None:
    trial = two_services()
    decision = trial.turn(2, deployments={"web": DOWN, "late": UP}, pods=(READY,), probes={"web": GOOD})
    assert (trial.phase(), web(trial).state) == ("Provisioning", ServiceState.UNHEALTHY)
    assert decision.activities.watches == {"web"}
    trial.turn(3, deployments={"web": UP, "late": UP}, pods=(READY,), probes={"web": GOOD})
    assert trial.status.verdict is Verdict.PASSED


def test_one_that_keeps_crashing_while_others_come_up_is_not_waited_for() -> None:
    trial = two_services()
    crashing = pod("web", "web-1", restarts=3, last_exit_code=1)
    trial.turn(at(2).second, deployments={"web": DOWN, "late": DOWN}, pods=(crashing,), probes={"web": GOOD})
    assert (trial.status.verdict, trial.status.reason) == (Verdict.ERROR, "CrashLoop")
