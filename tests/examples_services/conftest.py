"""The sample services with everything they use, each a real process on a free port of the loopback device."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

SERVICES = Path(__file__).parents[2] / "examples" / "services"
START_TIMEOUT_SECONDS = 60.0
# PostgreSQL refuses to run as root, which is what tests in a container often are.
UNPRIVILEGED_UID = 65534


@dataclass(frozen=True)
class Running:
    """A process and what it has written so far."""

    process: subprocess.Popen[bytes]
    port: int
    log: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def stop(self, with_signal: signal.Signals = signal.SIGTERM) -> int:
        """End the process and return its exit status."""
        self.process.send_signal(with_signal)
        return self.process.wait(timeout=30)

    def output(self) -> str:
        return self.log.read_text()

    def healthy(self) -> bool:
        try:
            return httpx.get(f"{self.url}/healthz", timeout=5).status_code == 200
        except httpx.TransportError:
            return False

    def wait_until(self, condition: Callable[[], bool]) -> None:
        """Wait for a condition; fail with the output when the process ends before, or it never holds."""
        deadline = time.monotonic() + START_TIMEOUT_SECONDS
        while not condition():
            status = self.process.poll()
            assert status is None, f"ended with status {status}:\n{self.output()}"
            assert time.monotonic() < deadline, f"not in {START_TIMEOUT_SECONDS} s:\n{self.output()}"
            time.sleep(0.05)


Serve = Callable[[str, Mapping[str, str]], AbstractContextManager[Running]]


@contextmanager
def running(
    command: list[str], *, port: int, folder: Path, environment: Mapping[str, str], uid: int, cwd: Path
) -> Iterator[Running]:
    """Run a process with nothing but the given environment, and end it with the block."""
    descriptor, name = tempfile.mkstemp(dir=folder, suffix=".log")
    with os.fdopen(descriptor, "wb") as log:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env={"PATH": os.environ["PATH"], **environment},
            cwd=cwd,
            process_group=0,
            user=uid if uid != os.geteuid() else None,
            extra_groups=[] if uid != os.geteuid() else None,
        )
    try:
        yield Running(process, port, Path(name))
    finally:
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(timeout=15)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait(timeout=15)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture(scope="session")
def uid() -> int:
    """The user that the databases run as."""
    return os.geteuid() or UNPRIVILEGED_UID


@pytest.fixture(scope="session")
def folder(uid: int) -> Iterator[Path]:
    """A folder that the databases' user may write to, with their scripts and settings.

    pytest's own folders, and often the one that the project lies in, are closed to other users.
    """
    made = Path(tempfile.mkdtemp(prefix="seatrial-services-"))
    if uid != os.geteuid():
        os.chown(made, uid, -1)
    for script in ("postgres/template.sh", "postgres/entrypoint.sh", "redis/redis.conf"):
        Path(shutil.copy(SERVICES / script, made)).chmod(0o755)
    yield made
    shutil.rmtree(made)


@pytest.fixture(scope="session")
def postgres_programs() -> Path:
    """The folder of PostgreSQL's programs, which Debian keeps off the PATH."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    if folders:
        return folders[-1]
    found = shutil.which("initdb")
    assert found, "PostgreSQL is not installed: apt-get install postgresql"
    return Path(found).resolve().parent


@pytest.fixture(scope="session")
def postgres_environment(folder: Path, postgres_programs: Path, uid: int) -> Mapping[str, str]:
    """What the image of PostgreSQL has in its environment, and the template that its build makes."""
    environment = {
        "PATH": f"{postgres_programs}:{os.environ['PATH']}",
        "POSTGRES_TEMPLATE": str(folder / "template"),
    }
    subprocess.run(
        [folder / "template.sh", folder / "template"],
        env=environment,
        cwd=folder,
        user=uid if uid != os.geteuid() else None,
        extra_groups=[] if uid != os.geteuid() else None,
        check=True,
        capture_output=True,
        timeout=120,
    )
    return environment


@pytest.fixture(scope="session")
def start_postgres(folder: Path, postgres_environment: Mapping[str, str], postgres_programs: Path, uid: int) -> Serve:
    """Start PostgreSQL by the image's entry point: with a data folder's name and its environment."""

    @contextmanager
    def start(data: str, environment: Mapping[str, str]) -> Iterator[Running]:
        port = free_port()
        settings = [f"--port={port}", "--listen-addresses=127.0.0.1", f"--unix-socket-directories={folder}"]
        with running(
            [str(folder / "entrypoint.sh"), *settings],
            port=port,
            folder=folder,
            environment={**postgres_environment, "PGDATA": str(folder / data), **environment},
            uid=uid,
            cwd=folder,
        ) as started:
            ready = [str(postgres_programs / "pg_isready"), "--quiet", "--host=127.0.0.1", f"--port={port}"]
            started.wait_until(lambda: subprocess.run(ready, check=False, timeout=10).returncode == 0)
            yield started

    return start


@pytest.fixture(scope="session")
def database_url(start_postgres: Serve) -> Iterator[str]:
    """A database of the sample PostgreSQL, under a user of its own."""
    wanted = {"POSTGRES_USER": "shop", "POSTGRES_PASSWORD": "secret", "POSTGRES_DB": "orders"}
    with start_postgres("data", wanted) as postgres:
        yield f"postgres://shop:secret@127.0.0.1:{postgres.port}/orders"


@pytest.fixture(scope="session")
def redis_url(folder: Path, uid: int) -> Iterator[str]:
    """The sample Redis, with the configuration of its image."""
    port = free_port()
    with running(
        ["redis-server", str(folder / "redis.conf"), "--port", str(port), "--bind", "127.0.0.1"],
        port=port,
        folder=folder,
        environment={},
        uid=uid,
        cwd=folder,
    ) as redis:
        redis.wait_until(lambda: "Ready to accept connections" in redis.output())
        yield f"redis://127.0.0.1:{port}/0"


@pytest.fixture(scope="session")
def serve(folder: Path) -> Serve:
    """Start one of our services by its name and environment."""

    @contextmanager
    def start(service: str, environment: Mapping[str, str]) -> Iterator[Running]:
        port = free_port()
        with running(
            [sys.executable, "-m", service],
            port=port,
            folder=folder,
            environment={"PORT": str(port), **environment},
            uid=os.geteuid(),
            cwd=SERVICES / service,
        ) as started:
            yield started

    return start


@pytest.fixture(scope="session")
def inventory_url(serve: Serve, redis_url: str) -> Iterator[str]:
    with serve("inventory", {"REDIS_URL": redis_url}) as service:
        service.wait_until(service.healthy)
        yield service.url


@pytest.fixture(scope="session")
def orders_environment(database_url: str, inventory_url: str) -> Mapping[str, str]:
    return {"DATABASE_URL": database_url, "INVENTORY_URL": inventory_url}


@pytest.fixture(scope="session")
def orders_url(serve: Serve, orders_environment: Mapping[str, str]) -> Iterator[str]:
    with serve("orders", orders_environment) as service:
        service.wait_until(service.healthy)
        yield service.url


@pytest.fixture
def orders(orders_url: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=orders_url, timeout=10) as client:
        yield client


@pytest.fixture
def inventory(inventory_url: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=inventory_url, timeout=10) as client:
        yield client
