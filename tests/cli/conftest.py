"""A cluster that plays back what an operator wrote, so that the command can be watched without either."""

import copy
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from seatrial.api.base import API_VERSION
from seatrial.api.status import (
    Phase,
    RunStatus,
    ServiceState,
    ServiceStatus,
    StepState,
    StepStatus,
    TestScenarioStatus,
    Verdict,
)
from seatrial.cli.cluster import Object
from seatrial.cli.follow import Patience
from seatrial.cli.run import RunOptions, run
from seatrial.kube.errors import NotFound
from seatrial.kube.resources import CONFIG_MAPS, Resource
from seatrial.plan.conditions import conditions

SCENARIO = """\
apiVersion: seatrial.dev/v1alpha1
kind: TestScenario
metadata: {name: checkout, namespace: shop}
spec:
  environment:
    services:
      - name: orders
        image: orders:1
        ports: [{name: http, port: 8080}]
        ready: {http: {port: http, path: /healthz}}
  steps:
    - name: list
      http: {service: orders, path: /orders}
"""

#: Nobody waits in a unit test, and no timer goes off by itself.
AT_ONCE = Patience(reconnect=0, longest=0, lost=300, unnoticed=300, teardown=300)

#: What a stream brings: a status, an exception that ends it, a kind of event, or something to do.
Happening = dict[str, Any] | Exception | str | Callable[[], Any]


@dataclass
class FakeCluster:
    """One object, and the streams of its changes, one list a connection."""

    stored: Object | None = None
    streams: list[list[Happening]] = field(default_factory=list)
    default_namespace: str = "default"
    applied: list[Object] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)
    watched_from: list[str | None] = field(default_factory=list)
    refusal: Exception | None = None
    refused_deletion: Exception | None = None
    #: Entries of spec.steps that another field manager owns: they stay, whatever is applied.
    foreign_steps: list[Object] = field(default_factory=list)
    config_maps: dict[str, Object] = field(default_factory=dict)
    refused_config_maps: Exception | None = None

    async def get(self, resource: Resource, name: str, namespace: str | None = None) -> Object:
        if resource == CONFIG_MAPS:
            return self._config_map(name)
        if self.stored is None or self.stored["kind"] != resource.kind:
            raise NotFound(404, "NotFound", f'{resource.plural} "{name}" not found in {namespace}')
        return copy.deepcopy(self.stored)

    def _config_map(self, name: str) -> Object:
        if self.refused_config_maps:
            raise self.refused_config_maps
        if name not in self.config_maps:
            raise NotFound(404, "NotFound", f'configmaps "{name}" not found')
        return copy.deepcopy(self.config_maps[name])

    async def apply(self, resource: Resource, body: Object, *, field_manager: str, force: bool = True) -> Object:
        if self.refusal:
            raise self.refusal
        assert field_manager == "seatrial-run"
        assert force
        self.applied.append(body)
        spec = copy.deepcopy(body["spec"])
        if self.foreign_steps:
            spec["steps"] += self.foreign_steps
        return self._store(resource, body["metadata"], spec)

    async def patch_json(
        self,
        resource: Resource,
        name: str,
        namespace: str | None,
        operations: list[dict[str, Any]],
        *,
        subresource: str | None = None,
    ) -> Object:
        assert subresource is None
        test, replace = operations
        assert self.stored
        assert test["value"] == self.stored["metadata"]["resourceVersion"]
        return self._store(resource, {"name": name, "namespace": namespace}, replace["value"])

    async def delete(self, resource: Resource, name: str, namespace: str | None = None, *, uid: str = "") -> None:
        if self.refused_deletion:
            raise self.refused_deletion
        self.deleted.append(f"{resource.plural}/{namespace}/{name}/{uid}")

    async def watch(
        self, resource: Resource, namespace: str, *, name: str, resource_version: str | None = None
    ) -> AsyncIterator[tuple[str, Object]]:
        assert self.stored
        assert (resource.kind, namespace, name) == (
            self.stored["kind"],
            self.stored["metadata"]["namespace"],
            self.stored["metadata"]["name"],
        )
        self.watched_from.append(resource_version)
        assert self.streams, "the command goes on watching after all that happened"
        for happening in self.streams.pop(0):
            if isinstance(happening, Exception):
                raise happening
            if isinstance(happening, dict):
                self.put_status(happening)
            elif isinstance(happening, str):
                gone, self.stored = self.stored, None
                yield happening, gone
                return
            else:
                await happening()
            yield "MODIFIED", copy.deepcopy(self.stored)

    def put_status(self, status: dict[str, Any]) -> None:
        assert self.stored
        self.stored["status"] = status
        self._bump(self.stored)

    def _store(self, resource: Resource, metadata: Object, spec: Object) -> Object:
        if self.stored is None or self.stored["metadata"]["name"] != metadata["name"]:
            meta = {**metadata, "uid": "uid-1", "generation": 1, "resourceVersion": "1"}
            self.stored = {"apiVersion": API_VERSION, "kind": resource.kind, "metadata": meta, "spec": spec}
        elif self.stored["spec"] != spec:
            self.stored["spec"] = spec
            self.stored["metadata"]["generation"] += 1
            self._bump(self.stored)
        return copy.deepcopy(self.stored)

    @staticmethod
    def _bump(stored: Object) -> None:
        stored["metadata"]["resourceVersion"] = str(int(stored["metadata"]["resourceVersion"]) + 1)


