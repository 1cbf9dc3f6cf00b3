"""A turn: observe, plan, act, write status once."""

import asyncio
import logging
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from seatrial.api import names
from seatrial.api.expansion import Instance, expanded
from seatrial.api.loadtest import LoadTestSpec
from seatrial.api.provenance import is_collected, is_environment, is_ours
from seatrial.api.redaction import Redaction
from seatrial.api.scenario import TestScenarioSpec
from seatrial.api.status import LoadTestStatus, Phase, TestScenarioStatus, TrialStatus
from seatrial.api.timestamp import moment
from seatrial.api.wait import WaitFor
from seatrial.build.origin import Origin
from seatrial.engine.activities import Activities, Known
from seatrial.engine.announce import Announcer
from seatrial.engine.attempts import held_back, sent_once, under_way
from seatrial.engine.chronicle import Chronicles
from seatrial.engine.dependencies import Dependencies
from seatrial.engine.finalizer import add_finalizer, remove_finalizer
from seatrial.engine.inputs import Inputs
from seatrial.engine.keeper import Keeper, redacted
from seatrial.engine.key import Key
from seatrial.engine.line import Line
from seatrial.engine.loop import Loop
from seatrial.engine.metrics import Metrics
from seatrial.engine.perform import OverQuota, Performer, Refused, Stage
from seatrial.engine.pod_refusals import PodRefusals
from seatrial.engine.record import Record
from seatrial.engine.removal import NotDeleted
from seatrial.engine.report import Reporter, Run
from seatrial.engine.resync import Resync
from seatrial.engine.session import Session
from seatrial.engine.settings import Settings
from seatrial.engine.sight import (
    attempt_of,
    see_deployment,
    see_job,
    see_namespace,
    see_object,
    see_pod,
    see_true_conditions,
)
from seatrial.engine.store import Store
from seatrial.engine.subjects import Subjects
from seatrial.engine.sweeper import Sweeper
from seatrial.kube.client import Client
from seatrial.kube.errors import Conflict, KubeError, NotFound
from seatrial.kube.resources import BESIDE, CONTROLLER_REVISIONS
from seatrial.plan.control import needs, queue_entry, wish
from seatrial.plan.decision import (
    Action,
    AddFinalizer,
    CopyInputs,
    CreateEnvironment,
    Decision,
    DeleteNamespace,
    DeleteReports,
    DeleteRest,
    RemoveFinalizer,
    StartJob,
    StartLoad,
    StartService,
    StopLoad,
    StopServices,
    StopWorkloads,
    WriteReport,
    earliest,
)
from seatrial.plan.decision import Activities as Wanted
from seatrial.plan.loadtest import STEP, plan_loadtest
from seatrial.plan.observed import Held, Observed
from seatrial.plan.scenario import Scenario, plan_scenario
from seatrial.plan.trial import Subject
from seatrial.probe.exchange import Exchanger
from seatrial.sandbox.pool import Pool
from seatrial.sandbox.processes import Processes

logger = logging.getLogger(__name__)

#: Seconds that requests under way are given to end when the operator is stopped; its pod is given 30 in all.
CLOSE_SECONDS = 12.0

