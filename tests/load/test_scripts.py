"""Scripts run by the real tools, in a worker that is a process of its own, against a real server."""

import contextlib
import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, ClassVar

import pytest

from seatrial.api.load import LoadSpec
from seatrial.api.status import LoadResult
from seatrial.load.line import WorkerLine, parse_line
from seatrial.load.result import load_result
from seatrial.load.statistics import merged
from seatrial.load.worker import main

pytestmark = pytest.mark.heavy

ENGINES = Path(sys.prefix) / "engines/bin"
FETCH = """
import http from 'k6/http';
import { check } from 'k6';
export default function () {
  const answer = http.get(`${__ENV.TARGET_URL}/list?page=${__ITER}`, {tags: {name: 'list'}});
  check(answer, {'is there': (r) => r.status === 200});
  http.post(`${__ENV.TARGET_URL}/orders`, '{}');
  http.get(`${__ENV.TARGET_URL}/missing`);
}
"""


class Shop(BaseHTTPRequestHandler):
    """Answers 200, 404 to /missing, and to /slow after a while."""

    protocol_version = "HTTP/1.1"
    seen: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        self.seen.append(self.path)
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        time.sleep(2 if self.path == "/slow" else 0.005)
        self.send_response(404 if self.path == "/missing" else 200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    do_POST = do_GET  # noqa: N815 - as the base class looks for it

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - as the base class calls it
        pass


@pytest.fixture
def shop() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Shop)
    server.daemon_threads = True
    Shop.seen.clear()
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
    thread.join(5)


@dataclass
class Ran:
    """What became of all workers of a script."""

    codes: list[int]
    lines: list[list[WorkerLine]]
    errors: list[str]
    spec: LoadSpec

    @property
    def result(self) -> LoadResult:
        return load_result(merged({lines[-1].worker: lines[-1] for lines in self.lines}, self.spec))


def load_spec(engine: str, script: str | dict[str, Any], workers: int, more: dict[str, Any]) -> LoadSpec:
    placed = {"inline": script} if isinstance(script, str) else script
    profile = {"duration": "1s", **more.pop("profile", {"users": 2})}
    return LoadSpec.model_validate(
        {"target": {"service": "shop"}, "engine": engine, "script": placed, "profile": profile, "workers": workers}
        | more
    )


