"""Flows of users, and requests with templates, expectations and data, against a server that remembers."""

import json
import re
from collections.abc import Callable
from itertools import groupby
from typing import Any

import pytest

from tests.load.conftest import OK, Exchange, Outcome, type_of_load

USERS = {"users": 3}


def answer(body: str, *headers: str, status: str = "200 OK") -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", body]
    return "\r\n".join(lines).encode()


def paths(outcome: Outcome) -> list[str]:
    return [request.split(b" ")[1].decode() for request in outcome.server.requests]


async def shop(exchange: Exchange) -> None:
    """Logs users in and lets them order, each only with the cookie and the token that it was given."""
    path = exchange.head.split(b" ")[1].decode()
    if path.startswith("/login/"):
        user = path.removeprefix("/login/")
        exchange.send(answer(json.dumps({"token": f"t-{user}"}), f"Set-Cookie: user={user}; Path=/; HttpOnly"))
        return
    told = re.search(rb"Authorization: t-(\d+)\r\n", exchange.head)
    cookie = re.search(rb"Cookie: user=(\d+)\r\n", exchange.head)
    good = told and cookie and told.group(1) == cookie.group(1) == json.loads(exchange.body)["user"].encode()
    exchange.send(answer("{}", status="201 Created" if good else "403 Forbidden"))


FLOW = {
    "name": "order",
    "steps": [
        {
            "name": "login",
            "path": "/login/${data.id}",
            "expect": ["response.status == 200", "response.headers['content-length'] != ''"],
            "capture": {"token": "response.json.token"},
        },
        {
            "name": "order",
            "method": "POST",
            "path": "/orders",
            "headers": [{"name": "Authorization", "value": "${captures.token}"}],
            "json": {"user": "${string(data.id)}"},
            "expect": ["response.status == 201"],
        },
    ],
}


def test_users_go_through_flows_with_captures_cookies_and_data(load: type_of_load) -> None:
    done = load(shop, profile=USERS, flows=[FLOW], data=[{"name": "id", "sequence": {"start": 100}}], requests=[])
    assert done.last.errors == {}
    assert done.last.flows > 3
    logins, orders = done.last.by_request
    assert logins.requests >= orders.requests > 0
    assert done.last.checks == 2 * logins.requests + orders.requests
    assert done.last.requests == logins.requests + orders.requests
    ids = [int(path.removeprefix("/login/")) for path in paths(done) if path.startswith("/login/")]
    assert sorted(ids) == list(range(100, 100 + len(ids)))
    assert done.server.connections == 3


def test_arrivals_go_through_flows_on_schedule(load: type_of_load) -> None:
    profile = {"rate": 50}
    done = load(shop, profile=profile, flows=[FLOW], data=[{"name": "id", "sequence": {}}], requests=[], seconds=0.5)
    assert done.last.errors == {}
    assert done.last.flows == 25
    assert done.result.flow_rate == pytest.approx(50, rel=0.1)
    assert done.server.connections < 10


def one(load: type_of_load, respond: Callable[[Exchange], Any], **request: Any) -> Outcome:
    more = {name: request.pop(name) for name in ("data", "run", "secrets", "timeout") if name in request}
    return load(respond, profile={"rate": 20}, requests=[request], **more)


async def plain(exchange: Exchange) -> None:
    exchange.send(OK)


async def broken(exchange: Exchange) -> None:
    exchange.send(answer("oops", status="500 Internal Server Error"))


def test_an_expectation_that_does_not_hold_is_an_error_of_its_own_kind(load: type_of_load) -> None:
    done = one(load, plain, expect=["response.text == 'hello'", "response.status == 201", "response.json.x == 1"])
    assert done.last.errors == {"check": done.last.requests}
    assert (done.last.checks, done.last.checks_failed) == (3 * done.last.requests, 2 * done.last.requests)


def test_a_status_is_an_error_unless_the_user_judges_it(load: type_of_load) -> None:
    unjudged = one(load, broken, expect=["response.text == 'oops'"])
    assert unjudged.last.errors == {"status5xx": unjudged.last.requests}
    expected = one(load, broken, expect=["response.status == 500"])
    assert (expected.last.errors, expected.last.checks_failed) == ({}, 0)


def test_a_flow_ends_where_a_request_fails(load: type_of_load) -> None:
    steps = [{"path": "/a"}, {"path": "/b", "capture": {"x": "response.json.x"}}, {"path": "/c/${captures.x}"}]
    done = load(plain, profile={"rate": 20}, flows=[{"name": "f", "steps": steps}], requests=[])
    assert set(paths(done)) == {"/a", "/b"}
    assert done.last.errors == {"capture": done.last.by_request[1].requests}


def test_what_has_no_value_is_not_sent(load: type_of_load) -> None:
    done = one(load, plain, path="/${1 / (iteration - iteration)}")
    assert (done.last.errors, done.server.requests) == ({"template": done.last.requests}, [])


def test_values_are_escaped_where_they_go(load: type_of_load) -> None:
    data = [{"name": "p", "csv": "name,note\nJörg & co/1,a b\n"}]
    done = one(
        load,
        plain,
        method="POST",
        path="/u/${data.p.name}?w=${worker}",
        headers=[{"name": "X-Run", "value": "${run.id}-${iteration}"}],
        form=[{"name": "n&m", "value": "${data.p.note}&"}],
        data=data,
        run="7",
    )
    first = done.server.requests[0]
    assert b"POST /u/J%C3%B6rg%20%26%20co%2F1?w=0 HTTP/1.1\r\n" in first
    assert b"X-Run: 7-0\r\n" in first
    assert b"Content-Type: application/x-www-form-urlencoded\r\n" in first
    assert first.endswith(b"\r\n\r\nn%26m=a+b%26")


