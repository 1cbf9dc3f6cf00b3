"""Making a run's report of what is known of it."""

import base64
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from seatrial.api.parcel import TOTAL_BYTES, Kind, Parcel
from seatrial.api.status import LoadTestStatus, TestScenarioStatus, TrialStatus
from seatrial.api.timeline import Timeline, UsePoint, Window
from seatrial.report import sections
from seatrial.report.cases import Suite
from seatrial.report.model import Artifact, Audit, Report, Tail, TestCase, TestSuite


class LastLines(Protocol):
    """The end of a log, as observed."""

    @property
    def lines(self) -> tuple[str, ...]:
        """The last lines."""

    @property
    def unreadable(self) -> str:
        """Why it could not be read."""


@dataclass(frozen=True)
class Evidence:
    """What was read out of pods.

    Attributes:
        owners: Service or step of each pod.
        tails: Ends of logs, by pod.
        parcels: Files, by pod.
        suites: Test cases, by pod.
        courses: What loads have come to over time, by attempt.
        uses: What observed pods have used meanwhile, by attempt.
        order: Names of services and steps in the order of the spec.
    """

    owners: Mapping[str, str] = field(default_factory=dict)
    tails: Mapping[str, LastLines] = field(default_factory=dict)
    parcels: Mapping[str, Parcel] = field(default_factory=dict)
    suites: Mapping[str, list[Suite]] = field(default_factory=dict)
    courses: Mapping[str, Sequence[Window]] = field(default_factory=dict)
    uses: Mapping[str, Sequence[UsePoint]] = field(default_factory=dict)
    order: list[str] = field(default_factory=list)

    def pods(self, kept: Mapping[str, object]) -> list[tuple[str, str]]:
        """Pods of which something is kept, each with its owner, in the order of the spec."""
        places = {name: place for place, name in enumerate(self.order)}
        pods = [(self.owners.get(pod, ""), pod) for pod in kept]
        return sorted(pods, key=lambda entry: (places.get(entry[0], len(places)), entry[1]))


def composed(
    kind: str,
    namespace: str,
    name: str,
    uid: str,
    status: TrialStatus,
    evidence: Evidence | None = None,
    audit: Audit | None = None,
    torn_down_at: str | None = None,
) -> Report:
    """Makes a report.

    Args:
        kind: TestScenario or LoadTest.
        namespace: Namespace of the resource.
        name: Its name.
        uid: Its UID.
        status: Its status; values that are secret are not in it.
        evidence: What was read out of pods.
        audit: Who asked for what, and what was done.
        torn_down_at: When nothing was left.
    """
    evidence = evidence or Evidence()
    run = status.run
    scenario = status if isinstance(status, TestScenarioStatus) else TestScenarioStatus()
    return Report(
        kind=kind,
        namespace=namespace,
        name=name,
        uid=uid,
        run=run.id if run else "",
        generation=run.generation if run else 0,
        environment=run.namespace if run else None,
        verdict=status.verdict,
        flaky=bool(scenario.flaky),
        reason=status.reason,
        message=status.message,
        started_at=run.started_at if run else None,
        finished_at=run.finished_at if run else None,
        torn_down_at=torn_down_at,
        services=scenario.services,
        setup=scenario.setup,
        steps=scenario.steps,
        teardown=scenario.teardown,
        load=status.result if isinstance(status, LoadTestStatus) else None,
        baseline=status.baseline if isinstance(status, LoadTestStatus) else None,
        timelines=list(_timelines(evidence, status)),
        suites=_suites(evidence),
        tails=[
            Tail(owner=owner, pod=pod, lines=list(evidence.tails[pod].lines), unreadable=evidence.tails[pod].unreadable)
            for owner, pod in evidence.pods(evidence.tails)
        ],
        artifacts=_artifacts(evidence),
        audit=audit or Audit(),
    )


