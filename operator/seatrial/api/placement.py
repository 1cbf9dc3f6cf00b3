"""Where load workers run, and before whom: as far as the platform team allows it."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from seatrial.api.base import DnsName, Model, atomic

#: Keys and values of labels and taints, as Kubernetes has them.
LabelKey = Annotated[
    str,
    Field(
        pattern=r"^([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$",
        min_length=1,
        max_length=317,
    ),
]
LabelValue = Annotated[str, Field(pattern=r"^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$", max_length=63)]


class TaintEffect(StrEnum):
    """What a taint does to pods that do not tolerate it."""

    NO_SCHEDULE = "NoSchedule"
    PREFER_NO_SCHEDULE = "PreferNoSchedule"
    NO_EXECUTE = "NoExecute"


class Toleration(Model):
    """A taint of nodes on which workers may run nevertheless."""

    key: LabelKey = Field(description="Key of the taint.")
    value: LabelValue | None = Field(None, description="Value of the taint. Default: any.")
    effect: TaintEffect | None = Field(None, description="Effect of the taint. Default: any.")


class Placement(Model):
    """Where workers run. Each part must be allowed by the platform team (workerPlacement in the chart's values)."""

    priority_class_name: DnsName | None = Field(
        None, description="Name of the PriorityClass of the workers' pods. Default: the cluster's own default."
    )
    node_selector: Annotated[dict[LabelKey, LabelValue], Field(max_length=10)] = Field(
        {}, description="Labels that a node must have for workers to run there. Default: none."
    )
    tolerations: list[Toleration] = Field(
        [], max_length=10, description="Taints on which workers run nevertheless.", json_schema_extra=atomic()
    )
