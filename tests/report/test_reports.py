"""A report in all its forms: whole, bounded, escaped, and the same every time."""

import json
import re
import xml.etree.ElementTree as ET
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seatrial.api.status import TestScenarioStatus, TrialStatus
from seatrial.report.compose import Evidence, composed, merged
from seatrial.report.html import html
from seatrial.report.junit_xml import junit_xml
from seatrial.report.model import (
    Artifact,
    Audit,
    ObjectChange,
    Report,
    Requester,
    Tail,
    TestCase,
    TestSuite,
    Transition,
    read_report,
)
from seatrial.report.size import JSON_KEY, JUNIT_KEY, PART_BYTES, PARTS, fitted, join, packed, split
from seatrial.report.text import text
from seatrial.report.timeline import rebuilt, transitions

EVIL = '<script>alert(1)</script> & "quoted" \x00\x1b[31m ]]> \ud7ff'


def report(**more: Any) -> Report:
    """A report with something of everything, all of it hostile."""
    status = TestScenarioStatus.model_validate(
        {
            "verdict": "Failed",
            "reason": "TestsFailed",
            "message": EVIL,
            "run": {
                "id": "3",
                "generation": 3,
                "startedAt": "2026-11-22T10:00:00Z",
                "finishedAt": "2026-11-22T10:00:09Z",
            },
            "services": [{"name": "web", "state": "Healthy"}, {"name": "db", "state": "Error", "reason": "CrashLoop"}],
            "steps": [
                {"name": "contract", "state": "Failed", "reason": "TestsFailed", "message": EVIL},
                {"name": "look", "state": "Succeeded", "captures": {"id": EVIL}},
                {"name": "never", "state": "Skipped"},
                {"name": "maybe", "state": "Inconclusive", "reason": "NoTests"},
            ],
        }
    )
    cases = [
        TestCase(name=EVIL, group="t", state="failure", message=EVIL, text=EVIL),
        TestCase(name="well", seconds=1.5),
        TestCase(name="later", state="skipped"),
    ]
    whole = composed("TestScenario", "shop", "checkout", "u", status, torn_down_at="2026-11-22T10:00:20Z")
    parts: dict[str, Any] = {
        "suites": [TestSuite(step="contract", pod="p", file="junit.xml", tests=9, failures=1, skipped=1, cases=cases)],
        "tails": [Tail(owner="contract", pod="p", lines=[EVIL, "last"]), Tail(owner="db", pod="q", unreadable="gone")],
        "artifacts": [
            Artifact(step="contract", pod="p", name="log", content=EVIL, size=3),
            Artifact(step="contract", pod="p", name="shot", content="iVBORw==", encoding="base64", size=4),
            Artifact(step="contract", pod="p", name="video", lack="Missing: there is no such file"),
        ],
        "audit": Audit(
            requesters=[Requester(manager="argocd", operation="Apply")],
            spec_sha256="0" * 64,
            objects=[ObjectChange(at="2026-11-22T10:00:01Z", verb="created", kind="Job", name="trial/step-contract")],
            transitions=[Transition(at="2026-11-22T10:00:02Z", what="step/look", state="Running", rebuilt=True)],
            gaps=["from then to now"],
        ),
    }
    return whole.model_copy(update=parts | more)


def test_what_is_written_can_be_read_and_is_always_the_same() -> None:
    assert read_report(report().to_json()) == report()
    assert report().to_json() == report().to_json()


def test_a_report_of_another_format_is_refused() -> None:
    with pytest.raises(ValueError, match="format 2"):
        read_report(report(format=2).to_json())


def test_junit_counts_what_ci_systems_count() -> None:
    root = ET.fromstring(junit_xml([report()]))  # noqa: S314 - our own
    suites = {suite.get("name"): suite for suite in root}
    steps = suites["shop/checkout steps"]
    assert (steps.get("tests"), steps.get("failures"), steps.get("errors"), steps.get("skipped")) == (
        "4",
        "1",
        "1",
        "1",
    )
    assert suites["shop/checkout services"].get("errors") == "1"
    assert suites["shop/checkout contract junit.xml"].get("tests") == "9"
    assert (root.get("tests"), root.get("failures")) == ("15", "2")
    assert "last" in (steps[0].findtext("system-out") or "")


@pytest.mark.parametrize(
    ("verdict", "tag"), [("TimedOut", "error"), ("Cancelled", "error"), ("Failed", "failure"), (None, "error")]
)
def test_a_run_without_a_bad_step_that_has_not_passed_is_never_green(verdict: str | None, tag: str) -> None:
    bare = Report.model_validate(
        {"kind": "LoadTest", "namespace": "shop", "name": "peak", "run": "1", "verdict": verdict}
    )
    assert ET.fromstring(junit_xml([bare])).find(f".//{tag}") is not None  # noqa: S314 - our own


def test_a_run_that_passed_is_green() -> None:
    bare = Report.model_validate(
        {"kind": "LoadTest", "namespace": "shop", "name": "peak", "run": "1", "verdict": "Passed"}
    )
    root = ET.fromstring(junit_xml([bare]))  # noqa: S314 - our own
    assert (root.get("tests"), root.get("failures"), root.get("errors")) == ("1", "0", "0")


