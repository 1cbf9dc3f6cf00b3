"""What the plugin inside Locust tells, in whatever pieces it comes; how Locust is called, and what its end means."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.api.load import LoadSpec
from seatrial.load.ending import EndingKind
from seatrial.load.locust import Locust, Records, RecordsError, Words, commands, ending, error_kind
from seatrial.load.plugin import FILE
from seatrial.load.samples import Samples
from seatrial.load.script import ScriptShare, script_share

ADDRESS = "http://orders:8080"
START = 1_795_601_466.5


def share(index: int = 0, workers: int = 1, args: tuple[str, ...] = (), **profile: Any) -> ScriptShare:
    spec = LoadSpec.model_validate(
        {
            "target": {"service": "orders"},
            "engine": "Locust",
            "script": {"inline": "import locust", "args": args},
            "profile": profile if "stages" in profile else {"duration": "10s", **profile},
            "workers": workers,
        }
    )
    return script_share(spec, host="orders", port=8080, index=index)


def request(name: str = "/a", status: int = 200, exception: str = "", seconds: float = 0.25) -> list[object]:
    return ["r", START, seconds, "GET", name, 700, status, exception]


def read(*records: list[object]) -> Samples:
    samples = Samples()
    Records(samples, ADDRESS).feed(b"".join(json.dumps(record).encode() + b"\n" for record in records))
    return samples


def test_a_request_is_counted_with_its_time() -> None:
    tally = read(request()).tally
    assert (tally.requests, tally.errors, tally.bytes_received) == (1, {}, 700)
    assert tally.latency.counts == tally.service.counts
    assert [each.name for each in tally.by_request] == ["GET /a"]


@given(names=st.lists(st.text(min_size=1, max_size=20), min_size=1, max_size=8), cuts=st.lists(st.integers(1, 99)))
def test_records_are_the_same_in_whatever_pieces_they_come(names: list[str], cuts: list[int]) -> None:
    data = b"".join(json.dumps(request(name)).encode() + b"\n" for name in names)
    samples = Samples()
    records = Records(samples, ADDRESS)
    place = 0
    for cut in cuts:
        records.feed(data[place : place + cut])
        place += cut
    records.feed(data[place:])
    assert samples.tally.requests == len(names)


@pytest.mark.parametrize(
    ("status", "exception", "kind"),
    [
        (200, "", None),
        (404, "", None),  # the script takes it for a success
        (404, "HTTPError: 404 Client Error", "status4xx"),
        (503, "HTTPError: 503 Server Error", "status5xx"),
        (200, "CatchResponseError: not created", "check"),
        (0, "SSLError: certificate verify failed", "tls"),
        (0, "ConnectionError: Failed to resolve 'x' (NameResolutionError)", "dns"),
        (0, "ConnectionError: [Errno 111] Connection refused", "connect"),
        (0, "ConnectTimeout: timed out", "connect"),
        (0, "ReadTimeout: Read timed out. (read timeout=1)", "timeout"),
        (0, "ConnectionError: ('Connection aborted.', RemoteDisconnected())", "reset"),
        (0, "ChunkedEncodingError: IncompleteRead(3 bytes read)", "protocol"),
        (0, "ValueError: odd", "other"),
    ],
)
def test_errors_are_of_the_kinds_of_our_own_engine(status: int, exception: str, kind: str | None) -> None:
    assert error_kind(status, exception) == kind


def test_what_was_refused_has_no_latency_and_what_timed_out_has() -> None:
    refused = read(request(status=0, exception="ConnectionError: refused")).tally
    late = read(request(status=0, exception="ReadTimeout: timed out")).tally
    assert (sum(refused.latency.counts), sum(late.latency.counts)) == (0, 1)


def test_exceptions_of_tasks_are_told() -> None:
    samples = read(["e", "KeyError: 'id'"], ["e", "ValueError: x"])
    assert (samples.exceptions, samples.exception) == (2, "KeyError: 'id'")


@pytest.mark.parametrize("line", [b"[]\n", b'["r", 1]\n', b"hello\n", b'["x", 1]\n', b"3\n"])
def test_what_is_no_record_ends_the_load(line: bytes) -> None:
    with pytest.raises(RecordsError, match="not a record"):
        Records(Samples(), ADDRESS).feed(line)


def test_one_worker_needs_no_master() -> None:
    (words,) = commands(share(users=9, args=("--tags=fast", "--spawn-rate=2")), "/s.py", "")
    assert f"--locustfile={FILE},/s.py" in words
    assert {"--users=9", "--stop-timeout=10", "--host=http://orders:8080", "--tags=fast"} <= set(words)
    # The later one counts.
    assert words.index("--spawn-rate=2") > words.index("--spawn-rate=9")
    assert not {"--master", "--worker"} & set(words)


def test_of_several_the_first_has_the_master_and_each_has_users() -> None:
    master, beside = commands(share(0, 3, users=9), "/s.py", "10.0.0.7")
    assert {"--master", "--expect-workers=3", "--users=9"} <= set(master)
    assert {"--worker", "--master-host=127.0.0.1"} <= set(beside)
    (other,) = commands(share(2, 3, users=9), "/s.py", "10.0.0.7")
    assert {"--worker", "--master-host=10.0.0.7"} <= set(other)
    assert not {"--users=9", "--master"} & set(other)


def test_a_shape_says_itself_how_many_users_there_are() -> None:
    engine = Locust(share(), Samples())
    (words,) = engine.commands("/s.py", 7)
    assert not any(word.startswith("--users") for word in words)
    assert "SEATRIAL_SECONDS" not in engine.environment(7)
    assert Locust(share(users=1), Samples()).environment(7)["SEATRIAL_SECONDS"] == "10"


def test_stages_are_told_as_lines_from_one_level_to_the_next() -> None:
    stages = [{"users": 6, "duration": "1500ms"}, {"users": 0, "duration": "3s"}]
    engine = Locust(share(users=2, stages=stages), Samples())
    told = engine.environment(7)
    assert json.loads(told["SEATRIAL_STAGES"]) == [[1.5, 2, 6], [3.0, 6, 0]]
    assert told["SEATRIAL_SECONDS"] == "4.5"
    (words,) = engine.commands("/s.py", 7)
    assert not any(word.startswith(("--users", "--spawn-rate")) for word in words)
    assert "SEATRIAL_STAGES" not in Locust(share(users=1), Samples()).environment(7)


def test_the_graceful_stop_is_the_time_that_tasks_are_given() -> None:
    (words,) = commands(share(users=1, gracefulStop="1500ms"), "/s.py", "")
    assert "--stop-timeout=1.5" in words


@pytest.mark.parametrize(
    ("codes", "told", "kind"),
    [
        ([0], [0], EndingKind.GOOD),
        ([0, 0], [0, 0], EndingKind.GOOD),
        ([3], [3], EndingKind.COMPLAINT),
        ([0, 1], [0, 1], EndingKind.COMPLAINT),
        ([1], [], EndingKind.ERROR),
        ([3, -9], [3], EndingKind.ERROR),
        ([], [], EndingKind.ERROR),
    ],
)
def test_an_exit_code_counts_for_what_it_was_told_to_mean(codes: list[int], told: list[int], kind: EndingKind) -> None:
    assert ending(codes, told, "").kind is kind


def test_words_are_the_last_error_or_whatever_came_last() -> None:
    words = Words()
    words.take("[2026-11-25 10:00:00,000] web/INFO/locust.main: Starting Locust 2.47.0")
    assert words.said == ""
    words.take("    users = 3 +")
    assert words.said == "users = 3 +"
    words.take("SyntaxError: invalid syntax")
    words.take("")
    assert words.said == "SyntaxError: invalid syntax"
    words.take("[2026-11-25 10:00:01,000] web/ERROR/locust.main: No tasks defined on Shop")
    assert words.said == "No tasks defined on Shop"
