"""What a schema cannot say: graphs without cycles, names that exist, expressions that compile.

``seatrial validate``, and the operator before each run, use the same checks and print the same words.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from typing import Any, TypeVar, cast

from pydantic import ValidationError

from seatrial.api import budget, duration, template
from seatrial.api.base import Model
from seatrial.api.captures import CAPTURE_BYTES, reads_captures, secret_captures
from seatrial.api.cel import (
    ExpressionError,
    Scope,
    assertion_scope,
    http_scope,
    probe_scope,
    template_scope,
)
from seatrial.api.control import Schedule
from seatrial.api.cron import Cron, CronError
from seatrial.api.environment import NamespaceMode, Service
from seatrial.api.environment_checks import environment_problems
from seatrial.api.exchange import Exchange
from seatrial.api.expansion import expanded, mistakes
from seatrial.api.load import LoadSpec
from seatrial.api.load_scope import load_answer_scope, request_scope
from seatrial.api.loadtest import LoadTestSpec
from seatrial.api.matrix import axis_types
from seatrial.api.problem import Problem as Problem
from seatrial.api.scenario import TestScenarioSpec
from seatrial.api.schema_mistake import schema_mistake, shown
from seatrial.api.script_checks import script_problems
from seatrial.api.step import NeedResult, Step
from seatrial.api.suggestion import suggested
from seatrial.api.table import TableError, variables
from seatrial.api.threshold import compile_threshold
from seatrial.api.wait import WaitFor, WaitKind

#: A run's spec is kept in an annotation, of which Kubernetes takes 256 KiB in all.
SPEC_BYTES = 200_000

#: Workers find their load in one environment variable, of which Linux takes 128 KiB.
LOAD_BYTES = 120_000

#: Requests of a load that have results of their own in status.
EXCHANGES = 50

#: Captured values of a scenario, which are kept in status.
CAPTURES = 24

#: Shells have the same syntax.
_LITERAL = "; write $${ for ${ itself"

Spec = TypeVar("Spec", bound=TestScenarioSpec | LoadTestSpec)


class InvalidSpec(ValueError):
    """The spec has mistakes.

    Attributes:
        problems: All of them, at least one.
    """

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("; ".join(str(problem) for problem in problems))
        self.problems = problems


def read(kind: type[Spec], spec: Any) -> Spec:
    """Reads and checks a spec.

    Args:
        kind: TestScenarioSpec or LoadTestSpec.
        spec: The manifest's ``spec``.

    Raises:
        InvalidSpec: It has mistakes; all of them are named.
    """
    return read_json(kind, json.dumps(spec, default=str))


def read_json(kind: type[Spec], spec: str) -> Spec:
    """Reads and checks a spec that is written as JSON.

    Raises:
        InvalidSpec: It has mistakes; all of them are named.
    """
    model = parse_json(kind, spec)
    found = list(_problems(model))
    if found:
        raise InvalidSpec(found)
    return model


def parse_json(kind: type[Spec], spec: str) -> Spec:
    """Reads a spec without the checks that a schema cannot make.

    Raises:
        InvalidSpec: It has other mistakes; all of them are named.
    """
    if len(spec) > SPEC_BYTES:
        raise InvalidSpec([Problem("spec", "", f"is larger than {SPEC_BYTES} bytes as JSON: split the scenario")])
    try:
        # As JSON and strictly, because that is what the API server takes: it turns no text into a number.
        return cast("Spec", kind.model_validate_json(spec, strict=True))
    except ValidationError as error:
        raise InvalidSpec([schema_mistake(kind, detail) for detail in error.errors(include_url=False)]) from error


def _problems(spec: TestScenarioSpec | LoadTestSpec) -> Iterator[Problem]:
    if spec.schedule is not None:
        yield from _schedule(spec.schedule)
    yield from _scenario(spec) if isinstance(spec, TestScenarioSpec) else _load("spec", spec)


def _schedule(schedule: Schedule) -> Iterator[Problem]:
    for field, given, cron, zone in (
        ("timeZone", schedule.time_zone, "0 0 * * *", schedule.time_zone),
        ("cron", schedule.cron, schedule.cron, "UTC"),
    ):
        try:
            Cron(cron, zone)
        except CronError as error:
            yield Problem(f"spec.schedule.{field}", shown(given), str(error))


def _unknown(field: str, name: str, what: str, known: Iterable[str]) -> Problem:
    return Problem(field, shown(name), f"no such {what}; {suggested(name, known)}")


def _scenario(spec: TestScenarioSpec) -> Iterator[Problem]:
    services = {service.name: service for service in spec.environment.services}
    yield from _duplicates("spec.environment.services", [service.name for service in spec.environment.services])
    for index, service in enumerate(spec.environment.services):
        if service.storage and spec.environment.namespace is NamespaceMode.SAME:
            # A StatefulSet takes claims that are there under its names, whosever they are, and they would go with it.
            remedy = "storage needs a namespace of its own: take out namespace, or storage"
            yield Problem(f"spec.environment.services[{index}].storage", "", remedy)
        yield from _service(f"spec.environment.services[{index}]", service, services)
    if spec.environment.namespace is NamespaceMode.SAME:
        for index, step in enumerate(spec.steps):
            if step.capture_secret:
                # Beside the resource a Secret of ours would be among the tenant's own, where others may read it.
                remedy = "captured secrets need a namespace of their own: take out environment.namespace"
                yield Problem(f"spec.steps[{index}].captureSecret", "", remedy)
    depends = {name: {dep.service for dep in service.depends_on} for name, service in services.items()}
    yield from _cycle("spec.environment.services", "dependsOn", depends)
    yield from environment_problems(spec)

    jobs = [*spec.setup, *spec.teardown]
    names = [*(job.name for job in jobs), *(step.name for step in spec.steps)]
    yield from _duplicates("spec.steps", names, "setup, steps and teardown share one set of names: rename one")
    needs = {step.name: {need.step for need in step.needs} for step in spec.steps}
    yield from _cycle("spec.steps", "needs", needs)
    for phase, entries in (("setup", spec.setup), ("teardown", spec.teardown)):
        for index, entry in enumerate(entries):
            field = f"spec.{phase}[{index}].job"
            yield from _templates(field, entry.job, template_scope(frozenset()))
    yield from _captures(spec.steps)
    for index, step in enumerate(spec.steps):
        yield from _step(f"spec.steps[{index}]", step, spec.steps, services)
    wrong = [Problem(*mistake) for mistake in mistakes(spec.steps, (job.name for job in jobs))]
    yield from wrong
    if not wrong:
        yield from _waits(spec, services)
        yield from _status_size(spec)


def _status_size(spec: TestScenarioSpec) -> Iterator[Problem]:
    """What a status cannot do without fits into it: names, states, times, and captures that later steps may need."""
    bytes_needed = budget.needed(spec) + budget.captured(spec, CAPTURE_BYTES)
    if bytes_needed > budget.STATUS_BYTES:
        remedy = (
            f"its status could need {bytes_needed:,} bytes and may have {budget.STATUS_BYTES:,}: split the scenario, "
            "take captures out or give steps shorter names"
        )
        yield Problem("spec.steps", f"{len(spec.steps)} steps", remedy)


def _duplicates(field: str, names: list[str], remedy: str = "is used twice: rename one") -> Iterator[Problem]:
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield Problem(field, shown(name), remedy)


def _cycle(field: str, edge: str, graph: Mapping[str, set[str]]) -> Iterator[Problem]:
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        # graphlib lists each node before the one that waits for it; people read it the other way round.
        path = " -> ".join(reversed(error.args[1]))
        yield Problem(field, path, f"{edge} goes round in a circle: take one {edge} out")


def _existing(field: str, service: Service) -> Iterator[Problem]:
    """Nothing is started for an existing service, so nothing can be asked of how."""
    fields = type(service).model_fields
    for name in sorted(service.model_fields_set - {"name", "existing", "ports", "ready"}):
        yield Problem(f"{field}.{fields[name].alias}", "", "the service is existing and only used: take this out")
    if service.ready.command:
        yield Problem(f"{field}.ready.command", "", "nothing is run in an existing service: give http, tcp or grpc")


def _service(field: str, service: Service, services: Mapping[str, Service]) -> Iterator[Problem]:
    if service.existing:
        yield from _existing(field, service)
    for index, dependency in enumerate(service.depends_on):
        if dependency.service not in services:
            yield _unknown(f"{field}.dependsOn[{index}].service", dependency.service, "service", services)
    numbers = [port.port for port in service.ports]
    for number in sorted({number for number in numbers if numbers.count(number) > 1}):
        yield Problem(f"{field}.ports", str(number), "is given under two names: keep one")
    yield from _ready(f"{field}.ready", service)


def _ready(field: str, service: Service) -> Iterator[Problem]:
    ready = service.ready
    for kind, probe in (("http", ready.http), ("tcp", ready.tcp), ("grpc", ready.grpc)):
        if probe:
            yield from _port(f"{field}.{kind}.port", probe.port, service)
    for index, expression in enumerate(ready.http.expect if ready.http else []):
        yield from _expression(f"{field}.http.expect[{index}]", expression, probe_scope(), [], truth=True)


def _port(field: str, name: str | None, service: Service) -> Iterator[Problem]:
    names = [port.name for port in service.ports]
    if service.existing and not names:
        return  # its Service knows
    if not names:
        yield Problem(field, shown(name) if name else "", f"service {service.name} has no ports: add ports to it")
    elif name is None and len(names) > 1:
        yield Problem(field, "", f"service {service.name} has several ports ({', '.join(names)}): name one")
    elif name is not None and name not in names:
        yield _unknown(field, name, f"port of service {service.name}", names)


def _captures(steps: list[Step]) -> Iterator[Problem]:
    """Captures have one name in the whole scenario, and are so few that all of them fit into status."""
    seen: dict[str, str] = {}
    for index, step in enumerate(steps):
        for field, name in [("capture", name) for name in step.capture] + [
            ("captureSecret", name) for name in step.capture_secret
        ]:
            if name in seen:
                yield Problem(
                    f"spec.steps[{index}].{field}.{name}", "", f"step {seen[name]} captures it already: rename one"
                )
            seen.setdefault(name, step.name)
    if len(seen) > CAPTURES:
        yield Problem("spec.steps", f"{len(seen)} captures", f"take captures out: a scenario has at most {CAPTURES}")


def _step(field: str, step: Step, steps: list[Step], services: Mapping[str, Service]) -> Iterator[Problem]:
    known = {other.name: other for other in steps}
    for index, need in enumerate(step.needs):
        if need.step not in known:
            yield _unknown(f"{field}.needs[{index}].step", need.step, "step", known)
    captures = available_captures(step, known)
    plain = template_scope(captures, axis_types(step.matrix))
    if step.when:
        yield from _expression(f"{field}.when", step.when, plain, steps, truth=True)
    if step.http:
        yield from _target(f"{field}.http", step.http.service, step.http.port, services)
        yield from _templates(f"{field}.http", step.http, plain, steps)
        yield from _answers(field, step, http_scope(captures, axis_types(step.matrix)), steps)
    if step.assert_:
        for index, read in enumerate(step.assert_.reads):
            place = f"{field}.assert.reads[{index}]"
            yield from _target(place, read.service, read.port, services)
            yield from _templates(place, read, plain, steps)
        reads = [read.name for read in step.assert_.reads]
        yield from _answers(field, step, assertion_scope(reads, captures, axis_types(step.matrix)), steps)
    if step.job:
        yield from _templates(f"{field}.job", step.job, plain, steps)
    yield from _shown_secrets(field, step, secret_captures(steps))
    if step.wait and step.wait.duration is not None and step.timeout and step.timeout < step.wait.duration:
        yield Problem(f"{field}.timeout", "", "is over before wait.duration is: leave it out, or make it longer")
    if step.load:
        yield from _target(f"{field}.load.target", step.load.target.service, step.load.target.port, services)
        yield from _load(f"{field}.load", step.load)


def _target(field: str, name: str, port: str | None, services: Mapping[str, Service]) -> Iterator[Problem]:
    if name not in services:
        yield _unknown(f"{field}.service", name, "service", services)
    else:
        yield from _port(f"{field}.port", port, services[name])


def available_captures(step: Step, steps: Mapping[str, Step]) -> frozenset[str]:
    """Names of the captures a step may use: those of all steps that must have succeeded before it starts.

    A step that is needed as Failed or Completed may have captured nothing, and so may whatever it needed.
    """
    names: set[str] = set()
    seen: set[str] = set()
    waiting = [step]
    while waiting:
        for need in waiting.pop().needs:
            other = steps.get(need.step)
            if other and need.result is NeedResult.SUCCEEDED and other.name not in seen:
                seen.add(other.name)
                names.update(other.captured)
                waiting.append(other)
    return frozenset(names)


def _waits(spec: TestScenarioSpec, services: Mapping[str, Service]) -> Iterator[Problem]:
    """Deployments are called as their services, and Jobs after services and steps; pods as the cluster will have it."""
    deployments = [name for name, service in services.items() if not (service.storage or service.completes)]
    instances = [each for each in expanded(spec.steps) if each.step.job or each.step.load]
    jobs = [f"step-{name}" for name in (*(job.name for job in spec.setup), *(each.name for each in instances))]
    jobs += [f"service-{name}" for name, service in services.items() if service.completes]
    known: dict[WaitKind, list[str]] = {WaitKind.DEPLOYMENT: deployments, WaitKind.JOB: jobs}
    for index, step in enumerate(spec.steps):
        wanted: WaitFor | None = step.wait.for_ if step.wait else None
        if wanted and wanted.kind in known and wanted.name not in known[wanted.kind]:
            yield _unknown(f"spec.steps[{index}].wait.for.name", wanted.name, wanted.kind, known[wanted.kind])


def _shown_secrets(field: str, step: Step, secrets: frozenset[str]) -> Iterator[Problem]:
    """Secrets may go into requests and into the env of Jobs; anything else of a Job, and captures, can be read."""
    for name, expression in step.capture.items():
        for secret in sorted(reads_captures([expression]) & secrets):
            yield Problem(f"{field}.capture.{name}", "", f"captures.{secret} is a secret: use captureSecret here too")
    for name, value in (step.job.to_kubernetes() if step.job else {}).items():
        if name != "env":
            for secret in sorted(reads_captures(template.expressions(value)) & secrets):
                yield Problem(
                    f"{field}.job.{name}", "", f"captures.{secret} is a secret, which would be shown here: use env"
                )


def _answers(field: str, step: Step, scope: Scope, steps: list[Step]) -> Iterator[Problem]:
    for index, expression in enumerate(step.expect):
        yield from _expression(f"{field}.expect[{index}]", expression, scope, steps, truth=True)
    for name, expression in step.capture.items():
        yield from _expression(f"{field}.capture.{name}", expression, scope, steps)
    for name, expression in step.capture_secret.items():
        yield from _expression(f"{field}.captureSecret.{name}", expression, scope, steps)


def _templates(field: str, model: Model, scope: Scope, steps: list[Step] | None = None) -> Iterator[Problem]:
    """Checks every ``${…}`` anywhere in a request or a Job."""
    for name, value in model.to_kubernetes().items():
        yield from _template(f"{field}.{name}", value, scope, steps or [])


def _template(field: str, value: Any, scope: Scope, steps: list[Step]) -> Iterator[Problem]:
    for expression in template.expressions(value):
        yield from _expression(field, expression, scope, steps, remedy=_LITERAL)
    for text in template.unfinished(value):
        remedy = f"${{ begins an expression, which ends with }} and holds no braces{_LITERAL}"
        yield Problem(field, shown(text), remedy)


def _load(field: str, spec: LoadSpec) -> Iterator[Problem]:
    where = f"{field}.flows" if spec.flows else f"{field}.requests"
    yield from _duplicates(where, list(spec.labels), "two requests are reported under this name: give each a name")
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
                yield from _expression(f"{path}.capture.{name}", expression, load_answer_scope(scope), [])
            captured += step.capture


def _exchange(field: str, exchange: Exchange, scope: Scope) -> Iterator[Problem]:
    for name in ("path", "headers", "json_body", "text", "form"):
        value = exchange.to_kubernetes().get("json" if name == "json_body" else name)
        yield from _template(f"{field}.{name.removesuffix('_body')}", value, scope, [])
    for index, expression in enumerate(exchange.expect):
        yield from _expression(f"{field}.expect[{index}]", expression, load_answer_scope(scope), [], truth=True)


def _threshold(field: str, expression: str, labels: tuple[str, ...]) -> Iterator[Problem]:
    try:
        program = compile_threshold(expression, labels)
    except ExpressionError as error:
        yield Problem(field, shown(expression), str(error))
        return
    if not program.boolean:
        yield Problem(field, shown(expression), "is never true or false: compare it with something")


def _expression(
    field: str, expression: str, scope: Scope, steps: list[Step], *, truth: bool = False, remedy: str = ""
) -> Iterator[Problem]:
    try:
        program = scope.compile(expression)
    except ExpressionError as error:
        yield Problem(field, shown(expression), _capture_remedy(f"{error}{remedy}", steps))
        return
    if truth and not program.boolean:
        yield Problem(field, shown(expression), "is never true or false: compare it with something")


def _capture_remedy(message: str, steps: list[Step]) -> str:
    """Says which step to need, where the unknown name is a capture that another step makes."""
    for step in steps:
        for name in step.captured:
            if f"undeclared reference to 'captures.{name}'" in message:
                return f"{name} is captured by step {step.name}: add `needs: [{{step: {step.name}}}]`"
    return message