def test_a_secret_goes_into_a_header_and_nowhere_else(load: type_of_load) -> None:
    source = {"secretKeyRef": {"name": "shop", "key": "token"}}
    headers = [{"name": "Authorization", "valueFrom": source}]
    done = one(load, plain, headers=headers, secrets={("shop", "token"): "Bearer hush\n"})
    assert b"Authorization: Bearer hush\r\n" in done.server.requests[0]
    assert "hush" not in "".join(line.to_text() for line in done.lines)


def test_a_server_that_does_not_answer_is_timed_out_and_one_that_closes_is_a_reset(load: type_of_load) -> None:
    async def silent(_exchange: Exchange) -> None:
        return

    async def closing(exchange: Exchange) -> None:
        exchange.close()

    assert set(one(load, silent, expect=["true"], timeout="100ms").last.errors) == {"timeout"}
    assert set(one(load, closing, expect=["true"]).last.errors) == {"reset"}


def test_users_of_a_server_that_is_down_do_not_storm(load: type_of_load, unused_port: int) -> None:
    done = load(plain, profile=USERS, requests=[{"expect": ["true"]}], port=unused_port)
    assert done.last.errors == {"connect": done.last.requests}
    assert done.last.requests < 40


def test_a_body_that_ends_with_the_connection_is_read(load: type_of_load) -> None:
    async def until_closed(exchange: Exchange) -> None:
        exchange.send(b'HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{"x": 1}')
        exchange.close()

    assert one(load, until_closed, expect=["response.json.x == 1"]).last.errors == {}


def test_users_think(load: type_of_load) -> None:
    steps = [{"path": "/a"}, {"path": "/b"}]
    flows = [{"name": "slow", "thinkTime": "100ms", "steps": steps}]
    done = load(plain, profile={"users": 1}, flows=flows, requests=[], seconds=0.45)
    assert 3 <= done.last.requests <= 5
    assert [path for path, _ in groupby(paths(done))] == paths(done)


def test_flows_keep_to_their_weights(load: type_of_load) -> None:
    flows = [
        {"name": "often", "weight": 3, "steps": [{"path": "/often"}]},
        {"name": "seldom", "steps": [{"path": "/seldom"}]},
    ]
    done = load(plain, profile={"rate": 80}, flows=flows, requests=[], seconds=0.5)
    assert sorted(paths(done)) == ["/often"] * 30 + ["/seldom"] * 10


def test_users_of_flows_come_and_go_with_the_stages(load: Any) -> None:
    stages = [{"duration": "500ms", "users": 2}, {"duration": "500ms", "users": 0}, {"duration": "500ms", "users": 2}]
    flows = [{"name": "f", "thinkTime": "20ms", "steps": [{"path": "/${user}"}]}]
    done = load(plain, profile={"stages": stages}, flows=flows, requests=[])
    assert done.done
    assert {request.split()[1] for request in done.server.requests} == {b"/0", b"/1"}
    assert (done.last.errors, done.last.in_flight_max, done.server.connections) == (
        {},
        2,
        3,
    )  # the level is 2 again only at the end


LONG = [{"name": "f", "thinkTime": "150ms", "steps": [{"path": "/a"}, {"path": "/b"}, {"path": "/c"}]}]


def test_flows_are_cut_off_at_the_end(load: Any) -> None:
    done = load(plain, profile={"users": 2}, flows=LONG, requests=[], seconds=0.4)
    assert [each.requests for each in done.last.by_request] == [2, 2, 2]
    done = load(plain, profile={"users": 2}, flows=LONG, requests=[], seconds=0.2)
    assert [each.requests for each in done.last.by_request] == [2, 2, 0]
    assert (done.last.flows, done.last.flows_cut) == (2, 2)


def test_flows_go_on_in_the_graceful_stop(load: Any) -> None:
    done = load(plain, profile={"users": 2, "gracefulStop": "2s"}, flows=LONG, requests=[], seconds=0.2)
    assert [each.requests for each in done.last.by_request] == [2, 2, 2]
    assert (done.last.flows, done.last.flows_cut, done.last.measured) == (2, 0, 0.2)
    assert done.last.t < 1.5
    done = load(plain, profile={"rate": 10, "gracefulStop": "80ms"}, flows=LONG, requests=[], seconds=0.2)
    assert (done.last.flows, done.last.flows_cut) == (2, 2)


def test_of_flows_iterations_are_whole_ones(load: Any) -> None:
    profile = {"users": 3, "duration": "20s", "iterations": 7}
    done = load(plain, profile=profile, flows=LONG, requests=[])
    assert [each.requests for each in done.last.by_request] == [7, 7, 7]
    assert done.result.iterations == 7
    assert done.last.measured < 5
    done = load(plain, profile={"rate": 50, "duration": "20s", "iterations": 7}, flows=LONG, requests=[])
    assert ([each.requests for each in done.last.by_request], done.result.iterations) == ([7, 7, 7], 7)
    profile = {"users": 1, "duration": "1s", "iterations": 5}
    done = load(plain, profile=profile, flows=LONG, requests=[])
    assert done.result.iterations == 2
