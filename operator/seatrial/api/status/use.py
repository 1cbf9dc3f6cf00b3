"""What pods used while load was measured."""

from pydantic import Field

from seatrial.api.status.model import Message, StatusModel


class ResourceUse(StatusModel):
    """What some pods used while load was measured, each pod for itself."""

    name: str = Field(description="target, or the name in spec.observe.")
    pods: int = Field(0, description="Most pods at a time.")
    samples: int = Field(0, description="Times at which the metrics API told of a pod.")
    cpu_max: float | None = Field(None, description="Greatest use of CPU by one pod, in cores.")
    cpu_mean: float | None = Field(None, description="Mean over pods and samples.")
    memory_max: int | None = Field(None, description="Greatest use of memory by one pod (working set), in bytes.")
    memory_mean: int | None = Field(None, description="Mean over pods and samples.")
    restarts: int | None = Field(None, description="Times a container was restarted; absent if pods cannot be listed.")
    oom_kills: int | None = Field(None, description="Containers that ran out of memory.")
    message: Message = Field("", description="Why something is missing, for example that there is no metrics API.")
