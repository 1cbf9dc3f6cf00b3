"""A worker with very many users: what it can hold, and what it costs."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from seatrial.load.line import WorkerLine, parse_line

pytestmark = pytest.mark.heavy

#: Answers nobody before as many connections as its argument says are open at a time.
SERVER = """
import asyncio, resource, sys
hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
waiting, wanted = [], int(sys.argv[1])
class Connection(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport = transport
    def data_received(self, data):
        waiting.append(self.transport)
        if len(waiting) >= wanted:
            for transport in waiting:
                transport.write(b"HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\nok")
            waiting.clear()
async def main():
    server = await asyncio.get_running_loop().create_server(Connection, "127.0.0.1", 0, backlog=4096)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()
asyncio.run(main())
"""


@contextmanager
def crowd_server(connections: int) -> Iterator[str]:
    command = [sys.executable, "-c", SERVER, str(connections)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        yield f"127.0.0.1:{server.stdout.readline().strip()}"
        server.kill()


def let_loose(target: str, **spec: Any) -> tuple[WorkerLine, float]:
    """Runs a worker of its own; returns its last line and the most memory that it had, in MiB."""
    environment = {
        **os.environ,
        "SEATRIAL_LOAD": json.dumps({"target": {"service": "web"}, "requestTimeout": "60s", **spec}),
        "SEATRIAL_TARGET": target,
    }
    command = [sys.executable, "-m", "seatrial", "worker"]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as worker:
        assert worker.stdout is not None
        last, memory = "", 0
        for line in worker.stdout:
            last = line
            status = Path(f"/proc/{worker.pid}/status").read_text()
            if found := re.search(r"VmHWM:\s+(\d+) kB", status):
                memory = max(memory, int(found[1]))
    assert worker.returncode == 0
    return parse_line(last), memory / 1024


def test_ten_thousand_connections_are_open_at_a_time() -> None:
    with crowd_server(10_000) as target:
        last, memory = let_loose(target, profile={"users": 10_000, "iterations": 10_000, "duration": "60s"})
    assert (last.requests, last.errors, last.connections, last.in_flight_max) == (10_000, {}, 10_000, 10_000)
    assert memory < 150


FLOWS = [{"name": "f", "steps": [{"path": "/${user}", "expect": ["response.status == 200"]}]}]


@pytest.mark.parametrize("what", [{}, {"flows": FLOWS}], ids=["the same", "flows"])
def test_a_thousand_users_need_less_than_80_mib(what: dict[str, Any]) -> None:
    with crowd_server(1000) as target:
        last, memory = let_loose(target, profile={"users": 1000, "duration": "2s", "gracefulStop": "0s"}, **what)
    assert last.requests >= 1000
    assert set(last.errors) <= {"unanswered"}
    assert 20 < memory < 80
