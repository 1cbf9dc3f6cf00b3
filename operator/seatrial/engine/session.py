"""What this process knows of one run beyond the cluster: answers, probes, workers' lines, refusals.

All of it can be lost: probes and idempotent requests are sent again, logs are read again, and what may not be sent
again has its intent on record.
"""

import asyncio
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property

from seatrial.api.load import LoadSpec
from seatrial.api.observe import TARGET
from seatrial.api.outcome import Outcome
from seatrial.api.parcel import Parcel
from seatrial.api.threshold import ThresholdProgram, compile_threshold
from seatrial.api.timeline import Window
from seatrial.engine.target import Target
from seatrial.engine.use import Use, values
from seatrial.load.barrier import ReadyLine
from seatrial.load.course import Course
from seatrial.load.line import WorkerLine
from seatrial.load.result import load_result
from seatrial.load.statistics import merged
from seatrial.load.threshold_values import threshold_values
from seatrial.plan.observed import (
    BaselineSeen,
    DeletionRefused,
    FilesSeen,
    Held,
    LoadSeen,
    ProbeSeen,
    ReportSeen,
    TailSeen,
)
from seatrial.report.cases import Suite
from seatrial.report.model import Report

#: Lines of all workers of a load together that are read again after a restart: for the course of the load over time,
#: while the newest line of each is enough for its result. They take about a second of CPU and 6 MB to read.
BACKLOG = 1200