class _Page(HTMLParser):
    """Checks that elements are closed in order, and collects what a browser would act on."""

    VOID = frozenset({"meta", "br"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: set[str] = set()
        self.addresses: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)
        self.addresses += [value or "" for name, value in attrs if name in {"href", "src", "action", "style"}]
        assert not [name for name, _ in attrs if name.startswith("on")]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_page_is_well_formed_fetches_nothing_and_runs_nothing() -> None:
    page = _Page()
    page.feed(html([report(), report(name="other")]))
    page.close()
    assert page.open == []
    assert not page.seen & {"script", "iframe", "img", "link", "object", "form"}
    assert [address.partition(",")[0] for address in page.addresses] == ["data:application/octet-stream;base64"] * 2
    for words in ("<script>alert(1)</script>", "trial/step-contract", "argocd", "gone", "from then to now", "well"):
        assert words in page.text


def test_the_page_can_be_read_by_everybody() -> None:
    page = html([report()])
    assert '<html lang="en">' in page
    assert "prefers-color-scheme: dark" in page
    assert "@media print" in page
    assert len(re.findall("<th[ >]", page)) == page.count('scope="')


def test_the_page_has_the_numbers_of_load(run: Any) -> None:
    page = html([composed("LoadTest", "shop", "peak", "u", run.load_test(result=run.load()))])
    for words in ("60,000", "12.3ms", "p99.9"):
        assert words in page


def test_the_text_has_what_the_summary_has_not() -> None:
    lines = [str(each) for each in text(report())]
    whole = "\n".join(lines)
    for words in (
        "log of contract (pod p)",
        "could not be read: gone",
        "contract/video: Missing",
        "gap: from then",
        "argocd",
    ):
        assert words in whole
    assert "\x1b" not in whole
    assert "not everything is taken away" not in whole


# ---------------------------------------------------------------------- size


def big(cases: int, artifacts: int) -> Report:
    suite = TestSuite(
        step="s",
        pod="p",
        file="f",
        tests=cases,
        cases=[TestCase(name=f"case {n}", state="failure", text="<&" * 1000) for n in range(cases)],
    )
    kept = [Artifact(step="s", pod="p", name=str(n), content="x" * 250_000, size=250_000) for n in range(artifacts)]
    return report(suites=[suite], artifacts=kept)


@pytest.mark.parametrize(("cases", "artifacts"), [(0, 0), (100, 4), (3000, 0), (3000, 40)])
def test_a_report_fits_into_its_parts_and_says_what_it_left_out(cases: int, artifacts: int) -> None:
    whole, parts = packed(big(cases, artifacts))
    assert len(parts) <= PARTS
    assert all(sum(len(piece.encode()) for piece in part.values()) <= PART_BYTES for part in parts)
    assert join(parts, JSON_KEY) == whole
    found = read_report(whole)
    assert bool(found.truncated) is (cases > 1000)
    assert found.suites[0].tests == cases
    ET.fromstring(join(parts, JUNIT_KEY))  # noqa: S314 - our own


def test_a_small_report_is_one_part_and_whole() -> None:
    assert len(packed(report())[1]) == 1
    assert fitted(report()) == report()


@settings(max_examples=2 * settings().max_examples)
@given(st.dictionaries(st.sampled_from("abc"), st.text(max_size=60)), st.integers(8, 40))
def test_parts_come_together_again(files: dict[str, str], size: int) -> None:
    parts = split(files, size)
    assert {name: join(parts, name) for name in files} == files
    assert all(sum(len(piece.encode()) for piece in part.values()) <= size for part in parts)


# ---------------------------------------------------------------------- record


def test_the_record_has_every_move_once(run: Any) -> None:
    before = TestScenarioStatus.model_validate(
        {"phase": "Running", "steps": [run.step("a", "Running"), run.step("b", "Pending")]}
    )
    after = TestScenarioStatus.model_validate(
        {"phase": "Teardown", "verdict": "Failed", "steps": [run.step("a", "Failed"), run.step("b", "Pending")]}
    )
    told = [(entry.what, entry.state) for entry in transitions(before, after, "now")]
    assert told == [("run", "Teardown"), ("run", "Failed"), ("step/a", "Failed")]
    assert transitions(after, after, "now") == []


def test_what_a_status_tells_of_the_past_is_marked(run: Any) -> None:
    status = TestScenarioStatus.model_validate(
        {"services": [run.service("web", "Healthy")], "steps": [run.step("a", "Succeeded"), run.step("b", "Running")]}
    )
    entries = rebuilt(status)
    assert all(entry.rebuilt for entry in entries)
    assert [(entry.what, entry.state) for entry in entries] == [
        ("service/web", "Healthy"),
        ("step/a", "Running"),
        ("step/b", "Running"),
        ("step/a", "Succeeded"),
    ]
    assert [entry.at for entry in entries] == sorted(entry.at for entry in entries)


def test_what_only_an_earlier_report_knows_stays() -> None:
    later = composed("TestScenario", "shop", "checkout", "u", TrialStatus(), Evidence())
    both = merged(report(), later)
    assert (both.tails, both.suites, both.artifacts) == (report().tails, report().suites, report().artifacts)
    assert both.audit.gaps == ["from then to now"]
    assert merged(report(), report()).tails == report().tails
    json.loads(both.to_json())
