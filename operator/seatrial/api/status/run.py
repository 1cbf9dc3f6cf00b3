"""The run that goes on, those before it, and the report of one."""

from pydantic import Field

from seatrial.api.status.model import Message, StatusModel, Timestamped
from seatrial.api.status.state import Verdict

LOAD_HASH = "Digest of a LoadTest's load, without what judges it: runs with the same one can be compared."


class ReportStatus(StatusModel):
    """Where the whole report of the run is."""

    run: str = Field("", description="Name of the run that it is about.")
    config_maps: list[str] = Field(
        [],
        max_length=5,
        description="Names of the ConfigMaps beside the resource that hold it, in order. `seatrial report` reads them.",
        json_schema_extra={"x-kubernetes-list-type": "atomic"},
    )
    sha256: str = Field("", description="SHA-256 of report.json.")
    bytes: int = Field(0, description="Size of report.json.")
    message: Message = Field("", description="Why there is none, or why it is not whole.")


class RunStatus(Timestamped):
    """The current or last run."""

    id: str = Field(
        description="Name of the run, unique for the resource: the generation that asked for it, and the time if it "
        "was scheduled."
    )
    generation: int = Field(description="Newest generation of the spec that says to run the same.")
    spec_hash: str = Field("", description="SHA-256 over what is run: a spec with another one starts a new run.")
    load_hash: str = Field("", description=LOAD_HASH)
    scheduled_for: str | None = Field(
        None, description="The time of the schedule that started it.", json_schema_extra={"format": "date-time"}
    )
    stop: str = Field("", description="Graceful or Immediate, once spec.stop has ended the run.")
    namespace: str | None = Field(None, description="The environment's namespace.")
    phase_since: str | None = Field(
        None, description="When the current phase began.", json_schema_extra={"format": "date-time"}
    )


class RunSummary(StatusModel):
    """One past run."""

    id: str = Field(description="Name of the run.")
    load_hash: str = Field("", description=LOAD_HASH)
    verdict: Verdict = Field(description="How it ended.")
    reason: str = Field("", description="Stable CamelCase word for why.")
    flaky: bool | None = Field(None, description="True if a step succeeded only when it was attempted again.")
    started_at: str | None = Field(None, description="When it started.", json_schema_extra={"format": "date-time"})
    finished_at: str | None = Field(
        None, description="When its verdict fell.", json_schema_extra={"format": "date-time"}
    )
    report: list[str] = Field(
        [],
        max_length=5,
        description="Names of the ConfigMaps that hold its report.",
        json_schema_extra={"x-kubernetes-list-type": "atomic"},
    )
