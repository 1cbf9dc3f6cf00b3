"""Where a check goes: a port of a Service that Seatrial made, and nowhere else."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Address:
    """A Service's port.

    Checks connect to the cluster IP that the API server assigned, never to a name a tenant could point elsewhere.

    Attributes:
        service: Name of the Service, which the request's Host header carries.
        ip: Its cluster IP.
        port: The port's number.
    """

    service: str
    ip: str
    port: int

    @property
    def origin(self) -> str:
        """Scheme, host and port of a URL."""
        host = f"[{self.ip}]" if ":" in self.ip else self.ip
        return f"http://{host}:{self.port}"

    @property
    def authority(self) -> str:
        """The Host header by which the other services would address it."""
        return f"{self.service}:{self.port}"
