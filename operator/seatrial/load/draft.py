"""Requests that differ each time: templates and expectations, compiled once and filled in for each request."""

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import timedelta
from typing import Any
from urllib.parse import quote, urlencode

from seatrial.api.cel import EvaluationError, Program, Scope
from seatrial.api.exchange import Exchange, FlowStep, LoadHeader
from seatrial.api.load_scope import load_answer_scope
from seatrial.api.template import expressions
from seatrial.api.template import render as render_text
from seatrial.load.message import Message, RequestError, wire

Values = Mapping[str, Any]
Filling = Callable[[Values], Any]


class Draft:
    """A request with its expressions compiled.

    Attributes:
        index: Its place among all requests of the spec.
        think: Seconds to wait after it.
        judges_status: Whether what is expected says which status is right.
    """

    def __init__(
        self,
        exchange: Exchange,
        index: int,
        host: str,
        scope: Scope,
        secrets: Mapping[tuple[str, str], str],
        think: float,
    ) -> None:
        self.index = index
        self.think = think
        self._exchange = exchange
        self._host = host
        self._path = _text(exchange.path, scope, lambda value: quote(value, safe=""))
        self._headers = [(header.name, _header(header, scope, secrets)) for header in exchange.headers]
        self._body, self._content_type = _body(exchange, scope)
        answered = load_answer_scope(scope)
        self._expect = [answered.compile(expression) for expression in exchange.expect]
        captures = exchange.capture if isinstance(exchange, FlowStep) else {}
        self._capture = {name: answered.compile(expression) for name, expression in captures.items()}
        self.judges_status = any("response.status" in program.reads for program in self._expect)
        reads = {name for program in (*self._expect, *self._capture.values()) for name in program.reads}
        self._reads_json = "response.json" in reads
        self.reads_answer = bool(self._expect or self._capture)

    def message(self, values: Values, cookies: str) -> Message:
        """Fills in the request.

        Args:
            values: Values of the variables.
            cookies: Value of the Cookie header; empty for none.

        Raises:
            EvaluationError: An expression has no value.
            RequestError: What comes out cannot be sent.
        """
        headers = [(name, fill(values)) for name, fill in self._headers]
        if cookies:
            headers.append(("Cookie", cookies))
        return wire(
            self._exchange.method,
            self._path(values),
            headers,
            self._body(values),
            self._content_type,
            index=self.index,
            host=self._host,
        )

    def answer(self, status: int, headers: Mapping[str, str], body: bytes, took: int) -> dict[str, Any]:
        """The variables of an answer, as far as they are read. See ``_answer``."""
        return _answer(status, headers, body, took, parsed=self._reads_json)

    def checked(self, values: Values) -> tuple[int, int]:
        """Judges an answer. Returns how many expectations there are, and how many of them do not hold."""
        return len(self._expect), sum(not _holds(program, values) for program in self._expect)

    def captured(self, values: Values) -> dict[str, Any]:
        """Takes values from an answer, by the names of their variables.

        Raises:
            EvaluationError: One is not there.
        """
        return {f"captures.{name}": program.evaluate(values) for name, program in self._capture.items()}


def _answer(status: int, headers: Mapping[str, str], body: bytes, took: int, *, parsed: bool) -> dict[str, Any]:
    """The variables of an answer. ``response.json`` is absent if the body is not JSON.

    Args:
        status: Its status.
        headers: Its headers, by name in small letters.
        body: Its body.
        took: Nanoseconds from the send to its last byte.
        parsed: Whether ``response.json`` is wanted.
    """
    # The expression library ends texts at a NUL.
    text = body.decode(errors="replace").replace("\0", "\ufffd")
    values: dict[str, Any] = {
        "response.status": status,
        "response.headers": headers,
        "response.text": text,
        "response.time": timedelta(microseconds=took // 1000),
    }
    if parsed:
        with suppress(ValueError, RecursionError):
            values["response.json"] = json.loads(text)
    return values


def _holds(program: Program, values: Values) -> bool:
    try:
        return program.evaluate(values) is True
    except (EvaluationError, RecursionError):
        return False


def _header(header: LoadHeader, scope: Scope, secrets: Mapping[tuple[str, str], str]) -> Filling:
    if header.value_from is None:
        return _text(header.value, scope, lambda value: value.replace("\r", " ").replace("\n", " "))
    source = header.value_from.secret_key_ref
    value = secrets.get((source.name, source.key))
    if value is None:
        raise RequestError(f"header {header.name}: Secret {source.name} has no key {source.key} here")
    # Files that Secrets are made from end with a line break.
    return lambda _values: value.strip("\r\n")


def _body(exchange: Exchange, scope: Scope) -> tuple[Callable[[Values], bytes], str]:
    if exchange.json_body is not None:
        fill = _json(exchange.json_body, scope)
        return (
            lambda values: json.dumps(fill(values), ensure_ascii=False, separators=(",", ":")).encode(),
            "application/json",
        )
    if exchange.text is not None:
        text = _text(exchange.text, scope)
        return lambda values: text(values).encode(), "text/plain; charset=utf-8"
    if exchange.form:
        fields = [(field.name, _text(field.value, scope)) for field in exchange.form]
        return (
            lambda values: urlencode([(name, fill(values)) for name, fill in fields]).encode(),
            "application/x-www-form-urlencoded",
        )
    return lambda _values: b"", ""


def _text(text: str, scope: Scope, escape: Callable[[str], str] = lambda value: value) -> Filling:
    """Compiles a text; one without expressions costs nothing."""
    found = list(expressions(text))
    if not found:
        fixed = render_text(text, scope, {})
        return lambda _values: fixed
    known = {name for name, _ in scope.variables}
    for expression in found:
        scope.compile(expression)
    if len(found) == 1 and found[0] in known and text.count("${") == 1:
        # By far the most frequent: one variable, for which no expression needs to be evaluated.
        name = found[0]
        before, after = text.split("${" + name + "}")
        return lambda values: before + escape(_word(values[name])) + after
    return lambda values: render_text(text, scope, values, escape)


def _json(value: Any, scope: Scope) -> Filling:
    if isinstance(value, str):
        whole = value[2:-1] if value.startswith("${") and value.endswith("}") else ""
        if whole and list(expressions(value)) == [whole]:
            program = scope.compile(whole)
            return program.evaluate
        return _text(value, scope)
    if isinstance(value, Mapping):
        entries = {key: _json(entry, scope) for key, entry in value.items()}
        return lambda values: {key: fill(values) for key, fill in entries.items()}
    if isinstance(value, list):
        fillings = [_json(entry, scope) for entry in value]
        return lambda values: [fill(values) for fill in fillings]
    return lambda _values: value


def _word(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
