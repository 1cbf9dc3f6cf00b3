"""The steps of a trial: what is done and checked, and which steps need which others."""

from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, model_validator

from seatrial.api.assertion import Assertion
from seatrial.api.base import DnsName, Expression, Identifier, Model, list_map, rules, unique
from seatrial.api.container import Container
from seatrial.api.duration import Duration, seconds
from seatrial.api.http_request import HttpRequest
from seatrial.api.load import LoadSpec
from seatrial.api.matrix import AXES, COMBINATIONS, Matrix
from seatrial.api.retry import Retry
from seatrial.api.wait import Wait


class NeedResult(StrEnum):
    """How another step must have ended."""

    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    COMPLETED = "Completed"


class Need(Model):
    """Another step that must have ended first."""

    step: DnsName = Field(description="Name of the other step. One with a matrix stands for all its instances.")
    result: NeedResult = Field(
        NeedResult.SUCCEEDED,
        description="How it must have ended: Succeeded (default; of a matrix, every instance that ran), Failed (it ran "
        "and did not succeed; of a matrix, at least one instance) or Completed (any end, Skipped included). If it "
        "ended otherwise, this step is skipped.",
    )


class Eventually(Model):
    """Repeat the request until every expectation holds."""

    timeout: Duration = Field(seconds(30), description="Time after which the step fails. Default 30s.")
    interval: Duration = Field(seconds(1), description="Longest pause between two requests. Default 1s.")


#: A file in a folder of its own: every part of the way there begins with a letter, a digit or an underscore.
_FOLDERS = r"^(/[A-Za-z0-9_][A-Za-z0-9_.-]*)+"
FilePath = Annotated[str, Field(pattern=_FOLDERS + r"/[A-Za-z0-9_.-]+$", max_length=256)]
FilePattern = Annotated[str, Field(pattern=_FOLDERS + r"/[A-Za-z0-9_.*?-]+$", max_length=256)]

#: Folders that every container has already, which nothing can be mounted over.
TAKEN = ("/proc/", "/sys/", "/dev/")
_TAKEN = " || ".join(f"{{path}}.startsWith('{folder}')" for folder in TAKEN)
_MOUNTED = "the folder is mounted empty into the container, so it cannot be in /proc, /sys or /dev"


