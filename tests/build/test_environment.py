"""The namespace of a run and what guards it."""

from seatrial.api import names
from seatrial.build.environment import DEFAULT_LIMITS, QUOTA, guards, namespace
from seatrial.build.origin import Origin

ORIGIN = Origin("TestScenario", "shop", "checkout", "uid-1", "7")


def test_the_namespace_enforces_pod_security_and_keeps_the_run_s_spec() -> None:
    built = namespace(ORIGIN, "trial-checkout-1", '{"steps": []}')
    labels = built["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "baseline"
    assert labels[names.OWNER_UID] == "uid-1"
    assert built["metadata"]["annotations"][names.RUN_SPEC] == '{"steps": []}'
    assert "namespace" not in built["metadata"]


def test_it_is_guarded_by_limits_a_quota_and_a_policy() -> None:
    limits, quota, policy = guards(ORIGIN, "trial", "seatrial-system")
    assert limits["spec"]["limits"][0]["default"] == DEFAULT_LIMITS
    assert quota["spec"]["hard"] == QUOTA
    assert quota["spec"]["hard"]["services.loadbalancers"] == "0"
    assert quota["spec"]["hard"]["services.nodeports"] == "0"
    assert {guard["metadata"]["namespace"] for guard in (limits, quota, policy)} == {"trial"}
    assert {guard["metadata"]["labels"][names.OWNER_UID] for guard in (limits, quota, policy)} == {"uid-1"}


def test_the_policy_denies_all_but_the_environment_the_operator_and_name_lookups() -> None:
    spec = guards(ORIGIN, "trial", "seatrial-system")[2]["spec"]
    assert spec["podSelector"] == {}
    assert spec["policyTypes"] == ["Ingress", "Egress"]
    (ingress,) = spec["ingress"]
    inside, operator = ingress["from"]
    assert inside == {"podSelector": {}}
    assert operator["namespaceSelector"]["matchLabels"] == {"kubernetes.io/metadata.name": "seatrial-system"}
    within, dns = spec["egress"]
    assert within == {"to": [{"podSelector": {}}]}
    assert {(port["protocol"], port["port"]) for port in dns["ports"]} == {("UDP", 53), ("TCP", 53)}


def test_builders_are_deterministic() -> None:
    assert guards(ORIGIN, "trial", "x") == guards(ORIGIN, "trial", "x")
    assert namespace(ORIGIN, "trial", "{}") == namespace(ORIGIN, "trial", "{}")
