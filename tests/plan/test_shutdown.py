"""Services go in the reverse of the order in which they came, and nothing waits longer than it must."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from seatrial.api.environment import Service
from seatrial.plan.decision import DeleteNamespace, StopServices, StopWorkloads
from seatrial.plan.observed import DeploymentSeen, JobSeen, Observed
from seatrial.plan.shutdown import MARGIN, Shutdown, plan_shutdown
from tests.plan.situations import NAMESPACE, Trial, at, pod, scenario_spec, services

UP = DeploymentSeen(current=True, ready=1)
CHAIN: list[dict[str, Any]] = [
    {"name": "db", "image": "i"},
    {"name": "api", "image": "i", "dependsOn": [{"service": "db"}]},
    {"name": "web", "image": "i", "dependsOn": [{"service": "api"}]},
]


def plan(wanted: list[Service], up: list[str], pods: tuple[Any, ...] = (), seconds: float = 0, **seen: Any) -> Shutdown:
    deployments = dict.fromkeys(up, UP)
    return plan_shutdown(wanted, Observed(deployments=deployments, pods=pods, **seen), at(seconds))


def running(*names: str) -> tuple[Any, ...]:
    return tuple(pod(name, running=True, kind="service") for name in names)


def test_services_that_nothing_depends_on_all_go_at_once() -> None:
    found = plan(services({"name": "a"}, {"name": "b"}), ["a", "b"], running("a", "b"))
    assert found == Shutdown(("a", "b"), last=True)


def test_a_chain_goes_from_its_end_and_waits_for_pods() -> None:
    wanted = services(*CHAIN)
    assert plan(wanted, ["db", "api", "web"], running("db", "api", "web")) == Shutdown(("web",), last=False)
    going = pod("web", deleting_since=at(5), kind="service")
    waits = plan(wanted, ["db", "api"], (*running("db", "api"), going), 1)
    assert waits == Shutdown((), last=False, wake_at=at(5) + MARGIN)
    assert plan(wanted, ["db", "api"], running("db", "api"), 2) == Shutdown(("api",), last=False)
    assert plan(wanted, ["db"], running("db"), 3) == Shutdown(("db",), last=True)
    assert plan(wanted, [], (), 4) == Shutdown((), last=True)


def test_a_pod_that_does_not_go_is_not_waited_for_beyond_its_grace() -> None:
    wanted = services(*CHAIN)
    stuck = pod("web", deleting_since=at(5), kind="service")
    assert plan(wanted, ["db", "api"], (*running("db", "api"), stuck), 7.5).stop == ("api",)


def test_a_pod_whose_container_has_ended_is_not_waited_for() -> None:
    wanted = services(*CHAIN)
    ended = pod("web", deleting_since=at(5), exit_code=0, kind="service")
    assert plan(wanted, ["db", "api"], (*running("db", "api"), ended), 1).stop == ("api",)


def test_order_holds_across_what_has_completed() -> None:
    wanted = services(
        {"name": "db"},
        {"name": "migrate", "completes": True, "ports": [], "dependsOn": [{"service": "db"}]},
        {"name": "web", "dependsOn": [{"service": "migrate", "condition": "Completed"}]},
    )
    done: dict[str, Any] = {"completions": {"migrate": JobSeen(complete=True)}}
    pods = (*running("db", "web"), pod("migrate", exit_code=0, kind="service"))
    assert plan(wanted, ["db", "web"], pods, **done) == Shutdown(("web",), last=False)
    # While it runs it is a service like any other.
    pods = (*running("db"), pod("migrate", running=True, kind="service"))
    assert plan(wanted, ["db"], pods, completions={"migrate": JobSeen()}) == Shutdown(("migrate",), last=False)


@st.composite
def graphs(draw: st.DrawFn) -> list[Service]:
    specs = []
    for index in range(draw(st.integers(1, 6))):
        needs = draw(st.sets(st.integers(0, index - 1))) if index else set()
        specs.append({"name": f"s{index}", "dependsOn": [{"service": f"s{need}"} for need in sorted(needs)]})
    return services(*draw(st.permutations(specs)))


@given(graphs())
def test_every_graph_goes_level_by_level_to_its_end(wanted: list[Service]) -> None:
    up, levels = {service.name for service in wanted}, 0
    needs = {service.name: {need.service for need in service.depends_on} for service in wanted}
    while up:
        found = plan(wanted, sorted(up), running(*sorted(up)))
        assert found.stop
        stopped = set(found.stop)
        assert not any(needs[other] & stopped for other in up), "stopped before one that depends on it"
        # As parallel as the graph allows: what stays is needed by something that stays or goes now.
        assert all(any(name in needs[other] for other in up) for name in up - stopped)
        assert found.last is (stopped == up)
        up -= stopped
        levels += 1
    assert levels <= len(wanted)


def _teardown(trial: Trial) -> None:
    trial.turn()
    up: dict[str, Any] = dict.fromkeys(("db", "api", "web"), UP)
    pods = running("db", "api", "web")
    for seconds in range(1, 5):
        trial.turn(seconds, deployments=up, pods=pods)
        if trial.status.verdict:
            return


def test_the_namespace_goes_with_the_last_level() -> None:
    trial = Trial(scenario_spec(environment={"services": CHAIN}))
    _teardown(trial)
    assert trial.status.verdict == "Passed"
    levels = []
    up = ["db", "api", "web"]
    for seconds in (10, 11, 12):
        found = trial.turn(seconds, deployments=dict.fromkeys(up, UP), pods=running(*up))
        levels.append(found.actions)
        up.pop()
    last = (StopWorkloads(), DeleteNamespace(NAMESPACE.uid))
    assert levels == [(StopServices(("web",)),), (StopServices(("api",)),), last]


def test_when_the_budget_is_over_everything_goes_at_once() -> None:
    trial = Trial(scenario_spec(environment={"services": CHAIN}, timeouts={"teardown": "30s"}))
    _teardown(trial)
    going = pod("web", running=True, deleting_since=at(900), kind="service")
    waits = trial.turn(10, deployments={"db": UP, "api": UP}, pods=(going,))
    assert waits.actions == ()
    assert waits.wake_at is not None
    assert waits.wake_at < at(60)
    over = trial.turn(60, deployments={"db": UP, "api": UP}, pods=(going,))
    assert over.actions == (StopWorkloads(), DeleteNamespace(NAMESPACE.uid))