#: Pauses before a write that a quota refused is tried again: the first, and the longest.
FIRST_QUOTA_RETRY, LONGEST_QUOTA_RETRY = timedelta(seconds=2), timedelta(seconds=60)

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
        self._sessions: dict[Key, Session] = {}
        self.store = Store()
        self._record = Record(client, self.store)
        self._pool = Pool(processes)
        self._subjects = Subjects(self.store, self._record, self._pool)
        self._announcer = Announcer(client)
        self._chronicles = Chronicles()
        self._inputs = Inputs(client, settings)
        self._reporter = Reporter(client, self._chronicles)
        self._performer = Performer(client, self.store, settings, self._pool, self._object_changed)
        self._keeper = Keeper(client)
        self._activities = Activities(client, self._exchanger, self._pool, settings.allowed_targets)
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
                while busy := self._loop.running().union(*(session.checks() for session in self._sessions.values())):
                    await asyncio.wait(busy)
        self._line.close()
        await self._loop.close()
        for session in self._sessions.values():
            session.stop()
        await self._pool.close()
        await self._exchanger.close()

    async def _turn(self, key: Key) -> datetime | None:
        body = self.store.resource(key)
        if body is None:
            self._forget(key)
            return None
        now = datetime.now(UTC)
        with self._metrics.turn(key.kind):
            if key.kind == "TestScenario":
                scenario = await self._subjects.scenario(key, body)
                look_at = await self._look_again(key, scenario)
                await self._recall(key, scenario)
                observed = self._observe(key, scenario.uid, scenario.status, _waited_for(scenario.running))
                observed = self._line_up(key, scenario, observed, now)
                wake_at = await self._carry_out(key, body, scenario, plan_scenario(scenario, observed, now))
            else:
                test = await self._subjects.load_test(key, body)
                look_at = await self._look_again(key, test)
                observed = self._line_up(key, test, self._observe(key, test.uid, test.status), now)
                wake_at = await self._carry_out(key, body, test, plan_loadtest(test, observed, now))
        return earliest([wake_at, look_at])

    async def _look_again(self, key: Key, subject: Subject[Spec, Status]) -> datetime | None:
        run = _run(subject.status)
        if run is None:
            return None
        session = self._session(key, run)
        resync_at = await self._resync.look(session, subject.uid, subject.status)
        return earliest([resync_at, await self._pod_refusals.look(session, subject.uid)])

    async def _recall(self, key: Key, scenario: Scenario) -> None:
        """Reads secret captures that an earlier life of this operator has kept, before anything is decided."""
        status = scenario.status
        if scenario.active and status.run and status.run.namespace:
            session = self._session(key, _run(status))
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

    def _observe(self, key: Key, uid: str, status: TrialStatus, waited_for: Collection[WaitFor] = ()) -> Observed:
        """Gathers what is known of the run under way; without one, of anything that an earlier one has left."""
        run = _run(status)
        namespaces = [
            see_namespace(body, uid)
            for kind in ("Namespace", CONTROLLER_REVISIONS.kind)
            for body in self.store.objects(uid, kind, run)
            if is_environment(body["metadata"])
        ]
        session = self._session(key, run)
        jobs = self._living(uid, "Job", run)
        return Observed(
            namespace=next(iter(namespaces), None),
            deployments={
                body["metadata"]["labels"].get(names.SERVICE, ""): see_deployment(body)
                for kind in ("Deployment", "StatefulSet")
                for body in self._living(uid, kind, run)
            },
            completions={
                body["metadata"]["labels"][names.SERVICE]: see_job(body) for body in jobs if _is_service(body)
            },
            jobs={_attempt(body): see_job(body, session.unstarted) for body in jobs if not _is_service(body)},
            pods=tuple(see_pod(body) for body in self.store.objects(uid, "Pod", run)),
            probes=session.probes,
            checking=session.checking(),
            conditions=session.conditions,
            outcomes=session.outcomes,
            loads={attempt: lines.seen() for attempt, lines in session.loads.items()},
            secrets=session.secrets,
            refusals=session.refusals,
            held=dict(session.held),
            tails=session.tails,
            files=session.files,
            report=session.report,
            baseline=session.baseline,
            refusal_reasons=session.refusal_reasons,
            objects=tuple(
                see_object(kind, body, key.namespace)
                for kind in ("Pod", *(resource.kind for resource in BESIDE))
                for body in self.store.objects(uid, kind, run)
                if is_ours(kind, body["metadata"]) and not is_collected(body["metadata"])
            ),
            undeleted=session.undeleted,
            true_conditions={
                (wanted.kind, wanted.name): see_true_conditions(body)
                for wanted in waited_for
                for body in self._living(uid, wanted.kind, run)
                if body["metadata"]["name"] == wanted.name
            },
        )

    def _living(self, uid: str, kind: str, run: str | None) -> list[Object]:
        """Objects whose deletion has not been asked for."""
        return [body for body in self.store.objects(uid, kind, run) if not body["metadata"].get("deletionTimestamp")]

    def _session(self, key: Key, run: str | None) -> Session:
        session = self._sessions.get(key)
        if session is None or session.run != (run or ""):
            if session is not None:
                session.stop()
            session = self._sessions[key] = Session(run or "", home=key.namespace)
        return session

    async def _carry_out(
        self, key: Key, body: Object, subject: Subject[Spec, Status], decision: Decision[Status]
    ) -> datetime | None:
        known = self._sessions.get(key)
        redaction = Redaction(known.secrets.values() if known else ())
        session = self._session(key, _run(decision.status))
        before, after = subject.status, redacted(decision.status, redaction)
        stage = _stage(key, subject, after, session)
        self._take_note(key, body, subject, after)
        if self._closing and isinstance(stage.spec, TestScenarioSpec):
            after = held_back(before, after, stage.spec)
        run = Run(key, body, session, stage, after)
        failure = await self._act(key, body, session, decision.actions, stage, run)
        again = await self._record.put(key, after, urgent=decision.urgent)
        self._announcer.transition(key, before, after)
        self._chronicles.moved(key, subject.uid, before, after)
        self._metrics.transition(key.kind, before, after)
        self._go_on(key, session, subject, decision, stage, after)
        if _told(before) != _told(after):
            self._dependencies.changed(key)
        said = [replace(one, message=redaction(one.message)) for one in decision.announcements]
        await self._announcer.announce(key, subject.uid, said)
        if failure is not None:
            raise failure
        if any(isinstance(action, RemoveFinalizer) for action in decision.actions):
            await self._let_go(key, body)
        later = datetime.now(UTC) + timedelta(seconds=again) if again is not None else None
        return earliest([decision.wake_at, later])

    async def _act(
        self, key: Key, body: Object, session: Session, actions: tuple[Action, ...], stage: Stage, run: Run
    ) -> KubeError | None:
        """Performs what was decided on.

        Returns:
            Why something could not be taken away. That is tried again, but the verdict must not wait for it.
        """
        failure: KubeError | None = None
        for action in actions:
            try:
                if isinstance(action, AddFinalizer):
                    self.store.written(key, await add_finalizer(self._client, key, body))
                elif isinstance(action, WriteReport | DeleteReports):
                    await self._reporter.perform(action, run)
                    self.wake(key)
                elif not isinstance(action, RemoveFinalizer):
                    await self._performer.perform(action, stage)
                session.held.pop(action.key, None)
                session.undeleted.pop(action.key, None)
            except Refused as refusal:
                if isinstance(refusal, OverQuota) and isinstance(action, StartService | StartJob | StartLoad):
                    session.held[action.key] = _held(action, str(refusal), session.held.get(action.key))
                    self.wake(key)
                    continue
                session.refuse(action.key, Redaction(session.secrets.values())(str(refusal)), refusal.reason)
                self.wake(key)
                if isinstance(action, CreateEnvironment | CopyInputs):
                    break  # what follows would go into a namespace that is unguarded, or not ours, or lacks its Secrets
            except KubeError as error:
                if not isinstance(action, StopLoad | StopServices | StopWorkloads | DeleteNamespace | DeleteRest):
                    raise
                if not isinstance(error, NotDeleted):
                    return error
                session.not_deleted(action.key, error.message)
                if error.transient:
                    return error
                failure = failure or error  # what is refused for good need not keep the rest
        return failure

    def _go_on(
        self,
        key: Key,
        session: Session,
        subject: Subject[Spec, Status],
        decision: Decision[Status],
        stage: Stage,
        status: TrialStatus,
    ) -> None:
        """Starts what should be going on and stops what should not."""
        activities = decision.activities
        attempts = under_way(stage.spec, status) if isinstance(stage.spec, TestScenarioSpec) else {}
        if self._closing:
            # What is on record as sent is sent; everything else the next operator starts.
            activities = Wanted(checks=activities.checks & sent_once(attempts))
        wanted = self._follow(key, session, subject, activities, stage, attempts, status)
        wanted |= self._read_out(key, session, subject, activities, stage)
        if activities.baseline:
            origin = stage.origin
            wanted.add(self._activities.baseline(session, origin, activities.baseline, lambda: self.wake(key)))
        if isinstance(stage.spec, TestScenarioSpec):
            wanted |= self._probe_and_check(key, session, activities, stage, stage.spec, attempts)
        if not self._closing:
            self._activities.keep_only(session, wanted)

    def _probe_and_check(
        self,
        key: Key,
        session: Session,
        activities: Wanted,
        stage: Stage,
        spec: TestScenarioSpec,
        attempts: Mapping[str, Instance],
    ) -> set[str]:
        services = {service.name: service for service in spec.environment.services}

        def wake(delay: float) -> None:
            self.wake(key, delay)

        for name in sorted(activities.probes):
            self._activities.probe(session, stage, services[name], wake)
        for name in sorted(activities.watches):
            self._activities.watch(session, stage, services[name], wake)
        if activities.conditions:
            instances = {instance.name: instance for instance in expanded(spec.steps)}
            for name in sorted(activities.conditions):
                self._activities.condition(session, stage, instances[name], wake)
        for attempt in sorted(activities.checks):
            self._activities.check(session, stage, attempt, attempts[attempt], services, wake)
        going_on = {
            "probe": activities.probes,
            "watch": activities.watches,
            "when": activities.conditions,
            "check": activities.checks,
        }
        return {f"{kind}/{name}" for kind, names in going_on.items() for name in names}

    def _follow(
        self,
        key: Key,
        session: Session,
        subject: Subject[Spec, Status],
        activities: Wanted,
        stage: Stage,
        attempts: Mapping[str, Instance],
        status: TrialStatus,
    ) -> set[str]:
        wanted: set[str] = set()

        def wake(delay: float) -> None:
            self.wake(key, delay)

        for attempt in sorted(activities.follows):
            load = stage.spec if isinstance(stage.spec, LoadTestSpec) else attempts[attempt].step.load
            if load is None:
                continue
            bodies = self.store.objects(subject.uid, "Pod", stage.origin.run)
            pods = tuple(pod for pod in map(see_pod, bodies) if pod.owner == attempt)
            wanted |= self._activities.follow(session, stage.namespace, attempt, load, pods, wake)
            if pods:
                wanted |= self._activities.observe(session, stage, attempt, _known(status, attempts, attempt), wake)
        return wanted

    def _read_out(
        self, key: Key, session: Session, subject: Subject[Spec, Status], activities: Wanted, stage: Stage
    ) -> set[str]:
        """Has what pods tell read while they are there."""

        def wake(delay: float) -> None:
            self.wake(key, delay)

        async def learn() -> None:
            spec = stage.spec
            if isinstance(spec, TestScenarioSpec) and spec.environment.secrets and not session.blotted:
                session.blotted |= await self._inputs.values(key.namespace, spec.environment)

        if not activities.tails and not activities.files:
            return set()
        pods = map(see_pod, self.store.objects(subject.uid, "Pod", stage.origin.run))
        by_name = {pod.name: pod for pod in pods}
        tails = [by_name[name] for name in sorted(activities.tails) if name in by_name]
        files = [by_name[name] for name in sorted(activities.files) if name in by_name]
        return {self._activities.tail(session, stage.namespace, pod, wake, learn) for pod in tails} | {
            self._activities.files(session, stage.namespace, pod, wake, learn) for pod in files
        }

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

    async def _let_go(self, key: Key, body: Object) -> None:
        current = self.store.resource(key) or body
        try:
            self.store.written(key, await remove_finalizer(self._client, key, current))
        except NotFound:
            return  # the watch will tell
        except Conflict as error:
            if error.status == 409:
                raise  # writers got into each other's way: nothing tells us to try again but this
            # Otherwise somebody has changed the finalizers meanwhile: the watch tells, and the next turn sees.

    def _swept(self, origin: Origin, kind: str, title: str) -> None:
        self._announcer.object_changed(origin, "swept", kind, title)
        self._metrics.orphan_deleted(kind)

    def _forget(self, key: Key) -> None:
        session = self._sessions.pop(key, None)
        if session is not None:
            session.stop()
        self._record.forget(key)
        self._subjects.forget(key)
        self._line.drop(key)
        self._dependencies.forget(key)
        self._chronicles.forget(key)


