"""What the environment tells the service."""

import os
import sys
from dataclasses import dataclass


@dataclass(frozen=True)
class Settings:
    """Where the service finds what it depends on, and how it behaves.

    Attributes:
        database_url: PostgreSQL, such as ``postgres://user:password@db:5432/orders``.
        inventory_url: The inventory service, such as ``http://inventory:8080``.
        port: The TCP port that the service listens on.
        bug: A defect to show on purpose: ``total`` makes the total of each order come out as 0.
    """

    database_url: str
    inventory_url: str
    port: int
    bug: str

    @classmethod
    def from_environment(cls) -> "Settings":
        """Read the settings, or end the process with a message that names what is missing."""
        return cls(
            database_url=_required("DATABASE_URL", "postgres://user:password@db:5432/orders"),
            inventory_url=_required("INVENTORY_URL", "http://inventory:8080"),
            port=int(os.environ.get("PORT", "8080")),
            bug=os.environ.get("ORDERS_BUG", ""),
        )


def _required(name: str, example: str) -> str:
    value = os.environ.get(name)
    if not value:
        sys.exit(f"orders: {name} is not set; set it to an address such as {example}")
    return value
