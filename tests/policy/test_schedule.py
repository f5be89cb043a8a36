"""Windows of a schedule on the hands of real time zones: nights, month ends, changed clocks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from autoscaler.policy.schedule import Timetable, instant
from autoscaler.settings.schedule import schedule
from autoscaler.windows import Bounds

BERLIN, NEW_YORK = ZoneInfo("Europe/Berlin"), ZoneInfo("America/New_York")
OWN = Bounds(1, 3)


def table(windows: str, zone: ZoneInfo = BERLIN) -> Timetable:
    """Return the timetable of windows as they are written in the env file."""
    return Timetable(schedule().read(windows), OWN, zone)


def at(text: str) -> datetime:
    """Return a moment from text with its offset."""
    return datetime.fromisoformat(text)


def spans(timetable: Timetable, start: str, days: float) -> list[tuple[str, str, str]]:
    """Return each phase with windows within some days: their names, from when, until when (UTC)."""
    moment, found = at(start).astimezone(UTC), []
    end = moment + timedelta(days=days)
    while moment < end:
        forecast = timetable.forecast(moment)
        if forecast.until is None:
            break
        until = forecast.until.astimezone(UTC)
        if forecast.now.windows:
            shown = (f"{moment:%d %H:%M}", f"{until:%d %H:%M}")
            found.append((",".join(forecast.now.windows), *shown))
        moment = until
    return found


WORKDAYS = "workdays: 0 8 * * mon-fri -> 0 18 * * mon-fri min=2"


@pytest.mark.parametrize(
    ("moment", "windows"),
    [
        ("2026-11-25T07:59:59+01:00", ()),
        ("2026-11-25T08:00:00+01:00", ("workdays",)),
        ("2026-11-25T17:59:59.999+01:00", ("workdays",)),
        ("2026-11-25T18:00:00+01:00", ()),
        ("2026-11-28T12:00:00+01:00", ()),
        ("2026-11-25T07:00:00+00:00", ("workdays",)),
    ],
)
def test_a_window_holds_from_its_start_until_just_before_its_end(
    moment: str, windows: tuple[str, ...]
) -> None:
    """8 to 18 on weekdays in Berlin, however the moment is written; not on a Saturday."""
    assert table(WORKDAYS).phase(at(moment)).windows == windows


def test_a_window_stands_in_the_place_of_the_roles_bounds() -> None:
    """A bound that it leaves out stays the role's."""
    noon = at("2026-11-25T12:00:00+01:00")
    assert table(WORKDAYS).phase(noon).bounds == Bounds(2, 3)
    assert table(WORKDAYS.replace("min=2", "max=1")).phase(noon).bounds == Bounds(1, 1)
    assert table(WORKDAYS).phase(at("2026-11-25T20:00:00+01:00")).bounds == OWN


def test_the_forecast_tells_until_when_and_what_comes_next() -> None:
    """On Friday evening the next change is Monday morning."""
    forecast = table(WORKDAYS).forecast(at("2026-11-27T19:00:00+01:00"))
    assert forecast.now.windows == ()
    assert forecast.until == at("2026-11-30T08:00:00+01:00")
    assert forecast.following is not None
    assert (forecast.following.windows, forecast.following.bounds) == (("workdays",), Bounds(2, 3))


def test_the_time_is_told_in_the_schedules_zone() -> None:
    """Asked in UTC it answers with Berlin's offset."""
    forecast = table(WORKDAYS).forecast(at("2026-11-27T09:00:00+00:00"))
    assert forecast.until is not None
    assert forecast.until.isoformat() == "2026-11-27T18:00:00+01:00"


# Overlaps.


@pytest.mark.parametrize(
    ("windows", "bounds"),
    [
        ("a: 0 8 * * * -> 0 18 * * * min=2 max=2; b: 0 10 * * * -> 0 20 * * * max=5", Bounds(2, 5)),
        ("a: 0 8 * * * -> 0 18 * * * max=1; b: 0 10 * * * -> 0 20 * * * min=2", Bounds(2, 3)),
        ("a: 0 8 * * * -> 0 18 * * * max=1; b: 0 10 * * * -> 0 20 * * * max=2", Bounds(1, 2)),
    ],
)
def test_where_windows_overlap_the_highest_of_each_bound_counts(
    windows: str, bounds: Bounds
) -> None:
    """Capacity wins, in whatever order they are written."""
    noon = at("2026-11-25T12:00:00+01:00")
    assert table(windows).phase(noon).bounds == bounds
    assert table("; ".join(reversed(windows.split("; ")))).phase(noon).bounds == bounds


