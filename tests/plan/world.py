"""A world to try plans in: what they decide takes effect after a while, or fails, or is undone by somebody else.

Nothing in it knows how plans decide. What becomes of each thing follows from the seed and the thing's name alone, so
that the same world can be played again with crashes of the operator in it. The world keeps its own record of what
really happened, which is what verdicts are held against.
"""

import heapq
import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from random import Random
from typing import Any

from seatrial.api import names
from seatrial.api.environment import DependencyCondition
from seatrial.api.expansion import Instance, expanded
from seatrial.api.loadtest import LoadTestSpec
from seatrial.api.outcome import Outcome
from seatrial.api.scenario import TestScenarioSpec
from seatrial.api.status import (
    LatencySummary,
    LoadResult,
    LoadTestStatus,
    ReportStatus,
    StepState,
    TestScenarioStatus,
    TrialStatus,
    Verdict,
)
from seatrial.api.step import NeedResult
from seatrial.api.timestamp import moment
from seatrial.plan.decision import (
    Action,
    AddFinalizer,
    BeginLoad,
    CopyInputs,
    CreateEnvironment,
    Decision,
    DeleteNamespace,
    RemoveFinalizer,
    StartJob,
    StartLoad,
    StartService,
    StopAttempt,
    StopServices,
    StopWorkloads,
    WriteReport,
)
from seatrial.plan.loadtest import STEP, plan_loadtest
from seatrial.plan.observed import (
    DeploymentSeen,
    JobSeen,
    LoadSeen,
    NamespaceSeen,
    Observed,
    PodSeen,
    ProbeSeen,
    ReportSeen,
    TailSeen,
)
from seatrial.plan.scenario import plan_scenario
from seatrial.plan.trial import Subject
from tests.plan.situations import judged

Spec = TestScenarioSpec | LoadTestSpec

START = datetime(2026, 1, 1, tzinfo=UTC)
UID = "6b3c1f0e-0000-4000-8000-000000000001"
#: Far more turns than any run needs that does not turn in circles.
TURNS = 3000
#: Turns that one instant may need: a run ends, lets go and another begins.
TURNS_AT_ONCE = 12


class Crash(Exception):
    """The operator is killed."""


@dataclass
class Namespace:
    """A namespace of a run, with what is in it."""

    seen: NamespaceSeen
    run: str


@dataclass
class Memory:
    """What the operator's process knows; a crash takes it."""

    run: str = ""
    status: TrialStatus | None = None
    probes: dict[str, ProbeSeen] = field(default_factory=dict)
    judging: set[str] = field(default_factory=set)
    conditions: dict[str, Outcome | None] = field(default_factory=dict)
    checking: set[str] = field(default_factory=set)
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    following: set[str] = field(default_factory=set)
    loads: dict[str, LoadSeen] = field(default_factory=dict)
    refusals: dict[str, str] = field(default_factory=dict)
    tails: dict[str, TailSeen] = field(default_factory=dict)
    reading: set[str] = field(default_factory=set)
    report: ReportSeen = field(default_factory=ReportSeen)
    specs: dict[int, Spec] = field(default_factory=dict)


@dataclass
class Truth:
    """What really happened, by run and name.

    Attributes:
        healthy: Services that were ready and answered their probe.
        running: Services whose pods all ran.
        completed: Services that truly ended with exit code 0.
        evidence: Attempts that truly succeeded.
        sent: How often each request was sent, by attempt.
        interrupted: Whether a request that may not be sent twice was cut off by a crash.
        verdicts: Stored verdicts, by run.
    """

    healthy: set[tuple[str, str]] = field(default_factory=set)
    running: set[tuple[str, str]] = field(default_factory=set)
    completed: set[tuple[str, str]] = field(default_factory=set)
    evidence: set[tuple[str, str]] = field(default_factory=set)
    sent: dict[tuple[str, str], int] = field(default_factory=dict)
    interrupted: bool = False
    verdicts: dict[str, tuple[Verdict, str]] = field(default_factory=dict)


