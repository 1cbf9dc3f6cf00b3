"""Expressions of thresholds that name one request."""

from datetime import timedelta
from typing import Any

import pytest

from seatrial.api.cel import ExpressionError
from seatrial.api.loadtest import LoadTestSpec
from seatrial.api.threshold import compile_threshold, of_request
from seatrial.api.validation import InvalidSpec, read

LABELS = ("GET /orders", "create")


def test_one_request_is_named_and_its_value_read() -> None:
    program = compile_threshold("""request['GET /orders'].latency.p99 < duration('1s')""", LABELS)
    assert (program.boolean, program.requests) == (True, frozenset({0}))
    assert [program.shown(name) for name in program.reads] == ["request['GET /orders'].latency.p99"]
    assert program.evaluate({f"{of_request(0)}.latency.p99": timedelta(seconds=0.5)}) is True


def test_a_request_may_be_called_as_it_pleases() -> None:
    labels = ("GET /x.map(a)",)
    assert compile_threshold("request['GET /x.map(a)'].errors.rate < 0.1", labels).requests == {0}


def test_two_requests_are_compared() -> None:
    program = compile_threshold('request["create"].errors.rate <= request["GET /orders"].errors.rate', LABELS)
    assert program.requests == {0, 1}
    assert program.evaluate({f"{of_request(0)}.errors.rate": 0.5, f"{of_request(1)}.errors.rate": 0.1}) is True


@pytest.mark.parametrize(
    ("expression", "says"),
    [
        ("request['creat'].errors.rate < 0.1", "no such request: 'creat'; did you mean 'create'?"),
        ("request['x'].errors.rate < 0.1", "there are GET /orders, create"),
        ("request['create'].latency.p98 < duration('1s')", "request['create'].latency.p98"),
        ("request['create'].errors.rate < 1", "1.0"),
        ("__request_0.errors.rate < 0.1", "write request['NAME']"),
        ("request.errors.rate < 0.1", "undeclared reference"),
        (
            "['aaaa'].map(a, a + a) . map(a, a + a).size() == 1",
            "a threshold compares numbers and durations: it has no map()",
        ),
        ("[1, 2].all (a, errors.rate < 0.1)", "it has no all()"),
        ("'aaaa'.replace('a', 'aaaa') == ''", "it has no replace()"),
    ],
)
def test_what_does_not_fit_is_said_in_the_words_of_the_user(expression: str, says: str) -> None:
    with pytest.raises(ExpressionError) as raised:
        compile_threshold(expression, LABELS)
    assert says in str(raised.value)


@pytest.mark.parametrize(
    ("threshold", "says"),
    [
        ({"expr": "errors.rate < 0.1", "after": "10s"}, "after: 10s: comes after the end of the load"),
        ({"expr": "request['x'].errors.rate < 0.1"}, "no such request: 'x'"),
        ({"expr": "request['GET /'].errors.rate"}, "is never true or false"),
    ],
)
def test_mistakes_are_found_before_the_run(threshold: dict[str, Any], says: str) -> None:
    spec = {"target": {"service": "web"}, "profile": {"rate": 1, "duration": "10s"}, "thresholds": [threshold]}
    with pytest.raises(InvalidSpec) as raised:
        read(LoadTestSpec, spec)
    assert says in str(raised.value)
