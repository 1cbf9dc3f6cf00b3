"""A controller between an API server and a service under trial, all of them real, on loopback."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer
from prometheus_client import CollectorRegistry

from seatrial.api import names
from seatrial.api.base import API_VERSION
from seatrial.engine.controller import Controller
from seatrial.engine.key import Key
from seatrial.engine.metrics import Metrics
from seatrial.engine.settings import Settings
from seatrial.kube.client import Client
from seatrial.sandbox.processes import Processes
from tests.engine.api_server import KINDS, ApiServer, Object, Write

#: What is watched of runs.
CHILDREN = {"namespaces", "deployments", "statefulsets", "jobs", "pods", "services", "controllerrevisions"}
#: Seconds after which a test gives up. Nothing here takes one, but for a machine that is busy with other things.
PATIENCE = 30.0

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


async def until(true: Callable[[], object], what: Callable[[], object] = lambda: "what is waited for") -> None:
    """Waits until something is so."""
    ends = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < ends, f"never came to be: {what()}"
        await asyncio.sleep(0.005)


async def ok(_request: web.Request) -> web.StreamResponse:
    return web.json_response({"id": 7})


@dataclass
class App:
    """The service under trial.

    Attributes:
        port: Where it listens.
        answer: How it answers what is no probe.
        requests: What it was asked, probes left out.
    """

    port: int = 0
    answer: Answer = ok
    requests: list[str] = field(default_factory=list)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        if request.path == "/healthz":
            return web.Response()
        self.requests.append(f"{request.method} {request.path_qs}")
        return await self.answer(request)


@asynccontextmanager
async def serving_app() -> AsyncIterator[App]:
    app = App()
    http = web.Application()
    http.router.add_route("*", "/{path:.*}", app.handle)
    async with TestServer(http) as server:
        assert server.port
        app.port = server.port
        yield app


class World:
    """What a test of the controller needs.

    Attributes:
        server: The API server.
        client: Connected to it.
        app: The service under trial.
        controller: The operator's present life.
    """

    def __init__(self, server: ApiServer, client: Client, app: App, processes: Processes) -> None:
        self.server, self.client, self.app = server, client, app
        self.processes = processes
        self.lives: list[Controller] = []
        self.metrics = Metrics(CollectorRegistry())
        self.settings = Settings(namespace="seatrial-system", sweep_after=0.05)
        self.controller = self.start()

    def start(self) -> Controller:
        """Starts an operator, which reads everything that is there and then listens."""
        self.metrics = Metrics(CollectorRegistry())
        self.controller = Controller(self.client, self.settings, self.metrics, self.processes)
        self.lives.append(self.controller)
        self.listen()
        return self.controller

    def listen(self) -> None:
        """Tells of everything that is there, and then of every change."""
        self.server.listeners = [self.tell]
        for plural in KINDS:
            for body in self.server.all(plural):
                self.tell(plural, "ADDED", body)

    def cut(self) -> None:
        """Cuts every watch for a moment. As after a 410, nobody tells afterwards of what went meanwhile."""
        self.server.listeners = []
        asyncio.get_running_loop().call_later(0.02, self.listen)

    def kill(self) -> None:
        """Ends the operator as SIGKILL does: nothing more is done or told."""
        self.server.listeners = []
        self.controller.sweeper.close()
        self.controller._sessions.stop()
        for slot in self.controller._loop._slots.values():
            if slot.timer:
                slot.timer.cancel()
            if slot.task:
                slot.task.cancel()
        self.controller._loop._closed = True

    def tell(self, plural: str, event: str, body: Object) -> None:
        """Does what the handlers of watches do."""
        store = self.controller.store
        if plural in {"testscenarios", "loadtests"}:
            key = Key(KINDS[plural], body["metadata"]["namespace"], body["metadata"]["name"])
            if event == "DELETED":
                store.drop_resource(key, body)
                self.controller.sweeper.resource_gone(body)
            else:
                store.put_resource(key, body)
            self.controller.wake(key)
        elif plural in CHILDREN:
            (store.drop if event == "DELETED" else store.put)(KINDS[plural], body)
            if event != "DELETED":
                self.controller.sweeper.notice(body)
                if plural in {"services", "controllerrevisions"} and not body["metadata"].get("deletionTimestamp"):
                    return
            owner = Key.parse(body["metadata"].get("annotations", {}).get(names.OWNER, ""))
            if owner:
                self.controller.wake(owner)

    async def close(self) -> None:
        await self.controller.close()
        for life in self.lives:  # processes and connections of those that were killed would not outlive them
            await life._pool.close()
            await life._exchanger.close()

    # ------------------------------------------------------------------ what a user does and sees

    def service(self, name: str = "web", **more: Any) -> Object:
        return {
            "name": name,
            "image": "web:1",
            "ports": [{"name": "http", "port": self.app.port}],
            "ready": {"http": {"path": "/healthz"}},
        } | more

    def scenario(self, *steps: Object, services: list[Object] | None = None, **spec: Any) -> Object:
        """Applies a TestScenario called checkout."""
        spec = {"environment": {"services": services or [self.service()]}, "steps": list(steps)} | spec
        body = {"apiVersion": API_VERSION, "metadata": {"name": "checkout"}, "spec": spec}
        return self.server.put("testscenarios", body, "shop")

    def load_test(self, **spec: Any) -> Object:
        """Applies a LoadTest called peak."""
        spec = {"target": {"service": "web"}, "profile": {"users": 1, "duration": "1s"}} | spec
        body = {"apiVersion": API_VERSION, "metadata": {"name": "peak"}, "spec": spec}
        return self.server.put("loadtests", body, "shop")

    def status(self, plural: str = "testscenarios") -> Any:
        """Status of the one resource of a kind, as a user reads it."""
        bodies = (body for (its, _, _), body in self.server.objects.items() if its == plural)
        return next((body.get("status") or {} for body in bodies), {})

    def finalizers(self, plural: str = "testscenarios") -> list[str]:
        bodies = [body for (its, _, _), body in self.server.objects.items() if its == plural]
        return [name for body in bodies for name in body["metadata"].get("finalizers", [])]

    async def until(self, true: Callable[[], object], what: str = "") -> None:
        """Waits until something is so."""
        await until(true, lambda: f"{what}; status is {self.status()}")

    async def until_done(self, plural: str = "testscenarios") -> Any:
        """Waits until a run has ended and the resource is let go. Returns its status."""
        await self.until(lambda: self.status(plural).get("phase") == "Done" and not self.finalizers(plural), "the end")
        return self.status(plural)

    def step(self, name: str) -> Any:
        return next((step for step in self.status().get("steps", []) if step["name"] == name), {})

    def writes(self, *but: str) -> list[Write]:
        return [write for write in self.server.writes if write.what not in but]

    def left(self) -> list[str]:
        """Objects of runs that are still there."""
        return sorted(
            f"{plural}/{name}"
            for (plural, _, name), body in self.server.objects.items()
            if names.OWNER_UID in body["metadata"].get("labels", {})
        )
