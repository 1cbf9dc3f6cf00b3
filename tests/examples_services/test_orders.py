import json
import re
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

ORDERS = Path(__file__).parents[2] / "examples" / "services" / "orders"
Serve = Callable[[str, Mapping[str, str]], AbstractContextManager[Any]]


def run(*command: str, environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", *command],
        env={**environment},
        cwd=ORDERS,
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_an_order_is_priced_kept_and_shown(orders: httpx.Client, inventory: httpx.Client) -> None:
    inventory.put("/stock/A1", json={"available": 100})
    placed = orders.post("/orders", json={"sku": "A1", "quantity": 2})
    assert placed.status_code == 201
    order = placed.json()
    assert order == {"id": order["id"], "sku": "A1", "quantity": 2, "total": 2500}
    assert placed.headers["Location"] == f"/orders/{order['id']}"
    assert orders.get(placed.headers["Location"]).json() == order
    assert orders.get("/orders?limit=1").json() == [order]


def test_an_order_reserves_its_stock_at_the_inventory(orders: httpx.Client, inventory: httpx.Client) -> None:
    inventory.put("/stock/B2", json={"available": 10})
    placed = orders.post("/orders", json={"sku": "B2", "quantity": 3}).json()
    level = inventory.get(f"/stock/B2?order={placed['id']}").json()
    assert level == {"sku": "B2", "available": 7, "reserved": 3}


def test_insufficient_stock_leaves_no_order(orders: httpx.Client, inventory: httpx.Client) -> None:
    inventory.put("/stock/C3", json={"available": 1})
    before = orders.get("/orders?limit=1000").json()
    refused = orders.post("/orders", json={"sku": "C3", "quantity": 2})
    assert refused.status_code == 409
    assert refused.json() == {"error": "C3: fewer than 2 available"}
    assert orders.get("/orders?limit=1000").json() == before


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"{", "body: must be JSON"),
        (b'"A1"', "body: must be a JSON object"),
        (b"{}", "sku: must be one of A1, B2, C3, D4, E5, not None"),
        (b'{"sku": ["A1"]}', "sku: must be one of"),
        (b'{"sku": "A1", "quantity": 0}', "quantity: must be a whole number from 1 to 1000, not 0"),
        (b'{"sku": "A1", "quantity": true}', "quantity: must be a whole number"),
        (b'{"sku": "A1", "quantity": "2"}', "quantity: must be a whole number"),
        (b'{"sku": "A1", "quantity": ' + b"9" * 5000 + b"}", "body: must be JSON"),
    ],
)
def test_bad_input_is_refused_with_its_reason(orders: httpx.Client, content: bytes, message: str) -> None:
    answer = orders.post("/orders", content=content)
    assert answer.status_code == 422
    assert message in answer.json()["error"]


@pytest.mark.parametrize("limit", ["0", "1001", "-1", "x", "", "9" * 5000])
def test_a_limit_out_of_bounds_is_refused(orders: httpx.Client, limit: str) -> None:
    answer = orders.get("/orders", params={"limit": limit})
    assert answer.status_code == 422
    assert "limit: must be from 1 to 1000" in answer.json()["error"]


@pytest.mark.parametrize("wanted", [str(uuid4()), "no-uuid"])
def test_an_unknown_order_is_not_found(orders: httpx.Client, wanted: str) -> None:
    answer = orders.get(f"/orders/{wanted}")
    assert (answer.status_code, answer.json()) == (404, {"error": f"there is no order {wanted}"})


def test_without_an_inventory_no_order_is_placed(serve: Serve, orders_environment: Mapping[str, str]) -> None:
    without = {**orders_environment, "INVENTORY_URL": "http://127.0.0.1:1"}
    with serve("orders", without) as service:
        service.wait_until(service.healthy)
        before = httpx.get(f"{service.url}/orders?limit=1000", timeout=10).json()
        answer = httpx.post(f"{service.url}/orders", json={"sku": "A1"}, timeout=10)
        assert answer.status_code == 503
        assert "inventory does not answer" in answer.json()["error"]
        assert httpx.get(f"{service.url}/orders?limit=1000", timeout=10).json() == before


def test_it_is_unhealthy_while_its_database_is_away(serve: Serve, start_postgres: Serve, inventory_url: str) -> None:
    with start_postgres("leaving", {"POSTGRES_PASSWORD": "p"}) as postgres:
        database = f"postgres://postgres:p@127.0.0.1:{postgres.port}/postgres"
        with serve("orders", {"DATABASE_URL": database, "INVENTORY_URL": inventory_url}) as service:
            service.wait_until(service.healthy)
            postgres.stop()
            assert httpx.get(f"{service.url}/healthz", timeout=10).status_code == 503
            assert httpx.get(f"{service.url}/orders", timeout=10).status_code == 503
            assert service.stop() == 0


