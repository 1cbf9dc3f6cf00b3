"""Jobs with values in the place of ``${…}``."""

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from seatrial.api.cel import EvaluationError, Scope, axes_in, captures_in, template_scope
from seatrial.api.step import Job
from seatrial.api.template import render
from seatrial.judge.progress import At, untold


class JobUnusable(Exception):
    """An expression of a Job has no value, or what comes out is no Job any more; the message is for the user.

    Attributes:
        reason: Stable CamelCase word.
    """

    def __init__(self, message: str, reason: str = "Refused") -> None:
        super().__init__(message)
        self.reason = reason


def render_job(job: Mapping[str, Any], context: Mapping[str, Any], at: At = untold) -> dict[str, Any]:
    """Fills in a Job.

    Args:
        job: The Job, as JSON.
        context: Values of ``run.id``, ``captures.NAME`` and ``matrix.NAME``.
        at: Told where rendering is.

    Raises:
        JobUnusable: It cannot be run.
    """
    scope = template_scope(captures_in(context), axes_in(context))
    try:
        rendered = {name: _rendered(f"job.{name}", value, scope, context, at) for name, value in job.items()}
        at("job", "")
        return Job.model_validate(rendered).to_kubernetes()
    except EvaluationError as error:
        raise JobUnusable(f"an expression of the job has no value: {error}") from error
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        field = ".".join(map(str, first["loc"]))
        raise JobUnusable(f"job.{field}: with the captured values in it: {first['msg']}") from error


def _rendered(field: str, value: Any, scope: Scope, context: Mapping[str, Any], at: At) -> Any:
    """Renders every text; unlike in a request's JSON, all stay text, which is what environment variables are."""
    match value:
        case str():
            at(field, value)
            return render(value, scope, context)
        case dict():
            return {key: _rendered(f"{field}.{key}", entry, scope, context, at) for key, entry in value.items()}
        case list():
            return [_rendered(f"{field}[{index}]", entry, scope, context, at) for index, entry in enumerate(value)]
        case _:
            return value
