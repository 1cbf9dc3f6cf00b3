"""What goes on between turns: probes, requests, and the reading of workers' output."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from typing import Any

from seatrial.api.captures import lost_message, used_captures
from seatrial.api.environment import Service
from seatrial.api.expansion import Instance
from seatrial.api.load import LoadSpec
from seatrial.api.outcome import Outcome
from seatrial.api.status import ResourceUse, StepState
from seatrial.build.origin import Origin
from seatrial.engine.addresses import Addresses
from seatrial.engine.baseline import read_baseline
from seatrial.engine.existing import ExistingServices
from seatrial.engine.follow import follow_worker
from seatrial.engine.handover import Handover, read_handover
from seatrial.engine.keeper import Keeper
from seatrial.engine.places import Places
from seatrial.engine.refusal import Refused
from seatrial.engine.sampling import sample
from seatrial.engine.session import Session, WorkerLines
from seatrial.engine.settings import AllowedTarget
from seatrial.engine.stage import Stage
from seatrial.engine.tails import read_tail
from seatrial.engine.target import TargetError, Targets
from seatrial.engine.use import Known, Use
from seatrial.kube.client import Client
from seatrial.kube.errors import ApiError, KubeError
from seatrial.plan.observed import FilesSeen, PodSeen, ProbeSeen, TailSeen
from seatrial.probe.check import run_check
from seatrial.probe.exchange import Exchanger
from seatrial.probe.readiness import keep_probing, keep_watching
from seatrial.sandbox.evaluator import Evaluator
from seatrial.sandbox.pool import Owner, Pool

logger = logging.getLogger(__name__)

#: Seconds within which a line of a worker leads to a turn; lines of many workers share one.
LINE_DELAY = 0.5

Wake = Callable[[float], None]
#: Learns the values that must not be shown.
Learn = Callable[[], Awaitable[None]]

_UNLEARNT = "the values of the environment's Secrets, which must not be shown, cannot be read"


class Activities:
    """Starts what should be going on for a run and stops what should not.

    Args:
        client: Looks up Services and reads logs.
        exchanger: Sends requests.
        pool: Evaluates what users wrote.
        allowed: Services of other namespaces that scenarios may use.
    """

    def __init__(self, client: Client, exchanger: Exchanger, pool: Pool, allowed: Sequence[AllowedTarget] = ()) -> None:
        self._client = client
        self._pool = pool
        self._existing = ExistingServices(Targets(client, allowed))
        self._addresses = Addresses(client, self._existing)
        self._exchanger = exchanger
        self._keeper = Keeper(client)
        self._places = Places(client, Targets(client, allowed))

    def keep_only(self, session: Session, wanted: set[str]) -> None:
        """Stops tasks that are not wanted any more, and forgets those that have ended and are not."""
        for name in set(session.tasks) - wanted:
            session.tasks.pop(name).cancel()

    def probe(self, session: Session, stage: Stage, service: Service, wake: Wake) -> None:
        """Keeps probing a service until it is ready."""

        def report(successes: int, failure: str) -> None:
            before = session.probes.get(service.name)
            session.probes[service.name] = ProbeSeen(successes, failure)
            if before is None or successes >= service.ready.success_threshold or before.failure != failure:
                wake(0.0)

        async def probing() -> None:
            if service.existing and not await self._existing.come_up(session, service, report):
                return
            address = await self._addresses.probed(session, stage.namespace, service)
            await keep_probing(self._exchanger, address, service.ready, self._evaluator(stage), report)

        self._start(session, f"probe/{service.name}", probing, wake)

    def watch(self, session: Session, stage: Stage, service: Service, wake: Wake) -> None:
        """Goes on probing a service that has been healthy; only what may change its state leads to a turn."""

        def report(successes: int, failures: int, failure: str) -> None:
            session.probes[service.name] = ProbeSeen(successes, failure, failures)
            if successes == service.ready.success_threshold or failures == service.ready.failure_threshold:
                wake(0.0)

        async def watching() -> None:
            address = await self._addresses.probed(session, stage.namespace, service)
            await keep_watching(self._exchanger, address, service.ready, self._evaluator(stage), report)

        self._start(session, f"watch/{service.name}", watching, wake)

    def condition(self, session: Session, stage: Stage, instance: Instance, wake: Wake) -> None:
        """Judges whether a step runs at all."""
        when = instance.step.when
        if when is None or instance.name in session.conditions:
            return

        async def judging() -> None:
            hidden = [str(stage.context[f"captures.{name}"]) for name in stage.secrets]
            context = stage.context | instance.variables
            session.conditions[instance.name] = await self._evaluator(stage).when(when, context, hidden)
            wake(0.0)

        self._start(session, f"when/{instance.name}", judging, wake)

    def check(
        self,
        session: Session,
        stage: Stage,
        attempt: str,
        instance: Instance,
        services: Mapping[str, Service],
        wake: Wake,
    ) -> None:
        """Runs one attempt at an HTTP step or an assertion; its outcome stays until the run ends.

        Args:
            session: The run.
            stage: Where it runs, and the values that it may use.
            attempt: Name of the attempt.
            instance: The step, with the values of its matrix.
            services: The environment's services, by name.
            wake: Leads to a turn.
        """
        if attempt in session.outcomes:
            return

        async def checking() -> None:
            outcome = await self._check(session, stage, instance, services)
            session.outcomes[attempt] = await self._keeper.kept(session, stage, instance.name, outcome)
            wake(0.0)

        self._start(session, f"check/{attempt}", checking, wake)

    async def _check(
        self, session: Session, stage: Stage, instance: Instance, services: Mapping[str, Service]
    ) -> Outcome:
        step, context = instance.step, stage.context | instance.variables
        if lost := used_captures(step) & stage.lost:
            return Outcome(StepState.ERROR, "SecretLost", lost_message(lost))
        asked = step.assert_.reads if step.assert_ else [step.http] if step.http else []
        addresses = []
        for request in asked:
            service = services[request.service]
            try:
                addresses.append(await self._addresses.requested(session, stage.namespace, service, request.port))
            except TargetError as error:
                return Outcome(StepState.ERROR, error.reason, str(error))
            except KubeError as error:
                message = f"Service {service.name} cannot be looked up: {error}"
                return Outcome(StepState.ERROR, "ServiceLost", message)
        return await run_check(
            self._exchanger,
            addresses,
            step,
            context,
            self._evaluator(stage),
            resolve=self._addresses.resolving(session, stage.namespace, services),
            secrets=stage.secrets,
        )

    def follow(
        self, session: Session, namespace: str, attempt: str, spec: LoadSpec, pods: tuple[PodSeen, ...], wake: Wake
    ) -> set[str]:
        """Follows the output of every worker whose container has started. Returns the names of the tasks."""
        lines = session.loads.setdefault(attempt, WorkerLines(spec))

        def changed(*, soon: bool) -> None:
            wake(0.0 if soon else LINE_DELAY)

        wanted = set()
        for pod in pods:
            started = pod.running or pod.exit_code is not None
            if not started or pod.index is None:
                continue
            wanted.add(f"log/{pod.name}")
            if pod.index in lines.unreadable or (pod.index in lines.lines and lines.lines[pod.index].last):
                continue

            async def following(pod: PodSeen = pod, index: int = pod.index) -> None:
                await follow_worker(self._client, namespace, pod.name, index, lines, changed)

            self._start(session, f"log/{pod.name}", following, wake)
        return wanted

    def observe(self, session: Session, stage: Stage, attempt: str, known: Known, wake: Wake) -> set[str]:
        """Samples what pods use while load goes on. Returns the name of the task, if there are any to be observed."""
        lines = session.loads[attempt]
        if not lines.observing:
            return set()
        for name in lines.observing:
            earlier = next((use for use in known.use if use.name == name), ResourceUse(name=name))
            lines.uses.setdefault(name, Use(name, known.begun, earlier))

        def changed() -> None:
            lines.looked()
            wake(LINE_DELAY)

        async def observing() -> None:
            places = await self._places.of(lines, stage)
            await sample(self._client, places, lines.uses, lambda: lines.measured, lines.ended, changed)
            lines.sampled = True
            lines.looked()
            wake(0.0)

        self._start(session, f"observe/{attempt}", observing, wake)
        return {f"observe/{attempt}"}

    def baseline(self, session: Session, origin: Origin, names: Sequence[str], done: Callable[[], None]) -> str:
        """Reads once the run that this one is compared with. Returns the name of the task."""

        async def reading() -> None:
            session.baseline = await read_baseline(self._client, origin.namespace, origin.uid, names)
            done()

        self._start(session, "baseline", reading, lambda _delay: done())
        return "baseline"

    def tail(self, session: Session, namespace: str, pod: PodSeen, wake: Wake, learn: Learn) -> str:
        """Reads the end of a container's log once, and what must not be seen in it. Returns the name of the task."""
        name = f"tail/{pod.name}/{pod.restarts}"

        async def reading() -> None:
            session.owners[pod.name] = pod.owner
            try:
                await learn()
                session.tails[pod.name] = await read_tail(self._client, namespace, pod, session.hidden)
            except (Refused, KubeError) as error:
                session.tails[pod.name] = TailSeen(unreadable=f"{_UNLEARNT}: {error}", restarts=pod.restarts)
            wake(0.0)

        self._start(session, name, reading, wake)
        return name

    def files(self, session: Session, namespace: str, pod: PodSeen, wake: Wake, learn: Learn) -> str:
        """Reads once what a Job's sidecar hands over. Returns the name of the task."""
        name = f"files/{pod.name}"

        async def reading() -> None:
            try:
                await learn()
                handover = await read_handover(self._client, namespace, pod.name, session.hidden)
            except (Refused, KubeError) as error:
                handover = Handover(FilesSeen(reason="JUnitUnreadable", message=f"{_UNLEARNT}: {error}"))
            session.parcels[pod.name], session.suites[pod.name] = handover.parcel, list(handover.suites)
            session.owners[pod.name] = pod.owner
            session.files[pod.name] = handover.seen
            wake(0.0)

        self._start(session, name, reading, wake)
        return name

    def _evaluator(self, stage: Stage) -> Evaluator:
        return Evaluator(self._pool, Owner(stage.origin.namespace, stage.origin.uid))

    def _start(self, session: Session, name: str, work: Callable[[], Coroutine[Any, Any, None]], wake: Wake) -> None:
        if name in session.tasks:
            return

        async def guarded() -> None:
            try:
                await work()
            except asyncio.CancelledError:
                raise
            except KubeError as error:
                logger.warning("%s: %s", name, error)
                session.tasks.pop(name, None)
                wake(max(1.0, (isinstance(error, ApiError) and error.retry_after) or 0.0))
            except Exception:
                logger.exception("%s: a bug in Seatrial", name)
                session.tasks.pop(name, None)
                wake(5.0)

        session.tasks[name] = asyncio.create_task(guarded(), name=name)
