"""Requests with values in the place of ``${…}``."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from seatrial.api.assertion import Read
from seatrial.api.cel import Scope, axes_in, captures_in, template_scope
from seatrial.api.http_request import HttpRequest
from seatrial.api.step import Step
from seatrial.api.template import one_line, render, render_json
from seatrial.judge.progress import At, untold

#: Bytes of a request, its values filled in.
REQUEST_BYTES = 1 << 20


class RequestTooLarge(Exception):
    """Values have made a request larger than any that is sent."""


@dataclass(frozen=True)
class Request:
    """A request, ready to send.

    Attributes:
        method: HTTP method.
        path: Path and query.
        headers: Headers, in addition to Host.
        body: Body, empty for none.
        timeout: Seconds for everything, from the connection to the last byte.
    """

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    timeout: float


def render_requests(step: Step, context: Mapping[str, Any], at: At = untold) -> list[Request]:
    """Fills in the request of an HTTP step, or those of an assertion.

    Args:
        step: The step.
        context: Values of ``run.id``, ``captures.NAME`` and ``matrix.NAME``.
        at: Told where rendering is.

    Raises:
        EvaluationError: An expression has no value.
        RequestTooLarge: What comes out is too large.
    """
    scope = template_scope(captures_in(context), axes_in(context))
    if step.http is not None:
        requests = [render_request(step.http, scope, context, at)]
    else:
        reads = step.assert_.reads if step.assert_ else []
        requests = [_render_read(f"assert.reads[{read.name}]", read, scope, context, at) for read in reads]
    for request in requests:
        size = len(request.path) + len(request.body) + sum(map(len, request.headers.values()))
        if size > REQUEST_BYTES:
            raise RequestTooLarge(f"with its values filled in, the request exceeds {REQUEST_BYTES} bytes: send less")
    return requests


def render_request(http: HttpRequest, scope: Scope, context: Mapping[str, Any], at: At = untold) -> Request:
    """Puts values in the place of ``${…}``.

    Raises:
        EvaluationError: An expression has no value.
    """
    headers = {}
    for header in http.headers:
        at(f"http.headers[{header.name}]", header.value)
        headers[header.name] = render(header.value, scope, context, one_line)
    body, content_type = _body(http, scope, context, at)
    if content_type and "content-type" not in {name.lower() for name in headers}:
        headers["content-type"] = content_type
    at("http.path", http.path)
    return Request(
        method=http.method,
        path=render(http.path, scope, context, lambda value: quote(value, safe="")),
        headers=headers,
        body=body,
        timeout=http.timeout.total_seconds(),
    )


def _body(http: HttpRequest, scope: Scope, context: Mapping[str, Any], at: At) -> tuple[bytes, str]:
    """The body, and its content type; both empty where there is none."""
    if http.json_body is not None:
        at("http.json", "")
        return json.dumps(render_json(http.json_body, scope, context)).encode(), "application/json"
    if http.text is not None:
        at("http.text", http.text)
        return render(http.text, scope, context).encode(), "text/plain; charset=utf-8"
    if http.form is not None:
        fields = {}
        for name, value in http.form.items():
            at(f"http.form.{name}", value)
            fields[name] = render(value, scope, context)
        return urlencode(fields).encode(), "application/x-www-form-urlencoded"
    return b"", ""


def _render_read(field: str, read: Read, scope: Scope, context: Mapping[str, Any], at: At) -> Request:
    at(field, read.path)
    return Request(
        method=read.method,
        path=render(read.path, scope, context, lambda value: quote(value, safe="")),
        headers={header.name: render(header.value, scope, context, one_line) for header in read.headers},
        body=b"",
        timeout=read.timeout.total_seconds(),
    )
