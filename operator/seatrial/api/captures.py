"""Captures: which expressions read which, and which of them are secret."""

import re
from collections.abc import Iterable

from seatrial.api import template
from seatrial.api.step import Job, Step

#: Bytes of one captured value, as JSON. It is kept in status, which has a budget.
CAPTURE_BYTES = 512

_READ = re.compile(r"\bcaptures\s*\.\s*([A-Za-z_]\w*)")


def reads_captures(expressions: Iterable[str]) -> frozenset[str]:
    """Names of the captures that some expressions read; in doubt too many, never too few."""
    return frozenset(name for expression in expressions for name in _READ.findall(expression))


def used_captures(step: Step) -> frozenset[str]:
    """Names of the captures that a step's request, Job or expressions read."""
    models = [model.to_kubernetes() for model in (step.http, step.job, step.assert_) if model is not None]
    texts = [step.when or "", *step.expect, *step.capture.values(), *step.capture_secret.values()]
    return reads_captures([*template.expressions(models), *texts])


def secret_captures(steps: Iterable[Step]) -> frozenset[str]:
    """Names of the captures that are secret."""
    return frozenset(name for step in steps for name in step.capture_secret)


def secret_env(job: Job, secrets: Iterable[str]) -> frozenset[str]:
    """Names of a Job's environment variables whose values hold a secret.

    Args:
        job: The Job as the user wrote it.
        secrets: Names of the secret captures.
    """
    return frozenset(
        entry.name for entry in job.env if reads_captures(template.expressions(entry.value)) & frozenset(secrets)
    )


def lost_message(lost: Iterable[str]) -> str:
    """Says which secrets a step cannot have, and why."""
    name = min(lost)
    return f"captures.{name} is not on record any more: somebody deleted or changed the Secret that keeps it"
