"""Services come up in the order they depend on one another, and what keeps them is named."""

from datetime import timedelta
from typing import Any

import pytest

from seatrial.api.environment import Service
from seatrial.api.status import ServiceState, ServiceStatus
from seatrial.plan.decision import StartService
from seatrial.plan.observed import DeploymentSeen, Held, Observed, PodSeen, ProbeSeen
from seatrial.plan.services import ServicesPlan, plan_services
from tests.plan.situations import NOW, at, pod, services

READY = DeploymentSeen(current=True, ready=1)


def plan(wanted: list[Service], before: list[ServiceStatus], seconds: float = 0, **seen: Any) -> ServicesPlan:
    return plan_services(wanted, before, Observed(**seen), at(seconds))


def begun(**spec: Any) -> tuple[list[Service], list[ServiceStatus]]:
    """One service that has been created."""
    wanted = services({"name": "a", **spec})
    return wanted, plan(wanted, []).services


def one(plan: ServicesPlan) -> ServiceStatus:
    return plan.services[0]


def test_services_without_dependencies_start_together() -> None:
    first = plan(services({"name": "a"}, {"name": "b"}), [])
    assert first.actions == (StartService("a"), StartService("b"))
    assert [service.state for service in first.services] == [ServiceState.STARTING] * 2


@pytest.mark.parametrize(
    ("condition", "deployment", "starts"),
    [
        ("Started", DeploymentSeen(current=True, ready=0), True),
        ("Healthy", DeploymentSeen(current=True, ready=0), False),
        ("Healthy", DeploymentSeen(current=False, ready=1), False),
        ("Healthy", READY, True),
    ],
)
def test_a_service_starts_when_its_dependency_is_as_asked(
    condition: str, deployment: DeploymentSeen, starts: bool
) -> None:
    wanted = services({"name": "b", "dependsOn": [{"service": "a", "condition": condition}]}, {"name": "a"})
    first = plan(wanted, [])
    assert first.actions == (StartService("a"),)
    assert one(first).reason == "WaitingForDependencies"
    assert one(first).message == "a"
    second = plan(wanted, first.services, 1, deployments={"a": deployment}, pods=(pod("a", running=True),))
    assert (StartService("b") in second.actions) is starts


def test_a_service_waits_until_all_its_pods_run() -> None:
    wanted, before = begun(replicas=2)
    later = plan(wanted, before, 1, deployments={"a": READY}, pods=(pod("a", running=True),))
    assert (one(later).state, one(later).reason) == (ServiceState.STARTING, "PodsStarting")
    assert one(later).message == "1 of 2 pods run"


def test_healthy_needs_ready_pods_and_as_many_successes_as_asked() -> None:
    wanted, before = begun(ready={"http": {}, "successThreshold": 2})
    seen: dict[str, Any] = {"deployments": {"a": READY}, "pods": (pod("a", running=True),)}
    unprobed = plan(wanted, before, 1, **seen)
    assert unprobed.probes == {"a"}
    assert (one(unprobed).state, one(unprobed).reason) == (ServiceState.STARTED, "ProbeFailing")
    assert one(unprobed).message == "its probe has not succeeded yet"
    once = plan(wanted, before, 1, **seen, probes={"a": ProbeSeen(1, "")})
    assert not once.healthy
    failing = plan(wanted, before, 1, **seen, probes={"a": ProbeSeen(0, "status 503")})
    assert one(failing).message == "status 503"
    twice = plan(wanted, before, 1, **seen, probes={"a": ProbeSeen(2, "")})
    assert twice.healthy
    assert one(twice).healthy_at is not None
    assert twice.probes == frozenset()
    assert twice.wake_at is None


def test_success_of_the_probe_alone_is_not_healthy() -> None:
    wanted, before = begun(ready={"tcp": {}})
    later = plan(wanted, before, 1, deployments={"a": DeploymentSeen(True, 0)}, probes={"a": ProbeSeen(9, "")})
    assert not later.healthy


