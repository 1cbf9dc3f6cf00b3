"""What k6 writes, read in whatever pieces it comes; what it is told, and what its end means."""

import csv
import io
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.api.load import LoadSpec
from seatrial.load.ending import EndingKind
from seatrial.load.k6 import K6, Rows, RowsError, Words, command, ending
from seatrial.load.samples import Samples
from seatrial.load.script import ScriptShare, script_share

ADDRESS = "http://orders:8080"
START = 1_795_601_466.0
HEADER = (
    "metric_name,timestamp,metric_value,check,error,error_code,expected_response,group,method,name,proto,scenario,"
    "service,status,subproto,tls_version,url,extra_tags,metadata"
)
COLUMNS = HEADER.split(",")


def share(index: int = 0, workers: int = 1, **profile: Any) -> ScriptShare:
    spec = LoadSpec.model_validate(
        {
            "target": {"service": "orders"},
            "engine": "K6",
            "script": {"inline": "export default function () {}", "args": ["--no-connection-reuse"]},
            "profile": {"duration": "10s", **profile},
            "workers": workers,
        }
    )
    return script_share(spec, host="orders", port=8080, index=index)


def row(metric: str, value: float, at: float, **tags: str) -> dict[str, str]:
    return {"metric_name": metric, "timestamp": str(int(at * 1e6)), "metric_value": f"{value:f}", **tags}


def request(at: float, milliseconds: float, **tags: str) -> list[dict[str, str]]:
    """The rows of one request as k6 1.1 writes them, with 1 ms of connecting and 2 ms of receiving."""
    told = {"method": "GET", "name": f"{ADDRESS}/a", "status": "200", "expected_response": "true", **tags}
    times = {
        "http_reqs": 1,
        "http_req_duration": milliseconds,
        "http_req_blocked": 3.0,
        "http_req_connecting": 1.0,
        "http_req_tls_handshaking": 0.0,
        "http_req_sending": 0.5,
        "http_req_waiting": milliseconds - 2.5,
        "http_req_receiving": 2.0,
        "http_req_failed": float(told["expected_response"] != "true"),
    }
    return [row(metric, value, at, **told) for metric, value in times.items()]


def written(rows: list[dict[str, str]], columns: list[str] = COLUMNS) -> bytes:
    text = io.StringIO(newline="")
    # Go quotes carriage returns too, which Python would not.
    unusual = any("\r" in value for each in rows for value in each.values())
    writer = csv.DictWriter(
        text,
        columns,
        restval="",
        extrasaction="ignore",
        lineterminator="\n",
        quoting=csv.QUOTE_ALL if unusual else csv.QUOTE_MINIMAL,
    )
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def read(rows: list[dict[str, str]], warmup: int = 0) -> Samples:
    samples = Samples(warmup)
    Rows(samples, ADDRESS).feed(written(rows))
    return samples


def test_a_request_is_counted_with_all_of_its_times() -> None:
    tally = read(request(START, 20.0)).tally
    assert (tally.requests, tally.errors, tally.connections) == (1, {}, 1)
    found = {
        name: next(place for place, count in enumerate(recording.counts) if count > 0)
        for name, recording in (("latency", tally.latency), ("service", tally.service), ("connect", tally.connect))
    }
    # Up to 2,047 µs a place is a microsecond; from 16,384 µs on it is 16 of them.
    assert found["connect"] == 1000
    assert found["latency"] - found["service"] == 3000 // 16
    assert tally.ahead.counts.count(1) == 1, "its first byte came 2 ms before its last"


@given(
    names=st.lists(st.text(st.characters(codec="utf-8"), min_size=1, max_size=20), min_size=1, max_size=8),
    cuts=st.lists(st.integers(1, 400), max_size=40),
)
def test_rows_are_the_same_in_whatever_pieces_they_come(names: list[str], cuts: list[int]) -> None:
    data = written([each for name in names for each in request(START, 5.0, name=name)])
    samples = Samples()
    rows = Rows(samples, ADDRESS)
    place = 0
    for cut in cuts:
        rows.feed(data[place : place + cut])
        place += cut
    rows.feed(data[place:])
    assert samples.tally.requests == len(names)
    assert sum(each.requests for each in samples.tally.by_request) == len(names)


@pytest.mark.parametrize(
    ("tags", "kind"),
    [
        ({"status": "0", "error_code": "1050", "expected_response": "false"}, "timeout"),
        ({"status": "0", "error_code": "1101", "expected_response": "false"}, "dns"),
        ({"status": "0", "error_code": "1212", "expected_response": "false"}, "connect"),
        ({"status": "0", "error_code": "1220", "expected_response": "false"}, "reset"),
        ({"status": "0", "error_code": "1310", "expected_response": "false"}, "tlsAuthority"),
        ({"status": "0", "error_code": "1300", "expected_response": "false"}, "tls"),
        ({"status": "0", "error_code": "1000", "expected_response": "false"}, "protocol"),
        ({"status": "404", "error_code": "1404", "expected_response": "false"}, "status4xx"),
        ({"status": "503", "error_code": "1503", "expected_response": "false"}, "status5xx"),
        ({"status": "200", "expected_response": "false"}, "check"),
        ({"status": "404", "error_code": "1404", "expected_response": "true"}, None),
        ({"status": "404", "error_code": "1404", "expected_response": ""}, None),
        ({"status": "0", "error_code": "1212", "expected_response": ""}, "connect"),
        ({"status": "0", "error_code": "2000", "expected_response": "false"}, "other"),
    ],
)
def test_errors_are_of_the_kinds_of_our_own_engine(tags: dict[str, str], kind: str | None) -> None:
    assert read(request(START, 5.0, **tags)).tally.errors == ({} if kind is None else {kind: 1})


