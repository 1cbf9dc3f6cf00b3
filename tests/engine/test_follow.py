"""Reading workers' output through an API server whose connections break."""

import logging
from types import SimpleNamespace

import pytest

from seatrial.api.load import LoadSpec
from seatrial.engine import follow
from seatrial.engine.follow import follow_worker
from seatrial.engine.session import WorkerLines
from seatrial.kube.client import Client
from seatrial.load.barrier import ReadyLine
from seatrial.load.line import LineError, parse_line
from tests.engine.api_server import ApiServer, Fault
from tests.engine.workers import line
from tests.engine.world import World

pytestmark = pytest.mark.anyio

SPEC = LoadSpec.model_validate({"target": {"service": "web"}, "workers": 2, "profile": {"users": 2, "duration": "1s"}})


class Following:
    """One worker that is followed to its end."""

    def __init__(self, server: ApiServer, client: Client) -> None:
        self.server, self.client = server, client
        self.lines = WorkerLines(SPEC)
        self.news: list[bool] = []
        server.put("pods", {"metadata": {"name": "worker-0", "labels": {}}}, "shop")

    async def __call__(self, *log: str | None) -> None:
        self.server.logs["worker-0"] = list(log)
        await follow_worker(self.client, "shop", "worker-0", 0, self.lines, self.changed)

    def changed(self, *, soon: bool) -> None:
        self.news.append(soon)


@pytest.fixture
async def following(world: World) -> Following:
    return Following(world.server, world.client)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(follow, "PATIENCE", 0.3)


async def test_lines_are_read_to_the_last_one(following: Following) -> None:
    await following(line(seq=0), line(seq=1, values=(1, 2)), line(seq=2, values=(1, 2, 3), final=True))
    assert following.news == [False, False, True, True]
    seen = following.lines.seen()
    assert (seen.finished, seen.unreadable, seen.result.requests) == (frozenset({0}), {}, 3)


async def test_reading_goes_on_after_a_connection_broke(following: Following) -> None:
    # Reading begins at the newest line, so the one that was read last comes again.
    await following(line(seq=3), None, line(seq=3), line(seq=4), None, line(seq=5, final=True))
    assert following.lines.lines[0].seq == 5
    assert following.lines.unreadable == {}
    assert following.news == [False, False, True, True]


async def test_a_load_may_last_longer_than_patience(following: Following, monkeypatch: pytest.MonkeyPatch) -> None:
    """Patience begins anew with each line: a connection that breaks after an hour is still only a broken connection."""
    now = 0.0
    monkeypatch.setattr(follow, "time", SimpleNamespace(monotonic=lambda: now))
    changed = following.changed

    def a_while_later(*, soon: bool) -> None:
        nonlocal now
        now += 0.7 * follow.PATIENCE
        changed(soon=soon)

    monkeypatch.setattr(following, "changed", a_while_later)
    await following(line(seq=1), None, line(seq=2), None, line(seq=3), None, line(seq=4, final=True))
    assert following.lines.unreadable == {}
    assert following.lines.lines[0].final


@pytest.mark.usefixtures("impatient")
async def test_output_that_ends_early_is_unreadable(following: Following) -> None:
    await following(line(seq=1))
    assert following.lines.unreadable == {0: "its output ended before its last line"}
    assert following.news == [False, True]


@pytest.mark.usefixtures("impatient")
async def test_the_same_line_over_and_over_is_no_news(following: Following) -> None:
    await following(*[line(seq=1)] * 500)
    assert following.news == [False, True]
    assert following.lines.unreadable


@pytest.mark.usefixtures("impatient")
async def test_a_pod_that_is_gone_is_unreadable(following: Following) -> None:
    following.server.delete("pods", "worker-0", "shop")
    await following()
    assert following.lines.unreadable == {0: 'its log cannot be read: pods "worker-0" not found'}


@pytest.mark.usefixtures("impatient")
async def test_a_server_that_is_gone_makes_it_unreadable(following: Following) -> None:
    following.server.faults = [Fault("GET", "/log", times=1000)]
    await following()
    assert following.lines.unreadable[0].startswith("its log cannot be read: GET /api/v1/namespaces/shop/pods/worker-0")


