"""A resource whose run is over costs next to nothing, and is there again in full when it changes."""

from copy import deepcopy
from typing import Any

import pytest

from seatrial.api import names
from seatrial.build.origin import Origin
from seatrial.engine.key import Key
from seatrial.engine.resting import remains, resting
from seatrial.engine.store import Store
from tests.engine.scenarios import GET
from tests.engine.world import World

pytestmark = pytest.mark.anyio

Object = dict[str, Any]
KEY = Key("TestScenario", "shop", "checkout")
OVER: Object = {
    "metadata": {"name": "checkout", "namespace": "shop", "uid": "u", "resourceVersion": "7", "generation": 2},
    "spec": {"steps": [{"name": "look"}], "dependsOn": [{"scenario": "other"}]},
    "status": {
        "phase": "Done",
        "verdict": "Passed",
        "observedGeneration": 2,
        "run": {"id": "2", "generation": 2, "finishedAt": "2026-01-01T00:00:00.000Z"},
        "steps": [{"name": "look", "state": "Succeeded"}],
    },
}


def changed(*path: str, to: object) -> Object:
    body: Object = deepcopy(OVER)
    place = body
    for name in path[:-1]:
        place = place.setdefault(name, {})
    place[path[-1]] = to
    return body


def test_it_rests_when_its_run_is_over_and_everything_is_away() -> None:
    assert resting(OVER)
    assert resting(changed("metadata", "finalizers", to=["theirs"]))


@pytest.mark.parametrize(
    "body",
    [
        changed("metadata", "generation", to=3),
        changed("metadata", "finalizers", to=[names.FINALIZER]),
        changed("metadata", "deletionTimestamp", to="2026-01-01T00:00:00Z"),
        changed("spec", "schedule", to={"cron": "0 3 * * *"}),
        changed("status", "schedule", to={"next": "2026-01-01T00:00:00Z"}),
        changed("status", "phase", to="Teardown"),
        changed("status", "phase", to="Retained"),
        changed("status", "verdict", to=None),
        changed("status", "observedGeneration", to=1),
        changed("status", "run", "generation", to=1),
        changed("status", to={}),
    ],
)
def test_whatever_is_still_to_be_done_keeps_it_awake(body: Object) -> None:
    assert not resting(body)


def test_what_remains_of_it_rests_too_and_tells_its_verdict() -> None:
    store = Store()
    store.put_resource(KEY, OVER)
    kept = store.resource(KEY)
    assert kept == remains(OVER)
    assert resting(kept)
    assert kept["status"]["verdict"] == "Passed"
    assert kept["spec"] == {"dependsOn": [{"scenario": "other"}]}
    assert "steps" not in kept["status"]
    newer = changed("metadata", "generation", to=3)
    store.put_resource(KEY, newer)
    assert store.resource(KEY) == newer


async def test_nothing_is_kept_of_a_run_that_is_over_and_the_next_one_has_all_of_it(world: World) -> None:
    world.scenario(GET)
    await world.until_done()
    controller = world.controller
    await world.until(lambda: not controller._subjects._parsed and not controller._record._entries)
    assert not controller._sessions
    world.server.change("testscenarios", "checkout", "shop", lambda body: body["spec"].update(run="again"))
    await world.until(lambda: (world.status().get("run") or {}).get("generation") == 2)
    await world.until_done()
    assert world.status()["verdict"] == "Passed"
    assert [run["id"] for run in world.status()["history"]] == ["1"]


def appearing(uid: str) -> Object:
    """An environment of a run that is over."""
    name = names.environment_namespace("checkout", uid, "1")
    metadata = Origin("TestScenario", "shop", "checkout", uid, "1").metadata(name)
    metadata["annotations"][names.RUN_SPEC] = "{}"
    return {"metadata": metadata}


async def test_something_that_appears_after_all_leaves_the_verdict_alone(world: World) -> None:
    body = world.scenario(GET)
    status = await world.until_done()
    await world.until(lambda: not world.controller._record._entries)
    world.server.put("namespaces", appearing(body["metadata"]["uid"]))
    await world.until(lambda: not world.controller._loop.running())
    await world.until(lambda: not world.left(), "that it is taken away")
    assert world.status() == status
    assert not world.finalizers()


async def test_a_resource_that_rests_and_goes_just_as_something_appears_is_forgotten(world: World) -> None:
    body = world.scenario(GET)
    await world.until_done()
    world.server.listeners = []  # nobody has told of its end yet
    world.server.delete("testscenarios", "checkout", "shop")
    world.controller.store.put("Namespace", appearing(body["metadata"]["uid"]))
    assert await world.controller._turn(KEY) is None
    assert not world.controller._record._entries
