"""The namespace of a run and what guards it."""

from seatrial.api import names
from seatrial.build.environment import guards, namespace
from tests.build.objects import ORIGIN, Object


def by_kind() -> dict[str, Object]:
    return {body["kind"]: body for body in guards(ORIGIN, "trial", "seatrial-system")}


def test_the_namespace_is_guarded_by_pod_security_and_keeps_the_spec() -> None:
    made = namespace(ORIGIN, "trial", '{"a": 1}')
    assert made["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "baseline"
    assert made["metadata"]["labels"]["pod-security.kubernetes.io/audit"] == "restricted"
    assert made["metadata"]["annotations"][names.RUN_SPEC] == '{"a": 1}'
    assert made["metadata"]["name"] == "trial"


def test_quota_and_limits_bound_what_an_environment_can_use() -> None:
    hard = by_kind()["ResourceQuota"]["spec"]["hard"]
    assert {"pods", "requests.cpu", "requests.memory", "limits.memory"} <= hard.keys()
    assert {hard[kind] for kind in ("services.loadbalancers", "services.nodeports", "persistentvolumeclaims")} == {"0"}
    (limit,) = by_kind()["LimitRange"]["spec"]["limits"]
    assert limit["type"] == "Container"
    # A quota of requests and limits refuses every pod that says nothing, unless the namespace fills it in.
    assert limit["defaultRequest"].keys() == limit["default"].keys() == {"cpu", "memory"}


def test_the_network_is_closed_but_for_the_environment_names_and_the_operator() -> None:
    policy = by_kind()["NetworkPolicy"]["spec"]
    assert policy["podSelector"] == {}
    assert sorted(policy["policyTypes"]) == ["Egress", "Ingress"]
    (ingress,) = policy["ingress"]
    inside, operator = ingress["from"]
    assert inside == {"podSelector": {}}  # without a namespaceSelector: of this namespace
    assert operator == {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "seatrial-system"}}}
    neighbours, dns = policy["egress"]
    assert neighbours == {"to": [{"podSelector": {}}]}
    assert {(port["protocol"], port["port"]) for port in dns["ports"]} == {("UDP", 53), ("TCP", 53)}
