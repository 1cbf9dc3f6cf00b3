"""Whatever the world does and however often the operator is killed, what must always hold does hold."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from seatrial.api.loadtest import LoadTestSpec
from seatrial.api.scenario import TestScenarioSpec
from seatrial.api.status import LoadTestStatus, Phase, TestScenarioStatus, Verdict
from tests.plan.world import World, leftovers

#: A world takes longer than an example of most other properties.
WORLDS = settings.default.max_examples // 2

PORTS = [{"name": "http", "port": 80}]
LOAD = {
    "target": {"service": "s0"},
    "profile": {"rate": 10, "duration": "5s"},
    "thresholds": [{"expr": "latency.p99 < duration('1s')"}],
}


@st.composite
def scenarios(draw: st.DrawFn) -> TestScenarioSpec:
    """Small scenarios of every shape."""
    services = []
    for index in range(draw(st.integers(1, 3))):
        needs = draw(st.sets(st.integers(0, index - 1), max_size=2)) if index else set()
        conditions = st.sampled_from(["Started", "Healthy"])
        probe: dict[str, Any] = draw(st.sampled_from([{}, {"tcp": {}, "successThreshold": 2}, {"http": {}}]))
        services.append(
            {
                "name": f"s{index}",
                "image": "i",
                "ports": PORTS,
                "dependsOn": [{"service": f"s{need}", "condition": draw(conditions)} for need in sorted(needs)],
                "ready": probe,
            }
        )
    jobs = [[{"name": f"{kind}{n}", "job": {"image": "i"}} for n in range(draw(st.integers(0, 2)))] for kind in "uv"]
    kinds = st.sampled_from(["GET", "POST", "job", "load"])
    steps = []
    for index in range(draw(st.integers(0, 5))):
        needs = draw(st.sets(st.integers(0, index - 1), max_size=3)) if index else set()
        results = st.sampled_from(["Succeeded", "Succeeded", "Failed", "Completed"])
        steps.append(
            {
                "name": f"t{index}",
                "needs": [{"step": f"t{need}", "result": draw(results)} for need in sorted(needs)],
                **_kind(draw(kinds), draw(st.integers(1, 3))),
            }
        )
    timeouts = draw(st.sampled_from([{}, {}, {"provision": "8s"}, {"steps": "15s"}, {"teardown": "5s"}]))
    spec = {
        "environment": {"services": services},
        "setup": jobs[0],
        "steps": steps,
        "teardown": jobs[1],
        "timeouts": timeouts,
    }
    return TestScenarioSpec.model_validate(spec)


def _kind(kind: str, workers: int) -> dict[str, Any]:
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
CRASHES = st.frozensets(st.integers(1, 25), max_size=4)
INTERRUPTIONS = st.lists(
    st.tuples(st.floats(0, 60), st.sampled_from(["kill", "delete", "edit", "spoil", "mend", "take"])), max_size=4
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
    assert status.run is not None
    assert status.run.generation == world.generation
    assert status.phase is Phase.DONE
    assert status.verdict is not None


def _interrupt(world: World, interruptions: list[tuple[float, str]]) -> None:
    valid = world.specs[1]
    deeds = {
        "kill": world.kill,
        "delete": world.delete,
        "edit": lambda: world.edit(valid),
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


@settings(max_examples=WORLDS)
@given(scenarios(), SEEDS, CRASHES, st.booleans())
def test_a_crash_changes_no_verdict_of_a_scenario(
    spec: TestScenarioSpec, seed: int, crashes: frozenset[int], lossy: bool
) -> None:
    patient = spec.model_copy(update={"timeouts": type(spec.timeouts)()})
    undisturbed = _verdict(World(patient, seed, calm=True))
    world = World(patient, seed, crashes=crashes, lossy=lossy, calm=True)
    verdict, reason = _verdict(world)
    # A request that may not be sent twice and was cut off is the one thing that a crash may cost.
    assert verdict is undisturbed[0] or (verdict is Verdict.ERROR and reason == "Interrupted")


@settings(max_examples=WORLDS)
@given(load_tests(), SEEDS, CRASHES, st.booleans())
def test_a_crash_changes_no_verdict_of_a_load_test(
    spec: LoadTestSpec, seed: int, crashes: frozenset[int], lossy: bool
) -> None:
    patient = spec.model_copy(update={"timeouts": type(spec.timeouts)()})
    undisturbed = _verdict(World(patient, seed, calm=True))
    assert _verdict(World(patient, seed, crashes=crashes, lossy=lossy, calm=True)) == undisturbed
