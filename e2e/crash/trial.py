"""One trial with an operator that dies, or meets another fault, at one of its writes."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from e2e.bench.api import Api, connect, manifest, own_namespace
from e2e.bench.short import MADE, WATCHED
from e2e.bench.watching import Event, Watching, watching
from e2e.crash.scenario import SPEC
from e2e.faults.layer import Kind
from e2e.faults.operator import KILLED
from e2e.outside import Operator, Stand, stand
from seatrial.api import names
from seatrial.kube.resources import TEST_SCENARIOS

#: Seconds within which a trial must have ended and been let go of; it takes about ten.
PATIENCE = 120.0
_MADE_KINDS = {resource.kind for resource in MADE}


@dataclass(frozen=True)
class Found:
    """What has become of a trial.

    Attributes:
        at: The write at which the fault struck; 0 for none.
        wrote: What was written then; empty if the run had fewer writes.
        verdict: The verdict and its reason.
        steps: State of each setup, step and teardown entry.
        made: How often each object was made, by kind and name; an environment's namespace has no name here.
        left: What is still there after the operator has let go.
        errors: Lines of the operators' logs that tell of a bug.
        writes: What the operator with the fault has written.
    """

    at: int
    wrote: str
    verdict: str
    steps: dict[str, str]
    made: Counter[str]
    left: list[str]
    errors: list[str]
    writes: list[str]

    def first(self, what: str) -> int:
        """Number of the first write that begins with some words."""
        return next(number for number, write in enumerate(self.writes, 1) if write.startswith(what))

    @property
    def twice(self) -> list[str]:
        """What was made more than once."""
        return sorted(what for what, number in self.made.items() if number > 1)

    def deviations(self, plain: "Found") -> list[str]:
        """Says in what it differs from a trial without a fault.

        A POST that was on record as sent when the operator died, and of whose answer nothing is known, ends as Error:
        nobody but the user may send it again. That is no deviation; all other objects must be as they would be after
        that error.
        """
        said = [f"left: {what}" for what in self.left] + [f"made twice: {what}" for what in self.twice]
        said += [f"logged: {line}" for line in self.errors]
        if self.verdict == "Error (Interrupted)" and self.wrote.startswith("patch testscenarios/status"):
            return said
        if self.verdict != plain.verdict:
            said.append(f"verdict {self.verdict}, not {plain.verdict}")
        said += [f"not made: {what}" for what in sorted(plain.made.keys() - self.made.keys())]
        said += [f"made besides: {what}" for what in sorted(self.made.keys() - plain.made.keys())]
        said += [
            f"{name} {state}, not {plain.steps[name]}"
            for name, state in self.steps.items()
            if state != plain.steps[name]
        ]
        return said


@dataclass(frozen=True)
class Course:
    """Where trials are made.

    Attributes:
        stand: Starts operators.
        api: Where trials are created.
        watch: Shows them, and all that is made for them.
        namespace: Of the trials.
    """

    stand: Stand
    api: Api
    watch: Watching
    namespace: str

    async def trial(self, kind: Kind, at: int) -> Found:
        """Makes a trial with a fault at a write; with none at 0."""
        journal = self.stand.folder / f"journal-{kind}-{at}"
        since, name = len(self.watch.events), f"crash-{kind}-{at}"
        logs = []
        faulty = ("-m", "e2e.faults.operator", kind, str(at), "--journal", str(journal))
        async with self.stand.operator(*faulty) as operator:
            logs.append(operator.log)
            body = manifest(TEST_SCENARIOS, name, self.namespace, spec=SPEC)
            uid = str((await self.api.client.create(TEST_SCENARIOS, body, self.namespace))["metadata"]["uid"])
            end = await self._end(uid, since, operator)
        if end is None:
            async with self.stand.operator() as operator:
                logs.append(operator.log)
                end = await self._end(uid, since, operator)
        if end is None:
            raise RuntimeError(f"an operator without a fault has died: {logs[-1].read_text()[-2000:]}")
        await self.api.client.delete(TEST_SCENARIOS, name, self.namespace)
        writes = [line.partition(" ")[2] for line in journal.read_text().splitlines()]
        errors = [line for log in logs for line in log.read_text(errors="replace").splitlines() if _is_bug(line)]
        return self._found(at, writes, end, uid, since, errors)

    async def _end(self, uid: str, since: int, operator: Operator) -> Event | None:
        """Waits until the operator has let go of a trial. Returns None if it died before."""

        def let_go(event: Event) -> bool:
            status = event.body.get("status") or {}
            return event.uid == uid and status.get("phase") == "Done" and not event.body["metadata"].get("finalizers")

        ended = asyncio.create_task(self.watch.first("the end", let_go, since=since, timeout=PATIENCE))
        died = asyncio.create_task(operator.process.wait())
        await asyncio.wait({ended, died}, return_when=asyncio.FIRST_COMPLETED)
        died.cancel()
        if ended.done():
            return ended.result()
        ended.cancel()
        if died.result() != KILLED:
            raise RuntimeError(f"the operator ended on its own: {operator.log.read_text()[-2000:]}")
        return None

    def _found(self, at: int, writes: list[str], end: Event, uid: str, since: int, errors: list[str]) -> Found:
        status = end.body["status"]
        its = [event for event in self.watch.events[since:] if event.label(names.OWNER_UID) == uid]
        made = Counter(_name(event) for event in its if event.type == "ADDED" and event.kind in _MADE_KINDS)
        there = {event.uid: event for event in its}
        entries = [*status["setup"], *status["steps"], *status["teardown"]]
        return Found(
            at=at,
            wrote=writes[at - 1] if 0 < at <= len(writes) else "",
            verdict=f"{status['verdict']} ({status['reason']})",
            steps={entry["name"]: entry["state"] for entry in entries},
            made=made,
            left=sorted(_name(event) for event in there.values() if event.type != "DELETED"),
            errors=errors,
            writes=writes,
        )


def _name(event: Event) -> str:
    return event.kind if event.kind == "Namespace" else f"{event.kind} {event.name}"


def _is_bug(line: str) -> bool:
    return "Traceback (most recent call last)" in line or "a bug in Seatrial" in line


@asynccontextmanager
async def on_course() -> AsyncIterator[Course]:
    """Sets up where trials are made."""
    async with (
        stand() as operators,
        connect() as api,
        own_namespace(api) as namespace,
        watching(api, *WATCHED) as watch,
    ):
        yield Course(operators, api, watch, namespace)