def test_replicas_that_start_at_once_make_one_table(serve: Serve, start_postgres: Serve, inventory_url: str) -> None:
    with start_postgres("replicas", {"POSTGRES_PASSWORD": "p"}) as postgres, ExitStack() as stack:
        database = f"postgres://postgres:p@127.0.0.1:{postgres.port}/postgres"
        environment = {"DATABASE_URL": database, "INVENTORY_URL": inventory_url}
        for replica in [stack.enter_context(serve("orders", environment)) for _ in range(4)]:
            replica.wait_until(replica.healthy)


def test_the_bug_makes_the_total_zero(
    serve: Serve, orders_environment: Mapping[str, str], inventory: httpx.Client
) -> None:
    inventory.put("/stock/D4", json={"available": 10})
    with serve("orders", {**orders_environment, "ORDERS_BUG": "total"}) as service:
        service.wait_until(service.healthy)
        placed = httpx.post(f"{service.url}/orders", json={"sku": "D4", "quantity": 2}, timeout=10)
    assert placed.status_code == 201
    assert placed.json()["total"] == 0


def test_a_refused_database_ends_the_start_with_the_reason(orders_environment: Mapping[str, str]) -> None:
    refused = {**orders_environment, "DATABASE_URL": "postgres://shop:hidden@127.0.0.1:1/orders"}
    ended = run("orders", environment=refused)
    assert ended.returncode == 1
    assert re.fullmatch(r"orders: cannot use the database of DATABASE_URL: .*\n", ended.stderr)
    assert "hidden" not in ended.stderr


def test_a_silent_database_ends_the_start_after_ten_seconds(orders_environment: Mapping[str, str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"postgres://shop:p@127.0.0.1:{silent.getsockname()[1]}/orders"
        ended = run("orders", environment={**orders_environment, "DATABASE_URL": address})
    assert ended.returncode == 1
    assert "no answer within 10 s" in ended.stderr


@pytest.mark.parametrize("name", ["DATABASE_URL", "INVENTORY_URL"])
def test_a_missing_address_is_named(orders_environment: Mapping[str, str], name: str) -> None:
    left = {key: value for key, value in orders_environment.items() if key != name}
    ended = run("orders", environment=left)
    assert ended.returncode == 1
    assert f"{name} is not set" in ended.stderr


def test_it_ends_on_sigterm_with_success(serve: Serve, orders_environment: Mapping[str, str]) -> None:
    with serve("orders", orders_environment) as service:
        service.wait_until(service.healthy)
        assert service.stop() == 0
        assert 'event="stopped"' in service.output()


def test_seeding_twice_is_seeding_once_and_the_report_counts_it(
    start_postgres: Serve, inventory: httpx.Client, inventory_url: str
) -> None:
    with start_postgres("seeded", {"POSTGRES_PASSWORD": "p"}) as postgres:
        database = f"postgres://postgres:p@127.0.0.1:{postgres.port}/postgres"
        environment = {"DATABASE_URL": database, "INVENTORY_URL": inventory_url}
        for _ in range(2):
            seeded = run("orders.seed", "--orders", "70", "--stock", "1234", environment=environment)
            assert seeded.returncode == 0, seeded.stderr
            assert json.loads(seeded.stdout)["orders"] == 70
        reported = run("orders.report", environment={"DATABASE_URL": database})
    report = json.loads(reported.stdout)
    # 70 orders go twice round 5 SKUs with 7 quantities: each SKU has each quantity twice.
    assert report["skus"]["A1"] == {"orders": 14, "quantity": 56, "total": 56 * 1250}
    assert report["orders"] == 70
    assert report["quantity"] == 280
    assert report["total"] == 56 * (1250 + 400 + 9900 + 75 + 2300)
    assert inventory.get("/stock/E5").json()["available"] == 1234


@pytest.mark.parametrize("command", ["orders.seed", "orders.report"])
def test_a_job_without_its_database_fails_with_the_reason(command: str, inventory_url: str) -> None:
    environment = {"DATABASE_URL": "postgres://p:p@127.0.0.1:1/p", "INVENTORY_URL": inventory_url}
    ended = run(command, environment=environment)
    assert ended.returncode == 1
    assert ended.stderr.startswith(f"{command}: cannot use the database of DATABASE_URL: ")
