"""What services and Jobs have in common: one container, what it may use, and how far it is locked down."""

from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, model_validator

from seatrial.api.base import Model, Template, atomic, list_map, unique
from seatrial.api.file import FILES_BYTES, File
from seatrial.api.quantity import Quantity, amount
from seatrial.api.variable import EnvFrom, EnvVar

Image = Annotated[str, Field(min_length=1, max_length=512, pattern=r"^[!-~]+$")]


class ResourceAmounts(Model):
    """Amounts of CPU and memory."""

    cpu: Quantity | None = Field(None, description="CPU in cores, for example 500m for half a core.")
    memory: Quantity | None = Field(None, description="Memory in bytes, for example 256Mi.")


class Resources(Model):
    """What a container asks for and what it may not exceed."""

    requests: ResourceAmounts | None = Field(
        None, description="What the scheduler sets aside. Default: 50m of CPU and 64Mi of memory."
    )
    limits: ResourceAmounts | None = Field(
        None, description="What the container may use at most. Default: 1 core and 512Mi of memory."
    )

    @model_validator(mode="after")
    def _within_limits(self) -> Self:
        for kind in ("cpu", "memory"):
            asked, most = (getattr(amounts, kind, None) for amounts in (self.requests, self.limits))
            if asked and most and amount(asked) > amount(most):
                raise ValueError(f"requests.{kind} {asked} is more than limits.{kind} {most}: lower it or raise that")
        return self


class PodSecurity(StrEnum):
    """How far a container is locked down (Pod Security Standards)."""

    BASELINE = "Baseline"
    RESTRICTED = "Restricted"


class Container(Model):
    """What services and Jobs have in common: one container."""

    image: Image = Field(description="Container image, with its tag or digest.")
    command: list[Template] | None = Field(
        None,
        max_length=64,
        description="Replaces the image's entry point.",
        json_schema_extra={"x-kubernetes-list-type": "atomic"},
    )
    args: list[Template] | None = Field(
        None,
        max_length=64,
        description="Arguments of the entry point.",
        json_schema_extra={"x-kubernetes-list-type": "atomic"},
    )
    env: Annotated[list[EnvVar], unique("name")] = Field(
        [], max_length=100, description="Environment variables, by name.", json_schema_extra=list_map("name")
    )
    env_from: list[EnvFrom] = Field(
        [],
        max_length=10,
        description="Variables from all keys of Secrets and ConfigMaps. Of the same name, env wins.",
        json_schema_extra=atomic(),
    )
    files: Annotated[list[File], unique("path")] = Field(
        [],
        max_length=16,
        description="Files that the container finds under their paths, read-only.",
        json_schema_extra=list_map("path"),
    )
    resources: Resources = Field(Resources(), description="CPU and memory of the container.")
    pod_security: PodSecurity = Field(
        PodSecurity.BASELINE,
        description="Baseline (default) lets the image choose its user, root included, without privileges; "
        "Restricted also demands a non-root user and drops every capability. Neither allows host access.",
    )

    @model_validator(mode="after")
    def _files_fit(self) -> Self:
        total = sum(len(file.content.encode()) for file in self.files)
        if total > FILES_BYTES:
            raise ValueError(f"its files hold {total} bytes, at most {FILES_BYTES} fit: put them into the image")
        return self
