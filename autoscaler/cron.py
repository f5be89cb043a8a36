"""Cron times: five fields, read and followed by APScheduler's CronTrigger on the hands of a clock.

Times here are naive wall-clock times. What they mean in a time zone, where an hour is left out or
comes twice, is decided by whoever uses them. Weekdays are names: APScheduler counts 0 as Monday
and cron as Sunday, so a number would mean another day to one of the readers.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from apscheduler.triggers.cron import CronTrigger

FIELDS = ("minute", "hour", "day", "month", "day_of_week")
_YEARS = "1970-2199"
"""Without an end APScheduler looks for the 30th of February until the year 9999."""

_WEEKDAYS = re.compile(r"\*|[a-z]{3}(-[a-z]{3})?(,[a-z]{3}(-[a-z]{3})?)*")
_MINUTE = timedelta(minutes=1)
_LOOK_BACK = tuple(timedelta(days=days) for days in (1, 8, 32, 367, 9 * 366))
"""How far back a time is looked for; 29 February can be eight years away."""


@dataclass(frozen=True, slots=True)
class Cron:
    """When something happens, as five cron fields; made by `read_cron`."""

    text: str
    _trigger: CronTrigger = field(repr=False, compare=False)

    def __str__(self) -> str:
        """Return the five fields."""
        return self.text

    def next_after(self, local: datetime) -> datetime | None:
        """Return the first time after a naive wall-clock time, None if there is none."""
        start = local.replace(tzinfo=UTC, fold=0) + timedelta(microseconds=1)
        found: datetime | None = self._trigger.get_next_fire_time(None, start)
        return None if found is None else found.replace(tzinfo=None)

    def last_until(self, local: datetime) -> datetime | None:
        """Return the last time at or before a naive wall-clock time, None without one in 9 years.

        APScheduler only looks forward, so the last moment from which something is still to come
        until `local` is found by halving.
        """
        until = local.replace(second=0, microsecond=0, fold=0)
        for back in _LOOK_BACK:
            early = self.next_after(until - back)
            if early is not None and early <= until:
                break
        else:
            return None
        found, late = early, until
        while found < late:
            middle = found + (late - found) // _MINUTE // 2 * _MINUTE
            later = self.next_after(middle)
            if later is not None and later <= until:
                found = later
            else:
                late = middle
        return found


def read_cron(text: str) -> Cron:
    """Return what five cron fields mean. Raises ValueError with what is wrong."""
    parts = text.lower().split()
    shown = " ".join(parts)
    if len(parts) != len(FIELDS):
        raise ValueError(
            f"{shown!r} has {len(parts)} fields instead of 5: minute hour day month weekday"
        )
    if not _WEEKDAYS.fullmatch(parts[-1]):
        raise ValueError(
            f"{shown!r}: write the weekday as * or by name, such as mon-fri or sat,sun; numbers "
            "mean other days elsewhere"
        )
    for name, part in zip(FIELDS, parts, strict=True):
        try:
            CronTrigger(timezone=UTC, **{name: part})
        except ValueError as error:
            said = str(error).partition(": ")[2] or str(error)
            raise ValueError(
                f"{shown!r}: {part!r} is no {name.replace('day_of_week', 'weekday')}: {said}"
            ) from None
    trigger = CronTrigger(timezone=UTC, year=_YEARS, **dict(zip(FIELDS, parts, strict=True)))
    cron = Cron(shown, trigger)
    if cron.next_after(datetime(2000, 1, 1)) is None:  # noqa: DTZ001 - a naive wall-clock time
        raise ValueError(f"{shown!r} never comes")
    return cron
