"""All objects of one service under trial, in the order in which they are made."""

from typing import Any

from seatrial.api.environment import Service
from seatrial.build.deployment import deployment, service, service_pod
from seatrial.build.files import files_config_map
from seatrial.build.job import run_to_end
from seatrial.build.origin import Origin
from seatrial.build.stateful_set import headless_service, stateful_set

Object = dict[str, Any]


def service_objects(origin: Origin, namespace: str, wanted: Service, deadline: float) -> list[Object]:
    """Builds the objects; what pods need comes before the workload that makes them.

    Args:
        origin: The run.
        namespace: The environment's namespace.
        wanted: What the user wrote.
        deadline: Seconds in which a service that completes must do so.
    """
    objects: list[Object] = []
    if wanted.files:
        objects.append(files_config_map(origin, namespace, f"service-{wanted.name}", wanted.files, service=wanted.name))
    if wanted.ports:
        objects.append(service(origin, namespace, wanted))
    if wanted.storage:
        objects += [headless_service(origin, namespace, wanted), stateful_set(origin, namespace, wanted)]
    elif wanted.completes:
        objects.append(completing_job(origin, namespace, wanted, deadline))
    else:
        objects.append(deployment(origin, namespace, wanted))
    return objects


def completing_job(origin: Origin, namespace: str, wanted: Service, deadline: float) -> Object:
    """Builds the Job of a service that runs to its end."""
    metadata = origin.metadata(f"service-{wanted.name}", namespace, service=wanted.name)
    return run_to_end(metadata, service_pod(wanted, metadata, "Never"), deadline)
