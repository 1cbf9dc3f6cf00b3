from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from seatrial.api import names
from seatrial.engine.key import Key
from seatrial.engine.store import Store

KEY = Key("TestScenario", "shop", "checkout")
Object = dict[str, Any]


def body(uid: str, version: str, **metadata: Any) -> Object:
    return {"metadata": {"name": "checkout", "namespace": "shop", "uid": uid, "resourceVersion": version, **metadata}}


def pod(uid: str, version: str, run: str = "1", owner: str = "o", **more: Any) -> Object:
    labels = {names.OWNER_UID: owner, names.RUN: run}
    return body(uid, version, labels=labels) | more


def test_an_older_version_does_not_replace_a_newer_one() -> None:
    store = Store()
    store.put_resource(KEY, body("a", "10"))
    store.put_resource(KEY, body("a", "9"))
    assert store.resource(KEY) == body("a", "10")
    store.put("Pod", pod("a", "10"))
    store.put("Pod", pod("a", "9", status={"phase": "Pending"}))
    assert store.objects("o", "Pod")[0]["status"] == {}


def test_versions_are_numbers_and_not_text() -> None:
    store = Store()
    store.put_resource(KEY, body("a", "9"))
    store.put_resource(KEY, body("a", "10"))
    assert store.resource(KEY) == body("a", "10")


@given(st.permutations(["ADDED old", "MODIFIED old", "DELETED old", "ADDED new"]))
def test_of_two_that_had_the_same_name_the_later_one_stays(events: list[str]) -> None:
    """kopf works on objects by their UID, so what it tells of two of the same name comes in any order."""
    # Of one object, in order.
    events.sort(key=lambda event: event.startswith("DELETED"))
    bodies = {
        "ADDED old": body("old", "1"),
        "MODIFIED old": body("old", "2"),
        "DELETED old": body("old", "3"),
        "ADDED new": body("new", "4"),
    }
    for new_at in range(len(events)):
        order = [event for event in events if event != "ADDED new"]
        order.insert(new_at, "ADDED new")
        store = Store()
        for event in order:
            if event.startswith("DELETED"):
                store.drop_resource(KEY, bodies[event])
            else:
                store.put_resource(KEY, bodies[event])
        assert store.resource(KEY) == bodies["ADDED new"], order


def test_a_write_of_ours_does_not_bring_back_what_is_gone() -> None:
    store = Store()
    store.put_resource(KEY, body("a", "1"))
    store.written(KEY, body("a", "2"))
    assert store.resource(KEY) == body("a", "2")
    store.drop_resource(KEY, body("a", "3"))
    store.written(KEY, body("a", "2"))
    assert store.resource(KEY) is None
    store.put_resource(KEY, body("b", "5"))
    store.written(KEY, body("a", "2"))
    assert store.resource(KEY) == body("b", "5")


def test_dropping_an_old_one_leaves_the_new_one_of_its_name() -> None:
    store = Store()
    store.put("Pod", pod("old", "1"))
    store.put("Pod", pod("new", "2"))
    store.drop("Pod", pod("old", "1"))
    assert [found["metadata"]["uid"] for found in store.objects("o", "Pod")] == ["new"]
    store.drop("Pod", pod("new", "3"))
    assert store.objects("o", "Pod") == []
    assert store._objects == {}
    store.drop("Pod", pod("new", "3"))


def test_a_deletion_that_was_asked_for_is_not_forgotten() -> None:
    store = Store()
    store.put("Job", pod("a", "1"))
    (known,) = store.objects("o", "Job")
    store.mark_deleting("Job", known)
    assert store.objects("o", "Job")[0]["metadata"]["deletionTimestamp"] == "now"
    # Told before the deletion took effect.
    store.put("Job", pod("a", "2", status={"active": 1}))
    assert store.objects("o", "Job")[0]["metadata"]["deletionTimestamp"] == "now"
    assert store.objects("o", "Job")[0]["status"] == {"active": 1}
    # Another one of the same name is not being deleted.
    store.put("Job", pod("b", "3"))
    assert "deletionTimestamp" not in store.objects("o", "Job")[0]["metadata"]


def test_what_is_gone_already_is_not_brought_back_by_asking_for_its_deletion() -> None:
    """A namespace that came back this way would be waited for until the operator is restarted."""
    store = Store()
    store.put("Namespace", pod("a", "1"))
    (known,) = store.objects("o", "Namespace")
    store.drop("Namespace", pod("a", "2"))
    store.mark_deleting("Namespace", known)
    assert store.objects("o", "Namespace") == []


def test_objects_are_found_by_owner_kind_and_run() -> None:
    store = Store()
    store.put("Pod", pod("a", "1"))
    store.put("Job", pod("b", "2", run="2"))
    store.put("Pod", {"metadata": {"name": "foreign", "labels": {}, "uid": "c"}})
    assert [found["metadata"]["uid"] for found in store.objects("o", "Pod")] == ["a"]
    assert [found["metadata"]["uid"] for found in store.objects("o", "Job", "2")] == ["b"]
    assert store.objects("o", "Job", "1") == []
    assert store.objects("other", "Pod") == []
    assert list(store.resources()) == []


def test_only_what_decisions_need_is_kept() -> None:
    store = Store()
    full = pod("a", "1", spec={"replicas": 2, "template": {"spec": {}}}, status={"readyReplicas": 1})
    full["metadata"]["managedFields"] = [{}] * 100
    store.put("Deployment", full)
    (kept,) = store.objects("o", "Deployment")
    assert kept["spec"] == {"replicas": 2}
    assert "managedFields" not in kept["metadata"]
    assert kept["status"] == {"readyReplicas": 1}
