from collections import Counter

from e2e.bench.short import SCENARIO, Run, pod_spec
from e2e.bench.writes import Account, Round, figures
from seatrial.api.scenario import TestScenarioSpec

MADE = Counter(Namespace=1, LimitRange=1, ResourceQuota=1, NetworkPolicy=1, Service=1, Deployment=1)
WRITES = Counter(
    {
        "POST namespaces": 1,
        "POST limitranges": 1,
        "POST resourcequotas": 1,
        "POST networkpolicies": 1,
        "POST services": 1,
        "POST deployments": 1,
        "DELETE deployments": 1,
        "DELETE namespaces": 1,
        "PATCH testscenarios": 2,
        "PATCH testscenarios/status": 3,
        "POST events": 2,
        "PATCH leases": 1,
    }
)


def round_of(*, verdict: float = 1.7, more: int = 0) -> Round:
    run = Run(verdict=verdict, pods_gone=0.4, gone=5.6, made=MADE, alone=True)
    return Round(Account(run, WRITES + Counter({"PATCH testscenarios/status": more})), 0.6, 1.6, 5.5)


def test_events_and_the_heartbeat_are_counted_apart() -> None:
    assert round_of().account.counted == 13


def test_a_run_may_write_for_objects_for_itself_and_once_a_second() -> None:
    # Everything is gone 5.6 s after the verdict.
    assert round_of(verdict=0.3).account.allowed == 6 + 2 + 4 + 2 + 5
    assert round_of(verdict=2.1).account.allowed == 6 + 2 + 4 + 2 + 7


def test_the_worst_round_counts_with_its_own_breakdown_and_times_are_medians() -> None:
    writes, verdict, gone = figures([round_of(), round_of(more=8, verdict=1.2), round_of(verdict=1.3)])
    assert (writes.value, writes.target, writes.met) == (21, 20, False)
    assert writes.beside["PATCH testscenarios/status"] == 11
    assert (writes.beside["made"], writes.beside["deleted"], writes.beside["rounds"]) == (6, 2, 3)
    assert (verdict.value, verdict.target) == (0.7, 0.5)
    assert (verdict.beside["bare_pod_s"], verdict.beside["verdict_s"]) == (0.6, 1.3)
    assert (gone.value, gone.target, gone.beside["bare_namespace_s"]) == (5.6, 5.0, 5.5)


def test_the_scenario_is_a_valid_one() -> None:
    TestScenarioSpec.model_validate(SCENARIO)


def test_each_request_that_may_not_be_sent_twice_has_its_intent_on_record() -> None:
    run = round_of(verdict=0.9).account.run
    assert Account(run, WRITES, intents=2).allowed == 6 + 2 + 4 + 2 + 2 + 6


def test_the_bare_pod_is_the_services_own_with_its_probe_or_without() -> None:
    probed, bare = pod_spec(probed=True), pod_spec(probed=False)
    assert probed["containers"][0].pop("readinessProbe")["httpGet"]["port"] == "http"
    assert bare == probed
