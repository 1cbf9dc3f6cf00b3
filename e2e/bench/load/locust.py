"""Locust as a peer, with its faster client."""

import json
import tempfile
from pathlib import Path

from e2e.bench.load.program import Busy, Ended, found, run, version
from e2e.bench.load.trial import USERS, Run

#: It says itself what it used between the first and the last request: starting Python is no cost of a request.
_SCRIPT = """
import json, time
from locust import FastHttpUser, events, task

class Visitor(FastHttpUser):
    @task
    def get(self):
        self.client.get("/")

used = {}

@events.test_start.add_listener
def begin(**_):
    used["cpu"], used["time"] = time.process_time(), time.monotonic()

@events.test_stop.add_listener
def end(environment, **_):
    total = environment.stats.total
    print("USED", json.dumps({
        "cpu": time.process_time() - used["cpu"], "seconds": time.monotonic() - used["time"],
        "requests": total.num_requests, "failures": total.num_failures,
    }), flush=True)
"""


def locust(url: str, server: Busy, users: int, seconds: int) -> tuple[dict[str, float], Ended]:
    """Runs Locust without its web page; its users all begin at once.

    Returns:
        What it says of itself, and what the process has left.

    Raises:
        RuntimeError: It fails.
    """
    with tempfile.TemporaryDirectory(prefix="seatrial-locust-") as folder:
        file = Path(folder) / "locustfile.py"
        file.write_text(_SCRIPT, encoding="utf-8")
        command = [found("locust"), "--headless", "--only-summary", "--loglevel", "ERROR", "-f", str(file)]
        command += ["-H", url, "-u", str(users), "-r", str(users), "-t", f"{seconds}s", "-s", "0"]
        ended = run(command, server)
    used = next(line for line in ended.output.splitlines() if line.startswith("USED "))
    said: dict[str, float] = json.loads(used.removeprefix("USED "))
    assert said["failures"] == 0, ended.output
    return said, ended


def locust_run(url: str, server: Busy, seconds: int) -> Run:
    """Runs Locust with so many users as all have."""
    said, ended = locust(url, server, USERS, seconds)
    return Run(said["requests"] / said["seconds"], said["cpu"] / said["requests"] * 1e6, ended.server / seconds)


def locust_version() -> str:
    """Version of Locust."""
    return version("locust", "--version").partition(" from ")[0]
