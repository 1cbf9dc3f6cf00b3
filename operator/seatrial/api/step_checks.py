"""Steps that need, ask for, capture or show what they cannot."""

from collections.abc import Iterator, Mapping

from seatrial.api import template
from seatrial.api.captures import reads_captures, secret_captures
from seatrial.api.cel import Scope, assertion_scope, http_scope, template_scope
from seatrial.api.environment import Service
from seatrial.api.expansion import expanded
from seatrial.api.expression_checks import expression_problems, templates_in
from seatrial.api.load_checks import load_problems
from seatrial.api.matrix import axis_types
from seatrial.api.name_checks import unknown
from seatrial.api.problem import Problem
from seatrial.api.scenario import TestScenarioSpec
from seatrial.api.service_checks import port_problems
from seatrial.api.step import NeedResult, Step
from seatrial.api.wait import WaitFor, WaitKind

#: Captured values of a scenario, which are kept in status.
CAPTURES = 24


def step_problems(field: str, step: Step, steps: list[Step], services: Mapping[str, Service]) -> Iterator[Problem]:
    """Checks a step against the others and the services."""
    known = {other.name: other for other in steps}
    for index, need in enumerate(step.needs):
        if need.step not in known:
            yield unknown(f"{field}.needs[{index}].step", need.step, "step", known)
    captures = available_captures(step, known)
    plain = template_scope(captures, axis_types(step.matrix))
    if step.when:
        yield from expression_problems(f"{field}.when", step.when, plain, steps, truth=True)
    if step.http:
        yield from target_problems(f"{field}.http", step.http.service, step.http.port, services)
        yield from templates_in(f"{field}.http", step.http, plain, steps)
        yield from _answers(field, step, http_scope(captures, axis_types(step.matrix)), steps)
    if step.assert_:
        for index, read in enumerate(step.assert_.reads):
            place = f"{field}.assert.reads[{index}]"
            yield from target_problems(place, read.service, read.port, services)
            yield from templates_in(place, read, plain, steps)
        reads = [read.name for read in step.assert_.reads]
        yield from _answers(field, step, assertion_scope(reads, captures, axis_types(step.matrix)), steps)
    if step.job:
        yield from templates_in(f"{field}.job", step.job, plain, steps)
    yield from _shown_secrets(field, step, secret_captures(steps))
    if step.wait and step.wait.duration is not None and step.timeout and step.timeout < step.wait.duration:
        yield Problem(f"{field}.timeout", "", "is over before wait.duration is: leave it out, or make it longer")
    if step.load:
        yield from target_problems(f"{field}.load.target", step.load.target.service, step.load.target.port, services)
        yield from load_problems(f"{field}.load", step.load)


def target_problems(field: str, name: str, port: str | None, services: Mapping[str, Service]) -> Iterator[Problem]:
    """Checks the service that a request or load goes to."""
    if name not in services:
        yield unknown(f"{field}.service", name, "service", services)
    else:
        yield from port_problems(f"{field}.port", port, services[name])


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


def wait_problems(spec: TestScenarioSpec, services: Mapping[str, Service]) -> Iterator[Problem]:
    """Deployments are called as their services, and Jobs after services and steps; pods as the cluster will have it."""
    deployments = [name for name, service in services.items() if not (service.storage or service.completes)]
    instances = [each for each in expanded(spec.steps) if each.step.job or each.step.load]
    jobs = [f"step-{name}" for name in (*(job.name for job in spec.setup), *(each.name for each in instances))]
    jobs += [f"service-{name}" for name, service in services.items() if service.completes]
    known: dict[WaitKind, list[str]] = {WaitKind.DEPLOYMENT: deployments, WaitKind.JOB: jobs}
    for index, step in enumerate(spec.steps):
        wanted: WaitFor | None = step.wait.for_ if step.wait else None
        if wanted and wanted.kind in known and wanted.name not in known[wanted.kind]:
            yield unknown(f"spec.steps[{index}].wait.for.name", wanted.name, wanted.kind, known[wanted.kind])


def capture_problems(steps: list[Step]) -> Iterator[Problem]:
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
        yield from expression_problems(f"{field}.expect[{index}]", expression, scope, steps, truth=True)
    for name, expression in step.capture.items():
        yield from expression_problems(f"{field}.capture.{name}", expression, scope, steps)
    for name, expression in step.capture_secret.items():
        yield from expression_problems(f"{field}.captureSecret.{name}", expression, scope, steps)