class World:
    """One resource, the cluster around it, and an operator that may be killed.

    Args:
        spec: Spec of the resource.
        seed: Decides what becomes of everything.
        crashes: Numbers of the writes, and of the turns, after which the operator is killed.
        lossy: Whether status writes that tell of nothing but progress are never made.
        calm: Whether everything that is started comes to a good or bad end of its own, in good time.
    """

    def __init__(
        self, spec: Spec, seed: int, *, crashes: frozenset[int] = frozenset(), lossy: bool = False, calm: bool = False
    ) -> None:
        self.seed, self.crashes, self.lossy, self.calm = seed, crashes, lossy, calm
        self.now = START
        self.generation = 1
        self.specs: dict[int, Spec | None] = {1: spec}
        self.exists, self.deleting, self.finalizer = True, False, False
        self.stored: dict[str, Any] = {}
        self.memory = Memory()
        self.truth = Truth()
        self.namespaces: dict[str, Namespace] = {}
        self.deployments: dict[tuple[str, str], DeploymentSeen] = {}
        self.completions: dict[tuple[str, str], JobSeen] = {}
        self.jobs: dict[tuple[str, str], JobSeen] = {}
        self.pods: dict[tuple[str, str], PodSeen] = {}
        self.copied: set[str] = set()
        self.logs: dict[tuple[str, str], LoadSeen] = {}
        self.moments: dict[tuple[str, str], str] = {}
        self.kinds: dict[tuple[str, str], str] = {}
        self.writes = self.turns = self.restarts = 0
        self.wake_at: datetime | None = None
        self.back_at = START
        self._events: list[tuple[datetime, int, Callable[[], None]]] = []
        self._count = 0

    # What the world does

    def later(self, seconds: float, event: Callable[[], None]) -> None:
        """Has something happen after a while."""
        self._count += 1
        heapq.heappush(self._events, (self.now + timedelta(seconds=seconds), self._count, event))

    def play(self) -> None:
        """Lets time pass until nothing happens any more."""
        self._settle()
        while self.exists and (self._events or self.wake_at):
            due = min([at for at in (self.wake_at, self._events[0][0] if self._events else None) if at is not None])
            self.now = max(self.now, due)
            if self.wake_at is not None and self.wake_at <= self.now:
                self.wake_at = None
            while self._events and self._events[0][0] <= self.now:
                heapq.heappop(self._events)[2]()
            self._settle()

    def delete(self) -> None:
        """The user deletes the resource, which also counts as a change of it."""
        if self.deleting or not self.exists:
            return
        self.deleting = True
        self.specs[self.generation + 1] = self.specs[self.generation]
        self.generation += 1
        if not self.finalizer:
            self.exists = False

    def edit(self, spec: Spec | None) -> None:
        """The user changes the spec; None stands for one that is invalid."""
        if self.exists and not self.deleting:
            self.generation += 1
            self.specs[self.generation] = spec

    def steer(self, **fields: Any) -> None:
        """The user changes what only steers."""
        spec = self.specs[self.generation]
        if spec is not None:
            self.edit(spec.model_copy(update=fields))

    def spec_of(self, run: str) -> Spec:
        """The spec that a run is of, whose name begins with its generation."""
        spec = self.specs[int(run.partition("-")[0])]
        assert spec is not None
        return spec

    def kill(self, away: float = 0) -> None:
        """The operator is killed, and started again some seconds later."""
        self.memory = Memory()
        self.wake_at = None
        self.restarts += 1
        self.back_at = max(self.back_at, self.now + timedelta(seconds=away))
        self.later(away, lambda: None)

    def take_namespace(self) -> None:
        """Somebody else deletes the environments."""
        for name in list(self.namespaces):
            self._terminate(name)

    def fate(self, *parts: str) -> Random:
        """Decides what becomes of a thing, the same way each time."""
        return Random("/".join((str(self.seed), *parts)))  # noqa: S311 - nothing is secret here

    # The operator's turn

    def _settle(self) -> None:
        """Takes turns until one changes nothing; what is still to come has then to come by itself."""
        for _ in range(TURNS_AT_ONCE):
            if not self.exists or self.now < self.back_at:
                return
            try:
                if not self._turn():
                    return
            except Crash:
                self.kill(away=self.fate("away", str(self.writes)).choice([0, 0.5, 5, 30]))
        raise AssertionError(f"the plan does not settle: {self.stored}")

    def _turn(self) -> bool:
        self.turns += 1
        assert self.turns < TURNS, "the run does not end"
        decision = self._plan()
        before, after = self._status(), decision.status
        assert decision.wake_at is None or decision.wake_at > self.now, "a hot loop"
        if before != after:
            assert type(after).model_validate(json.loads(json.dumps(after.to_kubernetes()))) == after
        self._check(after, decision)
        run = after.run.id if after.run and after.active else ""
        if run != self.memory.run:
            status, specs = self.memory.status, self.memory.specs
            self.memory = Memory(run=run, status=status, specs=specs)
        for action in decision.actions:
            if not isinstance(action, RemoveFinalizer):
                self._perform(action, after)
                self._written()
                if isinstance(action, CopyInputs) and action.key in self.memory.refusals:
                    break
        self._record(before, after, urgent=decision.urgent)
        self.memory.status = after
        self._go_on(run, decision)
        if any(isinstance(action, RemoveFinalizer) for action in decision.actions):
            self._let_go()
        self.wake_at = decision.wake_at
        if self.turns in self.crashes:
            raise Crash
        return bool(decision.actions) or before != after

    def _plan(self) -> Decision[Any]:
        status, observed = self._status(), self._observe()
        kind = LoadTestStatus if self._is_load else TestScenarioStatus
        assert isinstance(status, kind)
        subject: Subject[Any, Any] = Subject(
            name="checkout",
            namespace="shop",
            uid=UID,
            generation=self.generation,
            deleting=self.deleting,
            finalizer=self.finalizer,
            spec=self._spec(self.generation),
            invalid="" if self.specs[self.generation] else "spec.steps[0].needs[0].step: 'x': no such step",
            running=self._running(status),
            status=status,
        )
        decide: Any = plan_loadtest if self._is_load else plan_scenario
        decision: Decision[Any] = decide(subject, observed, self.now)
        assert decision == decide(subject, observed, self.now), "the plan is not pure"
        return decision

    @property
    def _is_load(self) -> bool:
        return isinstance(self.specs[1], LoadTestSpec)

    def _spec(self, generation: int) -> Spec | None:
        spec = self.specs[generation]
        if spec is not None:
            self.memory.specs[generation] = spec
        return spec

    def _running(self, status: TrialStatus) -> Spec | None:
        """The spec of the run under way: in memory, or kept on the namespace or the Job."""
        newest = self._spec(self.generation)
        if status.run is None or status.run.generation == self.generation:
            return newest
        if newest is not None and newest.spec_hash == status.run.spec_hash:
            return newest
        generation, run = status.run.generation, status.run.id
        kept = any(namespace.run == run for namespace in self.namespaces.values())
        kept = kept or (self._is_load and any(key[0] == run for key in self.jobs))
        return self.specs[generation] if kept else self.memory.specs.get(generation)

    def _status(self) -> Any:
        if self.memory.status is not None:
            return self.memory.status
        return (LoadTestStatus if self._is_load else TestScenarioStatus).model_validate(self.stored)

    def _observe(self) -> Observed:
        status = self._status()
        run = status.run.id if status.run and status.active else None
        spaces = [space.seen for space in self.namespaces.values() if run in (None, space.run)]
        return Observed(
            namespace=spaces[0] if spaces else None,
            deployments={key[1]: seen for key, seen in self.deployments.items() if run in (None, key[0])},
            completions={key[1]: seen for key, seen in self.completions.items() if run in (None, key[0])},
            jobs={key[1]: seen for key, seen in self.jobs.items() if run in (None, key[0])},
            pods=tuple(seen for key, seen in self.pods.items() if run in (None, key[0])),
            probes=dict(self.memory.probes),
            conditions=dict(self.memory.conditions),
            checking=frozenset(self.memory.checking),
            outcomes=dict(self.memory.outcomes),
            loads=dict(self.memory.loads),
            refusals=dict(self.memory.refusals),
            tails=dict(self.memory.tails),
            report=self.memory.report,
            true_conditions={
                ("Deployment", key[1]): frozenset(["Available"] if seen.ready else [])
                for key, seen in self.deployments.items()
                if run in (None, key[0])
            },
        )

    def _record(self, before: TrialStatus, after: TrialStatus, *, urgent: bool) -> None:
        if before == after:
            return
        matters = (before.phase, before.verdict, before.observed_generation) != (
            after.phase,
            after.verdict,
            after.observed_generation,
        ) or [(c.type, c.status, c.reason) for c in before.conditions] != [
            (c.type, c.status, c.reason) for c in after.conditions
        ]
        if self.lossy and not urgent and not matters:
            return
        self.stored = json.loads(json.dumps(after.to_kubernetes()))
        if after.run and after.verdict:
            known = self.truth.verdicts.setdefault(after.run.id, (after.verdict, after.reason))
            assert known == (after.verdict, after.reason), "a verdict changed"
        self._written()

    def _written(self) -> None:
        self.writes += 1
        if self.writes in self.crashes:
            raise Crash

    def _let_go(self) -> None:
        ours = [space for space in self.namespaces.values() if space.seen.ours]
        assert not ours, "the finalizer is off while something is left"
        assert not self.jobs, "the finalizer is off while Jobs are left"
        assert not self.completions, "the finalizer is off while Jobs are left"
        self.finalizer = False
        if self.deleting:
            self.exists = False

    # What actions do

    def _perform(self, action: Action, status: Any) -> None:
        run = status.run.id if status.run else ""
        if not isinstance(action, AddFinalizer):
            assert self.finalizer, f"{action} without a finalizer"
        kept = StopAttempt | StopServices | StopWorkloads | DeleteNamespace | WriteReport
        if not isinstance(action, AddFinalizer | kept) and self._refused(run, action):
            return
        match action:
            case AddFinalizer():
                spec = self.specs[self.generation]
                assert not self.deleting
                assert spec is not None
                assert not spec.suspend, "a run begins while it is suspended"
                assert not spec.stop, "a run begins while it is stopped"
                self.finalizer = True
            case CreateEnvironment():
                name = status.run.namespace
                seen = NamespaceSeen(name=name, uid=f"uid-{name}", ours=True)
                self.namespaces.setdefault(name, Namespace(seen, run))
            case WriteReport(final=final):
                self._write_report(run, final=final)
            case StartService(service=name):
                self._start_service(run, name)
            case StartJob() | StartLoad() | StopAttempt() | BeginLoad():
                self._perform_attempt(run, action)
            case CopyInputs():
                self.copied.add(run)
            case StopServices(services=services):
                self._stop_services(run, services)
            case StopWorkloads():
                self._stop()
            case DeleteNamespace(uid=uid):
                doomed = [name for name, space in self.namespaces.items() if space.seen.uid == uid]
                assert doomed, "a namespace that is not there is deleted"
                assert self.namespaces[doomed[0]].seen.ours
                self._terminate(doomed[0])

    def _perform_attempt(self, run: str, action: StartJob | StartLoad | StopAttempt | BeginLoad) -> None:
        if isinstance(action, BeginLoad):
            self._begin_load(run, action.step, action.pods, action.at)
            return
        attempt = names.attempt(action.step, action.attempt)
        if isinstance(action, StopAttempt):
            self._stop_attempt(run, attempt)
            return
        self._alone(run, action.step, action.attempt)
        (self._start_job if isinstance(action, StartJob) else self._start_load)(run, attempt)

    def _refused(self, run: str, action: Action) -> bool:
        refused = self.fate("refused", run, action.key).random() < 0.02
        missing = not self._is_load and not isinstance(action, CreateEnvironment) and not self._alive(run)
        if refused or missing:
            self.memory.refusals[action.key] = "the quota is used up"
        return refused or missing

    def _write_report(self, run: str, *, final: bool) -> None:
        assert run in self.truth.verdicts, "a report without a verdict on record"
        assert not final or not any(space.seen.ours and space.run == run for space in self.namespaces.values()), (
            "final too early"
        )
        if self.fate("report", run).random() < 0.05:
            self.memory.report = ReportSeen(given_up="configmaps is forbidden")
            return
        self.memory.report = ReportSeen(ReportStatus(run=run, config_maps=[f"report-{run}"]), final=final)

    def _read_tails(self, run: str, wanted: frozenset[str]) -> None:
        """Reads logs: at once, after a while, or not within the time there is."""
        for pod in wanted - self.memory.reading:
            fate = self.fate("tail", run, pod)
            self.memory.reading.add(pod)
            memory, seconds = self.memory, 5.0 if fate.random() < 0.2 else fate.uniform(0.01, 1)

            def told(pod: str = pod, memory: Memory = memory) -> None:
                memory.tails[pod] = TailSeen(("last words",), restarts=99)

            self.later(seconds, told)

    def _alive(self, run: str) -> bool:
        return any(space.run == run and not space.seen.terminating for space in self.namespaces.values())

    def _terminate(self, name: str) -> None:
        space = self.namespaces[name]
        if space.seen.terminating:
            return
        space.seen = replace(space.seen, terminating=True)
        fate = self.fate("terminate", name)
        stuck = 0.0 if self.calm or fate.random() > 0.2 else fate.uniform(60, 3000)
        self.later(fate.uniform(0.1, 10) + stuck, lambda: self._vanish(name))

    def _vanish(self, name: str) -> None:
        run = self.namespaces.pop(name).run
        objects: tuple[dict[tuple[str, str], Any], ...] = (self.deployments, self.completions, self.jobs, self.pods)
        for kind in objects:
            for key in [key for key in kind if key[0] == run]:
                del kind[key]

    def _stop(self) -> None:
        self.deployments.clear()
        self.completions.clear()
        self.jobs.clear()
        self._end_pods(list(self.pods))

    def _stop_services(self, run: str, names: tuple[str, ...]) -> None:
        """Stops a level of services; whoever depends on one of them must be gone, or had time enough."""
        spec = self.spec_of(run)
        assert isinstance(spec, TestScenarioSpec)
        assert names, "nothing is stopped"
        self.jobs.clear()
        for name in names:
            for service in spec.environment.services:
                if any(need.service == name for need in service.depends_on):
                    assert (run, service.name) not in self.deployments, f"{name} is stopped before {service.name}"
                    pod = self.pods.get((run, service.name))
                    over = pod and (pod.exit_code is not None or (pod.deleting_since or self.now) < self.now)
                    assert pod is None or over, f"{name} is stopped before the pod of {service.name} is gone"
            self.deployments.pop((run, name), None)
            self.completions.pop((run, name), None)
        services = {service.name for service in spec.environment.services}
        self._end_pods([key for key in self.pods if key[1] in names or key[1] not in services])

    def _end_pods(self, keys: list[tuple[str, str]]) -> None:
        for key in keys:
            pod = self.pods[key]
            fate = self.fate("stop", *key)
            self.pods[key] = replace(pod, deleting_since=pod.deleting_since or self.now)
            stuck = 0.0 if self.calm or fate.random() > 0.1 else 300.0
            self.later(fate.uniform(0.1, 5) + stuck, partial(self._remove, self.pods, key))

    def _alone(self, run: str, step: str, attempt: int) -> None:
        """No attempt begins before the last one has been stopped."""
        before = self.jobs.get((run, names.attempt(step, attempt - 1))) if attempt > 1 else None
        assert before is None or before.complete or before.failed or self._ended(run, step, attempt - 1)

    def _ended(self, run: str, step: str, attempt: int) -> bool:
        owner = names.attempt(step, attempt)
        return all(pod.exit_code is not None for key, pod in self.pods.items() if (key[0], pod.owner) == (run, owner))

    def _stop_attempt(self, run: str, attempt: str) -> None:
        assert (run, attempt) in self.jobs, "a Job that is not there is deleted"
        del self.jobs[run, attempt]
        for key, pod in list(self.pods.items()):
            if (key[0], pod.owner) == (run, attempt):
                self.pods[key] = replace(pod, deleting_since=pod.deleting_since or self.now)
                self.later(self.fate("stop", *key).uniform(0.1, 5), partial(self._remove, self.pods, key))

    def _remove(self, objects: dict[tuple[str, str], Any], key: tuple[str, str]) -> None:
        objects.pop(key, None)

    def _pod(self, run: str, owner: str, index: int | None, **state: Any) -> None:
        """Changes a pod, unless it is not there any more."""
        name = owner if index is None else f"{owner}-{index}"
        if (run, name) in self.pods:
            self.pods[run, name] = replace(self.pods[run, name], **state)

    def _start_service(self, run: str, name: str) -> None:
        if (run, name) in self.deployments:
            return
        spec = self.spec_of(run)
        assert isinstance(spec, TestScenarioSpec)
        assert run in self.copied or not spec.environment.secrets, f"{name} starts without its Secrets"
        if next(service for service in spec.environment.services if service.name == name).completes:
            self._start_completion(run, name)
            return
        fate = self.fate("service", run, name)
        pod = PodSeen(name=name, owner=name, created=self.now)
        self.deployments[run, name] = DeploymentSeen(current=False, ready=0)
        self.pods[run, name] = pod
        begin = fate.uniform(0.1, 5)
        kind = fate.choices(["ok", "pull", "crash", "hang", "stuck"], [90, 3, 3, 2, 2])[0]
        if kind == "pull":
            self.later(begin, lambda: self._pod(run, name, None, waiting="ImagePullBackOff"))
            return
        if kind == "crash":
            for restarts in range(1, 7):
                again = begin + 5 * 2**restarts
                self.later(again, partial(self._pod, run, name, None, restarts=restarts, last_exit_code=1))
            return
        if kind == "stuck":
            self.later(begin, lambda: self._pod(run, name, None, unschedulable="0/1 nodes are available"))
            return

        def running() -> None:
            self._pod(run, name, None, running=True)
            if (run, name) in self.pods:
                self.truth.running.add((run, name))

        def ready() -> None:
            if (run, name) in self.deployments:
                self.deployments[run, name] = DeploymentSeen(current=True, ready=1)

        self.later(begin, running)
        if kind == "ok":
            self.later(begin + fate.uniform(0, 5), ready)

    def _start_completion(self, run: str, name: str) -> None:
        """A service that runs to its end, well or badly, or never."""
        if (run, name) in self.completions:
            return
        fate = self.fate("completion", run, name)
        self.completions[run, name] = JobSeen()
        self.pods[run, name] = PodSeen(name=name, owner=name, created=self.now, kind="service")
        begin = fate.uniform(0.1, 3)
        end = begin + fate.uniform(0.1, 5)
        kind = fate.choices(["ok", "failed", "evicted", "hang"], [90, 4, 3, 0 if self.calm else 3])[0]

        def running() -> None:
            self._pod(run, name, None, running=True)
            if (run, name) in self.pods:
                self.truth.running.add((run, name))

        def ended() -> None:
            told = "Evicted" if kind == "evicted" else ""
            self._pod(run, name, None, running=False, exit_code=1 if kind == "failed" else 0, disruption=told)
            if kind == "ok" and (run, name) in self.pods and not self.pods[run, name].deleting_since:
                self.truth.completed.add((run, name))

        def told() -> None:
            if (run, name) in self.completions:
                self.completions[run, name] = JobSeen(complete=kind == "ok", failed=kind != "ok")

        self.later(begin, running)
        if kind != "hang":
            self.later(end, ended)
            self.later(end + fate.uniform(-0.1, 0.1), told)

    def _start_job(self, run: str, name: str) -> None:
        if (run, name) in self.jobs:
            return
        fate = self.fate("job", run, name)
        self.jobs[run, name] = JobSeen()
        self.pods[run, name] = PodSeen(name=name, owner=name, created=self.now)
        begin = fate.uniform(0.1, 3)
        end = begin + fate.uniform(0.1, 20)
        odd = [0, 0, 0] if self.calm else [4, 4, 4]
        kind = fate.choices(["ok", "failed", "evicted", "pull", "lost", "hang", "deleted"], [75, 10, 3, 2, *odd])[0]
        self.later(begin, lambda: self._pod(run, name, None, running=kind != "pull"))
        if kind == "pull":
            self.later(begin, lambda: self._pod(run, name, None, waiting="ErrImagePull"))
        elif kind == "deleted":
            self.later(end, partial(self._remove, self.jobs, (run, name)))
        elif kind == "lost":
            self.later(end, partial(self._remove, self.pods, (run, name)))
            self.later(end + 1, lambda: self._job(run, name, complete=fate.random() < 0.5))
        elif kind != "hang":

            def ended() -> None:
                told = "Evicted" if kind == "evicted" else ""
                code = 1 if kind == "failed" else 0
                self._pod(run, name, None, running=False, exit_code=code, disruption=told, ended_at=self.now)
                if kind == "ok" and (run, name) in self.pods and not self.pods[run, name].deleting_since:
                    self.truth.evidence.add((run, name))

            # The two watches are not ordered: the Job's may tell first.
            self.later(end, ended)
            self.later(end + fate.uniform(-0.1, 0.1), lambda: self._job(run, name, complete=kind == "ok"))

    def _job(self, run: str, name: str, *, complete: bool) -> None:
        if (run, name) in self.jobs:
            self.jobs[run, name] = JobSeen(complete=complete, failed=not complete)

    def _start_load(self, run: str, name: str) -> None:
        if (run, name) in self.jobs:
            return
        spec = self._load_spec(run, name)
        fate = self.fate("load", run, name)
        self.jobs[run, name] = JobSeen()
        odd = [0] if self.calm else [5]
        kinds = ["ok", "missed", "slow", "lost", "unreadable", "hang", "mute"]
        kind = fate.choices(kinds, [70, 10, 5, 5, 5, *odd, *odd])[0]
        for index in range(spec.workers):
            self.pods[run, f"{name}-{index}"] = PodSeen(
                name=f"{name}-{index}", owner=name, created=self.now, index=index
            )

            def running(index: int = index) -> None:
                self._pod(run, name, index, running=True)
                if spec.workers == 1:
                    self._measure(run, name, kind, index)
                elif kind != "mute" or index:
                    self._told(run, name, index)

            self.later(fate.uniform(0.1, 5), running)
        self.kinds[run, name] = kind

    def _begin_load(self, run: str, name: str, pods: tuple[str, ...], at: str) -> None:
        """Tells workers when to begin, or only some of them before a crash."""
        known = self.logs[run, name]
        assert len(known.ready) == known.result.workers, "load begins before all workers are ready"
        assert self.moments.setdefault((run, name), at) == at, "two moments for one load"
        for pod in pods:
            seen = self.pods.get((run, pod))
            if seen is not None and seen.index is not None:
                assert not seen.begins, "a worker is told twice"
                self.pods[run, pod] = replace(seen, begins=moment(at))
                left = max((moment(at) - self.now).total_seconds(), 0.01)
                self.later(left, partial(self._measure, run, name, self.kinds[run, name], seen.index))
            self._written()

    def _measure(self, run: str, name: str, kind: str, index: int) -> None:
        """A worker begins, and ends after a while."""
        spec = self._load_spec(run, name)
        length = spec.profile.measured.total_seconds()
        last = kind in {"lost", "unreadable", "hang", "mute"} and index == 0

        def ended() -> None:
            lost = kind == "lost" and last
            self._pod(run, name, index, running=False, exit_code=137 if lost else 0)
            if not lost:
                self._log(run, name, spec, kind, index, final=True, unreadable=last)

        self._log(run, name, spec, kind, index, final=False)
        if not (kind in {"hang", "mute"} and last):
            self.later(length + self.fate("length", run, name, str(index)).uniform(0, 2), ended)
        if kind == "ok":
            self.truth.evidence.add((run, name))  # its logs tell, and are read to their end or the run cannot pass

    def _told(self, run: str, name: str, index: int) -> None:
        """A worker says that it is ready; those who follow it read it a moment later."""
        known = self._heard(run, name)
        self.logs[run, name] = replace(known, ready=known.ready | {index})
        self._read_soon(run, name)

    def _heard(self, run: str, name: str) -> LoadSeen:
        return self.logs.get((run, name), LoadSeen(LoadResult(workers=self._load_spec(run, name).workers)))

    def _read_soon(self, run: str, name: str) -> None:
        if name in self.memory.following and self.memory.run == run:
            self.later(0.05, partial(self._read, self.memory, run, name))

    def _load_spec(self, run: str, name: str) -> Any:
        spec = self.spec_of(run)
        return attempts(spec)[name].step.load if isinstance(spec, TestScenarioSpec) else spec

    def _log(
        self, run: str, name: str, spec: Any, kind: str, index: int, *, final: bool, unreadable: bool = False
    ) -> None:
        """A worker writes a line; those who follow it read it a moment later."""
        known = self._heard(run, name)
        reporting = min(spec.workers, known.result.workers_reporting + (not final))
        finished = known.finished | ({index} if final and not unreadable else set())
        summary = LatencySummary(
            **dict.fromkeys(("min", "mean", "p50", "p75", "p90", "p95", "p99", "p999", "max"), "5ms")
        )
        rate = float(spec.profile.rate or 0)
        result = LoadResult(
            workers=spec.workers,
            workers_reporting=reporting,
            workers_finished=len(finished),
            requests=100,
            requested_rate=rate,
            achieved_rate=rate / 2 if kind == "slow" else rate,
            latency=summary,
        )
        slow = timedelta(seconds=9) if kind == "missed" else timedelta(milliseconds=5)
        values = {"latency.p99": slow, "latency.count": 1000, "errors.rate": 0.0}
        lost = {**known.unreadable, **({index: "its log was rotated"} if unreadable else {})}
        self.logs[run, name] = LoadSeen(
            result,
            values,
            finished,
            unreadable=lost,
            ready=known.ready | {index},
            begun=known.begun | {index},
        )
        self._read_soon(run, name)

    def _read(self, memory: Memory, run: str, name: str) -> None:
        if memory.run == run and (run, name) in self.logs:
            memory.loads[name] = replace(self.logs[run, name], since=memory.loads[name].since)

    # What goes on between turns

    def _go_on(self, run: str, decision: Decision[Any]) -> None:
        activities, memory = decision.activities, self.memory
        for name in sorted(activities.probes - memory.probes.keys()):
            memory.probes[name] = ProbeSeen()
            self._probe(memory, run, name)
        memory.judging &= activities.conditions
        for name in sorted(activities.conditions - memory.judging - memory.conditions.keys()):
            memory.judging.add(name)
            self._judge(memory, run, name)
        memory.checking &= activities.checks
        for name in sorted(activities.checks - memory.checking - memory.outcomes.keys()):
            memory.checking.add(name)
            self._send(memory, run, name)
        self._read_tails(run, activities.tails)
        for name in sorted(activities.follows - memory.following):
            memory.following.add(name)
            workers = self._load_spec(run, name).workers
            memory.loads.setdefault(name, LoadSeen(LoadResult(workers=workers), since=self.now))
            self.later(self.fate("reading", run, name).uniform(0.1, 3), partial(self._read, memory, run, name))

    def _probe(self, memory: Memory, run: str, name: str) -> None:
        fate = self.fate("probe", run, name)
        never = not self.calm and fate.random() < 0.03

        def probed() -> None:
            if self.memory is not memory or memory.run != run:
                return
            good = not never and fate.random() < 0.7
            memory.probes[name] = ProbeSeen(memory.probes[name].successes + 1 if good else 0, "" if good else "refused")
            spec = self.spec_of(run)
            assert isinstance(spec, TestScenarioSpec)
            service = next(one for one in spec.environment.services if one.name == name)
            if memory.probes[name].successes >= service.ready.success_threshold:
                self.truth.healthy.add((run, name))
            elif (run, name) in self.deployments:
                self.later(fate.uniform(0.05, 1), probed)

        self.later(fate.uniform(0.05, 1), probed)

    def _judge(self, memory: Memory, run: str, name: str) -> None:
        def answered() -> None:
            if self.memory is memory and memory.run == run and name in memory.judging:
                spec, status = self.spec_of(run), self._status()
                assert isinstance(spec, TestScenarioSpec)
                assert isinstance(status, TestScenarioStatus)
                memory.conditions |= judged(spec.steps, status.steps, [name], run)

        self.later(self.fate("judge", run, name).uniform(0.001, 0.5), answered)

    def _send(self, memory: Memory, run: str, name: str) -> None:
        self.truth.sent[run, name] = self.truth.sent.get((run, name), 0) + 1
        fate = self.fate("send", run, name)
        states = [StepState.SUCCEEDED, StepState.FAILED, StepState.ERROR]
        state = fate.choices(states, [80, 12, 8])[0]
        silent = not self.calm and fate.random() < 0.05

        def answered() -> None:
            if self.memory is memory and memory.run == run and name in memory.checking:
                memory.checking.discard(name)
                memory.outcomes[name] = Outcome(state, "Judged", "status 200", {f"c_{name.replace('-', '_')}": 1})
                if state is StepState.SUCCEEDED:
                    self.truth.evidence.add((run, name))

        if not silent:
            self.later(fate.uniform(0.01, 8), answered)

    # What must hold at every turn

    def _check(self, status: Any, decision: Decision[Any]) -> None:
        flags = {condition.type: condition.status for condition in status.conditions}
        if flags:
            assert [flags[kind] for kind in ("Ready", "Reconciling", "Stalled")].count("True") == 1, flags
            invalid = any(condition.reason == "InvalidSpec" for condition in status.conditions)
            assert (flags["Complete"] == "True") == (status.verdict is not None or invalid)
        if status.run is None or status.run.started_at is None or isinstance(status, LoadTestStatus):
            return
        run, spec = status.run.id, self.specs[status.run.generation]
        assert isinstance(spec, TestScenarioSpec)
        services = {service.name: service for service in spec.environment.services}
        for action in decision.actions:
            if isinstance(action, StartService):
                for need in services[action.service].depends_on:
                    healthy = need.condition is DependencyCondition.HEALTHY
                    probed = services[need.service].ready.probe is not None
                    assert (run, need.service) in self.truth.running
                    done = need.condition is DependencyCondition.COMPLETED
                    assert not done or (run, need.service) in self.truth.completed
                    assert not (healthy and probed) or (run, need.service) in self.truth.healthy
        self._check_order(status, spec)
        self._check_attempts(status, spec)
        waits = {each.name for each in expanded(spec.steps) if each.step.wait}
        if status.verdict is Verdict.PASSED:
            required = [
                names.attempt(step.name, step.attempts)
                for step in (*status.setup, *status.steps)
                if step.state is not StepState.SKIPPED and not step.optional and step.name not in waits
            ]
            assert all((run, name) in self.truth.evidence for name in required), "a false green"
            assert all((run, name) in self.truth.running for name in services)
            assert all((run, name) in self.truth.completed for name, one in services.items() if one.completes)
            assert (
                any(step.state is StepState.SUCCEEDED and not step.optional for step in status.steps) or not spec.steps
            )
            assert bool(status.flaky) == any(
                step.attempts > 1 and step.state is StepState.SUCCEEDED for step in status.steps
            )
        posts = {name for name, each in attempts(spec).items() if each.step.sent_once}
        assert all(self.truth.sent.get((run, name), 0) <= 1 for name in posts), "a request was sent twice"

    def _check_attempts(self, status: TestScenarioStatus, spec: TestScenarioSpec) -> None:
        instances = {each.name: each for each in expanded(spec.steps)}
        running: dict[str, int] = {}
        for step in status.steps:
            each = instances[step.name]
            assert step.attempts <= (each.step.retry.limit + 1 if each.step.retry else 1), "too many attempts"
            assert (step.matrix, step.instance_of) == (dict(each.values), each.parent)
            assert (step.reason == "Backoff") == (step.next_attempt_at is not None)
            if step.state is StepState.RUNNING:
                running[each.written] = running.get(each.written, 0) + 1
            if step.reason == "Interrupted" or "(Interrupted)" in step.message:
                self.truth.interrupted = True
        assert spec.max_parallel is None or sum(running.values()) <= spec.max_parallel, "too many at once"
        for written in spec.steps:
            assert written.max_parallel is None or running.get(written.name, 0) <= written.max_parallel

    def _check_order(self, status: TestScenarioStatus, spec: TestScenarioSpec) -> None:
        instances = {each.name: each for each in expanded(spec.steps)}
        groups: dict[str, list[StepState]] = {}
        for step in status.steps:
            groups.setdefault(instances[step.name].written, []).append(step.state)
        unsuccessful = {StepState.FAILED, StepState.ERROR, StepState.INCONCLUSIVE}
        begun = [step.name for step in status.steps if step.attempts]
        for name in begun:
            for need in instances[name].step.needs:
                ends = groups[need.step]
                ran = [end for end in ends if end is not StepState.SKIPPED]
                met = {
                    NeedResult.SUCCEEDED: set(ran) == {StepState.SUCCEEDED},
                    NeedResult.FAILED: bool(unsuccessful & set(ran)),
                    NeedResult.COMPLETED: True,
                }[need.result]
                ended = all(end.ended for end in ends)
                assert ended and met, f"{name} started before {need.step} had ended as asked"  # noqa: PT018 - one claim
        if begun:
            assert all(service.healthy_at for service in status.services)
            assert all(entry.state is StepState.SUCCEEDED for entry in status.setup)


def attempts(spec: TestScenarioSpec) -> dict[str, Instance]:
    """Every attempt that there may be, by its name."""
    return {
        names.attempt(each.name, number): each
        for each in expanded(spec.steps)
        for number in range(1, 2 + (each.step.retry.limit if each.step.retry else 0))
    }


def leftovers(world: World) -> list[str]:
    """What a run has left behind in the cluster."""
    return [
        *world.namespaces,
        *(f"{run}/{name}" for run, name in (*world.deployments, *world.completions, *world.jobs)),
    ]


def namespace_of(run: str) -> str:
    """Name of the environment's namespace."""
    return names.environment_namespace("checkout", UID, run)


#: What a LoadTest calls its one load.
LOAD = STEP
