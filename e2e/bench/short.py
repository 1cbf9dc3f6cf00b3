"""A short scenario on the cluster, and the floors that it stands on: bare pods and a bare namespace."""

import time
from collections import Counter
from dataclasses import dataclass

from e2e.bench.api import Api, manifest
from e2e.bench.watching import Event, Watching
from seatrial.api import names
from seatrial.api.scenario import TestScenarioSpec
from seatrial.build.deployment import deployment
from seatrial.build.origin import Origin
from seatrial.kube.client import Object
from seatrial.kube.resources import (
    DEPLOYMENTS,
    JOBS,
    LIMIT_RANGES,
    NAMESPACES,
    NETWORK_POLICIES,
    PODS,
    RESOURCE_QUOTAS,
    SERVICES,
    TEST_SCENARIOS,
)

#: What the operator makes for runs; pods are made by Kubernetes.
MADE = (NAMESPACES, LIMIT_RANGES, RESOURCE_QUOTAS, NETWORK_POLICIES, SERVICES, DEPLOYMENTS, JOBS)
#: What has to be watched for this module.
WATCHED = (TEST_SCENARIOS, PODS, *MADE)
_MADE_KINDS = {resource.kind for resource in MADE}

#: As quick to start as a web server in Python gets; it ends at once when it is told to, as process 1 too.
_SERVER = """\
import http.server, signal, sys
signal.signal(signal.SIGTERM, lambda *_: sys.exit())
http.server.ThreadingHTTPServer(("", 8080), http.server.SimpleHTTPRequestHandler).serve_forever()
"""

#: An environment of its own, one web service, one HTTP check.
SCENARIO: Object = {
    "environment": {
        "services": [
            {
                "name": "web",
                "image": "localhost/seatrial:dev",
                "podSecurity": "Restricted",
                "command": ["/opt/seatrial/bin/python", "-I", "-c", _SERVER],
                "ports": [{"name": "http", "port": 8080}],
                "ready": {"http": {"path": "/"}},
            }
        ]
    },
    "steps": [{"name": "home", "http": {"service": "web", "path": "/"}, "expect": ["response.status == 200"]}],
}


@dataclass(frozen=True)
class Run:
    """What was seen of a run; times are in seconds.

    Attributes:
        verdict: From the answer to the creation of the TestScenario to its condition Complete.
        pods_gone: From Complete until its last pod was gone.
        gone: From Complete until its namespace was gone.
        made: Objects that the operator made, by kind.
        alone: Whether nothing of any other run was seen meanwhile.
    """

    verdict: float
    pods_gone: float
    gone: float
    made: Counter[str]
    alone: bool


async def run_scenario(api: Api, watch: Watching, namespace: str, name: str, spec: Object = SCENARIO) -> Run:
    """Runs a scenario until the operator has let go of it.

    Args:
        api: Where it is created.
        watch: Shows it, and all that is made for it.
        namespace: Where it is.
        name: Its name.
        spec: What it is.

    Raises:
        RuntimeError: It does not pass, or something is not seen in time.
    """
    since = len(watch.events)
    body = manifest(TEST_SCENARIOS, name, namespace, spec=spec)
    uid = str((await api.client.create(TEST_SCENARIOS, body, namespace))["metadata"]["uid"])
    created = time.perf_counter()

    def is_it(event: Event) -> bool:
        return event.uid == uid

    def is_its_namespace(event: Event) -> bool:
        return event.kind == "Namespace" and event.label(names.OWNER_UID) == uid

    def let_go(event: Event) -> bool:
        return is_it(event) and event.condition("TornDown") and not event.body["metadata"].get("finalizers")

    complete = await watch.first(
        f"{name} is Complete", lambda event: is_it(event) and event.condition("Complete"), since=since, timeout=120
    )
    status = complete.body["status"]
    if status["verdict"] != "Passed":
        raise RuntimeError(f"{name} ended as {status['verdict']}: {status['reason']}: {status.get('message', '')}")
    gone = await watch.first(
        f"the namespace of {name} is gone",
        lambda event: event.type == "DELETED" and is_its_namespace(event),
        since=since,
        timeout=120,
    )
    await watch.first(f"the finalizer of {name} is off", let_go, since=since)
    events = watch.events[since:]
    its_events = [event for event in events if event.label(names.OWNER_UID) == uid]
    return Run(
        verdict=complete.at - created,
        pods_gone=max(event.at for event in its_events if event.kind == "Pod" and event.type == "DELETED")
        - complete.at,
        gone=gone.at - complete.at,
        made=Counter(event.kind for event in its_events if event.kind in _MADE_KINDS and event.type == "ADDED"),
        alone=all(event.label(names.OWNER_UID) in ("", uid) for event in events),
    )


async def bare_pod(api: Api, watch: Watching, namespace: str, name: str, *, probed: bool) -> float:
    """Measures from the answer to the creation of the service's pod, made without an operator, until it is Ready.

    Args:
        api: Where it is created.
        watch: Shows it.
        namespace: Where it lives.
        name: Its name.
        probed: Whether it has the service's probe, which the kubelet tries once a second.

    Returns:
        Seconds.
    """
    since = len(watch.events)
    body = manifest(PODS, name, namespace, spec=pod_spec(probed=probed))
    await api.client.create(PODS, body, namespace)
    created = time.perf_counter()

    def is_it(event: Event) -> bool:
        return event.kind == "Pod" and event.name == name

    ready = await watch.first(
        f"pod {name} is Ready", lambda event: is_it(event) and event.condition("Ready"), since=since
    )
    await api.client.delete(PODS, name, namespace)
    await watch.first(f"pod {name} is gone", lambda event: is_it(event) and event.type == "DELETED", since=since)
    return ready.at - created


async def bare_namespace(api: Api, watch: Watching, name: str) -> float:
    """Measures how many seconds an empty namespace takes to go, from the answer to its deletion."""
    since = len(watch.events)
    await api.client.create(NAMESPACES, manifest(NAMESPACES, name))
    await api.client.delete(NAMESPACES, name)
    deleted = time.perf_counter()
    gone = await watch.first(
        f"namespace {name} is gone", lambda event: event.name == name and event.type == "DELETED", since=since
    )
    return gone.at - deleted


def pod_spec(*, probed: bool) -> Object:
    """The spec that the operator gives the service's pods."""
    service = TestScenarioSpec.model_validate(SCENARIO).environment.services[0]
    built = deployment(Origin("TestScenario", "bench", "short", "", ""), "bench", service)
    spec: Object = built["spec"]["template"]["spec"]
    if not probed:
        del spec["containers"][0]["readinessProbe"]
    return spec