def test_what_was_refused_has_no_latency_and_what_timed_out_has() -> None:
    refused = read(request(START, 0.0, status="0", error_code="1212", expected_response="false")).tally
    late = read(request(START, 500.0, status="0", error_code="1050", expected_response="false")).tally
    assert (sum(refused.latency.counts), sum(late.latency.counts)) == (0, 1)


def test_set_up_tear_down_and_warm_up_are_not_measured() -> None:
    rows = [
        *request(START - 1, 5.0, group="::setup"),
        row("checks", 0.0, START - 1, group="::setup"),
        *request(START, 5.0),
        row("checks", 0.0, START),
        *request(START + 2, 5.0),
        row("checks", 1.0, START + 2),
        row("checks", 0.0, START + 2),
        row("iterations", 1.0, START + 2),
        row("dropped_iterations", 3.0, START + 2),
        row("data_received", 700.0, START + 2),
        row("data_sent", 70.0, START + 2),
        row("vus", 2.0, START + 2),
        *request(START + 3, 5.0, group="::teardown"),
    ]
    samples = read(rows, warmup=1_000_000_000)
    tally = samples.tally
    assert (tally.warmup, tally.requests, tally.checks, tally.checks_failed) == (1, 1, 2, 1)
    assert (tally.flows, tally.dropped, tally.bytes_received, tally.bytes_besides) == (1, 3, 700, 70)


def test_a_request_that_began_before_the_first_to_end_counts_without_a_warm_up() -> None:
    assert read([*request(START, 5.0), *request(START + 0.1, 2000.0)]).tally.requests == 2


def test_requests_without_a_name_have_method_and_path() -> None:
    rows = [
        *request(START, 1.0, name=f"{ADDRESS}/a?b=1"),
        *request(START, 1.0, name="list"),
        *request(START, 1.0, name=ADDRESS),
    ]
    assert [each.name for each in read(rows).tally.by_request] == ["GET /a", "list", "GET /"]


def test_a_script_that_switches_tags_off_is_told_so() -> None:
    with pytest.raises(RowsError, match=r"options\.systemTags needs error_code, expected_response"):
        Rows(Samples(), ADDRESS).feed(written([], [c for c in COLUMNS if c not in ("error_code", "expected_response")]))


def test_a_row_without_end_is_none() -> None:
    rows = Rows(Samples(), ADDRESS)
    rows.feed(b"x" * 1_000_000)
    with pytest.raises(RowsError, match="does not end"):
        rows.feed(b"x" * 100_000)


def test_segments_of_all_workers_are_the_whole_load() -> None:
    first, last = (command(share(index, 3, users=9), "/s.js", "/rows") for index in (0, 2))
    assert "--execution-segment=0/3:1/3" in first
    assert "--execution-segment=2/3:3/3" in last
    for words in (first, last):
        assert "--execution-segment-sequence=0,1/3,2/3,1" in words
        assert {"--vus=9", "--duration=10s", "--out=csv=/rows", "--no-connection-reuse"} <= set(words)
        assert words[-1] == "/s.js"


def test_without_users_the_options_of_the_script_rule() -> None:
    words = command(share(), "/s.js", "/rows")
    assert not any(word.startswith(("--vus", "--duration", "--execution")) for word in words)


@pytest.mark.parametrize(
    ("code", "kind"),
    [(0, EndingKind.GOOD), (99, EndingKind.COMPLAINT), (110, EndingKind.COMPLAINT), (107, EndingKind.ERROR)],
)
def test_exit_codes(code: int, kind: EndingKind) -> None:
    assert ending(code, "words").kind is kind


def test_an_end_without_a_code_or_words_is_an_error() -> None:
    assert ending(-9, "").message == "k6 ended with exit code -9"
    assert K6(share(), Samples()).ending([]).kind is EndingKind.ERROR


def test_words_are_errors_exceptions_of_iterations_or_whatever_came_last() -> None:
    samples = Samples()
    words = Words(samples)
    words.take('{"level":"info","msg":"hello","source":"console"}')
    words.take('{"level":"error","msg":"a script may say so","source":"console"}')
    assert words.said == ""
    words.take("panic: runtime error")
    assert words.said == "panic: runtime error"
    words.take('{"level":"error","msg":"Error: boom\\n\\tat default","source":"stacktrace"}')
    words.take('{"level":"error","msg":"thresholds on metrics \'checks\' have been crossed"}')
    words.take('{"level":"error","msg":"thresholds on metrics \'checks\' have been crossed"}')
    assert words.said == "thresholds on metrics 'checks' have been crossed"
    assert (samples.exceptions, samples.exception) == (1, "Error: boom at default")
