"""What came of a run, as a person wants to read it: the verdict first, then why, then the numbers."""

from collections.abc import Iterator, Sequence

from seatrial.api.status import LatencySummary, LoadResult, LoadTestStatus, Phase, StepState, StepStatus, TrialStatus
from seatrial.report import sections
from seatrial.report.line import Line, Span, Tone, Words, columns, line
from seatrial.report.wording import (
    attempts,
    because,
    combination,
    condition,
    generator,
    healthy_after,
    is_true,
    optional,
    percent,
    rate,
    since,
    took,
    use,
    worded,
    worse,
)

_QUANTILES = ("p50", "p90", "p99", "p99.9", "max")


def summary(status: TrialStatus, title: str) -> list[Line]:
    """Words the result of a run that has a verdict.

    Args:
        status: Its last status.
        title: What was run, for example ``TestScenario shop/checkout``.
    """
    return [
        *_verdict(status, title),
        *_services(status),
        *_steps(status),
        *(entry for name, result in sections.loads(status) for entry in _load(name, result)),
        *_baseline(status),
        *_left_behind(status),
    ]


def _verdict(status: TrialStatus, title: str) -> Iterator[Line]:
    time = took(status.run) if status.run else ""
    run = f", run {status.run.id}" if status.run else ""
    verdict = worded(status.verdict) if status.verdict else Span("no verdict", Tone.BAD)
    yield line(verdict, f"  {title}{run}", f", in {time}" if time else "")
    why = because(status.reason, status.message)
    if why:
        yield line(f"  {why}")


def _services(status: TrialStatus) -> Iterator[Line]:
    rows: list[Sequence[Words]] = []
    for service in sections.services(status):
        healthy = service.state.up
        why = "" if healthy else because(service.reason, service.message)
        rows.append((service.name, worded(service.state), healthy_after(service) if healthy else "", why))
    yield from _section("services", rows)


def _steps(status: TrialStatus) -> Iterator[Line]:
    for heading, entries in sections.steps(status):
        yield from _section(heading, [_step(step) for step in entries])


def _step(step: StepStatus) -> Sequence[Words]:
    details = [
        combination(step),
        optional(step),
        attempts(step),
        "" if step.state is StepState.SUCCEEDED else because(step.reason, step.message),
    ]
    return step.name, worded(step.state), took(step), ", ".join(part for part in details if part)


def _section(heading: str, rows: Sequence[Sequence[Words]]) -> Iterator[Line]:
    if rows:
        yield Line()
        yield line(Span(heading, Tone.HEADING))
        yield from columns(rows, right=frozenset({2}))


def _load(name: str, result: LoadResult) -> Iterator[Line]:
    yield Line()
    yield line(Span(f"load {name}".rstrip(), Tone.HEADING))
    yield from columns(list(_numbers(result)))
    yield from _latencies(result)
    if result.thresholds:
        yield line("  thresholds")
        yield from columns(
            [
                (worded(each.state), each.expr, ", ".join(filter(None, (each.value, since(each)))))
                for each in result.thresholds
            ],
            indent=4,
        )
    if len(result.by_request) > 1:
        yield line("  by request")
        titles = ("", "requests", "errors", "p50", "p99")
        rows = [(each.name, f"{each.requests:,}", f"{each.errors:,}", each.p50, each.p99) for each in result.by_request]
        yield from columns([_quiet(titles), *rows], indent=4, right=frozenset({1, 2, 3, 4}))


def _baseline(status: TrialStatus) -> Iterator[Line]:
    baseline = status.baseline if isinstance(status, LoadTestStatus) else None
    if baseline is None or not status.verdict:
        return
    yield Line()
    yield line(Span(f"compared with run {baseline.run}" if baseline.run else "compared with none", Tone.HEADING))
    if baseline.message:
        yield line(f"  {baseline.message}")
    yield from columns(
        [(worded(one.state), one.metric, f"{one.after}, was {one.before}", worse(one)) for one in baseline.metrics]
    )


def _numbers(result: LoadResult) -> Iterator[Sequence[Words]]:
    yield "requests", f"{result.requests:,} in {result.measured_seconds:,.1f} s"
    if result.iterations is not None:
        yield "iterations", f"{result.iterations:,}"
    yield "rate", rate(result)
    kinds = ", ".join(f"{entry.kind} {entry.count:,}" for entry in result.errors_by_kind)
    share = f"{result.errors:,} ({percent(result.error_rate)})" if result.errors else "0"
    detail = f": {kinds}" if result.errors and kinds else ""
    yield "errors", Span(share + detail, Tone.BAD if result.errors else Tone.PLAIN)
    if result.checks:
        tone = Tone.BAD if result.checks_failed else Tone.PLAIN
        yield "checks", Span(f"{result.checks_failed:,} of {result.checks:,} did not hold", tone)
    if result.dropped:
        yield "dropped", Span(f"{result.dropped:,} arrivals not sent: too many were unanswered", Tone.DOUBTFUL)
    if result.bytes_received:
        yield "bytes", f"{result.bytes_sent:,} sent, {result.bytes_received:,} received"
    if result.generator:
        yield "generator", generator(result.generator)
    for one in result.resource_use:
        yield one.name, Span(use(one), Tone.BAD if one.restarts or one.oom_kills else Tone.PLAIN)
    whole = result.workers_finished == result.workers
    tone = Tone.PLAIN if whole else Tone.DOUBTFUL
    yield "workers", Span(f"{result.workers_finished} of {result.workers} reported to the end", tone)


def _latencies(result: LoadResult) -> list[Line]:
    rows: list[Sequence[Words]] = [
        (name, *_quantiles(latency), Span(note, Tone.QUIET))
        for name, latency, note in (
            ("latency", result.latency, "from the intended start of each request"),
            ("service time", result.service_time, "from the actual send of each request"),
            ("first byte", result.ttfb, "from the actual send of each request"),
            ("connect", result.connect, f"of {result.connections:,} connections"),
            ("TLS", result.tls, "handshake, after connecting"),
        )
        if latency
    ]
    titles = ("", *_QUANTILES)
    return columns([_quiet(titles), *rows], right=frozenset(range(1, len(titles)))) if rows else []


def _quantiles(latency: LatencySummary) -> tuple[str, ...]:
    return latency.p50, latency.p90, latency.p99, latency.p999, latency.max


def _quiet(titles: Sequence[str]) -> list[Words]:
    return [Span(title, Tone.QUIET) for title in titles]


def _left_behind(status: TrialStatus) -> Iterator[Line]:
    torn_down = condition(status, "TornDown")
    if status.phase is Phase.RETAINED:
        yield Line()
        yield line(Span("what failed is kept", Tone.DOUBTFUL), ": delete the resource to take it away now")
    elif not is_true(torn_down):
        why = torn_down.message if torn_down else ""
        yield Line()
        yield line(Span("not everything is taken away yet", Tone.DOUBTFUL), f": {why}" if why else "")
