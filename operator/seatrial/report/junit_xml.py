"""A report as JUnit XML, as CI systems read it: a suite for each part of the run, and for each file of test cases."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from xml.sax.saxutils import escape, quoteattr

from seatrial.api.status import ServiceState, ServiceStatus, StepState, StepStatus, Verdict
from seatrial.api.timestamp import moment
from seatrial.report.model import Report, TestCase, TestSuite
from seatrial.report.wording import because

#: Characters that XML 1.0 has no way to write.
_FORBIDDEN = re.compile(r"[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

_STATES = {
    StepState.FAILED: "failure",
    StepState.ERROR: "error",
    StepState.INCONCLUSIVE: "error",
    StepState.CANCELLED: "error",
    StepState.SKIPPED: "skipped",
    StepState.PENDING: "skipped",
    StepState.RUNNING: "error",
}


@dataclass(frozen=True)
class _Suite:
    name: str
    cases: list[TestCase] = field(default_factory=list)
    output: dict[str, str] = field(default_factory=dict)
    declared: TestSuite | None = None

    def count(self, state: str) -> int:
        return sum(case.state == state for case in self.cases)


def junit_xml(reports: Iterable[Report]) -> str:
    """Writes reports as one document.

    Args:
        reports: The reports of one or several runs.
    """
    suites = [suite for report in reports for suite in _suites(report)]
    whole = " ".join(f'{name}="{sum(_numbers(suite)[name] for suite in suites)}"' for name in _COUNTS)
    lines = ['<?xml version="1.0" encoding="UTF-8"?>', f'<testsuites name="seatrial" {whole}>']
    for suite in suites:
        lines += _written(suite)
    return "\n".join([*lines, "</testsuites>"]) + "\n"


_COUNTS = ("tests", "failures", "errors", "skipped")


def _numbers(suite: _Suite) -> dict[str, int]:
    """Counts of a suite; a file of very many cases has more than are listed."""
    listed = dict(zip(_COUNTS, (len(suite.cases), *map(suite.count, ("failure", "error", "skipped"))), strict=True))
    if suite.declared is None:
        return listed
    declared = suite.declared
    told = dict(zip(_COUNTS, (declared.tests, declared.failures, declared.errors, declared.skipped), strict=True))
    return {name: max(listed[name], told[name]) for name in _COUNTS}


def _suites(report: Report) -> list[_Suite]:
    title = f"{report.namespace}/{report.name}"
    tails = {tail.owner: "\n".join(tail.lines) or tail.unreadable for tail in report.tails}
    suites = []
    if report.services:
        suites.append(_Suite(f"{title} services", [_service(title, service) for service in report.services], tails))
    suites += [
        _Suite(f"{title} {part}", [_step(title, step) for step in steps], tails) for part, steps in report.parts()
    ]
    for each in report.suites:
        name = f"{title} {each.step} {each.file}"
        suites.append(
            _Suite(name, [case.model_copy(update={"group": case.group or name}) for case in each.cases], {}, each)
        )
    bad = {"failure", "error"}
    if report.verdict is not Verdict.PASSED and not any(case.state in bad for suite in suites for case in suite.cases):
        # Whatever kept the run from passing, a CI system must see it.
        state = "failure" if report.verdict is Verdict.FAILED else "error"
        why = because(report.reason, report.message) or "there is no verdict"
        suites.append(_Suite(f"{title} run", [TestCase(name="verdict", group=title, state=state, message=why)]))
    elif report.verdict is Verdict.PASSED and not suites:
        suites.append(_Suite(f"{title} run", [TestCase(name="verdict", group=title)]))
    return suites


def _service(title: str, service: ServiceStatus) -> TestCase:
    state = {ServiceState.HEALTHY: "passed", ServiceState.ERROR: "error"}.get(service.state, "skipped")
    return TestCase(
        name=service.name,
        group=f"{title}.services",
        state=state,
        seconds=_seconds(service.started_at, service.healthy_at),
        message="" if state == "passed" else because(service.reason, service.message),
    )


def _step(title: str, step: StepStatus) -> TestCase:
    state = _STATES.get(step.state, "passed")
    return TestCase(
        name=step.name,
        group=title,
        state=state,
        seconds=_seconds(step.started_at, step.finished_at),
        message="" if state == "passed" else because(step.reason, step.message),
    )


def _seconds(start: str | None, end: str | None) -> float:
    return max(0.0, (moment(end) - moment(start)).total_seconds()) if start and end else 0.0


def _written(suite: _Suite) -> list[str]:
    numbers = " ".join(f'{name}="{number}"' for name, number in _numbers(suite).items())
    time = f"{sum(case.seconds for case in suite.cases):.3f}"
    lines = [f'  <testsuite name={_quoted(suite.name)} {numbers} time="{time}">']
    for case in suite.cases:
        head = f'    <testcase name={_quoted(case.name)} classname={_quoted(case.group)} time="{case.seconds:.3f}"'
        output = suite.output.get(case.name, "") if case.state in {"failure", "error"} else ""
        if case.state == "passed":
            lines.append(f"{head}/>")
            continue
        lines.append(f"{head}>")
        lines.append(f"      <{case.state} message={_quoted(case.message)}>{_clean(case.text)}</{case.state}>")
        if output:
            lines.append(f"      <system-out>{_clean(output)}</system-out>")
        lines.append("    </testcase>")
    return [*lines, "  </testsuite>"]


def _clean(text: str) -> str:
    return escape(_FORBIDDEN.sub("\ufffd", text))


def _quoted(text: str) -> str:
    return quoteattr(_FORBIDDEN.sub("\ufffd", text))