def _held(action: Action, message: str, before: Held | None) -> Held:
    """Notes a refusal by a quota; each further one is tried again after twice the time."""
    delay = FIRST_QUOTA_RETRY
    if before is not None:
        delay = min(before.delay * 2, LONGEST_QUOTA_RETRY)
    return Held(action, message, datetime.now(UTC) + delay, delay)


def _told(status: TrialStatus) -> tuple[object, ...]:
    """What those who wait for a verdict want to hear of."""
    return status.observed_generation, status.run.id if status.run else "", status.phase, status.verdict


def _known(status: TrialStatus, attempts: Mapping[str, Instance], attempt: str) -> Known:
    """What status says of a load already."""
    began: str | None = status.run.started_at if status.run else None
    result = status.result if isinstance(status, LoadTestStatus) else None
    if isinstance(status, TestScenarioStatus):
        step = next(one for one in status.steps if one.name == attempts[attempt].name)
        began, result = step.started_at, step.load
    return Known(moment(began) if began else datetime.now(UTC), result.resource_use if result else ())


def _run(status: TrialStatus) -> str | None:
    """Name of the run under way, its teardown included."""
    return status.run.id if status.run and status.active else None


def _attempt(job: Object) -> str:
    return attempt_of(job["metadata"]["labels"], STEP)


def _is_service(body: Object) -> bool:
    return names.SERVICE in body["metadata"]["labels"]


def _waited_for(spec: TestScenarioSpec | None) -> list[WaitFor]:
    return [step.wait.for_ for step in spec.steps if step.wait and step.wait.for_] if spec else []


def _stage(key: Key, subject: Subject[Spec, Status], status: TrialStatus, session: Session) -> Stage:
    """Where writes of the run go."""
    run = status.run.id if status.run else str(subject.generation)
    spec = subject.running if subject.active else subject.spec
    origin = Origin(key.kind, key.namespace, key.name, subject.uid, run)
    context: dict[str, Any] = {"run.id": run}
    if isinstance(status, TestScenarioStatus):
        for step in status.steps:
            context |= {f"captures.{name}": value for name, value in step.captures.items()}
    context |= {f"captures.{name}": value for name, value in session.secrets.items()}
    where = status.run.namespace if status.run and status.run.namespace else key.namespace
    return Stage(origin, where, spec, context, frozenset(session.secrets), frozenset(session.lost))
