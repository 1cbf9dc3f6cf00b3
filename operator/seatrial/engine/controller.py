"""A turn: observe, plan, act, write status once."""

import asyncio
import logging
from collections.abc import Collection
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from seatrial.api.loadtest import LoadTestSpec
from seatrial.api.redaction import Redaction
from seatrial.api.scenario import TestScenarioSpec
from seatrial.api.status import Phase, TrialStatus
from seatrial.api.wait import WaitFor
from seatrial.build.origin import Origin
from seatrial.engine.activities import Activities
from seatrial.engine.announce import Announcer
from seatrial.engine.attempts import held_back
from seatrial.engine.chronicle import Chronicles
from seatrial.engine.dependencies import Dependencies
from seatrial.engine.execution import Execution
from seatrial.engine.inputs import Inputs
from seatrial.engine.keeper import Keeper, redacted
from seatrial.engine.key import Key
from seatrial.engine.line import Line
from seatrial.engine.loop import Loop
from seatrial.engine.metrics import Metrics
from seatrial.engine.observation import Observation, waited_for
from seatrial.engine.ongoing import Ongoing
from seatrial.engine.perform import Performer
from seatrial.engine.pod_refusals import PodRefusals
from seatrial.engine.record import Record
from seatrial.engine.report import Reporter, Run
from seatrial.engine.resting import resting
from seatrial.engine.resync import Resync
from seatrial.engine.sessions import Sessions
from seatrial.engine.settings import Settings
from seatrial.engine.stage import run_under_way, stage_of
from seatrial.engine.store import Store
from seatrial.engine.subjects import Subjects
from seatrial.engine.sweeper import Sweeper
from seatrial.kube.client import Client
from seatrial.kube.errors import NotFound
from seatrial.kube.resources import BY_KIND
from seatrial.plan.control import needs, queue_entry, wish
from seatrial.plan.decision import (
    Decision,
    RemoveFinalizer,
    earliest,
)
from seatrial.plan.loadtest import plan_loadtest
from seatrial.plan.observed import Observed
from seatrial.plan.scenario import plan_scenario
from seatrial.plan.trial import Scenario, Subject
from seatrial.probe.exchange import Exchanger
from seatrial.sandbox.pool import Pool
from seatrial.sandbox.processes import Processes

logger = logging.getLogger(__name__)

#: Seconds that requests under way are given to end when the operator is stopped; its pod is given 30 in all.
CLOSE_SECONDS = 12.0

Object = dict[str, Any]
Spec = TypeVar("Spec", bound=TestScenarioSpec | LoadTestSpec)
Status = TypeVar("Status", bound=TrialStatus)


