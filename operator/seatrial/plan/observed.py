"""What was seen of a run: objects in the cluster, and what probes, checks and workers have told."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from seatrial.api.outcome import Outcome
from seatrial.api.status import JUnitCounts, LoadResult, ReportStatus
from seatrial.api.timeline import Window
from seatrial.plan.decision import Action
from seatrial.plan.dependencies import ScenarioSeen
from seatrial.plan.queue import ADMITTED, Place


@dataclass(frozen=True)
class Remark:
    """A condition by which a namespace that is being deleted says what it still waits for.

    Attributes:
        kind: Type of the condition, for example NamespaceFinalizersRemaining.
        since: When it became true.
        message: The API server's sentence; it names resources and finalizers.
    """

    kind: str
    since: datetime
    message: str


@dataclass(frozen=True)
class NamespaceSeen:
    """What holds a run's environment: its own namespace or, beside the resource, the record of the run.

    Attributes:
        name: Its name.
        uid: Its UID; a deletion names it, so that no other namespace is ever hit.
        ours: Whether we have made it for this resource.
        terminating: Whether it is being deleted.
        remarks: What keeps it from going.
        record: Whether it is the record that stands for an environment in the resource's own namespace.
    """

    name: str
    uid: str
    ours: bool
    terminating: bool = False
    remarks: tuple[Remark, ...] = ()
    record: bool = False


@dataclass(frozen=True)
class ObjectSeen:
    """An object of a run, as far as taking it away is concerned.

    Attributes:
        kind: Its kind.
        name: Its name.
        beside: Whether it is in the resource's own namespace, where no namespace takes it away.
        deleting_since: When its deletion was asked for.
        finalizers: Whose consent its deletion waits for.
    """

    kind: str
    name: str
    beside: bool = False
    deleting_since: datetime | None = None
    finalizers: tuple[str, ...] = ()


@dataclass(frozen=True)
class DeletionRefused:
    """A deletion that the API server does not carry out.

    Attributes:
        since: When it was first refused.
        message: What was to be deleted, and why it was not.
    """

    since: datetime
    message: str


@dataclass(frozen=True)
class DeploymentSeen:
    """The Deployment of a service, or the StatefulSet of one with storage.

    Attributes:
        current: Whether its status is about its present spec.
        ready: Pods that are ready, and have been for as long as the Deployment asks.
        refusal: Why its pods are refused (quota, admission), if they are.
    """

    current: bool
    ready: int
    refusal: str = ""


@dataclass(frozen=True)
class PodSeen:
    """A pod, reduced to what decisions need.

    Attributes:
        name: Its name.
        owner: Name of the service, or of the attempt at a step, that it belongs to.
        kind: ``service`` or ``step``, because both may have the same name; empty if it is not known.
        index: Completion index in an Indexed Job.
        created: When it was created.
        running: Whether its container runs.
        ready: Whether it is ready.
        waiting: Why its container waits, for example ImagePullBackOff; the message tells more.
        waiting_message: See waiting.
        exit_code: Exit code of its container, once that has ended for good.
        ended_reason: Why the container ended, for example OOMKilled.
        last_exit_code: Exit code of the container's previous life.
        last_ended_reason: Why its previous life ended.
        restarts: How often the container was restarted.
        disruption: Why the pod itself was taken away: Evicted, Preempted, NodeLost…
        unschedulable: Why no node takes it.
        deleting_since: When the time that it was given to end is over, if its deletion was asked for.
        finalizers: Whose consent its deletion waits for.
        node: Where it runs.
        init: Whether waiting, the exit code and the restarts are those of its init container, which has not succeeded.
        container: Name of its container, as opposed to sidecars.
        ended_at: When its container ended for good, by its node's clock.
        hands_over: Whether a sidecar hands files of its container over.
        begins: When its load begins, of a worker that was told.
    """

    name: str
    owner: str
    created: datetime
    kind: str = ""
    index: int | None = None
    running: bool = False
    ready: bool = False
    waiting: str = ""
    waiting_message: str = ""
    exit_code: int | None = None
    ended_reason: str = ""
    last_exit_code: int | None = None
    last_ended_reason: str = ""
    restarts: int = 0
    disruption: str = ""
    unschedulable: str = ""
    deleting_since: datetime | None = None
    finalizers: tuple[str, ...] = ()
    node: str = ""
    init: bool = False
    container: str = ""
    ended_at: datetime | None = None
    hands_over: bool = False
    begins: datetime | None = None

    @property
    def crashed(self) -> bool:
        """Whether its container has ended badly, though perhaps it has been started again since."""
        return self.exit_code not in (None, 0) or self.restarts > 0


@dataclass(frozen=True)
class TailSeen:
    """The end of a container's log.

    Attributes:
        lines: Its last lines, without control characters and secrets.
        unreadable: Why it could not be read.
        restarts: How often the container had been restarted when it was read.
    """

    lines: tuple[str, ...] = ()
    unreadable: str = ""
    restarts: int = 0


@dataclass(frozen=True)
class FilesSeen:
    """What a Job's sidecar has handed over.

    Attributes:
        junit: What the test cases came to, if JUnit files were asked for and could be read.
        reason: Why they could not, as a stable CamelCase word.
        message: Sentence for a person.
    """

    junit: JUnitCounts | None = None
    reason: str = ""
    message: str = ""


@dataclass(frozen=True)
class ReportSeen:
    """What this process has written of a run's report.

    Attributes:
        written: Where it is; None as long as it is nowhere.
        final: Whether it tells of the teardown too.
        given_up: Why it cannot be written.
    """

    written: ReportStatus | None = None
    final: bool = False
    given_up: str = ""


@dataclass(frozen=True)
class JobSeen:
    """A Job of a step.

    Attributes:
        complete: It has succeeded.
        failed: It has failed for good.
        reason: Why it failed, in Kubernetes' word, for example DeadlineExceeded.
        message: Its sentence.
        refusal: Why its pods are refused, if they are.
        run: Name of the run that it is of.
    """

    complete: bool = False
    failed: bool = False
    reason: str = ""
    message: str = ""
    refusal: str = ""
    run: str = ""


@dataclass(frozen=True)
class ProbeSeen:
    """What the probe of a service has met.

    Attributes:
        successes: Successes in a row, up to now.
        failure: What the last failure was.
        failures: Failures in a row, up to now, since the service became healthy.
    """

    successes: int = 0
    failure: str = ""
    failures: int = 0


@dataclass(frozen=True)
class LoadSeen:
    """What the workers of a load have told.

    Attributes:
        result: The merge of their newest lines.
        values: The variables of thresholds.
        measured: Seconds for which every worker has measured; 0 until all have been heard.
        finished: Indexes of the workers whose last line was read.
        interrupted: Indexes of those whose last line says that they were stopped.
        unreadable: Why a worker's output could not be read, by worker index.
        ready: Indexes of the workers that wait for the others, or have begun.
        begun: Indexes of those that have begun.
        since: Since when this process listens to them.
        complaints: Why scripts themselves say that the load failed, by worker index.
        exceptions: Iterations of scripts that ended with an exception.
        exception: One of their messages.
        windows: The course of the load, once all workers have ended.
        sampling: Whether observed pods are still to be looked at a last time.
    """

    result: LoadResult
    values: Mapping[str, Any] = field(default_factory=dict)
    finished: frozenset[int] = frozenset()
    interrupted: frozenset[int] = frozenset()
    measured: float = 0.0
    unreadable: Mapping[int, str] = field(default_factory=dict)
    ready: frozenset[int] = frozenset()
    begun: frozenset[int] = frozenset()
    since: datetime | None = None
    complaints: Mapping[int, str] = field(default_factory=dict)
    exceptions: int = 0
    exception: str = ""
    windows: tuple[Window, ...] = ()
    sampling: bool = False


@dataclass(frozen=True)
class BaselineSeen:
    """What was read of the run that this one is compared with.

    Attributes:
        windows: Its course.
        gone: Why its report cannot be there any more.
        unreadable: Why it could not be read.
    """

    windows: tuple[Window, ...] = ()
    gone: str = ""
    unreadable: str = ""


@dataclass(frozen=True)
class Held:
    """A write that a quota of the cluster refused, which it may not do for ever.

    Attributes:
        action: The write.
        message: The API server's words.
        until: When to try again.
        delay: The pause before that.
    """

    action: Action
    message: str
    until: datetime
    delay: timedelta = timedelta()


@dataclass(frozen=True)
class Observed:
    """Everything that was seen of one run.

    What belongs to a step is found by the name of the attempt (``names.attempt``), so that what became of one never
    counts for another.

    Attributes:
        namespace: The environment's namespace, if it is there.
        deployments: By service.
        completions: Jobs of services that run to their end, by service.
        jobs: By attempt.
        pods: All pods of the run.
        probes: By service.
        checking: Attempts whose request is under way in this process.
        conditions: Of steps whose ``when`` was judged, by name: None for one that runs, otherwise how it ends.
        outcomes: Results of requests, by attempt.
        loads: What workers told, by attempt.
        secrets: What steps have captured that nothing may show, by the capture's name.
        refusals: What was refused for good, by the key of the action.
        held: What a quota refused, by the key of the action.
        place: What the line says of the resource.
        scenarios: Other scenarios whose verdicts a run waits for, by name.
        cycle: The circle of scenarios that wait for one another, if the resource is in one.
        refusal_reasons: Stable CamelCase words for those refusals that have one of their own, likewise.
        objects: Every object of the run but its namespace and pods, those being deleted included.
        undeleted: Deletions that were refused, by the key of the action.
        true_conditions: Types of the conditions that are True, by kind and name of each object that is waited for
            and is there.
        tails: The ends of containers' logs, by pod.
        files: What sidecars have handed over, by pod.
        report: What has been written of the run's report; None where none is to be written.
        baseline: What was read of the run that this one is compared with; None as long as nothing was.
    """

    namespace: NamespaceSeen | None = None
    deployments: Mapping[str, DeploymentSeen] = field(default_factory=dict)
    completions: Mapping[str, JobSeen] = field(default_factory=dict)
    jobs: Mapping[str, JobSeen] = field(default_factory=dict)
    pods: tuple[PodSeen, ...] = ()
    probes: Mapping[str, ProbeSeen] = field(default_factory=dict)
    checking: frozenset[str] = frozenset()
    conditions: Mapping[str, Outcome | None] = field(default_factory=dict)
    outcomes: Mapping[str, Outcome] = field(default_factory=dict)
    loads: Mapping[str, LoadSeen] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    refusals: Mapping[str, str] = field(default_factory=dict)
    held: Mapping[str, Held] = field(default_factory=dict)
    place: Place = ADMITTED
    scenarios: Mapping[str, ScenarioSeen] = field(default_factory=dict)
    cycle: str = ""
    refusal_reasons: Mapping[str, str] = field(default_factory=dict)
    objects: tuple[ObjectSeen, ...] = ()
    undeleted: Mapping[str, DeletionRefused] = field(default_factory=dict)
    true_conditions: Mapping[tuple[str, str], frozenset[str]] = field(default_factory=dict)
    tails: Mapping[str, TailSeen] = field(default_factory=dict)
    files: Mapping[str, FilesSeen] = field(default_factory=dict)
    report: ReportSeen | None = None
    baseline: BaselineSeen | None = None

    def refusal_reason(self, key: str) -> str:
        """Why an action was refused, in one word."""
        return self.refusal_reasons.get(key, "Refused")

    def pods_of(self, attempt: str) -> tuple[PodSeen, ...]:
        """The pods of an attempt at a step."""
        return tuple(pod for pod in self.pods if pod.owner == attempt and pod.kind != "service")

    def pods_of_service(self, service: str) -> tuple[PodSeen, ...]:
        """The pods of a service."""
        return tuple(pod for pod in self.pods if pod.owner == service and pod.kind != "step")
