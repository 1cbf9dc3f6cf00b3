"""Where load workers run: what the platform team allows reaches their pods, anything else is refused by name."""

from dataclasses import replace
from typing import Any

import pytest

from seatrial.api.placement import Placement
from seatrial.engine.invalid import InvalidSettings
from seatrial.engine.placement import AllowedPlacement
from tests.engine.api_server import Object
from tests.engine.test_load_test import target, workers
from tests.engine.workers import line
from tests.engine.world import World

ALLOWED = AllowedPlacement.parse(
    '{"priorityClassNames": ["load"], "nodeSelector": [{"key": "pool", "values": ["load", "spare"]}],'
    ' "tolerations": [{"key": "dedicated", "values": ["load"]}, {"key": "spot", "values": ["*"]}]}'
)
EVERYTHING: Object = {
    "priorityClassName": "load",
    "nodeSelector": {"pool": "spare"},
    "tolerations": [{"key": "dedicated", "value": "load", "effect": "NoSchedule"}, {"key": "spot"}],
}


def test_what_is_allowed_is_not_refused() -> None:
    assert ALLOWED.refusal(None) == ""
    assert ALLOWED.refusal(Placement()) == ""
    assert ALLOWED.refusal(Placement.model_validate(EVERYTHING)) == ""


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"priorityClassName": "system-node-critical"}, "placement.priorityClassName: 'system-node-critical' is not"),
        ({"nodeSelector": {"pool": "infra"}}, "placement.nodeSelector: 'pool=infra' is not allowed"),
        ({"nodeSelector": {"pool": "load", "zone": "a"}}, "placement.nodeSelector: 'zone=a' is not allowed"),
        (
            {"tolerations": [{"key": "spot"}, {"key": "dedicated", "value": "db"}]},
            "placement.tolerations[1]: 'dedicated=db'",
        ),
        # Any value is more than the one that is allowed.
        ({"tolerations": [{"key": "dedicated"}]}, "placement.tolerations[0]: 'dedicated' is not allowed"),
    ],
)
def test_what_is_not_allowed_is_refused_with_field_value_and_remedy(given: Object, said: str) -> None:
    placement = Placement.model_validate(given)
    for allowed in (ALLOWED, AllowedPlacement()):
        refusal = allowed.refusal(placement)
        assert "have the platform team allow it (workerPlacement in the chart's values)" in refusal
    assert said in ALLOWED.refusal(placement)


@pytest.mark.parametrize("wrong", ["{", "[]", "1", '{"nodeSelector": [{"key": "a"}]}', '{"tolerations": ["a"]}'])
def test_a_value_that_cannot_be_read_is_named(wrong: str) -> None:
    with pytest.raises(InvalidSettings, match="SEATRIAL_WORKER_PLACEMENT"):
        AllowedPlacement.parse(wrong)


@pytest.mark.anyio
async def test_the_workers_pods_have_it(world: World) -> None:
    world.kill()
    world.settings = replace(world.settings, placement=ALLOWED)
    world.start()
    target(world)
    world.server.cluster.job = workers([line(0)])
    world.load_test(placement=EVERYTHING)
    await world.until(lambda: world.server.all("jobs"))
    pod: dict[str, Any] = world.server.all("jobs")[0]["spec"]["template"]["spec"]
    assert pod["priorityClassName"] == "load"
    assert pod["nodeSelector"] == {"pool": "spare"}
    assert pod["tolerations"] == [
        {"key": "dedicated", "operator": "Equal", "value": "load", "effect": "NoSchedule"},
        {"key": "spot", "operator": "Exists"},
    ]
    world.kill()


@pytest.mark.anyio
async def test_a_placement_that_is_not_allowed_is_an_error_and_makes_nothing(world: World) -> None:
    target(world)
    world.load_test(placement=EVERYTHING)
    status = await world.until_done("loadtests")
    assert (status["verdict"], status["reason"]) == ("Error", "PlacementNotAllowed")
    assert status["message"].startswith("placement.priorityClassName: 'load' is not allowed: take it out, or")
    assert not [write for write in world.writes() if write.what == "jobs"]
