"""The line of several generators is that of one which had done all their work."""

import random
from typing import Any

import pytest

from seatrial.api.load import LoadSpec
from seatrial.load.histogram import Recording
from seatrial.load.joint_line import GREATEST, LEAST, SUMMED, joint_line
from seatrial.load.line import RequestLine, WorkerLine, parse_line
from seatrial.load.statistics import merged
from tests.load.test_statistics import line


def recorded(values: list[int], digits: int = 3) -> str:
    recording = Recording(digits)
    for value in values:
        recording.record(value)
    return recording.encode()


def any_line(worker: int = 0, **fields: Any) -> WorkerLine:
    return line(worker, [], **{"ttfb": None, "connect": None, **fields})


def test_every_field_of_a_line_is_merged() -> None:
    """A new one must be thought of: whether it is added, or what else."""
    own = {"v", "worker", "seq", "state", "final", "interrupted", "errors"}
    histograms = {"latency", "service", "ttfb", "connect", "tls", "by_request"}
    texts = {"complaint", "exception"}
    assert {*SUMMED, *GREATEST, *LEAST} | own | histograms | texts == set(WorkerLine.model_fields)
    assert len({*SUMMED, *GREATEST, *LEAST}) == len([*SUMMED, *GREATEST, *LEAST])


def test_histograms_are_those_of_all_samples_together() -> None:
    chance = random.Random(7)  # noqa: S311 - no secret
    samples = [[int(10 ** chance.uniform(2, 7)) for _ in range(1000)] for _ in range(4)]
    lines = [
        any_line(
            worker=n, latency=recorded(each), service=recorded(each[:500]), connect=recorded(each[:3]) if n else None
        )
        for n, each in enumerate(samples)
    ]
    joint = joint_line(lines, 3, 5)
    assert (joint.worker, joint.seq) == (3, 5)
    assert joint.latency == recorded([value for each in samples for value in each])
    assert joint.service == recorded([value for each in samples for value in each[:500]])
    assert joint.connect == recorded([value for each in samples[1:] for value in each[:3]])
    assert (joint.ttfb, joint.tls) == (None, None)
    assert parse_line(joint.to_text()) == joint


def test_the_time_to_the_first_byte_is_that_of_the_service_where_it_is_not_its_own() -> None:
    lines = [any_line(service=recorded([10, 20]), ttfb=recorded([5, 20])), any_line(service=recorded([30]))]
    assert joint_line(lines, 0, 0).ttfb == recorded([5, 20, 30])


def test_counts_are_added_and_of_the_rest_the_worst_stays() -> None:
    first = any_line(requests=10, errors={"timeout": 1, "reset": 2}, cpu_max=0.5, busy=1.0, limit=0.5, began=100.5)
    second = any_line(requests=5, errors={"timeout": 4}, cpu_max=0.9, busy=0.0, limit=0.25, began=100.0)
    joint = joint_line([first, second], 0, 0)
    assert (joint.requests, joint.errors) == (15, {"timeout": 5, "reset": 2})
    assert (joint.cpu_max, joint.busy, joint.limit, joint.began) == (0.9, 1.0, 0.25, 100.0)


@pytest.mark.parametrize(
    ("states", "joint"),
    [
        (["warmup", "running"], "warmup"),
        (["running", "final"], "running"),
        (["final", "final"], "final"),
        (["final", "interrupted"], "interrupted"),
        (["draining", "interrupted"], "draining"),
    ],
)
def test_the_last_line_is_that_of_all(states: list[str], joint: str) -> None:
    def of(state: Any) -> WorkerLine:
        return any_line(state=state, final=state == "final", interrupted=state == "interrupted")

    last = joint_line([of(state) for state in states], 0, 0)
    assert last.state == joint
    assert (last.final, last.interrupted) == (joint == "final", joint == "interrupted")


def test_single_requests_are_merged_as_the_operator_merges_workers() -> None:
    spec = LoadSpec.model_validate(
        {
            "target": {"service": "web"},
            "workers": 2,
            "profile": {"users": 9, "duration": "1s"},
            "requests": [{"path": f"/{n}"} for n in range(9)],
        }
    )
    lines = [
        any_line(
            worker=worker,
            by_request=tuple(
                RequestLine(requests=n + worker, errors=n, latency=recorded([n * 1000 + 1, worker + 1], 2))
                for n in range(9)
            ),
        )
        for worker in range(2)
    ]
    apart = merged(dict(enumerate(lines)), spec)
    joint = joint_line(lines, 0, 0)
    for n, entry in enumerate(joint.by_request):
        assert (entry.requests, entry.errors) == apart.counts_of(n)
        histogram = apart.latency_of(n)
        assert histogram is not None
        assert entry.latency == histogram.encode()
    short = lines[1].by_request[0].model_copy(update={"latency": None})
    left_out = lines[1].model_copy(update={"by_request": (short, *lines[1].by_request[1:])})
    assert [entry.latency is None for entry in joint_line([lines[0], left_out], 0, 0).by_request] == [True] + [
        False
    ] * 8
