"""Storage of a service that outlives its containers, and goes with its environment."""

from typing import Annotated

from pydantic import Field

from seatrial.api.base import Model
from seatrial.api.file import FilePath
from seatrial.api.quantity import Size

#: Most claims, and most bytes of storage, of one environment.
CLAIMS = 20
STORAGE = "100Gi"


class Storage(Model):
    """A volume for each pod of a service."""

    path: FilePath = Field(description="Where the container finds it, for example /var/lib/postgresql.")
    size: Size = Field(description="Its size, for example 1Gi. All of an environment's together: at most 100Gi.")
    storage_class: Annotated[str, Field(pattern=r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$", max_length=253)] | None = Field(
        None, description="Name of the StorageClass that provides it. Default: the cluster's default class."
    )
