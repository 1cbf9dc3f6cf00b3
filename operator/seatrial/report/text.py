"""A report as text: the summary that `seatrial run` prints, and below it what only the report has."""

from collections.abc import Iterator

from seatrial.api.status import Condition, LoadTestStatus, RunStatus, TestScenarioStatus, TrialStatus
from seatrial.report.course import rows
from seatrial.report.line import Line, Span, Tone, columns, line
from seatrial.report.model import Report, TestSuite
from seatrial.report.summary import summary
from seatrial.report.wording import because

_TONES = {"failure": Tone.BAD, "error": Tone.BAD, "skipped": Tone.QUIET}


def text(report: Report) -> list[Line]:
    """Words a report."""
    return [
        *summary(_status(report), report.title),
        *_timelines(report),
        *_suites(report),
        *_tails(report),
        *_artifacts(report),
        *_audit(report),
    ]


def _status(report: Report) -> TrialStatus:
    """As much of a status as a summary reads."""
    down = Condition(
        type="TornDown",
        status="True" if report.torn_down_at else "False",
        last_transition_time=report.torn_down_at or "",
        reason="NothingLeft" if report.torn_down_at else "InProgress",
        message="",
    )
    run = RunStatus(
        id=report.run,
        generation=report.generation,
        namespace=report.environment,
        started_at=report.started_at,
        finished_at=report.finished_at,
    )
    head = {"verdict": report.verdict, "reason": report.reason, "message": report.message[:1024]}
    if report.load is not None:
        return LoadTestStatus(**head, run=run, conditions=[down], result=report.load, baseline=report.baseline)
    parts = {"services": report.services, "setup": report.setup, "steps": report.steps, "teardown": report.teardown}
    return TestScenarioStatus(**head, run=run, conditions=[down], **parts)


def _heading(words: str) -> Iterator[Line]:
    yield Line()
    yield line(Span(words, Tone.HEADING))


def _timelines(report: Report) -> Iterator[Line]:
    for timeline in report.timelines:
        yield from _heading(f"load {timeline.step}".rstrip() + f" over time, to {timeline.windows[-1].at:g} s")
        yield from columns([(name, course, Span(told, Tone.QUIET)) for name, course, told in rows(timeline)])


def _suites(report: Report) -> Iterator[Line]:
    for suite in report.suites:
        yield from _heading(f"tests of {suite.step}: {suite.file}")
        yield line(f"  {_numbers(suite)}")
        for case in suite.cases:
            if case.state != "passed":
                why = f": {case.message}" if case.message else ""
                name = f"{case.group} {case.name}".strip()
                yield line("  ", Span(case.state, _TONES.get(case.state, Tone.PLAIN)), f"  {name}{why}")


def _numbers(suite: TestSuite) -> str:
    bad = f"{suite.failures} failed, {suite.errors} broke, {suite.skipped} skipped"
    return f"{suite.tests} tests: {bad}"


def _tails(report: Report) -> Iterator[Line]:
    for tail in report.tails:
        yield from _heading(f"log of {tail.owner or tail.pod} (pod {tail.pod})")
        for entry in tail.lines:
            yield line(f"  {entry}")
        if tail.unreadable:
            yield line("  ", Span(f"could not be read: {tail.unreadable}", Tone.DOUBTFUL))


def _artifacts(report: Report) -> Iterator[Line]:
    if report.artifacts:
        yield from _heading("artifacts")
    for artifact in report.artifacts:
        told = artifact.lack or f"{artifact.size:,} bytes, sha256 {artifact.sha256}"
        yield line(f"  {artifact.step}/{artifact.name}: {told}")


def _audit(report: Report) -> Iterator[Line]:
    audit = report.audit
    if audit.requesters or audit.spec_sha256:
        yield from _heading("asked for by")
    for one in audit.requesters:
        yield line(f"  {one.manager} ({one.operation}) {one.time}".rstrip())
    if audit.spec_sha256:
        yield line(f"  spec sha256 {audit.spec_sha256}")
    if audit.transitions or audit.objects:
        yield from _heading("what happened")
    for at, words in record(report):
        yield line(Span(f"  {at}  ", Tone.QUIET), words)
    for gap in audit.gaps:
        yield line("  ", Span(f"gap: {gap}", Tone.DOUBTFUL))
    for part in report.truncated:
        yield line("  ", Span(f"left out because the report was too big: {part}", Tone.DOUBTFUL))


def record(report: Report) -> list[tuple[str, str]]:
    """Objects and transitions in one row, each with its time."""
    entries = [
        (change.at, f"{change.verb} {change.kind} {change.name}{_later(rebuilt=change.rebuilt)}")
        for change in report.audit.objects
    ]
    for entry in report.audit.transitions:
        why = because(entry.reason, entry.message)
        words = f"{entry.what} {entry.state}{f' ({why})' if why else ''}"
        entries.append((entry.at, f"{words}{_later(rebuilt=entry.rebuilt)}"))
    return sorted(entries, key=lambda entry: entry[0])


def _later(*, rebuilt: bool) -> str:
    return " [read off later]" if rebuilt else ""
