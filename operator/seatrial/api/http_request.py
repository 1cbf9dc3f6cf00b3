"""The request of a step."""

from itertools import combinations
from typing import Annotated, Any, Self

from pydantic import Field, model_validator

from seatrial.api.base import DnsName, Model, Template, list_map, unique
from seatrial.api.duration import Duration, seconds
from seatrial.api.exchange import Header, Method

#: Methods that may be sent again without changing what they mean (RFC 9110, section 9.2.2).
IDEMPOTENT_METHODS = frozenset({"GET", "HEAD", "PUT", "DELETE", "OPTIONS"})
#: Kinds of bodies, of which a request has one at most.
_BODIES = ("json", "form", "text")


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
        None,
        description="Body, sent as plain text (UTF-8). It may hold ${…} expressions. Give one of json, form and text.",
    )
    form: dict[str, Template] | None = Field(
        None,
        max_length=64,
        description="Body, sent as a form (application/x-www-form-urlencoded): values by name. Values may hold ${…} "
        "expressions.",
    )
    follow_redirects: bool = Field(
        False,
        description="Follow redirects, at most 5, to services of this environment by their names; the step fails if "
        "one leads elsewhere. Default false: a redirect is an answer like any other.",
    )
    timeout: Duration = Field(seconds(10), description="Time in which one request must be answered. Default 10s.")

    # Not a CEL rule: what takes any JSON has no type, so no rule can see it.
    model_config = {
        "json_schema_extra": {"not": {"anyOf": [{"required": list(pair)} for pair in combinations(_BODIES, 2)]}}
    }

    @property
    def idempotent(self) -> bool:
        """Whether the request may be sent again without changing what it means."""
        return self.method in IDEMPOTENT_METHODS

    @model_validator(mode="after")
    def _one_body(self) -> Self:
        if sum(body is not None for body in (self.json_body, self.form, self.text)) > 1:
            raise ValueError("give one of json, form and text")
        return self
