"""Requests that load is made of: what each sends and expects, the flows of users, and the data they are made of."""

import json
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from seatrial.api.base import DnsName, Expression, Identifier, Model, Template, atomic, list_map, rules, unique
from seatrial.api.duration import Duration, seconds

Method = Literal["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]


HeaderName = Annotated[str, Field(pattern=r"^[A-Za-z0-9!#$%&'*+.^_`|~-]+$", max_length=128)]


class Header(Model):
    """One header of an HTTP request."""

    name: HeaderName = Field(description="Name of the header; case does not matter.")
    value: Template = Field(description="Its value.")


class SecretKey(Model):
    """One value of a Secret."""

    name: Annotated[str, Field(min_length=1, max_length=253)] = Field(description="Name of the Secret.")
    key: Annotated[str, Field(pattern=r"^[-._a-zA-Z0-9]+$", max_length=253)] = Field(description="Key in it.")


class ValueSource(Model):
    """Where a value comes from."""

    secret_key_ref: SecretKey = Field(description="A Secret in the namespace of the workers.")


class LoadHeader(Model):
    """One header of a request of load."""

    name: HeaderName = Field(description="Name of the header; case does not matter.")
    value: Template = Field("", description="Its value. It may hold ${…} expressions.")
    value_from: ValueSource | None = Field(
        None, description="Take the value from a Secret. Only the workers see it. Give it instead of value."
    )


class FormField(Model):
    """One field of a form."""

    name: Annotated[str, Field(min_length=1, max_length=128)] = Field(description="Name of the field.")
    value: Template = Field("", description="Its value. It may hold ${…} expressions.")


class Exchange(Model):
    """One kind of request, what it sends and what it expects."""

    name: Annotated[str, Field(max_length=50)] | None = Field(
        None, description="Name under which its results are reported. Default: method and path."
    )
    method: Method = Field("GET", description="HTTP method. Default GET.")
    path: Annotated[str, Field(pattern=r"^/", max_length=2048)] = Field(
        "/", description="Path and query. It may hold ${…} expressions, whose values are percent-encoded."
    )
    headers: Annotated[list[LoadHeader], unique("name")] = Field(
        [], max_length=32, description="Headers to send.", json_schema_extra=list_map("name")
    )
    json_body: Any = Field(
        None,
        alias="json",
        description="Body, sent as JSON. Strings in it may hold ${…} expressions; a string that is nothing but one "
        "expression becomes the expression's value with its type.",
        json_schema_extra={"x-kubernetes-preserve-unknown-fields": True},
    )
    text: Annotated[str, Field(max_length=16384)] | None = Field(
        None, description="Body, sent as plain text (UTF-8). It may hold ${…} expressions."
    )
    form: list[FormField] | None = Field(
        None,
        max_length=32,
        description="Body, sent as a form (application/x-www-form-urlencoded). Give one of json, text and form.",
        json_schema_extra=atomic(),
    )
    follow_redirects: bool = Field(
        False,
        description="Follow redirects, at most 5, to other paths of the same service; one that leads elsewhere is an "
        "error of the kind redirect. All of it counts as one request. Default false: a redirect is an answer like "
        "any other.",
    )
    expect: list[Expression] = Field(
        [],
        max_length=10,
        description="CEL over each answer that must hold: response.status, response.headers, response.json, "
        "response.text, response.time, and what ${…} may use. An answer for which one does not hold is an error of "
        "the kind check. A status from 400 on is an error too, unless response.status is expected here.",
        json_schema_extra=atomic(),
    )

    # Not a CEL rule: what takes any JSON has no type, so no rule can see it.
    model_config = {
        "json_schema_extra": {
            "not": {
                "anyOf": [{"required": list(pair)} for pair in (("json", "text"), ("json", "form"), ("text", "form"))]
            }
        }
    }

    @property
    def label(self) -> str:
        """Name under which the results of this request are reported."""
        return self.name or f"{self.method} {self.path}"

    @property
    def plain(self) -> bool:
        """Whether it is the same each time, ends with one answer, and nothing but its status matters."""
        texts = [self.path, self.text, self.json_body, *(header.value for header in self.headers)]
        sources = any(header.value_from for header in self.headers)
        return not (
            self.follow_redirects
            or self.expect
            or self.form
            or sources
            or any("${" in json.dumps(text) for text in texts)
        )

    @model_validator(mode="after")
    def _one_body(self) -> Self:
        if (self.json_body is not None) + (self.text is not None) + bool(self.form) > 1:
            raise ValueError("give one of json, form and text")
        for header in self.headers:
            if header.value and header.value_from:
                raise ValueError(f"header {header.name}: give one of value and valueFrom")
        return self


class Request(Exchange):
    """One kind of request that the load is made of."""

    weight: Annotated[int, Field(ge=1, le=1000)] = Field(
        1, description="Share of this request among all, in relation to the other weights. Default 1."
    )


class FlowStep(Exchange):
    """One request of a flow."""

    capture: dict[Identifier, Expression] = Field(
        {},
        max_length=10,
        description="Values to keep for the later steps of the flow, as name: CEL over the answer.",
    )


class Flow(Model):
    """What one user does, request after request. A request that fails ends it."""

    name: DnsName = Field(description="Name of the flow.")
    weight: Annotated[int, Field(ge=1, le=1000)] = Field(
        1, description="Share of this flow among all, in relation to the other weights. Default 1."
    )
    think_time: Duration = Field(seconds(0), description="Pause after each request. Default 0s.")
    steps: list[FlowStep] = Field(
        min_length=1, max_length=10, description="Its requests, in their order.", json_schema_extra=atomic()
    )


class Sequence(Model):
    """Numbers, none of which comes twice in a run, whichever worker takes it."""

    start: Annotated[int, Field(ge=0, le=1_000_000_000)] = Field(1, description="The first number. Default 1.")


class Data(Model):
    """Values that requests are made of; each flow, or each request without flows, takes the next."""

    name: Identifier = Field(description="Its name: data.NAME in expressions.")
    sequence: Sequence | None = Field(None, description="Ascending numbers.")
    uuid: Literal["Random"] | None = Field(None, description="A random UUID: write Random.")
    pick: list[Annotated[str, Field(max_length=256)]] = Field(
        [], max_length=100, description="One of these, at random.", json_schema_extra=atomic()
    )
    csv: Annotated[str, Field(max_length=65_536)] = Field(
        "",
        description="Lines of comma-separated values, of which the first names the columns: data.NAME.COLUMN. Lines "
        "are taken in turn, from the beginning again when all have been.",
    )

    model_config = {
        "json_schema_extra": rules(
            (
                "[has(self.sequence), has(self.uuid), has(self.pick) && self.pick.size() > 0, "
                "has(self.csv) && self.csv != ''].filter(x, x).size() == 1",
                "give exactly one of sequence, uuid, pick and csv",
            )
        )
    }

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if (self.sequence is not None) + (self.uuid is not None) + bool(self.pick) + bool(self.csv) != 1:
            raise ValueError("give exactly one of sequence, uuid, pick and csv")
        return self
