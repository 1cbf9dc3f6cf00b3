"""The course of a load: nothing is counted twice or lost, whichever lines are read, and in whichever order."""

import random
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seatrial.api.timeline import Window
from seatrial.load.course import Course
from seatrial.load.line import WorkerLine, parse_line
from tests.engine.workers import line


def lines_of(worker: int, seconds: Sequence[Sequence[int]], *, phase: float = 0.01, **more: Any) -> list[WorkerLine]:
    """The lines of a worker that has had these answers, in microseconds, in each second; the last one is final."""
    told: list[WorkerLine] = []
    values: list[int] = []
    for second, answers in enumerate(seconds):
        values += answers
        told.append(
            parse_line(
                line(
                    worker,
                    second,
                    values=tuple(values),
                    final=second == len(seconds) - 1,
                    measured=second + 1 + phase,
                    errors={"timeout": second + 1},
                    in_flight=3,
                    **more,
                )
            )
        )
    return told


def course(workers: int, lines: Sequence[WorkerLine], **more: int) -> tuple[Window, ...]:
    found = Course(workers, **more)
    for one in lines:
        found.take(one)
    return found.windows()


SECONDS = st.lists(st.lists(st.integers(1, 10_000_000), max_size=20), min_size=1, max_size=12)


def test_each_second_is_a_window_with_what_ended_in_it() -> None:
    windows = course(1, lines_of(0, [[1000] * 10, [2000] * 20, [3000] * 30]))
    assert [(one.at, one.requests, one.errors, one.in_flight) for one in windows] == [
        (1, 10, 1, 3),
        (2, 20, 1, 3),
        (3, 30, 1, 3),
    ]
    assert [one.p50 for one in windows] == pytest.approx([1, 2, 3], rel=0.01)
    assert [one.seconds for one in windows] == pytest.approx([1, 1, 1], abs=0.02)
    assert windows[2].rate == pytest.approx(30, rel=0.02)


@settings(deadline=None, max_examples=30)
@given(st.data())
def test_lines_that_are_missed_cost_no_counts(data: st.DataObject) -> None:
    parts = [data.draw(SECONDS) for _ in range(data.draw(st.integers(1, 4)))]
    heard = []
    for worker, part in enumerate(parts):
        lines = lines_of(worker, part)
        heard += [one for one in lines if one.final or data.draw(st.booleans())]
    windows = course(len(parts), sorted(heard, key=lambda one: one.seq))
    assert sum(one.requests for one in windows) == sum(len(second) for part in parts for second in part)
    assert sum(one.errors for one in windows) == sum(map(len, parts))


@settings(deadline=None, max_examples=30)
@given(st.lists(SECONDS, min_size=1, max_size=4), st.randoms(use_true_random=False))
def test_the_order_in_which_workers_are_read_does_not_matter(
    parts: list[list[list[int]]], chance: random.Random
) -> None:
    by_worker = [lines_of(worker, part, phase=0.01 + 0.1 * worker) for worker, part in enumerate(parts)]
    one_after_the_other = [one for lines in by_worker for one in lines]
    side_by_side = sorted(one_after_the_other, key=lambda one: one.seq)
    left = [list(lines) for lines in by_worker]
    at_random = []
    while any(left):
        lines = chance.choice([lines for lines in left if lines])
        at_random.append(lines.pop(0))
    expected = course(len(parts), side_by_side)
    assert course(len(parts), one_after_the_other) == expected
    assert course(len(parts), at_random) == expected


@settings(deadline=None, max_examples=20)
@given(SECONDS, st.integers(2, 5))
def test_windows_are_bounded_and_hold_everything(seconds: list[list[int]], limit: int) -> None:
    windows = course(1, lines_of(0, seconds), limit=limit)
    assert 1 <= len(windows) <= limit
    assert sum(one.requests for one in windows) == sum(map(len, seconds))
    assert sum(one.seconds for one in windows) == pytest.approx(len(seconds) + 0.01, abs=0.01)


def test_windows_that_became_one_have_the_quantiles_of_both() -> None:
    windows = course(1, lines_of(0, [[1000] * 90, [9000] * 10, [1000] * 99, [9000]]), limit=2)
    assert [(one.at, one.requests) for one in windows] == [(2, 100), (4, 100)]
    assert [one.p95 for one in windows] == pytest.approx([9, 1], rel=0.01)


def test_whoever_comes_late_finds_what_was_before_in_one_window() -> None:
    lines = lines_of(0, [[1000] * 10] * 6)
    windows = course(1, lines[3:])
    assert [(one.at, one.requests) for one in windows] == [(4, 40), (5, 10), (6, 10)]
    assert windows[0].seconds == pytest.approx(4, abs=0.02)
    assert windows[0].rate == pytest.approx(10, rel=0.01)


def test_the_warmup_is_no_part_of_it() -> None:
    early = parse_line(line(0, 0, values=(), measured=0.0))
    assert course(1, [early, *lines_of(0, [[1000] * 5])])[0].requests == 5


def test_workers_measure_side_by_side() -> None:
    lines = [one for worker in range(3) for one in lines_of(worker, [[1000] * 10] * 2)]
    assert [round(one.rate) for one in course(3, lines)] == [30, 30]


def test_a_line_with_a_histogram_that_cannot_be_read_is_made_good_by_the_next() -> None:
    first, second, third = lines_of(0, [[1000] * 10] * 3)
    windows = course(1, [first, second.model_copy(update={"latency": "HISTgarbage"}), third])
    assert [(one.at, one.requests) for one in windows] == [(1, 10), (3, 20)]


def test_a_worker_that_is_lost_keeps_nobody_waiting() -> None:
    found = Course(2)
    lost, other = lines_of(1, [[1000] * 5] * 3), lines_of(0, [[1000] * 10] * 4)
    for one in (lost[0], *other):
        found.take(one)
    found.give_up(1)
    assert [one.requests for one in found.windows()] == [15, 10, 10, 10]


def test_what_waits_for_a_worker_that_has_not_begun_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seatrial.load.course._WAITING", 3)
    found = Course(2)
    for one in lines_of(0, [[1000] * 10] * 9):
        found.take(one)
    assert len(found._waiting) <= 4
    assert sum(one.requests for one in found.windows()) == 90


def test_a_line_that_takes_counts_back_ends_nothing() -> None:
    first, second = lines_of(0, [[1000] * 10, [2000] * 20])
    forged = second.model_copy(update={"requests": 1, "errors": {}, "latency": lines_of(0, [[5000]])[0].latency})
    assert [(one.requests, one.errors) for one in course(1, [first, forged])] == [(10, 1), (0, 0)]