@pytest.mark.parametrize(
    ("replicas", "pods", "ready", "probed"),
    [
        (1, [{}], 0, False),
        (1, [{"running": True}], 0, True),
        (1, [{"running": True, "deleting_since": at(1)}], 0, False),
        (2, [{"running": True}, {"running": True}], 0, False),
        (2, [{"running": True, "ready": True}, {"running": True}], 1, True),
    ],
)
def test_probing_begins_when_the_service_may_lead_to_a_pod(
    replicas: int, pods: list[dict[str, Any]], ready: int, probed: bool
) -> None:
    wanted, before = begun(ready={"tcp": {}}, replicas=replicas)
    seen = tuple(pod("a", f"a-{index}", **state) for index, state in enumerate(pods))
    later = plan(wanted, before, 1, deployments={"a": DeploymentSeen(True, ready)}, pods=seen)
    assert later.probes == (frozenset({"a"}) if probed else frozenset())


@pytest.mark.parametrize(("replicas", "ready", "state"), [(1, 0, "Healthy"), (2, 1, "Started"), (2, 2, "Healthy")])
def test_only_with_several_pods_the_kubelet_must_have_found_each_of_them_ready(
    replicas: int, ready: int, state: str
) -> None:
    wanted, before = begun(ready={"tcp": {}}, replicas=replicas)
    pods = tuple(pod("a", f"a-{index}", running=True, ready=index < ready) for index in range(replicas))
    later = plan(
        wanted, before, 1, deployments={"a": DeploymentSeen(True, ready)}, pods=pods, probes={"a": ProbeSeen(1)}
    )
    assert one(later).state == state


def test_a_healthy_service_stays_so_while_others_come_up() -> None:
    wanted, before = begun()
    healthy = plan(wanted, before, 1, deployments={"a": READY}, pods=(pod("a", running=True),)).services
    assert plan(wanted, healthy, 2, deployments={"a": READY}, pods=(pod("a", running=True),)).services == healthy


@pytest.mark.parametrize(
    ("seen", "early", "late", "reason"),
    [
        (pod("a", waiting="InvalidImageName", waiting_message="bad name"), True, True, "InvalidImageName"),
        (pod("a", waiting="CreateContainerConfigError"), True, True, "CreateContainerConfigError"),
        (pod("a", waiting="ErrImagePull", waiting_message="not found"), False, True, "ImagePullFailed"),
        (pod("a", waiting="ImagePullBackOff"), False, True, "ImagePullFailed"),
        (pod("a", waiting="CrashLoopBackOff", restarts=1, last_exit_code=1), False, False, "CrashLoop"),
        (pod("a", running=True, restarts=3, last_exit_code=1), True, True, "CrashLoop"),
        (pod("a", unschedulable="0/1 nodes are available"), False, True, "Unschedulable"),
        (pod("a", disruption="Evicted", exit_code=137), False, False, "Evicted"),
    ],
)
def test_trouble_of_a_pod_is_named_and_ends_the_wait_when_it_is_final(
    seen: PodSeen, early: bool, late: bool, reason: str
) -> None:
    wanted, before = begun(ready={"timeout": "10m"})
    for seconds, final in ((5.0, early), (90.0, late)):
        later = plan(wanted, before, seconds, pods=(seen,), deployments={"a": DeploymentSeen(True, 0)})
        assert one(later).reason == reason
        assert seen.name in one(later).message
        assert (one(later).state is ServiceState.ERROR) is final
        assert (later.broken is not None) is final


def test_a_crash_loop_says_how_its_container_ended() -> None:
    wanted, before = begun()
    crashed = pod("a", restarts=4, last_exit_code=137, last_ended_reason="OOMKilled")
    later = plan(wanted, before, 5, pods=(crashed,), deployments={"a": DeploymentSeen(True, 0)})
    assert (
        one(later).message == "pod a-x1: its container ended with exit code 137 (OOMKilled) and was restarted 4 times"
    )


def test_patience_with_a_pull_has_a_timer() -> None:
    wanted, before = begun()
    later = plan(
        wanted, before, 5, pods=(pod("a", waiting="ErrImagePull"),), deployments={"a": DeploymentSeen(True, 0)}
    )
    assert later.wake_at == at(15)


