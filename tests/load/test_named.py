"""Requests of a script have their names in the lines: merged by name, whole or not at all."""

from hypothesis import given, settings
from hypothesis import strategies as st

from seatrial.load.line import RequestLine, WorkerLine
from seatrial.load.named import MOST_NAMES, OTHER, by_name, name_digits
from seatrial.load.samples import Samples
from tests.load.test_statistics import encoded, line


def told(worker: int, counts: dict[str, int]) -> WorkerLine:
    requests = [
        RequestLine(requests=count, errors=0, latency=encoded([5] * count, 2), name=name)
        for name, count in counts.items()
    ]
    return line(worker, [5] * sum(counts.values()), by_request=tuple(requests))


def shown(lines: list[WorkerLine], named: tuple[str, ...] = ()) -> list[tuple[str, int]]:
    return [(each.name, each.requests) for each in by_name(lines, named)]


def test_names_are_added_up_whatever_their_order() -> None:
    lines = [told(0, {"a": 1, "b": 5}), told(1, {"b": 2, "c": 3})]
    assert shown(lines) == [("b", 7), ("c", 3), ("a", 1)]


def test_those_that_thresholds_name_come_first_even_if_nobody_met_them() -> None:
    assert shown([told(0, {"a": 1, "b": 5})], ("z", "a")) == [("z", 0), ("a", 1), ("b", 5)]


def test_what_may_be_among_the_others_of_one_worker_is_counted_with_them() -> None:
    lines = [told(0, {"a": 1, "b": 5}), told(1, {"a": 2, OTHER: 9})]
    assert shown(lines) == [("a", 3), (OTHER, 14)]


def test_more_names_than_there_is_room_for_are_counted_together() -> None:
    lines = [told(worker, {f"{worker}-{n}": n + 1 for n in range(MOST_NAMES - 1)}) for worker in range(2)]
    result = shown(lines)
    assert len(result) == MOST_NAMES
    assert result[0] == ("0-48", 49)
    assert result[-1][0] == OTHER


@given(
    names=st.lists(st.integers(0, 120), min_size=1, max_size=400),
    share=st.lists(st.integers(0, 2), min_size=400, max_size=400),
    named=st.lists(st.integers(0, 120), max_size=5, unique=True),
)
@settings(deadline=None)
def test_no_request_is_lost_and_no_name_is_told_by_half(names: list[int], share: list[int], named: list[int]) -> None:
    labels = tuple(f"n{number}" for number in named)
    workers = [Samples(0, labels) for _ in range(3)]
    for number, worker in zip(names, share, strict=False):
        workers[worker].request(f"n{number}", 1.0, 0.001, 0.001, None)
    lines = [
        told(worker, {each.name or "": each.requests for each in samples.tally.by_request})
        for worker, samples in enumerate(workers)
    ]
    result = dict(shown(lines, labels))
    assert sum(result.values()) == len(names)
    assert len(result) <= MOST_NAMES
    assert all(result[label] == names.count(number) for label, number in zip(labels, named, strict=True))
    for name, count in result.items():
        if name != OTHER:
            assert count == names.count(int(name[1:]))


def test_digits_are_the_same_for_a_name_whichever_worker_meets_it() -> None:
    assert name_digits("a", ("a", "b")) == 3
    assert name_digits("c", ("a", "b")) == 2
    assert name_digits("a", tuple("abcdefghi")) == 2
