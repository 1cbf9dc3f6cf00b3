"""The kind TestScenario: services, data, steps, judged and taken away."""

from typing import Annotated, Any, ClassVar

from pydantic import Field

from seatrial.api.base import Model, list_map, rules
from seatrial.api.duration import Duration, seconds
from seatrial.api.environment import Environment, names_port
from seatrial.api.status import TestScenarioStatus
from seatrial.api.step import JobStep, Step


class ScenarioTimeouts(Model):
    """Time budgets of a run. The teardown's own is kept whatever the others used up."""

    provision: Duration = Field(seconds(600), description="From the start until every service is healthy. Default 10m.")
    steps: Duration = Field(seconds(3600), description="For setup and steps together. Default 1h.")
    teardown: Duration = Field(
        seconds(300),
        description="For the teardown Jobs, and again for taking the environment away; beyond it the blocker is "
        "named in the condition TornDown and taking away goes on. Default 5m.",
    )


#: A rule sees all steps at once and cannot name the one at fault within the API server's budget.
_WHICH = "; `seatrial validate` says which"


def _target_rules(field: str, target: str) -> tuple[tuple[str, str], tuple[str, str]]:
    """The steps of one kind name a service that exists, and a port that it has."""
    steps = f"!has(self.steps) || self.steps.all(s, !has(s.{field}) || self.environment.services"
    is_target = f"v.name == s.{target}.service"
    return (
        (
            f"{steps}.exists(v, {is_target}))",
            f"{target}.service names a service that is not in environment.services{_WHICH}",
        ),
        (
            f"{steps}.all(v, !({is_target}) || {names_port(f's.{target}', 'v')}))",
            f"{target}.port must name a port of its service; leave it out only if there is exactly one{_WHICH}",
        ),
    )


class TestScenarioSpec(Model):
    """A trial of a set of services. A new run starts whenever the spec changes."""

    __test__ = False  # not a test, whatever pytest makes of its name

    environment: Environment = Field(description="The services under trial.")
    setup: list[JobStep] = Field(
        [],
        max_length=20,
        description="Jobs that load data, one after another, once every service is healthy.",
        json_schema_extra=list_map("name"),
    )
    steps: list[Step] = Field(
        [],
        max_length=200,
        description="What is done and checked, as a graph.",
        json_schema_extra=list_map("name"),
    )
    max_parallel: Annotated[int, Field(ge=1, le=200)] | None = Field(
        None, description="Steps that run at once, instances of a matrix included. Default: as many as may."
    )
    teardown: list[JobStep] = Field(
        [],
        max_length=20,
        description="Jobs that run in the environment on every end, before it is taken away. "
        "They do not change the verdict.",
        json_schema_extra=list_map("name"),
    )
    timeouts: ScenarioTimeouts = Field(ScenarioTimeouts(), description="Time budgets.")
    run: Annotated[str, Field(max_length=63)] | None = Field(
        None,
        description="A token of your own: a new run starts when it changes, as it does with any change of the spec.",
    )

    model_config = {
        "json_schema_extra": rules(
            (
                # A list of the names, made once: comparing them one by one is over the API server's budget.
                "!has(self.steps) || [self.steps.map(t, t.name)].all(names, self.steps.all(s, !has(s.needs) || "
                "s.needs.all(n, n.step in names)))",
                f"needs names a step that is not in steps{_WHICH}",
            ),
            *_target_rules("http", "http"),
            *_target_rules("load", "load.target"),
            (
                "[self.environment.services.map(v, v.name)].all(names, !has(self.steps) || self.steps.all(s, "
                "!has(s.assert) || !has(s.assert.reads) || s.assert.reads.all(r, r.service in names)))",
                f"assert.reads names a service that is not in environment.services{_WHICH}",
            ),
            (
                "[(has(self.setup) ? self.setup.map(j, j.name) : []) + "
                "(has(self.teardown) ? self.teardown.map(j, j.name) : [])].all(names, "
                "names.all(n, names.exists_one(m, m == n)) && "
                "(!has(self.steps) || self.steps.all(s, !(s.name in names))))",
                f"setup, steps and teardown share one set of names: a name is used twice{_WHICH}",
            ),
            (
                "!has(self.steps) || self.steps.all(s, !has(s.capture) || "
                "s.capture.all(k, self.steps.exists_one(t, has(t.capture) && k in t.capture)))",
                f"two steps capture the same name: rename one{_WHICH}",
            ),
        )
    }


class TestScenario(Model):
    """Provisions services, waits until they are healthy, loads data, runs steps, judges, reports, takes all away."""

    __test__ = False  # not a test, whatever pytest makes of its name

    plural: ClassVar[str] = "testscenarios"
    short_name: ClassVar[str] = "tscn"
    printer_columns: ClassVar[tuple[dict[str, Any], ...]] = (
        {"name": "Phase", "type": "string", "jsonPath": ".status.phase"},
        {"name": "Verdict", "type": "string", "jsonPath": ".status.verdict"},
        {
            "name": "Steps",
            "type": "string",
            "jsonPath": ".status.progress",
            "description": "Steps that succeeded, of all.",
        },
        {"name": "Reason", "type": "string", "jsonPath": ".status.reason"},
        {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"},
        {"name": "Namespace-Of-Run", "type": "string", "jsonPath": ".status.run.namespace", "priority": 1},
        {
            "name": "Flaky",
            "type": "boolean",
            "jsonPath": ".status.flaky",
            "priority": 1,
            "description": "Whether a step succeeded only when it was attempted again.",
        },
        {"name": "Message", "type": "string", "jsonPath": ".status.message", "priority": 1},
    )

    spec: TestScenarioSpec = Field(description="The trial that is wanted.")
    status: TestScenarioStatus | None = Field(None, description="The trial as it is; written by Seatrial alone.")
