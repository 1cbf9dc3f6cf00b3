"""What the target uses under load: one that runs out of memory is found out, and a cluster that cannot tell says so."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from .conftest import Run, Trials

IMAGE = "localhost/seatrial-example-inventory:dev"
METRICS_API = "v1beta1.metrics.k8s.io"
#: Answers fourteen times, and takes more memory than it may have at the next one.
GLUTTON = """
from aiohttp import web

answered = 0

async def answer(request):
    global answered
    answered += 1
    if answered == 15:
        return web.Response(body=bytes(range(256)) * 2**22)
    return web.Response(text="hello")

app = web.Application()
app.router.add_get("/", answer)
web.run_app(app, port=8080, print=None, access_log=None)
"""


def load_test(name: str, **spec: Any) -> dict[str, Any]:
    """A user who pauses, so that nothing of it hangs on how busy the node is."""
    whole = {
        "target": {"service": "glutton", "port": "http"},
        "requestTimeout": "1s",
        "flows": [{"name": "look", "thinkTime": "200ms", "steps": [{"path": "/"}]}],
        "profile": {"users": 1, "duration": "6s"},
        **spec,
    }
    return {"apiVersion": "seatrial.dev/v1alpha1", "kind": "LoadTest", "metadata": {"name": name}, "spec": whole}


def objects() -> Iterator[dict[str, Any]]:
    container = {
        "name": "server",
        "image": IMAGE,
        "command": ["python", "-c", GLUTTON],
        "ports": [{"name": "http", "containerPort": 8080}],
        "readinessProbe": {"tcpSocket": {"port": "http"}, "periodSeconds": 1},
        "resources": {"limits": {"memory": "128Mi"}},
    }
    template = {"metadata": {"labels": {"app": "glutton"}}, "spec": {"containers": [container]}}
    spec = {"selector": {"matchLabels": {"app": "glutton"}}, "template": template}
    yield {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "glutton"}, "spec": spec}
    ports = [{"name": "http", "port": 80, "targetPort": "http"}]
    spec = {"selector": {"app": "glutton"}, "ports": ports}
    yield {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "glutton"}, "spec": spec}


@pytest.fixture
def glutton(trials: Trials, kubectl: Run) -> Trials:
    """A namespace with a server that takes too much memory after a while."""
    trials.apply({"apiVersion": "v1", "kind": "List", "items": list(objects())})
    kubectl("rollout", "status", "deployment/glutton", "-n", trials.namespace, "--timeout=60s")
    return trials


@pytest.fixture
def _no_metrics_api(kubectl: Run) -> Iterator[None]:
    """A cluster without metrics-server, for a while."""
    found = json.loads(kubectl("get", "apiservice", METRICS_API, "--output", "json").stdout)
    kubectl("delete", "apiservice", METRICS_API)
    yield
    kept = {"name": METRICS_API, "labels": found["metadata"].get("labels", {})}
    body = {key: found[key] for key in ("apiVersion", "kind", "spec")} | {"metadata": kept}
    kubectl("apply", "--filename", "-", input=json.dumps(body))
    kubectl("wait", "--for=condition=Available", f"apiservice/{METRICS_API}", "--timeout=60s")


def test_a_target_that_runs_out_of_memory_under_load_fails(glutton: Trials, seatrial: Run) -> None:
    glutton.apply(load_test("fed", thresholds=[{"expr": "target.oomKills == 0"}]))
    status = glutton.wait("ldt", "fed")["status"]
    assert (status["verdict"], status["reason"]) == ("Failed", "ThresholdMissed"), status["message"]
    assert "target.oomKills = 1" in status["message"]
    (used,) = status["result"]["resourceUse"]
    assert (used["pods"], used["restarts"], used["oomKills"]) == (1, 1, 1)
    assert status["result"]["errors"] >= 1
    page = seatrial("report", "ldt/fed", "--namespace", glutton.namespace, check=True).stdout
    assert "1 out of memory" in page


@pytest.mark.exclusive
@pytest.mark.usefixtures("_no_metrics_api")
def test_without_a_metrics_api_that_is_said_and_nothing_fails_for_it(glutton: Trials) -> None:
    # Few enough requests that it does not take too much memory here.
    flow = {"name": "look", "thinkTime": "500ms", "steps": [{"path": "/"}]}
    short = {"flows": [flow], "profile": {"users": 1, "duration": "2s"}}
    glutton.apply(load_test("blind", observe=[{"name": "target"}], **short))
    glutton.apply(load_test("needs", thresholds=[{"expr": "target.memory.max < 1024 * 1024 * 1024"}], **short))

    status = glutton.wait("ldt", "blind")["status"]
    assert (status["verdict"], status["reason"]) == ("Passed", "Completed"), status["message"]
    (used,) = status["result"]["resourceUse"]
    assert used["message"] == "this cluster has no metrics API (metrics.k8s.io): install metrics-server"
    assert (used["pods"], used["restarts"], "memoryMax" in used) == (1, 0, False)

    status = glutton.wait("ldt", "needs")["status"]
    assert (status["verdict"], status["reason"]) == ("Inconclusive", "NoData"), status["message"]
