"""What `check` and `status` say of schedules."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from autoscaler.cli.findings import Level
from autoscaler.cli.main import main
from autoscaler.cli.schedulecheck import reach_findings, schedule_findings
from autoscaler.cli.status import schedule_lines
from autoscaler.model import ContainerState, Health, Member
from autoscaler.settings import Settings, load

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)
WORK = "work: 0 8 * * mon-fri -> 0 18 * * mon-fri"


def settings(schedule: str) -> Settings:
    """Return settings with a schedule of the role validator."""
    given = {
        "AUTOSCALER_PROJECT": "v11",
        "AUTOSCALER_NGINX__CONTAINER": "proxy",
        "AUTOSCALER_TIME_ZONE": "America/New_York",
        "AUTOSCALER_ROLES__VALIDATOR__SCHEDULE": schedule,
    }
    return load(None, given).settings


def members(count: int) -> list[Member]:
    """Return containers of validator."""
    state = (ContainerState.RUNNING, Health.HEALTHY, "t", 9003)
    return [Member("validator", f"v-{n}", n, f"id-{n}", *state) for n in range(1, count + 1)]


def test_the_check_says_what_is_in_force_and_what_comes_next() -> None:
    """Noon in UTC is seven in New York, so the day's window is still to come."""
    (found,) = schedule_findings(settings(f"{WORK} min=2"), NOON)
    assert (found.level, found.item) == (Level.OK, "schedule validator")
    assert found.text == (
        "no window (1 to 3) is in force until 2026-11-25T08:00-05:00 (America/New_York), "
        "then work (2 to 3)"
    )


def test_a_schedule_that_never_changes_is_a_warning() -> None:
    """Its end is its start, so it could as well be the role's MIN."""
    (found,) = schedule_findings(settings("w: 0 0 * * * -> 0 0 * * * min=2"), NOON)
    assert found.level is Level.WARN
    assert found.text == "w (2 to 3) is in force, and no change is in sight"


def test_a_window_beyond_the_containers_is_a_warning() -> None:
    """With how many are missing."""
    given = settings(f"{WORK} min=3")
    (found,) = reach_findings(given, members(2))
    assert "asks for at least 3 members, but there are 2 containers" in found.text
    assert found.remedy.startswith("create 1 more")
    assert list(reach_findings(given, members(3))) == []


def test_the_command_checks_schedules_too(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without an engine."""
    path = tmp_path / "a.env"
    path.write_text(
        "AUTOSCALER_PROJECT=v11\nAUTOSCALER_NGINX__CONTAINER=p\nAUTOSCALER_TIME_ZONE=UTC\n"
        f"AUTOSCALER_ROLES__VALIDATOR__SCHEDULE={WORK} min=2\n"
    )
    assert main(["check", "--settings-only", "--env-file", str(path)]) == 0
    assert "ok    schedule validator: " in capsys.readouterr().out


def test_status_shows_the_schedule_in_one_line() -> None:
    """In force, until when, in which time zone, what comes next; nothing without a schedule."""
    window = {"windows": ["work", "sale"], "min": 2, "max": 5}
    none = {"windows": [], "min": 1, "max": 3}
    until = "2026-01-02T18:00:00+01:00"
    now = {"zone": "Europe/Berlin", **window, "until": until, "next": none}
    (line,) = schedule_lines(now)
    assert line == (
        "  schedule: work, sale (2 to 5) until 18:00 on Friday, 2 January (Europe/Berlin), "
        "then no window (1 to 3)"
    )
    assert schedule_lines({**now, "next": None, "until": None}) == [
        "  schedule: work, sale (2 to 5), no change in sight (Europe/Berlin)"
    ]
    assert schedule_lines(None) == []
