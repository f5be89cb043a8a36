"""Keeps a role's bounds as its schedule has them at this time of day, and tells of it.

What is in force follows from the settings and the time of day alone, so a restart or a step of
the clock needs nothing: the next round of readings sees other bounds.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

from autoscaler.daemon.journal import Journal
from autoscaler.daemon.state import RoleState
from autoscaler.policy.schedule import (
    Forecast,
    Phase,
    Timetable,
    attainable,
    change_of,
    moment_words,
    phase_words,
)
from autoscaler.settings import RoleSettings, Settings
from autoscaler.windows import Bounds


def timetable(role: RoleSettings, settings: Settings) -> Timetable:
    """Return when which bounds of a role are in force."""
    return Timetable(role.schedule, role.bounds, settings.zone())


def follow(role: RoleState, settings: Settings, moment: datetime) -> None:
    """Give a role's rules the bounds in force at an aware moment.

    The maximum is limited to the role's containers where the rules are asked.
    """
    own = role.settings.bounds
    if not role.settings.schedule:
        role.forecast = None
        bounds = own
    else:
        if role.forecast is None or not role.forecast.holds_at(moment):
            role.forecast = timetable(role.settings, settings).forecast(moment)
        bounds = attainable(role.forecast.now.bounds, own, len(role.members))
    if bounds != Bounds(role.policy.minimum, role.policy.maximum):
        role.policy = replace(role.policy, minimum=bounds.minimum, maximum=bounds.maximum)


def tell(role: RoleState, settings: Settings, moment: datetime, journal: Journal) -> None:
    """Log the windows that were entered and left since this was last called."""
    inside = role.forecast.now.windows if role.forecast else ()
    before, role.told_windows = role.told_windows, inside
    bounds = {"min": role.policy.minimum, "max": role.policy.maximum}
    for name in before:
        if name not in inside:
            following = _until(role.forecast)
            journal.info("schedule.left", role=role.name, window=name, **bounds, until=following)
    for window in role.settings.schedule:
        if window.name in inside and window.name not in before:
            zone = settings.zone()
            end = change_of(window, moment, zone)
            until = end and text_of(end.astimezone(zone))
            journal.info(
                "schedule.entered", role=role.name, window=window.name, **bounds, until=until
            )


def shown(role: RoleState, settings: Settings, moment: datetime) -> dict[str, Any] | None:
    """Return for JSON what is in force, until when, and what is next; None without a schedule."""
    if not role.settings.schedule:
        return None
    forecast = role.forecast
    if forecast is None or not forecast.holds_at(moment):
        forecast = timetable(role.settings, settings).forecast(moment)
    return {
        "zone": str(settings.zone()),
        **_phase(forecast.now),
        "until": _until(forecast),
        "next": _phase(forecast.following) if forecast.following else None,
    }


def next_bounds(
    role: RoleState, settings: Settings, moment: datetime
) -> tuple[datetime, Bounds, str] | None:
    """Return when the schedule gives the role other bounds, which, and when and how in words.

    As of the role's last look; None without a schedule, or if no change is in sight.
    """
    forecast = role.forecast
    if forecast is None or forecast.until is None or forecast.following is None:
        return None
    bounds = attainable(forecast.following.bounds, role.settings.bounds, len(role.members))
    before, after = forecast.now.windows, forecast.following.windows
    ends = [f"the window {name} ends" for name in before if name not in after]
    begins = [f"the window {name} begins" for name in after if name not in before]
    when = f"{moment_words(forecast.until, moment)} ({settings.zone()})"
    words = f"At {when} {' and '.join(ends + begins)}"
    return forecast.until, bounds, words


def sentences(role: RoleState, settings: Settings, moment: datetime) -> list[str]:
    """Return for a person who asks why what the schedule has in force; nothing without one."""
    schedule = shown(role, settings, moment)
    if schedule is None:
        return []
    said = f"By the schedule, in force is {_words(schedule)}"
    if schedule["next"] is None:
        return [f"{said}; no change is in sight."]
    until = moment_words(datetime.fromisoformat(schedule["until"]), moment)
    return [f"{said} until {until} ({schedule['zone']}), then {_words(schedule['next'])}."]


def _words(phase: dict[str, Any]) -> str:
    return phase_words(phase["windows"], phase["min"], phase["max"])


def text_of(moment: datetime) -> str:
    """Return a moment with its offset, to the second."""
    return moment.isoformat(timespec="seconds")


def _until(forecast: Forecast | None) -> str | None:
    return None if forecast is None or forecast.until is None else text_of(forecast.until)


def _phase(phase: Phase) -> dict[str, Any]:
    return {
        "windows": list(phase.windows),
        "min": phase.bounds.minimum,
        "max": phase.bounds.maximum,
    }
