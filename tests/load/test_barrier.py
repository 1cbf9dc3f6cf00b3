"""Workers as processes of their own, which wait for one moment."""

import json
import os
import signal
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from seatrial.load import barrier
from seatrial.load.assignment import AssignmentError
from seatrial.load.barrier import ReadyLine, common_start, read_ready
from seatrial.load.line import parse_line
from seatrial.load.worker import EXIT_BAD_ASSIGNMENT, EXIT_TERMINATED
from tests.load.test_worker import SPEC, start

TARGET = {"SEATRIAL_LOAD": json.dumps(SPEC), "SEATRIAL_TARGET": "127.0.0.1:1"}


def bring(file: Path, text: str) -> None:
    """Writes a file as the kubelet does: all of it at once."""
    new = file.with_name("new")
    new.write_text(text)
    new.replace(file)


def moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@pytest.mark.parametrize("cores", [1, 2])
def test_workers_say_that_they_are_ready_and_begin_together(tmp_path: Path, cores: int) -> None:
    files = [tmp_path / str(index) / "start" for index in range(2)]
    processes = []
    load = json.dumps({**SPEC, "profile": {"users": 4, "duration": "1s"}, "cores": cores})
    for index, file in enumerate(files):
        file.parent.mkdir()
        file.touch()
        own = {"JOB_COMPLETION_INDEX": str(index), "SEATRIAL_START_FILE": str(file)}
        processes.append(start(TARGET | own | {"SEATRIAL_LOAD": load}))
    for index, process in enumerate(processes):
        assert process.stdout is not None
        assert read_ready(process.stdout.readline()) == ReadyLine(worker=index)
    at = time.time() + 0.5
    for file in files:
        bring(file, moment(at))
    for process in processes:
        output, errors = process.communicate(timeout=30)
        assert (process.returncode, errors) == (0, "")
        last = parse_line(output.splitlines()[-1])
        assert last.final
        assert last.began >= round(at, 3) - 0.002


def test_who_learns_of_it_late_begins_at_once(tmp_path: Path) -> None:
    file, lines = tmp_path / "start", list[bytes]()
    file.write_text(moment(time.time() - 3600))
    assert common_start(4, file, lines.append)
    assert [read_ready(line.decode()) for line in lines] == [ReadyLine(worker=4)]


def test_who_waits_says_so_again_and_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(barrier, "_SAY_SECONDS", 0.01)
    file, lines = tmp_path / "start", list[bytes]()

    def heard(line: bytes) -> None:
        lines.append(line)
        if len(lines) == 3:
            file.write_text(moment(time.time()))

    assert common_start(1, file, heard)
    assert [read_ready(line.decode()) for line in lines] == [ReadyLine(worker=1, seq=seq) for seq in range(3)]


def test_a_file_that_holds_no_moment_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "start"
    file.write_text("soon")
    with pytest.raises(AssignmentError, match="'soon': it must be the moment to begin"):
        common_start(0, file, lambda _line: None)


def test_a_signal_ends_the_waiting(tmp_path: Path) -> None:
    process = start(TARGET | {"SEATRIAL_START_FILE": str(tmp_path / "start")})
    assert process.stdout is not None
    process.stdout.readline()
    process.send_signal(signal.SIGTERM)
    output, errors = process.communicate(timeout=30)
    assert (process.returncode, output, errors) == (EXIT_TERMINATED, "", "")


def test_what_cannot_be_sent_is_said_before_others_wait(tmp_path: Path) -> None:
    spec = {**SPEC, "requests": [{"headers": [{"name": "Content-Length", "value": "1"}]}]}
    own = {"SEATRIAL_LOAD": json.dumps(spec), "SEATRIAL_START_FILE": os.fspath(tmp_path / "start")}
    process = start(TARGET | own)
    output, errors = process.communicate(timeout=30)
    assert (process.returncode, output) == (EXIT_BAD_ASSIGNMENT, "")
    assert "remove the header" in errors


@pytest.mark.parametrize("text", ["", "Traceback", '{"state":"ready"}', '{"v":1,"worker":-1,"state":"ready"}'])
def test_other_lines_say_nothing_of_readiness(text: str) -> None:
    assert read_ready(text) is None
