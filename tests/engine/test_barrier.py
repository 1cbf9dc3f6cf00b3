"""Workers that wait for one another, a controller that tells them when to begin, and an API server between them."""

import asyncio
import re
from functools import partial
from typing import Any

import pytest

from e2e.faults.layer import Faults, FaultyClient, Kind
from seatrial.api import names
from seatrial.engine import resync
from seatrial.load.barrier import ReadyLine
from tests.engine.api_server import ApiServer, Fault, Object
from tests.engine.test_load_test import target, workers
from tests.engine.workers import line
from tests.engine.world import World
from tests.thoroughness import STRIDE

pytestmark = pytest.mark.anyio

TWO: dict[str, Any] = {"workers": 2, "profile": {"users": 2, "duration": "1s"}}


def ready(server: ApiServer, body: Object) -> None:
    """Starts workers that say that they are ready, and wait; their log breaks off and is asked for again."""
    for index in range(body["spec"]["completions"]):
        server.logs[f"{body['metadata']['name']}-{index}"] = [ReadyLine(worker=index).model_dump_json()]
    server.start_workers(body)


def moments(world: World) -> list[str]:
    return [pod["metadata"]["annotations"][names.START] for pod in world.server.all("pods")]


def told(world: World) -> bool:
    return len(moments(world)) == 2 and all(moments(world))


def end(world: World) -> None:
    """Has all workers end with their last lines."""
    for index, pod in enumerate(world.server.all("pods")):
        world.server.logs[pod["metadata"]["name"]] = [line(index, 1, final=True)]
        world.server.change("pods", pod["metadata"]["name"], "shop", lambda body: body["metadata"].update(touched=1))


def told_pods(world: World) -> list[str]:
    return [write.name for write in world.writes() if write.what == "pods"]


