import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.load.histogram import Recording
from seatrial.load.line import LineError, RequestLine, WorkerLine, parse_line

counts = st.integers(0, 2**53)
numbers = st.floats(0, 1e9)
lines = st.builds(
    WorkerLine,
    worker=counts,
    seq=counts,
    t=numbers,
    state=st.sampled_from(["warmup", "running", "draining", "final", "interrupted"]),
    final=st.booleans(),
    interrupted=st.booleans(),
    measured=numbers,
    requests=counts,
    errors=st.dictionaries(st.text(min_size=1), counts, max_size=3),
    dropped=counts,
    retries=counts,
    checks=counts,
    checks_failed=counts,
    flows=counts,
    bytes=counts,
    bytes_sent=counts,
    connections=counts,
    ended=counts,
    per_second=numbers,
    in_flight=counts,
    in_flight_max=counts,
    lag_p99=counts,
    lag_p99_bound=counts,
    lag_max=counts,
    cpu=numbers,
    cpu_max=numbers,
    loop_lag=counts,
    loop_lag_max=counts,
    began=numbers,
    limit=st.floats(0.01, 1),
    busy=numbers,
    late=numbers,
    throttled=numbers,
    latency=st.text(),
    service=st.text(),
    ttfb=st.none() | st.text(),
    connect=st.none() | st.text(),
    tls=st.none() | st.text(),
    by_request=st.lists(
        st.builds(RequestLine, requests=counts, errors=counts, latency=st.none() | st.text()), max_size=3
    ).map(tuple),
)

EXAMPLE = WorkerLine(
    worker=1,
    seq=2,
    t=3.0,
    state="running",
    final=False,
    interrupted=False,
    measured=2.0,
    requests=4,
    errors={"timeout": 1},
    dropped=0,
    retries=0,
    checks=0,
    checks_failed=0,
    flows=0,
    bytes=100,
    ended=5,
    per_second=2.0,
    in_flight=1,
    in_flight_max=2,
    lag_p99=10,
    lag_p99_bound=9,
    lag_max=20,
    cpu=0.1,
    cpu_max=0.2,
    loop_lag=5,
    loop_lag_max=6,
    began=1.0,
    limit=1.0,
    busy=0.0,
    late=0.0,
    throttled=0.0,
    latency=Recording().encode(),
    service=Recording().encode(),
)


@given(lines)
def test_is_read_as_it_was_written(line: WorkerLine) -> None:
    assert "\n" not in line.to_text()
    assert parse_line(line.to_text()) == line


def test_a_line_cut_off_anywhere_is_refused() -> None:
    text = EXAMPLE.to_text()
    for length in range(len(text)):
        with pytest.raises(LineError):
            parse_line(text[:length])


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"v": 2}, "v"),
        ({"requests": -1}, "requests"),
        ({"requests": "4"}, "requests"),
        ({"requests": True}, "requests"),
        ({"measured": None}, "measured"),
        ({"state": "asleep"}, "state"),
        ({"errors": {"reset": 0.5}}, "errors.reset"),
        ({"by_request": [{"requests": 1}]}, "by_request.0.errors"),
    ],
)
def test_a_wrong_field_is_named(change: dict[str, object], named: str) -> None:
    with pytest.raises(LineError, match=named):
        parse_line(json.dumps(json.loads(EXAMPLE.to_text()) | change))


@pytest.mark.parametrize("text", ["", "null", "[]", "{}", "Traceback (most recent call last):", "\0"])
def test_what_is_no_line_is_refused(text: str) -> None:
    with pytest.raises(LineError):
        parse_line(text)


def test_a_field_of_a_newer_worker_is_ignored() -> None:
    assert parse_line(json.dumps(json.loads(EXAMPLE.to_text()) | {"new": 1})) == EXAMPLE