class Artifact(Model):
    """A file that a Job leaves for the report."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9]([-a-z0-9_.]*[a-z0-9])?$", max_length=50)] = Field(
        description="Name in the report."
    )
    path: FilePath = Field(
        description="Absolute path of the file in the container. Its folder is mounted empty, so choose one of its own."
    )


class Job(Container):
    """A container that runs to its end. Exit code 0 is success, any other a failure."""

    junit: FilePattern | None = Field(
        None,
        description="Absolute path of the JUnit XML file that the container writes, or a pattern with * and ? for "
        "several in one folder. The folder is mounted empty, so choose one of its own. A failing case fails the step; "
        "a file that is missing, broken or larger than 1Mi is an error.",
    )
    artifacts: Annotated[list[Artifact], unique("name")] = Field(
        [],
        max_length=10,
        description="Files to keep in the report: at most 256Ki each, and 1Mi a run. They do not change the verdict.",
        json_schema_extra=list_map("name"),
    )

    model_config = {
        "json_schema_extra": rules(
            (f"!has(self.junit) || !({_TAKEN.format(path='self.junit')})", _MOUNTED),
            (
                f"!has(self.artifacts) || self.artifacts.all(a, !({_TAKEN.format(path='a.path')}))",
                _MOUNTED,
            ),
        )
    }

    @property
    def hands_over(self) -> bool:
        """Whether files are to be read out of its container."""
        return bool(self.junit or self.artifacts)

    @model_validator(mode="after")
    def _mountable(self) -> Self:
        paths = [artifact.path for artifact in self.artifacts] + ([self.junit] if self.junit else [])
        if any(path.startswith(TAKEN) for path in paths):
            raise ValueError(_MOUNTED)
        return self


class JobStep(Model):
    """A Job of setup or teardown. They run one after another, in the order written."""

    name: DnsName = Field(description="Name of the step, unique in the scenario.")
    job: Job = Field(description="The container to run.")
    timeout: Duration = Field(seconds(300), description="Time in which the Job must end. Default 5m.")


_KINDS = "give exactly one of http, job, load, assert and wait"
_ANSWERS = "expect, capture and eventually belong to http and assert"
_EXPECTS = "assert needs something to expect: write expect"
_SECRETS = "captureSecret belongs to http"
_CAPTURE_NAMES = (
    "self.all(k, k.matches('^[a-zA-Z_][a-zA-Z0-9_]{0,49}$'))",
    "a name is made of letters, digits and underscores, starts with no digit and has at most 50 characters",
)


class Step(Model):
    """One step: an HTTP check, a Job, load, an assertion or waiting. Steps that need nothing of one another overlap."""

    name: DnsName = Field(description="Name of the step, unique in the scenario.")
    needs: Annotated[list[Need], unique("step")] = Field(
        [],
        max_length=10,
        description="Steps that must have ended before this one starts.",
        json_schema_extra=list_map("step"),
    )
    http: HttpRequest | None = Field(None, description="An HTTP request to a service, judged by expect.")
    job: Job | None = Field(None, description="A container that must end with exit code 0.")
    load: LoadSpec | None = Field(None, description="Load against a service, judged by its thresholds.")
    assert_: Assertion | None = Field(
        None, alias="assert", description="What several services answer, judged together by expect."
    )
    wait: Wait | None = Field(None, description="A pause, or waiting for a condition of an object.")
    when: Expression | None = Field(
        None,
        description="CEL over captures.NAME of needed steps, matrix.NAME and run.id: if it is false the step is "
        "skipped, and if it has no value the step is an error.",
    )
    retry: Retry | None = Field(
        None, description="Further attempts if it does not succeed. Default: none. `retry: {}` takes the defaults."
    )
    optional: bool = Field(
        False,
        description="Whether its end leaves the verdict alone, whatever it is. It is shown all the same. Default "
        "false.",
    )
    matrix: Matrix = Field(
        {},
        max_length=AXES,
        description="Axes, as name: values (texts, numbers, true and false). Each combination, of which there are at "
        f"most {COMBINATIONS}, is run as a step called NAME-0, NAME-1… Use matrix.NAME in expressions.",
    )
    max_parallel: Annotated[int, Field(ge=1, le=COMBINATIONS)] | None = Field(
        None, description="Instances of the matrix that run at once. Default: as many as there are."
    )
    expect: list[Expression] = Field(
        [],
        max_length=20,
        description="CEL over the answer, each of which must hold: response.status, response.headers, response.json, "
        "response.text, response.time, captures.NAME, matrix.NAME, run.id. Default: response.status is from 200 to "
        "299. In assert, answers.NAME takes the place of response, and there is no default.",
        json_schema_extra={"x-kubernetes-list-type": "atomic"},
    )
    capture: dict[Identifier, Expression] = Field(
        {},
        max_length=16,
        description="Values to keep for later steps, as name: CEL over the answer. At most 512 bytes each, as JSON, "
        "and 24 in a scenario. They are shown in status; keep secrets with captureSecret.",
        json_schema_extra=rules(_CAPTURE_NAMES),
    )
    capture_secret: dict[Identifier, Expression] = Field(
        {},
        max_length=16,
        description="Values to keep for later steps that are shown nowhere, as name: CEL over the answer. Each must be "
        "text of 4 to 4096 bytes. They are used as ${captures.NAME}: in requests, in expressions, and in env of Jobs.",
        json_schema_extra=rules(_CAPTURE_NAMES),
    )
    eventually: Eventually | None = Field(
        None, description="Repeat the request until every expectation holds, instead of sending it once."
    )
    timeout: Duration | None = Field(
        None,
        description="Time in which each attempt must end. Default: 1m for http and assert (or what eventually needs), "
        "10m for job, duration and warm-up plus 3m for load, 5m for a condition to wait for.",
    )

    model_config = {
        "json_schema_extra": rules(
            (
                "(has(self.http) ? 1 : 0) + (has(self.job) ? 1 : 0) + (has(self.load) ? 1 : 0) + "
                "(has(self.assert) ? 1 : 0) + (has(self.wait) ? 1 : 0) == 1",
                _KINDS,
            ),
            (
                "has(self.http) || has(self.assert) || !(has(self.expect) && self.expect.size() > 0 || "
                "has(self.capture) && self.capture.size() > 0 || has(self.eventually))",
                _ANSWERS,
            ),
            ("!has(self.assert) || has(self.expect) && self.expect.size() > 0", _EXPECTS),
            (
                "has(self.http) || !has(self.captureSecret) || self.captureSecret.size() == 0",
                _SECRETS,
            ),
            (
                "!has(self.needs) || self.needs.all(n, n.step != self.name)",
                "a step cannot need itself",
            ),
        )
    }

    @property
    def captured(self) -> frozenset[str]:
        """Names of all that it keeps for later steps, secrets included."""
        return frozenset({*self.capture, *self.capture_secret})

    @property
    def time_limit(self) -> float:
        """Seconds in which the step must end."""
        if self.timeout:
            return self.timeout.total_seconds()
        if self.load:
            graceful = self.load.profile.graceful_stop
            return self.load.profile.length.total_seconds() + (graceful.total_seconds() if graceful else 0) + 180
        if self.job:
            return 600
        if self.wait:
            return self.wait.duration.total_seconds() + 60 if self.wait.duration is not None else 300
        request = self.http.timeout.total_seconds() if self.http else 0
        request = self.assert_.slowest if self.assert_ else request
        return max(60, request + (self.eventually.timeout.total_seconds() if self.eventually else 0))

    @property
    def asks(self) -> bool:
        """Whether the operator itself sends its requests, and only it knows what came of them."""
        return self.http is not None or self.assert_ is not None

    @property
    def sent_once(self) -> bool:
        """Whether its request may not be sent again, so that its intent must be on record first."""
        return self.http is not None and not self.http.idempotent

    @property
    def makes_objects(self) -> bool:
        """Whether its beginning is an object in the cluster; otherwise the operator itself does what it asks for."""
        return self.job is not None or self.load is not None

    @model_validator(mode="after")
    def _secrets_of_http(self) -> Self:
        if self.capture_secret and not self.http:
            raise ValueError(_SECRETS)
        return self

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if sum(kind is not None for kind in (self.http, self.job, self.load, self.assert_, self.wait)) != 1:
            raise ValueError(_KINDS)
        if not self.asks and (self.expect or self.capture or self.eventually):
            raise ValueError(_ANSWERS)
        if self.assert_ and not self.expect:
            raise ValueError(_EXPECTS)
        return self