async def test_all_workers_are_told_one_moment_each_once(world: World) -> None:
    target(world)
    world.server.cluster.job = ready
    world.load_test(**TWO)
    await world.until(lambda: told(world))
    first, second = moments(world)
    assert first == second
    assert re.fullmatch(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", first)
    await world.until(lambda: "all workers begin at" in world.status("loadtests").get("message", ""))
    end(world)
    status = await world.until_done("loadtests")
    assert (status["verdict"], status["result"]["requests"]) == ("Passed", 2)
    assert len(told_pods(world)) == 2
    assert world.left() == []


def give_address(address: str, pod: Object) -> None:
    pod["status"]["podIP"] = address


async def test_workers_of_locust_are_told_where_their_master_is_once_that_is_known(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    target(world)
    world.server.cluster.job = ready
    script = {"inline": "import locust"}
    world.load_test(**TWO, engine="Locust", script=script)
    await world.until(lambda: "worker 0 has no address yet" in caplog.text)
    assert not any(moments(world))
    for pod in world.server.all("pods"):
        name = pod["metadata"]["name"]
        world.server.change("pods", name, "shop", partial(give_address, "10.0.0.1" if name[-1] == "0" else "10.0.0.2"))
    await world.until(lambda: told(world))
    assert [pod["metadata"]["annotations"][names.LEADER] for pod in world.server.all("pods")] == ["10.0.0.1"] * 2
    world.kill()


async def test_a_single_worker_costs_no_write(world: World) -> None:
    target(world)
    world.server.cluster.job = workers([line(final=True)])
    world.load_test()
    assert (await world.until_done("loadtests"))["verdict"] == "Passed"
    assert told_pods(world) == []


@pytest.mark.parametrize("code", [409, 429, 500])
async def test_a_write_that_fails_is_repeated_with_the_moment_of_the_others(world: World, code: int) -> None:
    target(world)
    world.server.cluster.job = ready
    world.server.faults = [Fault("PATCH", "/pods/", status=code)]
    world.load_test(**TWO)
    await world.until(lambda: told(world))
    assert len(set(moments(world))) == 1
    world.kill()


async def test_an_operator_that_died_between_two_writes_is_followed_by_one_that_keeps_the_moment(world: World) -> None:
    target(world)
    world.server.cluster.job = ready
    world.server.faults = [fault := Fault("PATCH", "/pods/.*-1$", status=500, times=1000)]
    world.load_test(**TWO)
    await world.until(lambda: fault.hits and any(moments(world)))
    world.kill()
    (at,) = filter(None, moments(world))
    world.server.faults = []
    world.start()
    await world.until(lambda: told(world))
    assert set(moments(world)) == {at}
    end(world)
    assert (await world.until_done("loadtests"))["verdict"] == "Passed"


async def test_who_may_not_tell_them_says_so(world: World) -> None:
    target(world)
    world.server.cluster.job = ready
    world.server.faults = [Fault("PATCH", "/pods/", status=403, times=10)]
    world.load_test(**TWO)
    status = await world.until_done("loadtests")
    assert (status["verdict"], status["reason"]) == ("Error", "Refused")
    assert "cannot be told when to begin" in status["message"]


async def test_a_pod_that_only_has_our_labels_is_told_nothing(world: World) -> None:
    def copied(server: ApiServer, body: Object) -> None:
        elsewhere = body | {"metadata": body["metadata"] | {"namespace": "else"}}
        server.put_pod(elsewhere, "copied", {"state": {"running": {}}}, index=0)
        ready(server, body)

    target(world)
    world.server.put("namespaces", {"metadata": {"name": "else"}})
    world.server.cluster.job = copied
    world.load_test(**TWO)
    await world.until(lambda: len(told_pods(world)) == 2)
    assert "copied" not in told_pods(world)
    world.kill()


def beginning(moments_of_runs: list[set[str]]) -> Any:
    """A script by which workers end some time after all of them have been told, and which notes what they were told."""

    def script(server: ApiServer, body: Object) -> None:
        ready(server, body)
        pods = [f"{body['metadata']['name']}-{index}" for index in range(body["spec"]["completions"])]

        def look() -> None:
            bodies = [server.get("pods", name, "shop") for name in pods]
            told = [body["metadata"]["annotations"][names.START] for body in bodies if body]
            if len(told) == len(pods) and all(told):
                moments_of_runs.append(set(told))
                server.logs.update({name: [line(index, 1, final=True)] for index, name in enumerate(pods)})
            elif told:
                asyncio.get_running_loop().call_later(0.005, look)

        look()

    return script


@pytest.mark.parametrize(
    "kind", [kind if kind is Kind.KILL else pytest.param(kind, marks=pytest.mark.heavy) for kind in Kind]
)
async def test_a_fault_at_any_write_keeps_the_verdict_and_the_moment(
    world: World, monkeypatch: pytest.MonkeyPatch, kind: Kind
) -> None:
    monkeypatch.setattr(resync, "INTERVAL", 0.05)  # finds what went while a watch was cut
    target(world)
    told_of_runs: list[set[str]] = []
    world.server.cluster.job = beginning(told_of_runs)
    at, client, trials = 1 + list(Kind).index(kind) % STRIDE, world.client, 0
    while True:
        trials += 1
        faults = Faults(kind, at, world.kill, world.cut, retry_after=0.02)
        world.kill()
        world.client = FaultyClient(client._api, faults=faults)
        world.start()
        world.client = client
        world.load_test(**TWO)
        if kind is Kind.KILL:
            await world.until(lambda: not world.server.listeners or ended(world))
            if not world.server.listeners:
                world.start()
        status = await world.until_done("loadtests")
        assert (status["verdict"], status["result"]["requests"]) == ("Passed", 2), f"{kind} at write {at}"
        assert world.left() == []
        world.server.delete("loadtests", "peak", "shop")
        if not faults.struck:
            break
        at += STRIDE
    assert at > 8
    assert [len(moments) for moments in told_of_runs] == [1] * trials


def ended(world: World) -> bool:
    return world.status("loadtests").get("phase") == "Done" and not world.finalizers("loadtests")
