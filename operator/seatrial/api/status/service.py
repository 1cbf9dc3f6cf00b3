"""What becomes of a service."""

from pydantic import Field

from seatrial.api.status.model import Message, StatusModel
from seatrial.api.status.state import ServiceState


class ServiceStatus(StatusModel):
    """One service of the environment."""

    name: str = Field(description="Name of the service.")
    state: ServiceState = Field(description="Pending, Starting, Started, Healthy, Unhealthy, Completed or Error.")
    reason: str = Field("", description="Stable CamelCase word for the state.")
    message: Message = Field("", description="What it waits for or what went wrong.")
    started_at: str | None = Field(None, description="When it was created.", json_schema_extra={"format": "date-time"})
    healthy_at: str | None = Field(
        None, description="When it was first healthy.", json_schema_extra={"format": "date-time"}
    )
    interruptions: int = Field(0, description="Times it became unhealthy after it had been healthy.")
    interrupted_at: str | None = Field(
        None, description="When it last became unhealthy.", json_schema_extra={"format": "date-time"}
    )
    recovered_at: str | None = Field(
        None, description="When it last became healthy again.", json_schema_extra={"format": "date-time"}
    )
    interrupted_by: str = Field("", description="Stable CamelCase word for its gravest interruption.")
    pods: str = Field("", description="Digest of its pods and their restarts when it was last healthy.")
