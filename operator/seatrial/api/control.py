"""When a run starts, waits and ends: the part of a spec that steers runs, beside the part that says what is run."""

import hashlib
import json
from collections.abc import Mapping
from enum import StrEnum
from functools import cached_property
from typing import Annotated, Any, Self

from pydantic import Field, model_validator

from seatrial.api.base import DnsName, Model, rules
from seatrial.api.duration import Duration, seconds
from seatrial.api.status import Verdict

#: Fields that say when a run starts or ends and not what it is: changing one starts no run and ends none.
STEERING = frozenset({"concurrency", "history", "retain", "schedule", "stop", "suspend"})

#: The longest that an environment is kept to be looked into.
_LONGEST_RETENTION = seconds(24 * 3600)


class Steered(Model):
    """A spec of which a part only steers."""

    @cached_property
    def spec_hash(self) -> str:
        """SHA-256 over what is run: the canonical JSON of the spec without what only steers and without defaults.

        Without defaults, so that neither writing one out nor an operator that knows more fields starts anything anew.
        """
        exclude: Any = {**dict.fromkeys(STEERING, True), "timeouts": {"queue"}}
        content = self.model_dump(mode="json", by_alias=True, exclude_defaults=True, exclude=exclude)
        if not content.get("timeouts"):
            content.pop("timeouts", None)
        return hashlib.sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode()).hexdigest()

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """Copies the spec; what was computed from the old one does not go with it."""
        copied = super().model_copy(update=update, deep=deep)
        copied.__dict__.pop("spec_hash", None)
        return copied


class Stop(StrEnum):
    """How the run under way is ended."""

    GRACEFUL = "Graceful"
    IMMEDIATE = "Immediate"


class Schedule(Model):
    """Times at which a run starts without a change of the spec."""

    cron: Annotated[
        str,
        Field(pattern=r"^[0-9A-Za-z*/,#-]+( +[0-9A-Za-z*/,#-]+){4}$", max_length=100),
    ] = Field(
        description="Minute, hour, day of the month, month and day of the week, as cron(8) reads them: "
        "for example 30 6 * * MON-FRI. Where clocks are put forward, a time that is skipped is run at once "
        "after; where they are put back, a fixed time is run once."
    )
    time_zone: Annotated[str, Field(pattern=r"^[A-Za-z0-9_+/-]+$", max_length=64)] = Field(
        "UTC", description="IANA name of the time zone of cron, for example Europe/Berlin. Default UTC."
    )
    starting_deadline: Duration = Field(
        seconds(300),
        description="A run that could not start at its time (the operator was away) still starts if no more than this "
        "has passed; otherwise it is missed, and counted in status.schedule.missed. Default 5m.",
    )


class ConcurrencyPolicy(StrEnum):
    """What a run does that finds its group full."""

    QUEUE = "Queue"
    CANCEL_OLDEST = "CancelOldest"
    REJECT = "Reject"


class Concurrency(Model):
    """A group of TestScenarios and LoadTests of one namespace, of which only some run at a time."""

    group: DnsName = Field(description="Name of the group. It exists by being named, within the namespace.")
    max: Annotated[int, Field(ge=1, le=100)] = Field(
        1,
        description="Runs of the group at a time, teardown included. Where members differ, the least of those that run "
        "and of the one that wants to counts. Default 1.",
    )
    policy: ConcurrencyPolicy = Field(
        ConcurrencyPolicy.QUEUE,
        description="What a run does that finds the group full: Queue waits; CancelOldest has the group's oldest runs "
        "cancelled and takes their place; Reject ends as Cancelled. Default Queue.",
    )


class RetainWhen(StrEnum):
    """After which verdicts an environment stays."""

    NEVER = "Never"
    ON_FAILURE = "OnFailure"


class Retain(Model):
    """Whether what a run has made stays for a while to be looked into."""

    when: RetainWhen = Field(
        RetainWhen.NEVER,
        description="OnFailure keeps it after any verdict but Passed and Cancelled: teardown Jobs run, and all is "
        "taken away, afterwards. Never ends that, also while it is kept. Default Never. Of a load test, the pods of "
        "its workers are kept, for their logs, if all of them have ended.",
    )
    timeout: Duration = Field(
        seconds(3600), description="For how long. Deletion or a new run end it earlier. Default 1h, at most 24h."
    )

    model_config = {
        "json_schema_extra": rules(
            ("!has(self.timeout) || duration(self.timeout) <= duration('24h')", "timeout must be at most 24h")
        )
    }

    @model_validator(mode="after")
    def _bounded(self) -> Self:
        if self.timeout > _LONGEST_RETENTION:
            raise ValueError("timeout must be at most 24h")
        return self


class LoadConcurrency(Concurrency):
    """A group of which only some run at a time; of a load test, by default those of its target."""

    group: DnsName | None = Field(  # type: ignore[assignment]  # what is required there has a default here
        None,
        description="Name of the group. It exists by being named, within the namespace. Default: the group of all load "
        "tests of the namespace that have the same target and name none either.",
    )


class ScenarioNeed(Model):
    """Another TestScenario of the namespace that must have come to a verdict first."""

    scenario: Annotated[str, Field(pattern=r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$", max_length=253)] = Field(
        description="Its name."
    )
    verdict: Verdict = Field(
        Verdict.PASSED, description="The verdict that its last run, of its present spec, must have. Default Passed."
    )
    max_age: Duration | None = Field(None, description="How long ago that verdict may have fallen. Default: any time.")


#: Fields that both kinds have, each with what it means.
RunToken = Annotated[
    Annotated[str, Field(max_length=63)] | None,
    Field(description="A token of your own: a new run starts when it changes, as it does when what is run changes."),
]
Suspend = Annotated[
    bool,
    Field(description="While true nothing new starts; a run under way goes on. Default false."),
]
StopField = Annotated[
    Stop | None,
    Field(
        description="Ends the run under way, or the one that waits, as Cancelled: Graceful lets steps end that run and "
        "starts no more; Immediate cuts them off. Teardown runs either way. While it is set nothing new starts: runs "
        "that are asked for end as Cancelled at once. Default: not set."
    ),
]
ScheduleField = Annotated[
    Schedule | None,
    Field(description="Times at which a run starts besides those when the spec changes. Default: none."),
]
ConcurrencyField = Annotated[
    Concurrency | None,
    Field(description="With which others this one shares its turn. Default: with none; limits of the operator hold."),
]
LoadConcurrencyField = Annotated[
    LoadConcurrency | None,
    Field(description="With which others this one shares its turn. Default: with none; limits of the operator hold."),
]
History = Annotated[
    int,
    Field(ge=0, le=10, description="Runs before the last one that status.history keeps, from 0 to 10. Default 10."),
]
QueueTimeout = Annotated[
    Duration,
    Field(
        description="From asking for a run until it begins; time in which the resource is suspended does not count. "
        "Default 1h."
    ),
]
TotalTimeout = Annotated[
    Duration | None,
    Field(description="From the beginning of a run to its verdict; the teardown's time is its own. Default: no limit."),
]
