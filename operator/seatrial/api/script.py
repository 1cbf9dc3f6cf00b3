"""Scripts of k6 and Locust as the load, instead of requests."""

from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, model_validator

from seatrial.api.base import Model, atomic, list_map, rules, unique
from seatrial.api.exchange import ValueSource
from seatrial.api.file import FilePath
from seatrial.api.variable import SourceKey

#: Most characters of a script in the manifest itself.
SCRIPT_LENGTH = 65_536
#: Longest name of a request that has results of its own.
NAME_LENGTH = 50
#: Variables of these names tell the tools what Seatrial decides.
TAKEN_VARIABLES = ("SEATRIAL_", "K6_", "LOCUST_", "TARGET_URL", "JOB_COMPLETION_INDEX")

_ONE_PLACE = "give exactly one of inline, configMap and path"
_IMAGE = (
    "path is a file in an image of yours, which is made from Seatrial's for that engine: give path and image together"
)
_TAKEN = "names that begin with SEATRIAL_, K6_ or LOCUST_, TARGET_URL and JOB_COMPLETION_INDEX are Seatrial's own"


class Engine(StrEnum):
    """What generates the load."""

    HTTP = "Http"
    K6 = "K6"
    LOCUST = "Locust"


class ScriptVariable(Model):
    """One environment variable of a script."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", max_length=128)] = Field(
        description="Its name: in k6 __ENV.NAME, in Locust os.environ."
    )
    value: Annotated[str, Field(max_length=4096)] = Field("", description="Its value.")
    value_from: ValueSource | None = Field(
        None, description="Take the value from a Secret. Only the workers see it. Give it instead of value."
    )

    model_config = {
        "json_schema_extra": rules(
            ("!has(self.value) || !has(self.valueFrom)", "give one of value and valueFrom"),
            (
                " && ".join(f"!self.name.startsWith('{taken}')" for taken in TAKEN_VARIABLES),
                _TAKEN,
            ),
        )
    }

    @model_validator(mode="after")
    def _usable(self) -> Self:
        if self.value and self.value_from:
            raise ValueError("give one of value and valueFrom")
        if self.name.startswith(TAKEN_VARIABLES):
            raise ValueError(_TAKEN)
        return self


class Script(Model):
    """A script of k6 or Locust. It finds the target's address in the variable TARGET_URL."""

    inline: Annotated[str, Field(min_length=1, max_length=SCRIPT_LENGTH)] | None = Field(
        None, description="The script itself."
    )
    config_map: SourceKey | None = Field(
        None,
        description="A ConfigMap in the namespace of the workers, and the key of the script in it. Its other keys are "
        "files in the same folder, so that the script can import them.",
    )
    path: FilePath | None = Field(None, description="Absolute path of the script in image.")
    image: Annotated[str, Field(min_length=1, max_length=512)] | None = Field(
        None,
        description="Image of the workers with path in it, made from Seatrial's own for that engine (FROM seatrial-k6, "
        "FROM seatrial-locust).",
    )
    args: list[Annotated[str, Field(pattern=r"^--[a-z][-a-z0-9]*(=.*)?$", max_length=256)]] = Field(
        [],
        max_length=20,
        description="Options of k6 or Locust, each as --name or --name=value. Those with which Seatrial tells the tool "
        "what to do are refused.",
        json_schema_extra=atomic(),
    )
    env: Annotated[list[ScriptVariable], unique("name")] = Field(
        [], max_length=32, description="Environment variables.", json_schema_extra=list_map("name")
    )

    model_config = {
        "json_schema_extra": rules(
            ("[has(self.inline), has(self.configMap), has(self.path)].filter(x, x).size() == 1", _ONE_PLACE),
            ("has(self.path) == has(self.image)", _IMAGE),
        )
    }

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if sum(place is not None for place in (self.inline, self.config_map, self.path)) != 1:
            raise ValueError(_ONE_PLACE)
        if (self.path is None) != (self.image is None):
            raise ValueError(_IMAGE)
        return self
