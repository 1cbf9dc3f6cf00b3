"""The init container of a service."""

from typing import Any

from seatrial.api.environment import Service
from seatrial.build.variables import env_var

Object = dict[str, Any]

#: What the init container has in common with the service's own.
_SHARED = ("envFrom", "resources", "securityContext", "volumeMounts")


def init_container(service: Service, built: Object) -> Object:
    """Builds it.

    Args:
        service: What the user wrote; it has an init.
        built: The service's own container, whose files, storage, variables and limits it shares.
    """
    assert service.init is not None  # noqa: S101 - asked for only then
    own = {entry.name: env_var(entry) for entry in service.init.env}
    shared = [entry for entry in built["env"] if entry["name"] not in own]
    init: Object = {
        "name": f"{service.name}-init",
        "image": service.init.image or service.image,
        "command": list(service.init.command),
        "env": [*shared, *own.values()],
        **{field: built[field] for field in _SHARED if field in built},
    }
    if service.init.args:
        init["args"] = list(service.init.args)
    return init
