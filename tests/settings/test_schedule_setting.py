"""How a schedule is written in the env file, and how its mistakes are named."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from autoscaler.clock import host_zone
from autoscaler.errors import SettingsError
from autoscaler.settings import Settings, effective, load

NAME = "AUTOSCALER_ROLES__VALIDATOR__SCHEDULE"
GIVEN = {"AUTOSCALER_PROJECT": "shop", "AUTOSCALER_NGINX__CONTAINER": "proxy"}
WORK = "work: 0 8 * * mon-fri -> 0 18 * * mon-fri"


def loaded(text: str, **more: str) -> Settings:
    """Return the settings with a schedule of the role validator, whose bounds are 1 and 3."""
    return load(None, {**GIVEN, NAME: text, **more}).settings


def mistakes(text: str, **more: str) -> str:
    """Return what is said about a schedule."""
    with pytest.raises(SettingsError) as caught:
        loaded(text, **more)
    assert len(caught.value.problems) == 1
    assert caught.value.problems[0].startswith(f"{NAME}={text} (environment): ")
    return caught.value.problems[0].removeprefix(f"{NAME}={text} (environment): ")


def test_a_schedule_is_read_from_one_line(tmp_path: Path) -> None:
    """Also from an env file, where it needs no quotes."""
    file = tmp_path / "env"
    text = f"{WORK} min=2 max=3; night: 0 22 * * * -> 0 6 * * * max=1"
    file.write_text(f"{NAME}={text}\n", encoding="utf-8")
    first, second = load(file, GIVEN).settings.roles["validator"].schedule
    assert (first.name, str(first.start), str(first.end)) == (
        "work",
        "0 8 * * mon-fri",
        "0 18 * * mon-fri",
    )
    assert (first.minimum, first.maximum) == (2, 3)
    assert (second.name, second.minimum, second.maximum) == ("night", None, 1)


def test_what_was_read_is_shown_in_its_plainest_form() -> None:
    """And reads back as the same windows."""
    settings = loaded(f"  {WORK.upper().replace('WORK', 'work')}   MAX=3 min=2 ;")
    assert effective(settings)[NAME] == f"{WORK} min=2 max=3"
    again = loaded(effective(settings)[NAME])
    assert again.roles["validator"].schedule == settings.roles["validator"].schedule


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("0 8 * * * -> 0 18 * * * min=2", "has no name"),
        (f"{WORK}", "window 'work': changes nothing; add min=N, max=N or both"),
        ("Work: 0 8 * * * -> 0 9 * * * min=2", "'Work' is no name"),
        ("w: 0 8 * * * min=2", "has no -> between its start and its end"),
        ("w: -> 0 8 * * * min=2", "has no start"),
        ("w: 0 8 * * * -> min=2", "has no end"),
        ("w: 8 * * * -> 0 9 * * * min=2", "start '8 * * *' has 4 fields instead of 5"),
        ("w: 0 25 * * * -> 0 9 * * * min=2", "start '0 25 * * *': '25' is no hour"),
        ("w: 0 8 * * * -> 0 9 * * 1-5 min=2", "end '0 9 * * 1-5': write the weekday"),
        ("w: 0 8 * * * -> 0 9 * * foo min=2", "'foo' is no weekday"),
        ("w: 0 8 30 feb * -> 0 9 * * * min=2", "start '0 8 30 feb *' never comes"),
        ("w: 0 8 * * * -> 0 9 * * * min=0", "'min=0' is neither min=N nor max=N"),
        ("w: 0 8 * * * -> 0 9 * * * min=2 min=3", "sets min twice"),
        (f"{WORK} min=2; {WORK} max=3", "names 'work' twice"),
        (f"{WORK} min=3 max=2", "window 'work' has min 3 above max 2"),
        (f"{WORK} min=4", "window 'work' has min 4 above MAX of the role 3"),
    ],
)
def test_a_mistake_is_named(text: str, said: str) -> None:
    """With what is wrong, in which window."""
    assert said in mistakes(text)


def test_a_maximum_below_the_roles_minimum_needs_a_minimum() -> None:
    """A role of at least 2 at night at most 1: say that at least 1 is enough then."""
    more = {"AUTOSCALER_ROLES__VALIDATOR__MIN": "2"}
    said = mistakes(f"{WORK} max=1", **more)
    assert "window 'work' has MIN of the role 2 above max 1; give it min and max" in said
    assert loaded(f"{WORK} min=1 max=1", **more).roles["validator"].schedule


def test_all_mistakes_of_a_schedule_are_named_at_once() -> None:
    """In every window, with what is allowed once at the end."""
    said = mistakes("w: 0 25 * * * -> 0 9 * * 7 min=x; 0 1 * * *")
    for part in ("'25' is no hour", "write the weekday", "'min=x' is neither", "has no name"):
        assert part in said
    assert said.count("allowed: windows as NAME") == 1


def test_the_time_zone_is_a_setting() -> None:
    """One that does not exist is named, and so is one with a way out of the database."""
    assert loaded("", AUTOSCALER_TIME_ZONE="America/New_York").zone() == ZoneInfo(
        "America/New_York"
    )
    for wrong in ("Europe/Berlun", "../../etc/passwd", "/etc/localtime"):
        with pytest.raises(SettingsError, match="is no time zone; allowed: a name of the time"):
            loaded("", AUTOSCALER_TIME_ZONE=wrong)


def test_without_a_time_zone_it_is_the_hosts(tmp_path: Path) -> None:
    """What /etc/localtime links to; UTC without it."""
    zones = tmp_path / "zoneinfo" / "Europe"
    zones.mkdir(parents=True)
    (zones / "Berlin").write_bytes(_berlin())
    link = tmp_path / "localtime"
    link.symlink_to(zones / "Berlin")
    assert str(host_zone(link)) == "Europe/Berlin"
    assert str(host_zone(tmp_path / "absent")) == "UTC"


def _berlin() -> bytes:
    """Return the zone's data as the package tzdata has it."""
    return files("tzdata").joinpath("zoneinfo/Europe/Berlin").read_bytes()
