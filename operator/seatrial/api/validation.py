"""What a schema cannot say: graphs without cycles, names that exist, expressions that compile.

``seatrial validate``, and the operator before each run, use the same checks and print the same words.
"""

import json
from collections.abc import Iterator
from typing import Any, TypeVar, cast

from pydantic import ValidationError

from seatrial.api import budget
from seatrial.api.captures import CAPTURE_BYTES
from seatrial.api.cel import template_scope
from seatrial.api.control import Schedule
from seatrial.api.cron import Cron, CronError
from seatrial.api.environment import NamespaceMode
from seatrial.api.environment_checks import environment_problems
from seatrial.api.expansion import mistakes
from seatrial.api.expression_checks import templates_in
from seatrial.api.load_checks import load_problems
from seatrial.api.loadtest import LoadTestSpec
from seatrial.api.name_checks import cycle, duplicates
from seatrial.api.problem import Problem as Problem
from seatrial.api.scenario import TestScenarioSpec
from seatrial.api.schema_mistake import schema_mistake, shown
from seatrial.api.service_checks import service_problems
from seatrial.api.step_checks import capture_problems, step_problems, wait_problems

#: A run's spec is kept in an annotation, of which Kubernetes takes 256 KiB in all.
SPEC_BYTES = 200_000

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
    yield from _scenario(spec) if isinstance(spec, TestScenarioSpec) else load_problems("spec", spec)


def _schedule(schedule: Schedule) -> Iterator[Problem]:
    for field, given, cron, zone in (
        ("timeZone", schedule.time_zone, "0 0 * * *", schedule.time_zone),
        ("cron", schedule.cron, schedule.cron, "UTC"),
    ):
        try:
            Cron(cron, zone)
        except CronError as error:
            yield Problem(f"spec.schedule.{field}", shown(given), str(error))


def _scenario(spec: TestScenarioSpec) -> Iterator[Problem]:
    services = {service.name: service for service in spec.environment.services}
    yield from duplicates("spec.environment.services", [service.name for service in spec.environment.services])
    for index, service in enumerate(spec.environment.services):
        if service.storage and spec.environment.namespace is NamespaceMode.SAME:
            # A StatefulSet takes claims that are there under its names, whosever they are, and they would go with it.
            remedy = "storage needs a namespace of its own: take out namespace, or storage"
            yield Problem(f"spec.environment.services[{index}].storage", "", remedy)
        yield from service_problems(f"spec.environment.services[{index}]", service, services)
    if spec.environment.namespace is NamespaceMode.SAME:
        for index, step in enumerate(spec.steps):
            if step.capture_secret:
                # Beside the resource a Secret of ours would be among the tenant's own, where others may read it.
                remedy = "captured secrets need a namespace of their own: take out environment.namespace"
                yield Problem(f"spec.steps[{index}].captureSecret", "", remedy)
    depends = {name: {dep.service for dep in service.depends_on} for name, service in services.items()}
    yield from cycle("spec.environment.services", "dependsOn", depends)
    yield from environment_problems(spec)

    jobs = [*spec.setup, *spec.teardown]
    names = [*(job.name for job in jobs), *(step.name for step in spec.steps)]
    yield from duplicates("spec.steps", names, "setup, steps and teardown share one set of names: rename one")
    needs = {step.name: {need.step for need in step.needs} for step in spec.steps}
    yield from cycle("spec.steps", "needs", needs)
    for phase, entries in (("setup", spec.setup), ("teardown", spec.teardown)):
        for index, entry in enumerate(entries):
            field = f"spec.{phase}[{index}].job"
            yield from templates_in(field, entry.job, template_scope(frozenset()))
    yield from capture_problems(spec.steps)
    for index, step in enumerate(spec.steps):
        yield from step_problems(f"spec.steps[{index}]", step, spec.steps, services)
    wrong = [Problem(*mistake) for mistake in mistakes(spec.steps, (job.name for job in jobs))]
    yield from wrong
    if not wrong:
        yield from wait_problems(spec, services)
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