def merged(earlier: Report, report: Report) -> Report:
    """Adds to a report what only an earlier one of the same run knows: what was read out of pods that are gone.

    Args:
        earlier: What another operator wrote before it was stopped.
        report: What this one knows.
    """
    pods = {tail.pod for tail in report.tails}
    suites = {suite.pod for suite in report.suites}
    artifacts = {artifact.pod for artifact in report.artifacts}
    known = {timeline.step: timeline for timeline in report.timelines}
    timelines = {timeline.step: timeline for timeline in earlier.timelines}
    timelines |= {
        step: timeline
        for step, timeline in known.items()
        if step not in timelines or len(timeline.windows) >= len(timelines[step].windows)
    }
    audit = report.audit
    return report.model_copy(
        update={
            "tails": [*(tail for tail in earlier.tails if tail.pod not in pods), *report.tails],
            "suites": [*(suite for suite in earlier.suites if suite.pod not in suites), *report.suites],
            "artifacts": [*(one for one in earlier.artifacts if one.pod not in artifacts), *report.artifacts],
            "timelines": list(timelines.values()),
            "truncated": earlier.truncated,
            "audit": audit.model_copy(
                update={
                    # What was seen as it happened is worth more than what was rebuilt of it.
                    "objects": [
                        *earlier.audit.objects,
                        *(change for change in audit.objects if not change.rebuilt),
                    ],
                    "transitions": [
                        *earlier.audit.transitions,
                        *(entry for entry in audit.transitions if not entry.rebuilt),
                    ],
                    "gaps": [*earlier.audit.gaps, *audit.gaps],
                }
            ),
        }
    )


def _timelines(evidence: Evidence, status: TrialStatus) -> Iterator[Timeline]:
    of_steps = isinstance(status, TestScenarioStatus)
    for attempt, windows in evidence.courses.items():
        if windows:
            use = sorted(evidence.uses.get(attempt, ()), key=lambda point: point.at)
            yield Timeline(step=attempt if of_steps else "", windows=tuple(windows), use=tuple(use))
    for name, load in sections.loads(status):
        if load.requests and not any(evidence.courses.values()):
            # Nobody has read the workers' lines since an operator was stopped: what they came to is one window.
            seconds = load.measured_seconds
            whole = Window(at=seconds, seconds=seconds, requests=load.requests, errors=load.errors)
            yield Timeline(step=name, windows=(whole,))


def _suites(evidence: Evidence) -> list[TestSuite]:
    found = []
    for owner, pod in evidence.pods(evidence.suites):
        for suite in evidence.suites[pod]:
            cases = [
                TestCase(
                    name=case.name,
                    group=case.group,
                    state=case.state.value,
                    seconds=case.seconds,
                    message=case.message,
                    text=case.text,
                )
                for case in suite.cases
            ]
            found.append(
                TestSuite(
                    step=owner,
                    pod=pod,
                    file=suite.file,
                    tests=suite.tests,
                    failures=suite.failures,
                    errors=suite.errors,
                    skipped=suite.skipped,
                    cases=cases,
                )
            )
    return found


def _artifacts(evidence: Evidence) -> list[Artifact]:
    """The artifacts of a run, as many as fit into what a run may keep; of the others it is said that they did not."""
    found, left = [], TOTAL_BYTES
    for owner, pod in evidence.pods(evidence.parcels):
        parcel = evidence.parcels[pod]
        for file in parcel.files:
            if file.kind is not Kind.ARTIFACT:
                continue
            fits = len(file.content) <= left
            encoding, content = _written(file.content)
            found.append(
                Artifact(
                    step=owner,
                    pod=pod,
                    name=file.name,
                    path=file.path,
                    size=len(file.content),
                    sha256=hashlib.sha256(file.content).hexdigest(),
                    encoding=encoding if fits else "utf-8",
                    content=content if fits else "",
                    lack="" if fits else f"the artifacts of a run may have {TOTAL_BYTES:,} bytes together",
                )
            )
            left -= len(file.content) if fits else 0
        found += [
            Artifact(step=owner, pod=pod, name=lack.name, lack=f"{lack.problem}: {lack.detail}")
            for lack in parcel.lacks
            if lack.kind is Kind.ARTIFACT
        ]
    return found


def _written(content: bytes) -> tuple[str, str]:
    try:
        return "utf-8", content.decode()
    except UnicodeDecodeError:
        return "base64", base64.b64encode(content).decode()
