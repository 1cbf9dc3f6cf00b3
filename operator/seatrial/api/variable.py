"""Where the environment variables of a container come from: the manifest itself, a Secret or a ConfigMap."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from seatrial.api.base import Model, Template, rules

#: Name of a Secret or ConfigMap (a DNS subdomain, RFC 1123).
SourceName = Annotated[str, Field(pattern=r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$", max_length=253)]
#: What our own objects in an environment begin with, so that no copy can have the name of one of them.
RESERVED = "seatrial-"


class SourceKey(Model):
    """One value in a Secret or ConfigMap."""

    name: SourceName = Field(description="Its name.")
    key: Annotated[str, Field(pattern=r"^[-._a-zA-Z0-9]+$", max_length=253)] = Field(description="Key in it.")


_ONE_SOURCE = "give exactly one of value, secret and configMap"


class EnvVar(Model):
    """One environment variable of a container."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_.-]*$", max_length=128)] = Field(
        description="Name of the variable, as the container sees it."
    )
    value: Template | None = Field(None, description="Its value. In Jobs of steps it may hold ${…} expressions.")
    secret: SourceKey | None = Field(None, description="Takes the value from a Secret that environment.secrets lists.")
    config_map: SourceKey | None = Field(
        None, description="Takes the value from a ConfigMap that environment.configMaps lists."
    )

    model_config = {
        "json_schema_extra": rules(
            (
                "(has(self.value) ? 1 : 0) + (has(self.secret) ? 1 : 0) + (has(self.configMap) ? 1 : 0) == 1",
                _ONE_SOURCE,
            )
        )
    }

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if sum(source is not None for source in (self.value, self.secret, self.config_map)) != 1:
            raise ValueError(_ONE_SOURCE)
        return self


_ONE_ORIGIN = "give exactly one of secret and configMap"


class EnvFrom(Model):
    """Variables from all keys of a Secret or ConfigMap."""

    secret: SourceName | None = Field(None, description="Name of a Secret that environment.secrets lists.")
    config_map: SourceName | None = Field(None, description="Name of a ConfigMap that environment.configMaps lists.")
    prefix: Annotated[str, Field(pattern=r"^([A-Za-z_][A-Za-z0-9_.-]*)?$", max_length=64)] = Field(
        "", description="Put before each key. Default: nothing."
    )

    model_config = {"json_schema_extra": rules(("has(self.secret) != has(self.configMap)", _ONE_ORIGIN))}

    @model_validator(mode="after")
    def _one_origin(self) -> Self:
        if (self.secret is None) == (self.config_map is None):
            raise ValueError(_ONE_ORIGIN)
        return self