class Controller:
    """Turns the world into what resources ask for. Watches feed it through :meth:`wake`; it watches nothing itself.

    Args:
        client: Talks to the API server.
        settings: The operator's settings.
        metrics: Counts what happens.
        processes: Starts processes that expressions are evaluated in; None for some of its own.
    """

    def __init__(
        self, client: Client, settings: Settings, metrics: Metrics, processes: Processes | None = None
    ) -> None:
        self._client = client
        self._exchanger = Exchanger()
        self._metrics = metrics
        self._sessions = Sessions()
        self.store = Store()
        self._record = Record(client, self.store)
        self._pool = Pool(processes)
        self._subjects = Subjects(self.store, self._record, self._pool)
        self._announcer = Announcer(client)
        self._chronicles = Chronicles()
        self._performer = Performer(client, self.store, settings, self._pool, self._object_changed)
        reporter = Reporter(client, self._chronicles)
        self._execution = Execution(client, self.store, self._performer, reporter, self.wake)
        self._keeper = Keeper(client)
        activities = Activities(client, self._exchanger, self._pool, settings.allowed_targets)
        self._ongoing = Ongoing(self.store, activities, Inputs(client, settings), self.wake)
        self._observation = Observation(self.store)
        self._resync = Resync(client, self.store)
        self._pod_refusals = PodRefusals(client, self.store)
        self.sweeper = Sweeper(client, self.store, settings.sweep_after, self._swept)
        metrics.watch_orphans(self.sweeper.waiting)
        self._loop = Loop(self._turn)
        self._line = Line(self.store, settings.limits, self.wake)
        self._dependencies = Dependencies(self.store, self.wake)
        metrics.count_runs(lambda: self._line.sizes)
        self._closing = False

    async def start(self) -> None:
        """Prepares what the first turn would have to wait for."""
        await self._pool.start()

    def wake(self, key: Key, delay: float = 0.0) -> None:
        """Has a resource take a turn."""
        self._loop.wake(key, delay)

    async def close(self) -> None:
        """Lets requests and turns under way end, and hands everything else over to the next operator."""
        self._closing = True
        self.sweeper.close()
        with suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_SECONDS):
                # A turn under way may still start a request, and the outcome of a request wakes a turn to store it.
                while busy := self._loop.running() | self._sessions.checks():
                    await asyncio.wait(busy)
        self._line.close()
        await self._loop.close()
        self._sessions.stop()
        await self._pool.close()
        await self._exchanger.close()

    async def _turn(self, key: Key) -> datetime | None:
        body = self.store.resource(key)
        if body is None:
            self._forget(key)
            return None
        if resting(body):
            if not self.store.has_objects(body["metadata"]["uid"]):
                self._rest(key)
                return None
            # Something is there that was made for it after all. What is kept of a resource that rests says too little.
            try:
                body = await self._client.get(BY_KIND[key.kind], key.name, key.namespace)
            except NotFound:
                return None  # its end is on the way to us, and takes a turn of its own
        now = datetime.now(UTC)
        with self._metrics.turn(key.kind):
            if key.kind == "TestScenario":
                scenario = await self._subjects.scenario(key, body)
                look_at = await self._look_again(key, scenario)
                await self._recall(key, scenario)
                observed = self._observe(key, scenario, waited_for(scenario.running))
                observed = self._line_up(key, scenario, observed, now)
                wake_at = await self._carry_out(key, body, scenario, plan_scenario(scenario, observed, now))
            else:
                test = await self._subjects.load_test(key, body)
                look_at = await self._look_again(key, test)
                observed = self._line_up(key, test, self._observe(key, test), now)
                wake_at = await self._carry_out(key, body, test, plan_loadtest(test, observed, now))
        return earliest([wake_at, look_at])

    def _observe(self, key: Key, subject: Subject[Spec, Status], waited_for: Collection[WaitFor] = ()) -> Observed:
        run = run_under_way(subject.status)
        return self._observation.observe(key, subject.uid, self._sessions.of(key, run), run, waited_for)

    async def _look_again(self, key: Key, subject: Subject[Spec, Status]) -> datetime | None:
        run = run_under_way(subject.status)
        if run is None:
            return None
        session = self._sessions.of(key, run)
        resync_at = await self._resync.look(session, subject.uid, subject.status)
        return earliest([resync_at, await self._pod_refusals.look(session, subject.uid)])

    async def _recall(self, key: Key, scenario: Scenario) -> None:
        """Reads secret captures that an earlier life of this operator has kept, before anything is decided."""
        status = scenario.status
        if scenario.active and status.run and status.run.namespace:
            session = self._sessions.of(key, run_under_way(status))
            await self._keeper.recall(session, scenario.running, status, status.run.namespace, scenario.uid)

    def _line_up(self, key: Key, subject: Subject[Spec, Status], observed: Observed, now: datetime) -> Observed:
        """Adds what others have to do with whether a run may begin."""
        if key.kind == "TestScenario":
            asked = wish(subject, observed, now).run is not None
            needed = [need.scenario for need in needs(subject.spec)] if asked else []
            scenarios, cycle = self._dependencies.look(key, needed)
            observed = replace(observed, scenarios=scenarios, cycle=cycle)
        place = self._line.place(key, queue_entry(str(key), subject, observed, now))
        return replace(observed, place=place)

    async def _carry_out(
        self, key: Key, body: Object, subject: Subject[Spec, Status], decision: Decision[Status]
    ) -> datetime | None:
        known = self._sessions.known(key)
        redaction = Redaction(known.secrets.values() if known else ())
        session = self._sessions.of(key, run_under_way(decision.status))
        before, after = subject.status, redacted(decision.status, redaction)
        stage = stage_of(key, subject, after, session)
        self._take_note(key, body, subject, after)
        if self._closing and isinstance(stage.spec, TestScenarioSpec):
            after = held_back(before, after, stage.spec)
        run = Run(key, body, session, stage, after)
        failure = await self._execution.act(decision.actions, run)
        again = await self._record.put(key, after, urgent=decision.urgent)
        self._announcer.transition(key, before, after)
        self._chronicles.moved(key, subject.uid, before, after)
        self._metrics.transition(key.kind, before, after)
        self._ongoing.go_on(run, decision.activities, closing=self._closing)
        if _told(before) != _told(after):
            self._dependencies.changed(key)
        said = [replace(one, message=redaction(one.message)) for one in decision.announcements]
        await self._announcer.announce(key, subject.uid, said)
        if failure is not None:
            raise failure
        if any(isinstance(action, RemoveFinalizer) for action in decision.actions):
            await self._execution.let_go(key, body)
        later = datetime.now(UTC) + timedelta(seconds=again) if again is not None else None
        return earliest([decision.wake_at, later])

    def _take_note(self, key: Key, body: Object, subject: Subject[Spec, Status], after: TrialStatus) -> None:
        """Opens the audit record of a run that begins, or that an earlier operator has begun."""
        before, run = subject.status, after.run
        if run is None or after.phase is Phase.DONE:
            return
        if before.run is None or before.run.id != run.id:
            self._chronicles.begun(key, subject.uid, run.id, body)
            return
        kinds = ("Namespace", "Deployment", "StatefulSet", "Job")
        made = ((kind, found) for kind in kinds for found in self.store.objects(subject.uid, kind, run.id))
        self._chronicles.resume(key, subject.uid, before, made)

    def _object_changed(self, origin: Origin, verb: str, kind: str, name: str) -> None:
        self._announcer.object_changed(origin, verb, kind, name)
        self._chronicles.object_changed(origin, verb, kind, name)

    def _swept(self, origin: Origin, kind: str, title: str) -> None:
        self._announcer.object_changed(origin, "swept", kind, title)
        self._metrics.orphan_deleted(kind)

    def _rest(self, key: Key) -> None:
        self._sessions.forget(key)
        self._record.forget(key)
        self._subjects.forget(key)
        self._line.drop(key)
        self._dependencies.forget(key)
        self._chronicles.forget(key)

    def _forget(self, key: Key) -> None:
        self._rest(key)
        self._dependencies.changed(key)


def _told(status: TrialStatus) -> tuple[object, ...]:
    """What those who wait for a verdict want to hear of."""
    return status.observed_generation, status.run.id if status.run else "", status.phase, status.verdict
