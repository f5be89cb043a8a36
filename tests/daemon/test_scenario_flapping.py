"""The whole controller on virtual time: members that come and go cost the others little."""

from __future__ import annotations

from typing import TYPE_CHECKING

from autoscaler.events import EventKind
from autoscaler.model import Health

if TYPE_CHECKING:
    from tests.daemon.conftest import MakeWorld, World

HOUR = 3600.0


def flap(world: World, names: tuple[str, ...], seconds: float, period: float) -> None:
    """Let the checks of members say well and sick by turns."""
    for turn in range(int(seconds / period)):
        sick = turn % 2 == 0
        for name in names:
            box = world.box(name)
            box.health = Health.UNHEALTHY if sick else Health.HEALTHY
            world.engine.emit(box, EventKind.UNHEALTHY if sick else EventKind.HEALTHY)
        world.run(period)


def test_one_flapping_member_makes_nginx_reload_a_few_times_an_hour(world: World) -> None:
    """Its check turns every ten seconds: 360 changes, of which NGINX sees the first ones, and then
    one now and then, as the quarantine grows.
    """
    world.grow(2)
    reloads = world.nginx.reloads
    flap(world, ("validator-2",), HOUR, 10.0)
    assert world.nginx.reloads - reloads <= 30
    assert "validator-1" in world.served()


def test_members_that_flap_together_make_one_reload_each_time(world: World) -> None:
    """Two change at once: what arrives together is one file."""
    world.grow(3)
    reloads = world.nginx.reloads
    flap(world, ("validator-2", "validator-3"), 20.0, 10.0)
    assert world.nginx.reloads - reloads <= 4


def test_members_that_flap_all_the_time_do_not_make_a_storm_of_reloads(world: World) -> None:
    """All of a role, every two seconds, for an hour."""
    world.grow(3)
    reloads = world.nginx.reloads
    flap(world, ("validator-1", "validator-2", "validator-3"), HOUR, 2.0)
    assert world.nginx.reloads - reloads <= 60


def test_a_flapping_member_that_is_alone_does_not_cost_the_other_roles_a_reload_each_time(
    make_world: MakeWorld,
) -> None:
    """The only one of its role serves again once it was well for `settle`, not at every turn."""
    world = make_world({"validator": 2, "slim": 1}, ROLES__SLIM__ENABLED="true").start()
    world.until(lambda: world.served("slim") == ["slim-1"])
    reloads = world.nginx.reloads
    flap(world, ("slim-1",), HOUR, 10.0)
    assert world.nginx.reloads - reloads <= 30
    assert world.served("validator") == ["validator-1"]
    took = world.until(lambda: world.served("slim") == ["slim-1"], 60.0)
    assert took < world.controller.state.settings.settle + 1.0


def test_a_reload_for_another_reason_gives_a_sick_member_nothing(world: World) -> None:
    """NGINX forgets at a reload which servers failed; the sick one is not in the file."""
    world.grow(2)
    world.box("validator-2").answers = False
    world.until(lambda: "validator-2" not in world.served())
    reloads = world.nginx.reloads
    world.load("validator", 95.0)
    world.until(lambda: "validator-3" in world.served())
    assert world.nginx.reloads > reloads
    assert "validator-2" not in world.served()
