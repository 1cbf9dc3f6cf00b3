import pytest

from seatrial.api.status import Condition, Phase, TestScenarioStatus, Verdict
from seatrial.engine import record as module
from seatrial.engine.key import Key
from seatrial.engine.record import Record
from seatrial.engine.store import Store
from seatrial.kube.errors import ApiError, Conflict, Unreachable
from tests.engine.api_server import Fault
from tests.engine.world import World

pytestmark = pytest.mark.anyio

KEY = Key("TestScenario", "shop", "checkout")
BEGUN = TestScenarioStatus(observed_generation=1, phase=Phase.RUNNING)


def ready(message: str) -> Condition:
    return Condition(
        type="Ready", status="True", reason="Fine", message=message, last_transition_time="2026-01-01T00:00:00Z"
    )


def progressed(progress: str) -> TestScenarioStatus:
    return BEGUN.model_copy(update={"progress": progress})


class Recorded:
    """A record of one resource, whose status the API server has."""

    def __init__(self, world: World) -> None:
        world.kill()
        self.world = world
        self.uid = world.server.put("testscenarios", {"metadata": {"name": "checkout"}, "spec": {}}, "shop")[
            "metadata"
        ]["uid"]
        self.store = Store()
        self.store.put_resource(KEY, world.server.all("testscenarios")[0])
        self.record = Record(world.client, self.store)
        assert self.record.status(KEY, self.uid, TestScenarioStatus) == TestScenarioStatus()

    async def put(self, status: TestScenarioStatus, *, urgent: bool = False) -> float | None:
        return await self.record.put(KEY, status, urgent=urgent)

    @property
    def stored(self) -> str:
        return str(self.world.status().get("progress", ""))

    @property
    def writes(self) -> int:
        return len([write for write in self.world.server.writes if write.what == "testscenarios/status"])


@pytest.fixture
async def recorded(world: World, monkeypatch: pytest.MonkeyPatch) -> Recorded:
    monkeypatch.setattr(module, "PROGRESS_INTERVAL", 60.0)  # longer than any machine takes
    return Recorded(world)


async def test_progress_is_written_at_most_once_a_second(recorded: Recorded) -> None:
    assert await recorded.put(progressed("0/3")) is None
    wait = await recorded.put(progressed("1/3"))
    assert wait is not None
    assert 0 < wait <= module.PROGRESS_INTERVAL
    assert recorded.stored == "0/3"
    # What was not stored is known all the same.
    current = recorded.record.status(KEY, recorded.uid, TestScenarioStatus)
    assert current == progressed("1/3")
    assert recorded.writes == 1


async def test_progress_that_waited_is_written_in_the_end(recorded: Recorded, monkeypatch: pytest.MonkeyPatch) -> None:
    await recorded.put(progressed("0/3"))
    assert await recorded.put(progressed("1/3")) is not None
    monkeypatch.setattr(module, "PROGRESS_INTERVAL", 0.0)
    assert await recorded.put(progressed("1/3")) is None
    assert recorded.stored == "1/3"


async def test_what_matters_is_written_at_once(recorded: Recorded) -> None:
    await recorded.put(BEGUN)
    condition = ready("3 of 3")
    changes = [
        BEGUN.model_copy(update={"phase": Phase.TEARDOWN, "verdict": Verdict.PASSED}),
        BEGUN.model_copy(update={"phase": Phase.DONE, "verdict": Verdict.PASSED}),
        BEGUN.model_copy(update={"phase": Phase.DONE, "observed_generation": 2}),
        BEGUN.model_copy(update={"phase": Phase.DONE, "conditions": [condition]}),
    ]
    for number, status in enumerate(changes, start=2):
        assert await recorded.put(status) is None
        assert recorded.writes == number


async def test_a_stage_on_the_way_is_progress(recorded: Recorded) -> None:
    await recorded.put(BEGUN.model_copy(update={"phase": Phase.PROVISIONING}))
    healthy = ready("all healthy").model_copy(update={"type": "EnvironmentReady"})
    assert await recorded.put(BEGUN.model_copy(update={"conditions": [healthy]})) is not None
    assert recorded.writes == 1


async def test_a_condition_that_says_the_same_in_other_words_is_progress(recorded: Recorded) -> None:
    condition = ready("3 of 3")
    await recorded.put(BEGUN.model_copy(update={"conditions": [condition]}))
    assert await recorded.put(BEGUN.model_copy(update={"conditions": [ready("in other words")]})) is not None


async def test_what_is_urgent_is_written_at_once(recorded: Recorded) -> None:
    await recorded.put(progressed("0/3"))
    assert await recorded.put(progressed("1/3"), urgent=True) is None
    assert recorded.stored == "1/3"


async def test_an_unchanged_status_is_not_written(recorded: Recorded) -> None:
    await recorded.put(BEGUN)
    assert await recorded.put(BEGUN, urgent=True) is None
    assert recorded.writes == 1


async def test_the_store_knows_at_once_what_was_written(recorded: Recorded) -> None:
    await recorded.put(BEGUN)
    body = recorded.store.resource(KEY)
    assert body
    assert body["status"]["phase"] == "Running"
    assert (
        body["metadata"]["resourceVersion"]
        == recorded.world.server.all("testscenarios")[0]["metadata"]["resourceVersion"]
    )


async def test_a_resource_that_is_gone_is_no_error(recorded: Recorded) -> None:
    recorded.world.server.delete("testscenarios", "checkout", "shop")
    assert await recorded.put(BEGUN) is None


async def test_another_resource_of_the_same_name_is_left_alone(recorded: Recorded) -> None:
    recorded.world.server.delete("testscenarios", "checkout", "shop")
    recorded.world.server.put("testscenarios", {"metadata": {"name": "checkout"}}, "shop")
    assert await recorded.put(BEGUN) is None
    assert recorded.world.status() == {}


async def test_a_conflict_is_not_taken_for_another_resource(recorded: Recorded) -> None:
    recorded.world.server.faults = [Fault("PATCH", "/status", status=409, reason="Conflict")]
    with pytest.raises(Conflict):
        await recorded.put(BEGUN)
    assert await recorded.put(BEGUN) is None
    assert recorded.world.status()["phase"] == "Running"


@pytest.mark.parametrize(("status", "error"), [(500, ApiError), (0, Unreachable)])
async def test_a_write_that_failed_is_not_taken_for_done(
    recorded: Recorded, status: int, error: type[Exception]
) -> None:
    recorded.world.server.faults = [Fault("PATCH", "/status", status=status)]
    with pytest.raises(error):
        await recorded.put(BEGUN)
    assert recorded.record.status(KEY, recorded.uid, TestScenarioStatus) == TestScenarioStatus()
    assert await recorded.put(BEGUN) is None
    assert recorded.world.status()["phase"] == "Running"


async def test_another_uid_is_another_status(recorded: Recorded) -> None:
    await recorded.put(BEGUN)
    assert recorded.record.status(KEY, "other", TestScenarioStatus) == TestScenarioStatus()
    recorded.record.forget(KEY)
    recorded.record.forget(KEY)
    assert recorded.record.status(KEY, recorded.uid, lambda: BEGUN) == BEGUN
