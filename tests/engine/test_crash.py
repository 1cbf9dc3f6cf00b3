"""Whatever goes wrong at any one write of a run: the same verdict, the same objects, none twice, none left."""

from collections import Counter
from dataclasses import dataclass

import pytest

from e2e.faults.layer import Faults, FaultyClient, Kind
from seatrial.engine import resync
from tests.engine.api_server import ApiServer, Object
from tests.engine.workers import line
from tests.engine.world import World
from tests.thoroughness import STRIDE

pytestmark = pytest.mark.anyio

#: What a run makes; Events are a courtesy, and pods are made by others.
MADE = {"namespaces", "resourcequotas", "limitranges", "networkpolicies", "services", "deployments", "jobs"}


@dataclass(frozen=True)
class Trial:
    """What has become of one run.

    Attributes:
        verdict: Verdict and reason.
        steps: State of each setup, step and teardown entry.
        made: How often each object was made, by kind and name.
        requests: How often each request reached the service.
    """

    verdict: tuple[str, str]
    steps: dict[str, str]
    made: Counter[tuple[str, str]]
    requests: Counter[str]


def job(server: ApiServer, body: Object) -> None:
    """Lets a Job end at once, and workers send their result."""
    if body["spec"].get("completionMode") != "Indexed":
        server.end_job(body)
        return
    server.logs[f"{body['metadata']['name']}-0"] = [line(0), line(0, 1, final=True)]
    server.start_workers(body)


def reference(world: World) -> None:
    """Applies the reference scenario: three services, setup, five steps, teardown."""
    ended = {"image": "sh:1", "command": ["true"]}
    load = {"target": {"service": "web"}, "profile": {"users": 1, "duration": "1s"}}
    world.scenario(
        {"name": "look", "http": {"service": "web", "path": "/orders"}},
        {
            "name": "order",
            "needs": [{"step": "look"}],
            "http": {"service": "web", "method": "POST", "path": "/orders"},
            "capture": {"id": "response.json.id"},
        },
        {"name": "contract", "needs": [{"step": "order"}], "job": ended},
        {
            "name": "peak",
            "needs": [{"step": "order"}],
            "load": load | {"thresholds": [{"expr": "requests.count == 1"}]},
        },
        {
            "name": "stock",
            "needs": [{"step": name} for name in ("order", "contract", "peak")],
            "http": {"service": "stock", "path": "/stock?order=${captures.id}"},
        },
        services=[
            world.service("db", ready={}),
            world.service("stock", dependsOn=[{"service": "db"}]),
            world.service("web", dependsOn=[{"service": "stock"}, {"service": "db", "condition": "Started"}]),
        ],
        setup=[{"name": "seed", "job": ended}],
        teardown=[{"name": "export", "job": ended}],
    )


async def trial(world: World, faults: Faults) -> Trial:
    """Runs the scenario with a fault, and without any after the operator's death."""
    world.server.history.clear()
    world.app.requests.clear()
    client, world.client = world.client, FaultyClient(world.client._api, faults=faults)
    world.kill()
    world.start()
    world.client = client
    reference(world)
    if faults.kind is Kind.KILL:
        await world.until(lambda: not world.server.listeners or ended(world), f"write {faults.at}")
        if faults.struck:
            world.start()
    status = await world.until_done()
    assert world.left() == [], faults
    made: Counter[tuple[str, str]] = Counter()
    for _, plural, event, body in world.server.history:
        if event == "ADDED" and plural in MADE:
            # The name of an environment holds the UID of the resource.
            name = "" if plural == "namespaces" else body["metadata"]["name"]
            made[plural, name] += 1
    world.server.delete("testscenarios", "checkout", "shop")
    entries = [*status["setup"], *status["steps"], *status["teardown"]]
    return Trial(
        (status["verdict"], status["reason"]),
        {entry["name"]: entry["state"] for entry in entries},
        made,
        Counter(world.app.requests),
    )


def ended(world: World) -> bool:
    return world.status().get("phase") == "Done" and not world.finalizers()


@pytest.mark.parametrize(
    "kind", [kind if kind is Kind.KILL else pytest.param(kind, marks=pytest.mark.heavy) for kind in Kind]
)
async def test_a_fault_at_any_write_changes_nothing(world: World, monkeypatch: pytest.MonkeyPatch, kind: Kind) -> None:
    """A run is repeated with the fault at its first write, at its second, and so on until it has fewer than that.

    Where not every write is tried, each kind of fault strikes at others.
    """
    monkeypatch.setattr(resync, "INTERVAL", 0.05)  # finds what went while a watch was cut
    world.server.cluster.job = job
    plain = await trial(world, Faults(kind, 0))
    assert plain.verdict == ("Passed", "AllStepsSucceeded")
    assert set(plain.made.values()) == {1}
    assert plain.requests == {"GET /orders": 1, "POST /orders": 1, "GET /stock?order=7": 1}
    at, interrupted = 1 + list(Kind).index(kind) % STRIDE, 0
    while found := await struck(world, Faults(kind, at, world.kill, world.cut, retry_after=0.02)):
        interrupted += compare(found, plain, kind)
        at += STRIDE
    assert at > sum(plain.made.values()) + 10
    # Only the write of the POST's intent; with one write of progress more or less, two runs may strike there.
    assert interrupted <= 2 * (kind is Kind.KILL)


async def struck(world: World, faults: Faults) -> Trial | None:
    """Runs the scenario with a fault. Returns None if it had fewer writes than that."""
    found = await trial(world, faults)
    if not faults.struck:
        return None
    assert found.steps["order"] != "Error" or faults.struck_at == "patch testscenarios/status checkout", found
    return found


def compare(found: Trial, plain: Trial, kind: Kind) -> bool:
    """Compares a run with one without a fault. Returns whether its POST was interrupted."""
    assert max(found.made.values()) == 1, found.made
    assert found.requests["POST /orders"] <= 1
    if kind is Kind.KILL and found.verdict == ("Error", "Interrupted"):
        # Its intent was on record when the operator died: only a person may say that it be sent again.
        assert found.steps["order"] == "Error"
        assert found.steps["export"] == "Succeeded"
        assert found.made.keys() <= plain.made.keys()
        return True
    assert (found.verdict, found.steps, found.made) == (plain.verdict, plain.steps, plain.made)
    if kind is not Kind.KILL:
        assert found.requests == plain.requests
    return False
