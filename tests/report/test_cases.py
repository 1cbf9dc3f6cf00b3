"""JUnit XML that nobody vouches for: read if it is well, refused if it is not, and never followed anywhere."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.report.cases import CASES, CaseState, UnreadableCases, counts, read_suite

WELL = b"""<?xml version="1.0"?>
<testsuites><testsuite name="orders" tests="4" failures="1" errors="1" skipped="1">
  <testcase classname="t.Orders" name="lists" time="0.25"/>
  <testcase classname="t.Orders" name="totals"><failure message="1 is not 2">assert 1 == 2
  at line 7</failure><system-out>noise</system-out></testcase>
  <testcase name="connects"><error message="refused"/></testcase>
  <testcase name="later"><skipped/></testcase>
</testsuite></testsuites>"""


def test_a_file_is_read() -> None:
    suite = read_suite("junit.xml", WELL)
    assert [(case.name, case.state) for case in suite.cases] == [
        ("lists", CaseState.PASSED),
        ("totals", CaseState.FAILED),
        ("connects", CaseState.BROKEN),
        ("later", CaseState.SKIPPED),
    ]
    assert suite.cases[0].seconds == 0.25
    assert (suite.cases[1].message, suite.cases[1].text) == ("1 is not 2", "assert 1 == 2\n  at line 7")
    told = counts([suite, suite])
    assert (told.tests, told.failures, told.errors, told.skipped) == (8, 2, 2, 2)
    assert told.failing == ["totals", "connects", "totals", "connects"]


def test_failures_that_only_the_suite_tells_of_count() -> None:
    suite = read_suite("a", b'<testsuite tests="1" failures="2"><testcase name="a"/></testsuite>')
    assert (suite.tests, suite.failures) == (2, 2)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "is not XML"),
        (b"<testsuite>", "is not XML"),
        (b"exit code 1", "is not XML"),
        (b"<html><body/></html>", "its root is <html>"),
        (b'<!DOCTYPE t [<!ENTITY a "b"><!ENTITY c "&a;&a;">]><testsuite>&c;</testsuite>', "document type"),
        (b'<!DOCTYPE t [<!ENTITY x SYSTEM "file:///etc/passwd">]><testsuite name="&x;"/>', "document type"),
        (b'<!DOCTYPE t SYSTEM "http://example.org/t.dtd"><testsuite/>', "document type"),
        (b"<testsuite>" + b"<testsuite>" * 60 + b"</testsuite>" * 61, "nested too deeply"),
        (b"<testsuite>&undefined;</testsuite>", "is not XML"),
    ],
)
def test_what_is_none_or_is_dangerous_is_refused(content: bytes, why: str) -> None:
    with pytest.raises(UnreadableCases, match=why):
        read_suite("junit.xml", content)


def test_very_many_cases_are_counted_and_failing_ones_kept() -> None:
    cases = b'<testcase name="a"/>' * (CASES + 10) + b'<testcase name="z"><failure/></testcase>'
    suite = read_suite("a", b"<testsuite>" + cases + b"</testsuite>")
    assert suite.tests == CASES + 11
    assert suite.cases[-1].name == "z"
    assert counts([suite]).failing == ["z"]


@given(st.binary(max_size=300))
def test_no_bytes_do_more_than_be_refused(content: bytes) -> None:
    for text in (content, b"<testsuite>" + content + b"</testsuite>"):
        try:
            suite = read_suite("a", text)
        except UnreadableCases:
            continue
        assert suite.tests >= len(suite.cases)
