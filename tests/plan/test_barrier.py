"""All workers of a load begin at one moment, or somebody says why not."""

from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.api.status import GeneratorResult, LoadResult, StepState, Verdict
from seatrial.api.timestamp import stamp
from seatrial.plan.barrier import HEARING, LEAD, LEAD_FOR_EACH, begins, started, waits_for
from seatrial.plan.decision import BeginLoad
from seatrial.plan.load import judge_load
from seatrial.plan.observed import JobSeen, LoadSeen, Observed, PodSeen
from tests.plan.situations import NOW, Trial, at, heard, load_spec, load_test_spec, pod

SPEC = load_spec(workers=3)


def worker(index: int, begins: datetime | None = None, **state: Any) -> PodSeen:
    return pod("l", f"l-{index}", index=index, running=True, begins=begins, **state)


def told(*ready: int, begun: tuple[int, ...] = ()) -> LoadSeen:
    return LoadSeen(LoadResult(workers=3), ready=frozenset(ready), begun=frozenset(begun), since=NOW)


def seen(load: LoadSeen | None, *pods: PodSeen, jobs: dict[str, JobSeen] | None = None) -> Observed:
    jobs = {"l": JobSeen()} if jobs is None else jobs
    return Observed(loads={"l": load} if load else {}, pods=pods, jobs=jobs)


ALL = (worker(0), worker(1), worker(2))


def test_when_all_are_ready_all_are_told_the_same_moment() -> None:
    (action,) = begins("l", SPEC, seen(told(0, 1, 2), *ALL), NOW)
    assert action == BeginLoad("l", ("l-0", "l-1", "l-2"), stamp(NOW + LEAD + 3 * LEAD_FOR_EACH))
    assert action.key == "BeginLoad/l"


def test_pods_of_one_node_wait_for_one_another_and_pods_of_several_do_not() -> None:
    apart = tuple(replace(one, node=f"n{one.index}") for one in ALL)
    (action,) = begins("l", SPEC, seen(told(0, 1, 2), *apart), NOW)
    assert action.at == stamp(NOW + LEAD + LEAD_FOR_EACH)


@pytest.mark.parametrize("load", [None, told(), told(0, 2)])
def test_nobody_is_told_before_all_are_ready(load: LoadSeen | None) -> None:
    assert begins("l", SPEC, seen(load, *ALL), NOW) == ()


def test_a_single_worker_waits_for_nobody() -> None:
    alone = load_spec(workers=1)
    observed = seen(told(0), worker(0))
    assert begins("l", alone, observed, NOW) == ()
    assert waits_for("l", alone, observed) == ""
    assert started("l", alone, seen(None, worker(0)), at(500)) == 1


def test_load_that_is_being_taken_away_does_not_begin() -> None:
    assert begins("l", SPEC, seen(told(0, 1, 2), *ALL, jobs={}), NOW) == ()


@given(st.sets(st.integers(0, 2), min_size=1), st.sets(st.integers(0, 2)), st.floats(-100, 100))
def test_a_crash_between_two_writes_keeps_the_moment(known: set[int], begun: set[int], seconds: float) -> None:
    moment = at(round(seconds, 3))
    pods = tuple(replace(one, begins=moment) if one.index in known else one for one in ALL)
    load = told(0, 1, 2, begun=tuple(begun & known))
    actions = begins("l", SPEC, seen(load, *pods), NOW)
    rest = tuple(f"l-{index}" for index in range(3) if index not in known)
    assert actions == ((BeginLoad("l", rest, stamp(moment)),) if rest else ())
    everybody = tuple(replace(one, begins=moment) for one in ALL)
    assert begins("l", SPEC, seen(load, *everybody), NOW) == ()


def test_a_worker_that_has_ended_or_is_going_is_told_nothing() -> None:
    pods = (worker(0), worker(1, exit_code=1), worker(2, deleting_since=NOW))
    (action,) = begins("l", SPEC, seen(told(0, 1, 2), *pods), NOW)
    assert action.pods == ("l-0",)


