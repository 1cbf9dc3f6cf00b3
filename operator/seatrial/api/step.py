"""The steps of a trial: what is done and checked, and which steps need which others."""

from enum import StrEnum
from typing import Annotated, Any, Self

from pydantic import Field, model_validator

from seatrial.api.base import DnsName, Expression, Identifier, Model, list_map, rules, unique
from seatrial.api.duration import Duration, seconds
from seatrial.api.environment import Container
from seatrial.api.load import Header, LoadSpec, Method

#: Methods that may be sent again without changing what they mean (RFC 9110, section 9.2.2).
IDEMPOTENT_METHODS = frozenset({"GET", "HEAD", "PUT", "DELETE", "OPTIONS"})


class HttpRequest(Model):
    """One HTTP request to a service of the environment, sent by the operator itself."""

    service: DnsName = Field(description="Name of the service in this environment.")
    port: str | None = Field(None, max_length=15, description="Name of its port; may be left out if there is only one.")
    method: Method = Field("GET", description="HTTP method. Default GET.")
    path: Annotated[str, Field(pattern=r"^/", max_length=2048)] = Field(
        "/", description="Path and query. It may hold ${…} expressions, whose values are percent-encoded."
    )
    headers: Annotated[list[Header], unique("name")] = Field(
        [],
        max_length=32,
        description="Headers to send. Values may hold ${…} expressions.",
        json_schema_extra=list_map("name"),
    )
    json_body: Any = Field(
        None,
        alias="json",
        description="Body, sent as JSON. Strings in it may hold ${…} expressions; a string that is nothing but one "
        "expression becomes the expression's value with its type.",
        json_schema_extra={"x-kubernetes-preserve-unknown-fields": True},
    )
    text: Annotated[str, Field(max_length=16384)] | None = Field(
        None, description="Body, sent as plain text (UTF-8). It may hold ${…} expressions. Give one of json and text."
    )
    timeout: Duration = Field(seconds(10), description="Time in which one request must be answered. Default 10s.")

    # Not a CEL rule: what takes any JSON has no type, so no rule can see it.
    model_config = {"json_schema_extra": {"not": {"required": ["json", "text"]}}}

    @property
    def idempotent(self) -> bool:
        """Whether the request may be sent again without changing what it means."""
        return self.method in IDEMPOTENT_METHODS

    @model_validator(mode="after")
    def _one_body(self) -> Self:
        if self.json_body is not None and self.text is not None:
            raise ValueError("give one of json and text, not both")
        return self


class NeedResult(StrEnum):
    """How another step must have ended."""

    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    COMPLETED = "Completed"


class Need(Model):
    """Another step that must have ended first."""

    step: DnsName = Field(description="Name of the other step.")
    result: NeedResult = Field(
        NeedResult.SUCCEEDED,
        description="How it must have ended: Succeeded (default), Failed (any end but success) or Completed (any end). "
        "If it ended otherwise, this step is skipped.",
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


class Step(Model):
    """One step: an HTTP check, a Job or load. Steps that do not need one another run in parallel."""

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
    expect: list[Expression] = Field(
        [],
        max_length=20,
        description="CEL over the answer, each of which must hold: response.status, response.headers, response.json, "
        "response.text, response.time, captures.NAME, run.id. Default: response.status is from 200 to 299.",
        json_schema_extra={"x-kubernetes-list-type": "atomic"},
    )
    capture: dict[Identifier, Expression] = Field(
        {},
        max_length=16,
        description="Values to keep for later steps, as name: CEL over the answer. At most 512 bytes each, as JSON, "
        "and 24 in a scenario. They are shown in status: do not capture secrets.",
        json_schema_extra=rules(
            (
                "self.all(k, k.matches('^[a-zA-Z_][a-zA-Z0-9_]{0,49}$'))",
                "a name is made of letters, digits and underscores, starts with no digit and has at most 50 characters",
            )
        ),
    )
    eventually: Eventually | None = Field(
        None, description="Repeat the request until every expectation holds, instead of sending it once."
    )
    timeout: Duration | None = Field(
        None,
        description="Time in which the step must end. Default: 1m for http (or what eventually needs), 10m for job, "
        "duration and warm-up plus 3m for load.",
    )

    model_config = {
        "json_schema_extra": rules(
            (
                "(has(self.http) ? 1 : 0) + (has(self.job) ? 1 : 0) + (has(self.load) ? 1 : 0) == 1",
                "give exactly one of http, job and load",
            ),
            (
                "has(self.http) || !(has(self.expect) && self.expect.size() > 0 || "
                "has(self.capture) && self.capture.size() > 0 || has(self.eventually))",
                "expect, capture and eventually belong to http",
            ),
            (
                "!has(self.needs) || self.needs.all(n, n.step != self.name)",
                "a step cannot need itself",
            ),
        )
    }

    @property
    def time_limit(self) -> float:
        """Seconds in which the step must end."""
        if self.timeout:
            return self.timeout.total_seconds()
        if self.load:
            profile = self.load.profile
            return (profile.duration + profile.warmup).total_seconds() + 180
        if self.job:
            return 600
        request = self.http.timeout.total_seconds() if self.http else 0
        return max(60, request + (self.eventually.timeout.total_seconds() if self.eventually else 0))

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if sum(kind is not None for kind in (self.http, self.job, self.load)) != 1:
            raise ValueError("give exactly one of http, job and load")
        if not self.http and (self.expect or self.capture or self.eventually):
            raise ValueError("expect, capture and eventually belong to http")
        return self
