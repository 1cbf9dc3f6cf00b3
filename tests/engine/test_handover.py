"""What a sidecar hands over is whole or it is an error."""

import pytest

from seatrial.api.parcel import File, Kind, Lack, lines
from seatrial.engine import handover
from seatrial.engine.handover import read_handover
from tests.engine.api_server import Fault
from tests.engine.world import World

pytestmark = pytest.mark.anyio

WELL = b'<testsuite><testcase name="a"/><testcase name="b"><failure message="s3cr3t"/></testcase></testsuite>'
JUNIT = File(Kind.JUNIT, "*.xml", "junit.xml", WELL)
SHOT = File(Kind.ARTIFACT, "shot", "shot.png", b"\x89PNG s3cr3t")


@pytest.fixture
async def there(world: World) -> World:
    world.server.put("pods", {"metadata": {"name": "j-pod", "labels": {}}}, "trial")
    return world


async def test_files_and_test_cases_are_read_without_secrets(there: World) -> None:
    there.server.logs["j-pod/seatrial-collect"] = [*lines([JUNIT, SHOT])]
    found = await read_handover(there.client, "trial", "j-pod", {"s3cr3t"})
    assert found.seen.junit is not None
    assert (found.seen.junit.tests, found.seen.junit.failures, found.seen.junit.failing) == (2, 1, ["b"])
    assert found.suites[0].cases[1].message == "***"
    assert found.parcel.files[1].content == b"\x89PNG ***"


@pytest.mark.parametrize(
    ("log", "reason", "says"),
    [
        ([*lines([JUNIT])][:-1], "JUnitUnreadable", "ended before its last line"),
        ([], "JUnitUnreadable", "ended before its last line"),
        ([*lines([Lack(Kind.JUNIT, "*.xml", "Missing", "no")])], "JUnitMissing", "no"),
        ([*lines([Lack(Kind.JUNIT, "*.xml", "TooBig", "big")])], "JUnitTooBig", "big"),
        ([*lines([Lack(Kind.JUNIT, "*.xml", "Unreadable", "not yours")])], "JUnitUnreadable", "not yours"),
        ([*lines([File(Kind.JUNIT, "x", "x", b"<nonsense")])], "JUnitUnreadable", "is not XML"),
        (['{"v":1,"line":"file"}', '{"v":1,"line":"end","entries":1}'], "JUnitUnreadable", "not whole"),
    ],
)
async def test_what_is_not_whole_is_no_evidence(there: World, log: list[str | None], reason: str, says: str) -> None:
    there.server.logs["j-pod/seatrial-collect"] = log
    seen = (await read_handover(there.client, "trial", "j-pod")).seen
    assert (seen.junit, seen.reason) == (None, reason)
    assert says in seen.message


async def test_a_bad_moment_of_the_api_server_is_waited_for(there: World) -> None:
    there.server.logs["j-pod/seatrial-collect"] = [*lines([JUNIT])]
    there.server.faults = [Fault("GET", "/log", status=500, times=2)]
    assert (await read_handover(there.client, "trial", "j-pod")).seen.junit is not None


async def test_a_sidecar_that_never_ends_is_given_up(there: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handover, "TIMEOUT", 0.2)
    there.server.hold_logs = True
    assert "did not end within" in (await read_handover(there.client, "trial", "j-pod")).seen.message


async def test_a_pod_that_is_gone_is_said(world: World) -> None:
    assert "cannot be read" in (await read_handover(world.client, "trial", "nobody")).seen.message
