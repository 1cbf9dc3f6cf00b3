"""Kubernetes' quantities: amounts of CPU, memory and storage, as text with a unit."""

from decimal import Decimal
from typing import Annotated

from pydantic import Field

Quantity = Annotated[
    str,
    Field(
        pattern=r"^[0-9]+(\.[0-9]+)?(m|k|M|G|T|Ki|Mi|Gi|Ti)?$",
        max_length=20,
    ),
]

#: Bytes, at least one of them.
Size = Annotated[str, Field(pattern=r"^[1-9][0-9]*(k|M|G|T|Ki|Mi|Gi|Ti)?$", max_length=20)]

_UNITS = {
    "": Decimal(1),
    # The metrics API counts in nanocores; nobody writes those into a manifest.
    "n": Decimal("1e-9"),
    "u": Decimal("1e-6"),
    "m": Decimal("0.001"),
    **{prefix: Decimal(1000**power) for power, prefix in enumerate("kMGT", start=1)},
    **{f"{prefix}i": Decimal(1024**power) for power, prefix in enumerate("KMGT", start=1)},
}


def amount(text: str) -> Decimal:
    """What a quantity comes to, in cores or bytes."""
    number = text.rstrip("".join(_UNITS))
    return Decimal(number) * _UNITS[text.removeprefix(number)]
