"""The ends of logs: bounded, printable, without secrets; one that cannot be read is said and is no error."""

import pytest

from seatrial.engine import tails
from seatrial.engine.tails import BYTES, LINES, last_lines, read_tail
from tests.engine.api_server import Fault
from tests.engine.world import World
from tests.plan.situations import pod

pytestmark = pytest.mark.anyio


def test_the_last_lines_are_taken() -> None:
    content = "\n".join(f"line {number}" for number in range(100)).encode()
    lines = last_lines(content)
    assert len(lines) == LINES
    assert lines[-1] == "line 99"


@pytest.mark.parametrize("content", [b"x" * 100_000, b"\n".join([b"y" * 300] * 20), "é".encode() * 5000, b"", b"\n\n"])
def test_the_end_is_bounded(content: bytes) -> None:
    assert sum(len(line.encode()) + 1 for line in last_lines(content)) <= BYTES


def test_control_characters_and_colours_are_taken_out() -> None:
    assert last_lines(b"\x1b[31mred\x1b[0m\x07 a\tb\r\n\x1b]0;title\x07done\x00\xff") == ("red  a  b", "done �")


def test_secrets_are_not_shown() -> None:
    content = b"dsn postgres://app:hunter2@db:5432/x\nAuthorization: Bearer abcdef123456\ntoken is s3cr3t-value!"
    assert last_lines(content, {"s3cr3t-value!", "a"}) == (
        "dsn postgres://app:***@db:5432/x",
        "Authorization: Bearer ***",
        "token is ***",
    )


async def test_of_a_container_that_was_started_again_the_previous_life_is_read(world: World) -> None:
    world.server.put("pods", {"metadata": {"name": "web-x1", "labels": {}}}, "shop")
    world.server.logs["web-x1"] = ["no config"]
    seen = await read_tail(world.client, "shop", pod("web", restarts=2, container="web"), ())
    assert (seen.lines, seen.restarts) == (("no config",), 2)
    [(_, query)] = world.server.log_queries
    assert (query["previous"], query["container"], query["tailLines"]) == ("true", "web", "20")


async def test_of_one_that_ended_for_good_the_last_life_is_read(world: World) -> None:
    world.server.put("pods", {"metadata": {"name": "j-x1", "labels": {}}}, "shop")
    await read_tail(world.client, "shop", pod("j", exit_code=1), ())
    [(_, query)] = world.server.log_queries
    assert query["previous"] == "false"


async def test_a_log_that_cannot_be_read_is_said(world: World) -> None:
    seen = await read_tail(world.client, "shop", pod("gone", exit_code=1), ())
    assert "not found" in seen.unreadable
    world.server.faults = [Fault("GET", "/log", times=9)]
    assert "no answer from" in (await read_tail(world.client, "shop", pod("gone", exit_code=1), ())).unreadable


async def test_a_log_that_does_not_come_is_not_waited_for(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tails, "TIMEOUT", 0.1)
    world.server.put("pods", {"metadata": {"name": "j-x1", "labels": {}}}, "shop")
    world.server.hold_logs = True
    seen = await read_tail(world.client, "shop", pod("j", exit_code=1), ())
    assert seen.unreadable == "no answer within 0.1s"
