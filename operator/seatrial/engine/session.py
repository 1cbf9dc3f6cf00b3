"""What this process knows of one run beyond the cluster: answers, probes, workers' lines, refusals.

All of it can be lost: probes and idempotent requests are sent again, logs are read again, and what may not be sent
again has its intent on record.
"""

import asyncio
import time
from dataclasses import dataclass, field

from seatrial.api.load import LoadSpec
from seatrial.api.outcome import Outcome
from seatrial.api.parcel import Parcel
from seatrial.load.line import WorkerLine
from seatrial.load.statistics import load_result, merged, threshold_values
from seatrial.plan.observed import FilesSeen, LoadSeen, ProbeSeen, ReportSeen, TailSeen
from seatrial.report.cases import Suite
from seatrial.report.model import Report


@dataclass
class WorkerLines:
    """The newest line of every worker of one load, and what they come to.

    Attributes:
        spec: The load.
        lines: Newest line, by worker.
        unreadable: Why a worker's output could not be read to its end, by worker.
    """

    spec: LoadSpec
    lines: dict[int, WorkerLine] = field(default_factory=dict)
    unreadable: dict[int, str] = field(default_factory=dict)
    _seen: LoadSeen | None = None

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
        self._seen = None
        return True

    def give_up(self, worker: int, why: str) -> None:
        """Notes that a worker's result cannot come any more."""
        self.unreadable[worker] = why
        self._seen = None

    def seen(self) -> LoadSeen:
        """The merge of the newest lines; made anew only when a line has come."""
        if self._seen is None:
            merge = merged(self.lines, self.spec)
            # The single requests' histograms are most of the cost of a merge, and only the end needs them.
            ended = merge.finished == self.spec.workers
            self._seen = LoadSeen(
                result=load_result(merge, by_request=ended),
                values=threshold_values(merge),
                finished=frozenset(worker for worker, line in self.lines.items() if line.final),
                unreadable=dict(self.unreadable),
            )
        return self._seen


@dataclass
class Session:
    """One run, as far as this process takes part in it.

    Attributes:
        run: Name of the run.
        probes: What probes have met, by service.
        outcomes: Results of requests, by attempt.
        loads: Workers' lines, by attempt.
        refusals: What the API server refused for good, by the key of the action.
        refusal_reasons: Their reasons, in one word.
        addresses: Cluster IPs of Services, by name.
        tasks: What is going on, by what it is: ``probe/NAME``, ``check/NAME``, ``log/POD``, ``tail/POD/LIFE``,
            ``files/POD``.
        tails: The ends of containers' logs, by pod.
        files: What sidecars have handed over, by pod.
        owners: Service or step of each pod of which something was read.
        parcels: All of it, for the report.
        suites: The test cases in it, likewise.
        report: What has been written of the report.
        earlier: The report as another operator has left it.
        report_failures: How often writing it has failed in a way that may pass.
        secrets: Values that are shown nowhere.
        looked: When the run's objects were last asked for, or had no reason to be (monotonic seconds).
    """

    run: str
    probes: dict[str, ProbeSeen] = field(default_factory=dict)
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    loads: dict[str, WorkerLines] = field(default_factory=dict)
    refusals: dict[str, str] = field(default_factory=dict)
    refusal_reasons: dict[str, str] = field(default_factory=dict)
    addresses: dict[str, str] = field(default_factory=dict)
    tasks: dict[str, asyncio.Task[None]] = field(default_factory=dict)
    tails: dict[str, TailSeen] = field(default_factory=dict)
    files: dict[str, FilesSeen] = field(default_factory=dict)
    owners: dict[str, str] = field(default_factory=dict)
    parcels: dict[str, Parcel] = field(default_factory=dict)
    suites: dict[str, list[Suite]] = field(default_factory=dict)
    report: ReportSeen = field(default_factory=ReportSeen)
    earlier: Report | None = None
    report_failures: int = 0
    secrets: set[str] = field(default_factory=set)
    looked: float = field(default_factory=time.monotonic)

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
