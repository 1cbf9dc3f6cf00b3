"""Reading JUnit XML that nobody vouches for.

Expat reads it piece by piece and never as a tree. A document type is refused as soon as it begins, so there are no
entities but XML's own five: nothing expands, and nothing is fetched.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from xml.parsers import expat

from seatrial.api.outcome import shortened
from seatrial.api.status import JUnitCounts

#: Cases of one step that are kept, and bytes of the words of each.
CASES = 2000
TEXT_BYTES = 2048
NAME_BYTES = 200
_DEPTH = 50
_NAMES = 5


class UnreadableCases(ValueError):
    """The text is not JUnit XML."""


class CaseState(StrEnum):
    """What became of a test case."""

    PASSED = "passed"
    FAILED = "failure"
    BROKEN = "error"
    SKIPPED = "skipped"


@dataclass
class Case:
    """One test case.

    Attributes:
        name: Its name.
        group: The class or file that it belongs to.
        state: What became of it.
        seconds: How long it took.
        message: Why it did not pass, in a line.
        text: The same at length.
    """

    name: str
    group: str
    state: CaseState = CaseState.PASSED
    seconds: float = 0.0
    message: str = ""
    text: str = ""


@dataclass
class Suite:
    """The cases of one file.

    Attributes:
        file: Its name.
        cases: The first of its cases.
        tests: All of its cases.
        failures: Those whose assertion failed.
        errors: Those that broke.
        skipped: Those that did not run.
    """

    file: str
    cases: list[Case] = field(default_factory=list)
    tests: int = 0
    failures: int = 0
    errors: int = 0
    skipped: int = 0


def read_suite(file: str, content: bytes) -> Suite:
    """Reads a file.

    Raises:
        UnreadableCases: It is not JUnit XML, or has a document type.
    """
    reader = _Reader(Suite(file))
    try:
        reader.parser.Parse(content, True)
    except expat.ExpatError as error:
        raise UnreadableCases(f"{file} is not XML: {error}") from error
    if not reader.rooted:
        raise UnreadableCases(f"{file} is no JUnit XML: it has no testsuite")
    reader.suite.failures = max(reader.suite.failures, reader.declared["failures"])
    reader.suite.errors = max(reader.suite.errors, reader.declared["errors"])
    reader.suite.tests = max(reader.suite.tests, reader.suite.failures + reader.suite.errors + reader.suite.skipped)
    return reader.suite


def counts(suites: Iterable[Suite]) -> JUnitCounts:
    """Sums suites up for status."""
    found = list(suites)
    failing = [
        case.name for suite in found for case in suite.cases if case.state in {CaseState.FAILED, CaseState.BROKEN}
    ]
    return JUnitCounts(
        tests=sum(suite.tests for suite in found),
        failures=sum(suite.failures for suite in found),
        errors=sum(suite.errors for suite in found),
        skipped=sum(suite.skipped for suite in found),
        failing=[shortened(name, 80) for name in failing[:_NAMES]],
    )


class _Reader:
    """Takes a file's elements in."""

    def __init__(self, suite: Suite) -> None:
        self.suite = suite
        self.rooted = False
        #: What the suites say of themselves: a suite may count failures that no case of it shows.
        self.declared = {"failures": 0, "errors": 0}
        self.parser = expat.ParserCreate()
        self.parser.StartDoctypeDeclHandler = self._doctype
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._text
        self._path: list[str] = []
        self._case: Case | None = None
        self._words: list[str] = []
        self._room = 0

    def _doctype(self, *_: object) -> None:
        raise UnreadableCases(f"{self.suite.file} has a document type, which is not read")

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        if len(self._path) >= _DEPTH:
            raise UnreadableCases(f"{self.suite.file} is nested too deeply")
        tag = tag.rpartition(":")[2]
        if not self._path and tag not in {"testsuites", "testsuite"}:
            raise UnreadableCases(f"{self.suite.file} is no JUnit XML: its root is <{shortened(tag, 40)}>")
        self.rooted = True
        self._path.append(tag)
        if tag == "testsuite" and "testsuite" not in self._path[:-1]:
            for key in self.declared:
                self.declared[key] += _whole(attributes.get(key, "0"))
        elif tag == "testcase":
            self._case = Case(
                name=shortened(attributes.get("name", "") or "(without a name)", NAME_BYTES),
                group=shortened(attributes.get("classname", "") or attributes.get("file", ""), NAME_BYTES),
                seconds=_seconds(attributes.get("time", "0")),
            )
        elif self._case is not None and tag in {"failure", "error", "skipped"}:
            self._judge(self._case, CaseState(tag), attributes)

    def _judge(self, case: Case, state: CaseState, attributes: dict[str, str]) -> None:
        # A case can have several: what is worst counts, and a skipped case has not failed.
        if case.state is CaseState.PASSED or (case.state is CaseState.SKIPPED and state is not CaseState.SKIPPED):
            case.state, case.message = state, shortened(attributes.get("message", ""), 500)
            self._words, self._room = [], TEXT_BYTES

    def _text(self, data: str) -> None:
        if self._room > 0 and self._path[-1] in {"failure", "error", "skipped"}:
            self._words.append(data[: self._room])
            self._room -= len(data)

    def _end(self, _tag: str) -> None:
        tag = self._path.pop()
        case = self._case
        if case is None:
            return
        if tag in {"failure", "error", "skipped"} and self._words:
            case.text, self._words, self._room = "".join(self._words).strip(), [], 0
        elif tag == "testcase":
            self._count(case)
            self._case = None

    def _count(self, case: Case) -> None:
        self.suite.tests += 1
        self.suite.failures += case.state is CaseState.FAILED
        self.suite.errors += case.state is CaseState.BROKEN
        self.suite.skipped += case.state is CaseState.SKIPPED
        # What did not pass is never left out for what did.
        if len(self.suite.cases) < CASES or case.state in {CaseState.FAILED, CaseState.BROKEN}:
            self.suite.cases.append(case)


def _whole(text: str) -> int:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 9 else 0


def _seconds(text: str) -> float:
    try:
        seconds = float(text.replace(",", ""))
    except ValueError:
        return 0.0
    return seconds if 0 <= seconds < 1e9 else 0.0
