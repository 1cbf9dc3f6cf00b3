"""A report as one page of HTML: nothing in it runs, and nothing is fetched."""

import base64
from collections.abc import Iterable, Iterator, Sequence
from html import escape

from seatrial.api.status import BaselineStatus, LatencySummary, LoadResult, StepStatus
from seatrial.api.timeline import Timeline
from seatrial.report.chart import STYLE, chart
from seatrial.report.course import number, series
from seatrial.report.line import Tone
from seatrial.report.model import Artifact, Report, Tail, TestSuite
from seatrial.report.text import record
from seatrial.report.wording import because, between, healthy_after, percent, rate, tone_of, took, use, worse

_POLICY = "default-src 'none'; style-src 'unsafe-inline'"

_STYLE = (
    """
:root { color-scheme: light dark; --line: #d0d7de; --quiet: #57606a; --good: #116329; --bad: #a40e26; --doubt: #7d4e00;
  --back: #f6f8fa; }
@media (prefers-color-scheme: dark) { :root { --line: #3d444d; --quiet: #9da7b3; --good: #56d364; --bad: #ff8a80;
  --doubt: #e3b341; --back: #161b22; } }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 70rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.2rem; margin-top: 2rem; }
table { border-collapse: collapse; width: 100%; } caption { text-align: left; color: var(--quiet); }
th, td { text-align: left; padding: .3rem .8rem .3rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
td { overflow-wrap: anywhere; } td:first-child, td:last-child:nth-child(n + 3) { min-width: 9rem; }
td:not(:first-child):not(:last-child) { white-space: nowrap; }
pre { background: var(--back); border: 1px solid var(--line); padding: .6rem; overflow-x: auto; white-space: pre-wrap;
  overflow-wrap: anywhere; }
.good { color: var(--good); } .bad { color: var(--bad); } .doubtful { color: var(--doubt); }
.quiet { color: var(--quiet); }
.good, .bad, .doubtful { font-weight: 600; } .number { text-align: right; font-variant-numeric: tabular-nums; }
summary { cursor: pointer; }
@media print { body { margin: 0; max-width: none; } pre, tr { break-inside: avoid; } }
"""
    + STYLE
)

_CLASSES = {Tone.GOOD: "good", Tone.BAD: "bad", Tone.DOUBTFUL: "doubtful", Tone.QUIET: "quiet"}
_CASE_CLASSES = {"failure": "bad", "error": "bad", "skipped": "quiet"}


def html(reports: Sequence[Report]) -> str:
    """Writes reports as one page.

    Args:
        reports: The reports of one or several runs.
    """
    title = ", ".join(f"{report.verdict or 'no verdict'}: {report.namespace}/{report.name}" for report in reports)
    body = "\n".join(part for report in reports for part in _report(report))
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        f"<title>{escape(title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n<main>\n{body}\n</main>\n</body>\n</html>\n"
    )


def _report(report: Report) -> Iterator[str]:
    verdict = _toned(report.verdict.value, tone_of(report.verdict)) if report.verdict else "no verdict"
    yield f"<article>\n<h1>{verdict} {escape(report.title)}</h1>"
    if why := because(report.reason, report.message):
        yield f"<p>{escape(why)}</p>"
    yield from _facts(report)
    if report.services:
        rows = [
            (escape(one.name), _toned(one.state.value, tone_of(one.state)), healthy_after(one), escape(_why(one)))
            for one in report.services
        ]
        yield from _table("Services", ("Service", "State", "Healthy after", "Why"), rows)
    for heading, steps in report.parts():
        yield from _table(heading.capitalize(), ("Step", "State", "Took", "Why"), [_step(step) for step in steps])
    loads = [("", report.load)] if report.load else []
    loads += [(step.name, step.load) for _, steps in report.parts() for step in steps if step.load]
    for name, load in loads:
        yield from _load(name, load)
    if report.baseline is not None:
        yield from _baseline(report.baseline)
    for timeline in report.timelines:
        yield from _timeline(timeline)
    for suite in report.suites:
        yield from _suite(suite)
    for tail in report.tails:
        yield from _tail(tail)
    for artifact in report.artifacts:
        yield from _artifact(artifact)
    yield from _audit(report)
    yield "</article>"


