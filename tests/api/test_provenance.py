"""A label alone proves nothing: only what is ours in every respect is ours."""

from typing import Any

import pytest

from seatrial.api import names
from seatrial.api.provenance import is_collected, is_environment, is_ours, is_recorded, owner

NAME = names.environment_namespace("checkout", "u", "1")


def metadata(name: str, namespace: str | None = "shop", **labels: str) -> dict[str, Any]:
    found: dict[str, Any] = {
        "name": name,
        "labels": names.labels("u", "1", **labels),
        "annotations": names.owner("TestScenario", "shop", "checkout"),
    }
    return found | ({"namespace": namespace} if namespace else {})


def test_what_we_make_is_ours() -> None:
    assert is_ours("Namespace", metadata(NAME, None))
    assert is_ours("Deployment", metadata("web", service="web"))
    assert is_ours("Service", metadata("web", NAME, service="web"))
    assert is_ours("Job", metadata("anything", step="work"))
    assert is_ours("ControllerRevision", metadata(NAME))
    assert is_ours("Pod", metadata("web-x1", service="web"))


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("Namespace", metadata("production", None)),
        ("Deployment", metadata("copy", service="web")),
        ("Deployment", metadata("web", "elsewhere", service="web")),
        ("Job", metadata("theirs")),
        ("ControllerRevision", metadata("web-x1", service="web")),
        ("ConfigMap", metadata("theirs")),
        ("Deployment", metadata("web", service="web") | {"annotations": {}}),
        ("Deployment", metadata("web", service="web") | {"annotations": {names.OWNER: "Pod/shop/checkout"}}),
        ("Deployment", metadata("web") | {"labels": {names.OWNER_UID: "u", names.SERVICE: "web"}}),
        ("Deployment", {"name": "web"}),
    ],
)
def test_what_somebody_put_our_labels_on_is_theirs(kind: str, body: dict[str, Any]) -> None:
    assert not is_ours(kind, body)


def test_a_namespace_that_was_there_before_holds_no_spec() -> None:
    body = metadata(NAME, None)
    assert is_environment(body)
    assert not is_recorded(body)
    body["annotations"][names.RUN_SPEC] = "{}"
    assert is_recorded(body)


def test_what_its_resource_owns_the_cluster_collects() -> None:
    assert is_collected(metadata("report") | {"ownerReferences": [{"uid": "u"}]})
    assert not is_collected(metadata("report") | {"ownerReferences": [{"uid": "v"}]})
    assert owner({"name": "x"}) is None
