"""How long a tool may take, and what is left to say when it does not end well. The tools are shell scripts."""

import asyncio
import json
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import uvloop

from seatrial.api.load import LoadSpec
from seatrial.load import scripted
from seatrial.load.ending import Ending, EndingKind
from seatrial.load.line import WorkerLine, parse_line
from seatrial.load.locust import Records, RecordsError
from seatrial.load.samples import Samples
from seatrial.load.script import located, script_share
from seatrial.load.script_worker import EXIT_SCRIPT_INVALID, run_script
from seatrial.load.scripted import Scripted, ScriptError, ScriptInvalid

SPEC = {
    "target": {"service": "shop"},
    "engine": "K6",
    "script": {"inline": "export default function () {}"},
    "profile": {"users": 1, "duration": "1s"},
}
#: Writes a request that began a while ago.
REQUEST = """printf '["r", %s, 0.1, "GET", "/", 5, 200, ""]\\n' $(date +%s.%N) >&$1; """


class Shell:
    """An engine whose tool is a shell script, and whose samples are records as Locust's plugin writes them."""

    cores = 1.0

    def __init__(self, script: str, samples: Samples) -> None:
        self._script = script
        self.words: list[str] = []
        self.feed = Records(samples, "http://shop:80").feed
        self.take = self.words.append

    def commands(self, path: str, sink: int) -> list[list[str]]:
        assert Path(path).is_file()
        return [["bash", "-c", self._script, "tool", str(sink)]]

    def environment(self, sink: int) -> dict[str, str]:
        return {"SINK": str(sink)}

    def ending(self, codes: Sequence[int]) -> Ending:
        return Ending(EndingKind.ERROR, f"code {codes}") if codes != [0] else Ending(EndingKind.GOOD)

    def busiest(self, pids: Sequence[int]) -> Sequence[int]:
        return pids


def run(
    script: str, stop_after: float | None = None, spec: dict[str, Any] | None = None
) -> tuple[bool, list[WorkerLine]]:
    share = script_share(LoadSpec.model_validate(SPEC | (spec or {})), host="shop", port=80, index=0)
    samples, lines = Samples(), list[str]()

    async def course() -> bool:
        stop = asyncio.Event()
        if stop_after is not None:
            asyncio.get_running_loop().call_later(stop_after, stop.set)
        return await Scripted(share, Shell(script, samples), samples, lines.append, os.environ).run(stop)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        done = runner.run(course())
    return done, [parse_line(line) for line in lines]


def test_a_tool_that_ends_at_once_has_one_line() -> None:
    done, lines = run(REQUEST)
    assert done
    (line,) = lines
    assert (line.final, line.requests, line.errors) == (True, 1, {})
    assert line.measured == pytest.approx(0.1, abs=0.01), "nothing was measured after its last request"


def test_a_worker_begins_with_its_tool_and_not_with_its_first_request() -> None:
    before = time.time()
    _, (line,) = run("sleep 0.6; " + REQUEST)
    assert before - 0.002 <= line.began < before + 0.4


def test_with_stages_its_first_request_may_come_when_there_are_users_for_all_workers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(scripted, "_FIRST_SECONDS", 0.2)
    stages = {"profile": {"stages": [{"users": 10, "duration": "3s"}]}, "workers": 2}
    done, _ = run("sleep 0.5; " + REQUEST, spec=stages)
    assert done
    with pytest.raises(ScriptInvalid, match=r"no request in the first 0.8 s"):
        run("sleep 60", spec=stages)


def test_without_a_request_in_time_it_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scripted, "_FIRST_SECONDS", 0.2)
    with pytest.raises(ScriptInvalid, match=r"no request in the first 0.2 s"):
        run("sleep 60")


def test_beyond_its_time_it_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scripted, "_LAST_SECONDS", 0.2)
    with pytest.raises(ScriptError, match=r"still going on 0.2 s after the end"):
        run(REQUEST + "sleep 60")


def test_stopped_before_its_first_request_it_has_nothing_to_tell() -> None:
    assert run("sleep 60", stop_after=0.2) == (False, [])


def test_stopped_it_tells_what_there_is() -> None:
    done, lines = run(REQUEST + "trap 'exit 9' TERM; while true; do sleep 0.05; done", stop_after=0.4)
    assert not done
    assert (lines[-1].interrupted, lines[-1].requests) == (True, 1)


@pytest.mark.heavy
def test_samples_that_are_none_end_it() -> None:
    with pytest.raises(ScriptError, match="not a record"):
        run(REQUEST + "echo nonsense >&$1; sleep 60")


def test_a_reason_is_left_where_kubernetes_looks_for_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    share = script_share(LoadSpec.model_validate(SPEC), host="shop", port=80, index=0)
    log = tmp_path / "termination-log"
    log.touch()
    code = run_script(share, lambda _: None, {"PATH": "/nowhere"}, termination_log=log)
    assert code == EXIT_SCRIPT_INVALID
    assert log.read_text().startswith("k6 cannot be started")
    assert log.read_text() in capsys.readouterr().err


def test_a_script_is_found_where_it_was_given(tmp_path: Path) -> None:
    def share(**script: Any) -> Any:
        return script_share(LoadSpec.model_validate(SPEC | {"script": script}), host="::1", port=80, index=0)

    (tmp_path / "shop.js").touch()
    mounted = share(configMap={"name": "scripts", "key": "shop.js"})
    assert located(mounted, tmp_path, folder=tmp_path) == tmp_path / "shop.js"
    assert located(share(path=str(tmp_path / "shop.js"), image="i"), tmp_path) == tmp_path / "shop.js"
    assert located(share(inline="x"), tmp_path).read_text() == "x"
    assert mounted.address == "http://[::1]:80"


def test_records_of_two_processes_may_come_mixed() -> None:
    samples = Samples()
    records = Records(samples, "http://shop:80")
    record = json.dumps(["r", 1.5, 0.1, "GET", "/", 5, 200, ""]).encode() + b"\n"
    records.feed(record + b'["q", 0]\n' + record + b'["q", 3]\n')
    assert (samples.tally.requests, records.quit_codes) == (2, [0, 3])
    with pytest.raises(RecordsError):
        records.feed(b"\n")