def _facts(report: Report) -> Iterator[str]:
    facts = [
        ("Run", f"{report.run} (generation {report.generation})"),
        ("Environment", report.environment or ""),
        ("Started", report.started_at or ""),
        ("Verdict", f"{report.finished_at or ''} after {between(report.started_at, report.finished_at)}"),
        ("Everything taken away", report.torn_down_at or "not when this was written"),
        ("Spec sha256", report.audit.spec_sha256),
        ("Asked for by", ", ".join(f"{one.manager} {one.time}".strip() for one in report.audit.requesters)),
        ("Left out", "; ".join(report.truncated)),
    ]
    rows = "".join(f'<tr><th scope="row">{name}</th><td>{escape(told)}</td></tr>' for name, told in facts if told)
    yield f"<table>{rows}</table>"


def _why(thing: object) -> str:
    state = getattr(thing, "state", None)
    good = state is not None and tone_of(state) is Tone.GOOD
    return "" if good else because(getattr(thing, "reason", ""), getattr(thing, "message", ""))


def _step(step: StepStatus) -> tuple[str, ...]:
    kept = "; ".join(f"{name} = {value}" for name, value in step.captures.items())
    why = " · ".join(part for part in (_why(step), f"captured {kept}" if kept else "") if part)
    return escape(step.name), _toned(step.state.value, tone_of(step.state)), took(step), escape(why)


def _load(name: str, load: LoadResult) -> Iterator[str]:
    numbers = [
        ("Requests", f"{load.requests:,} in {load.measured_seconds:,.1f} s"),
        ("Rate", rate(load)),
        ("Errors", f"{load.errors:,} ({percent(load.error_rate)})"),
        ("Dropped", f"{load.dropped:,}"),
        ("Bytes", f"{load.bytes_sent:,} sent, {load.bytes_received:,} received"),
        ("Connections", f"{load.connections:,} opened after the warm-up"),
        ("Workers", f"{load.workers_finished} of {load.workers} reported to the end"),
    ]
    numbers += [(escape(one.name), use(one)) for one in load.resource_use]
    yield from _table(f"Load {name}".strip(), ("Number", "Value"), [(key, escape(value)) for key, value in numbers])
    pairs = (
        ("latency, from the intended start", load.latency),
        ("service time, from the send", load.service_time),
        ("first byte, from the send", load.ttfb),
        ("connecting", load.connect),
        ("TLS handshake", load.tls),
    )
    rows = [(title, *_quantiles(summary)) for title, summary in pairs if summary]
    if rows:
        titles = ("", "min", "mean", "p50", "p90", "p95", "p99", "p99.9", "max")
        yield from _table("", titles, rows, numbers=True)
    rows = [
        (escape(one.expr), _toned(one.state.value, tone_of(one.state)), escape(one.value)) for one in load.thresholds
    ]
    if rows:
        yield from _table("", ("Threshold", "State", "Value"), rows)
    if load.by_request:
        requests = [
            (escape(one.name), f"{one.requests:,}", f"{one.errors:,}", one.p50, one.p99) for one in load.by_request
        ]
        yield from _table("", ("Request", "requests", "errors", "p50", "p99"), requests, numbers=True)


def _baseline(baseline: BaselineStatus) -> Iterator[str]:
    yield f"<h2>Compared with {f'run {escape(baseline.run)}' if baseline.run else 'none'}</h2>"
    if baseline.message:
        yield f"<p>{escape(baseline.message)}</p>"
    rows = [
        (escape(one.metric), _toned(one.state.value, tone_of(one.state)), one.before, one.after, worse(one))
        for one in baseline.metrics
    ]
    if rows:
        yield from _table("", ("Metric", "State", "Before", "Now", "Worse by"), rows)


def _timeline(timeline: Timeline) -> Iterator[str]:
    yield f"<h2>{escape(f'Load {timeline.step}'.rstrip())} over time</h2>"
    yield from (drawn for heading, group in series(timeline) if (drawn := chart(heading, group)))
    titles = (
        "until (s)",
        "seconds",
        "requests",
        "errors",
        "per second",
        "in flight",
        "p50 (ms)",
        "p95 (ms)",
        "p99 (ms)",
    )
    rows = [
        (
            *(f"{one.at:g}", f"{one.seconds:.3g}", f"{one.requests:,}", f"{one.errors:,}", number(one.rate)),
            *(f"{one.in_flight:g}", *("" if told is None else number(told) for told in (one.p50, one.p95, one.p99))),
        )
        for one in timeline.windows
    ]
    yield f"<details><summary>{len(rows)} windows</summary>"
    yield from _table("", titles, rows, numbers=True)
    yield "</details>"