def test_each_change_of_overlapping_windows_is_a_change() -> None:
    """First one, then both, then the other."""
    both = table("a: 0 8 * * * -> 0 12 * * * min=2; b: 0 10 * * * -> 0 14 * * * min=3", NEW_YORK)
    assert spans(both, "2026-07-01T00:00:00-04:00", 0.9) == [
        ("a", "01 12:00", "01 14:00"),
        ("a,b", "01 14:00", "01 16:00"),
        ("b", "01 16:00", "01 18:00"),
    ]


# Nights, months, odd starts and ends.


def test_a_window_may_last_over_midnight() -> None:
    """From Friday 22:00 to Saturday 6:00, and it is the same window before and after midnight."""
    night = table("night: 0 22 * * fri -> 0 6 * * sat max=1")
    assert spans(night, "2026-11-23T00:00:00+01:00", 7) == [("night", "27 21:00", "28 05:00")]


def test_a_window_may_last_over_many_days() -> None:
    """From Friday evening to Monday morning, and over the turn of the year."""
    weekend = table("weekend: 0 18 * * fri -> 0 8 * * mon max=1")
    assert spans(weekend, "2026-11-23T12:00:00+01:00", 7) == [("weekend", "27 17:00", "30 07:00")]
    year = table("holidays: 0 0 24 dec * -> 0 0 2 jan * max=1")
    assert year.phase(at("2027-01-01T23:59:59+01:00")).windows == ("holidays",)
    assert year.phase(at("2027-01-02T00:00:00+01:00")).windows == ()
    assert year.phase(at("2026-12-23T23:59:59+01:00")).windows == ()


@pytest.mark.parametrize(
    ("month", "begin"),
    [
        ("2026-02-25T00:00:00+01:00", "28 11:00"),
        ("2028-02-25T00:00:00+01:00", "29 11:00"),
        ("2026-04-25T00:00:00+02:00", "30 10:00"),
        ("2026-01-27T00:00:00+01:00", "31 11:00"),
    ],
)
def test_the_last_day_of_a_month_is_found(month: str, begin: str) -> None:
    """A run at the end of each month lasts into the next, with leap years."""
    closing = table("closing: 0 12 last * * -> 0 6 1 * * min=3")
    ((name, start, _end),) = spans(closing, month, 6)
    assert (name, start) == ("closing", begin)


def test_a_day_that_a_month_lacks_is_no_start() -> None:
    """The 31st comes every other month."""
    odd = table("odd: 0 0 31 * * -> 0 1 31 * * min=2")
    starts = [start for _, start, _ in spans(odd, "2026-03-01T00:00:00+01:00", 100)]
    assert starts == ["30 22:00", "30 22:00"]


def test_a_start_within_the_window_changes_nothing() -> None:
    """Started every day and ended on Fridays, it lasts from Saturday to Friday."""
    week = table("week: 0 8 * * * -> 0 18 * * fri min=2")
    assert spans(week, "2026-11-20T19:00:00+01:00", 7) == [("week", "21 07:00", "27 17:00")]


def test_an_end_at_the_time_of_a_start_does_not_interrupt() -> None:
    """Hour upon hour is one window; of two windows the second follows the first at once."""
    forecast = table("always: 0 0 * * * -> 0 0 * * * min=2").forecast(at("2026-11-25T12:00+01:00"))
    assert (forecast.now.windows, forecast.until) == (("always",), None)
    shifts = table("early: 0 6 * * * -> 0 14 * * * min=2; late: 0 14 * * * -> 0 22 * * * min=2")
    assert spans(shifts, "2026-11-25T00:00:00+01:00", 1) == [
        ("early", "25 05:00", "25 13:00"),
        ("late", "25 13:00", "25 21:00"),
    ]


def test_a_forecast_holds_until_the_change_and_not_before_it_was_made() -> None:
    """A clock that is set back makes it void, as does the change itself."""
    forecast = table(WORKDAYS).forecast(at("2026-11-25T12:00:00+01:00"))
    assert forecast.holds_at(at("2026-11-25T17:59:59+01:00"))
    assert not forecast.holds_at(at("2026-11-25T18:00:00+01:00"))
    assert not forecast.holds_at(at("2026-11-25T11:59:59+01:00"))


# Clocks are changed: Berlin on 29 March and 25 October 2026, New York on 8 March and 1 November.

SPRING, AUTUMN = "2026-03-29T00:00:00+01:00", "2026-10-25T00:00:00+02:00"
SPRING_US, AUTUMN_US = "2026-03-08T00:00:00-05:00", "2026-11-01T00:00:00-04:00"


