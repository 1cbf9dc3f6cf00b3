"""The nginx that all load generators are measured against: one worker process, pinned to one core, on loopback."""

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from e2e.bench.load.program import SERVER_CORE, version

_CONFIGURATION = """\
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
worker_rlimit_nofile 16384;
events {{ worker_connections 12000; }}
http {{
    access_log off;
    keepalive_requests 1000000000;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    open_file_cache max=10;
    server {{
        listen 127.0.0.1:{port} backlog=16384;
        root {folder}/www;
        default_type application/json;
        location = /order {{ return 200 '{order}'; }}
        location = /orders {{ return 201 '{{"id": 4711, "state": "new"}}'; }}
        location /orders/ {{ return 200 '{{"id": 4711, "state": "paid"}}'; }}
    }}
}}
"""
#: The answer that is checked: 111 bytes of JSON, of which two fields matter.
_ORDER = (
    '{"id": 4711, "total": 12.5, "currency": "EUR", "items": [{"sku": "A1", "count": 2}, {"sku": "B2", "count": 1}]}'
)
_START_SECONDS = 10.0
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class LoadServer:
    """The running server.

    Attributes:
        port: Port on 127.0.0.1.
        pid: Process that answers.
    """

    port: int
    pid: int

    @property
    def url(self) -> str:
        """What to request, without a path."""
        return f"http://127.0.0.1:{self.port}"

    def files(self) -> int:
        """Number of files and connections that the answering process has open."""
        return sum(1 for _ in Path(f"/proc/{self.pid}/fd").iterdir())

    def cpu_seconds(self) -> float:
        """CPU time that the answering process has used."""
        fields = Path(f"/proc/{self.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS


def nginx_version() -> str:
    """Version of nginx."""
    return version(_nginx(), "-v")


@contextmanager
def load_server(core: int = SERVER_CORE) -> Iterator[LoadServer]:
    """Runs nginx on one core, with a static file of 100 bytes and an order in JSON.

    Raises:
        RuntimeError: nginx does not start.
    """
    with tempfile.TemporaryDirectory(prefix="seatrial-bench-") as name:
        folder = Path(name)
        (folder / "www").mkdir()
        (folder / "www" / "index.html").write_text("x" * 100, encoding="ascii")
        # nginx as root answers as another user, who has to reach the file.
        folder.chmod(0o755)
        port = free_port()
        configuration = folder / "nginx.conf"
        configuration.write_text(_CONFIGURATION.format(folder=folder, port=port, order=_ORDER), encoding="utf-8")
        command = ["taskset", "-c", str(core), _nginx(), "-p", str(folder), "-c", str(configuration)]
        with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
            try:
                yield LoadServer(port, _answering(process, port))
            finally:
                process.terminate()
                process.wait(_START_SECONDS)


def _nginx() -> str:
    return shutil.which("nginx") or "/usr/sbin/nginx"


def free_port() -> int:
    """A port on loopback that nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def _answering(process: "subprocess.Popen[bytes]", port: int) -> int:
    """Waits until the server answers; returns the id of its one worker process."""
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.05)
            continue
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text(encoding="ascii").split()
        if children:
            return int(children[0])
    raise RuntimeError(f"nginx does not answer on 127.0.0.1:{port}")
