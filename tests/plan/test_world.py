"""Whatever the world does and however often the operator is killed, what must always hold does hold."""

from datetime import timedelta
from functools import partial
from random import Random
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from seatrial.api.control import Stop
from seatrial.api.loadtest import LoadTestSpec
from seatrial.api.scenario import TestScenarioSpec
from seatrial.api.status import LoadTestStatus, Phase, TestScenarioStatus, Verdict
from tests.plan.world import World, leftovers
from tests.thoroughness import STRIDE

#: A world takes longer than an example of most other properties.
WORLDS = settings().max_examples // 2

PORTS = [{"name": "http", "port": 80}]
LOAD = {
    "target": {"service": "s0"},
    "profile": {"rate": 10, "duration": "5s"},
    "thresholds": [{"expr": "latency.p99 < duration('1s')"}],
}


@st.composite
def scenarios(draw: st.DrawFn) -> TestScenarioSpec:
    """Small scenarios of every shape."""
    services: list[dict[str, Any]] = []
    for index in range(draw(st.integers(1, 3))):
        needs = draw(st.sets(st.integers(0, index - 1), max_size=2)) if index else set()
        completes = {service["name"] for service in services if service.get("completes")}
        conditions = {need: ["Started", "Completed" if f"s{need}" in completes else "Healthy"] for need in needs}
        depends = [
            {"service": f"s{need}", "condition": draw(st.sampled_from(conditions[need]))} for need in sorted(needs)
        ]
        if index and draw(st.integers(0, 3)) == 0:
            services.append({"name": f"s{index}", "image": "i", "completes": True, "dependsOn": depends})
            continue
        probe: dict[str, Any] = draw(st.sampled_from([{}, {"tcp": {}, "successThreshold": 2}, {"http": {}}]))
        services.append(
            {
                "name": f"s{index}",
                "image": "i",
                "ports": PORTS,
                "dependsOn": depends,
                "ready": probe,
            }
        )
    jobs = [[{"name": f"{kind}{n}", "job": {"image": "i"}} for n in range(draw(st.integers(0, 2)))] for kind in "uv"]
    kinds = st.sampled_from(["GET", "POST", "job", "load", "assert", "wait", "GET", "POST", "job"])
    steps = []
    for index in range(draw(st.sampled_from([0, 3, 4, 5, 6]))):
        needs = draw(st.sets(st.integers(0, index - 1), max_size=3)) if index else set()
        results = st.sampled_from(["Succeeded", "Succeeded", "Failed", "Completed"])
        steps.append(
            {
                "name": f"t{index}",
                "needs": [{"step": f"t{need}", "result": draw(results)} for need in sorted(needs)],
                **_kind(draw(kinds), draw(st.integers(1, 3))),
                **draw(_MANNERS),
            }
        )
    timeouts = draw(
        st.sampled_from([{}, {}, {"provision": "8s"}, {"steps": "15s"}, {"teardown": "5s"}, {"total": "20s"}])
    )
    spec = {
        "environment": {"services": services, "secrets": draw(st.sampled_from([[], ["password"]]))},
        "setup": jobs[0],
        "steps": steps,
        "teardown": jobs[1],
        "timeouts": timeouts,
        "retain": draw(st.sampled_from([{}, {"when": "OnFailure", "timeout": "5m"}])),
        **draw(st.sampled_from([{}, {}, {"maxParallel": 1}, {"maxParallel": 2}])),
    }
    return TestScenarioSpec.model_validate(spec)


_MATRIX = {"matrix": {"a": [1, 2]}}
#: What a step may say besides what it does.
_MANNERS: st.SearchStrategy[dict[str, Any]] = st.sampled_from(
    [
        *([{}] * 4),
        {"retry": {}},
        {"retry": {"limit": 1, "backoff": {"initial": "200ms"}}},
        {"retry": {"limit": 4, "onResults": ["Failure"], "backoff": {"initial": "5s", "max": "8s"}}},
        {"retry": {"limit": 3, "onResults": ["Error"]}, "optional": True},
        {"optional": True},
        {"when": "run.id == ''"},
        {"when": "captures.none == 1"},
        _MATRIX,
        _MATRIX | {"maxParallel": 1, "retry": {"limit": 1}},
        _MATRIX | {"when": "matrix.a == 2"},
    ]
)


def _kind(kind: str, workers: int) -> dict[str, Any]:
    if kind == "assert":
        return {"assert": {"reads": [{"name": "one", "service": "s0"}]}, "expect": ["answers.one.status == 200"]}
    if kind == "wait" and workers == 1:
        return {"wait": {"for": {"kind": "Deployment", "name": "s0", "condition": "Available"}}}
    if kind == "wait":
        return {"wait": {"duration": f"{workers}s"}}
    if kind == "job":
        return {"job": {"image": "i"}}
    if kind == "load":
        return {"load": LOAD | {"workers": workers}}
    return {"http": {"service": "s0", "method": kind}}


