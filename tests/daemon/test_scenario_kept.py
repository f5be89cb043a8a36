"""Members that may never be stopped, the primary and protected ones, run and so they serve."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from autoscaler.cli.status import lines

if TYPE_CHECKING:
    from tests.daemon.conftest import World


@pytest.fixture
def pinned(world: World) -> World:
    """Return a world whose second member is protected and was started by a pin that is over."""
    world.box("validator-2").protected = True
    world.load("validator", 5.0)
    world.ask("scale", role="validator", count=3, seconds=60, reason="sale")
    world.until(lambda: len(world.served()) == 3)
    world.until(lambda: world.running() == ["validator-1", "validator-2"])
    return world.run(700.0)


def test_a_protected_spare_never_pushes_the_primary_out_of_nginx(pinned: World) -> None:
    """Neither can be stopped, so both serve for good, and no third one runs."""
    assert pinned.served() == pinned.running() == ["validator-1", "validator-2"]
    left = [e["member"] for e in pinned.told("member.unpublished")]
    assert left == ["validator-3"]


def test_the_count_does_not_fall_below_the_members_that_are_never_stopped(pinned: World) -> None:
    """Their loads are then what the rules judge by, as both get requests."""
    assert pinned.desired() == 2
    assert pinned.role().chosen == ("validator-1", "validator-2")


def test_status_and_explain_say_that_a_protected_member_runs_on(pinned: World) -> None:
    """Else nobody would know why two run where the minimum is one."""
    words = "validator-2 is protected (label autoscaler.protect), so it is never stopped"
    assert f"  {words}" in lines(pinned.ask("status"))
    told = pinned.ask("explain", role="validator")["sentences"]
    assert f"{words} and serves while it is healthy; with the primary at least 2 run." in told
    assert "2 is the minimum" in told[0]


def test_a_protected_member_that_does_not_run_is_not_spoken_of(world: World) -> None:
    """It is a spare like any other until it is started."""
    world.box("validator-2").protected = True
    world.run(10.0)
    assert not any("protected" in line for line in lines(world.ask("status")))
    assert world.desired() == 1


def test_a_sick_primary_leaves_nginx_beside_a_protected_member_and_returns(pinned: World) -> None:
    """Kept is about stopping: who cannot answer gets no requests."""
    pinned.box("validator-1").answers = False
    pinned.until(lambda: "validator-1" not in pinned.served())
    pinned.box("validator-1").answers = True
    pinned.until(lambda: "validator-1" in pinned.served())
    pinned.until(lambda: pinned.running() == ["validator-1", "validator-2"])


def test_a_pin_below_the_members_that_are_never_stopped_is_told(pinned: World) -> None:
    """The count does not get there, and whoever set it must not wait for that."""
    answer = pinned.ask("scale", role="validator", count=1, seconds=60, reason="night")
    assert answer["warning"] == (
        "the primary and protected members of role validator that run are never stopped, so 2 is "
        "the fewest it gets"
    )
    pinned.run(30.0)
    assert pinned.desired() == 2
    assert "warning" not in pinned.ask("scale", role="validator", count=2, seconds=60, reason="x")
