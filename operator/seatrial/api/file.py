"""Files that a manifest puts into a container."""

from typing import Annotated

from pydantic import AfterValidator, Field

from seatrial.api.base import Model

#: Most bytes (UTF-8) of one file, and of all files of one container.
FILE_BYTES = 16_384
FILES_BYTES = 65_536


def _bounded(content: str) -> str:
    size = len(content.encode())
    if size > FILE_BYTES:
        raise ValueError(f"has {size} bytes, at most {FILE_BYTES} fit: put it into the image, or split it")
    return content


#: An absolute path without `.` and `..` in it.
FilePath = Annotated[str, Field(pattern=r"^(/\.{0,2}[A-Za-z0-9_+@=-][A-Za-z0-9_.+@=-]*)+$", max_length=256)]


class File(Model):
    """One file in a container, read-only."""

    path: FilePath = Field(description="Where the container finds it, for example /etc/orders/config.yaml.")
    content: Annotated[str, Field(max_length=FILE_BYTES), AfterValidator(_bounded)] = Field(
        description="Its text, at most 16 KiB, and 64 KiB for all files of a container. In Jobs of steps it may hold "
        "${…} expressions."
    )
    mode: Annotated[str, Field(pattern=r"^0?[0-7]{3}$", max_length=4)] = Field(
        "0644", description="Permissions, as octal digits; root owns it. Default 0644."
    )
