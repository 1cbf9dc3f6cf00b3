"""The course of a load in a report: for a terminal, for a browser, and after a restart of the operator."""

import re
import xml.etree.ElementTree as ET
from typing import Any

from seatrial.api.timeline import Timeline, UsePoint, Window
from seatrial.report.chart import chart
from seatrial.report.compose import Evidence, composed, merged
from seatrial.report.course import Series, rows, series
from seatrial.report.html import html
from seatrial.report.model import Report, read_report
from seatrial.report.size import fitted
from seatrial.report.text import text
from tests.report.conftest import Run


def windows(*rates: int, **more: Any) -> tuple[Window, ...]:
    fields = {"p50": 2.0, "p95": 4.0, "p99": 12.3, "in_flight": 3} | more
    return tuple(Window(at=second, seconds=1, requests=rate, **fields) for second, rate in enumerate(rates, start=1))


def report(run: Run, courses: dict[str, tuple[Window, ...]], **more: Any) -> Report:
    status = run.load_test(verdict="Passed", result=run.load(**more))
    return composed("LoadTest", "shop", "peak", "u", status, Evidence(courses=courses))


def test_a_terminal_shows_the_course_of_each_quantity_and_its_range(run: Run) -> None:
    said = [str(line) for line in text(report(run, {"load": windows(100, 50, 400)}))]
    start = said.index("load over time, to 3 s")
    assert [entry.split() for entry in said[start + 1 : start + 6]] == [
        ["rate", "▃▂█", "50", "to", "400", "/s"],
        ["p50", "███", "2", "ms"],
        ["p95", "███", "4", "ms"],
        ["p99", "███", "12.3", "ms"],
        ["in", "flight", "███", "3"],
    ]


def test_many_windows_share_columns_and_the_worst_of_them_shows() -> None:
    found = {name: course for name, course, _ in rows(Timeline(windows=windows(*[10] * 239, 1000)))}
    assert len(found["rate"]) == 60
    assert found["rate"].endswith("▁█")


def test_a_browser_shows_charts_and_every_window(run: Run) -> None:
    page = html([report(run, {"load": windows(1000, 5, errors=7)})])
    assert "<svg" in page
    assert page.count("<polyline") == 6
    assert "<summary>2 windows</summary>" in page
    assert '<td class="number">1,000</td>' in page


def test_a_chart_stays_within_its_frame() -> None:
    group = [Series("x<y", "ms", ((1.0, 5.0), (2.0, 0.0))), Series("z", "ms", ((2.0, 9.0),))]
    drawn = ET.fromstring(chart("A & B", group))  # noqa: S314 - our own
    points = [point for line in drawn.iter("polyline") for point in (line.get("points") or "").split()]
    _, _, width, height = map(float, (drawn.get("viewBox") or "").split())
    for point in points:
        x, y = map(float, point.split(","))
        assert 0 <= x <= width
        assert 0 <= y <= height
    assert chart("nothing", [Series("x", "", ())]) == ""


def test_windows_without_latency_are_gaps() -> None:
    timeline = Timeline(windows=(*windows(5), Window(at=2, seconds=1, requests=3, errors=3)))
    latency = series(timeline)[1][1][0]
    assert latency.points == ((1, 2.0),)


def test_a_report_keeps_them_through_json(run: Run) -> None:
    whole = report(run, {"load": windows(1, 2)})
    assert read_report(whole.to_json()).timelines[0].windows == windows(1, 2)
    assert re.search(r'"inFlight": 3', whole.to_json())


def test_what_no_line_tells_any_more_is_one_window_with_the_counts_of_the_status(run: Run) -> None:
    [timeline] = report(run, {}).timelines
    assert [(one.at, one.requests, one.errors) for one in timeline.windows] == [(120, 60000, 12)]


def test_after_a_restart_the_finer_course_of_two_reports_stays(run: Run) -> None:
    fine, coarse = report(run, {"load": windows(1, 2, 3)}), report(run, {})
    assert merged(fine, coarse).timelines == fine.timelines
    assert merged(coarse, fine).timelines == fine.timelines


def test_steps_name_their_attempt(run: Run) -> None:
    status = run.scenario(steps=[run.step("peak", "Succeeded", load=run.load())])
    whole = composed(
        "TestScenario", "shop", "x", "u", status, Evidence(courses={"peak": windows(1), "peak-a2": windows(2)})
    )
    assert [one.step for one in whole.timelines] == ["peak", "peak-a2"]
    assert "Load peak-a2 over time" in html([whole])


def test_they_go_last_when_a_report_is_too_big(run: Run) -> None:
    whole = report(run, {"load": windows(*range(240))})
    short = fitted(whole, 9000)
    assert (short.timelines, short.truncated) == ([], ["timelines of loads"])


BASELINE: dict[str, Any] = {
    "run": "2",
    "windows": 30,
    "metrics": [
        {"metric": "latency.p50", "state": "Failed", "before": "10ms", "after": "15ms", "changePercent": 50.1},
        {
            "metric": "latency.p95",
            "state": "Passed",
            "before": "1s",
            "after": "1s",
            "changePercent": 0.1,
            "leastPercent": -2,
        },
    ],
}


def test_a_comparison_shows_both_values(run: Run) -> None:
    status = run.load_test(verdict="Failed", reason="Regressed", result=run.load(), baseline=BASELINE)
    whole = composed("LoadTest", "shop", "peak", "u", status)
    said = [str(line) for line in text(whole)]
    start = said.index("compared with run 2")
    assert said[start + 1].split() == ["Failed", "latency.p50", "15ms,", "was", "10ms", "+50.1", "%"]
    assert said[start + 2].endswith("+0.1 %, at least -2 %")
    page = html([whole])
    assert "Compared with run 2" in page
    assert "+0.1 %, at least -2 %" in page
    assert read_report(whole.to_json()).baseline == status.baseline


def test_a_run_that_was_compared_with_none_says_so(run: Run) -> None:
    status = run.load_test(verdict="Passed", result=run.load(), baseline={"message": "no earlier run"})
    whole = composed("LoadTest", "shop", "peak", "u", status)
    said = [str(line) for line in text(whole)]
    assert said[said.index("compared with none") + 1] == "  no earlier run"
    assert "<p>no earlier run</p>" in html([whole])


def test_use_of_observed_pods_stands_beside_the_latency(run: Run) -> None:
    use = tuple(UsePoint(name=name, at=at, cpu=0.25, memory=2**26) for at in (1, 2) for name in ("target", "db"))
    resources = [
        {"name": "target", "pods": 2, "samples": 4, "cpuMax": 0.25, "cpuMean": 0.2, "memoryMax": 2**26, "restarts": 1},
        {"name": "db", "message": "no metrics API"},
    ]
    result = run.load(resourceUse=resources)
    evidence = Evidence(courses={"load": windows(1, 2)}, uses={"load": use})
    whole = composed("LoadTest", "shop", "peak", "u", run.load_test(verdict="Passed", result=result), evidence)
    said = [" ".join(str(line).split()) for line in text(whole)]
    assert "target CPU 0.25 of a core at most, 0.2 in the mean, memory 64 MiB at most, 1 restarts" in said
    assert "db no metrics API" in said
    assert "target memory ██ 64 MiB" in said
    page = html([whole])
    assert "Memory of the largest pod" in page
    assert "memory 64 MiB at most" in page
    assert read_report(whole.to_json()).timelines[0].use == use
