"""What becomes of one random spec on a real cluster."""

import copy
from dataclasses import dataclass, field
from typing import Any

from e2e.bench.api import Api, manifest
from e2e.bench.watching import Event, Watching
from e2e.fuzz.generator import sendable
from e2e.fuzz.kinds import Kind, drawn
from seatrial.api.validation import InvalidSpec, read
from seatrial.kube.errors import ApiError, KubeError
from seatrial.kube.resources import TEST_SCENARIOS

#: Seconds within which a mistake must be named, respectively a run that starts no pod must have ended and gone.
_STALLED_SECONDS, _RUN_SECONDS = 60.0, 180.0
#: What is said of a field that the schema does not have.
_UNKNOWN = "there is no such field"


@dataclass
class Found:
    """What has become of specs so far.

    Attributes:
        ends: How many came to each end.
        wrong: What came to none that a person understands, with the seed that makes it again.
    """

    ends: dict[str, int] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)

    def count(self, end: str) -> None:
        """Counts an end."""
        self.ends[end] = self.ends.get(end, 0) + 1


class Course:
    """Sends random specs and follows them.

    Args:
        api: Where they are created.
        watch: Shows what becomes of them.
        namespace: Where they live.
        runs: How many that are right may really run; the others are only shown to the API server.
    """

    def __init__(self, api: Api, watch: Watching, namespace: str, runs: int) -> None:
        self._api, self._watch, self._namespace = api, watch, namespace
        self._runs = runs
        self.found = Found()

    async def follow(self, seed: str) -> None:
        """Follows the spec of a seed to its end."""
        kind, spec = drawn(seed)
        if not sendable(spec):
            return self.found.count("no JSON")
        try:
            read(kind.model, spec)
        except InvalidSpec as error:
            right = False
            # The API server drops fields that it does not know, and runs what is left.
            if all(_UNKNOWN in str(problem) for problem in error.problems):
                spec = _tamed(kind, spec)
        else:
            right, spec = True, harmless(kind, spec)
        try:
            if right and self._runs <= 0:
                await self._show(kind, seed, spec)
                self.found.count("right, and taken by the API server")
            else:
                self._runs -= right
                self.found.count(await self._create(kind, seed, spec))
        except ApiError as error:
            self._refused(seed, error)
        except (KubeError, RuntimeError) as error:
            self.found.wrong.append(f"{seed}: {error}")
        return None

    def _refused(self, seed: str, error: ApiError) -> None:
        if error.status not in {400, 422} or "spec" not in error.message:
            self.found.wrong.append(f"{seed}: refused with {error.status} {error.message[:300]!r}")
        self.found.count("refused by the API server")

    async def _show(self, kind: Kind, seed: str, spec: Any) -> None:
        """Has the API server check it without storing it."""
        body = manifest(kind.resource, _name(seed), self._namespace, spec=spec)
        await self._api.client._json(  # noqa: SLF001 - the operator itself has no use for a dry run
            "POST", kind.resource.path(self._namespace), body=body, query={"dryRun": "All", "fieldValidation": "Strict"}
        )

    async def _create(self, kind: Kind, seed: str, spec: Any) -> str:
        """Creates it, waits for its end, and takes it away. Returns the end."""
        since, name = len(self._watch.events), _name(seed)
        body = manifest(kind.resource, name, self._namespace, spec=spec)
        uid = (await self._api.client.create(kind.resource, body, self._namespace))["metadata"]["uid"]

        def ended(event: Event) -> bool:
            status = event.body.get("status") or {}
            if status.get("phase") == "Retained":
                return bool(event.uid == uid)  # kept as the spec asks for, until the resource goes
            settled = event.condition("Stalled") or (status.get("phase") == "Done" and event.condition("TornDown"))
            return event.uid == uid and settled and not event.body["metadata"].get("finalizers")

        def gone(event: Event) -> bool:
            return event.uid == uid and event.type == "DELETED"

        try:
            # What the operator would take may turn out to be wrong only for what the API server has made of it.
            event = await self._watch.first(f"the end of {name}", ended, since=since, timeout=_RUN_SECONDS)
        finally:
            await self._api.client.delete(kind.resource, name, self._namespace)
        await self._watch.first(f"{name} is gone", gone, since=since, timeout=_STALLED_SECONDS)
        return _end(event)


def _end(event: Event) -> str:
    status = event.body["status"]
    if not event.condition("Stalled"):
        return f"ran: {status['verdict']}"
    stalled = next(row for row in status["conditions"] if row["type"] == "Stalled")
    if status.get("verdict"):
        return f"ran: {status['verdict']}"  # what did not pass is stalled too: nothing more will happen
    message = stalled["message"]
    if not message.startswith("spec") or not event.condition("Complete"):
        raise RuntimeError(f"Stalled without a field: {message[:200]!r}")
    return "Stalled, with field and remedy"


def harmless(kind: Kind, spec: Any) -> Any:
    """Changes a spec that is right so that its run makes no pod and ends within seconds, where it stays right then.

    Services ask for more CPU than the quota of an environment allows, and soon time out. A LoadTest finds no Service.
    """
    tamed = _tamed(kind, spec)
    try:
        read(kind.model, tamed)
    except InvalidSpec:
        return spec
    return tamed


def _tamed(kind: Kind, spec: Any) -> Any:
    if kind.resource is not TEST_SCENARIOS:
        return spec
    tamed = copy.deepcopy(spec)
    for service in tamed["environment"]["services"]:
        if "image" in service:
            service["resources"] = {"requests": {"cpu": "1000"}}
    tamed["timeouts"] = (tamed.get("timeouts") or {}) | {"provision": "1s", "steps": "2s", "teardown": "1s"}
    return tamed


def _name(seed: str) -> str:
    return f"fuzz-{seed.replace('/', '-')}"
