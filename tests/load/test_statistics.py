import json
from datetime import timedelta
from itertools import chain
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seatrial.api.load import LoadSpec
from seatrial.api.status import ThresholdResult, ThresholdState
from seatrial.api.threshold import of_request
from seatrial.load.histogram import Recording
from seatrial.load.line import LineError, RequestLine, WorkerLine, parse_line
from seatrial.load.result import load_result
from seatrial.load.statistics import merged
from seatrial.load.threshold_values import threshold_values

LATENCIES = {
    f"{kind}.{name}"
    for kind in ("latency", "serviceTime", "ttfb", "connect")
    for name in ("min", "mean", "p50", "p75", "p90", "p95", "p99", "p999", "max")
}


def spec(workers: int = 1, requests: int = 1, **profile: Any) -> LoadSpec:
    return LoadSpec.model_validate(
        {
            "target": {"service": "web"},
            "workers": workers,
            "requests": [{"path": f"/{index}"} for index in range(requests)],
            "profile": {"duration": "10s", **(profile or {"users": 100})},
        }
    )


def encoded(values: list[int], digits: int = 3) -> str:
    recording = Recording(digits)
    for value in values:
        recording.record(value)
    return recording.encode()


def line(worker: int, values: list[int], **fields: Any) -> WorkerLine:
    return WorkerLine.model_validate(
        {
            "worker": worker,
            "seq": 9,
            "t": 10.0,
            "state": "final",
            "final": True,
            "interrupted": False,
            "measured": 10.0,
            "requests": len(values),
            "errors": {},
            "dropped": 0,
            "retries": 0,
            "checks": 0,
            "checks_failed": 0,
            "flows": 0,
            "bytes": 100 * len(values),
            "ended": len(values),
            "per_second": 1.0,
            "in_flight": 0,
            "in_flight_max": 1,
            "lag_p99": 0,
            "lag_p99_bound": 0,
            "lag_max": 0,
            "cpu": 0.1,
            "cpu_max": 0.1,
            "loop_lag": 0,
            "loop_lag_max": 0,
            "began": 1.0,
            "limit": 1.0,
            "busy": 0.0,
            "late": 0.0,
            "throttled": 0.0,
            "latency": encoded(values),
            "service": encoded([value // 2 for value in values]),
            "ttfb": encoded([value // 4 for value in values]),
            "connect": encoded([value // 8 for value in values]) if values else None,
            "connections": len(values),
            **fields,
        }
    )


@settings(deadline=None, max_examples=30)
@given(st.lists(st.lists(st.integers(0, 10_000_000), min_size=1, max_size=50), min_size=1, max_size=6))
def test_the_merge_of_workers_equals_one_worker_that_did_it_all(parts: list[list[int]]) -> None:
    many = merged({n: line(n, values) for n, values in enumerate(parts)}, spec(len(parts)))
    one = merged({0: line(0, list(chain.from_iterable(parts)))}, spec())
    ours, reference = threshold_values(many), threshold_values(one)
    assert ours.pop("rate.achieved") == pytest.approx(reference.pop("rate.achieved"))
    assert ours == reference
    together, alone = load_result(many), load_result(one)
    assert (together.latency, together.service_time, together.by_request) == (
        alone.latency,
        alone.service_time,
        alone.by_request,
    )
    assert (together.ttfb, together.connect, together.tls) == (alone.ttfb, alone.connect, None)
    assert (together.requests, together.bytes_received) == (alone.requests, alone.bytes_received)
    assert together.connections == alone.connections == ours["connect.count"]


def test_the_order_of_workers_does_not_matter() -> None:
    lines = {n: line(n, [n * 100]) for n in range(3)}
    assert load_result(merged(dict(reversed(lines.items())), spec(3))) == load_result(merged(lines, spec(3)))


def test_errors_are_summed_by_kind_the_most_frequent_first() -> None:
    result = load_result(
        merged(
            {
                0: line(0, [1] * 10, errors={"timeout": 1, "connect": 2}),
                1: line(1, [1] * 10, errors={"timeout": 3, "status5xx": 2}, dropped=4),
            },
            spec(2),
        )
    )
    assert [(error.kind, error.count) for error in result.errors_by_kind] == [
        ("timeout", 4),
        ("connect", 2),
        ("status5xx", 2),
    ]
    assert (result.errors, result.error_rate, result.dropped) == (8, 0.4, 4)


def test_more_kinds_than_the_status_takes_are_counted_together() -> None:
    errors = {f"kind{n:02}": 100 - n for n in range(20)}
    counts = load_result(merged({0: line(0, [1] * 2000, errors=errors)}, spec())).errors_by_kind
    assert len(counts) == 16
    assert (counts[-1].kind, sum(count.count for count in counts)) == ("other", sum(errors.values()))


def test_rates() -> None:
    result = merged(
        {
            0: line(0, [1] * 100, measured=10.0),
            1: line(1, [1] * 50, measured=5.0, final=False, state="running"),
            2: line(2, [], measured=0.0, final=False, state="warmup"),
        },
        spec(4, rate=40),
    )
    assert threshold_values(result)["rate.achieved"] == 20.0
    words = load_result(result)
    assert (words.achieved_rate, words.requested_rate, words.measured_seconds) == (20.0, 40.0, 10.0)
    assert (words.workers, words.workers_reporting, words.workers_finished) == (4, 3, 1)


def test_values_for_thresholds() -> None:
    values = threshold_values(merged({0: line(0, [1000, 2000, 3000], errors={"reset": 1})}, spec()))
    assert set(values) == LATENCIES | {
        "latency.count",
        "serviceTime.count",
        "ttfb.count",
        "connect.count",
        "tls.count",
        "checks.count",
        "errors.count",
        "errors.rate",
        "requests.count",
        "rate.achieved",
        "rate.requested",
        "dropped.count",
    }
    assert values["latency.p50"] == timedelta(microseconds=2000)
    assert values["latency.max"] == timedelta(microseconds=3001)  # the greatest value of its bucket of two
    assert values["serviceTime.p50"] == timedelta(microseconds=1000)
    assert values["latency.mean"] == pytest.approx(timedelta(microseconds=2000), abs=timedelta(microseconds=1))
    assert (values["errors.count"], values["errors.rate"]) == (1, pytest.approx(1 / 3))


@pytest.mark.parametrize("lines", [{}, {0: line(0, [])}])
def test_without_data_there_is_nothing_that_a_threshold_could_pass_on(lines: dict[int, WorkerLine]) -> None:
    result = merged(lines, spec())
    assert not (LATENCIES | {"errors.rate"}) & set(threshold_values(result))
    words = load_result(result)
    assert (words.latency, words.service_time, words.requests, words.achieved_rate) == (None, None, 0, 0.0)
    assert (words.by_request[0].p50, words.by_request[0].p99) == ("", "")


def test_results_by_request() -> None:
    lines = {
        n: line(
            n,
            [1000, 5000],
            by_request=(
                RequestLine(requests=1, errors=0, latency=encoded([1000])),
                RequestLine(requests=1, errors=1, latency=encoded([5000])),
            ),
        )
        for n in range(2)
    }
    first, second = load_result(merged(lines, spec(2, requests=2))).by_request
    assert (first.name, first.requests, first.errors, first.p50) == ("GET /0", 2, 0, "1ms")
    assert (second.name, second.requests, second.errors, second.p99) == ("GET /1", 2, 2, "5.003ms")
    assert load_result(merged(lines, spec(2, requests=2)), whole=False).by_request == []


def test_histograms_of_many_requests_are_coarser() -> None:
    entry = RequestLine(requests=1, errors=0, latency=encoded([1000], 2))
    result = merged({0: line(0, [1000] * 9, by_request=(entry,) * 9)}, spec(1, requests=9))
    assert load_result(result).by_request[8].p50 == "1.003ms"


def test_a_request_whose_histogram_a_worker_left_out_has_counts_but_no_latency() -> None:
    full = RequestLine(requests=1, errors=0, latency=encoded([1000]))
    bare = RequestLine(requests=1, errors=1, latency=None)
    lines = {0: line(0, [1000, 1000], by_request=(full, full)), 1: line(1, [1000, 1000], by_request=(full, bare))}
    first, second = load_result(merged(lines, spec(2, requests=2))).by_request
    assert (first.requests, first.p50) == (2, "1ms")
    assert (second.requests, second.errors, second.p50) == (2, 1, "")


@pytest.mark.parametrize(
    "lines",
    [{0: line(1, [])}, {5: line(5, [])}, {0: line(0, [], by_request=(RequestLine(requests=0, errors=0, latency=""),))}],
)
def test_lines_of_another_load_are_refused(lines: dict[int, WorkerLine]) -> None:
    with pytest.raises(LineError, match="does not belong"):
        merged(lines, spec(2))


def test_a_broken_histogram_names_its_worker() -> None:
    result = merged({0: line(0, [1]), 1: line(1, [1], latency="AAAA")}, spec(2))
    with pytest.raises(LineError, match="worker 1"):
        threshold_values(result)


def test_thresholds_are_passed_on() -> None:
    threshold = ThresholdResult(expr="errors.rate < 0.1", state=ThresholdState.PASSED, value="errors.rate = 0")
    assert load_result(merged({0: line(0, [1])}, spec()), [threshold]).thresholds == [threshold]


def test_a_worker_whose_answers_all_came_at_once_leaves_its_first_bytes_out() -> None:
    same, other = line(0, [1000], ttfb=None), line(1, [3000])
    result = merged({0: same, 1: other}, spec(2))
    assert (result.ttfb.total, result.ttfb.min, result.ttfb.max) == (2, 500, 750)
    assert merged({0: same}, spec()).ttfb.max == 500


def test_times_of_connections_are_read_where_they_are_wanted() -> None:
    result = merged({0: line(0, [1000], tls=encoded([77]))}, spec())
    live = load_result(result, whole=False)
    assert (live.ttfb, live.connect, live.tls, live.connections) == (None, None, None, 1)
    assert not {"ttfb.p99", "connect.p99"} & set(threshold_values(result, times=["tls"]))
    assert threshold_values(result, times=["tls"])["tls.p99"] == timedelta(microseconds=77)


@settings(deadline=None, max_examples=30)
@given(st.lists(st.lists(st.integers(0, 10_000_000), min_size=1, max_size=30), min_size=1, max_size=5))
def test_the_values_of_one_request_are_those_of_all_its_samples(parts: list[list[int]]) -> None:
    def told(worker: int, values: list[int]) -> WorkerLine:
        single = RequestLine(requests=len(values), errors=1, latency=encoded(values))
        other = RequestLine(requests=1, errors=0, latency=encoded([77]))
        return line(worker, [*values, 77], by_request=(other, single))

    many = merged({n: told(n, values) for n, values in enumerate(parts)}, spec(len(parts), 2))
    everything = list(chain.from_iterable(parts))
    alone = threshold_values(merged({0: line(0, everything)}, spec()))
    values = threshold_values(many, {1})
    assert values[f"{of_request(1)}.latency.count"] == len(everything)
    assert values[f"{of_request(1)}.latency.p99"] == alone["latency.p99"]
    assert values[f"{of_request(1)}.errors.rate"] == len(parts) / len(everything)


def test_the_generator_is_as_good_as_its_worst_worker() -> None:
    lines = {
        0: line(0, [5], cpu_max=0.4, limit=0.5, began=10.0),
        1: line(1, [5], busy=3.0, lag_p99=1500, lag_p99_bound=900, began=10.25),
    }
    generator = load_result(merged(lines, spec(2))).generator
    assert generator is not None
    assert (generator.cpu_max, generator.busy_seconds, generator.lag_p99_milliseconds) == (0.8, 3.0, 1.5)
    assert generator.lag_p99_bound_milliseconds == 0.9
    assert generator.start_skew_milliseconds == 250


def test_a_worker_that_an_earlier_operator_started_knows_no_bound_of_its_lag() -> None:
    told = json.loads(line(1, [5], lag_p99=1500).to_text())
    del told["lag_p99_bound"]
    generator = load_result(merged({0: line(0, [5]), 1: parse_line(json.dumps(told))}, spec(2))).generator
    assert generator is not None
    assert generator.lag_p99_bound_milliseconds == 1.5


def test_time_counts_once_every_worker_measures() -> None:
    assert merged({0: line(0, [5])}, spec(2)).measured_by_all == 0.0
    assert merged({0: line(0, [5]), 1: line(1, [5], measured=4.0)}, spec(2)).measured_by_all == 4.0


@given(st.lists(st.tuples(st.integers(0, 99), st.integers(0, 99)), min_size=1, max_size=5))
def test_checks_are_added_up(workers: list[tuple[int, int]]) -> None:
    lines = {n: line(n, [5], checks=held + wrong, checks_failed=wrong) for n, (held, wrong) in enumerate(workers)}
    result = merged(lines, spec(len(workers)))
    held, wrong = (sum(counts) for counts in zip(*workers, strict=True))
    values = threshold_values(result)
    assert values["checks.count"] == held + wrong
    assert values.get("checks.rate") == (pytest.approx(held / (held + wrong)) if held + wrong else None)
