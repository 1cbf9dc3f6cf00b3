"""TLS: whom workers trust, what they call the service, what is measured, and what goes wrong."""

import asyncio
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import trustme

from seatrial.load.assignment import AssignmentError

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
MODELS = pytest.mark.parametrize("profile", [{"users": 2}, {"rate": 50}], ids=["closed", "open"])
PATHS = pytest.mark.parametrize("path", ["/", "/${iteration}"], ids=["plain", "flow"])
CA = {"ca": {"configMap": {"name": "ca", "key": "ca.crt"}}}


@MODELS
@PATHS
def test_requests_and_answers(load: Any, ok: Any, certificates: Any, profile: dict[str, int], path: str) -> None:
    outcome = load(ok, profile=profile, seconds=0.3, requests=[{"path": path}], **certificates.right)
    assert outcome.done
    assert outcome.last.errors == {}
    assert outcome.last.requests == outcome.result.latency.total > 5
    assert outcome.last.connections == outcome.server.connections < outcome.last.requests
    # Handshakes have a time of their own, which is not in that of connecting.
    assert outcome.result.tls.total == outcome.result.connect.total == outcome.last.connections
    assert outcome.result.tls.min > 100
    assert all(b"Host: orders.example:" in request for request in outcome.server.requests)
    assert outcome.last.bytes_sent == sum(map(len, outcome.server.requests))


def test_a_long_answer_in_many_records(load: Any, certificates: Any) -> None:
    async def long(exchange: Any) -> None:
        exchange.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n" + b"x" * 1_000_000)

    outcome = load(long, profile={"users": 1}, seconds=0.3, **certificates.right)
    assert outcome.last.errors == {}
    assert outcome.last.bytes > 1_000_000


def test_the_name_that_is_sent(load: Any, ok: Any, certificates: Any) -> None:
    names: list[str | None] = []
    right = certificates.right
    right["served"].sni_callback = lambda _socket, name, _context: names.append(name)
    assert load(ok, profile={"users": 1}, seconds=0.1, **right).last.errors == {}
    assert set(names) == {"orders.example"}


def test_the_host_is_the_name_unless_another_is_given(load: Any, ok: Any, certificates: Any) -> None:
    served = certificates.server("localhost")
    outcome = load(ok, profile={"users": 1}, seconds=0.1, host="localhost", served=served, tls=CA, ca=certificates.pem)
    assert outcome.last.errors == {}
    assert b"Host: localhost:" in outcome.server.requests[0]


@MODELS
@PATHS
@pytest.mark.parametrize(
    ("names", "validity", "trusted", "kind"),
    [
        (["other.example"], {}, True, "tlsName"),
        (["orders.example"], {"not_after": datetime.now(UTC) - timedelta(days=1)}, True, "tlsExpired"),
        (["orders.example"], {"not_before": datetime.now(UTC) + timedelta(days=1)}, True, "tlsExpired"),
        (["orders.example"], {}, False, "tlsAuthority"),
    ],
    ids=["name", "expired", "not yet valid", "authority"],
)
def test_a_certificate_that_is_not_right(
    load: Any,
    ok: Any,
    certificates: Any,
    profile: dict[str, int],
    path: str,
    names: list[str],
    validity: dict[str, Any],
    trusted: bool,
    kind: str,
) -> None:
    outcome = load(
        ok,
        profile=profile,
        seconds=0.2,
        requests=[{"path": path}],
        served=certificates.server(*names, **validity),
        tls={"serverName": "orders.example", **CA},
        ca=certificates.pem if trusted else trustme.CA().cert_pem.bytes().decode(),
    )
    assert outcome.done
    assert outcome.last.errors == {kind: outcome.last.requests}
    assert outcome.last.requests >= 2
    assert outcome.server.requests == []
    assert (outcome.last.bytes_sent, outcome.result.latency.total, outcome.last.in_flight) == (0, 0, 0)


def test_an_authority_that_the_image_does_not_know(load: Any, ok: Any, certificates: Any) -> None:
    served = certificates.server("localhost")
    outcome = load(ok, profile={"users": 1}, seconds=0.1, host="localhost", served=served, tls={})
    assert set(outcome.last.errors) == {"tlsAuthority"}