def _quantiles(summary: LatencySummary) -> tuple[str, ...]:
    return (
        summary.min,
        summary.mean,
        summary.p50,
        summary.p90,
        summary.p95,
        summary.p99,
        summary.p999,
        summary.max,
    )


def _suite(suite: TestSuite) -> Iterator[str]:
    bad = [case for case in suite.cases if case.state in {"failure", "error"}]
    counts = f"{suite.tests} tests, {suite.failures} failed, {suite.errors} broke, {suite.skipped} skipped"
    yield f"<h2>Tests of {escape(suite.step)}: {escape(suite.file)}</h2>\n<p>{counts}</p>"
    for case in bad:
        name = f"{case.group} {case.name}".strip()
        yield f'<details open><summary><span class="bad">{case.state}</span> {escape(name)}</summary>'
        yield f"<p>{escape(case.message)}</p>"
        yield f"<pre>{escape(case.text)}</pre></details>" if case.text else "</details>"
    others = [case for case in suite.cases if case not in bad]
    if others:
        rows = [
            (
                escape(f"{case.group} {case.name}".strip()),
                f'<span class="{_CASE_CLASSES.get(case.state, "good")}">{case.state}</span>',
                f"{case.seconds:.3f} s",
            )
            for case in others
        ]
        yield "<details><summary>All others</summary>"
        yield from _table("", ("Case", "State", "Took"), rows)
        yield "</details>"


def _tail(tail: Tail) -> Iterator[str]:
    yield f"<h2>Log of {escape(tail.owner or tail.pod)}</h2>\n<p class=quiet>Last lines of pod {escape(tail.pod)}</p>"
    shown = "\n".join(tail.lines) or f"(could not be read: {tail.unreadable})"
    yield f"<pre>{escape(shown)}</pre>"


def _artifact(artifact: Artifact) -> Iterator[str]:
    yield f"<h2>Artifact {escape(artifact.name)} of {escape(artifact.step)}</h2>"
    if artifact.lack:
        yield f"<p class=doubtful>{escape(artifact.lack)}</p>"
        return
    yield f"<p class=quiet>{artifact.size:,} bytes, sha256 {escape(artifact.sha256)}</p>"
    if artifact.encoding == "utf-8":
        yield f"<details><summary>Show</summary><pre>{escape(artifact.content)}</pre></details>"
        return
    # Checked, because it goes into an address.
    content = base64.b64encode(base64.b64decode(artifact.content)).decode()
    address = f"data:application/octet-stream;base64,{content}"
    yield f'<p><a download="{escape(artifact.name)}" href="{address}">Save {escape(artifact.name)}</a></p>'


def _audit(report: Report) -> Iterator[str]:
    yield "<h2>What happened</h2>"
    yield from (f"<p class=doubtful>Gap: {escape(gap)}</p>" for gap in report.audit.gaps)
    rows = [(escape(at), escape(words)) for at, words in record(report)]
    if rows:
        yield f"<details><summary>{len(rows)} entries</summary>"
        yield from _table("", ("Time (UTC)", "What"), rows)
        yield "</details>"


def _table(
    heading: str, titles: Sequence[str], rows: Iterable[Sequence[str]], *, numbers: bool = False
) -> Iterator[str]:
    """Lays cells out, which are HTML already; with numbers, all columns but the first are aligned to the right."""
    if heading:
        yield f"<h2>{escape(heading)}</h2>"
    kind = ' class="number"' if numbers else ""
    head = "".join(f'<th scope="col"{kind if place else ""}>{title}</th>' for place, title in enumerate(titles))
    lines = "\n".join(
        "<tr>" + "".join(f"<td{kind if place else ''}>{cell}</td>" for place, cell in enumerate(row)) + "</tr>"
        for row in rows
    )
    yield f"<table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{lines}\n</tbody>\n</table>"


def _toned(word: str, tone: Tone) -> str:
    return f'<span class="{_CLASSES.get(tone, "plain")}">{escape(word)}</span>'
