from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from typing import Any

import httpx
import pytest

Serve = Callable[[str, Mapping[str, str]], AbstractContextManager[Any]]


def reserve(inventory: httpx.Client, sku: str, *, order: str, quantity: int) -> httpx.Response:
    return inventory.post(f"/stock/{sku}/reservations", json={"order": order, "quantity": quantity})


def test_a_sku_never_stocked_has_nothing(inventory: httpx.Client) -> None:
    assert inventory.get("/stock/never").json() == {"sku": "never", "available": 0, "reserved": 0}
    assert reserve(inventory, "never", order="o1", quantity=1).status_code == 409


def test_a_reservation_moves_pieces_from_available_to_reserved(inventory: httpx.Client) -> None:
    put = inventory.put("/stock/moved", json={"available": 10})
    assert (put.status_code, put.json()) == (200, {"sku": "moved", "available": 10, "reserved": 0})
    made = reserve(inventory, "moved", order="o1", quantity=3)
    assert (made.status_code, made.json()) == (201, {"sku": "moved", "order": "o1", "quantity": 3})
    reserve(inventory, "moved", order="o2", quantity=4)

    assert inventory.get("/stock/moved").json() == {"sku": "moved", "available": 3, "reserved": 7}
    assert inventory.get("/stock/moved?order=o1").json()["reserved"] == 3
    assert inventory.get("/stock/moved?order=unknown").json()["reserved"] == 0


def test_a_reservation_sent_again_counts_once(inventory: httpx.Client) -> None:
    inventory.put("/stock/again", json={"available": 10})
    assert [reserve(inventory, "again", order="o1", quantity=2).status_code for _ in range(3)] == [201] * 3
    assert reserve(inventory, "again", order="o1", quantity=5).status_code == 409
    assert inventory.get("/stock/again").json() == {"sku": "again", "available": 8, "reserved": 2}


def test_insufficient_stock_changes_nothing(inventory: httpx.Client) -> None:
    inventory.put("/stock/scarce", json={"available": 2})
    refused = reserve(inventory, "scarce", order="o1", quantity=3)
    assert refused.status_code == 409
    assert refused.json()["error"] == "scarce: 3 cannot be reserved for order o1"
    assert inventory.get("/stock/scarce").json() == {"sku": "scarce", "available": 2, "reserved": 0}


def test_the_last_pieces_are_never_sold_twice(inventory: httpx.Client) -> None:
    inventory.put("/stock/last", json={"available": 5})
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda n: reserve(inventory, "last", order=f"o{n}", quantity=1).status_code, range(40)))
    assert sorted(answers) == [201] * 5 + [409] * 35
    assert inventory.get("/stock/last").json() == {"sku": "last", "available": 0, "reserved": 5}


def test_a_session_is_known_by_its_cookie_and_by_its_token(inventory: httpx.Client) -> None:
    with httpx.Client(base_url=inventory.base_url) as ada, httpx.Client(base_url=inventory.base_url) as stranger:
        answer = ada.post("/login", data={"user": "ada", "password": "x"})
        assert (answer.status_code, answer.json()["user"]) == (201, "ada")
        assert ada.get("/me").json() == {"user": "ada"}
        assert stranger.get("/me").status_code == 401
        bearer = {"Authorization": f"Bearer {answer.json()['token']}"}
        assert stranger.get("/me", headers=bearer).json() == {"user": "ada"}


@pytest.mark.parametrize("form", [{}, {"user": "ada"}, {"user": "a b", "password": "x"}, {"password": "x"}])
def test_nobody_logs_in_without_user_and_password(inventory: httpx.Client, form: dict[str, str]) -> None:
    assert inventory.post("/login", data=form).status_code == 401


@pytest.mark.parametrize(
    ("method", "path", "content", "message"),
    [
        ("PUT", "/stock/A1", b"{", "body: must be JSON"),
        ("PUT", "/stock/A1", b"[1]", "body: must be a JSON object"),
        ("PUT", "/stock/A1", b"{}", "available: must be a whole number from 0"),
        ("PUT", "/stock/A1", b'{"available": true}', "available: must be a whole number"),
        ("PUT", "/stock/A1", b'{"available": -1}', "available: must be a whole number"),
        ("PUT", "/stock/A1", b'{"available": 1.5}', "available: must be a whole number"),
        ("POST", "/stock/A1/reservations", b'{"order": "o", "quantity": 0}', "quantity: must be a whole"),
        ("POST", "/stock/A1/reservations", b'{"quantity": 1}', "order: must be the id of an order"),
        ("POST", "/stock/A1/reservations", b'{"quantity": 1, "order": "a b\\n"}', "order: must be the id"),
    ],
)
def test_bad_input_is_refused_with_its_reason(
    inventory: httpx.Client, method: str, path: str, content: bytes, message: str
) -> None:
    answer = inventory.request(method, path, content=content)
    assert answer.status_code == 422
    assert message in answer.json()["error"]


def test_it_is_unhealthy_without_redis_and_says_why(serve: Serve) -> None:
    with serve("inventory", {"REDIS_URL": "redis://127.0.0.1:1/0"}) as service:
        service.wait_until(lambda: 'event="started"' in service.output())
        service.wait_until(lambda: answers(service.url))
        answer = httpx.get(f"{service.url}/healthz", timeout=10)
        assert answer.status_code == 503
        assert "redis does not answer" in answer.json()["error"]


def answers(url: str) -> bool:
    try:
        httpx.get(f"{url}/healthz", timeout=10)
    except httpx.ConnectError:
        return False
    return True


def test_a_missing_address_is_named(serve: Serve) -> None:
    with serve("inventory", {}) as service:
        assert service.process.wait(timeout=30) == 1
        assert "REDIS_URL is not set" in service.output()


def test_it_ends_on_sigterm_with_success(serve: Serve, redis_url: str) -> None:
    with serve("inventory", {"REDIS_URL": redis_url}) as service:
        service.wait_until(service.healthy)
        assert service.stop() == 0
        assert 'event="stopped"' in service.output()


def test_it_can_be_made_slow(serve: Serve, redis_url: str) -> None:
    with serve("inventory", {"REDIS_URL": redis_url, "INVENTORY_DELAY": "0.2"}) as slow:
        slow.wait_until(slow.healthy)
        assert httpx.get(f"{slow.url}/stock/slow").elapsed.total_seconds() > 0.2
