"""How workers use connections to the service."""

from datetime import timedelta
from typing import Self

from pydantic import Field, model_validator

from seatrial.api.base import Model, rules
from seatrial.api.duration import Duration

_LEAST = timedelta(milliseconds=1)


class Connections(Model):
    """How workers use connections to the service."""

    keep_alive: bool = Field(
        True,
        description="Uses a connection for one request after the other. false: a new one for each request, with "
        "Connection: close. Default true.",
    )
    connect_timeout: Duration | None = Field(
        None,
        description="Time in which a connection must be open, TLS handshake included; it is part of requestTimeout. "
        "Default: requestTimeout.",
    )

    model_config = {
        "json_schema_extra": rules(
            (
                "!has(self.connectTimeout) || duration(self.connectTimeout) >= duration('1ms')",
                "connectTimeout must be at least 1ms",
            )
        )
    }

    @model_validator(mode="after")
    def _some_time(self) -> Self:
        if self.connect_timeout is not None and self.connect_timeout < _LEAST:
            raise ValueError("connectTimeout must be at least 1ms")
        return self
