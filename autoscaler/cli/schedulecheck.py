"""Says what the roles' schedules have in force now, and what their windows cannot reach. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from autoscaler.cli.findings import Finding, ok, warn
from autoscaler.policy.schedule import Timetable, phase_words
from autoscaler.settings.names import variable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from autoscaler.model import Member
    from autoscaler.settings import Settings


def schedule_findings(settings: Settings, moment: datetime) -> Iterator[Finding]:
    """Yield for each role with a schedule what is in force at a moment and what comes next."""
    zone = settings.zone()
    for name, role in settings.roles.items():
        if not role.schedule:
            continue
        forecast = Timetable(role.schedule, role.bounds, zone).forecast(moment)
        now = forecast.now
        text = f"{phase_words(now.windows, now.bounds.minimum, now.bounds.maximum)} is in force"
        coming = forecast.following
        if forecast.until is None or coming is None:
            yield warn(
                f"schedule {name}",
                f"{text}, and no change is in sight",
                f"look at the starts and ends in {variable(('roles', name, 'schedule'))}",
            )
            continue
        then = phase_words(coming.windows, coming.bounds.minimum, coming.bounds.maximum)
        until = forecast.until.isoformat(timespec="minutes")
        yield ok(f"schedule {name}", f"{text} until {until} ({zone}), then {then}")


def reach_findings(settings: Settings, members: Sequence[Member]) -> Iterator[Finding]:
    """Yield the windows that ask for more members than the role has containers."""
    for name, role in settings.roles.items():
        own = sum(member.role == name for member in members)
        for window in role.schedule if own else ():
            if window.minimum is not None and window.minimum > own:
                yield warn(
                    f"schedule {name}",
                    f"window {window.name!r} asks for at least {window.minimum} members, but there "
                    f"are {own} containers",
                    f"create {window.minimum - own} more, or lower its min in "
                    f"{variable(('roles', name, 'schedule'))}",
                )
