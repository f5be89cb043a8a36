"""What a role begins with after a restart."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from autoscaler.daemon.roles import PLAUSIBLE_SECONDS, Now, change_role, make_role
from autoscaler.daemon.schema import RoleRecord
from autoscaler.model import Memory
from autoscaler.settings import Settings, load

if TYPE_CHECKING:
    from pathlib import Path

MEMORY = Memory(
    desired=3,
    recommendations=((900.0, 3), (990.0, 2)),
    up_events=((950.0, 1),),
    down_events=(),
    recorded_at=990.0,
)
RECORD = RoleRecord(
    MEMORY, {"v3": ("id-3", "t3")}, frozenset({"v1", "v3"}), 5000.0, 1000.0, "boot-a"
)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Return settings with the built-in roles."""
    return _settings(tmp_path, "")


def _settings(folder: Path, more: str) -> Settings:
    path = folder / "env"
    path.write_text(
        f"AUTOSCALER_PROJECT=shop\nAUTOSCALER_NGINX__CONTAINER=proxy\n{more}", encoding="utf-8"
    )
    return load(path, {}).settings


def test_without_a_record_a_role_begins_at_its_minimum(settings: Settings) -> None:
    """What runs is counted at the first look."""
    role = make_role("validator", settings, None, Now(10.0, 5000.0, "boot-a"))
    assert role.memory == Memory(desired=1)


def test_within_one_boot_all_memory_is_kept_as_it_is(settings: Settings) -> None:
    """The monotonic clock goes on."""
    role = make_role("validator", settings, RECORD, Now(1010.0, 5010.0, "boot-a"))
    assert role.memory == MEMORY
    assert role.leaving == {"v3": ("id-3", "t3")}
    assert role.known == {"v1", "v3"}


def test_after_a_reboot_the_times_move_to_the_new_clock(settings: Settings) -> None:
    """60 s later by the wall clock, 20 s after the boot: 990 was 70 s ago, which is -50."""
    role = make_role("validator", settings, RECORD, Now(20.0, 5060.0, "boot-b"))
    assert role.memory.recorded_at == -50.0
    assert role.memory.recommendations == ((-140.0, 3), (-50.0, 2))
    assert role.memory.up_events == ((-90.0, 1),)


@pytest.mark.parametrize("wall", [4999.0, 5000.0 + PLAUSIBLE_SECONDS + 1.0])
def test_after_a_reboot_with_an_implausible_clock_only_the_count_is_kept(
    settings: Settings, wall: float
) -> None:
    """Set back, or too long ago."""
    role = make_role("validator", settings, RECORD, Now(20.0, wall, "boot-b"))
    assert role.memory == Memory(desired=3)


def test_however_old_the_count_is_kept(settings: Settings) -> None:
    """A year later three are still wanted."""
    role = make_role("validator", settings, RECORD, Now(20.0, 5000.0 + 3.2e7, "boot-b"))
    assert role.memory.desired == 3


def test_a_stamp_from_the_future_of_this_boot_is_not_trusted(settings: Settings) -> None:
    """The same boot id with a smaller clock: the wall clock decides instead."""
    role = make_role("validator", settings, RECORD, Now(500.0, 5030.0, "boot-a"))
    assert role.memory.recorded_at == pytest.approx(500.0 - 30.0 - 10.0)


def test_an_unknown_boot_is_no_boot(settings: Settings) -> None:
    """Two empty boot ids are not the same boot."""
    record = replace(RECORD, boot_id="")
    role = make_role("validator", settings, record, Now(2000.0, 5030.0, ""))
    assert role.memory.recorded_at == pytest.approx(2000.0 - 30.0 - 10.0)


def test_changed_settings_keep_memory_and_members(settings: Settings, tmp_path: Path) -> None:
    """Only the rules differ."""
    role = make_role("validator", settings, RECORD, Now(1010.0, 5010.0, "boot-a"))
    changed = _settings(
        tmp_path,
        "AUTOSCALER_SETTLE=1m\nAUTOSCALER_ROLES__VALIDATOR__MAX=7\n"
        "AUTOSCALER_ROLES__VALIDATOR__START_TIMEOUT=9s\n",
    )
    change_role(role, changed, Now(20.0, 5060.0, "boot-b"))
    assert (role.policy.maximum, role.hands.settle, role.rules.start_timeout) == (7, 60.0, 9.0)
    assert role.memory == MEMORY


SALE = (
    "AUTOSCALER_TIME_ZONE=UTC\nAUTOSCALER_ROLES__VALIDATOR__SCHEDULE="
    "sale: 0 1 * * * -> 0 2 * * * max=5\n"
)
HALF_PAST_ONE = Now(1010.0, 5400.0, "boot-a")


def test_a_role_begins_with_the_bounds_of_its_schedule(tmp_path: Path) -> None:
    """So that a command before the first round of readings is judged by them."""
    settings = _settings(tmp_path, SALE)
    assert make_role("validator", settings, None, HALF_PAST_ONE).policy.maximum == 5
    later = replace(HALF_PAST_ONE, wall=7200.0)
    assert make_role("validator", settings, None, later).policy.maximum == 3


def test_a_changed_schedule_is_in_force_at_once(settings: Settings, tmp_path: Path) -> None:
    """Put in, altered, and taken out."""
    role = make_role("validator", settings, None, HALF_PAST_ONE)
    for more, maximum in ((SALE, 5), (SALE.replace("max=5", "max=6"), 6), ("", 3)):
        change_role(role, _settings(tmp_path, more), HALF_PAST_ONE)
        assert role.policy.maximum == maximum