@pytest.mark.parametrize("gone", [{"deleting_since": NOW}, {"disruption": "Evicted"}])
def test_patience_that_has_ended_wakes_nobody(gone: dict[str, Any]) -> None:
    wanted, before = begun()
    old = pod("a", waiting="ErrImagePull", **gone)
    later = plan(wanted, before, 60, pods=(old,), deployments={"a": DeploymentSeen(True, 0)})
    assert later.broken is None
    assert later.wake_at == at(120)


def test_a_pod_on_its_way_out_is_no_trouble() -> None:
    wanted, before = begun()
    old = pod("a", waiting="InvalidImageName", deleting_since=NOW)
    assert plan(wanted, before, 1, pods=(old,), deployments={"a": READY}).broken is None


def test_what_the_api_server_refuses_is_broken_at_once() -> None:
    wanted, before = begun()
    later = plan(wanted, before, 1, refusals={"StartService/a": "Deployment a was refused: quota"})
    assert (one(later).state, one(later).reason) == (ServiceState.ERROR, "Refused")
    assert one(later).message == "Deployment a was refused: quota"


def test_refused_pods_are_waited_for_and_named() -> None:
    wanted, before = begun(ready={"timeout": "30s"})
    seen = {"deployments": {"a": DeploymentSeen(True, 0, "exceeded quota: seatrial, cpu")}}
    waiting = plan(wanted, before, 29, **seen)
    assert (one(waiting).state, one(waiting).reason) == (ServiceState.STARTING, "PodsRefused")
    assert waiting.wake_at == at(30)
    late = plan(wanted, before, 30, **seen)
    assert late.broken is not None
    assert late.broken.message == "not healthy within 30s: exceeded quota: seatrial, cpu"
    assert late.wake_at is None


@pytest.mark.parametrize("deployed", [True, False])
def test_a_quota_of_the_cluster_is_waited_out(deployed: bool) -> None:
    wanted, before = begun(ready={"timeout": "30s"})
    refused = "exceeded quota: team, requested: pods=1"
    held = {} if deployed else {"StartService/a": Held(StartService("a"), refused, at(1000))}
    there = {"a": DeploymentSeen(True, 0, refused)} if deployed else {}
    waiting = plan(wanted, before, 900, deployments=there, held=held)
    assert (one(waiting).state, one(waiting).reason) == (ServiceState.STARTING, "QuotaExceeded")
    assert one(waiting).message == refused
    # Its time begins when there is room.
    roomy = plan(wanted, waiting.services, 910, deployments={"a": DeploymentSeen(True, 0)})
    assert one(roomy).state is ServiceState.STARTING
    assert plan(wanted, roomy.services, 930, deployments={"a": DeploymentSeen(True, 0)}).broken is not None


@pytest.mark.parametrize(
    ("ready", "running", "message"),
    [
        (0, 1, "not healthy within 120s: 1 of 2 pods run"),
        (1, 2, "not healthy within 120s: 1 of 2 pods are ready"),
        (2, 2, "not healthy within 120s: its probe has not succeeded yet"),
    ],
)
def test_a_timeout_says_what_was_waited_for(ready: int, running: int, message: str) -> None:
    wanted, before = begun(ready={"tcp": {}}, replicas=2)
    pods = tuple(pod("a", f"a-{index}", running=True) for index in range(running))
    late = plan(wanted, before, 120, deployments={"a": DeploymentSeen(True, ready)}, pods=pods)
    assert one(late).state is ServiceState.ERROR
    assert one(late).message == message


def test_a_start_whose_refusal_was_forgotten_in_a_crash_is_tried_again() -> None:
    wanted, before = begun()
    assert plan(wanted, before, 1).actions == (StartService("a"),)
    assert plan(wanted, before, 1, deployments={"a": READY}).actions == ()


def test_a_healthy_service_is_stamped_with_its_moment() -> None:
    wanted, before = begun()
    healthy = one(plan(wanted, before, 2.5, deployments={"a": READY}))
    assert healthy.started_at == "2026-01-01T12:00:00.000Z"
    assert healthy.healthy_at == "2026-01-01T12:00:02.500Z"
    assert timedelta(seconds=2.5) == at(2.5) - NOW
