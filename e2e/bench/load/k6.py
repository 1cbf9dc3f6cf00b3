"""k6 as a peer."""

import json
import tempfile
from pathlib import Path
from typing import Any

from e2e.bench.load.program import Busy, Ended, found, run, version
from e2e.bench.load.trial import USERS, Run

#: One GET; no body is kept, as wrk keeps none.
PLAIN = "export default function () { http.get(`${URL}/`); }"

#: One GET whose answer is held against an expectation, and from which a value is taken. The body is parsed once.
CHECKED = """
export default function () {
  const response = http.get(`${URL}/order`);
  const body = response.json();
  check(response, { total: (r) => r.status === 200 && body.total > 0 });
  const id = body.id;
}
"""

#: An order by POST with JSON, whose number the second request asks for.
FLOW = """
export default function () {
  const number = exec.scenario.iterationInTest + 1;
  const headers = { 'Content-Type': 'application/json' };
  const created = http.post(`${URL}/orders`, JSON.stringify({ sku: 'A1', number: number }), { headers: headers });
  check(created, { created: (r) => r.status === 201 });
  const shown = http.get(`${URL}/orders/${created.json().id}`);
  check(shown, { paid: (r) => r.status === 200 && r.json().state === 'paid' });
}
"""

_HEAD = """
import http from 'k6/http';
import exec from 'k6/execution';
import { check } from 'k6';
const URL = __ENV.TARGET;
"""


def k6(url: str, server: Busy, script: str, options: dict[str, Any]) -> tuple[dict[str, Any], Ended]:
    """Runs k6 with one processor.

    Args:
        url: Where to send requests, without a path.
        server: What answers there.
        script: The script's default function.
        options: Its options.

    Returns:
        Metrics of its summary by name, and what the process has left.

    Raises:
        RuntimeError: It fails.
    """
    with tempfile.TemporaryDirectory(prefix="seatrial-k6-") as folder:
        file, summary = Path(folder) / "script.js", Path(folder) / "summary.json"
        file.write_text(f"{_HEAD}export const options = {json.dumps(options)};\n{script}", encoding="utf-8")
        command = [found("k6"), "run", "--quiet", f"--summary-export={summary}", str(file)]
        environment = {"GOMAXPROCS": "1", "K6_NO_USAGE_REPORT": "true", "TARGET": url}
        ended = run(command, server, environment)
        return json.loads(summary.read_text(encoding="utf-8"))["metrics"], ended


def k6_run(url: str, server: Busy, script: str, seconds: int) -> Run:
    """Runs a script of k6 with so many users as all have."""
    options = {"vus": USERS, "duration": f"{seconds}s", "discardResponseBodies": script is PLAIN}
    metrics, ended = k6(url, server, script, options)
    assert metrics["http_req_failed"]["value"] == 0, metrics["http_req_failed"]
    assert metrics.get("checks", {}).get("fails", 0) == 0, metrics["checks"]
    count = metrics["http_reqs"]["count"]
    return Run(metrics["http_reqs"]["rate"], ended.cpu / count * 1e6, ended.server / seconds)


def k6_version() -> str:
    """Version of k6."""
    return version("k6", "version")