def test_skipping_all_of_it(load: Any, ok: Any, certificates: Any) -> None:
    served = certificates.server("other.example", not_after=datetime.now(UTC) - timedelta(days=1))
    outcome = load(ok, profile={"users": 1}, seconds=0.1, served=served, tls={"insecureSkipVerify": True})
    assert outcome.last.errors == {}
    assert outcome.last.requests > 1


def test_a_server_s_own_certificate_may_be_given_as_the_authority(load: Any, ok: Any, certificates: Any) -> None:
    leaf = certificates.authority.issue_cert("localhost")
    served = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    leaf.configure_cert(served)
    pem = leaf.cert_chain_pems[0].bytes().decode()
    outcome = load(ok, profile={"users": 1}, seconds=0.1, host="localhost", served=served, tls=CA, ca=pem)
    assert outcome.last.errors == {}


@pytest.mark.parametrize(
    "pem", ["", "no certificate", "-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----"]
)
def test_no_certificates_where_they_should_be(load: Any, ok: Any, pem: str) -> None:
    with pytest.raises(AssignmentError, match=r"target\.tls\.ca: there are no certificates") as raised:
        load(ok, profile={"users": 1}, tls=CA, ca=pem)
    assert "c2Vj" not in str(raised.value)


@MODELS
@PATHS
def test_a_server_without_tls(load: Any, ok: Any, certificates: Any, profile: dict[str, int], path: str) -> None:
    async def answered(exchange: Any) -> None:
        exchange.send(OK)

    # It waits for the end of a header that never comes, and closes, or answers with what is no TLS.
    outcome = load(
        answered, profile=profile, seconds=0.2, timeout="200ms", requests=[{"path": path}], tls=CA, ca=certificates.pem
    )
    assert set(outcome.last.errors) <= {"tls", "timeout"}
    assert sum(outcome.last.errors.values()) == outcome.last.requests > 0


@contextmanager
def wanting_certificates(context: ssl.SSLContext) -> Iterator[int]:
    """A server of OpenSSL's own making: that of uvloop closes without saying why."""

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection, suppress(OSError):
                connection.settimeout(5)
                context.wrap_socket(connection, server_side=True)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve)
        thread.start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)
    thread.join()


@PATHS
def test_a_server_that_wants_a_certificate_too(load: Any, ok: Any, certificates: Any, path: str) -> None:
    right = certificates.right
    context = right.pop("served")
    context.verify_mode = ssl.CERT_REQUIRED
    certificates.authority.configure_trust(context)
    with wanting_certificates(context) as port:
        outcome = load(ok, profile={"users": 1}, seconds=0.2, requests=[{"path": path}], port=port, **right)
    # A reset may overtake what the server says.
    assert set(outcome.last.errors) <= {"tls", "reset"}
    assert outcome.last.errors["tls"] > 0
    assert sum(outcome.last.errors.values()) == outcome.last.requests


@MODELS
@PATHS
def test_an_answer_that_ends_with_the_connection(
    load: Any, certificates: Any, profile: dict[str, int], path: str
) -> None:
    async def until_closed(exchange: Any) -> None:
        exchange.send(b"HTTP/1.1 200 OK\r\n\r\nhello")
        exchange.close()

    outcome = load(until_closed, profile=profile, seconds=0.2, requests=[{"path": path}], **certificates.right)
    assert outcome.last.errors == {}
    assert outcome.last.requests > 1


@MODELS
@PATHS
def test_an_end_that_the_server_has_not_signed_completes_nothing(
    load: Any, certificates: Any, profile: dict[str, int], path: str
) -> None:
    """Anybody in between can close a connection; what was cut off must not count as whole."""

    async def cut(exchange: Any) -> None:
        exchange.send(b"HTTP/1.1 200 OK\r\n\r\nhel")
        await asyncio.sleep(0.02)
        exchange.writer.transport.abort()

    outcome = load(cut, profile=profile, seconds=0.2, requests=[{"path": path}], **certificates.right)
    assert outcome.last.errors == {"reset": outcome.last.requests}


def test_a_handshake_that_never_ends(load: Any, ok: Any, certificates: Any) -> None:
    """It has the time of the request, and no more."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        outcome = load(ok, profile={"rate": 20}, seconds=0.2, timeout="200ms", port=port, tls=CA, ca=certificates.pem)
    assert outcome.last.errors == {"timeout": 4}
    assert outcome.result.latency.min >= 199_000
    assert (outcome.last.bytes_sent, outcome.last.connections) == (0, 0)
