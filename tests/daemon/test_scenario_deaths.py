"""The whole controller on virtual time: how a member ended is told in words that help."""

from __future__ import annotations

from typing import TYPE_CHECKING

from autoscaler.events import EventKind

if TYPE_CHECKING:
    from tests.daemon.conftest import World


def test_a_member_that_had_to_be_killed_at_its_stop_is_told_with_the_remedy(world: World) -> None:
    """Once for the stop; one that ends on SIGTERM is not."""
    world.grow(3)
    world.box("validator-3").ignores_sigterm = True
    world.load("validator", 5.0)
    world.until(lambda: world.running() == ["validator-1"], 1800.0)
    (told,) = world.told("member.killed")
    assert told["member"] == "validator-3"
    assert "stop_timeout of 30 s" in told["reason"]
    assert "STOP_TIMEOUT" in told["hint"]


def test_a_death_by_lack_of_memory_is_told_as_such(world: World) -> None:
    """The engine tells of the memory first and of the death, with exit code 137, after that."""
    world.grow(2)
    world.engine.emit(world.box("validator-2"), EventKind.OOM)
    world.engine.end("validator-2", 137)
    world.run(1.0)
    (told,) = world.told("member.died")
    assert (told["reason"], told["oom_killed"]) == ("it ran out of memory", True)


def test_a_death_is_told_with_what_to_do(world: World) -> None:
    """The command to find out why, or to let it go on."""
    world.grow(2)
    world.engine.end("validator-1", 3)
    world.engine.pause("validator-2")
    world.run(1.0)
    assert {e["member"]: e["hint"] for e in world.told("member.died")} == {
        "validator-1": "docker logs validator-1",
        "validator-2": "docker unpause validator-2",
    }


def test_a_look_between_the_two_events_does_not_hide_the_lack_of_memory(world: World) -> None:
    """It finds a container that runs and says nothing of memory yet."""
    world.grow(2)
    world.engine.emit(world.box("validator-2"), EventKind.OOM)
    world.run(30.0)
    world.engine.end("validator-2", 137)
    world.run(1.0)
    (told,) = world.told("member.died")
    assert (told["reason"], told["oom_killed"]) == ("it ran out of memory", True)


def test_a_death_after_a_new_start_is_not_blamed_on_the_memory_of_before(world: World) -> None:
    """The next run begins without that mark."""
    world.grow(2)
    world.engine.emit(world.box("validator-2"), EventKind.OOM)
    world.engine.end("validator-2", 137)
    world.until(lambda: world.served() == ["validator-1"])
    world.until(lambda: world.served() == ["validator-1", "validator-2"])
    world.engine.end("validator-2", 3)
    world.run(1.0)
    assert world.told("member.died")[-1]["reason"] == "it ended with exit code 3"
