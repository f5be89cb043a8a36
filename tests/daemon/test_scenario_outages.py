"""A role without any member in NGINX is told, once, with why; and when that is over."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from autoscaler.daemon.outages import DOWN_SECONDS
from autoscaler.errors import NginxUnreachableError

if TYPE_CHECKING:
    from tests.daemon.conftest import MakeWorld, World


@pytest.fixture
def down(world: World) -> World:
    """Return a world whose three members have all gone wrong, each in another way."""
    for box in world.engine.boxes.values():
        box.answers = False
    world.box("validator-2").dies_after = 0.5
    world.until(lambda: world.told("role.unavailable"))
    return world


def test_a_role_without_members_in_nginx_is_told_with_why_and_what_follows(world: World) -> None:
    """Each member with its own reason, so that a person knows where to look."""
    world.box("validator-1").answers = False
    world.until(lambda: not world.served())
    gone = world.time.now
    world.until(lambda: world.told("role.unavailable"), 10)
    (told,) = world.told("role.unavailable")
    assert told["role"] == "validator"
    assert "validator-1 cannot answer: 10.0.0.1:9003" in told["reason"]
    assert "validator-3 was not started" in told["reason"]
    assert told["consequence"] == "NGINX answers 503 for it"
    assert told["hint"] == "autoscaler status; docker logs validator-1"
    assert told["since"]
    assert told["at"] - gone <= DOWN_SECONDS


def test_an_outage_is_told_once_and_its_end_with_how_long_it_was(down: World) -> None:
    """However long it lasts; the seconds are those without a member."""
    down.run(900.0)
    (told,) = down.told("role.unavailable")
    for box in down.engine.boxes.values():
        box.answers, box.dies_after = True, None
    down.until(down.served)
    (over,) = down.told("role.recovered")
    assert len(down.told("role.unavailable")) == 1
    assert over["role"] == "validator"
    assert over["since"] == told["since"]
    assert over["seconds"] == pytest.approx(over["at"] - told["at"] + DOWN_SECONDS, abs=0.2)


def test_a_role_that_is_back_at_once_is_not_told(world: World) -> None:
    """As when its only member is restarted within the time of a reload."""
    world.box("validator-1").ready_after = 0.2
    world.box("validator-1").restarts = True
    world.crash("validator-1")
    world.until(world.served, DOWN_SECONDS)
    world.run(60.0)
    assert world.told("role.unavailable") == world.told("role.recovered") == []


def test_the_first_start_of_a_role_is_no_outage(make_world: MakeWorld) -> None:
    """A member that comes up may take its time; what was never there is not missed."""
    world = make_world()
    world.box("validator-1").ready_after = 40.0
    world.engine.end("validator-1", 0)
    world.start().until(world.served)
    world.run(60.0)
    assert world.told("role.unavailable") == []


def test_a_role_that_does_not_come_up_in_time_is_told(make_world: MakeWorld) -> None:
    """It is wanted, and nobody answers for it."""
    world = make_world(ROLES__VALIDATOR__START_TIMEOUT="60s")
    for box in world.engine.boxes.values():
        box.answers = False
    world.start()
    began = world.time.now
    world.until(lambda: world.told("role.unavailable"))
    assert 55 < world.told("role.unavailable")[0]["at"] - began < 65


def test_members_that_are_all_removed_are_an_outage(world: World) -> None:
    """As after `compose down`."""
    for name in list(world.engine.boxes):
        if world.box(name).running:
            world.engine.end(name, 0, stop=True)
        del world.engine.boxes[name]
    world.until(lambda: world.told("role.unavailable"))
    (told,) = world.told("role.unavailable")
    assert "validator-1 has no container" in told["reason"]
    assert told["hint"] == "docker compose create makes containers again"


def test_an_outage_that_nginx_cannot_be_told_of_says_so(world: World) -> None:
    """It answers no 503 then: it still lists who died."""
    world.nginx.error = NginxUnreachableError("its container is gone")
    world.box("validator-1").answers = False
    world.until(lambda: world.told("role.unavailable"))
    assert "NGINX could not be told" in world.told("role.unavailable")[0]["consequence"]


def test_a_role_of_which_there_never_was_a_container_is_not_down(make_world: MakeWorld) -> None:
    """It is not set up; `check` says that."""
    world = make_world(ROLES__BUSINESS__ENABLED="true").start()
    world.until(world.served)
    world.run(300.0)
    assert world.told("role.unavailable") == []


def test_a_removed_role_is_not_told_of(down: World) -> None:
    """Neither as down nor as recovered."""
    down.settings["AUTOSCALER_ROLES__VALIDATOR__ENABLED"] = "false"
    down.settings["AUTOSCALER_ROLES__SLIM__ENABLED"] = "true"
    down.write_settings()
    down.ask("reload")
    down.run(60.0)
    assert "validator" not in down.ask("status")["roles"]
    assert len(down.told("role.unavailable")) == 1
    assert down.told("role.recovered") == []
