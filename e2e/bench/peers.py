"""The load generators that are compared, each as one process on one core: ours, wrk and k6."""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from e2e.bench.load_server import LoadServer

#: Connections (wrk), virtual users (k6) and users (ours).
USERS = 64

_K6_SCRIPT = """\
import http from 'k6/http';
export const options = {{ vus: {users}, duration: '{seconds}s', discardResponseBodies: true }};
export default function () {{ http.get('{url}'); }}
"""


@dataclass(frozen=True)
class Run:
    """What one generator did in one round.

    Attributes:
        rate: Requests per second, as it reports.
        cpu_us: CPU time of its own for each request, in microseconds.
        server_busy: Share of its core that the server used: near 1, the server is what was measured.
    """

    rate: float
    cpu_us: float
    server_busy: float


def ours(server: LoadServer, core: int, seconds: int) -> Run:
    """Runs ``seatrial worker``."""
    spec = {"target": {"service": "nginx"}, "profile": {"users": USERS, "duration": f"{seconds}s"}}
    environment = {"SEATRIAL_LOAD": json.dumps(spec), "SEATRIAL_TARGET": f"127.0.0.1:{server.port}"}
    output, _, busy = _run(server, core, seconds, [sys.executable, "-m", "seatrial", "worker"], environment)
    *lines, last = map(json.loads, output.splitlines())
    assert last["final"], "the worker did not end"
    assert not last["errors"], last["errors"]
    # Its own account of each second, because starting Python is no cost of a request.
    cpu = median(line["cpu"] / line["per_second"] for line in lines)
    return Run(last["requests"] / last["measured"], cpu * 1e6, busy)


def wrk(server: LoadServer, core: int, seconds: int) -> Run:
    """Runs wrk with one thread."""
    command = [_found("wrk"), "-t1", f"-c{USERS}", f"-d{seconds}s", server.url]
    output, cpu, busy = _run(server, core, seconds, command, {})
    assert "Socket errors" not in output, output
    assert "Non-2xx" not in output, output
    rate, requests = re.search(r"Requests/sec:\s+([\d.]+)", output), re.search(r"(\d+) requests in", output)
    assert rate is not None, output
    assert requests is not None, output
    return Run(float(rate[1]), cpu / int(requests[1]) * 1e6, busy)


def k6(server: LoadServer, core: int, seconds: int) -> Run:
    """Runs k6 with one processor."""
    with tempfile.TemporaryDirectory(prefix="seatrial-k6-") as folder:
        script, summary = Path(folder) / "script.js", Path(folder) / "summary.json"
        script.write_text(_K6_SCRIPT.format(users=USERS, seconds=seconds, url=server.url), encoding="utf-8")
        command = [_found("k6"), "run", "--quiet", f"--summary-export={summary}", str(script)]
        environment = {"GOMAXPROCS": "1", "K6_NO_USAGE_REPORT": "true"}
        _, cpu, busy = _run(server, core, seconds, command, environment)
        metrics = json.loads(summary.read_text(encoding="utf-8"))["metrics"]
    assert metrics["http_req_failed"]["value"] == 0, metrics["http_req_failed"]
    return Run(metrics["http_reqs"]["rate"], cpu / metrics["http_reqs"]["count"] * 1e6, busy)


def _found(program: str) -> str:
    """Finds a program, also beside the interpreter, where PyPI's k6 puts it."""
    path = shutil.which(program, path=os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")]))
    if path is None:
        raise RuntimeError(f"{program} is not installed: it is needed to compare with it")
    return path


def _run(
    server: LoadServer, core: int, seconds: int, command: list[str], environment: dict[str, str]
) -> tuple[str, float, float]:
    """Runs a command pinned to a core; returns its output, its CPU time and the server's share of its core."""
    server_before, begin = server.cpu_seconds(), time.monotonic()
    with subprocess.Popen(
        ["taskset", "-c", str(core), *command],
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        output = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, f"{command[0]} ended with {process.returncode}"
    assert time.monotonic() - begin < seconds + 30, f"{command[0]} took too long"
    return output, usage.ru_utime + usage.ru_stime, (server.cpu_seconds() - server_before) / seconds
