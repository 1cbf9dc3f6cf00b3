"""Making a report fit into ConfigMaps: what is least missed goes first, and the report says what went."""

from collections.abc import Callable, Iterator

from seatrial.report.junit_xml import junit_xml
from seatrial.report.model import Report, TestSuite

#: Bytes of one part. A ConfigMap takes 1 MiB in all.
PART_BYTES = 900_000
#: Keys of the ConfigMaps.
JSON_KEY = "report.json"
JUNIT_KEY = "junit.xml"
#: Most parts of one report.
PARTS = 5
#: Bytes of a whole report, a little room left for its form as JUnit XML that shares the parts with it.
REPORT_BYTES = PART_BYTES * PARTS * 2 // 3

_FAILING = frozenset({"failure", "error"})


def fitted(report: Report, limit: int = REPORT_BYTES) -> Report:
    """Leaves out of a report what is too much.

    Args:
        report: The report.
        limit: Bytes of its JSON at most.
    """
    for name, shorten in _STEPS:
        if len(report.to_json().encode()) <= limit:
            return report
        shorter = shorten(report)
        if shorter != report:
            report = shorter.model_copy(update={"truncated": [*report.truncated, name]})
    return report


def _without_artifacts(report: Report) -> Report:
    bare = [
        artifact.model_copy(update={"content": "", "lack": artifact.lack or "left out: the report was too big"})
        for artifact in report.artifacts
    ]
    return report.model_copy(update={"artifacts": bare})


def _failing_cases(report: Report) -> Report:
    return _each_suite(report, lambda suite: [case for case in suite.cases if case.state in _FAILING])


def _short_texts(report: Report) -> Report:
    return _each_suite(
        report, lambda suite: [case.model_copy(update={"text": case.text[:200]}) for case in suite.cases]
    )


def _few_cases(report: Report) -> Report:
    return _each_suite(report, lambda suite: suite.cases[:20])


def _each_suite(report: Report, cases: Callable[[TestSuite], object]) -> Report:
    return report.model_copy(
        update={"suites": [suite.model_copy(update={"cases": cases(suite)}) for suite in report.suites]}
    )


def _short_audit(report: Report) -> Report:
    audit = report.audit.model_copy(
        update={"objects": report.audit.objects[-500:], "transitions": report.audit.transitions[-500:]}
    )
    return report.model_copy(update={"audit": audit})


def _without_timelines(report: Report) -> Report:
    return report.model_copy(update={"timelines": []})


def _few_suites(report: Report) -> Report:
    return report.model_copy(update={"suites": report.suites[:50]})


_STEPS: tuple[tuple[str, Callable[[Report], Report]], ...] = (
    ("contents of artifacts", _without_artifacts),
    ("test cases that did not fail", _failing_cases),
    ("texts of test cases beyond 200 characters", _short_texts),
    ("test cases beyond 20 of a file", _few_cases),
    ("files of test cases beyond 50", _few_suites),
    ("entries of the audit record but the last 500", _short_audit),
    ("timelines of loads", _without_timelines),
)


def packed(report: Report) -> tuple[str, list[dict[str, str]]]:
    """Writes a report and its form as JUnit XML into as many parts as are needed, and no more than there may be.

    Returns:
        The report's JSON, and the parts.
    """
    report = fitted(report)
    text = report.to_json()
    for limit in (REPORT_BYTES, PART_BYTES, PART_BYTES // 3):
        parts = split({JSON_KEY: text, JUNIT_KEY: junit_xml([fitted(report, limit)])})
        if len(parts) <= PARTS:
            return text, parts
    return text, split({JSON_KEY: text})


def split(files: dict[str, str], size: int = PART_BYTES) -> list[dict[str, str]]:
    """Distributes texts over parts, in order; a text that is cut goes on under its own key in the next part.

    Args:
        files: Texts by name.
        size: Bytes of a part at most.
    """
    parts: list[dict[str, str]] = [{}]
    left = size
    for name, text in files.items():
        for piece in _pieces(text, left, size):
            if name in parts[-1] or (piece and len(piece.encode()) > left):
                parts.append({})
                left = size
            parts[-1][name] = piece
            left -= len(piece.encode())
    return parts


def _pieces(text: str, first: int, size: int) -> Iterator[str]:
    """Cuts a text at borders of characters."""
    content = text.encode()
    if len(content) <= size:
        # Small enough to be whole somewhere.
        yield text
        return
    room = first
    while content:
        piece = content[:room].decode(errors="ignore")
        if piece:
            yield piece
        content = content[len(piece.encode()) :]
        room = size


def join(parts: list[dict[str, str]], name: str) -> str:
    """Puts a text together again."""
    return "".join(part.get(name, "") for part in parts)