async def test_a_bad_moment_is_got_over(following: Following) -> None:
    following.server.faults = [Fault("GET", "/log", status=500), Fault("GET", "/log", status=429)]
    await following(line(seq=1, final=True))
    assert following.lines.unreadable == {}


async def test_noise_between_the_lines_is_logged_and_left_out(
    following: Following, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    stray = line(worker=1, seq=7)
    other = line(seq=8, by_request=({"requests": 1, "errors": 0, "latency": None},) * 2)
    await following("Traceback (most recent call last):", "", "{}", stray, other, line(seq=1, final=True))
    assert list(following.lines.lines) == [0]
    assert following.lines.seen().result.requests == 1
    assert len(caplog.records) == 5
    assert all("worker-0" in record.getMessage() for record in caplog.records)


def test_only_the_newest_line_of_a_worker_counts() -> None:
    lines = WorkerLines(SPEC)
    assert lines.take(0, parse_line(line(seq=2, values=(1, 2))))
    assert not lines.take(0, parse_line(line(seq=1, values=(1,))))
    assert not lines.take(0, parse_line(line(seq=2, values=(1, 2))))
    assert lines.seen().result.requests == 2
    assert lines.seen() is lines.seen()
    assert lines.take(1, parse_line(line(worker=1, seq=0, values=(5, 6, 7), final=True)))
    seen = lines.seen()
    assert (seen.result.requests, seen.result.workers_reporting, seen.finished) == (5, 2, frozenset({1}))
    assert seen.values["requests.count"] == 5
    lines.give_up(0, "why")
    assert lines.seen().unreadable == {0: "why"}


@pytest.mark.parametrize("worker", [1, 2])
def test_a_line_of_another_worker_is_refused(worker: int) -> None:
    lines = WorkerLines(SPEC)
    with pytest.raises(LineError):
        lines.take(0, parse_line(line(worker=worker)))
    assert lines.lines == {}


def ready(seq: int = 0, worker: int = 0) -> str:
    return ReadyLine(worker=worker, seq=seq).model_dump_json()


async def test_a_worker_that_is_ready_is_heard_at_once_and_once(following: Following) -> None:
    await following(ready(worker=1), ready(), ready(1), line(seq=0), line(seq=1, final=True))
    assert following.news == [True, False, True, True]
    assert (following.lines.ready, following.lines.seen().begun) == ({0: 1}, frozenset({0}))


async def test_a_worker_that_waits_has_told_no_result_yet(following: Following, impatient: None) -> None:
    await following(ready())
    seen = following.lines.seen()
    assert (seen.ready, seen.begun, seen.result.workers_reporting) == (frozenset({0}), frozenset(), 0)
    assert seen.unreadable == {0: "its output ended before its last line"}


async def test_a_worker_may_wait_for_the_others_longer_than_patience(
    following: Following, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 0.0
    take = following.lines.take_ready

    def later(worker: int, said: ReadyLine) -> bool:
        nonlocal now
        now += 0.7 * follow.PATIENCE
        return take(worker, said)

    monkeypatch.setattr(follow, "time", SimpleNamespace(monotonic=lambda: now))
    monkeypatch.setattr(following.lines, "take_ready", later)
    await following(ready(), ready(1), ready(2), None, line(seq=0, final=True))
    assert following.lines.unreadable == {}
    assert following.lines.lines[0].final


async def test_a_rotation_of_the_log_takes_nothing_away(following: Following) -> None:
    """The kubelet moves the old file away in the middle: whoever reads again finds only what came after."""
    whole = [line(seq=seq, values=tuple(range(1, seq + 2))) for seq in range(9)]
    last = line(seq=9, values=tuple(range(1, 11)), final=True)
    await following(ready(), *whole[:3], None, *whole[6:], last)
    rotated, following.lines = following.lines.seen(), WorkerLines(SPEC)
    await following(ready(), *whole, last)
    assert rotated.result == following.lines.seen().result
    assert rotated.result.requests == 10
    assert (rotated.unreadable, rotated.finished) == ({}, frozenset({0}))