@dataclass
class WorkerLines:
    """The newest line of every worker of one load, and what they come to.

    Attributes:
        spec: The load.
        lines: Newest line, by worker.
        unreadable: Why a worker's output could not be read to its end, by worker.
        uses: What observed pods use, by name.
        ended: Set when no worker has anything more to tell.
        sampled: Whether observed pods have been looked at since then.
        ready: How often workers have said that they wait for the others.
        since: Since when this process listens.
    """

    spec: LoadSpec
    lines: dict[int, WorkerLine] = field(default_factory=dict)
    unreadable: dict[int, str] = field(default_factory=dict)
    uses: dict[str, Use] = field(default_factory=dict)
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    sampled: bool = False
    ready: dict[int, int] = field(default_factory=dict)
    since: datetime = field(default_factory=lambda: datetime.now(UTC))
    _seen: LoadSeen | None = None

    @cached_property
    def _course(self) -> Course:
        return Course(self.spec.workers)

    @property
    def backlog(self) -> int:
        """Lines of a worker that are worth reading again."""
        return max(BACKLOG // self.spec.workers, 1)

    @property
    def windows(self) -> tuple[Window, ...]:
        """The course of the load up to now."""
        return self._course.windows()

    @cached_property
    def _named(self) -> frozenset[int]:
        """Places of the requests that thresholds name."""
        return frozenset().union(*(program.requests for program in self._programs))

    @cached_property
    def _times(self) -> frozenset[str]:
        """Which of the times that cost a histogram of their own thresholds name."""
        read = frozenset(name.partition(".")[0] for program in self._programs for name in program.reads)
        return read & {"ttfb", "connect", "tls"}

    @cached_property
    def _programs(self) -> list[ThresholdProgram]:
        return [compile_threshold(threshold.expr, self.spec.labels) for threshold in self.spec.thresholds]

    @cached_property
    def observing(self) -> tuple[str, ...]:
        """Names of the pods that are observed: those that the spec lists, and the target if a threshold asks for it."""
        asked = any(name.startswith(f"{TARGET}.") for program in self._programs for name in program.reads)
        return tuple(dict.fromkeys([*([TARGET] if asked else []), *(one.name for one in self.spec.observe)]))

    @property
    def measured(self) -> float:
        """Longest time for which a worker has measured, in seconds."""
        return max((line.measured for line in self.lines.values()), default=0.0)

    def looked(self) -> None:
        """Notes that observed pods have been looked at."""
        self._seen = None

    def take(self, worker: int, line: WorkerLine) -> bool:
        """Takes a line in. Returns whether it is newer than what was known of the worker.

        Args:
            worker: The worker whose output it was found in.
            line: The line.

        Raises:
            LineError: It is not of this load.
        """
        merged({worker: line}, self.spec)
        known = self.lines.get(worker)
        if known is not None and line.seq <= known.seq:
            return False
        self.lines[worker] = line
        self._course.take(line)
        self._end()
        self._seen = None
        return True

    def take_ready(self, worker: int, line: ReadyLine) -> bool:
        """Takes in that a worker is ready. Returns whether it says so anew.

        Args:
            worker: The worker whose output it was found in.
            line: The line; one of another worker is no news of anybody.
        """
        if line.worker != worker or worker >= self.spec.workers or line.seq <= self.ready.get(worker, -1):
            return False
        self._seen = self._seen if worker in self.ready else None
        self.ready[worker] = line.seq
        return True

    def give_up(self, worker: int, why: str) -> None:
        """Notes that a worker's result cannot come any more."""
        self.unreadable[worker] = why
        self._course.give_up(worker)
        self._end()
        self._seen = None

    def _end(self) -> None:
        told = {worker for worker, line in self.lines.items() if line.last} | self.unreadable.keys()
        if len(told) == self.spec.workers:
            self.ended.set()

    def seen(self) -> LoadSeen:
        """The merge of the newest lines; made anew only when a line has come."""
        if self._seen is None:
            merge = merged(self.lines, self.spec)
            # The single requests' histograms are most of the cost of a merge, and only the end needs them.
            ended = sum(line.last for line in self.lines.values()) == self.spec.workers
            used = [self.uses[name].shown() for name in self.observing if name in self.uses]
            seen_use = {name: value for use in used if use.name == TARGET for name, value in values(use).items()}
            self._seen = LoadSeen(
                result=load_result(merge, whole=ended).model_copy(update={"resource_use": used}),
                values=threshold_values(merge, self._named, self._times) | seen_use,
                measured=round(merge.measured_by_all, 1),
                finished=frozenset(worker for worker, line in self.lines.items() if line.final),
                interrupted=frozenset(worker for worker, line in self.lines.items() if line.interrupted),
                unreadable=dict(self.unreadable),
                ready=frozenset(self.ready) | frozenset(self.lines),
                begun=frozenset(self.lines),
                since=self.since,
                complaints=merge.complaints,
                exceptions=sum(line.exceptions for line in merge.lines),
                exception=next((line.exception for line in merge.lines if line.exception), ""),
                windows=self.windows if ended else (),
                sampling=bool(self.observing) and not self.sampled,
            )
        return self._seen


@dataclass
class Session:
    """One run, as far as this process takes part in it.

    Attributes:
        run: Name of the run.
        probes: What probes have met, by service.
        conditions: Of steps whose ``when`` was judged, by name: None for one that runs, otherwise how it ends.
        outcomes: Results of requests, by attempt.
        loads: Workers' lines, by attempt.
        home: The resource's own namespace.
        refusals: What was refused for good, by the key of the action.
        held: What a quota refused, by the key of the action.
        refusal_reasons: Words for those refusals that have one of their own, likewise.
        undeleted: Deletions that were refused, by the key of the action.
        targets: Existing services that have been looked up, by name.
        unstarted: Why Jobs have no pods, by UID.
        addresses: Cluster IPs of Services, by name.
        secrets: What steps have captured that nothing may show, by the capture's name.
        lost: Names of such captures that are not on record any more.
        tasks: What is going on, by what it is: ``probe/NAME``, ``watch/NAME``, ``when/NAME``, ``check/NAME``,
            ``log/POD``, ``tail/POD/LIFE``, ``files/POD``.
        events_read: How often the events of a Job without pods were read, by the Job's UID.
        tails: The ends of containers' logs, by pod.
        files: What sidecars have handed over, by pod.
        owners: Service or step of each pod of which something was read.
        parcels: All of it, for the report.
        suites: The test cases in it, likewise.
        baseline: What was read of the run that this one is compared with.
        report: What has been written of the report.
        earlier: The report as another operator has left it.
        report_failures: How often writing it has failed in a way that may pass.
        blotted: Values of the environment's Secrets, which are blotted out of what pods tell.
        looked: When the run's objects were last asked for, or had no reason to be (monotonic seconds).
    """

    run: str
    probes: dict[str, ProbeSeen] = field(default_factory=dict)
    conditions: dict[str, Outcome | None] = field(default_factory=dict)
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    loads: dict[str, WorkerLines] = field(default_factory=dict)
    home: str = ""
    refusals: dict[str, str] = field(default_factory=dict)
    held: dict[str, Held] = field(default_factory=dict)
    refusal_reasons: dict[str, str] = field(default_factory=dict)
    undeleted: dict[str, DeletionRefused] = field(default_factory=dict)
    targets: dict[str, Target] = field(default_factory=dict)
    unstarted: dict[str, str] = field(default_factory=dict)
    events_read: dict[str, int] = field(default_factory=dict)
    addresses: dict[str, str] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict, repr=False)
    lost: set[str] = field(default_factory=set)
    tasks: dict[str, asyncio.Task[None]] = field(default_factory=dict)
    tails: dict[str, TailSeen] = field(default_factory=dict)
    files: dict[str, FilesSeen] = field(default_factory=dict)
    owners: dict[str, str] = field(default_factory=dict)
    parcels: dict[str, Parcel] = field(default_factory=dict)
    suites: dict[str, list[Suite]] = field(default_factory=dict)
    baseline: BaselineSeen | None = None
    report: ReportSeen = field(default_factory=ReportSeen)
    earlier: Report | None = None
    report_failures: int = 0
    blotted: set[str] = field(default_factory=set, repr=False)
    looked: float = field(default_factory=time.monotonic)

    @property
    def hidden(self) -> set[str]:
        """Values that nothing which pods tell may show."""
        return self.blotted | set(self.secrets.values())

    def refuse(self, key: str, message: str, reason: str) -> None:
        """Remembers that something cannot be done, however often it is tried."""
        self.refusals[key] = message
        self.refusal_reasons[key] = reason

    def not_deleted(self, key: str, message: str) -> None:
        """Remembers that a deletion was refused, and since when."""
        known = self.undeleted.get(key)
        self.undeleted[key] = DeletionRefused(known.since if known else datetime.now(UTC), message)

    def checking(self) -> frozenset[str]:
        """Attempts whose request is under way."""
        return frozenset(
            name.removeprefix("check/")
            for name, task in self.tasks.items()
            if name.startswith("check/") and not task.done()
        )

    def checks(self) -> list[asyncio.Task[None]]:
        """The requests that are under way."""
        return [task for name, task in self.tasks.items() if name.startswith("check/") and not task.done()]

    def stop(self) -> None:
        """Ends everything that is going on for the run."""
        for task in self.tasks.values():
            task.cancel()
        self.tasks.clear()
