"""Run control of a LoadTest: its turn beside others of its target, a stop, ended workers that are kept."""

from datetime import timedelta
from typing import Any

import pytest

from seatrial.api.status import Phase, Verdict
from seatrial.plan.control import queue_entry
from seatrial.plan.decision import StopWorkloads
from seatrial.plan.loadtest import STEP
from seatrial.plan.observed import JobSeen, Observed
from seatrial.plan.queue import Entry, Place
from tests.plan.situations import NOW, UID, Trial, at, heard, load_test_spec, pod

KEEP: dict[str, Any] = {"retain": {"when": "OnFailure", "timeout": "30m"}}
SLOW: dict[str, Any] = {"values": {"latency.p99": timedelta(seconds=1)}}
FAST = [{"expr": "latency.p99 < duration('250ms')"}]
ENDED = pod(STEP, index=0, exit_code=0)
RUNNING = pod(STEP, index=0, running=True)
JOBS = {STEP: JobSeen(complete=True)}


def failed(worker: Any = ENDED, **spec: Any) -> Trial:
    """A load that missed its threshold at second 10, all lines read."""
    trial = Trial(load_test_spec(thresholds=FAST, **spec))
    trial.turn()
    trial.turn(10, jobs=JOBS, pods=(worker,), loads={STEP: heard(1, 0, **SLOW)})
    assert trial.status.verdict is Verdict.FAILED
    return trial


def group(**spec: Any) -> Entry:
    trial = Trial(load_test_spec(**spec))
    entry = queue_entry("LoadTest/shop/peak", trial.subject, Observed(), NOW)
    assert entry is not None
    return entry


def test_load_tests_of_one_target_share_a_turn_unless_they_name_a_group() -> None:
    shared = {"concurrency": {"max": 2, "policy": "Reject"}}
    mine = group(**shared)
    assert (mine.group, mine.max) == ("target/shop/web", 2)
    # The same target written out.
    assert group(target={"service": "web", "namespace": "shop"}, **shared).group == mine.group
    assert group(target={"service": "web", "port": "http"}, **shared).group == mine.group
    assert group(target={"service": "other"}, **shared).group == "target/shop/other"
    assert group(target={"service": "web", "namespace": "platform"}, **shared).group == "target/platform/web"
    assert group(concurrency={"group": "db"}).group == "db"
    assert group().group == ""


def test_ended_workers_are_kept_for_a_time() -> None:
    trial = failed(**KEEP)
    assert (trial.phase(), trial.status.reason) == (Phase.RETAINED, "ThresholdMissed")
    look = f"kubectl -n shop logs --prefix --tail 20 --selector seatrial.dev/uid={UID}"
    assert trial.status.message.endswith(f"(kept until 2026-01-01T12:30:10Z: {look})")
    assert (trial.condition("Complete").status, trial.condition("TornDown").reason) == ("True", "Retained")
    kept = trial.turn(11, jobs=JOBS, pods=(ENDED,))
    assert (kept.actions, kept.wake_at) == ((), at(1810))
    gone = trial.turn(1810, jobs=JOBS, pods=(ENDED,))
    assert gone.actions == (StopWorkloads(),)
    assert trial.phase() is Phase.TEARDOWN
    assert "kept until" not in trial.status.message


def test_workers_whose_last_lines_were_read_are_about_to_end_and_are_kept_too() -> None:
    trial = failed(RUNNING, **KEEP)
    assert trial.phase() is Phase.RETAINED


def test_workers_that_still_send_are_never_kept() -> None:
    trial = Trial(load_test_spec(workers=2, **KEEP))
    trial.turn()
    lost = pod(STEP, index=0, exit_code=137, ended_reason="OOMKilled")
    trial.turn(
        5, jobs={STEP: JobSeen()}, pods=(lost, pod(STEP, "load-1", index=1, running=True)), loads={STEP: heard(2)}
    )
    assert (trial.phase(), trial.status.reason) == (Phase.TEARDOWN, "WorkerLost")


@pytest.mark.parametrize("when", [None, {"when": "Never"}])
def test_nothing_is_kept_that_nobody_asked_for(when: dict[str, Any] | None) -> None:
    trial = failed(**({"retain": when} if when else {}))
    assert trial.phase() is Phase.TEARDOWN


@pytest.mark.parametrize("way", ["never", "delete", "edit", "gone", "replaced"])
def test_what_ends_it_earlier(way: str) -> None:
    trial = failed(**KEEP)
    seen: dict[str, Any] = {"jobs": JOBS, "pods": (ENDED,)}
    spec = trial.subject.spec
    if way == "never":
        trial.edited(load_test_spec(thresholds=FAST, retain={"when": "Never"}))
    elif way == "delete":
        trial.change(deleting=True)
    elif way == "edit":
        trial.edited(load_test_spec(run="again", **KEEP))
    elif way == "gone":
        seen = {}
    else:
        seen["place"] = Place(False, behind="LoadTest newer", end="Replaced")
    trial.change(running=spec)
    trial.turn(11, **seen)
    assert trial.phase() is (Phase.DONE if way == "gone" else Phase.TEARDOWN)
    assert trial.status.verdict is Verdict.FAILED


@pytest.mark.parametrize(("stop", "at_once"), [("Immediate", True), ("Graceful", False)])
def test_a_stopped_load_is_cancelled_now_or_when_it_has_ended(stop: str, at_once: bool) -> None:
    trial = Trial(load_test_spec())
    trial.turn()
    up = {"jobs": {STEP: JobSeen()}, "pods": (RUNNING,), "loads": {STEP: heard(1)}}
    trial.turn(1, **up)
    trial.edited(load_test_spec(stop=stop))
    trial.turn(2, **up)
    assert (trial.status.verdict is not None) is at_once
    if not at_once:
        trial.edited(load_test_spec())  # taking it out again changes nothing
        trial.turn(11, **up | {"loads": {STEP: heard(1, 0)}})
    assert (trial.status.verdict, trial.status.reason) == (Verdict.CANCELLED, "Stopped")
    assert trial.status.result.requests == 1000


def test_steering_starts_nothing_anew() -> None:
    plain = load_test_spec()
    steering: list[dict[str, Any]] = [
        {"concurrency": {}},
        KEEP,
        {"suspend": True},
        {"history": 3},
        {"stop": "Graceful"},
    ]
    for steer in steering:
        assert load_test_spec(**steer).spec_hash == plain.spec_hash
    assert load_test_spec(run="1").spec_hash != plain.spec_hash
