"""Load whose requests, data or thresholds do not fit."""

from collections.abc import Iterator

from seatrial.api import duration
from seatrial.api.cel import ExpressionError, Scope
from seatrial.api.exchange import Exchange
from seatrial.api.expression_checks import expression_problems, template_problems
from seatrial.api.load import LoadSpec
from seatrial.api.load_scope import load_answer_scope, request_scope
from seatrial.api.name_checks import duplicates
from seatrial.api.problem import Problem
from seatrial.api.schema_mistake import shown
from seatrial.api.script_checks import script_problems
from seatrial.api.table import TableError, variables
from seatrial.api.threshold import compile_threshold

#: Workers find their load in one environment variable, of which Linux takes 128 KiB.
LOAD_BYTES = 120_000

#: Requests of a load that have results of their own in status.
EXCHANGES = 50


def load_problems(field: str, spec: LoadSpec) -> Iterator[Problem]:
    """Checks load: its requests, data, limits and thresholds."""
    where = f"{field}.flows" if spec.flows else f"{field}.requests"
    yield from duplicates(where, list(spec.labels), "two requests are reported under this name: give each a name")
    if len(spec.exchanges) > EXCHANGES:
        yield Problem(where, f"{len(spec.exchanges)} steps", f"take steps out: all flows have {EXCHANGES} at most")
    if (size := len(spec.model_dump_json(by_alias=True, exclude_none=True))) > LOAD_BYTES:
        yield Problem(field, f"{size} bytes", f"is larger than {LOAD_BYTES} bytes as JSON: shorten data and bodies")
    if spec.profile.idle and not spec.profile.scripted:
        yield Problem(f"{field}.profile.stages", "", "nothing is sent after the warm-up: raise a stage above 0")
    if spec.profile.open and (spec.profile.iterations or 0) > spec.profile.arriving:
        remedy = f"rate and time let only {spec.profile.arriving:.0f} come: lower it, or raise them"
        yield Problem(f"{field}.profile.iterations", str(spec.profile.iterations), remedy)
    connect = spec.connections.connect_timeout
    if connect is not None and connect >= spec.request_timeout:
        remedy = "is not over before requestTimeout is: make it shorter, or leave it out"
        yield Problem(f"{field}.connections.connectTimeout", duration.text(connect), remedy)
    yield from _exchanges(field, spec)
    yield from script_problems(field, spec)
    for index, threshold in enumerate(spec.thresholds):
        path = f"{field}.thresholds[{index}]"
        yield from _threshold(f"{path}.expr", threshold.expr, spec.labels)
        if threshold.after >= spec.profile.measured:
            remedy = "comes after the end of the load: make it shorter than the time that is measured"
            yield Problem(f"{path}.after", duration.text(threshold.after), remedy)


def _exchanges(field: str, spec: LoadSpec) -> Iterator[Problem]:
    """Checks every expression in requests and flows."""
    for index, data in enumerate(spec.data):
        try:
            variables([data])
        except TableError as error:
            yield Problem(f"{field}.data[{index}].csv", "", str(error))
            return
    for number, request in enumerate(spec.requests):
        yield from _exchange(f"{field}.requests[{number}]", request, request_scope(spec.data))
    for number, flow in enumerate(spec.flows):
        captured: list[str] = []
        for place, step in enumerate(flow.steps):
            path, scope = f"{field}.flows[{number}].steps[{place}]", request_scope(spec.data, captured)
            yield from _exchange(path, step, scope)
            for name, expression in step.capture.items():
                yield from expression_problems(f"{path}.capture.{name}", expression, load_answer_scope(scope), [])
            captured += step.capture


def _exchange(field: str, exchange: Exchange, scope: Scope) -> Iterator[Problem]:
    for name in ("path", "headers", "json_body", "text", "form"):
        value = exchange.to_kubernetes().get("json" if name == "json_body" else name)
        yield from template_problems(f"{field}.{name.removesuffix('_body')}", value, scope, [])
    for index, expression in enumerate(exchange.expect):
        yield from expression_problems(f"{field}.expect[{index}]", expression, load_answer_scope(scope), [], truth=True)


def _threshold(field: str, expression: str, labels: tuple[str, ...]) -> Iterator[Problem]:
    try:
        program = compile_threshold(expression, labels)
    except ExpressionError as error:
        yield Problem(field, shown(expression), str(error))
        return
    if not program.boolean:
        yield Problem(field, shown(expression), "is never true or false: compare it with something")
