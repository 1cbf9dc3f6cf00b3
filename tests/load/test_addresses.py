"""Where connections go: to one address after the other, whatever the order in which a name server tells them."""

import asyncio
import socket
from typing import Any

import pytest

from seatrial.load.addresses import Addresses


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """What the name server answers, one answer after the other; the last one again and again."""
    answers: list[list[str]] = []

    async def getaddrinfo(_loop: Any, _host: str, port: int, **_: Any) -> list[Any]:
        found = answers.pop(0) if len(answers) > 1 else answers[0]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in found]

    monkeypatch.setattr(asyncio.BaseEventLoop, "getaddrinfo", getaddrinfo)
    return answers


def taken(names: list[list[str]], *answers: list[str], turns: list[int], connections: int) -> list[str]:
    """The addresses that workers' connections try first."""
    names[:] = answers

    async def take() -> list[str]:
        found = []
        for turn in turns:
            addresses = Addresses("web", 80, turn)
            found += [(await addresses.candidates())[0][0] for _ in range(connections)]
        return found

    return asyncio.run(take())


def test_connections_go_to_one_address_after_the_other(names: list[list[str]]) -> None:
    assert taken(names, ["10.0.0.2", "10.0.0.1"], turns=[0], connections=4) == [
        "10.0.0.1",
        "10.0.0.2",
        "10.0.0.1",
        "10.0.0.2",
    ]


def test_workers_start_at_different_addresses(names: list[list[str]]) -> None:
    three = ["10.0.0.1", "10.0.0.2", "10.0.0.3"]
    shuffled = ["10.0.0.3", "10.0.0.1", "10.0.0.2"]
    assert taken(names, three, shuffled, three, turns=[0, 1, 2], connections=1) == three


def test_an_address_that_is_told_twice_counts_once(names: list[list[str]]) -> None:
    assert taken(names, ["10.0.0.1", "10.0.0.1", "10.0.0.2"], turns=[0], connections=2) == ["10.0.0.1", "10.0.0.2"]


def test_others_follow_in_case_nobody_answers(names: list[list[str]]) -> None:
    names[:] = [["10.0.0.1", "10.0.0.2", "10.0.0.3"]]

    async def take() -> list[tuple[str, int]]:
        return await Addresses("web", 81, 1).candidates()

    assert asyncio.run(take()) == [("10.0.0.2", 81), ("10.0.0.3", 81), ("10.0.0.1", 81)]
