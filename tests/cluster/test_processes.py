import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from e2e.cluster import processes
from e2e.cluster.processes import Process

SLEEPER = [sys.executable, "-c", "import time; time.sleep(60)"]


@pytest.fixture
def started(tmp_path: Path) -> Process:
    return processes.start(SLEEPER, log=tmp_path / "log", record=tmp_path / "sleeper.pid", state=tmp_path)


@given(pid=st.integers(1, 2**22), ticks=st.integers(0, 2**63))
def test_a_record_reads_back_as_it_was_written(pid: int, ticks: int) -> None:
    process = Process(pid, ticks)
    assert processes.parse_record(process.written()) == process


@pytest.mark.parametrize("text", ["", "12", "12 ", "12 x", "-1 5", "1 2 3"])
def test_a_half_written_record_is_none(text: str) -> None:
    assert processes.parse_record(text) is None


@given(name=st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=15))
def test_the_start_time_is_found_whatever_the_program_is_called(name: str) -> None:
    fields = ["S", *(str(number) for number in range(4, 53))]
    assert processes.parse_stat(f"42 ({name}) {' '.join(fields)}") == ("S", 22)


def test_a_started_process_is_recorded_marked_and_killed(started: Process, tmp_path: Path) -> None:
    assert processes.recorded(tmp_path) == {"sleeper": started}
    # For a moment after it was started, the kernel shows no environment.
    ends = time.monotonic() + 10
    while started not in processes.marked():
        assert time.monotonic() < ends
        time.sleep(0.01)
    assert processes.marked()[started] == str(tmp_path)
    assert processes.is_alive(started)
    assert processes.kill([started]) == []
    assert not processes.is_alive(started)
    os.waitpid(started.pid, 0)


def test_a_reused_process_id_is_left_alone() -> None:
    with subprocess.Popen(SLEEPER) as bystander:
        earlier = Process(bystander.pid, started=1)
        assert not processes.is_alive(earlier)
        assert processes.kill([earlier]) == []
        assert bystander.poll() is None
        bystander.kill()


def test_a_zombie_is_not_alive() -> None:
    with subprocess.Popen(["true"]) as child:
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        assert processes.observe(child.pid) is None
