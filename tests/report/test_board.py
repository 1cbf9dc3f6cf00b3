"""A terminal shows what goes on, in as many lines as it has."""

from typing import Any

from seatrial.report.board import board


def drawn(run: Any, status: Any, height: int = 50) -> list[str]:
    return [str(line) for line in board(status, run.now, height=height)]


def test_a_run_has_a_line_for_each_service_step_and_threshold(run: Any) -> None:
    status = run.scenario(
        services=[run.service("db", "Healthy"), run.service("web", "Starting", message="no answer at /healthz")],
        setup=[run.step("seed", "Succeeded")],
        steps=[
            run.step("list", "Failed", reason="Expectation", message="was 500"),
            run.step("peak", "Running", load=run.load(workersFinished=0)),
            run.step("later", "Pending"),
        ],
    )
    spinner = "⠋"  # what is drawn at a full second
    assert drawn(run, status) == [
        "run 3  Running  30s",
        "  services",
        "    ✔  db   Healthy   2s",
        f"    {spinner}  web  Starting  29s  no answer at /healthz",
        "  setup",
        "    ✔  seed  Succeeded  1.5s",
        "  steps",
        "    ✘  list   Failed   1.5s  Expectation: was 500",
        f"    {spinner}  peak   Running  25s   60,000 requests, 500.0/s of 500/s, 0.02 % errors, p99 12.3ms",
        "      ✔ latency.p99 < duration('250ms')  latency.p99 = 12.3ms",
        "    ·  later  Pending",
    ]


def test_a_load_test_has_its_numbers(run: Any) -> None:
    lines = drawn(run, run.load_test(result=run.load(latency=None, requestedRate=0)))
    assert lines[1:3] == ["  load", "    60,000 requests, 500.0/s, 0.02 % errors"]
    waiting = drawn(run, run.load_test(result=run.load(requests=0, workersReporting=1)))
    assert waiting[2] == "    1 of 2 workers report"


def test_the_teardown_shows_what_blocks_it(run: Any) -> None:
    lines = drawn(run, run.scenario(verdict="Passed", conditions=run.torn_down("False", "a finalizer")))
    assert lines[0] == "run 3  Running  Passed  30s"
    assert lines[-1].endswith("taking everything away: a finalizer")
    assert "taking" not in drawn(run, run.scenario(verdict="Passed", conditions=run.torn_down()))[-1]


def test_what_rests_makes_room_for_what_does_not(run: Any) -> None:
    steps = [run.step(f"s{number}", "Succeeded") for number in range(60)]
    steps[30] = run.step("s30", "Running")
    steps[40] = run.step("s40", "Failed", message="was 500")
    lines = drawn(run, run.scenario(steps=steps), height=20)
    assert len(lines) == 5
    assert "s30" in lines[2]
    assert "s40" in lines[3]
    assert lines[4] == "    … and 58 more that wait or have ended well"
