import asyncio
import os
import signal
import subprocess
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import asyncpg
import pytest

ENTRYPOINT = Path(__file__).parents[2] / "examples" / "services" / "postgres" / "entrypoint.sh"
ODD = 'it\'s "odd" \\ $HOME `id` ä;'
StartPostgres = Callable[[str, Mapping[str, str]], AbstractContextManager[Any]]


def query(statement: str, *, port: int, user: str, password: str, database: str) -> object:
    async def ask() -> object:
        connection = await asyncpg.connect(
            host="127.0.0.1", port=port, user=user, password=password, database=database, timeout=10
        )
        try:
            return await connection.fetchval(statement, timeout=10)
        finally:
            await connection.close()

    return asyncio.run(ask())


def test_user_password_and_database_are_those_of_the_environment(start_postgres: StartPostgres) -> None:
    wanted = {"POSTGRES_USER": 'a "user"', "POSTGRES_PASSWORD": ODD, "POSTGRES_DB": ODD}
    with start_postgres("odd", wanted) as postgres:
        found = query("SELECT current_database()", port=postgres.port, user='a "user"', password=ODD, database=ODD)
    assert found == ODD


def test_the_default_user_and_database_are_postgres(start_postgres: StartPostgres) -> None:
    with start_postgres("default", {"POSTGRES_PASSWORD": "p"}) as postgres:
        access = {"port": postgres.port, "user": "postgres", "database": "postgres"}
        assert query("SELECT current_user::text", **access, password="p") == "postgres"
        with pytest.raises(asyncpg.InvalidPasswordError):
            query("SELECT 1", **access, password="wrong")


def test_data_that_is_there_is_kept_and_needs_no_password(start_postgres: StartPostgres) -> None:
    access = {"user": "shop", "password": "p", "database": "shop"}
    with start_postgres("kept", {"POSTGRES_USER": "shop", "POSTGRES_PASSWORD": "p"}) as first:
        query("CREATE TABLE kept AS SELECT 42 AS answer", port=first.port, **access)
    with start_postgres("kept", {}) as second:
        assert query("SELECT answer FROM kept", port=second.port, **access) == 42


def test_a_start_that_was_killed_half_way_is_done_again(start_postgres: StartPostgres, folder: Path, uid: int) -> None:
    half = folder / "half.new"
    half.mkdir()
    (half / "PG_VERSION").write_text("half-made")
    os.chown(half, uid, -1)
    with start_postgres("half", {"POSTGRES_PASSWORD": "p"}) as postgres:
        answer = query("SELECT 1", port=postgres.port, user="postgres", password="p", database="postgres")
    assert answer == 1
    assert not half.exists()


def test_no_password_is_an_error_that_says_so(postgres_environment: Mapping[str, str], folder: Path) -> None:
    ended = subprocess.run(
        [ENTRYPOINT],
        env={**postgres_environment, "PGDATA": str(folder / "none"), "POSTGRES_USER": "shop"},
        check=False,
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert ended.returncode == 1
    assert "POSTGRES_PASSWORD is not set" in ended.stderr
    assert '"shop"' in ended.stderr


@pytest.mark.parametrize("with_signal", [signal.SIGTERM, signal.SIGINT])
def test_it_stops_at_once_while_clients_are_connected(
    start_postgres: StartPostgres, with_signal: signal.Signals
) -> None:
    async def stop_while_connected(postgres: Any) -> int:
        connection = await asyncpg.connect(
            host="127.0.0.1", port=postgres.port, user="postgres", password="p", timeout=10
        )
        try:
            status: int = await asyncio.to_thread(postgres.stop, with_signal)
        finally:
            connection.terminate()
        return status

    with start_postgres(f"stopped-{with_signal.name}", {"POSTGRES_PASSWORD": "p"}) as postgres:
        assert asyncio.run(stop_while_connected(postgres)) == 0
        assert "received fast shutdown request" in postgres.output()
        assert "database system is shut down" in postgres.output()


def test_a_server_that_cannot_start_ends_with_an_error(
    postgres_environment: Mapping[str, str], folder: Path, uid: int
) -> None:
    ended = subprocess.run(
        [folder / "entrypoint.sh", "--mistaken=1"],
        env={**postgres_environment, "PGDATA": str(folder / "unstarted"), "POSTGRES_PASSWORD": "p"},
        user=uid if uid != os.geteuid() else None,
        extra_groups=[] if uid != os.geteuid() else None,
        cwd=folder,
        check=False,
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert ended.returncode == 1
    assert "mistaken" in ended.stdout