@pytest.mark.parametrize(
    ("start", "end", "zone", "day", "expected"),
    [
        # In spring 2:00 to 3:00 does not exist in Berlin; the jump is at 1:00 UTC.
        ("30 2", "0 8", BERLIN, SPRING, ("29 01:00", "29 06:00")),
        ("0 1", "30 2", BERLIN, SPRING, ("29 00:00", "29 01:00")),
        ("0 22", "0 6", BERLIN, "2026-03-28T12:00:00+01:00", ("28 21:00", "29 04:00")),
        ("0 0", "0 12", BERLIN, SPRING, ("28 23:00", "29 10:00")),
        ("0 3", "0 4", BERLIN, SPRING, ("29 01:00", "29 02:00")),
        # In autumn 2:00 to 3:00 comes twice; the first ends at 1:00 UTC.
        ("30 2", "0 8", BERLIN, AUTUMN, ("25 00:30", "25 07:00")),
        ("0 1", "30 2", BERLIN, AUTUMN, ("24 23:00", "25 00:30")),
        ("0 2", "30 2", BERLIN, AUTUMN, ("25 00:00", "25 00:30")),
        ("15 2", "0 3", BERLIN, AUTUMN, ("25 00:15", "25 02:00")),
        ("0 22", "0 6", BERLIN, "2026-10-24T12:00:00+02:00", ("24 20:00", "25 05:00")),
        # The same in New York: the jumps are at 7:00 and 6:00 UTC.
        ("30 2", "0 8", NEW_YORK, SPRING_US, ("08 07:00", "08 12:00")),
        ("0 1", "30 2", NEW_YORK, SPRING_US, ("08 06:00", "08 07:00")),
        ("30 1", "0 8", NEW_YORK, AUTUMN_US, ("01 05:30", "01 13:00")),
        ("0 0", "30 1", NEW_YORK, AUTUMN_US, ("01 04:00", "01 05:30")),
    ],
)
def test_a_window_begins_and_ends_once_where_clocks_are_changed(
    start: str, end: str, zone: ZoneInfo, day: str, expected: tuple[str, str]
) -> None:
    """A time that is left out happens at the jump, one that comes twice at its first time."""
    one = table(f"one: {start} * * * -> {end} * * * min=2", zone)
    assert spans(one, day, 0.9) == [("one", *expected)]


def test_a_window_within_the_hour_that_is_left_out_does_not_come_that_day() -> None:
    """And it does not last until its end on the day after."""
    short = table("short: 15 2 * * * -> 45 2 * * * min=2")
    assert spans(short, "2026-03-28T00:00:00+01:00", 2.9) == [
        ("short", "28 01:15", "28 01:45"),
        ("short", "30 00:15", "30 00:45"),
    ]


@pytest.mark.parametrize(
    ("zone", "day"),
    [
        (BERLIN, "2026-03-28T12:00:00+00:00"),
        (BERLIN, "2026-10-24T12:00:00+00:00"),
        (NEW_YORK, "2026-03-07T18:00:00+00:00"),
        (NEW_YORK, "2026-10-31T18:00:00+00:00"),
        (ZoneInfo("Australia/Lord_Howe"), "2026-04-04T03:00:00+00:00"),
        (ZoneInfo("Australia/Lord_Howe"), "2026-10-03T03:00:00+00:00"),
    ],
)
def test_asking_at_every_moment_agrees_with_the_forecast(zone: ZoneInfo, day: str) -> None:
    """Around each change of the clocks, half an hour on Lord Howe: nothing flickers or is lost."""
    windows = "a: 30 1 * * * -> 15 2 * * * min=2; b: 45 2 * * sun -> 0 1 * * mon min=3"
    timetable, moment = table(windows, zone), at(day)
    forecast = timetable.forecast(moment)
    for _ in range(30 * 4):
        moment += timedelta(minutes=15)
        if not forecast.holds_at(moment):
            assert forecast.until is not None
            assert forecast.until.astimezone(UTC) == moment
            forecast = timetable.forecast(moment)
        assert timetable.phase(moment) == forecast.now


def test_a_day_that_a_country_left_out_is_jumped_over() -> None:
    """Samoa had no 30 December 2011: a time on it is the first moment of the 31st."""
    samoa = ZoneInfo("Pacific/Apia")
    found = instant(datetime(2011, 12, 30, 8), samoa)  # noqa: DTZ001 - a wall-clock time
    assert found.astimezone(samoa).isoformat() == "2011-12-31T00:00:00+14:00"
