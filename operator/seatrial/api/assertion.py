"""Assertions: what several services answered, judged together."""

from typing import Annotated, Literal

from pydantic import Field

from seatrial.api.base import DnsName, Identifier, Model, list_map, unique
from seatrial.api.duration import Duration, seconds
from seatrial.api.load import Header

#: Reads of one assertion.
READS = 8


class Read(Model):
    """One request of an assertion, by a method that changes nothing."""

    name: Identifier = Field(description="Name of the answer in expressions, which is answers.NAME there.")
    service: DnsName = Field(description="Name of the service in this environment.")
    port: str | None = Field(None, max_length=15, description="Name of its port; may be left out if there is only one.")
    method: Literal["GET", "HEAD", "OPTIONS"] = Field("GET", description="HTTP method. Default GET.")
    path: Annotated[str, Field(pattern=r"^/", max_length=2048)] = Field(
        "/", description="Path and query. It may hold ${…} expressions, whose values are percent-encoded."
    )
    headers: Annotated[list[Header], unique("name")] = Field(
        [],
        max_length=16,
        description="Headers to send. Values may hold ${…} expressions.",
        json_schema_extra=list_map("name"),
    )
    timeout: Duration = Field(seconds(10), description="Time in which it must be answered. Default 10s.")


class Assertion(Model):
    """Expectations about what several services answer at the same time, and about what earlier steps captured."""

    reads: Annotated[list[Read], unique("name")] = Field(
        [],
        max_length=READS,
        description="Requests whose answers the expectations are about. They are sent at the same time.",
        json_schema_extra=list_map("name"),
    )

    @property
    def slowest(self) -> float:
        """Seconds that one round of requests may take."""
        return max((read.timeout.total_seconds() for read in self.reads), default=0.0)
