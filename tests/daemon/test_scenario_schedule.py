"""The whole controller on virtual time with a schedule: windows come and go, members follow."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.daemon.conftest import MakeWorld, World

WORKDAYS = "workdays: 0 8 * * mon-fri -> 0 18 * * mon-fri min=2"
BERLIN = {"TIME_ZONE": "Europe/Berlin"}


def begin(world: World, at: str) -> World:
    """Start the daemon at a time of day and wait until the primary serves."""
    set_clock(world, at)
    world.start()
    world.until(world.served)
    return world


def set_clock(world: World, at: str) -> None:
    """Set the wall clock, and it alone."""
    world.time.wall_offset = datetime.fromisoformat(at).timestamp() - world.time.now


def seconds_to(world: World, at: str) -> float:
    """Return the seconds until a time of day."""
    return datetime.fromisoformat(at).timestamp() - world.time.wall().timestamp()


@pytest.fixture
def early(make_world: MakeWorld) -> World:
    """Return a daemon at five to eight on a Wednesday, with a window from 8 to 18."""
    world = make_world(ROLES__VALIDATOR__SCHEDULE=WORKDAYS, **BERLIN)
    return begin(world, "2026-11-25T07:55:00+01:00")


def test_a_pin_that_a_window_refuses_says_whose_bounds_these_are(early: World) -> None:
    """MIN is 1, yet one member is too few while the window is in force."""
    early.until(lambda: early.desired() == 2)
    said = early.ask("scale", role="validator", count=1, seconds=60.0, reason="x")["error"]
    assert "allows 2 to 3 (its schedule, now); add --force" in said


def test_a_window_that_begins_starts_what_it_asks_for(early: World) -> None:
    """At eight, within two looks, without any load; recorded like every change of the count."""
    took = early.until(lambda: early.desired() == 2)
    assert 0.0 <= took - 300.0 + 20.0 < 30.0
    early.until(lambda: len(early.served()) == 2)
    (entered,) = early.told("schedule.entered")
    assert (entered["role"], entered["window"]) == ("validator", "workdays")
    assert (entered["min"], entered["max"]) == (2, 3)
    assert entered["until"] == "2026-11-25T18:00:00+01:00"
    decided = [e for e in early.told("scale.decided") if e["desired"] != e["desired_before"]]
    assert [e["reason"] for e in decided] == ["below_min"]
    assert len(early.role().memory.up_events) == 1


def test_a_window_that_ends_stops_nothing_at_once(make_world: MakeWorld) -> None:
    """The load must do without the member for the whole grace, as at any other time."""
    world = make_world(ROLES__VALIDATOR__SCHEDULE=WORKDAYS, **BERLIN)
    begin(world, "2026-11-25T17:50:00+01:00")
    world.load("validator", 5.0)
    world.run(seconds_to(world, "2026-11-25T17:59:50+01:00"))
    assert len(world.served()) == 2
    world.run(30.0)
    (left,) = world.told("schedule.left")
    assert (left["window"], left["min"], left["max"]) == ("workdays", 1, 3)
    assert left["until"] == "2026-11-26T08:00:00+01:00"
    world.run(240.0)
    assert len(world.served()) == 2
    world.until(lambda: len(world.served()) == 1, 120.0)


def test_a_lower_maximum_stops_the_surplus_at_once(make_world: MakeWorld) -> None:
    """Rule 1: the bound is broken, so neither windows nor limits count; members are drained."""
    world = make_world(ROLES__VALIDATOR__SCHEDULE="night: 0 22 * * * -> 0 6 * * * max=1", **BERLIN)
    begin(world, "2026-11-25T21:55:00+01:00")
    world.grow(3)
    took = world.until(lambda: world.desired() == 1, seconds_to(world, "2026-11-25T22:00:30+01:00"))
    assert took > 60.0
    assert world.told("scale.decided")[-1]["reason"] == "above_max"
    world.until(lambda: world.running() == ["validator-1"], 60.0)


def test_status_says_what_is_in_force_until_when_and_what_is_next(early: World) -> None:
    """Before the window, and in it."""
    schedule = early.ask("status")["roles"]["validator"]["schedule"]
    window = {"windows": ["workdays"], "min": 2, "max": 3}
    none = {"windows": [], "min": 1, "max": 3}
    assert schedule == {
        "zone": "Europe/Berlin",
        **none,
        "until": "2026-11-25T08:00:00+01:00",
        "next": window,
    }
    early.run(320.0)
    role = early.ask("status")["roles"]["validator"]
    assert role["schedule"] == {
        "zone": "Europe/Berlin",
        **window,
        "until": "2026-11-25T18:00:00+01:00",
        "next": none,
    }
    assert (role["min"], role["max"]) == (2, 3)


def test_explain_tells_of_the_schedule(early: World) -> None:
    """What will change, although the load asks for nothing, and what is in force."""
    early.run(20.0)
    assert early.ask("explain", role="validator")["sentences"][-3:-1] == [
        "At 08:00 (Europe/Berlin) the window workdays begins: minimum 2.",
        "If the readings stay as they are, it becomes 2 in 280 s (below_min).",
    ]
    assert early.ask("explain", role="validator")["sentences"][-1] == (
        "By the schedule, in force is no window (1 to 3) until 08:00 (Europe/Berlin), "
        "then workdays (2 to 3)."
    )


@pytest.mark.parametrize("begins", ["07:55", "17:30"])
def test_what_is_foreseen_is_what_happens(make_world: MakeWorld, begins: str) -> None:
    """The window that begins, and the grace that begins when it ends; within two looks."""
    world = make_world(ROLES__VALIDATOR__SCHEDULE=WORKDAYS, **BERLIN)
    begin(world, f"2026-11-25T{begins}:00+01:00")
    world.load("validator", 10.0)
    world.run(400.0 if begins == "17:30" else 20.0)
    before = world.desired()
    coming = world.ask("status")["roles"]["validator"]["next_change"]
    foreseen = datetime.fromisoformat(coming["at"]).timestamp()
    assert foreseen == pytest.approx(world.time.wall().timestamp() + coming["in_seconds"], abs=0.6)
    world.until(lambda: world.desired() != before, 3600.0)
    assert world.desired() == coming["desired"]
    assert world.time.wall().timestamp() == pytest.approx(foreseen, abs=11.0)


def test_a_window_of_another_day_is_named_with_the_day(make_world: MakeWorld) -> None:
    """On a Friday evening, eight o'clock is Monday's."""
    world = make_world(ROLES__VALIDATOR__SCHEDULE=WORKDAYS, **BERLIN)
    begin(world, "2026-11-27T20:00:00+01:00")
    world.run(20.0)
    said = world.ask("explain", role="validator")["sentences"]
    begins = "the window workdays begins: minimum 2."
    assert f"At 08:00 on Monday, 30 November (Europe/Berlin) {begins}" in said


def test_a_role_without_a_schedule_says_nothing_of_one(world: World) -> None:
    """Nor does its explanation."""
    assert world.ask("status")["roles"]["validator"]["schedule"] is None
    assert not any("schedule" in s for s in world.ask("explain", role="validator")["sentences"])


def test_a_daemon_started_within_a_window_knows_it(make_world: MakeWorld) -> None:
    """It follows from the time of day alone; a restart begins nothing anew and stops nothing."""
    world = make_world(ROLES__VALIDATOR__SCHEDULE=WORKDAYS, **BERLIN)
    begin(world, "2026-11-25T12:00:00+01:00")
    world.until(lambda: len(world.served()) == 2)
    calls = list(world.engine.calls)
    world.start().run(60.0)
    assert world.engine.calls == calls
    assert (world.desired(), len(world.served())) == (2, 2)


def test_a_restart_keeps_what_a_window_allows_beyond_the_roles_maximum(
    make_world: MakeWorld,
) -> None:
    """MAX is 1, a sale allows 3: no look of the new daemon takes the others for surplus."""
    sale = "sale: 0 8 * * * -> 0 18 * * * min=3 max=3"
    world = make_world(ROLES__VALIDATOR__MAX="1", ROLES__VALIDATOR__SCHEDULE=sale, **BERLIN)
    begin(world, "2026-11-25T12:00:00+01:00")
    world.until(lambda: len(world.served()) == 3)
    calls = list(world.engine.calls)
    world.start().run(60.0)
    world.settings["AUTOSCALER_SETTLE"] = "20s"
    world.write_settings()
    world.ask("reload")
    world.run(60.0)
    assert world.engine.calls == calls


def test_a_step_of_the_clock_is_a_look_at_the_new_time(early: World) -> None:
    """Set forward into the window and back out of it, it is entered and left."""
    set_clock(early, "2026-11-25T12:00:00+01:00")
    early.run(10.0)
    assert early.desired() == 2
    set_clock(early, "2026-11-25T07:00:00+01:00")
    early.run(10.0)
    assert [e["window"] for e in early.told("schedule.left")] == ["workdays"]
    assert early.role().policy.minimum == 1


def test_a_reload_changes_the_schedule(early: World) -> None:
    """A window that is already in force when it is written counts from the next look on."""
    early.settings["AUTOSCALER_ROLES__VALIDATOR__SCHEDULE"] = "now: 0 7 * * * -> 0 9 * * * min=3"
    early.write_settings()
    (change,) = early.ask("reload")["changes"]
    assert (change["old"], change["new"]) == (WORKDAYS, "now: 0 7 * * * -> 0 9 * * * min=3")
    early.until(lambda: len(early.served()) == 3, 60.0)
    assert [e["window"] for e in early.told("schedule.entered")] == ["now"]


def test_a_pin_stays_within_the_bounds_in_force(early: World) -> None:
    """Pinned to 1 before the window, the role has 2 in it, and a new pin to 1 is refused."""
    early.ask("scale", role="validator", count=1, seconds=3600, reason="saving")
    early.run(310.0)
    assert early.desired() == 2
    refused = early.ask("scale", role="validator", count=1, seconds=60, reason="saving")
    assert "allows 2 to 3" in refused["error"]


def test_a_window_asks_for_no_more_than_there_are_containers(make_world: MakeWorld) -> None:
    """Five of three cannot be: the count is three."""
    world = make_world(
        ROLES__VALIDATOR__SCHEDULE="sale: 0 8 * * * -> 0 18 * * * min=5 max=6", **BERLIN
    )
    begin(world, "2026-11-25T12:00:00+01:00")
    world.until(lambda: len(world.served()) == 3)
    assert world.desired() == 3


def test_a_fixed_role_follows_its_schedule(make_world: MakeWorld) -> None:
    """Load never changes it, the time of day does."""
    world = make_world(
        ROLES__VALIDATOR__FIXED="true", ROLES__VALIDATOR__SCHEDULE=WORKDAYS, **BERLIN
    )
    begin(world, "2026-11-25T07:58:00+01:00")
    world.load("validator", 99.0)
    world.run(60.0)
    assert world.desired() == 1
    world.until(lambda: world.desired() == 2, 120.0)


def test_in_an_hour_that_comes_twice_a_window_is_entered_once(make_world: MakeWorld) -> None:
    """From half past two to a quarter to three by summer time, and not again by winter time."""
    world = make_world(
        ROLES__VALIDATOR__SCHEDULE="backup: 30 2 * * * -> 45 2 * * * min=2", **BERLIN
    )
    begin(world, "2026-10-25T02:25:00+02:00")
    world.run(seconds_to(world, "2026-10-25T02:50:00+01:00"))
    entered, left = world.told("schedule.entered"), world.told("schedule.left")
    assert (len(entered), len(left)) == (1, 1)
    assert entered[0]["until"] == "2026-10-25T02:45:00+02:00"
    assert 890.0 < left[0]["at"] - entered[0]["at"] < 910.0
