"""Requests that differ each time: templates and expectations, compiled once and filled in for each request."""

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import timedelta
from typing import Any
from urllib.parse import quote, urlencode

from pydantic_core import from_json

from seatrial.api.cel import Scope
from seatrial.api.exchange import Exchange, FlowStep, LoadHeader
from seatrial.api.load_scope import load_answer_scope
from seatrial.api.template import expressions, one_line, render_json
from seatrial.api.template import render as render_text
from seatrial.load.envelope import Envelope, RequestError, Text, Values
from seatrial.load.evaluation import Evaluation
from seatrial.load.known import Known
from seatrial.load.message import Message

Filling = Callable[[Values], Any]

_ENCODED = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


class Draft:
    """A request with its expressions compiled.

    Attributes:
        index: Its place among all requests of the spec.
        think: Seconds to wait after it.
        judges_status: Whether what is expected says which status is right.
        reads_answer: Whether anything is expected or captured.
        follows: Whether redirects are followed.
    """

    def __init__(
        self,
        exchange: Exchange,
        index: int,
        host: str,
        scope: Scope,
        secrets: Mapping[tuple[str, str], str],
        think: float,
        *,
        lasting: bool = True,
    ) -> None:
        self.index = index
        self.think = think
        self._method = exchange.method
        self._path = _text(exchange.path, scope, lambda value: quote(value, safe=""))
        self._body, content_type = _body(exchange, scope)
        headers = [(header.name, _header(header, scope, secrets)) for header in exchange.headers]
        self._envelope = Envelope(exchange.method, headers, content_type, host=host, lasting=lasting)
        self._same = self._envelope.fixed and isinstance(self._path, str) and isinstance(self._body, bytes)
        self._sent: Message | None = None
        self._known = Known()
        captures = exchange.capture if isinstance(exchange, FlowStep) else {}
        self._evaluation = Evaluation(load_answer_scope(scope), exchange.expect, captures)
        self.judges_status = self._evaluation.judges_status
        self.follows = exchange.follow_redirects
        self.reads_answer = not self._evaluation.empty

    def message(self, values: Values, cookies: str) -> Message:
        """Fills in the request.

        Args:
            values: Values of the variables.
            cookies: Value of the Cookie header; empty for none.

        Raises:
            EvaluationError: An expression has no value.
            RequestError: What comes out cannot be sent.
        """
        if self._sent is not None and not cookies:
            return self._sent
        path = self._path if isinstance(self._path, str) else self._path(values)
        body = self._body if isinstance(self._body, bytes) else self._body(values)
        wire = self._envelope.seal(path, body, values, cookies)
        message = Message(self.index, wire, method=self._method, known=self._known)
        if self._same and not cookies:
            self._sent = message
        return message

    def judge(
        self, values: Values, status: int, headers: Mapping[str, str], body: bytes, took: int
    ) -> tuple[int, int, dict[str, Any] | None]:
        """Judges an answer, and takes values from it if it is as expected.

        Args:
            values: Values of the variables of the request.
            status: Status of the answer.
            headers: Its headers, by name in small letters.
            body: Its body.
            took: Nanoseconds from the send to its last byte.

        Returns:
            How many expectations there are; how many of them do not hold; and what was captured, by the names of
            variables, None if something could not be.
        """
        evaluation = self._evaluation
        known = _answer(evaluation.reads, status, headers, body, took)
        known |= values
        return evaluation.checks, *evaluation.evaluate(known)


def _answer(reads: frozenset[str], status: int, headers: Mapping[str, str], body: bytes, took: int) -> dict[str, Any]:
    """The variables of an answer, as far as they are read. ``response.json`` is absent if the body is not JSON."""
    values: dict[str, Any] = {"response.status": status}
    if "response.headers" in reads:
        values["response.headers"] = headers
    if "response.time" in reads:
        values["response.time"] = timedelta(microseconds=took // 1000)
    if "response.text" in reads:
        values["response.text"] = _decoded(body)
    if "response.json" in reads:
        with suppress(ValueError, RecursionError):
            values["response.json"] = parsed(body)
    return values


def parsed(body: bytes) -> Any:
    """Reads JSON as ``json.loads`` does, three times as fast.

    Raises:
        ValueError: It is none.
        RecursionError: It is nested too deep.
    """
    try:
        return from_json(body)
    except ValueError:
        # Bytes that are no text, halves of surrogate pairs and great depth are for the more patient one.
        return json.loads(_decoded(body))


def _decoded(body: bytes) -> str:
    # The expression library ends texts at a NUL.
    return body.decode(errors="replace").replace("\0", "\ufffd")


def _header(header: LoadHeader, scope: Scope, secrets: Mapping[tuple[str, str], str]) -> Text:
    if header.value_from is None:
        return _text(header.value, scope, one_line)
    source = header.value_from.secret_key_ref
    value = secrets.get((source.name, source.key))
    if value is None:
        raise RequestError(f"header {header.name}: Secret {source.name} has no key {source.key} here")
    # Files that Secrets are made from end with a line break.
    return value.strip("\r\n")


def _body(exchange: Exchange, scope: Scope) -> tuple[bytes | Callable[[Values], bytes], str]:
    if exchange.json_body is not None:
        content_type = "application/json"
        if not list(expressions(exchange.json_body)):
            return _ENCODED(render_json(exchange.json_body, scope, {})).encode(), content_type
        fill = _json(exchange.json_body, scope)
        return lambda values: _ENCODED(fill(values)).encode(), content_type
    if exchange.text is not None:
        return _encoded(_text(exchange.text, scope)), "text/plain; charset=utf-8"
    if exchange.form:
        fields = [(field.name, _fill(_text(field.value, scope))) for field in exchange.form]
        return (
            lambda values: urlencode([(name, fill(values)) for name, fill in fields]).encode(),
            "application/x-www-form-urlencoded",
        )
    return b"", ""


def _text(text: str, scope: Scope, escape: Callable[[str], str] = lambda value: value) -> Text:
    """Compiles a text; one without expressions is one already."""
    found = list(expressions(text))
    if not found:
        return render_text(text, scope, {})
    known = {name for name, _ in scope.variables}
    for expression in found:
        scope.compile(expression)
    if len(found) == 1 and found[0] in known and text.count("${") == 1:
        # By far the most frequent: one variable, for which no expression needs to be evaluated.
        name = found[0]
        before, after = text.split("${" + name + "}")
        return lambda values: before + escape(_word(values[name])) + after
    return lambda values: render_text(text, scope, values, escape)


def _fill(text: Text) -> Callable[[Values], str]:
    return (lambda _values: text) if isinstance(text, str) else text


def _encoded(text: Text) -> bytes | Callable[[Values], bytes]:
    return text.encode() if isinstance(text, str) else lambda values: text(values).encode()


def _json(value: Any, scope: Scope) -> Filling:
    if isinstance(value, str):
        whole = value[2:-1] if value.startswith("${") and value.endswith("}") else ""
        if whole and list(expressions(value)) == [whole]:
            program = scope.compile(whole)
            if whole in {name for name, _ in scope.variables}:
                return lambda values: values[whole]
            return program.evaluate
        return _fill(_text(value, scope))
    if isinstance(value, Mapping):
        entries = {key: _json(entry, scope) for key, entry in value.items()}
        return lambda values: {key: fill(values) for key, fill in entries.items()}
    if isinstance(value, list):
        fillings = [_json(entry, scope) for entry in value]
        return lambda values: [fill(values) for fill in fillings]
    return lambda _values: value


def _word(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
