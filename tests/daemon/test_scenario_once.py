"""The whole controller on virtual time: started to decide and act once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from autoscaler.daemon.single_run import DONE, UNFINISHED, UNREACHABLE, failed
from autoscaler.errors import NginxError

if TYPE_CHECKING:
    from tests.daemon.conftest import MakeWorld, World


def begun(make_world: MakeWorld, *, dry_run: bool = False, **settings: str) -> World:
    """Start a daemon that decides and acts once."""
    world = make_world(**settings)
    world.once, world.dry_run = True, dry_run
    return world.start()


def ended(world: World) -> str:
    """Let it run to its end; return its reason."""
    world.until(lambda: world.controller._stopping, 600.0)
    return str(world.controller._stopping)


def test_a_single_run_ends_once_it_has_done_all(make_world: MakeWorld) -> None:
    """The minimum is two: it ends when the second is in service, however long its start takes."""
    world = begun(make_world, ROLES__VALIDATOR__MIN="2")
    world.seconds["start"] = 30.0
    world.box("validator-2").ready_after = 60.0
    assert ended(world) == DONE
    assert len(world.served()) == 2


def test_a_single_run_decides_on_whole_windows(make_world: MakeWorld) -> None:
    """Nothing is to be done: it ends once a round that has an average of 15 s was decided on."""
    world = begun(make_world, ROLES__VALIDATOR__WARMUP="0")
    began = world.time.now
    assert ended(world) == DONE
    assert 15.0 <= world.time.now - began <= 25.0


def test_a_dry_single_run_proposes_and_ends(make_world: MakeWorld) -> None:
    """What it proposes is not done, so there is nothing to wait for."""
    world = begun(make_world, dry_run=True)
    world.load("validator", 95.0)
    assert ended(world) == DONE
    assert world.told("scale.proposed")
    assert world.engine.calls == []


def test_a_single_run_that_cannot_do_all_ends_unfinished(make_world: MakeWorld) -> None:
    """NGINX takes nothing: it gives up after two windows and the longest start with its warm-up."""
    world = begun(make_world)
    world.nginx.error = NginxError("it could not be reloaded")
    began = world.time.now
    assert ended(world) == UNFINISHED
    assert 240.0 <= world.time.now - began <= 250.0


def test_a_single_run_does_not_decide_while_members_count_as_warming(
    make_world: MakeWorld,
) -> None:
    """For its first 30 s the daemon takes all for just started, and would never grow."""
    world = begun(make_world)
    world.load("validator", 95.0)
    world.until(lambda: "start validator-2" in world.jobs, 60.0)
    world.load("validator", 60.0)
    assert ended(world) == DONE
    assert len(world.served()) == 2


def test_a_single_run_without_an_engine_ends_and_names_its_address(
    make_world: MakeWorld,
) -> None:
    """The daemon waits for ever; a single run for the longest answer, 10 s, and the next tick."""
    world = make_world()
    world.once, world.engine.down = True, True
    world.start()
    began = world.time.now
    reason = ended(world)
    assert 10.0 <= world.time.now - began <= 15.1
    url = world.controller.state.settings.docker.url
    assert reason == f"{UNREACHABLE}{url}: the engine does not answer on its socket"
    assert failed(reason)


def test_a_single_run_waits_for_an_engine_that_comes_in_time(make_world: MakeWorld) -> None:
    """After a boot, say; it then does all."""
    world = make_world(ROLES__VALIDATOR__MIN="2")
    world.once, world.engine.down = True, True
    world.start()
    world.run(6.0)
    world.engine.down = False
    assert ended(world) == DONE
    assert len(world.served()) == 2
