"""A log has one line for each change, and none where nothing changed."""

from typing import Any

from seatrial.report.progress import changes


def words(before: Any, after: Any) -> list[str]:
    return [str(line) for line in changes(before, after)]


def test_a_status_that_did_not_change_has_no_line(run: Any) -> None:
    status = run.scenario(
        services=[run.service("db", "Healthy")],
        steps=[run.step("peak", "Running", load=run.load(workersFinished=0))],
        verdict="Failed",
        conditions=run.torn_down(),
    )
    assert words(status, status) == []


def test_the_first_status_tells_what_has_happened_and_not_what_has_not(run: Any) -> None:
    status = run.scenario(
        services=[run.service("db", "Starting", reason="Probing"), run.service("web", "Pending")],
        steps=[run.step("list", "Pending")],
    )
    assert words(None, status) == [
        "run 3, environment in namespace trial-x",
        "phase Running",
        "service db: Starting (Probing)",
    ]


def test_services(run: Any) -> None:
    before = run.scenario(services=[run.service("db", "Starting", reason="Probing", message="refused")])
    same = run.scenario(services=[run.service("db", "Starting", reason="Probing", message="no answer")])
    assert words(before, same) == []
    healthy = run.scenario(services=[run.service("db", "Healthy", reason="Healthy")])
    assert words(before, healthy) == ["service db: Healthy after 2s"]
    broken = run.scenario(services=[run.service("db", "Error", reason="ImagePullBackOff", message="no such image")])
    assert words(before, broken) == ["service db: Error (ImagePullBackOff: no such image)"]


def test_steps_of_every_part(run: Any) -> None:
    before = run.scenario(
        setup=[run.step("seed", "Running")], steps=[run.step("a", "Running"), run.step("b", "Pending")], teardown=[]
    )
    after = run.scenario(
        setup=[run.step("seed", "Succeeded", reason="Completed")],
        steps=[run.step("a", "Failed", reason="Expectation", message="was 500", attempts=2), run.step("b", "Skipped")],
        teardown=[run.step("export", "Running")],
    )
    assert words(before, after) == [
        "setup seed: Succeeded after 1.5s",
        "step a: Failed after 1.5s (2 attempts, Expectation: was 500)",
        "step b: Skipped after 1.5s",
        "teardown export: Running",
    ]


def test_another_attempt_is_a_change(run: Any) -> None:
    before, after = (run.scenario(steps=[run.step("a", "Running", attempts=count)]) for count in (1, 2))
    assert words(before, after) == ["step a: Running (attempt 2)"]


def test_load_has_a_line_every_ten_seconds(run: Any) -> None:
    def at(seconds: float) -> Any:
        load = run.load(workersFinished=0, measuredSeconds=seconds, requests=int(seconds * 500), thresholds=[])
        return run.scenario(steps=[run.step("peak", "Running", load=load)])

    spoken = [words(at(second), at(second + 1)) for second in range(25)]
    assert [index for index, lines in enumerate(spoken) if lines] == [9, 19]
    assert spoken[9] == ["load peak: 5,000 requests, 500.0/s of 500/s, 0.02 % errors, p99 12.3ms"]


def test_thresholds(run: Any) -> None:
    def with_state(state: str, value: str = "") -> Any:
        threshold = {"expr": "errors.count == 0", "state": state, "value": value}
        return run.load_test(result=run.load(thresholds=[threshold]))

    assert words(with_state("Pending"), with_state("Pending", "errors.count = 0")) == []
    failed = with_state("Failed", "errors.count = 12")
    assert words(with_state("Pending"), failed) == ["load: errors.count == 0: Failed (errors.count = 12)"]
    assert words(failed, failed) == []


def test_the_end(run: Any) -> None:
    running = run.scenario(conditions=run.torn_down("False"))
    judged = run.scenario(
        phase="Teardown", verdict="Failed", reason="StepFailed", message="list", conditions=run.torn_down("False")
    )
    blocked = judged.model_copy(
        update={"conditions": run.scenario(conditions=run.torn_down("False", "a finalizer")).conditions}
    )
    gone = judged.model_copy(update={"conditions": run.scenario(conditions=run.torn_down()).conditions})
    assert words(running, judged) == ["verdict Failed (StepFailed: list)", "phase Teardown"]
    assert words(judged, blocked) == ["taking away: a finalizer"]
    assert words(blocked, gone) == ["everything is taken away"]


def test_a_pause_between_attempts_is_told_and_the_step_that_needed_one_is_flaky(run: Any) -> None:
    pause = {"reason": "Backoff", "message": "attempt 1 of at most 3 ended Failed"}
    before, waiting, after = (
        run.scenario(steps=[step])
        for step in (
            run.step("a", "Running"),
            run.step("a", "Pending", attempts=1, **pause),
            run.step("a", "Succeeded", attempts=2, flaky=True),
        )
    )
    assert words(before, waiting) == ["step a: Pending (Backoff: attempt 1 of at most 3 ended Failed)"]
    assert words(waiting, after) == ["step a: Succeeded after 1.5s (flaky: 2 attempts)"]


def test_the_failure_of_an_optional_step_is_told_as_such(run: Any) -> None:
    before, after = (run.scenario(steps=[run.step("a", state, optional=True)]) for state in ("Running", "Failed"))
    assert words(before, after) == ["step a: Failed after 1.5s (optional)"]
