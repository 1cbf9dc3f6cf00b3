"""Expressions made to take long, beside a scenario of somebody else's that must not notice."""

import json
from datetime import datetime
from typing import Any

import pytest

from .conftest import DEPLOYMENT, RELEASE_NAMESPACE, Run, Trials
from .manifests import scenario

_TEN = "[1,2,3,4,5,6,7,8,9,10]"
_MIB = "['aaaaaaaa']" + ".map(a, a + a)" * 17
#: Text joined to itself up to 256 MiB, and a MiB gone through a thousand times.
LARGE = "['aaaaaaaa']" + ".map(a, a + a)" * 25 + ".size() == 1"
SLOW = f"{_MIB}.all(t, {_TEN}.all(a, {_TEN}.all(b, {_TEN}.all(c, t.replace('a', 'bb').size() > 0))))"
SLOW_STEPS = 4
_OPERATOR = "app.kubernetes.io/name=seatrial"


def _assertion(name: str, expression: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "assert": {}, "expect": [expression]} | more


def _seconds(status: dict[str, Any]) -> float:
    """From the start of the first step to the end of the last."""
    times = [[datetime.fromisoformat(step[field]) for field in ("startedAt", "finishedAt")] for step in status["steps"]]
    return (max(ended for _, ended in times) - min(began for began, _ in times)).total_seconds()


def _restarts(kubectl: Run) -> list[int]:
    pods = json.loads(kubectl("get", "pods", "-n", RELEASE_NAMESPACE, "-l", _OPERATOR, "-o", "json").stdout)["items"]
    return [status["restartCount"] for pod in pods for status in pod["status"]["containerStatuses"]]


@pytest.mark.exclusive
def test_an_expression_that_takes_too_much_ends_its_own_scenario_and_delays_no_other(
    trials: Trials, kubectl: Run
) -> None:
    restarts = _restarts(kubectl)
    slow = [_assertion(f"slow-{number}", SLOW) for number in range(SLOW_STEPS)]
    large = [_assertion("large", LARGE), _assertion("maybe", "true", when=LARGE)]
    chain = [_assertion("s0", "run.id != ''")]
    chain += [
        _assertion(f"s{number}", "run.id != ''", needs=[{"step": f"s{number - 1}"}], when="run.id != ''")
        for number in range(1, 8)
    ]
    trials.apply(scenario("nasty", steps=[*slow, *large]))
    trials.apply(scenario("ordinary", steps=chain))
    ordinary = trials.wait("tscn", "ordinary")["status"]
    assert (ordinary["verdict"], len(ordinary["steps"])) == ("Passed", 8)

    nasty = trials.wait("tscn", "nasty")["status"]
    assert nasty["verdict"] == "Error"
    found = {step["name"]: step for step in nasty["steps"]}
    assert {found[f"slow-{number}"]["reason"] for number in range(SLOW_STEPS)} == {"ExpressionTooSlow"}
    assert {found["large"]["reason"], found["maybe"]["reason"]} == {"ExpressionTooLarge"}
    assert found["slow-0"]["message"].startswith("expect[0]: ['aaaaaaaa'].map(a, a + a)")
    assert "2s of CPU time" in found["slow-0"]["message"]
    assert found["maybe"]["message"].startswith("when: ['aaaaaaaa'].map(a, a + a)")
    # Two of the slow ones at a time, each with its whole time.
    nasty["steps"] = [step for step in nasty["steps"] if step["name"].startswith("slow")]
    assert _seconds(ordinary) < _seconds(nasty) / 2

    assert _restarts(kubectl) == restarts
    log = kubectl("logs", DEPLOYMENT, "-n", RELEASE_NAMESPACE, "--since=2m").stdout
    assert "a bug in Seatrial" not in log
