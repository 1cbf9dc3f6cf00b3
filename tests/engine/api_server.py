"""An API server over HTTP, in memory: it stores objects as Kubernetes does, and plays controllers and kubelets.

What runs in it is said by :class:`Cluster`'s scripts; what goes wrong on the way to it, by :class:`Fault`.
"""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from seatrial.kube.client import Client
from seatrial.kube.connect import connect

Object = dict[str, Any]
Listener = Callable[[str, str, Object], None]


class Place(NamedTuple):
    """Where a request points."""

    group: str
    version: str
    namespace: str
    plural: str
    name: str
    part: str


class Write(NamedTuple):
    """A request that has changed something."""

    verb: str
    what: str
    name: str


@dataclass
class Fault:
    """Something that goes wrong with the next requests that match.

    Attributes:
        method: HTTP method.
        path: Regular expression that is searched for in the path.
        status: Refuse with this status; 0 drops the connection instead.
        stored: Do what was asked before it goes wrong.
        times: How often.
        reason: Reason in the answer's metav1.Status.
        headers: Headers of the refusal.
        message: Its message.
    """

    method: str
    path: str
    status: int = 0
    stored: bool = False
    times: int = 1
    reason: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    message: str = "as the test wants it"
    hits: int = 0


class Refusal(Exception):
    def __init__(self, code: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.code, self.reason, self.message = code, reason, message

    @property
    def body(self) -> Object:
        return {
            "kind": "Status",
            "apiVersion": "v1",
            "status": "Failure",
            "code": self.code,
            "reason": self.reason,
            "message": self.message,
            "details": {},
        }


KINDS = {
    "testscenarios": "TestScenario",
    "podmetrics": "PodMetrics",
    "loadtests": "LoadTest",
    "namespaces": "Namespace",
    "services": "Service",
    "endpointslices": "EndpointSlice",
    "controllerrevisions": "ControllerRevision",
    "pods": "Pod",
    "events": "Event",
    "resourcequotas": "ResourceQuota",
    "limitranges": "LimitRange",
    "networkpolicies": "NetworkPolicy",
    "leases": "Lease",
    "deployments": "Deployment",
    "statefulsets": "StatefulSet",
    "secrets": "Secret",
    "configmaps": "ConfigMap",
    "persistentvolumeclaims": "PersistentVolumeClaim",
    "jobs": "Job",
}
GROUPS = {
    "seatrial.dev/v1alpha1": ("testscenarios", "loadtests"),
    "apps/v1": ("deployments", "statefulsets", "controllerrevisions"),
    "batch/v1": ("jobs",),
    "coordination.k8s.io/v1": ("leases",),
    "discovery.k8s.io/v1": ("endpointslices",),
    "networking.k8s.io/v1": ("networkpolicies",),
}


@dataclass
class Cluster:
    """What Deployments and Jobs come to. Scripts get the server and the object that was created.

    Attributes:
        deployment: Called for each new Deployment and StatefulSet.
        job: Called for each new Job.
        linger: Namespaces whose deletion never ends.
        cluster_ip: IP that Services get.
    """

    deployment: Callable[["ApiServer", Object], None] = lambda server, body: server.run_pods(body)
    job: Callable[["ApiServer", Object], None] = lambda server, body: server.end_job(body)
    linger: bool = False
    cluster_ip: str = "127.0.0.1"


class ApiServer:
    """The server's state, and what tests do to it."""

    def __init__(self) -> None:
        self.objects: dict[tuple[str, str, str], Object] = {}
        self.history: list[tuple[int, str, str, Object]] = []
        self.version = 100
        self.faults: list[Fault] = []
        self.writes: list[Write] = []
        self.requests: list[tuple[str, str]] = []
        self.listeners: list[Listener] = []
        self.cluster = Cluster()
        self.logs: dict[str, list[str | None]] = {}
        self._newest: dict[str, str] = {}
        self.log_queries: list[tuple[str, dict[str, str]]] = []
        #: Whether there is an API that tells what pods use.
        self.metrics_api = False
        #: Whether a log that has no more lines stays open, as that of a container that runs.
        self.hold_logs = False
        self._changed = asyncio.Event()
        self._closing = asyncio.Event()
        self.put("namespaces", {"metadata": {"name": "shop"}})

    # ------------------------------------------------------------------ what tests see and do

    def get(self, plural: str, name: str, namespace: str = "") -> Object | None:
        found = self.objects.get((plural, namespace, name))
        return _copied(found) if found else None

    def all(self, plural: str) -> list[Object]:
        return [_copied(body) for (its, _, _), body in sorted(self.objects.items()) if its == plural]

    def put(self, plural: str, body: Object, namespace: str = "") -> Object:
        """Stores a new object."""
        metadata = body["metadata"]
        if namespace:
            metadata["namespace"] = namespace
        self.version += 1
        stored = _copied(body)
        stored.setdefault("kind", KINDS[plural])
        stored["metadata"] |= {
            "uid": f"uid-{self.version}",
            "generation": 1,
            "creationTimestamp": datetime.now(UTC).isoformat(timespec="seconds"),
        }
        self.objects[plural, namespace, metadata["name"]] = stored
        self._note(plural, "ADDED", stored)
        return _copied(stored)

    def change(self, plural: str, name: str, namespace: str, change: Callable[[Object], None]) -> Object:
        """Changes an object as somebody else would."""
        body = self.objects[plural, namespace, name]
        before = _copied(body)
        change(body)
        if body.get("spec") != before.get("spec"):
            body["metadata"]["generation"] += 1
        if body != before:
            self._note(plural, "MODIFIED", body)
        if "deletionTimestamp" in body["metadata"] and not body["metadata"].get("finalizers"):
            self._gone(plural, name, namespace)
        return _copied(body)

    def delete(self, plural: str, name: str, namespace: str = "") -> Object:
        """Deletes an object: at once, or once its finalizers are off."""
        body = self.objects[plural, namespace, name]
        if plural == "namespaces":
            self._end_namespace(name)
        elif not body["metadata"].get("finalizers"):
            self._gone(plural, name, namespace)
        elif "deletionTimestamp" not in body["metadata"]:
            body["metadata"]["deletionTimestamp"] = datetime.now(UTC).isoformat(timespec="seconds")
            self._note(plural, "MODIFIED", body)
        return _copied(body)

    def run_pods(self, deployment: Object, *, ready: bool = True, container: Object | None = None) -> None:
        """Starts a Deployment's pods."""
        replicas = deployment["spec"]["replicas"]
        for number in range(replicas):
            name = f"{deployment['metadata']['name']}-{number}"
            self.put_pod(deployment, name, container or {"state": {"running": {}}}, ready=ready)
        metadata = deployment["metadata"]
        status = {"observedGeneration": 1, "readyReplicas": replicas if ready else 0}
        status["availableReplicas"] = status["readyReplicas"]
        plural = next(plural for plural, kind in KINDS.items() if kind == deployment["kind"])
        self.change(plural, metadata["name"], metadata["namespace"], lambda body: body.update(status=status))

    def put_pod(
        self, owner: Object, name: str, container: Object, *, ready: bool = False, index: int | None = None
    ) -> Object:
        """Puts a pod of a Deployment or Job."""
        template = _copied(owner["spec"]["template"])
        labels = template["metadata"]["labels"]
        if index is not None:
            labels["batch.kubernetes.io/job-completion-index"] = str(index)
        body = {
            "metadata": {**template["metadata"], "name": name},
            "spec": template["spec"],
            "status": {
                "containerStatuses": [container],
                "conditions": [{"type": "Ready", "status": str(ready)}],
            },
        }
        return self.put("pods", body, owner["metadata"]["namespace"])

    def end_job(self, job: Object, exit_code: int = 0) -> None:
        """Lets a Job's pod run to its end."""
        name, namespace = job["metadata"]["name"], job["metadata"]["namespace"]
        reason = "Completed" if exit_code == 0 else "Error"
        self.put_pod(job, f"{name}-pod", {"state": {"terminated": {"exitCode": exit_code, "reason": reason}}})
        kind = "Complete" if exit_code == 0 else "Failed"
        status = {"conditions": [{"type": kind, "status": "True"}]}
        self.change("jobs", name, namespace, lambda body: body.update(status=status))

    def start_workers(self, job: Object) -> None:
        """Starts the workers of an Indexed Job."""
        for index in range(job["spec"]["completions"]):
            name = f"{job['metadata']['name']}-{index}"
            self.put_pod(job, name, {"state": {"running": {}}}, ready=True, index=index)

    # ------------------------------------------------------------------ how it works

    def _note(self, plural: str, event: str, body: Object) -> None:
        self.version += 1
        body["metadata"]["resourceVersion"] = str(self.version)
        self.history.append((self.version, plural, event, _copied(body)))
        self._changed.set()
        for listener in self.listeners:
            asyncio.get_running_loop().call_soon(listener, plural, event, _copied(body))

    def _gone(self, plural: str, name: str, namespace: str) -> None:
        body = self.objects.pop((plural, namespace, name))
        self._note(plural, "DELETED", body)
        if plural in {"deployments", "statefulsets", "jobs"}:
            # As the garbage collector and the kubelet do, without their delays.
            labels = body["metadata"].get("labels", {})
            parts = ("uid", "service") if "seatrial.dev/service" in labels else ("uid", "step", "attempt")
            marks = _marks(body, parts)
            for pod in self.all("pods"):
                if pod["metadata"]["namespace"] == namespace and any(marks) and _marks(pod, parts) == marks:
                    self._gone("pods", pod["metadata"]["name"], namespace)

        if plural == "controllerrevisions":
            for owned in self.all("configmaps"):
                references = owned["metadata"].get("ownerReferences", [])
                if any(reference["uid"] == body["metadata"]["uid"] for reference in references):
                    self._gone("configmaps", owned["metadata"]["name"], owned["metadata"]["namespace"])

    def _end_namespace(self, name: str) -> None:
        body = self.objects["namespaces", "", name]
        if "deletionTimestamp" not in body["metadata"]:
            body["metadata"]["deletionTimestamp"] = datetime.now(UTC).isoformat(timespec="seconds")
            self._note("namespaces", "MODIFIED", body)
        if not self.cluster.linger:
            asyncio.get_running_loop().call_soon(self._namespace_gone, name)

    def _namespace_gone(self, name: str) -> None:
        for plural, namespace, inside in list(self.objects):
            if namespace == name and (plural, namespace, inside) in self.objects:
                self._gone(plural, inside, namespace)
        if ("namespaces", "", name) in self.objects:
            self._gone("namespaces", name, "")

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.requests.append((request.method, request.path))
        fault = next((fault for fault in self.faults if _matches(fault, request)), None)
        if fault is None:
            return await self._answer(request)
        fault.hits += 1
        if fault.stored:
            await self._answer(request)
        if fault.status:
            refusal = Refusal(fault.status, fault.reason, fault.message)
            return web.json_response(refusal.body, status=fault.status, headers=fault.headers)
        assert request.transport is not None
        request.transport.close()
        return web.Response()

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        try:
            if (found := _discovery(request.path)) is not None:
                return web.json_response(found)
            place = _place(request.path)
            if request.method == "GET" and request.query.get("watch"):
                return await self._watch(request, place)
            if request.method == "GET" and place.part == "log":
                return await self._log(request, place)
            if request.method == "GET" and not place.name:
                return web.json_response(self._list(request, place))
            if request.method == "GET":
                return web.json_response(self._find(place))
            body = await request.json()
            if request.method == "POST":
                return web.json_response(self._create(place, body), status=201)
            if request.method == "PATCH":
                return web.json_response(self._patch(place, body))
            return web.json_response(self._delete(place, body))
        except Refusal as refusal:
            return web.json_response(refusal.body, status=refusal.code)

    def _find(self, place: Place) -> Object:
        try:
            return self.objects[place.plural, place.namespace, place.name]
        except KeyError:
            raise Refusal(404, "NotFound", f'{place.plural} "{place.name}" not found') from None

    def _list(self, request: web.Request, place: Place) -> Object:
        if place.plural not in KINDS or (place.plural == "podmetrics" and not self.metrics_api):
            raise Refusal(404, "NotFound", "the server could not find the requested resource")
        items = [
            body
            for (plural, namespace, _), body in self.objects.items()
            if plural == place.plural and place.namespace in ("", namespace) and _selected(request, body)
        ]
        begin = int(request.query.get("continue") or 0)
        end = begin + int(request.query.get("limit") or len(items))
        metadata = {"resourceVersion": str(self.version)} | ({"continue": str(end)} if end < len(items) else {})
        return {"kind": f"{KINDS[place.plural]}List", "metadata": metadata, "items": items[begin:end]}

    def _create(self, place: Place, body: Object) -> Object:
        name = body["metadata"]["name"]
        self.writes.append(Write("create", place.plural, name))
        if place.namespace:
            home = self.objects.get(("namespaces", "", place.namespace))
            if home is None:
                raise Refusal(404, "NotFound", f'namespaces "{place.namespace}" not found')
            if "deletionTimestamp" in home["metadata"]:
                raise Refusal(403, "Forbidden", f"namespace {place.namespace} is being terminated")
        if (place.plural, place.namespace, name) in self.objects:
            raise Refusal(409, "AlreadyExists", f'{place.plural} "{name}" already exists')
        if place.plural == "services":
            body["spec"] |= {"clusterIP": self.cluster.cluster_ip}
        stored = self.put(place.plural, body, place.namespace)
        workload = self.cluster.deployment
        scripts = {"deployments": workload, "statefulsets": workload, "jobs": self.cluster.job}
        script = scripts.get(place.plural)
        if script:
            asyncio.get_running_loop().call_soon(script, self, stored)
        return stored

    def _patch(self, place: Place, operations: list[Object]) -> Object:
        self.writes.append(Write("patch", place.plural + (f"/{place.part}" if place.part else ""), place.name))
        patched = apply_patch(self._find(place), operations)

        def change(body: Object) -> None:
            kept = {"status": patched.get("status")} if place.part == "status" else patched
            old = body.get("status")
            body.update(kept)
            if place.part != "status" and old is not None:
                body["status"] = old

        return self.change(place.plural, place.name, place.namespace, change)

    def _delete(self, place: Place, options: Object) -> Object:
        self.writes.append(Write("delete", place.plural, place.name))
        wanted = options.get("preconditions", {}).get("uid")
        uid = self._find(place)["metadata"]["uid"]
        if wanted not in (None, uid):
            raise Refusal(409, "Conflict", f"the UID in the precondition ({wanted}) is not the record's ({uid})")
        return self.delete(place.plural, place.name, place.namespace)

    async def _watch(self, request: web.Request, place: Place) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        await response.prepare(request)
        sent = int(request.query.get("resourceVersion") or 0)
        while not self._closing.is_set():
            for version, plural, event, body in list(self.history):
                if version <= sent:
                    continue
                sent = version
                home = body["metadata"].get("namespace", "")
                if plural == place.plural and place.namespace in ("", home) and _selected(request, body):
                    await response.write(json.dumps({"type": event, "object": body}).encode() + b"\n")
            self._changed.clear()
            await self._changed.wait()
        return response

    async def _log(self, request: web.Request, place: Place) -> web.StreamResponse:
        """Streams a container's log; None in it breaks the connection, and what follows is for the next one."""
        self._find(place)
        response = web.StreamResponse()
        await response.prepare(request)
        self.log_queries.append((place.name, dict(request.query)))
        container = f"{place.name}/{request.query.get('container', '')}"
        lines = self.logs.get(container, self.logs.get(place.name, []))
        if not lines and place.name in self._newest:
            await response.write(self._newest[place.name].encode() + b"\n")  # whoever comes again reads it again
        while lines:
            line = lines.pop(0)
            if line is None:
                assert request.transport is not None
                request.transport.close()
                return response
            self._newest[place.name] = line
            await response.write(line.encode() + b"\n")
        if self.hold_logs:
            await self._closing.wait()
        return response

    def close(self) -> None:
        self._closing.set()
        self._changed.set()


def _copied(body: Object) -> Object:
    """As deep as copy.deepcopy, and five times as fast."""
    copied: Object = json.loads(json.dumps(body))
    return copied


def _marks(body: Object, parts: Iterable[str]) -> list[str]:
    labels = body["metadata"].get("labels", {})
    return [labels.get(f"seatrial.dev/{part}", "") for part in parts]


def _matches(fault: Fault, request: web.Request) -> bool:
    return (
        fault.hits < fault.times and fault.method == request.method and re.search(fault.path, request.path) is not None
    )


def _selected(request: web.Request, body: Object) -> bool:
    metadata = body["metadata"]
    for selector in filter(None, request.query.get("labelSelector", "").split(",")):
        label, _, value = selector.partition("=")
        if label not in metadata.get("labels", {}) or value not in ("", metadata["labels"][label]):
            return False
    wanted = dict(pair.split("=") for pair in filter(None, request.query.get("fieldSelector", "").split(",")))
    found = {
        "metadata.name": metadata["name"],
        "involvedObject.uid": body.get("involvedObject", {}).get("uid"),
        "reason": body.get("reason"),
    }
    return all(found[name] == value for name, value in wanted.items())


def _place(path: str) -> Place:
    parts = path.strip("/").split("/")
    group, version, rest = ("", parts[1], parts[2:]) if parts[0] == "api" else (parts[1], parts[2], parts[3:])
    namespace = ""
    if rest[0] == "namespaces" and len(rest) > 2:
        namespace, rest = rest[1], rest[2:]
    plural, name, part = [*rest, "", ""][:3]
    if group == "metrics.k8s.io":
        plural = "podmetrics"
    return Place(group, version, namespace, plural, name, part)


def _discovery(path: str) -> Object | None:
    def resources(plurals: Iterable[str]) -> list[Object]:
        verbs = ["create", "delete", "get", "list", "patch", "watch"]
        return [
            {
                "name": plural,
                "singularName": KINDS[plural].lower(),
                "kind": KINDS[plural],
                "namespaced": plural != "namespaces",
                "verbs": verbs,
            }
            for plural in plurals
        ]

    match path.strip("/").split("/"):
        case ["version"]:
            return {"major": "1", "minor": "37"}
        case ["api"]:
            return {"versions": ["v1"]}
        case ["apis"]:
            groups = [group.split("/") for group in GROUPS]
            return {
                "groups": [
                    {"name": name, "preferredVersion": {"version": version}, "versions": [{"version": version}]}
                    for name, version in groups
                ]
            }
        case ["api", "v1"]:
            core = set(KINDS) - {plural for plurals in GROUPS.values() for plural in plurals}
            return {"resources": resources(sorted(core))}
        case ["apis", group, version]:
            return {"resources": resources(GROUPS[f"{group}/{version}"])}
    return None


def apply_patch(document: Object, operations: list[Object]) -> Object:
    """Applies a JSON patch (RFC 6902), as far as anybody here uses it."""
    result = _copied(document)
    for operation in operations:
        *way, last = [part.replace("~1", "/").replace("~0", "~") for part in operation["path"].split("/")[1:]]
        target: Any = result
        try:
            for part in way:
                target = target[int(part)] if isinstance(target, list) else target[part]
            _apply(target, last, operation)
        except (KeyError, IndexError, AssertionError):
            message = "the server rejected our request due to an error in our request"
            raise Refusal(422, "Invalid", message) from None
    return result


def _apply(target: Any, last: str, operation: Object) -> None:
    place: Any = int(last) if isinstance(target, list) and last != "-" else last
    match operation["op"]:
        case "test":
            assert target[place] == operation["value"]
        case "add" if isinstance(target, list):
            target.insert(len(target) if place == "-" else place, operation["value"])
        case "add":
            target[place] = operation["value"]
        case "remove":
            del target[place]
        case other:
            raise NotImplementedError(other)


@asynccontextmanager
async def serving() -> AsyncIterator[tuple[ApiServer, Client, str]]:
    """Runs a server. Yields it, a client that is connected to it, and its URL."""
    server = ApiServer()
    app = web.Application(client_max_size=1 << 22)
    app.router.add_route("*", "/{path:.*}", server.handle)
    async with TestServer(app) as http:
        url = str(http.make_url("")).rstrip("/")
        with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as environment:
            # Spares each test the reading of all the world's certificates.
            environment.setenv("SSL_CERT_FILE", f"{folder}/none")
            environment.setenv("SSL_CERT_DIR", folder)
            async with connect(kubeconfig=str(kubeconfig(Path(folder), url))) as client:
                try:
                    yield server, client, url
                finally:
                    server.close()


def kubeconfig(folder: Path, url: str) -> Path:
    """Writes a kubeconfig by which a server is reached."""
    path = folder / "kubeconfig"
    context = {"cluster": "test", "user": "test", "namespace": "shop"}
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "test", "cluster": {"server": url}}],
        "users": [{"name": "test", "user": {"token": "secret"}}],
        "contexts": [{"name": "test", "context": context}],
        "current-context": "test",
    }
    path.write_text(json.dumps(content))  # JSON is YAML
    return path
