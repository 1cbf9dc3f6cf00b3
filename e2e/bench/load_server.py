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

_CONFIGURATION = """\
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 4096; }}
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
        listen 127.0.0.1:{port};
        root {folder}/www;
    }}
}}
"""
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
        """What to request."""
        return f"http://127.0.0.1:{self.port}/"

    def cpu_seconds(self) -> float:
        """CPU time that the answering process has used."""
        fields = Path(f"/proc/{self.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS


@contextmanager
def load_server(core: int) -> Iterator[LoadServer]:
    """Runs nginx on one core, with a static file of 100 bytes.

    Raises:
        RuntimeError: nginx does not start.
    """
    with tempfile.TemporaryDirectory(prefix="seatrial-bench-") as name:
        folder = Path(name)
        (folder / "www").mkdir()
        (folder / "www" / "index.html").write_text("x" * 100, encoding="ascii")
        # nginx as root answers as another user, who has to reach the file.
        folder.chmod(0o755)
        port = _free_port()
        configuration = folder / "nginx.conf"
        configuration.write_text(_CONFIGURATION.format(folder=folder, port=port), encoding="utf-8")
        nginx = shutil.which("nginx") or "/usr/sbin/nginx"
        command = ["taskset", "-c", str(core), nginx, "-p", str(folder), "-c", str(configuration)]
        with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
            try:
                yield LoadServer(port, _answering(process, port))
            finally:
                process.terminate()
                process.wait(_START_SECONDS)


def _free_port() -> int:
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
