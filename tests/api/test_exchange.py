"""Requests of load: what a schema cannot say about them is found before the run."""

from typing import Any

import pytest

from seatrial.api.loadtest import LoadTestSpec
from seatrial.api.validation import InvalidSpec, read


def spec(**more: Any) -> dict[str, Any]:
    return {"target": {"service": "web"}, "profile": {"rate": 1, "duration": "10s"}, **more}


def flow(*steps: dict[str, Any], name: str = "buy") -> dict[str, Any]:
    return {"name": name, "steps": list(steps)}


CSV = {"name": "people", "csv": "name,age\nAda,36\n"}


def test_everything_that_flows_may_use() -> None:
    login = {
        "path": "/login/${data.people.name}",
        "capture": {"token": "response.json.token"},
        "expect": ["response.time < duration('1s')", "response.headers['x'] == data.id"],
    }
    header = {"name": "Authorization", "value": "Bearer ${captures.token}"}
    order = {
        "name": "order",
        "method": "POST",
        "path": "/${run.id}/${user}",
        "headers": [header],
        "json": {"n": "${data.n}"},
    }
    data = [CSV, {"name": "n", "sequence": {}}, {"name": "id", "uuid": "Random"}, {"name": "c", "pick": ["a", "b"]}]
    found = read(LoadTestSpec, spec(flows=[flow(login, order)], data=data))
    assert found.labels == ("GET /login/${data.people.name}", "order")


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"requests": [{"path": "/${data.x}"}]}, "undeclared reference to 'data"),
        ({"requests": [{"path": "/${user"}]}, "${ begins an expression"),
        (
            {"requests": [{"expect": ["response.status"]}]},
            "spec.requests[0].expect[0]: 'response.status': is never true",
        ),
        ({"requests": [{"text": "a", "json": 1}]}, "give one of json, form and text"),
        ({"requests": [{"form": [{"name": "a"}], "json": 1}]}, "give one of json, form and text"),
        ({"requests": [{}], "flows": [flow({})]}, "give one of requests and flows"),
        ({"flows": [flow({"path": "/${captures.a}"}, {"capture": {"a": "1"}})]}, "undeclared reference to 'captures"),
        ({"flows": [flow({}), flow({}, name="b")]}, "'GET /': two requests are reported under this name"),
        ({"flows": [flow({"capture": {"a": "response.x"}})]}, "spec.flows[0].steps[0].capture.a"),
        ({"data": [{"name": "x"}]}, "give exactly one of sequence, uuid, pick and csv"),
        ({"data": [{"name": "x", "csv": "a,b\n1\n"}]}, "spec.data[0].csv: line 2 has 1 values and there are 2 columns"),
        ({"data": [{"name": "x", "csv": "a b\n1\n"}]}, "column 'a b' cannot be used"),
        ({"data": [{"name": "x", "csv": "a\n"}]}, "needs a line with the names of the columns"),
        ({"data": [{"name": "x", "csv": "a,a\n1,2\n"}]}, "two columns have the same name"),
        ({"data": [CSV, CSV]}, "given twice"),
        ({"requests": [{"name": f"r{n}", "text": "x" * 16_000} for n in range(8)]}, "is larger than 120000 bytes"),
        (
            {"flows": [flow(*({"name": f"{n}-{m}"} for m in range(10)), name=f"f{n}") for n in range(6)]},
            "60 steps: take steps out",
        ),
        (
            {
                "requests": [
                    {"headers": [{"name": "A", "value": "b", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}]}
                ]
            },
            "give one of value and valueFrom",
        ),
    ],
)
def test_mistakes_are_found_before_the_run(more: dict[str, Any], says: str) -> None:
    with pytest.raises(InvalidSpec) as raised:
        read(LoadTestSpec, spec(**more))
    assert says in str(raised.value)


def test_secrets_are_variables_of_their_own() -> None:
    def header(name: str, key: str) -> dict[str, Any]:
        return {"name": name, "valueFrom": {"secretKeyRef": {"name": "shop", "key": key}}}

    found = read(
        LoadTestSpec, spec(requests=[{"headers": [header("A", "one"), header("B", "two"), header("C", "one")]}])
    )
    assert found.secrets == {("shop", "one"): "SEATRIAL_SECRET_0", ("shop", "two"): "SEATRIAL_SECRET_1"}
