"""The report of a run: everything that is known of it, for people, for CI systems and for an audit.

It is written as JSON. Fields are added and never change their meaning; ``format`` counts what would break a reader.
"""

from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from seatrial.api.status import BaselineStatus, LoadResult, ServiceStatus, StepStatus, Verdict
from seatrial.api.timeline import Timeline


class ReportModel(BaseModel):
    """A piece of the report."""

    model_config = ConfigDict(alias_generator=to_camel, extra="ignore", frozen=True, populate_by_name=True)


class Requester(ReportModel):
    """Who has created or changed the resource, as its managed fields tell: programs have names there, people have not.

    Attributes:
        manager: Name of the program, for example kubectl-client-side-apply.
        operation: Apply or Update.
        time: When it last did.
    """

    manager: str
    operation: str
    time: str = ""


class ObjectChange(ReportModel):
    """An object that was made or deleted for the run.

    Attributes:
        at: When.
        verb: created or deleted.
        kind: Kind of the object.
        name: Its name, with its namespace.
        rebuilt: Whether this was read off the object later, because the operator was restarted in between.
    """

    at: str
    verb: str
    kind: str
    name: str
    rebuilt: bool = False


class Transition(ReportModel):
    """Something that moved on.

    Attributes:
        at: When.
        what: run, service/NAME, setup/NAME, step/NAME, teardown/NAME, or operator.
        state: What it came to.
        reason: Stable CamelCase word.
        message: Sentence for a person.
        rebuilt: Whether this was read off the status later, because the operator was restarted in between.
    """

    at: str
    what: str
    state: str
    reason: str = ""
    message: str = ""
    rebuilt: bool = False


class Audit(ReportModel):
    """Who asked for what, and what was done.

    Attributes:
        requesters: Who has created or changed the resource.
        spec_sha256: SHA-256 of the run's spec as JSON with sorted keys and no spaces.
        objects: What was made and deleted, in the order in which it was.
        transitions: What moved on, likewise.
        gaps: Times of which this record cannot know everything.
    """

    requesters: list[Requester] = []
    spec_sha256: str = ""
    objects: list[ObjectChange] = []
    transitions: list[Transition] = []
    gaps: list[str] = []


class Tail(ReportModel):
    """The end of a container's log.

    Attributes:
        owner: Name of the service or step.
        pod: Name of the pod.
        lines: The last lines.
        unreadable: Why it could not be read.
    """

    owner: str
    pod: str
    lines: list[str] = []
    unreadable: str = ""


class TestCase(ReportModel):
    """A test case of a Job.

    Attributes:
        name: Its name.
        group: Its class or file.
        state: passed, failure, error or skipped.
        seconds: How long it took.
        message: Why it did not pass, in a line.
        text: The same at length.
    """

    __test__ = False  # not a test, whatever pytest makes of its name

    name: str
    group: str = ""
    state: str = "passed"
    seconds: float = 0.0
    message: str = ""
    text: str = ""


class TestSuite(ReportModel):
    """The test cases of one JUnit file.

    Attributes:
        step: Name of the step.
        pod: Name of its pod.
        file: Name of the file.
        tests: Number of cases.
        failures: Those whose assertion failed.
        errors: Those that broke.
        skipped: Those that did not run.
        cases: The cases; the first ones of very many.
    """

    __test__ = False  # not a test, whatever pytest makes of its name

    step: str
    pod: str
    file: str
    tests: int = 0
    failures: int = 0
    errors: int = 0
    skipped: int = 0
    cases: list[TestCase] = []


class Artifact(ReportModel):
    """A file that a Job left.

    Attributes:
        step: Name of the step.
        pod: Name of its pod.
        name: Name of the artifact.
        path: Name of the file.
        size: Its bytes.
        sha256: Its SHA-256.
        encoding: utf-8, or base64 for what is no text.
        content: What it holds.
        lack: Why it is not here.
    """

    step: str
    pod: str
    name: str
    path: str = ""
    size: int = 0
    sha256: str = ""
    encoding: str = "utf-8"
    content: str = ""
    lack: str = ""


class Report(ReportModel):
    """The report of one run.

    Attributes:
        format: Version of this form.
        kind: TestScenario or LoadTest.
        namespace: Namespace of the resource.
        name: Its name.
        uid: Its UID.
        run: Name of the run.
        generation: Generation of the spec.
        environment: Namespace of the environment, if it had one of its own.
        verdict: What the run means.
        flaky: Whether a step succeeded only when it was attempted again.
        reason: Stable CamelCase word.
        message: Sentence for a person.
        started_at: When the run began.
        finished_at: When its verdict fell.
        torn_down_at: When nothing was left; absent in a report that was written before.
        services: The services.
        setup: The setup Jobs.
        steps: The steps.
        teardown: The teardown Jobs.
        load: Result of a LoadTest.
        baseline: What it was compared with, and what came of that.
        timelines: The course of each load over its measured time.
        suites: Test cases of Jobs.
        tails: Ends of logs of what failed.
        artifacts: Files of Jobs.
        audit: Who asked for what, and what was done.
        truncated: What was left out because it was too big.
    """

    format: int = 1
    kind: str
    namespace: str
    name: str
    uid: str = ""
    run: str
    generation: int = 0
    environment: str | None = None
    verdict: Verdict | None = None
    flaky: bool = False
    reason: str = ""
    message: str = ""
    started_at: str | None = None
    finished_at: str | None = None
    torn_down_at: str | None = None
    services: list[ServiceStatus] = []
    setup: list[StepStatus] = []
    steps: list[StepStatus] = []
    teardown: list[StepStatus] = []
    load: LoadResult | None = None
    baseline: BaselineStatus | None = None
    timelines: list[Timeline] = []
    suites: list[TestSuite] = []
    tails: list[Tail] = []
    artifacts: list[Artifact] = []
    audit: Audit = Field(default_factory=Audit)
    truncated: list[str] = []

    @property
    def title(self) -> str:
        """The resource in words."""
        return f"{self.kind} {self.namespace}/{self.name}"

    def parts(self) -> Sequence[tuple[str, list[StepStatus]]]:
        """The steps of setup, of the trial itself and of teardown, each under its heading; empty ones are left out."""
        found = (("setup", self.setup), ("steps", self.steps), ("teardown", self.teardown))
        return [(heading, steps) for heading, steps in found if steps]

    def to_json(self) -> str:
        """Writes it. The same report always has the same text."""
        return self.model_dump_json(by_alias=True, exclude_none=True, exclude_defaults=True, indent=1) + "\n"


def read_report(text: str) -> Report:
    """Reads what :meth:`Report.to_json` wrote.

    Raises:
        ValueError: It is not a report that this version knows.
    """
    report = Report.model_validate_json(text)
    if report.format != 1:
        raise ValueError(f"the report has format {report.format}, and this version of seatrial knows 1")
    return report
