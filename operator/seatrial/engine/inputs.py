"""The Secrets and ConfigMaps that a scenario brings along from its own namespace."""

from base64 import b64decode
from typing import Any

from seatrial.api.environment import Environment
from seatrial.build.copies import copy_of
from seatrial.build.origin import Origin
from seatrial.engine.refusal import Refused
from seatrial.engine.settings import Settings
from seatrial.kube.client import Client
from seatrial.kube.errors import ApiError, NotFound
from seatrial.kube.resources import CONFIG_MAPS, SECRETS, Resource

Object = dict[str, Any]

#: Tokens of service accounts would let the environment act on the cluster.
_TOKEN = "kubernetes.io/service-account-token"  # noqa: S105 - the name of a type

_MISSING = {"Secret": "SecretNotFound", "ConfigMap": "ConfigMapNotFound"}


class Inputs:
    """Reads what is to be copied. Nothing of it is logged or told.

    Args:
        client: Reads from the API server.
        settings: The operator's settings.
    """

    def __init__(self, client: Client, settings: Settings) -> None:
        self._client = client
        self._settings = settings

    async def copies(self, origin: Origin, namespace: str, environment: Environment) -> list[Object]:
        """Builds the copies.

        Args:
            origin: The run.
            namespace: Where they go; where that is the resource's own namespace, nothing needs to be copied.
            environment: Lists what is to be copied.

        Raises:
            Refused: Something is missing, may not be read, or is nothing to be copied.
            KubeError: It may succeed later.
        """
        if namespace == origin.namespace:
            return []
        secrets = dict.fromkeys([*environment.secrets, *environment.image_pull_secrets])
        wanted = [(SECRETS, name) for name in secrets] + [(CONFIG_MAPS, name) for name in environment.config_maps]
        if wanted and not self._settings.copying:
            what = f"{wanted[0][0].kind} {wanted[0][1]}"
            message = f"{what} cannot be copied: this installation of Seatrial copies nothing (value copying.enabled)"
            raise Refused(message, "CopyingDisabled")
        return [
            copy_of(origin, namespace, resource.kind, await self._read(resource, name, origin.namespace))
            for resource, name in wanted
        ]

    async def values(self, namespace: str, environment: Environment) -> set[str]:
        """Reads the values of an environment's Secrets, so that they can be taken out of what is shown.

        Args:
            namespace: The resource's own namespace.
            environment: Lists the Secrets.

        Raises:
            Refused: One is missing, or may not be read.
            KubeError: It may succeed later.
        """
        found: set[str] = set()
        for name in dict.fromkeys(environment.secrets):
            source = await self._read(SECRETS, name, namespace)
            for value in (source.get("data") or {}).values():
                text = b64decode(value).decode(errors="ignore").strip()
                found.update({text, *(line.strip() for line in text.splitlines())})
        return found - {""}

    async def _read(self, resource: Resource, name: str, namespace: str) -> Object:
        title = f"{resource.kind} {name} in namespace {namespace}"
        try:
            source = await self._client.get(resource, name, namespace)
        except NotFound as error:
            message = f"there is no {title}, which environment asks to be copied: create it, or take it out"
            raise Refused(message, _MISSING[resource.kind]) from error
        except ApiError as error:
            if error.status != 403:
                raise
            message = f"the operator may not read {title}: add the namespace to copying.namespaces of its chart"
            raise Refused(message, "CopyingForbidden") from error
        if source.get("type") == _TOKEN:
            message = f"{title} is the token of a service account, which is never copied: take it out"
            raise Refused(message, "SecretRefused")
        return source