def test_what_workers_wait_for_is_said() -> None:
    assert waits_for("l", SPEC, seen(None)) == "0 of 3 workers are ready"
    assert waits_for("l", SPEC, seen(told(0, 2), *ALL)) == "2 of 3 workers are ready"
    assert waits_for("l", SPEC, seen(told(0, 1, 2), *ALL)) == "all workers are ready"
    known = worker(0, begins=at(2))
    assert waits_for("l", SPEC, seen(told(0, 1, 2), known)) == "all workers begin at 2026-01-01T12:00:02.000Z"
    assert waits_for("l", SPEC, seen(told(0, 1, 2, begun=(1,)), known)) == ""


def test_one_that_is_not_ready_has_not_started_but_is_given_time_to_be_heard() -> None:
    observed = seen(told(0), worker(0), worker(1), pod("l", "l-2", index=2))
    assert started("l", SPEC, observed, NOW) == 2
    assert started("l", SPEC, observed, NOW + HEARING) == 1
    # Who was told was ready, whatever this process has heard.
    informed = seen(told(), *(replace(one, begins=NOW) for one in ALL))
    assert started("l", SPEC, informed, NOW + HEARING) == 3


def test_a_worker_that_never_becomes_ready_times_out() -> None:
    trial = Trial(load_test_spec(workers=3, timeouts={"start": "30s"}))
    trial.turn(0)
    pods = tuple(replace(one, owner="load") for one in ALL)
    going = trial.turn(29, jobs={"load": JobSeen()}, pods=pods, loads={"load": told(0, 2)})
    assert trial.status.message == "2 of 3 workers are ready"
    assert going.wake_at == at(30)
    trial.turn(30, jobs={"load": JobSeen()}, pods=pods, loads={"load": told(0, 2)})
    assert (trial.status.verdict, trial.status.reason) == (Verdict.TIMED_OUT, "StartTimeout")
    assert "2 of 3 workers are ready" in trial.status.message


def test_a_refusal_to_tell_them_is_an_error() -> None:
    observed = replace(seen(told(0, 1, 2), *ALL), refusals={"BeginLoad/l": "pods is forbidden"})
    outcome = judge_load("l", SPEC, observed, NOW)
    assert outcome is not None
    assert (outcome.state, outcome.message) == (StepState.ERROR, "pods is forbidden")


def test_a_worker_that_is_gone_before_the_start_is_lost() -> None:
    outcome = judge_load("l", SPEC, seen(told(0, 1, 2), *ALL[:2]), NOW)
    assert outcome is not None
    assert (outcome.state, outcome.reason) == (StepState.INCONCLUSIVE, "WorkerLost")
    assert "worker 2 is gone" in outcome.message


def test_the_first_to_end_is_named_not_those_that_end_because_of_it() -> None:
    first = worker(2, exit_code=143, deleting_since=NOW, ended_at=at(1))
    later = worker(0, exit_code=143, deleting_since=NOW, ended_at=at(3))
    outcome = judge_load("l", SPEC, seen(told(0, 1, 2), later, ALL[1], first), at(4))
    assert outcome is not None
    assert outcome.message.startswith("worker 2 was lost (its pod was deleted)")


@pytest.mark.parametrize(
    ("skew", "measured", "state"),
    [(100, 1, "Succeeded"), (101, 1, "Inconclusive"), (3000, 60, "Succeeded"), (3001, 60, "Inconclusive")],
)
def test_a_skew_that_takes_load_away_proves_nothing(skew: float, measured: float, state: str) -> None:
    generator = GeneratorResult(start_skew_milliseconds=skew)
    load = heard(3, 0, 1, 2, measured_seconds=measured, generator=generator)
    outcome = judge_load("l", SPEC, seen(load), NOW)
    assert outcome is not None
    assert outcome.state.value == state
    if state == "Inconclusive":
        assert outcome.reason == "StartSkew"
        assert "apart, in a load of" in outcome.message
