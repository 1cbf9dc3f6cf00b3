"""Expressions of thresholds: CEL over the merged result, as a whole or of one request by its name."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from seatrial.api.cel import ExpressionError, Program, Scope
from seatrial.api.request_name import NAMED
from seatrial.api.suggestion import suggested

#: Quantiles by their name, in percent.
QUANTILES: Final = {"p50": 50.0, "p75": 75.0, "p90": 90.0, "p95": 95.0, "p99": 99.0, "p999": 99.9}

#: Samples without which a quantile is a guess: with fewer, not even the greatest of them lies above the quantile with
#: 95 % confidence, n >= ln(0.05) / ln(q) (S. S. Wilks, "Determination of sample sizes for setting tolerance limits",
#: Annals of Mathematical Statistics 12, 1941).
SAMPLES: Final = {"p50": 5, "p75": 11, "p90": 29, "p95": 59, "p99": 299, "p999": 2995}

_TIMES = ("min", "mean", *QUANTILES, "max")
#: Functions that go through lists or make texts longer. Thresholds are judged each second, where the operator decides,
#: so they have none: without these, the time that an expression takes is bounded by its length.
_UNBOUNDED = re.compile(r"\.\s*(all|exists|exists_one|filter|format|join|map|matches|replace|split)\s*\(")
_STANDS_FOR = re.compile(r"__request_(\d+)(?!\d)")


@dataclass(frozen=True)
class ThresholdProgram:
    """A checked expression of a threshold.

    Attributes:
        expression: Its text.
        boolean: Whether its value may be a truth value, as far as the type-check knows.
        reads: Names of the values that it uses, as ``threshold_values`` has them.
        requests: Places in the spec of the requests that it names.
    """

    expression: str
    boolean: bool
    reads: tuple[str, ...]
    requests: frozenset[int]
    _program: Program
    _labels: tuple[str, ...]

    def shown(self, name: str) -> str:
        """The name of a value as the user writes it."""
        return _as_written(name, self._labels)

    def evaluate(self, values: Mapping[str, Any]) -> Any:
        """Returns the value.

        Raises:
            EvaluationError: There is none.
        """
        return self._program.evaluate(values)


def threshold_scope() -> Scope:
    """The variables that say something about the whole result."""
    return Scope(tuple(_whole()))


def of_request(index: int) -> str:
    """What the values of one request are called: this, a point, and their name in the whole result."""
    return f"__request_{index}"


@lru_cache(maxsize=1024)
def compile_threshold(expression: str, labels: tuple[str, ...]) -> ThresholdProgram:
    """Parses and type-checks an expression.

    ``request['NAME']`` stands for variables of their own, so that names and types are checked before the run.

    Args:
        expression: The expression.
        labels: Names of the requests, in the order of the spec.

    Raises:
        ExpressionError: It cannot be evaluated whatever the result.
    """
    named: set[int] = set()

    def variable(match: re.Match[str]) -> str:
        name = match.group(1) if match.group(1) is not None else match.group(2)
        if name not in labels:
            raise ExpressionError(f"no such request: {name!r}; {suggested(name, labels)}")
        named.add(labels.index(name))
        return of_request(labels.index(name))

    if _STANDS_FOR.search(expression):
        raise ExpressionError("write request['NAME'] for one of several requests")
    rewritten = NAMED.sub(variable, expression)
    if unbounded := _UNBOUNDED.search(rewritten):
        raise ExpressionError(f"a threshold compares numbers and durations: it has no {unbounded[1]}()")
    variables = [*_whole(), *(entry for index in sorted(named) for entry in _single(of_request(index)))]
    try:
        program = Scope(tuple(variables)).compile(rewritten)
    except ExpressionError as error:
        raise ExpressionError(_as_written(str(error), labels)) from error
    return ThresholdProgram(expression, program.boolean, program.reads, frozenset(named), program, labels)


def _whole() -> list[tuple[str, str]]:
    return [
        *_summary("latency"),
        *_summary("serviceTime"),
        *_summary("ttfb"),
        *_summary("connect"),
        *_summary("tls"),
        *_counts(""),
        ("rate.achieved", "double"),
        ("rate.requested", "double"),
        ("dropped.count", "int"),
        ("checks.count", "int"),
        ("checks.rate", "double"),
        ("target.cpu.max", "double"),
        ("target.cpu.mean", "double"),
        ("target.memory.max", "int"),
        ("target.memory.mean", "int"),
        ("target.restarts", "int"),
        ("target.oomKills", "int"),
    ]


def _single(name: str) -> list[tuple[str, str]]:
    return [*_summary(f"{name}.latency"), *_counts(f"{name}.")]


def _counts(prefix: str) -> list[tuple[str, str]]:
    return [(f"{prefix}requests.count", "int"), (f"{prefix}errors.count", "int"), (f"{prefix}errors.rate", "double")]


def _summary(name: str) -> list[tuple[str, str]]:
    return [(f"{name}.count", "int"), *((f"{name}.{time}", "duration") for time in _TIMES)]


def _as_written(text: str, labels: Sequence[str]) -> str:
    return _STANDS_FOR.sub(lambda match: f"request['{labels[int(match.group(1))]}']", text)