def scenario_status(
    generation: int,
    *,
    phase: Phase = Phase.RUNNING,
    verdict: Verdict | None = None,
    reason: str = "Running",
    message: str = "",
    blocked: str = "",
) -> dict[str, Any]:
    """What the operator writes for a run of that generation: its conditions are the operator's own."""
    passed = verdict is Verdict.PASSED
    status = TestScenarioStatus(
        observed_generation=generation,
        phase=phase,
        verdict=verdict,
        reason=reason,
        message=message,
        run=RunStatus(
            id=str(generation),
            generation=generation,
            namespace="trial-checkout-1",
            started_at="2026-11-22T10:00:00.000Z",
            finished_at="2026-11-22T10:00:12.500Z" if verdict else None,
        ),
        services=[
            ServiceStatus(
                name="orders",
                state=ServiceState.HEALTHY,
                started_at="2026-11-22T10:00:00.000Z",
                healthy_at="2026-11-22T10:00:03.200Z",
            )
        ],
        steps=[
            StepStatus(
                name="list",
                state=(StepState.SUCCEEDED if passed else StepState.FAILED) if verdict else StepState.RUNNING,
                reason="" if passed or not verdict else "Expectation",
                message="" if passed or not verdict else "response.status == 200: it was 500",
                attempts=1,
                started_at="2026-11-22T10:00:04.000Z",
                finished_at="2026-11-22T10:00:04.012Z" if verdict else None,
            )
        ],
    )
    now = datetime(2026, 11, 22, 10, 0, 13, tzinfo=UTC)
    full = status.model_copy(update={"conditions": conditions(status, now, environment=True, blocked=blocked)})
    return full.to_kubernetes()


def invalid_status(generation: int, message: str) -> dict[str, Any]:
    """What the operator writes for a spec with a mistake."""
    status = TestScenarioStatus(observed_generation=generation, reason="InvalidSpec", message=message)
    now = datetime(2026, 11, 22, 10, 0, 13, tzinfo=UTC)
    return status.model_copy(
        update={"conditions": conditions(status, now, invalid=message, environment=False)}
    ).to_kubernetes()


@dataclass
class Command:
    """The command ``seatrial run`` in this process, against a cluster that plays back."""

    folder: Path
    cluster: FakeCluster = field(default_factory=FakeCluster)

    running = staticmethod(scenario_status)
    invalid = staticmethod(invalid_status)
    scenario = SCENARIO

    @staticmethod
    def ended(generation: int, verdict: Verdict, reason: str = "Reason", message: str = "why") -> dict[str, Any]:
        return scenario_status(generation, phase=Phase.DONE, verdict=verdict, reason=reason, message=message)

    def file(self, text: str = SCENARIO) -> str:
        path = self.folder / "checkout.yaml"
        path.write_text(text, encoding="utf-8")
        return str(path)

    def __call__(self, *streams: list[Happening], text: str = SCENARIO, **options: Any) -> int:
        self.cluster.streams = list(streams)
        patience = options.pop("patience", AT_ONCE)
        return run(RunOptions(file=self.file(text), patience=patience, **options), self._connect)

    @asynccontextmanager
    async def _connect(self, context: str | None, kubeconfig: str | None) -> AsyncIterator[FakeCluster]:
        assert (context, kubeconfig) == (None, None)
        yield self.cluster


@pytest.fixture
def command(tmp_path: Path) -> Command:
    return Command(tmp_path)


@pytest.fixture(autouse=True)
def plain_surroundings(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same output wherever the tests run."""
    for name in ("CI", "NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)
