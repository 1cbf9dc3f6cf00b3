"""What should be going on between two turns of a run, from a decision to the tasks of this process."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial

from seatrial.api.expansion import Instance, expanded
from seatrial.api.loadtest import LoadTestSpec
from seatrial.api.scenario import TestScenarioSpec
from seatrial.api.status import LoadTestStatus, TestScenarioStatus, TrialStatus
from seatrial.api.timestamp import moment
from seatrial.engine.activities import Activities
from seatrial.engine.attempts import sent_once, under_way
from seatrial.engine.inputs import Inputs
from seatrial.engine.key import Key
from seatrial.engine.report import Run
from seatrial.engine.sight import see_pod
from seatrial.engine.store import Store
from seatrial.engine.use import Known
from seatrial.plan.decision import Activities as Wanted
from seatrial.plan.observed import PodSeen


class Ongoing:
    """Starts what a decision wants to be going on, and stops the rest.

    Args:
        store: Has the pods of runs.
        activities: Starts and stops.
        inputs: Knows the values that must not be shown.
        wake: Has a resource take a turn, within some seconds.
    """

    def __init__(
        self, store: Store, activities: Activities, inputs: Inputs, wake: Callable[[Key, float], None]
    ) -> None:
        self._store = store
        self._activities = activities
        self._inputs = inputs
        self._wake = wake

    def go_on(self, run: Run, wanted: Wanted, *, closing: bool) -> None:
        """Starts what should be going on and stops what should not.

        Args:
            run: The run.
            wanted: What should be going on.
            closing: Whether the operator is about to stop.
        """
        spec = run.stage.spec
        attempts = under_way(spec, run.status) if isinstance(spec, TestScenarioSpec) else {}
        if closing:
            # What is on record as sent is sent; everything else the next operator starts.
            wanted = Wanted(checks=wanted.checks & sent_once(attempts))
        going_on = self._follow(run, wanted, attempts) | self._read_out(run, wanted)
        if wanted.baseline:
            wake = partial(self._wake, run.key, 0.0)
            going_on.add(self._activities.baseline(run.session, run.stage.origin, wanted.baseline, wake))
        if isinstance(spec, TestScenarioSpec):
            going_on |= self._probe_and_check(run, wanted, spec, attempts)
        if not closing:
            self._activities.keep_only(run.session, going_on)

    def _probe_and_check(
        self, run: Run, wanted: Wanted, spec: TestScenarioSpec, attempts: Mapping[str, Instance]
    ) -> set[str]:
        session, stage, wake = run.session, run.stage, partial(self._wake, run.key)
        services = {service.name: service for service in spec.environment.services}
        for name in sorted(wanted.probes):
            self._activities.probe(session, stage, services[name], wake)
        for name in sorted(wanted.watches):
            self._activities.watch(session, stage, services[name], wake)
        if wanted.conditions:
            instances = {instance.name: instance for instance in expanded(spec.steps)}
            for name in sorted(wanted.conditions):
                self._activities.condition(session, stage, instances[name], wake)
        for attempt in sorted(wanted.checks):
            self._activities.check(session, stage, attempt, attempts[attempt], services, wake)
        by_kind = {
            "probe": wanted.probes,
            "watch": wanted.watches,
            "when": wanted.conditions,
            "check": wanted.checks,
        }
        return {f"{kind}/{name}" for kind, names in by_kind.items() for name in names}

    def _follow(self, run: Run, wanted: Wanted, attempts: Mapping[str, Instance]) -> set[str]:
        """Has the output of load workers followed."""
        session, stage, going_on = run.session, run.stage, set[str]()
        for attempt in sorted(wanted.follows):
            load = stage.spec if isinstance(stage.spec, LoadTestSpec) else attempts[attempt].step.load
            if load is not None:
                pods = tuple(pod for pod in self._pods(run) if pod.owner == attempt)
                wake = partial(self._wake, run.key)
                going_on |= self._activities.follow(session, stage.namespace, attempt, load, pods, wake)
                if pods:
                    known = _known(run.status, attempts, attempt)
                    going_on |= self._activities.observe(session, stage, attempt, known, wake)
        return going_on

    def _read_out(self, run: Run, wanted: Wanted) -> set[str]:
        """Has what pods tell read while they are there."""
        session, stage, wake = run.session, run.stage, partial(self._wake, run.key)

        async def learn() -> None:
            spec = stage.spec
            if isinstance(spec, TestScenarioSpec) and spec.environment.secrets and not session.blotted:
                session.blotted |= await self._inputs.values(run.key.namespace, spec.environment)

        if not wanted.tails and not wanted.files:
            return set()
        by_name = {pod.name: pod for pod in self._pods(run)}
        tails = [by_name[name] for name in sorted(wanted.tails) if name in by_name]
        files = [by_name[name] for name in sorted(wanted.files) if name in by_name]
        return {self._activities.tail(session, stage.namespace, pod, wake, learn) for pod in tails} | {
            self._activities.files(session, stage.namespace, pod, wake, learn) for pod in files
        }

    def _pods(self, run: Run) -> list[PodSeen]:
        origin = run.stage.origin
        return [see_pod(body) for body in self._store.objects(origin.uid, "Pod", origin.run)]


def _known(status: TrialStatus, attempts: Mapping[str, Instance], attempt: str) -> Known:
    """What status says of a load already."""
    began: str | None = status.run.started_at if status.run else None
    result = status.result if isinstance(status, LoadTestStatus) else None
    if isinstance(status, TestScenarioStatus):
        step = next(one for one in status.steps if one.name == attempts[attempt].name)
        began, result = step.started_at, step.load
    return Known(moment(began) if began else datetime.now(UTC), result.resource_use if result else ())
