"""A few verbs on plain dictionaries, over the asynchronous client of the official package.

The package's typed models cost about 100 MiB of memory once they are imported (docs/decisions.md has the figures),
so only its transport, configuration and authentication are used.
"""

import json
from collections import Counter
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from typing import Any
from urllib.parse import quote, urlencode

import aiohttp
from kubernetes.aio.client.api_client import ApiClient

from seatrial.kube.errors import NotFound, Unreachable
from seatrial.kube.refusal import refused, status_of
from seatrial.kube.resources import PODS, Resource, subject

#: Seconds for one call. The API server itself gives up after 60.
TIMEOUT = 30.0
#: Seconds after which the server ends a watch, so that a dead connection cannot go unnoticed for long.
WATCH_SECONDS = 240
#: Objects that are asked for at a time where all of a kind are read: more are no quicker, and are in memory at once.
PAGE = 100

Object = dict[str, Any]


class Client:
    """Reads and writes objects as dictionaries.

    Every method raises :class:`ApiError` (or a kind of it) when the server refuses and :class:`Unreachable`
    when there is no answer.

    Attributes:
        default_namespace: The namespace of the kubeconfig's context.
        writes: Requests that ask for a change, refused ones included, by HTTP method and by what they are about, as
            RBAC rules name it.
    """

    def __init__(self, api: ApiClient, default_namespace: str = "default") -> None:
        self._api = api
        self.default_namespace = default_namespace
        self.writes: Counter[tuple[str, str]] = Counter()

    async def get(self, resource: Resource, name: str, namespace: str | None = None) -> Object:
        """Returns one object."""
        return await self._json("GET", resource.path(namespace, name))

    async def exists(self, resource: Resource, name: str, namespace: str | None, uid: str) -> bool:
        """Whether an object is there, and not another one that has its name."""
        try:
            there = await self.get(resource, name, namespace)
        except NotFound:
            return False
        return bool(there["metadata"]["uid"] == uid)

    async def list(
        self, resource: Resource, namespace: str | None = None, *, limit: int = 500, labels: str = "", fields: str = ""
    ) -> list[Object]:
        """Returns the first objects of a kind, so many as the limit says.

        Args:
            resource: Their kind.
            namespace: Where they are; None for everywhere.
            limit: How many at most.
            labels: Selector of labels.
            fields: Selector of fields.
        """
        query = {"limit": str(limit)}
        query |= {"labelSelector": labels} if labels else {}
        query |= {"fieldSelector": fields} if fields else {}
        answer = await self._json("GET", resource.path(namespace), query=query)
        return list(answer.get("items") or [])

    async def each(self, resource: Resource, *, labels: str = "", page: int = PAGE) -> AsyncGenerator[Object]:
        """Yields all objects of a kind, wherever they are.

        Args:
            resource: Their kind.
            labels: Selector of labels.
            page: How many are asked for at a time.

        Raises:
            Expired: The API server does not keep the rest of the list any more.
        """
        query = {"limit": str(page)} | ({"labelSelector": labels} if labels else {})
        while True:
            answer = await self._json("GET", resource.path(), query=query)
            for body in answer.get("items") or []:
                yield body
            token = (answer.get("metadata") or {}).get("continue")
            if not token:
                return
            query["continue"] = str(token)

    async def create(self, resource: Resource, body: Object, namespace: str | None = None) -> Object:
        """Creates an object and returns it as stored. Raises Conflict if it exists."""
        return await self._json("POST", resource.path(namespace), body=body)

    async def apply(self, resource: Resource, body: Object, *, field_manager: str, force: bool = True) -> Object:
        """Applies a manifest on the server's side (KEP-555) and returns the object as stored."""
        metadata = body["metadata"]
        query = {"fieldManager": field_manager, "force": str(force).lower(), "fieldValidation": "Strict"}
        return await self._json(
            "PATCH",
            resource.path(metadata.get("namespace"), metadata["name"]),
            body=body,
            query=query,
            content_type="application/apply-patch+yaml",
        )

    async def patch_json(
        self,
        resource: Resource,
        name: str,
        namespace: str | None,
        operations: Sequence[Object],
        *,
        subresource: str | None = None,
    ) -> Object:
        """Applies a JSON patch (RFC 6902). Raises Conflict if one of its tests fails."""
        return await self._json(
            "PATCH",
            resource.path(namespace, name, subresource),
            body=list(operations),
            content_type="application/json-patch+json",
        )

    async def delete(self, resource: Resource, name: str, namespace: str | None = None, *, uid: str = "") -> None:
        """Deletes an object and, in the background, what it owns.

        Args:
            resource: Its kind.
            name: Its name.
            namespace: Where it is.
            uid: Delete it only if it is still this one; otherwise Conflict is raised.
        """
        options: Object = {"propagationPolicy": "Background"}
        if uid:
            options["preconditions"] = {"uid": uid}
        await self._json("DELETE", resource.path(namespace, name), body=options)

    async def watch(
        self, resource: Resource, namespace: str, *, name: str, resource_version: str | None = None
    ) -> AsyncGenerator[tuple[str, Object]]:
        """Yields the changes of one object until the server ends the stream.

        Args:
            resource: Its kind.
            namespace: Where it is.
            name: Its name.
            resource_version: Yield what came after this version; from None on, the object as it is comes first.

        Raises:
            Expired: The version is too old; start again without one.
        """
        query = {"watch": "true", "fieldSelector": f"metadata.name={name}", "timeoutSeconds": str(WATCH_SECONDS)}
        if resource_version is not None:
            query["resourceVersion"] = resource_version
        path = resource.path(namespace)
        async with aclosing(self._lines(path, query)) as lines:
            async for line in lines:
                try:
                    event = json.loads(line)
                except ValueError as error:
                    raise Unreachable(f"GET {path}: the stream broke off within an event") from error
                if event["type"] == "ERROR":
                    raise refused(int(event["object"].get("code") or 500), event["object"])
                yield event["type"], event["object"]

    async def follow_log(self, namespace: str, pod: str, lines: int = 1) -> AsyncGenerator[str]:
        """Yields the newest lines of a pod's log and all that come after them, until its container ends.

        Args:
            namespace: Where the pod is.
            pod: Its name.
            lines: How many that are there already to begin with, at most.
        """
        query = {"follow": "true", "tailLines": str(lines)}
        async with aclosing(self._lines(PODS.path(namespace, pod, "log"), query)) as log:
            async for line in log:
                yield line.decode(errors="replace")

    async def read_log(
        self,
        namespace: str,
        pod: str,
        *,
        container: str = "",
        previous: bool = False,
        tail_lines: int | None = None,
        limit: int,
        follow: bool = False,
    ) -> bytes:
        """Returns a container's log.

        Args:
            namespace: Where the pod is.
            pod: Its name.
            container: Name of the container; may be left out where the pod has one.
            previous: The log of the container's previous life.
            tail_lines: Only so many lines from the end.
            limit: Bytes at which to stop, counted from the first one that is asked for.
            follow: Wait until the container has ended.
        """
        query = {"limitBytes": str(limit), "follow": str(follow).lower(), "previous": str(previous).lower()}
        if container:
            query["container"] = container
        if tail_lines is not None:
            query["tailLines"] = str(tail_lines)
        read = bytearray()
        async with aclosing(self._lines(PODS.path(namespace, pod, "log"), query)) as lines:
            async for line in lines:
                read += line + b"\n"
        return bytes(read)

    async def _json(
        self,
        method: str,
        path: str,
        *,
        body: Any = None,
        query: Mapping[str, str] | None = None,
        content_type: str = "application/json",
    ) -> Object:
        response = await self._send(method, path, body, query or {}, content_type, TIMEOUT)
        try:
            content = json.loads(await response.read())
        except (aiohttp.ClientError, TimeoutError) as error:
            raise Unreachable(f"{method} {path}: the answer broke off: {error!r}") from error
        except ValueError as error:
            raise Unreachable(f"{method} {path}: the answer is not JSON, so no API server's: {error}") from error
        if not isinstance(content, dict):
            raise Unreachable(f"{method} {path}: the answer is no object, so no API server's")
        return content

    async def _lines(self, path: str, query: Mapping[str, str]) -> AsyncGenerator[bytes]:
        """Streams an answer line by line; a line may have any length."""
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=TIMEOUT, sock_read=WATCH_SECONDS + TIMEOUT)
        response = await self._send("GET", path, None, query, "application/json", timeout)
        rest = b""
        try:
            async for chunk in response.response.content.iter_any():
                *lines, rest = (rest + chunk).split(b"\n")
                for line in lines:
                    yield line
            if rest:
                yield rest
        except (aiohttp.ClientError, TimeoutError) as error:
            raise Unreachable(f"GET {path}: the stream broke off: {error!r}") from error
        finally:
            response.response.close()

    async def _send(
        self, method: str, path: str, body: Any, query: Mapping[str, str], content_type: str, timeout: Any
    ) -> Any:
        if method != "GET":
            self.writes[method, subject(path)] += 1
        headers = {"Accept": "application/json", "Content-Type": content_type}
        url = f"{self._api.configuration.host}{quote(path)}" + (f"?{urlencode(query)}" if query else "")
        try:
            # Reads the service account's token anew from time to time.
            await self._api.update_params_for_auth(headers, [], ["BearerToken"], path, method, body)
            response = await self._api.rest_client.request(
                method, url, headers=headers, body=body, _request_timeout=timeout
            )
            refusal = await response.read() if response.status >= 300 else None
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            reason = str(error) or type(error).__name__
            raise Unreachable(f"{method} {path}: no answer from the API server: {reason}") from error
        if refusal is not None:
            raise refused(response.status, status_of(refusal), response.headers.get("Retry-After"))
        return response
