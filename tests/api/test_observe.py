"""What a load observes: the target by its name, other pods by their labels."""

from typing import Any

import pytest

from seatrial.api.loadtest import LoadTestSpec
from seatrial.api.validation import InvalidSpec, read


def spec(*observe: dict[str, Any], **more: Any) -> dict[str, Any]:
    profile = {"rate": 10, "duration": "20s"}
    return {"target": {"service": "web"}, "profile": profile, "observe": list(observe), **more}


def test_the_target_needs_no_selector_and_others_do() -> None:
    found = read(LoadTestSpec, spec({"name": "target"}, {"name": "db", "selector": {"app.kubernetes.io/name": "db"}}))
    assert [one.selector for one in found.observe] == [{}, {"app.kubernetes.io/name": "db"}]


@pytest.mark.parametrize(
    "wrong",
    [
        [{"name": "db"}],
        [{"name": "target", "selector": {"app": "web"}}],
        [{"name": "target"}, {"name": "target"}],
        [{"name": "db", "selector": {"app": "a b"}}],
        [{"name": "db", "selector": {"app,x": "a"}}],
        [{"name": f"db{number}", "selector": {"app": "a"}} for number in range(6)],
    ],
)
def test_mistakes_are_refused(wrong: list[dict[str, Any]]) -> None:
    with pytest.raises(InvalidSpec, match=r"spec\.observe"):
        read(LoadTestSpec, spec(*wrong))


def test_thresholds_know_the_target_and_its_types() -> None:
    good = ["target.memory.max < 512 * 1024 * 1024", "target.cpu.mean < 0.5", "target.restarts + target.oomKills == 0"]
    read(LoadTestSpec, spec(thresholds=[{"expr": expr} for expr in good]))
    with pytest.raises(InvalidSpec, match=r"does not go with \(double, int\)"):
        read(LoadTestSpec, spec(thresholds=[{"expr": "target.cpu.max < 1"}]))


def test_observing_is_no_part_of_the_load() -> None:
    assert read(LoadTestSpec, spec({"name": "target"})).load_hash == read(LoadTestSpec, spec()).load_hash
