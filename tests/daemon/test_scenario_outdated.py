"""The whole controller on virtual time: what comes back late knows less than is known by now."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from autoscaler.actuation.health import ProbeResult
from autoscaler.events import EngineEvent, EventKind
from autoscaler.model import Health

if TYPE_CHECKING:
    from tests.daemon.conftest import MakeWorld, World

ONE = "validator-1"


@pytest.fixture
def checked(make_world: MakeWorld) -> World:
    """Return a running daemon of one member with a health check that is well."""
    world = make_world()
    world.engine.boxes[ONE].health = Health.HEALTHY
    world.start()
    world.until(lambda: world.served() == [ONE])
    return world.run(20.0)


def verdict(world: World, health: Health) -> None:
    """Let the container's check say something new, and the engine tell so."""
    kind = EventKind.HEALTHY if health is Health.HEALTHY else EventKind.UNHEALTHY
    box = world.box(ONE)
    box.health = health
    world.controller.take(EngineEvent(kind, box.container_id, ONE, world.time.now))


def late_look(world: World, health: Health, began_ago: float) -> None:
    """Take in a look that began so long ago and shows the check's verdict of then."""
    now = world.time.now
    members = [
        replace(m, health=health) if m.name == ONE else m for m in world.role().members.values()
    ]
    world.controller._looking.take_in(members, now - began_ago, now)
    world.controller.take(None)


def test_a_look_that_began_before_a_verdict_does_not_undo_it(checked: World) -> None:
    """Else one failure counts twice, and the third of them sets the member aside."""
    verdict(checked, Health.UNHEALTHY)
    late_look(checked, Health.HEALTHY, began_ago=0.1)
    checked.run(10.0)
    assert len(checked.told("member.unhealthy")) == 1
    assert not checked.role().track(ONE).ready


def test_a_look_that_began_after_a_verdict_counts(checked: World) -> None:
    """Events may be missed, so what is seen later wins."""
    verdict(checked, Health.UNHEALTHY)
    checked.run(1.0)
    late_look(checked, Health.HEALTHY, began_ago=0.5)
    assert checked.role().track(ONE).ready


def test_a_verdict_on_an_ended_run_says_nothing_of_the_next(checked: World) -> None:
    """A member that was started again meanwhile begins anew."""
    verdict(checked, Health.UNHEALTHY)
    again = replace(checked.role().members[ONE], started_at="anew", health=Health.HEALTHY)
    now = checked.time.now
    checked.controller._looking.take_in([again], now - 0.1, now)
    assert checked.role().members[ONE].health is Health.HEALTHY


def test_a_look_that_began_before_a_death_does_not_raise_the_dead(world: World) -> None:
    """Else it would be told as up again and asked, until the next look."""
    alive = tuple(world.role().members.values())
    world.engine.end(ONE, 1)
    died = world.time.now
    world.controller.take(world.controller.inbox.get_nowait())
    world.controller._looking.take_in(alive, died - 0.1, died)
    assert not world.role().members[ONE].running
    assert not world.role().track(ONE).running
    world.controller._looking.take_in(alive, died + 0.1, died + 0.2)
    assert world.role().members[ONE].running


def test_an_answer_of_an_ended_run_proves_nothing_of_the_next(world: World) -> None:
    """A probe may come back when its member has died and begun anew."""
    before = world.role().members[ONE].run
    world.box(ONE).restarts = True
    world.engine.end(ONE, 1)
    world.until(lambda: world.role().members[ONE].run != before)
    assert not world.role().track(ONE).ready
    late = ProbeResult(ok=True, detail="it answered")
    world.controller._readiness._probed("validator", ONE, before, late)
    assert not world.role().track(ONE).ready
