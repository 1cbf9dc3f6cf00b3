"""Short ways to say what a situation is: specs, pods, moments."""

from collections.abc import Collection, Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from seatrial.api.environment import Service
from seatrial.api.expansion import expanded
from seatrial.api.load import LoadSpec
from seatrial.api.loadtest import LoadTestSpec
from seatrial.api.outcome import Outcome
from seatrial.api.scenario import TestScenarioSpec
from seatrial.api.status import LatencySummary, LoadResult, LoadTestStatus, StepStatus, TestScenarioStatus
from seatrial.api.step import Step
from seatrial.judge.condition import judge_when
from seatrial.plan.decision import Decision
from seatrial.plan.loadtest import plan_loadtest
from seatrial.plan.observed import LoadSeen, NamespaceSeen, Observed, PodSeen
from seatrial.plan.scenario import plan_scenario
from seatrial.plan.trial import Subject

NOW = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)
UID = "6b3c1f0e-0000-4000-8000-000000000001"
NAMESPACE = NamespaceSeen(name="trial-checkout-1", uid="ns-1", ours=True)
SERVICES = [{"name": "web", "image": "web:1", "ports": [{"name": "http", "port": 80}]}]


def at(seconds: float) -> datetime:
    """A moment after the start."""
    return NOW + timedelta(seconds=seconds)


def services(*specs: dict[str, Any]) -> list[Service]:
    return [Service.model_validate({"image": "i", "ports": [{"name": "p", "port": 80}], **spec}) for spec in specs]


def steps(*specs: dict[str, Any]) -> list[Step]:
    return [Step.model_validate(spec) for spec in specs]


def judged(
    graph: Iterable[Step], statuses: Iterable[StepStatus], wanted: Collection[str], run: str
) -> dict[str, Outcome | None]:
    """What comes of judging whether some steps run at all."""
    values = {"run.id": run}
    values |= {f"captures.{name}": value for status in statuses for name, value in status.captures.items()}
    return {
        each.name: judge_when(each.step.when or "", values | each.variables)
        for each in expanded(graph)
        if each.name in wanted
    }


def load_spec(**more: Any) -> LoadSpec:
    profile = {"rate": 100, "duration": "10s"}
    return LoadSpec.model_validate({"target": {"service": "web"}, "profile": profile, **more})


def pod(owner: str, name: str = "", **state: Any) -> PodSeen:
    return PodSeen(name=name or f"{owner}-x1", owner=owner, **{"created": NOW, **state})


def heard(
    workers: int = 1, *finished: int, values: dict[str, Any] | None = None, measured: float = 5.0, **result: Any
) -> LoadSeen:
    """What workers told that have all reported, of which some have finished."""
    summary = LatencySummary(**dict.fromkeys(("min", "mean", "p50", "p75", "p90", "p95", "p99", "p999", "max"), "5ms"))
    told = {"workers_reporting": workers, "requests": 1000, "achieved_rate": 100.0, "requested_rate": 100.0}
    return LoadSeen(
        LoadResult(**{"workers": workers, "latency": summary, **told, **result}),
        {
            "latency.count": 1000,
            **({"latency.p99": timedelta(milliseconds=5), "errors.rate": 0.0} if values is None else values),
        },
        frozenset(finished),
        measured=measured,
        ready=frozenset(range(workers)),
        begun=frozenset(range(workers)),
    )


def scenario_spec(**more: Any) -> TestScenarioSpec:
    return TestScenarioSpec.model_validate({"environment": {"services": SERVICES}, **more})


def load_test_spec(**more: Any) -> LoadTestSpec:
    return LoadTestSpec.model_validate(load_spec().to_kubernetes() | more)


class Trial:
    """A resource that takes turns in situations that a test makes up; its status is what the last turn decided."""

    def __init__(self, spec: TestScenarioSpec | LoadTestSpec) -> None:
        kind = LoadTestStatus if isinstance(spec, LoadTestSpec) else TestScenarioStatus
        self.subject: Subject[Any, Any] = Subject(
            name="checkout",
            namespace="shop",
            uid=UID,
            generation=1,
            deleting=False,
            finalizer=False,
            spec=spec,
            invalid="",
            running=spec,
            status=kind(),
        )

    @property
    def status(self) -> Any:
        return self.subject.status

    def phase(self) -> Any:
        return self.status.phase

    def turn(self, seconds: float = 0, **seen: Any) -> Decision[Any]:
        """Takes a turn. The environment's namespace is there unless ``namespace`` says otherwise."""
        is_load = isinstance(self.status, LoadTestStatus)
        default = None if is_load or not self.status.active else NAMESPACE
        observed = Observed(**{"namespace": default, **seen})
        decide: Any = plan_loadtest if is_load else plan_scenario
        decision: Decision[Any] = decide(self.subject, observed, at(seconds))
        again = replace(self.subject, status=decision.status)
        written = type(decision.status).model_validate(decision.status.to_kubernetes())
        assert written == decision.status
        assert decision.wake_at is None or decision.wake_at > at(seconds)
        self.subject = replace(again, finalizer=self.subject.finalizer or bool(decision.actions))
        return decision

    def change(self, **fields: Any) -> None:
        """Changes the resource, as its user or the API server would."""
        self.subject = replace(self.subject, **fields)

    def edited(self, spec: Any, invalid: str = "") -> None:
        """The user changes the spec."""
        self.change(spec=spec, invalid=invalid, generation=self.subject.generation + 1)

    def condition(self, kind: str) -> Any:
        return next(condition for condition in self.status.conditions if condition.type == kind)

    def flags(self) -> dict[str, str]:
        return {condition.type: condition.status for condition in self.status.conditions}
