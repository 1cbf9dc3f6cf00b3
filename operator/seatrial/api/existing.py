"""Services that run already: a trial uses them and never touches them."""

from typing import Annotated

from pydantic import Field

from seatrial.api.base import Model

#: Names of Services and namespaces of others, which may be as long as Kubernetes lets them.
Label = Annotated[str, Field(pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", min_length=1, max_length=63)]


class Existing(Model):
    """A Service that runs already. It is read and sent requests; nothing about it is ever changed."""

    service: Label = Field(
        description="Name of the Service. It must have a cluster IP and a selector: one that leads out of the cluster, "
        "or wherever its endpoints say, is refused."
    )
    namespace: Label | None = Field(
        None,
        description="Its namespace. Default: the resource's own. Any other must be allowed to it by the platform team "
        "(allowedTargets in the chart's values).",
    )
