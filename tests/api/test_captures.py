"""Which captures are secret, who reads them, and where they may not be used."""

from typing import Any

import pytest

from seatrial.api.captures import reads_captures, secret_captures, secret_env, used_captures
from seatrial.api.scenario import TestScenarioSpec
from seatrial.api.step import Job, Step
from seatrial.api.validation import InvalidSpec, read

LOGIN = {
    "name": "login",
    "http": {"service": "web"},
    "capture": {"user": "response.json.user"},
    "captureSecret": {"token": "response.json.token"},
}


def spec(*steps: dict[str, Any], ready: dict[str, Any] | None = None) -> dict[str, Any]:
    service = {"name": "web", "image": "i", "ports": [{"name": "http", "port": 80}], "ready": ready or {}}
    return {"environment": {"services": [service]}, "steps": list(steps)}


def problems(wanted: dict[str, Any]) -> list[str]:
    with pytest.raises(InvalidSpec) as raised:
        read(TestScenarioSpec, wanted)
    return [str(problem) for problem in raised.value.problems]


def after(**step: Any) -> dict[str, Any]:
    return {"name": "use", "needs": [{"step": "login"}], **step}


@pytest.mark.parametrize(
    "step",
    [
        after(http={"service": "web", "path": "/${captures.token}", "text": "${captures.token}"}),
        after(http={"service": "web", "form": {"a": "${captures.token}"}}),
        after(http={"service": "web", "json": {"a": ["${captures.token}"]}}),
        after(http={"service": "web"}, expect=["response.json.token == captures.token"]),
        after(http={"service": "web"}, captureSecret={"again": "captures.token + response.text"}),
        after(job={"image": "i:${captures.user}", "env": [{"name": "T", "value": "${captures.token}"}]}),
    ],
)
def test_secrets_may_go_into_requests_expressions_and_env(step: dict[str, Any]) -> None:
    assert len(read(TestScenarioSpec, spec(LOGIN, step)).steps) == 2


@pytest.mark.parametrize(
    ("step", "told"),
    [
        (
            after(job={"image": "i", "args": ["--token", "${captures.token}"]}),
            "spec.steps[1].job.args: captures.token is a secret, which would be shown here: use env",
        ),
        (
            after(job={"image": "i", "command": ["run", "${string( captures . token )}"]}),
            "spec.steps[1].job.command: captures.token is a secret, which would be shown here: use env",
        ),
        (
            after(job={"image": "i:${captures.token}"}),
            "spec.steps[1].job.image: captures.token is a secret, which would be shown here: use env",
        ),
        (
            after(http={"service": "web"}, capture={"part": "captures.token.substring(1)"}),
            "spec.steps[1].capture.part: captures.token is a secret: use captureSecret here too",
        ),
        (
            after(http={"service": "web"}, captureSecret={"user": "response.text"}),
            "spec.steps[1].captureSecret.user: step login captures it already: rename one",
        ),
        (
            {"name": "use", "http": {"service": "web", "path": "/${captures.token}"}},
            "spec.steps[1].http.path: 'captures.token': token is captured by step login: add `needs: [{step: login}]`",
        ),
        (
            after(http={"service": "web"}, captureSecret={"x": "response.jsn"}),
            "spec.steps[1].captureSecret.x: 'response.jsn': at column 9: undeclared reference",
        ),
        (
            after(job={"image": "i"}, captureSecret={"x": "response.text"}),
            "spec.steps[1]: captureSecret belongs to http",
        ),
    ],
)
def test_where_a_secret_would_be_shown_it_is_refused(step: dict[str, Any], told: str) -> None:
    (problem,) = problems(spec(LOGIN, step))
    assert problem.startswith(told)


def test_expectations_of_probes_are_checked() -> None:
    expect = ["response.stat == 1", "response.text", "run.id == '1'"]
    misspelt, untrue, unknown = problems(spec(ready={"http": {"expect": expect}}))
    field = "spec.environment.services[0].ready.http.expect"
    known = "known here are response.status, response.headers, response.json, response.text, response.time"
    assert misspelt.startswith(f"{field}[0]: 'response.stat == 1': at column 9: undeclared reference")
    assert misspelt.endswith("undeclared reference to 'response.stat'; did you mean 'response.status'?")
    assert untrue == f"{field}[1]: 'response.text': is never true or false: compare it with something"
    assert unknown.startswith(f"{field}[2]: \"run.id == '1'\": at column 4: undeclared reference")
    assert unknown.endswith(known)


def test_readers_of_captures_are_found() -> None:
    step = Step.model_validate(
        after(
            http={"service": "web", "path": "/${captures.a}", "json": {"x": ["${captures.b + 1}", "$${captures.no}"]}},
            expect=["captures.c == 1"],
            capture={"x": "captures.d"},
            captureSecret={"y": "captures.e"},
        )
    )
    assert used_captures(step) == {"a", "b", "c", "d", "e"}
    assert reads_captures(["my_captures.x", "captures.y.captures.z"]) == {"y", "z"}
    assert secret_captures([Step.model_validate(LOGIN), step]) == {"token", "y"}
    env = [
        {"name": "A", "value": "${captures.token}"},
        {"name": "B", "value": "${captures.user}"},
        {"name": "C", "value": ""},
    ]
    assert secret_env(Job.model_validate({"image": "i", "env": env}), ["token"]) == {"A"}