def start(spec: LoadSpec, target: str, index: int, tmp: Path, **environment: str) -> "subprocess.Popen[str]":
    path = os.pathsep.join([environment.pop("PATH_FIRST", ""), str(ENGINES), os.environ["PATH"]]).lstrip(os.pathsep)
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-c", "import sys; from seatrial.load.worker import main; sys.exit(main())"],
        env={
            **os.environ,
            "PATH": path,
            "TMPDIR": str(tmp),
            "SEATRIAL_LOAD": spec.model_dump_json(by_alias=True, exclude_none=True),
            "SEATRIAL_TARGET": target,
            "JOB_COMPLETION_INDEX": str(index),
            **environment,
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def within(spec: LoadSpec, target: str, tmp: Path, environment: dict[str, str]) -> tuple[int, str, str]:
    """Runs a worker in this process. Returns its exit code, its lines, and what it says besides."""
    path = os.pathsep.join([str(ENGINES), os.environ["PATH"]])
    given = {
        **os.environ,
        "PATH": path,
        "TMPDIR": str(tmp),
        "SEATRIAL_LOAD": spec.model_dump_json(by_alias=True, exclude_none=True),
        "SEATRIAL_TARGET": target,
        **environment,
    }
    lines = tmp / "lines"
    said = io.StringIO()
    with lines.open("wb") as output, contextlib.redirect_stderr(said):
        code = main(given, output.fileno())
    return code, lines.read_text(), said.getvalue()


def run(
    engine: str,
    script: str | dict[str, Any],
    target: str,
    tmp: Path,
    *,
    workers: int = 1,
    environment: dict[str, str] | None = None,
    **more: Any,
) -> Ran:
    """Runs one worker in this process, or several in processes of their own."""
    spec = load_spec(engine, script, workers, more)
    if workers == 1:
        code, output, errors = within(spec, target, tmp, environment or {})
        return Ran([code], [[parse_line(text) for text in output.splitlines()]], [errors], spec)
    processes = [start(spec, target, index, tmp, **(environment or {})) for index in range(workers)]
    ended = [process.communicate(timeout=60) for process in processes]
    lines = [[parse_line(text) for text in output.splitlines()] for output, _ in ended]
    return Ran([process.returncode for process in processes], lines, [errors for _, errors in ended], spec)


def test_workers_of_k6_share_the_load_and_count_what_k6_counts(shop: str, tmp_path: Path) -> None:
    # The same k6, but asked for its own summary as well.
    wrapped = tmp_path / "k6"
    wrapped.write_text(
        "#!/usr/bin/env bash\n"
        'words=("${@/--no-summary/--summary-export=$TMPDIR/summary-$JOB.json}")\n'
        f'exec {ENGINES}/k6 "${{words[@]}}" --summary-trend-stats "min,avg,med,max,p(90),p(99),count"\n'
    )
    wrapped.chmod(0o755)
    spec = load_spec("K6", FETCH, 2, {"profile": {"users": 4, "duration": "2s"}})
    processes = [start(spec, shop, index, tmp_path, PATH_FIRST=str(tmp_path), JOB=str(index)) for index in range(2)]
    ended = [process.communicate(timeout=60) for process in processes]
    lines = {index: parse_line(output.splitlines()[-1]) for index, (output, _) in enumerate(ended)}
    assert [process.returncode for process in processes] == [0, 0], ended[0][1]
    summaries = [json.loads((tmp_path / f"summary-{index}.json").read_text())["metrics"] for index in range(2)]

    result = load_result(merged(lines, spec))
    assert result.requests == sum(each["http_reqs"]["count"] for each in summaries)
    assert result.errors == sum(each["http_req_failed"]["passes"] for each in summaries)
    assert result.checks == sum(each["checks"]["passes"] + each["checks"]["fails"] for each in summaries)
    assert result.bytes_received == sum(each["data_received"]["count"] for each in summaries)
    assert [each.kind for each in result.errors_by_kind] == ["status4xx"]
    assert {each.name for each in result.by_request} == {"list", "POST /orders", "GET /missing"}
    assert sum(each.requests for each in result.by_request) == result.requests
    for line, each in zip(lines.values(), summaries, strict=True):
        alone = merged({line.worker: line}, spec)
        for percent, told in ((50, "med"), (90, "p(90)"), (99, "p(99)")):
            # k6 interpolates between two samples; HDR tells the higher one, to a thousandth.
            assert alone.service_time.percentile(percent) == pytest.approx(
                1000 * each["http_req_duration"][told], rel=0.05
            )
        assert alone.service_time.max == pytest.approx(1000 * each["http_req_duration"]["max"], rel=0.002)
        assert alone.service_time.min == pytest.approx(1000 * each["http_req_duration"]["min"], rel=0.002)
        assert alone.ttfb.total == alone.latency.total == line.requests
        assert alone.latency.mean >= alone.service_time.mean
        assert line.measured == pytest.approx(2, abs=0.01)
        assert line.cpu_max >= 0.005, "what the tool used is what counts"


def test_a_script_finds_its_variables_and_what_it_was_not_told_it_does_not(shop: str, tmp_path: Path) -> None:
    script = """
import http from 'k6/http';
export default function () {
  const ours = Object.keys(__ENV).filter((name) => name.startsWith('SEATRIAL_')).length;
  http.get(`${__ENV.TARGET_URL}/${__ENV.PAGE}/${ours}`);
}
"""
    variables = [{"name": "PAGE", "value": "first"}]
    ran = run("K6", {"inline": script, "env": variables}, shop, tmp_path, environment={"PAGE": "first"})
    assert ran.codes == [0], ran.errors
    assert [each.name for each in ran.result.by_request] == ["GET /first/0"]


@pytest.mark.parametrize(
    ("script", "code", "message"),
    [
        ("export default function () { oops( }", 3, "Unexpected token }"),
        ("import x from './missing.js'; export default function () {}", 3, "couldn't be found on local disk"),
        ("export const options = {thresholds: {checks: ['rate>>1']}}; export default function () {}", 3, "rate>>1"),
        ("export function setup() { throw new Error('no data'); } export default function () {}", 3, "no data"),
        ("export default function () {}", 3, "without a request over HTTP"),
        ("export default function () { throw new Error('boom'); }", 3, "boom"),
        (
            "import http from 'k6/http'; import exec from 'k6/execution';"
            "export default function () { http.get(__ENV.TARGET_URL); exec.test.abort('enough'); }",
            4,
            "test aborted: enough",
        ),
    ],
)
def test_a_script_of_k6_that_does_not_run_is_an_error_with_its_message(
    script: str, code: int, message: str, shop: str, tmp_path: Path
) -> None:
    ran = run("K6", script, shop, tmp_path)
    assert ran.codes == [code], ran.errors
    assert message in ran.errors[0]
    assert not any(line.last for line in ran.lines[0])


@pytest.mark.parametrize(
    ("script", "complaint"),
    [
        (
            "import http from 'k6/http'; export const options = {thresholds: {http_req_duration: ['max<1']}};"
            "export default function () { http.get(__ENV.TARGET_URL); }",
            "thresholds on metrics 'http_req_duration' have been crossed",
        ),
        (
            "import http from 'k6/http'; import exec from 'k6/execution';"
            "export default function () { http.get(__ENV.TARGET_URL); exec.test.fail('not nice'); }",
            "test marked as failed: not nice; test run was marked as failed",
        ),
    ],
)
def test_what_a_script_of_k6_complains_of_is_told_with_the_whole_result(
    script: str, complaint: str, shop: str, tmp_path: Path
) -> None:
    ran = run("K6", script, shop, tmp_path)
    assert ran.codes == [0], ran.errors
    last = ran.lines[0][-1]
    assert (last.final, last.complaint) == (True, complaint)
    assert last.requests > 0


def test_exceptions_of_iterations_are_told(shop: str, tmp_path: Path) -> None:
    script = "import http from 'k6/http'; export default function () { http.get(__ENV.TARGET_URL); null.x; }"
    last = run("K6", script, shop, tmp_path).lines[0][-1]
    assert last.final
    assert last.exceptions == last.flows > 0
    assert "TypeError" in last.exception


def test_options_of_a_script_rule_without_users(shop: str, tmp_path: Path) -> None:
    script = FETCH + "export const options = {scenarios: {s: {executor: 'shared-iterations', vus: 2, iterations: 6}}};"
    ran = run("K6", script, shop, tmp_path, workers=2, profile={"duration": "20s"})
    assert ran.codes == [0, 0]
    assert ran.result.requests == 18
    # It was over long before: nothing was measured after that.
    assert all(lines[-1].measured < 2 for lines in ran.lines)


def test_a_worker_that_is_stopped_stops_its_tool_and_tells_what_there_is(shop: str, tmp_path: Path) -> None:
    spec = load_spec("K6", FETCH, 1, {"profile": {"users": 2, "duration": "60s"}})
    process = start(spec, shop, 0, tmp_path)
    assert process.stdout is not None
    assert parse_line(process.stdout.readline()).state == "running"
    process.send_signal(signal.SIGTERM)
    begun = time.monotonic()
    output, _ = process.communicate(timeout=10)
    assert time.monotonic() - begun < 4
    last = parse_line(output.splitlines()[-1])
    assert (process.returncode, last.interrupted) == (128 + signal.SIGTERM, True)
    assert last.requests > 0
    count = len(Shop.seen)
    time.sleep(0.3)
    assert len(Shop.seen) == count, "nobody sends any more"


def test_a_message_shows_no_secrets(shop: str, tmp_path: Path) -> None:
    script = "throw new Error(`no way in with ${__ENV.TOKEN}`); export default function () {}"
    source = {"secretKeyRef": {"name": "shop", "key": "token"}}
    placed = {"inline": script, "env": [{"name": "TOKEN", "valueFrom": source}]}
    ran = run("K6", placed, shop, tmp_path, environment={"TOKEN": "s3cr3t-w0rd"})
    assert ran.codes == [3]
    assert "no way in with •••" in ran.errors[0]
    assert "s3cr3t" not in ran.errors[0]


def test_a_script_that_is_not_there_is_refused(shop: str, tmp_path: Path) -> None:
    in_image = run("K6", {"path": "/nowhere/s.js", "image": "mine"}, shop, tmp_path)
    in_map = run("K6", {"configMap": {"name": "scripts", "key": "s.js"}}, shop, tmp_path)
    assert in_image.codes == in_map.codes == [2]
    assert "there is no file /nowhere/s.js in image mine" in in_image.errors[0]
    assert "ConfigMap scripts has no key s.js" in in_map.errors[0]


def test_a_tool_that_is_not_there_is_an_error(shop: str, tmp_path: Path) -> None:
    ran = run("K6", FETCH, shop, tmp_path, environment={"PATH": "/usr/bin"})
    assert ran.codes == [3]
    assert "k6 cannot be started" in ran.errors[0]


SHOP = """
import os
from locust import HttpUser, constant, events, task

class Shop(HttpUser):
    wait_time = constant(0.01)

    @task(3)
    def look(self):
        self.client.get("/list?page=1", name="list")

    @task
    def miss(self):
        self.client.get("/missing")

    @task
    def order(self):
        with self.client.post("/orders", json={}, catch_response=True) as answer:
            answer.failure("not created")
"""


def test_a_script_of_locust_is_counted_as_locust_counts(shop: str, tmp_path: Path) -> None:
    tell = """
@events.quitting.add_listener
def tell(environment, **_):
    import json
    entries = {name: [each.num_requests, each.num_failures, each.max_response_time, each.total_content_length]
               for (name, _), each in environment.stats.entries.items()}
    open(os.environ["TMPDIR"] + "/told.json", "w").write(json.dumps(entries))
"""
    ran = run("Locust", SHOP + tell, shop, tmp_path, profile={"users": 3, "duration": "2s"})
    assert ran.codes == [0], ran.errors
    told = json.loads((tmp_path / "told.json").read_text())
    result = ran.result
    names = {"list": "list", "/missing": "GET /missing", "/orders": "POST /orders"}
    assert {each.name: [each.requests, each.errors] for each in result.by_request} == {
        names[name]: values[:2] for name, values in told.items()
    }
    assert result.requests > 30
    assert {each.kind for each in result.errors_by_kind} == {"status4xx", "check"}
    assert result.bytes_received == sum(values[3] for values in told.values())
    slowest = max(values[2] for values in told.values())
    assert merged({0: ran.lines[0][-1]}, ran.spec).latency.max == pytest.approx(1000 * slowest, rel=0.002)
    assert result.ttfb is None
    assert ran.lines[0][-1].measured == pytest.approx(2, abs=0.3)
    assert ran.lines[0][-1].cpu_max > 0.01


@pytest.mark.parametrize(
    ("script", "profile", "code", "message"),
    [
        ("def broken(:\n", {"users": 1}, 3, "SyntaxError: invalid syntax"),
        ("import nothing_of_that_name\n", {"users": 1}, 3, "No module named 'nothing_of_that_name'"),
        ("x = 1\n", {"users": 1}, 3, "seatrial worker: "),
        (SHOP, {"duration": "1s"}, 3, "the script has no LoadTestShape: give profile.users or stages"),
        (
            SHOP + "from locust import LoadTestShape\nclass Half(LoadTestShape):\n    def tick(self): return None\n",
            {"users": 1},
            3,
            "leave users and stages out",
        ),
        (
            "from locust import User, task\nclass Idle(User):\n    @task\n    def t(self): pass\n",
            {"users": 1},
            3,
            "a request",
        ),
    ],
)
def test_a_script_of_locust_that_does_not_run_is_an_error_with_its_message(
    script: str, profile: dict[str, Any], code: int, message: str, shop: str, tmp_path: Path
) -> None:
    ran = run("Locust", script, shop, tmp_path, profile=profile)
    assert ran.codes == [code], ran.errors
    assert message in ran.errors[0]


def test_what_a_script_of_locust_sets_and_throws_is_told(shop: str, tmp_path: Path) -> None:
    more = """
    @task
    def throw(self):
        raise KeyError("id")

@events.quitting.add_listener
def judge(environment, **_):
    environment.process_exit_code = 3
"""
    ran = run("Locust", SHOP + more, shop, tmp_path)
    assert ran.codes == [0], ran.errors
    last = ran.lines[0][-1]
    assert last.final
    assert last.complaint.startswith("the script sets exit code 3")
    assert last.exceptions > 0
    assert last.exception == "KeyError: 'id'"


def test_a_shape_of_locust_says_how_much_load_there_is(shop: str, tmp_path: Path) -> None:
    shape = """
from locust import LoadTestShape
class Short(LoadTestShape):
    def tick(self):
        return (2, 2) if self.get_run_time() < 2 else None
"""
    ran = run("Locust", SHOP + shape, shop, tmp_path, profile={"duration": "30s"})
    assert ran.codes == [0], ran.errors
    assert ran.lines[0][-1].measured < 5


def test_workers_of_locust_share_the_users_of_one_master(shop: str, tmp_path: Path) -> None:
    counted = """
@events.test_start.add_listener
def tell(environment, **_):
    open(os.environ["TMPDIR"] + f"/runner-{os.environ['JOB']}", "a").write(type(environment.runner).__name__ + " ")

@events.spawning_complete.add_listener
def users(user_count, **_):
    open(os.environ["TMPDIR"] + f"/users-{os.environ['JOB']}", "w").write(str(user_count))
"""
    leader = tmp_path / "leader"
    leader.write_text("127.0.0.1\n")
    spec = load_spec("Locust", SHOP + counted, 2, {"profile": {"users": 5, "duration": "2s"}})
    processes = [
        start(spec, shop, index, tmp_path, SEATRIAL_LEADER_FILE=str(leader), JOB=str(index)) for index in range(2)
    ]
    ended = [process.communicate(timeout=90) for process in processes]
    assert [process.returncode for process in processes] == [0, 0], ended
    lines = {index: parse_line(output.splitlines()[-1]) for index, (output, _) in enumerate(ended)}
    assert all(line.final and line.requests > 20 for line in lines.values())
    result = load_result(merged(lines, spec))
    assert {each.name for each in result.by_request} == {"list", "GET /missing", "POST /orders"}
    assert sorted((tmp_path / "runner-0").read_text().split()) == ["MasterRunner", "WorkerRunner"]
    assert (tmp_path / "runner-1").read_text().split() == ["WorkerRunner"]


@pytest.mark.parametrize("workers", [1, 2])
def test_users_of_locust_come_and_go_with_the_stages(shop: str, tmp_path: Path, workers: int) -> None:
    counted = """
import gevent, time
@events.test_start.add_listener
def tell(environment, **_):
    def look():
        while True:
            gevent.sleep(0.1)
            with open(os.environ["TMPDIR"] + f"/users-{type(environment.runner).__name__}", "a") as file:
                file.write(f"{environment.runner.user_count} ")
    gevent.spawn(look)
"""
    stages = [{"users": 6, "duration": "2s"}, {"users": 6, "duration": "2s"}, {"users": 0, "duration": "2s"}]
    (tmp_path / "leader").write_text("127.0.0.1\n")
    spec = load_spec("Locust", SHOP + counted, workers, {"profile": {"duration": None, "stages": stages}})
    processes = [
        start(spec, shop, index, tmp_path, SEATRIAL_LEADER_FILE=str(tmp_path / "leader")) for index in range(workers)
    ]
    ended = [process.communicate(timeout=90) for process in processes]
    assert [process.returncode for process in processes] == [0] * workers, ended
    (told,) = [file for file in tmp_path.glob("users-*") if file.name != "users-WorkerRunner"]
    seen = [int(users) for users in told.read_text().split()]
    changes = [users for users, before in zip(seen, [-1, *seen], strict=False) if users != before]
    top = changes.index(6)
    assert max(seen) == 6
    assert changes[: top + 1] == sorted(changes[: top + 1])
    assert changes[top:] == sorted(changes[top:], reverse=True)
    assert len(changes) >= 5, "in steps of a second"
    last = parse_line(ended[0][0].splitlines()[-1])
    assert last.measured == pytest.approx(6, abs=0.4)


def test_a_worker_of_locust_without_its_master_is_refused(shop: str, tmp_path: Path) -> None:
    spec = load_spec("Locust", SHOP, 2, {"profile": {"users": 5, "duration": "2s"}})
    code, _, errors = within(spec, shop, tmp_path, {"JOB_COMPLETION_INDEX": "1"})
    assert code == 2
    assert "SEATRIAL_LEADER_FILE" in errors
