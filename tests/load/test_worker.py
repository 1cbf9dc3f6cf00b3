"""The worker as a process of its own, as in a pod."""

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import uvloop

from seatrial.api.load import LoadSpec
from seatrial.load.assignment import assignment
from seatrial.load.line import WorkerLine, parse_line
from seatrial.load.worker import EXIT_BAD_ASSIGNMENT, EXIT_REPORTED, EXIT_TERMINATED, WorkerError, generate, main

pytestmark = pytest.mark.heavy

SPEC = {"target": {"service": "web"}, "profile": {"users": 2, "duration": "1s"}, "workers": 2}


CA = {"name": "web-tls", "key": "ca.crt"}


@pytest.fixture
def web() -> Iterator[str]:
    """A server in a thread: answers whatever comes, on each connection."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve(connection: socket.socket) -> None:
        with connection, contextlib.suppress(ConnectionError):
            while connection.recv(65536):
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")

    def accept() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=serve, args=(connection,), daemon=True).start()

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    yield f"127.0.0.1:{listener.getsockname()[1]}"
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join(5)


def start(environment: dict[str, str], first: str = "") -> "subprocess.Popen[str]":
    code = f"{first}import sys; from seatrial.load.worker import main; sys.exit(main())"
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-c", code],
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def lines_of(output: str) -> list[WorkerLine]:
    return [parse_line(line) for line in output.splitlines()]


def test_it_measures_reports_and_exits_with_0(web: str) -> None:
    process = start({"SEATRIAL_LOAD": json.dumps(SPEC), "SEATRIAL_TARGET": web, "JOB_COMPLETION_INDEX": "1"})
    output, errors = process.communicate(timeout=30)
    assert (process.returncode, errors) == (EXIT_REPORTED, "")
    last = lines_of(output)[-1]
    assert (last.worker, last.final, last.state, last.measured) == (1, True, "final", 1.0)
    assert last.requests > 0


def test_all_refused_is_measured_and_reported_too() -> None:
    process = start({"SEATRIAL_LOAD": json.dumps(SPEC), "SEATRIAL_TARGET": "127.0.0.1:1"})
    output, errors = process.communicate(timeout=30)
    assert (process.returncode, errors) == (EXIT_REPORTED, "")
    last = lines_of(output)[-1]
    assert last.errors == {"connect": last.requests}


def test_files_that_ran_out_are_its_own_failure(web: str) -> None:
    load = {**SPEC, "workers": 1, "profile": {"users": 50, "duration": "1s"}}
    code = "import resource, sys; resource.setrlimit(resource.RLIMIT_NOFILE, (40, 40)); "
    process = start({"SEATRIAL_LOAD": json.dumps(load), "SEATRIAL_TARGET": web}, code)
    output, errors = process.communicate(timeout=30)
    assert (process.returncode, errors) == (EXIT_REPORTED, "")
    last = lines_of(output)[-1]
    assert set(last.errors) == {"exhausted"}
    assert last.requests > last.errors["exhausted"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_with_what_it_has(web: str, number: signal.Signals) -> None:
    long = {**SPEC, "profile": {"users": 2, "duration": "1h"}}
    process = start({"SEATRIAL_LOAD": json.dumps(long), "SEATRIAL_TARGET": web})
    assert process.stdout is not None
    first = process.stdout.readline()
    process.send_signal(number)
    output, errors = process.communicate(timeout=30)
    assert (process.returncode, errors) == (EXIT_TERMINATED, "")
    before, last = parse_line(first), lines_of(output)[-1]
    assert (last.final, last.interrupted, last.state) == (False, True, "interrupted")
    assert last.requests >= before.requests > 0


def test_nobody_reading_does_not_stop_it(web: str) -> None:
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    try:
        while True:
            os.write(writer, b"\n" * 4096)
    except BlockingIOError:
        os.set_blocking(writer, True)
    collected: list[bytes] = []

    def read_late() -> None:
        # Longer than the load lasts: its lines wait, and the newest replaces the ones before.
        threading.Event().wait(1.5)
        while data := os.read(reader, 65536):
            collected.append(data)

    thread = threading.Thread(target=read_late)
    thread.start()
    process = subprocess.run(
        [sys.executable, "-c", f"import sys; from seatrial.load.worker import main; sys.exit(main(output={writer}))"],
        env={**os.environ, "SEATRIAL_LOAD": json.dumps(SPEC), "SEATRIAL_TARGET": web},
        pass_fds=[writer],
        timeout=30,
        check=False,
    )
    os.close(writer)
    thread.join(10)
    os.close(reader)
    assert process.returncode == EXIT_REPORTED
    assert parse_line(b"".join(collected).strip().splitlines()[-1]).final


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"SEATRIAL_LOAD": None}, "SEATRIAL_LOAD is not set"),
        ({"SEATRIAL_TARGET": None}, "SEATRIAL_TARGET is not set"),
        ({"SEATRIAL_LOAD": "{}"}, "SEATRIAL_LOAD is not a load spec"),
        ({"SEATRIAL_LOAD": "nonsense"}, "SEATRIAL_LOAD is not a load spec"),
        ({"SEATRIAL_TARGET": "web"}, "write host:port"),
        ({"SEATRIAL_TARGET": ":80"}, "write host:port"),
        ({"SEATRIAL_TARGET": "web:http"}, "write host:port"),
        ({"SEATRIAL_TARGET": "web:99999"}, "write host:port"),
        ({"JOB_COMPLETION_INDEX": "-1"}, "number of the worker"),
        ({"JOB_COMPLETION_INDEX": "2"}, "worker 2 of 2"),
        (
            {
                "SEATRIAL_LOAD": json.dumps({**SPEC, "target": {"service": "web", "tls": {"ca": {"secret": CA}}}}),
                "SEATRIAL_CA": "not a certificate",
            },
            "target.tls.ca: there are no certificates",
        ),
        (
            {
                "SEATRIAL_LOAD": json.dumps(
                    {**SPEC, "requests": [{"headers": [{"name": "Content-Length", "value": "1"}]}]}
                )
            },
            "remove the header",
        ),
    ],
)
def test_a_bad_assignment_is_explained(
    capsys: pytest.CaptureFixture[str], change: dict[str, str | None], message: str
) -> None:
    environment = {"SEATRIAL_LOAD": json.dumps(SPEC), "SEATRIAL_TARGET": "web:80", **change}
    assert main({name: value for name, value in environment.items() if value is not None}) == EXIT_BAD_ASSIGNMENT
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("seatrial worker: ")
    assert message in captured.err


def test_a_fault_of_the_generator_itself_is_never_a_result() -> None:
    share = assignment(LoadSpec.model_validate({**SPEC, "workers": 1}), host="127.0.0.1", port=1, index=0)
    lines: list[str] = []

    async def disturbed() -> None:
        asyncio.get_running_loop().call_later(0.1, int, "not a number")
        await generate(share, lines.append, asyncio.Event())

    with pytest.raises(WorkerError), asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(disturbed())
    assert lines == []


def test_it_starts_without_the_operator() -> None:
    """A worker's start is part of every load test; these take a second to import."""
    code = (
        "import sys, seatrial.load.worker; "
        "print(*{'kopf', 'kubernetes', 'httpx', 'rich', 'aiohttp', 'celpy', 'prometheus_client'} & set(sys.modules))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert result.stdout.strip() == ""


CORES = {**SPEC, "cores": 3, "workers": 1, "profile": {"rate": 300, "duration": "1s", "warmup": "200ms"}}


def test_several_cores_print_one_line_a_second_of_all(web: str) -> None:
    process = start({"SEATRIAL_LOAD": json.dumps(CORES), "SEATRIAL_TARGET": web})
    output, errors = process.communicate(timeout=30)
    assert (process.returncode, errors) == (EXIT_REPORTED, "")
    lines = lines_of(output)
    assert [line.seq for line in lines] == list(range(len(lines)))
    assert len(lines) <= 4
    last = lines[-1]
    assert (last.worker, last.state, last.requests, last.ended, last.measured) == (0, "final", 300, 360, 1.0)
    assert last.errors == {}


def test_cores_begin_when_all_workers_do(web: str, tmp_path: Path) -> None:
    begin = tmp_path / "begin"
    process = start({"SEATRIAL_LOAD": json.dumps(CORES), "SEATRIAL_TARGET": web, "SEATRIAL_START_FILE": str(begin)})
    assert process.stdout is not None
    assert '"state":"ready"' in process.stdout.readline()
    moment = datetime.now(UTC) + timedelta(seconds=0.3)
    begin.write_text(moment.isoformat())
    output, errors = process.communicate(timeout=30)
    assert (process.returncode, errors) == (EXIT_REPORTED, "")
    last = parse_line(output.splitlines()[-1])
    assert (last.state, last.requests) == ("final", 300)
    assert last.began >= moment.timestamp()


def test_users_are_shared_out_among_cores(web: str) -> None:
    spec = {**SPEC, "cores": 2, "profile": {"users": 5, "duration": "1s"}, "workers": 2}
    process = start({"SEATRIAL_LOAD": json.dumps(spec), "SEATRIAL_TARGET": web, "JOB_COMPLETION_INDEX": "1"})
    output, errors = process.communicate(timeout=30)
    assert (process.returncode, errors) == (EXIT_REPORTED, "")
    last = lines_of(output)[-1]
    # Users 1 and 3 are this worker's.
    assert (last.worker, last.in_flight_max, last.connections) == (1, 2, 2)


def test_a_signal_ends_all_cores(web: str) -> None:
    long = {**CORES, "profile": {"users": 6, "duration": "1h"}}
    process = start({"SEATRIAL_LOAD": json.dumps(long), "SEATRIAL_TARGET": web})
    assert process.stdout is not None
    first = process.stdout.readline()
    generators = children(process.pid)
    process.send_signal(signal.SIGTERM)
    output, errors = process.communicate(timeout=30)
    assert (process.returncode, errors) == (EXIT_TERMINATED, "")
    last = lines_of(output)[-1]
    assert (last.final, last.interrupted, last.state) == (False, True, "interrupted")
    assert last.requests >= parse_line(first).requests > 0
    assert len(generators) == 3
    assert not any(Path(f"/proc/{pid}").exists() for pid in generators)


def test_a_core_that_is_lost_is_no_result(web: str) -> None:
    long = {**CORES, "profile": {"users": 6, "duration": "1h"}}
    process = start({"SEATRIAL_LOAD": json.dumps(long), "SEATRIAL_TARGET": web})
    assert process.stdout is not None
    process.stdout.readline()
    generators = children(process.pid)
    os.kill(generators[1], signal.SIGKILL)
    output, errors = process.communicate(timeout=30)
    assert process.returncode == 1
    assert "core 1 ended with -9; there is no result without it" in errors
    assert not any(line.last for line in lines_of(output))
    assert not any(Path(f"/proc/{pid}").exists() for pid in generators)


def test_cores_end_when_nobody_reads_what_they_measure(web: str) -> None:
    long = {**CORES, "profile": {"users": 6, "duration": "1h"}}
    process = start({"SEATRIAL_LOAD": json.dumps(long), "SEATRIAL_TARGET": web})
    assert process.stdout is not None
    process.stdout.readline()
    generators = children(process.pid)
    process.kill()
    process.communicate(timeout=30)
    deadline = time.monotonic() + 20
    while any(running(pid) for pid in generators):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_request_that_no_core_can_send_is_explained() -> None:
    spec = {**CORES, "requests": [{"headers": [{"name": "Content-Length", "value": "1"}]}]}
    process = start({"SEATRIAL_LOAD": json.dumps(spec), "SEATRIAL_TARGET": "127.0.0.1:1"})
    output, errors = process.communicate(timeout=30)
    assert (process.returncode, output) == (EXIT_BAD_ASSIGNMENT, "")
    assert "remove the header" in errors


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except FileNotFoundError:
        return False
