"""Services that depend on what there is not, and probes that ask for what there is not."""

from collections.abc import Iterator, Mapping

from seatrial.api.cel import probe_scope
from seatrial.api.environment import Service
from seatrial.api.expression_checks import expression_problems
from seatrial.api.name_checks import unknown
from seatrial.api.problem import Problem
from seatrial.api.schema_mistake import shown


def service_problems(field: str, service: Service, services: Mapping[str, Service]) -> Iterator[Problem]:
    """Checks a service against the others."""
    if service.existing:
        yield from _existing(field, service)
    for index, dependency in enumerate(service.depends_on):
        if dependency.service not in services:
            yield unknown(f"{field}.dependsOn[{index}].service", dependency.service, "service", services)
    numbers = [port.port for port in service.ports]
    for number in sorted({number for number in numbers if numbers.count(number) > 1}):
        yield Problem(f"{field}.ports", str(number), "is given under two names: keep one")
    yield from _ready(f"{field}.ready", service)


def _existing(field: str, service: Service) -> Iterator[Problem]:
    """Nothing is started for an existing service, so nothing can be asked of how."""
    fields = type(service).model_fields
    for name in sorted(service.model_fields_set - {"name", "existing", "ports", "ready"}):
        yield Problem(f"{field}.{fields[name].alias}", "", "the service is existing and only used: take this out")
    if service.ready.command:
        yield Problem(f"{field}.ready.command", "", "nothing is run in an existing service: give http, tcp or grpc")


def _ready(field: str, service: Service) -> Iterator[Problem]:
    ready = service.ready
    for kind, probe in (("http", ready.http), ("tcp", ready.tcp), ("grpc", ready.grpc)):
        if probe:
            yield from port_problems(f"{field}.{kind}.port", probe.port, service)
    for index, expression in enumerate(ready.http.expect if ready.http else []):
        yield from expression_problems(f"{field}.http.expect[{index}]", expression, probe_scope(), [], truth=True)


def port_problems(field: str, name: str | None, service: Service) -> Iterator[Problem]:
    """Checks the name of a port of a service."""
    names = [port.name for port in service.ports]
    if service.existing and not names:
        return  # its Service knows
    if not names:
        yield Problem(field, shown(name) if name else "", f"service {service.name} has no ports: add ports to it")
    elif name is None and len(names) > 1:
        yield Problem(field, "", f"service {service.name} has several ports ({', '.join(names)}): name one")
    elif name is not None and name not in names:
        yield unknown(field, name, f"port of service {service.name}", names)