@st.composite
def load_tests(draw: st.DrawFn) -> LoadTestSpec:
    """LoadTests with few or many workers, and time enough or not."""
    timeouts = draw(st.sampled_from([{}, {}, {"start": "2s"}, {"teardown": "1s"}]))
    return LoadTestSpec.model_validate(LOAD | {"workers": draw(st.integers(1, 3)), "timeouts": timeouts})


SEEDS = st.integers(0, 10**9)
CRASHES = st.builds(
    lambda seed, count: frozenset(Random(seed).sample(range(1, 40), count)),  # noqa: S311 - nothing is secret here
    st.integers(0, 10**9),
    st.integers(0, 8),
)
INTERRUPTIONS = st.lists(
    st.tuples(
        st.integers(0, 600).map(lambda tenths: tenths / 10),
        st.sampled_from(
            ["kill", "away", "delete", "edit", "spoil", "mend", "take", "suspend", "resume", "stop", "end", "edit"]
        ),
    ),
    max_size=4,
)


def _ended_well(world: World) -> None:
    """Nothing is left, and the last run, unless the resource is gone or invalid, has its verdict."""
    assert leftovers(world) == []
    assert not world.exists or not world.deleting
    if not world.exists:
        return
    assert not world.finalizer
    kind = LoadTestStatus if isinstance(world.specs[1], LoadTestSpec) else TestScenarioStatus
    status = kind.model_validate(world.stored)
    flags = {condition.type: condition.status for condition in status.conditions}
    assert flags["TornDown"] == "True"
    if world.specs[world.generation] is None:
        assert flags["Stalled"] == "True"
        assert status.run is None
        return
    if status.waiting:
        assert status.reason == "Suspended"
        return
    assert status.run is not None
    assert status.run.generation == world.generation or world.deleting
    assert status.phase is Phase.DONE
    assert status.verdict is not None


def _another(world: World) -> TestScenarioSpec | LoadTestSpec:
    """The same trial, to be run anew."""
    assert world.specs[1] is not None
    return world.specs[1].model_copy(update={"run": str(world.generation)})


def _interrupt(world: World, interruptions: list[tuple[float, str]]) -> None:
    valid = world.specs[1]
    assert valid is not None
    deeds = {
        "kill": world.kill,
        "away": lambda: world.kill(away=2000),
        "delete": world.delete,
        "edit": lambda: world.edit(_another(world)),
        "suspend": lambda: world.steer(suspend=True),
        "resume": lambda: world.steer(suspend=False, stop=None),
        "stop": lambda: world.steer(stop=Stop.IMMEDIATE),
        "end": lambda: world.steer(stop=Stop.GRACEFUL),
        "spoil": lambda: world.edit(None),
        "mend": lambda: world.edit(valid),
        "take": world.take_namespace,
    }
    for seconds, deed in interruptions:
        world.later(seconds, deeds[deed])


@settings(max_examples=WORLDS)
@given(scenarios(), SEEDS, CRASHES, st.booleans(), INTERRUPTIONS)
def test_every_scenario_ends_and_leaves_nothing(
    spec: TestScenarioSpec, seed: int, crashes: frozenset[int], lossy: bool, interruptions: list[tuple[float, str]]
) -> None:
    world = World(spec, seed, crashes=crashes, lossy=lossy)
    _interrupt(world, interruptions)
    world.play()
    _ended_well(world)


@settings(max_examples=WORLDS)
@given(load_tests(), SEEDS, CRASHES, st.booleans(), INTERRUPTIONS)
def test_every_load_test_ends_and_leaves_nothing(
    spec: LoadTestSpec, seed: int, crashes: frozenset[int], lossy: bool, interruptions: list[tuple[float, str]]
) -> None:
    world = World(spec, seed, crashes=crashes, lossy=lossy)
    _interrupt(world, interruptions)
    world.play()
    _ended_well(world)


def _verdict(world: World) -> tuple[Verdict, str]:
    world.play()
    _ended_well(world)
    return world.truth.verdicts["1"]


def _patient(spec: TestScenarioSpec) -> TestScenarioSpec:
    """With time enough for every service, however often and long the operator is away: the clock goes on meanwhile.

    The environment's time goes on from its first service, a service's own begins with its start, which a crash delays.
    """
    ready = {"timeout": timedelta(minutes=9)}
    services = [
        one if one.completes else one.model_copy(update={"ready": one.ready.model_copy(update=ready)})
        for one in spec.environment.services
    ]
    environment = spec.environment.model_copy(update={"services": services})
    timeouts = type(spec.timeouts)(provision=timedelta(hours=1))
    return spec.model_copy(update={"timeouts": timeouts, "environment": environment})


#: With this seed the last service hangs: its own time ends the run, unless the environment's is over before.
HANGING = TestScenarioSpec.model_validate(
    {
        "environment": {
            "services": [
                {"name": "s0", "image": "i", "ports": PORTS},
                {"name": "s1", "image": "i", "completes": True},
                {"name": "s2", "image": "i", "ports": PORTS, "dependsOn": [{"service": "s0", "condition": "Started"}]},
            ]
        }
    }
)
SEED_HANGING = 88007370


