"""What observed pods use: samples that count, restarts since the beginning, what a restart of the operator keeps."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from seatrial.api.status import ResourceUse
from seatrial.api.timestamp import stamp
from seatrial.engine.use import Use, values

BEGUN = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return BEGUN + timedelta(seconds=seconds)


def use(**earlier: Any) -> Use:
    return Use("target", BEGUN, ResourceUse(name="target", **earlier))


def sample(name: str, seconds: float, cpu: str, memory: str) -> dict[str, Any]:
    half = {"usage": {"cpu": cpu, "memory": memory}}
    return {"metadata": {"name": name}, "timestamp": stamp(at(seconds)), "containers": [half]}


def pod(uid: str = "a", restarts: int = 0, created: float = -60, last: Any = None, now: Any = None) -> dict[str, Any]:
    status = {"name": "web", "restartCount": restarts}
    status |= {"lastState": {"terminated": last}} if last else {}
    status |= {"state": {"terminated": now}} if now else {}
    return {
        "metadata": {"uid": uid, "creationTimestamp": stamp(at(created))},
        "status": {"containerStatuses": [status]},
    }


def ended(seconds: float, reason: str = "Error") -> dict[str, Any]:
    return {"reason": reason, "finishedAt": stamp(at(seconds))}


def test_the_greatest_of_one_pod_and_the_mean_over_all() -> None:
    found = use()
    found.measured([sample("a", 10, "100m", "64Mi"), sample("b", 10, "300000000n", "32Mi")], at(12), 12)
    found.measured([sample("a", 20, "200m", "128Mi")], at(22), 22)
    told = found.shown()
    assert (told.samples, told.cpu_max, told.cpu_mean) == (3, 0.3, 0.2)
    assert (told.memory_max, told.memory_mean) == (128 * 2**20, round(224 * 2**20 / 3))
    assert [(point.at, point.cpu, point.memory) for point in found.points] == [
        (10, 0.3, 64 * 2**20),
        (20, 0.2, 128 * 2**20),
    ]


def test_containers_of_a_pod_count_together() -> None:
    found, both = use(), sample("a", 10, "100m", "10Mi")
    both["containers"] *= 2
    found.measured([both], at(10), 10)
    assert (found.shown().cpu_max, found.shown().memory_max) == (0.2, 20 * 2**20)


def test_a_sample_counts_once_and_only_if_it_is_of_measured_time() -> None:
    found = use()
    found.measured([sample("a", -5, "900m", "9Gi")], at(3), 3)
    assert found.shown().samples == 0
    assert found.shown().message == ""
    for _ in range(3):
        found.measured([sample("a", 10, "100m", "1Mi")], at(12), 12)
    assert (found.shown().samples, found.shown().cpu_max) == (1, 0.1)


def test_pods_that_the_metrics_api_does_not_know_yet_are_said() -> None:
    found = use()
    found.measured([], at(3), 3)
    assert "knows none of its pods yet" in found.shown().message
    assert values(found.shown()) == {}


@pytest.mark.parametrize(
    ("first", "then", "restarts", "kills"),
    [
        (pod(restarts=4), pod(restarts=4), 0, 0),
        (pod(restarts=4), pod(restarts=6, last=ended(20)), 2, 0),
        (pod(), pod(restarts=1, last=ended(20, "OOMKilled")), 1, 1),
        (pod(), pod(now=ended(20, "OOMKilled")), 0, 1),
        (pod(restarts=1, last=ended(-5, "OOMKilled")), pod(restarts=1, last=ended(-5, "OOMKilled")), 0, 0),
        # The operator was restarted, and sees only now what was before.
        (pod(restarts=1, last=ended(5, "OOMKilled")), pod(restarts=1, last=ended(5, "OOMKilled")), 1, 1),
        # A pod that was made while load went on.
        (pod("b", 2, created=8, last=ended(9)), pod("b", 3, created=8, last=ended(20)), 3, 0),
    ],
)
def test_restarts_since_the_beginning(first: Any, then: Any, restarts: int, kills: int) -> None:
    found = use()
    found.listed([first])
    found.listed([then])
    assert (found.shown().restarts, found.shown().oom_kills, found.shown().pods) == (restarts, kills, 1)


def test_what_cannot_be_listed_has_no_number() -> None:
    found = use()
    assert found.shown().restarts is None
    found.listed([])
    assert (found.shown().restarts, found.shown().message) == (None, "there are no such pods")
    found.listed([pod()])
    assert values(found.shown()) == {"target.restarts": 0, "target.oomKills": 0}
    found.unlisted("forbidden")
    assert values(found.shown()) == {}


def test_what_status_has_already_is_kept() -> None:
    found = use(samples=2, cpu_max=0.9, cpu_mean=0.5, memory_max=10, memory_mean=8, restarts=2, oom_kills=1, pods=3)
    found.listed([pod()])
    found.measured([sample("a", 10, "200m", "20")], at(12), 12)
    told = found.shown()
    assert (told.samples, told.cpu_max, told.cpu_mean) == (3, 0.9, 0.4)
    assert (told.memory_max, told.memory_mean) == (20, 12)
    assert (told.restarts, told.oom_kills, told.pods) == (2, 1, 3)


def test_the_course_is_bounded_and_keeps_the_peaks() -> None:
    found = use()
    for second in range(1, 2001):
        found.measured([sample("a", second, "900m" if second == 777 else "100m", "1Mi")], at(second), second)
    assert 100 < len(found.points) <= 240
    assert max(point.cpu for point in found.points) == 0.9
    assert [point.at for point in found.points] == sorted(point.at for point in found.points)
