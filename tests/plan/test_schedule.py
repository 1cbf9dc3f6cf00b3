"""Schedules: which time starts a run, which are missed, and never more than one at once."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.api.control import Schedule
from seatrial.api.cron import Cron, CronError
from seatrial.api.status import ScheduleStatus
from seatrial.plan.schedule import Timetable, keep_time

START = datetime(2026, 3, 28, 12, 0, 30, tzinfo=UTC)


def schedule(cron: str = "*/10 * * * *", **more: Any) -> Schedule:
    return Schedule.model_validate({"cron": cron, **more})


def known(first: str, **more: Any) -> ScheduleStatus:
    return ScheduleStatus(cron="*/10 * * * * UTC", next=first, **more)


def keep(before: ScheduleStatus | None, minutes: float, taken: str = "", **spec: Any) -> Timetable:
    return keep_time(schedule(**spec), before, START + timedelta(minutes=minutes), taken=taken)


def test_a_new_schedule_starts_nothing_before_its_first_time() -> None:
    table = keep(None, 0)
    assert table == Timetable(known("2026-03-28T12:10:00+00:00".replace("+00:00", "Z")))
    assert keep(table.status, 5) == table


def test_a_time_that_has_come_starts_a_run_once() -> None:
    table = keep(known("2026-03-28T12:10:00Z"), 10)
    assert table.due == datetime(2026, 3, 28, 12, 10, tzinfo=UTC)
    assert table.status == known("2026-03-28T12:20:00Z", last="2026-03-28T12:10:00Z")
    assert keep(table.status, 10) == Timetable(table.status)


def test_a_time_at_which_nothing_can_start_is_missed_and_said() -> None:
    table = keep(known("2026-03-28T12:10:00Z"), 10, taken="run 3 was under way")
    assert table.due is None
    assert table.status is not None
    assert (table.status.missed, table.status.next) == (1, "2026-03-28T12:20:00Z")
    assert table.status.reason == "2026-03-28T12:10:30Z: run 3 was under way"


def test_of_many_that_have_passed_only_the_last_starts() -> None:
    table = keep(known("2026-03-28T12:10:00Z"), 43)
    assert table.due == datetime(2026, 3, 28, 12, 40, tzinfo=UTC)
    assert table.status is not None
    assert (table.status.missed, table.status.last, table.status.next) == (
        3,
        "2026-03-28T12:40:00Z",
        "2026-03-28T12:50:00Z",
    )


def test_beyond_the_deadline_nothing_starts() -> None:
    table = keep(known("2026-03-28T12:10:00Z"), 46)
    assert table.due is None
    assert table.status is not None
    assert (table.status.missed, table.status.next) == (4, "2026-03-28T12:50:00Z")
    assert keep(known("2026-03-28T12:10:00Z"), 46, startingDeadline="7m").due is not None


def test_years_of_absence_cost_little() -> None:
    long = keep_time(
        schedule("* * * * *"), ScheduleStatus(cron="* * * * * UTC", next="2020-01-01T00:00:00Z"), START, taken=""
    )
    assert long.due == START.replace(second=0)
    assert long.status is not None
    assert long.status.missed == 1000


def test_an_edited_schedule_forgets_the_old_times() -> None:
    table = keep(known("2026-03-28T12:10:00Z", missed=2), 30, cron="0 * * * *")
    assert table.due is None
    assert table.status == ScheduleStatus(cron="0 * * * * UTC", next="2026-03-28T13:00:00Z", missed=2)


def test_without_a_schedule_there_are_no_times() -> None:
    assert keep_time(None, known("2026-03-28T12:10:00Z"), START, taken="") == Timetable()


def test_times_are_those_of_the_zone_also_when_clocks_change() -> None:
    berlin = Cron("30 6 * * *", "Europe/Berlin").after(START)
    assert [next(berlin).isoformat() for _ in range(2)] == ["2026-03-29T04:30:00+00:00", "2026-03-30T04:30:00+00:00"]
    # Clocks go from 2 to 3: what is skipped is run at once after.
    skipped = next(Cron("30 2 * * *", "Europe/Berlin").after(START))
    assert skipped == datetime(2026, 3, 29, 1, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("cron", "zone", "said"),
    [
        ("61 * * * *", "UTC", "Bad minute"),
        ("* * * *", "UTC", "Wrong number"),
        ("0 0 30 2 *", "UTC", "Bad day"),
        ("* * * * *", "Mars/Olympus", "IANA"),
        ("* * * * *", "Europe", "IANA"),
        ("* * * * *", "../etc/passwd", "IANA"),
    ],
)
def test_what_is_no_schedule_says_what_to_do(cron: str, zone: str, said: str) -> None:
    with pytest.raises(CronError, match=said):
        Cron(cron, zone)


@given(
    st.sampled_from(["* * * * *", "*/7 3-5 * * *", "0 0 1 * *", "15 2 * * 7", "0 12 L * *"]),
    st.sampled_from(["UTC", "Europe/Berlin", "America/St_Johns", "Australia/Lord_Howe"]),
    st.integers(0, 3 * 365 * 24 * 60),
    st.lists(st.integers(0, 20_000), max_size=12),
    st.booleans(),
)
def test_each_time_starts_at_most_one_run_and_none_is_forgotten(
    cron: str, zone: str, minutes: int, pauses: list[int], busy: bool
) -> None:
    wanted = schedule(cron, timeZone=zone, startingDeadline="1h")
    now = START + timedelta(minutes=minutes)
    first = keep_time(wanted, None, now, taken="").status
    assert first is not None
    status: ScheduleStatus | None = first
    began, due = now, []
    for pause in pauses:
        now += timedelta(minutes=pause)
        table = keep_time(wanted, status, now, taken="busy" if busy else "")
        assert keep_time(wanted, table.status, now, taken="") == Timetable(table.status)
        status = table.status
        due += [table.due] if table.due else []
    assert status is not None
    assert due == sorted(set(due))
    assert not (busy and due)
    times = sum(1 for _ in _until(Cron(cron, zone), began, now))
    # Within the hour in which clocks are put back, what a time is depends on where one counts from.
    assert zone != "UTC" or times >= MANY or status.missed + len(due) == times


#: More times than this are not counted: it takes long, and says no more.
MANY = 300


def _until(cron: Cron, start: datetime, end: datetime) -> Any:
    for number, time in enumerate(cron.after(start)):
        if time > end or number > MANY:
            return
        yield time
