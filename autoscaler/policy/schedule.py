"""Which windows of a role's schedule are in force at a moment, until when, and what comes next.

Pure: the moment and the time zone are arguments.

When clocks are changed, each start and end still happens once, and in the order of the clock's
hands. Of an hour that comes twice only the first counts. In an hour that is skipped, everything
happens at the moment of the jump; a start and an end may then fall on the same moment, so which of
them came last is decided by the hands of the clock, not by the moments.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo

from autoscaler.windows import Bounds, Window, bounds_of

_SECOND = timedelta(seconds=1)
_MOST_BOUNDARIES = 8
"""A forecast looks past so many starts and ends after which the same is in force as before.

A window that begins again at the moment of its end has such ones, for ever.
"""


@dataclass(frozen=True, slots=True)
class Phase:
    """What is in force between two changes: the windows by name, and what they make together."""

    windows: tuple[str, ...]
    bounds: Bounds


@dataclass(frozen=True, slots=True)
class Forecast:
    """The phase at a moment, when it ends and what follows; both None if no change is in sight.

    It holds from `since`, the moment asked for, until before `good_until` (None: for ever), both in
    UTC; `until` is in the schedule's time zone.
    """

    now: Phase
    since: datetime
    until: datetime | None
    following: Phase | None
    good_until: datetime | None

    def holds_at(self, moment: datetime) -> bool:
        """Tell whether it need not be made anew. A clock that was set back makes it void.

        In UTC, because Python compares two times of one zone by the hands of the clock.
        """
        moment = moment.astimezone(UTC)
        return self.since <= moment and (self.good_until is None or moment < self.good_until)


@dataclass(frozen=True, slots=True)
class Timetable:
    """A role's windows, its bounds outside of them, and the time zone they are written in."""

    windows: tuple[Window, ...]
    own: Bounds
    zone: tzinfo

    def phase(self, moment: datetime) -> Phase:
        """Return what is in force at an aware moment."""
        inside = [window for window in self.windows if in_force(window, moment, self.zone)]
        return Phase(tuple(window.name for window in inside), overlap(inside, self.own))

    def forecast(self, moment: datetime) -> Forecast:
        """Return what is in force at an aware moment and what comes next."""
        moment = moment.astimezone(UTC)
        now = self.phase(moment)
        at = moment
        for _ in range(_MOST_BOUNDARIES):
            boundary = self._next_boundary(at)
            if boundary is None:
                return Forecast(now, moment, None, None, None)
            at = boundary
            following = self.phase(at)
            if following != now:
                until = at.astimezone(self.zone)
                return Forecast(now, moment, until, following, at)
        return Forecast(now, moment, None, None, at)

    def _next_boundary(self, moment: datetime) -> datetime | None:
        """Return the next end of a window in force or start of another."""
        changes = (change_of(window, moment, self.zone) for window in self.windows)
        return min((at for at in changes if at is not None), default=None)


def phase_words(windows: Sequence[str], minimum: int, maximum: int) -> str:
    """Return a phase for people: its windows, and the bounds that they make."""
    return f"{', '.join(windows) or 'no window'} ({minimum} to {maximum})"


def moment_words(moment: datetime, now: datetime) -> str:
    """Return a moment by the hands of its own time zone, with the day unless that is `now`'s."""
    if moment.date() == now.astimezone(moment.tzinfo).date():
        return f"{moment:%H:%M}"
    return f"{moment:%H:%M on %A, %-d %B}"


def overlap(inside: Sequence[Window], own: Bounds) -> Bounds:
    """Return the bounds while these windows are in force: the highest of each, so capacity wins.

    The role's own bounds count only outside of all windows, and where a window leaves one out.
    """
    if not inside:
        return own
    each = [bounds_of(window, own) for window in inside]
    return Bounds(max(b.minimum for b in each), max(b.maximum for b in each))


def attainable(bounds: Bounds, own: Bounds, containers: int) -> Bounds:
    """Return the bounds with a minimum that the `containers` of the role can fill.

    More would only be asked for in vain. One that is missing may be in the middle of being made
    anew, so the role's own minimum stays.
    """
    return Bounds(min(bounds.minimum, max(containers, own.minimum), bounds.maximum), bounds.maximum)


def in_force(window: Window, moment: datetime, zone: tzinfo) -> bool:
    """Tell whether a window is in force: no end of it came after its last start.

    An end at the time of a start ends what was before it, so the window goes on.
    """
    reached = _reached(moment, zone)
    began = window.start.last_until(reached)
    if began is None:
        return False
    ended = window.end.last_until(reached)
    return ended is None or ended <= began


def change_of(window: Window, moment: datetime, zone: tzinfo) -> datetime | None:
    """Return when a window in force ends or another one starts, after an aware moment, in UTC."""
    times = window.end if in_force(window, moment, zone) else window.start
    local = times.next_after(_reached(moment, zone))
    return None if local is None else instant(local, zone)


def instant(local: datetime, zone: tzinfo) -> datetime:
    """Return the one moment, in UTC, of a naive wall-clock time.

    Of a time that comes twice it is the first; for one that is left out it is the jump.
    """
    first = local.replace(tzinfo=zone, fold=0).astimezone(UTC)
    if first.astimezone(zone).replace(tzinfo=None, fold=0) == local:
        return first
    return _jump(local.replace(tzinfo=zone, fold=1).astimezone(UTC), first, zone)


def _reached(moment: datetime, zone: tzinfo) -> datetime:
    """Return the last wall-clock time that has happened by a moment.

    While an hour comes a second time, that is the end of the first time.
    """
    shown = moment.astimezone(zone)
    if not shown.fold:
        return shown.replace(tzinfo=None)
    before, after = shown.replace(fold=0).utcoffset(), shown.utcoffset()
    assert before is not None  # noqa: S101 - an aware time has an offset
    assert after is not None  # noqa: S101
    now = moment.astimezone(UTC).replace(microsecond=0)
    jump = _jump(now - (before - after), now, zone)
    return (jump + before - _SECOND).replace(tzinfo=None)


def _jump(early: datetime, late: datetime, zone: tzinfo) -> datetime:
    """Return the first second of the offset that is in use at `late` but not at `early`."""
    offset = late.astimezone(zone).utcoffset()
    while late - early > _SECOND:
        middle = early + (late - early) // _SECOND // 2 * _SECOND
        if middle.astimezone(zone).utcoffset() == offset:
            late = middle
        else:
            early = middle
    return late
