"""What is taken away in which order, and what is named when it does not go."""

from datetime import datetime

from seatrial.plan.decision import DeleteNamespace, DeleteRest, StopWorkloads
from seatrial.plan.observed import DeletionRefused, DeploymentSeen, NamespaceSeen, ObjectSeen, Observed, Remark
from seatrial.plan.teardown import NAMED, blocker, left, next_look, take_away
from tests.plan.situations import NAMESPACE, at, pod

RECORD = NamespaceSeen(name="trial-checkout-1", uid="cm-1", ours=True, record=True)


def beside(kind: str, name: str = "web", since: datetime | None = None, *finalizers: str) -> ObjectSeen:
    return ObjectSeen(kind, name, beside=True, deleting_since=since, finalizers=finalizers)


def going(*remarks: Remark) -> NamespaceSeen:
    return NamespaceSeen(NAMESPACE.name, NAMESPACE.uid, True, True, remarks)


def test_a_namespace_of_its_own_goes_together_with_what_makes_pods_in_it() -> None:
    inside = Observed(namespace=NAMESPACE, deployments={"web": DeploymentSeen(True, 1)})
    assert take_away(inside) == (StopWorkloads(), DeleteNamespace("ns-1"))
    assert take_away(Observed(namespace=NAMESPACE)) == (DeleteNamespace("ns-1"),)
    assert take_away(Observed(namespace=going())) == ()


def test_beside_the_resource_workloads_go_first_then_their_pods_then_the_rest() -> None:
    rest = (beside("Service"), beside("ControllerRevision", RECORD.name))
    up = Observed(namespace=RECORD, objects=(beside("Deployment"), beside("Pod"), *rest))
    assert take_away(up) == (StopWorkloads(),)
    ending = Observed(namespace=RECORD, objects=(beside("Deployment", "web", at(0)), beside("Pod"), *rest))
    assert take_away(ending) == ()
    assert take_away(Observed(namespace=RECORD, objects=(beside("Pod"), *rest))) == ()
    assert take_away(Observed(namespace=RECORD, objects=rest)) == (DeleteRest(),)
    assert take_away(Observed(objects=(beside("Service", "web", at(0)),))) == ()


def test_only_what_is_beside_the_resource_is_left() -> None:
    assert not left(Observed(objects=(ObjectSeen("Service", "web"),)))
    assert left(Observed(objects=(beside("Pod"),)))


def test_finalizers_are_named_some_seconds_after_they_are_seen_and_with_them_what_they_hold() -> None:
    content = Remark("NamespaceContentRemaining", at(1), "configmaps. has 1 resource instances")
    held = Remark("NamespaceFinalizersRemaining", at(3), "example.com/hold in 1 resource instances")
    seen = Observed(namespace=going(content, held))
    assert blocker(seen, at(7.9)) == ""
    assert next_look(seen, at(7.9)) == at(8)
    assert blocker(seen, at(8)) == f"{content.message}; {held.message}"
    assert next_look(seen, at(8)) is None


def test_content_that_nothing_holds_is_given_more_time() -> None:
    seen = Observed(namespace=going(Remark("NamespaceContentRemaining", at(1), "pods. has 1 resource instances")))
    assert blocker(seen, at(20)) == ""
    assert blocker(seen, at(21)) == "pods. has 1 resource instances"


def test_an_api_that_does_not_answer_is_named() -> None:
    failure = "Discovery failed for some groups, 1 failing: metrics.k8s.io/v1beta1: stale"
    seen = Observed(namespace=going(Remark("NamespaceDeletionDiscoveryFailure", at(0), failure)))
    assert blocker(seen, at(5)) == failure


def test_a_refused_deletion_is_named_at_once() -> None:
    refused = {"DeleteNamespace": DeletionRefused(at(0), "Namespace trial-1 was not deleted: denied by policy")}
    assert blocker(Observed(undeleted=refused), at(0)) == "Namespace trial-1 was not deleted: denied by policy"


def test_an_object_that_is_held_is_named_with_whose_consent_it_waits_for() -> None:
    seen = Observed(objects=(beside("Service", "web", at(0), "a.example/x", "b.example/y"), beside("Service", "db")))
    assert blocker(seen, at(5)) == "Service web has the finalizers a.example/x, b.example/y"


def test_a_pod_that_does_not_end_is_named_once_its_grace_is_long_over() -> None:
    stuck = pod("web", deleting_since=at(30), node="n1")
    assert blocker(Observed(pods=(stuck,)), at(39)) == ""
    assert blocker(Observed(pods=(stuck,)), at(40)) == "pod web-x1 on node n1 should have ended at 12:00:30 UTC"
    assert blocker(Observed(pods=(stuck,)), at(400)) == blocker(Observed(pods=(stuck,)), at(40)), "status would churn"
    lost = pod("web", deleting_since=at(30), node="n1", disruption="NodeLost")
    assert "its node is lost" in blocker(Observed(pods=(lost,)), at(40))
    held = pod("web", deleting_since=at(30), finalizers=("a.example/x",))
    assert blocker(Observed(pods=(held,)), at(40)).endswith("and has the finalizer a.example/x")


def test_many_blockers_are_counted() -> None:
    objects = tuple(beside("Service", f"s{number}", at(0), "x/y") for number in range(NAMED + 2))
    assert blocker(Observed(objects=objects), at(9)).endswith("; and 2 more")
