"""The API server as benchmarks see it: the operator's own client, and what only they need beside it."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import aiohttp
from kubernetes.aio.client.api_client import ApiClient
from kubernetes.aio.client.configuration import Configuration
from kubernetes.aio.config import kube_config

from seatrial.kube.client import TIMEOUT, Client, Object
from seatrial.kube.errors import Unreachable
from seatrial.kube.resources import LOAD_TESTS, NAMESPACES, TEST_SCENARIOS, Resource

#: On everything that a benchmark makes, so that one selector finds it together with what the operator makes.
LABELS = {"app.kubernetes.io/managed-by": "seatrial-bench"}
SELECTOR = "app.kubernetes.io/managed-by in (seatrial,seatrial-bench)"

_SERVICE_ACCOUNTS = Resource("", "v1", "serviceaccounts", "ServiceAccount")
#: Seconds within which a namespace must be usable, respectively gone.
_NAMESPACE_SECONDS = 60.0


@dataclass(frozen=True)
class Api:
    """A connection to the API server.

    Attributes:
        client: For single objects.
        transport: For everything else.
    """

    client: Client
    transport: ApiClient

    async def text(self, path: str) -> str:
        """Returns what is at a path.

        Raises:
            Unreachable: There is no answer, or a refusal.
        """
        async with self.stream(path, {}, aiohttp.ClientTimeout(total=TIMEOUT)) as content:
            return (await content.read()).decode()

    @asynccontextmanager
    async def stream(
        self, path: str, query: Mapping[str, str], timeout: aiohttp.ClientTimeout
    ) -> AsyncIterator[aiohttp.StreamReader]:
        """Opens an answer; once inside, the server has begun to send it.

        Raises:
            Unreachable: There is no answer, or a refusal.
        """
        headers = {"Accept": "application/json, text/plain"}
        url = f"{self.transport.configuration.host}{path}?{urlencode(query)}"
        await self.transport.update_params_for_auth(headers, [], ["BearerToken"], path, "GET", None)
        try:
            answer = await self.transport.rest_client.request(  # type: ignore[no-untyped-call] # the package types models only
                "GET", url, headers=headers, _request_timeout=timeout
            )
        except (aiohttp.ClientError, TimeoutError) as error:
            raise Unreachable(f"GET {path}: {error!r}") from error
        response: aiohttp.ClientResponse = answer.response
        try:
            if response.status != 200:
                raise Unreachable(f"GET {path}: {response.status} {(await response.text())[:200]}")
            yield response.content
        finally:
            response.close()


@asynccontextmanager
async def connect() -> AsyncIterator[Api]:
    """Connects to the cluster of the current kubeconfig."""
    configuration = Configuration()
    # Each watch holds a connection.
    configuration.connection_pool_maxsize = 0
    await kube_config.load_kube_config(client_configuration=configuration)  # type: ignore[no-untyped-call] # as above
    async with ApiClient(configuration) as transport:
        yield Api(Client(transport), transport)


def manifest(resource: Resource, name: str, namespace: str | None = None, **content: Any) -> Object:
    """Returns an object of a benchmark's own."""
    metadata: Object = {"name": name, "labels": LABELS} | ({"namespace": namespace} if namespace else {})
    return {"apiVersion": resource.api_version, "kind": resource.kind, "metadata": metadata, **content}


@asynccontextmanager
async def own_namespace(api: Api) -> AsyncIterator[str]:
    """A namespace that is ready for pods; it is gone again afterwards, with all that is in it.

    Raises:
        TimeoutError: It does not become ready, or does not go.
    """
    name = f"bench-{uuid.uuid4().hex[:8]}"
    await api.client.create(NAMESPACES, manifest(NAMESPACES, name))
    try:
        # Pods are refused until a controller has made it.
        await _seen(api, _SERVICE_ACCOUNTS, name, "default", "ADDED")
        yield name
    finally:
        await api.client.delete(NAMESPACES, name)
        await _seen(api, NAMESPACES, "", name, "DELETED")


async def under_way(api: Api) -> list[str]:
    """Names runs that are under way, and thus would be measured too."""
    bodies = [body for resource in (TEST_SCENARIOS, LOAD_TESTS) for body in await api.client.list(resource)]
    active = [body for body in bodies if (body.get("status") or {}).get("phase") not in (None, "Done")]
    return [f"{body['metadata']['namespace']}/{body['metadata']['name']}" for body in active]


async def _seen(api: Api, resource: Resource, namespace: str, name: str, event: str) -> None:
    async with asyncio.timeout(_NAMESPACE_SECONDS), aclosing(api.client.watch(resource, namespace, name=name)) as watch:
        async for kind, _ in watch:
            if kind == event:
                return