@settings(max_examples=WORLDS)
@given(scenarios(), SEEDS, CRASHES, st.booleans())
# Absences alone delayed the service so much that ten minutes for the environment were over first; so did its start,
# which a lossy world forgets.
@example(HANGING, SEED_HANGING, frozenset({5, 6, 7, 21, 26, 32}), False)
@example(HANGING, SEED_HANGING, frozenset({5, 9, 37}), True)
def test_a_crash_changes_no_verdict_of_a_scenario(
    spec: TestScenarioSpec, seed: int, crashes: frozenset[int], lossy: bool
) -> None:
    patient = _patient(spec)
    undisturbed = _verdict(World(patient, seed, calm=True))
    world = World(patient, seed, crashes=crashes, lossy=lossy, calm=True)
    verdict, reason = _verdict(world)
    # A request that may not be sent twice and was cut off is the one thing that a crash may cost; with a retry, what
    # comes after that is another attempt with an end of its own.
    retried = any(step.sent_once and (step.retry or step.optional) for step in patient.steps)
    interrupted = world.truth.interrupted if retried else verdict is Verdict.ERROR and reason == "Interrupted"
    assert verdict is undisturbed[0] or interrupted


@settings(max_examples=WORLDS)
@given(load_tests(), SEEDS, CRASHES, st.booleans())
def test_a_crash_changes_no_verdict_of_a_load_test(
    spec: LoadTestSpec, seed: int, crashes: frozenset[int], lossy: bool
) -> None:
    patient = spec.model_copy(update={"timeouts": type(spec.timeouts)()})
    undisturbed = _verdict(World(patient, seed, calm=True))
    # Only the reason may differ: a refusal that nobody remembers shows as a Job that is not there.
    assert _verdict(World(patient, seed, crashes=crashes, lossy=lossy, calm=True))[0] is undisturbed[0]


RICH = TestScenarioSpec.model_validate(
    {
        "environment": {
            "services": [
                {"name": "s0", "image": "i", "ports": PORTS, "ready": {"tcp": {}}},
                {"name": "s1", "image": "i", "dependsOn": [{"service": "s0"}]},
                {"name": "s2", "image": "i", "completes": True, "dependsOn": [{"service": "s0"}]},
                {"name": "s3", "image": "i", "dependsOn": [{"service": "s2", "condition": "Completed"}]},
            ],
            "secrets": ["password"],
        },
        "setup": [{"name": "u0", "job": {"image": "i"}}],
        "steps": [
            {"name": "t0", "http": {"service": "s0", "method": "POST"}},
            {"name": "t1", "http": {"service": "s0"}},
            {"name": "t2", "job": {"image": "i"}},
            {"name": "t3", "load": LOAD | {"workers": 2}},
            {"name": "t4", "needs": [{"step": "t1"}], "http": {"service": "s0", "method": "PATCH"}},
            {"name": "t5", "needs": [{"step": "t2"}, {"step": "t3"}], "job": {"image": "i"}, "retry": {"limit": 4}},
            {"name": "t6", "http": {"service": "s0"}, "retry": {"limit": 4}, "matrix": {"a": [1, 2, 3]}},
            {"name": "t7", "needs": [{"step": "t6"}], "wait": {"duration": "2s"}},
        ],
        "teardown": [{"name": "v0", "job": {"image": "i"}}],
    }
)
LONG = LoadTestSpec.model_validate(LOAD | {"workers": 2, "profile": {"rate": 10, "duration": "10m"}})


#: A seed with which each of them passes; the scenario only because a Job and a request are attempted again.
SEED_RICH, SEED_LONG = 18, 0


@pytest.mark.heavy
@pytest.mark.parametrize("lossy", [False, True])
@pytest.mark.parametrize(("spec", "seed"), [(RICH, SEED_RICH), (LONG, SEED_LONG)], ids=["scenario", "load test"])
def test_a_crash_after_any_write_and_any_turn_changes_no_verdict(
    spec: TestScenarioSpec | LoadTestSpec, seed: int, lossy: bool
) -> None:
    undisturbed = World(spec, seed, calm=True)
    assert _verdict(undisturbed)[0] is Verdict.PASSED
    last = max(undisturbed.turns, undisturbed.writes)
    for moment in range(1 + lossy, last + 1, 2 * STRIDE):  # every other one with each way to write status
        world = World(spec, seed, crashes=frozenset({moment}), lossy=lossy, calm=True)
        verdict, reason = _verdict(world)
        assert verdict is Verdict.PASSED or reason == "Interrupted", f"killed after {moment}"


@pytest.mark.parametrize("away", [0, 30, 300, 5000])
def test_an_operator_that_comes_back_finds_what_the_load_came_to(away: float) -> None:
    for seconds in (2, 200, 603):
        world = World(LONG, SEED_LONG, calm=True)
        world.later(seconds, partial(world.kill, away=away))
        assert _verdict(world)[0] is Verdict.PASSED
