"""Labels, annotations and names of everything that is made."""

import copy
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.api import names
from seatrial.build.deployment import deployment, service
from seatrial.build.environment import guards, namespace
from seatrial.build.job import job_name
from seatrial.kube.resources import BY_KIND
from tests.build.objects import ORIGIN, Object, container, web, workloads

LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
LABEL_VALUE = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?")


def everything() -> list[Object]:
    return [
        namespace(ORIGIN, "trial", "{}"),
        *guards(ORIGIN, "trial", "seatrial-system"),
        *workloads(),
        service(ORIGIN, "trial", web(ports=[{"name": "http", "port": 80}])),
    ]


@pytest.mark.parametrize("body", everything(), ids=lambda body: str(body["kind"]))
def test_everything_says_whose_it_is(body: Object) -> None:
    metadata = body["metadata"]
    assert (
        metadata["labels"] | {names.MANAGED_BY: "seatrial", names.OWNER_UID: ORIGIN.uid, names.RUN: "3"}
        == (metadata["labels"])
    )
    assert metadata["annotations"][names.OWNER] == "TestScenario/shop/checkout"
    assert metadata.get("namespace") == (None if body["kind"] == "Namespace" else "trial")
    assert BY_KIND[body["kind"]].api_version == body["apiVersion"]
    assert all(LABEL_VALUE.fullmatch(value) for value in metadata["labels"].values())


@pytest.mark.parametrize("body", workloads(), ids=lambda body: str(body["metadata"]["name"]))
def test_pods_carry_the_labels_of_what_made_them(body: Object) -> None:
    template = body["spec"]["template"]["metadata"]
    assert template["labels"] == body["metadata"]["labels"]
    assert template["annotations"][names.OWNER] == "TestScenario/shop/checkout"


def test_a_service_leads_to_the_pods_of_its_deployment_and_to_no_others() -> None:
    wanted = web(ports=[{"name": "http", "port": 8080}, {"name": "admin", "port": 81}])
    made, built = deployment(ORIGIN, "trial", wanted), service(ORIGIN, "trial", wanted)
    labels = made["spec"]["template"]["metadata"]["labels"]
    assert built["spec"]["selector"].items() <= labels.items()
    assert made["spec"]["selector"]["matchLabels"].items() <= labels.items()
    assert labels[names.SERVICE] == "web"
    for other in workloads()[1:]:
        assert not built["spec"]["selector"].items() <= other["spec"]["template"]["metadata"]["labels"].items()
    assert built["spec"]["ports"] == [
        {"name": "http", "port": 8080, "targetPort": "http"},
        {"name": "admin", "port": 81, "targetPort": "admin"},
    ]
    assert container(made)["ports"] == [
        {"name": "http", "containerPort": 8080},
        {"name": "admin", "containerPort": 81},
    ]
    assert set(built["spec"]) == {"selector", "ports"}  # a ClusterIP: no node ports, load balancers, external names


def test_the_same_input_gives_the_same_output_and_is_left_alone() -> None:
    first = copy.deepcopy(everything())
    for body in everything():
        body["metadata"]["labels"]["x"] = "y"
    assert everything() == first


NAMES = st.from_regex(r"[a-z]([-a-z0-9]{0,48}[a-z0-9])?", fullmatch=True)
RESOURCE_NAMES = st.from_regex(
    r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?(\.[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?){0,3}", fullmatch=True
)


@given(name=RESOURCE_NAMES, uid=st.uuids(), run=st.integers(1, 10**9))
def test_names_are_labels_for_every_resource_name(name: str, uid: object, run: int) -> None:
    for made in (
        names.environment_namespace(name, str(uid), str(run)),
        names.load_job(name, str(uid), str(run)),
    ):
        assert LABEL.fullmatch(made), made
        # The pods of an Indexed Job have the host name NAME-INDEX, which must be a label as well.
        assert len(f"{made}-99") <= 63


@given(name=NAMES)
def test_names_of_services_and_steps_leave_room(name: str) -> None:
    for attempt in (1, 11):
        assert LABEL.fullmatch(job_name(name, attempt))
        assert len(f"{job_name(name, attempt)}-99") <= 63
    made = deployment(ORIGIN, "trial", web(name=name))
    assert LABEL.fullmatch(made["metadata"]["name"])
    assert all(LABEL_VALUE.fullmatch(value) for value in made["metadata"]["labels"].values())


@given(
    first=st.tuples(RESOURCE_NAMES, st.uuids().map(str), st.integers(1, 50).map(str)),
    second=st.tuples(RESOURCE_NAMES, st.uuids().map(str), st.integers(1, 50).map(str)),
)
def test_names_of_different_runs_differ(first: tuple[str, str, str], second: tuple[str, str, str]) -> None:
    same = first[1:] == second[1:] and first[0] == second[0]
    assert (names.environment_namespace(*first) == names.environment_namespace(*second)) is same
    assert names.environment_namespace(*first) == names.environment_namespace(*first)
