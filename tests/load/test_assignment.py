from collections.abc import Iterator
from itertools import islice, takewhile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.api.load import LoadSpec
from seatrial.load.assignment import AssignmentError, assignment, assignments
from seatrial.load.schedule import schedule


def nth(moments: Iterator[int], number: int) -> int:
    return next(islice(moments, number, None))


def spec(workers: int, **profile: object) -> LoadSpec:
    return LoadSpec.model_validate(
        {"target": {"service": "web"}, "workers": workers, "profile": {"duration": "3s", "warmup": "1500ms", **profile}}
    )


@given(st.integers(1, 100), st.data())
def test_users_add_up_exactly_and_differ_by_one_at_most(workers: int, data: st.DataObject) -> None:
    users = data.draw(st.integers(workers, 100_000))
    all_workers = assignments(spec(workers, users=users), host="web", port=80)
    shares = [next(share.ramp.users(share.index, share.workers))[1] for share in all_workers]
    assert sum(shares) == users
    assert max(shares) - min(shares) <= 1


@given(st.integers(1, 20), st.integers(20, 500), st.integers(20, 100_000))
def test_arrivals_of_all_workers_are_one_even_schedule(workers: int, rate: int, limit: int) -> None:
    shares = assignments(spec(workers, rate=rate, maxInFlight=limit), host="web", port=80)
    starts: list[int] = []
    for share in shares:
        starts += takewhile(lambda start: start < 1_000_000_000, schedule(share))
    assert sorted(starts) == [k * 1_000_000_000 // rate for k in range(rate)]
    assert sum(share.max_in_flight for share in shares) == limit


def test_the_schedule_does_not_drift_in_a_day() -> None:
    share = assignment(spec(3, rate=7), host="web", port=80, index=2)
    assert nth(schedule(share), 86_400) == (2 + 3 * 86_400) * 1_000_000_000 // 7


def test_times_are_those_of_the_spec() -> None:
    share = assignment(spec(1, users=5), host="web", port=80, index=0)
    assert (share.warmup, share.end, share.timeout) == (1_500_000_000, 4_500_000_000, 10_000_000_000)


@pytest.mark.parametrize(
    ("host", "port", "header"),
    [("web", 80, "web"), ("web.shop.svc", 8080, "web.shop.svc:8080"), ("::1", 81, "[::1]:81")],
)
def test_host_header(host: str, port: int, header: str) -> None:
    assert assignment(spec(1, users=1), host=host, port=port, index=0).host_header == header


@pytest.mark.parametrize(
    ("tls", "port", "header"),
    [
        ({}, 443, "web.shop.svc"),
        ({}, 80, "web.shop.svc:80"),
        ({"serverName": "shop.example"}, 443, "shop.example"),
        ({"serverName": "shop.example"}, 8443, "shop.example:8443"),
    ],
)
def test_host_header_with_tls(tls: dict[str, str], port: int, header: str) -> None:
    load = LoadSpec.model_validate(
        {"target": {"service": "web", "tls": tls}, "profile": {"users": 1, "duration": "1s"}}
    )
    assert assignment(load, host="web.shop.svc", port=port, index=0).host_header == header


def test_a_worker_beyond_the_last_has_no_share() -> None:
    with pytest.raises(AssignmentError, match="worker 4 of 4"):
        assignment(spec(4, users=4), host="web", port=80, index=4)


def test_each_worker_may_have_one_request_unanswered() -> None:
    shares = assignments(spec(4, rate=4, maxInFlight=2), host="web", port=80)
    assert [share.max_in_flight for share in shares] == [1, 1, 1, 1]


@given(st.integers(1, 20), st.integers(20, 100_000))
def test_iterations_are_shared_out_exactly(workers: int, iterations: int) -> None:
    users = assignments(spec(workers, users=20, iterations=iterations), host="web", port=80)
    assert sum(share.iterations for share in users) == iterations
    by_chance = spec(workers, rate=100_000, arrivals="Poisson", iterations=iterations)
    assert sum(share.iterations for share in assignments(by_chance, host="web", port=80)) == iterations


@given(st.integers(1, 20), st.integers(20, 1000), st.integers(20, 60))
def test_even_arrivals_end_when_as_many_have_come_after_the_warm_up(workers: int, rate: int, iterations: int) -> None:
    shares = assignments(spec(workers, rate=rate, iterations=iterations), host="web", port=80)
    assert {(share.iterations, share.end) for share in shares} == {(0, shares[0].end)}
    end, warmup = shares[0].end, shares[0].warmup
    due = [moment for share in shares for moment in takewhile(lambda moment: moment < end, schedule(share))]
    assert sum(moment >= warmup for moment in due) == iterations
    assert all(share.cut == 4_500_000_000 for share in shares)
