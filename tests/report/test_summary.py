"""What came of a run: verdict, why, every step, and the numbers with what they were judged by."""

from typing import Any

from seatrial.report.summary import summary


def worded(status: Any) -> list[str]:
    return [str(line) for line in summary(status, "TestScenario shop/checkout")]


def test_a_failed_scenario(run: Any) -> None:
    status = run.scenario(
        run={"finishedAt": "2026-11-22T10:00:12.500Z"},
        verdict="Failed",
        reason="StepFailed",
        message="step list failed",
        services=[
            run.service("db", "Healthy"),
            run.service("web", "Error", reason="CrashLoopBackOff", message="exit 1"),
        ],
        setup=[run.step("seed", "Succeeded", attempts=2)],
        steps=[run.step("list", "Failed", reason="Expectation", message="was 500"), run.step("later", "Skipped")],
        conditions=run.torn_down(),
    )
    assert worded(status) == [
        "Failed  TestScenario shop/checkout, run 3, in 12.5s",
        "  StepFailed: step list failed",
        "",
        "services",
        "  db   Healthy  2s",
        "  web  Error        CrashLoopBackOff: exit 1",
        "",
        "setup",
        "  seed  Succeeded  1.5s  2 attempts",
        "",
        "steps",
        "  list   Failed   1.5s  Expectation: was 500",
        "  later  Skipped  1.5s",
    ]


def test_an_instance_of_a_matrix_says_which_combination_it_is(run: Any) -> None:
    matrix = {"quantity": 3, "sku": "A1"}
    steps = [run.step("price-0", "Failed", reason="Expectation", message="was 500", matrix=matrix)]
    lines = worded(run.scenario(verdict="Failed", steps=steps, conditions=run.torn_down()))
    assert lines[-1] == "  price-0  Failed  1.5s  quantity=3 sku=A1, Expectation: was 500"


def test_a_load_test(run: Any) -> None:
    by_request = [
        {"name": "GET /orders", "requests": 40000, "errors": 12, "p50": "2ms", "p99": "12.3ms"},
        {"name": "POST /orders", "requests": 20000, "errors": 0, "p50": "3ms", "p99": "14ms"},
    ]
    result = run.load(dropped=7, byRequest=by_request)
    status = run.load_test(verdict="Passed", result=result, conditions=run.torn_down())
    assert worded(status) == [
        "Passed  TestScenario shop/checkout, run 3, in 2m5s",
        "",
        "load",
        "  requests  60,000 in 120.0 s",
        "  rate      500.0/s of 500/s",
        "  errors    12 (0.02 %): timeout 10, status5xx 2",
        "  dropped   7 arrivals not sent: too many were unanswered",
        "  workers   2 of 2 reported to the end",
        "                p50  p90     p99  p99.9   max",
        "  latency       2ms  4ms  12.3ms   30ms  41ms  from the intended start of each request",
        "  service time  2ms  4ms     9ms   30ms  41ms  from the actual send of each request",
        "  thresholds",
        "    Passed  latency.p99 < duration('250ms')  latency.p99 = 12.3ms",
        "  by request",
        "                  requests  errors  p50     p99",
        "    GET /orders     40,000      12  2ms  12.3ms",
        "    POST /orders    20,000       0  3ms    14ms",
    ]


def test_times_of_connections_and_bytes(run: Any) -> None:
    latency = run.load()["latency"]
    result = run.load(
        ttfb={**latency, "p99": "7ms"},
        connect={**latency, "p99": "3ms"},
        tls={**latency, "p99": "5ms"},
        connections=1200,
        bytesSent=9000,
        bytesReceived=12345678,
    )
    lines = worded(run.load_test(verdict="Passed", result=result))
    assert "  bytes     9,000 sent, 12,345,678 received" in lines
    assert lines[lines.index("  thresholds") - 3 : lines.index("  thresholds")] == [
        "  first byte    2ms  4ms     7ms   30ms  41ms  from the actual send of each request",
        "  connect       2ms  4ms     3ms   30ms  41ms  of 1,200 connections",
        "  TLS           2ms  4ms     5ms   30ms  41ms  handshake, after connecting",
    ]


def test_the_load_of_a_step_carries_its_name(run: Any) -> None:
    status = run.scenario(verdict="Passed", steps=[run.step("peak", "Succeeded", load=run.load(latency=None))])
    assert "load peak" in worded(status)


def test_a_run_without_numbers_says_so_little(run: Any) -> None:
    lines = worded(
        run.load_test(verdict="Error", result=run.load(requests=0, errors=0, latency=None, serviceTime=None))
    )
    assert "  errors    0" in lines
    assert not any("intended start" in each for each in lines)


def test_what_is_still_there_is_said(run: Any) -> None:
    lines = worded(run.scenario(verdict="Passed", conditions=run.torn_down("False", "namespace x: a finalizer")))
    assert lines[-1] == "not everything is taken away yet: namespace x: a finalizer"


def test_a_run_without_a_verdict_is_not_called_passed(run: Any) -> None:
    assert worded(run.scenario(conditions=run.torn_down()))[0] == "no verdict  TestScenario shop/checkout, run 3"


def test_a_load_of_some_iterations_says_how_many_were_done(run: Any) -> None:
    status = run.load_test(verdict="Inconclusive", result=run.load(iterations=1999), conditions=run.torn_down())
    (line,) = (line for line in worded(status) if line.startswith("  iterations"))
    assert line.split() == ["iterations", "1,999"]
