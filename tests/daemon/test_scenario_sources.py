"""The whole controller on virtual time: sources of CPU readings that fail and come back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from autoscaler.errors import EngineError
from autoscaler.sampling.sources import SourceEvent, SourceEventKind

if TYPE_CHECKING:
    import pytest

    from autoscaler.model import Reading
    from tests.daemon.conftest import World

FAILED = SourceEvent(SourceEventKind.FAILED, "fake", "validator", "it refuses the password")
RECOVERED = SourceEvent(SourceEventKind.RECOVERED, "fake", "validator", "it is well")


def fail(world: World) -> None:
    """Let the source fail and say so."""
    world.run(20.0)
    world.engine.blind = True
    world.engine.source_events = [FAILED]
    world.run(10.0)
    assert world.ask("status")["sources"] == {"fake for validator": FAILED.detail}


def change(world: World, name: str, value: str) -> None:
    """Change a setting and have it read."""
    world.settings[f"AUTOSCALER_{name}"] = value
    world.write_settings()
    assert world.ask("reload")["changes"]


def test_a_source_that_fails_and_recovers_is_told_once_each(world: World) -> None:
    """And shown in the status meanwhile."""
    fail(world)
    world.engine.blind = False
    world.engine.source_events = [RECOVERED]
    world.run(60.0)
    assert [e["reason"] for e in world.told("source.failed")] == [FAILED.detail]
    assert [e["reason"] for e in world.told("source.recovered")] == [RECOVERED.detail]
    assert world.ask("status")["sources"] == {}


def test_a_source_mended_by_a_reload_is_told_as_recovered(world: World) -> None:
    """The sources that the reload made anew know of no failure, but their readings show its end."""
    fail(world)
    change(world, "PROMETHEUS__TIMEOUT", "3s")
    world.run(10.0)
    assert world.told("source.recovered") == []
    world.engine.blind = False
    world.run(60.0)
    assert [e["source"] for e in world.told("source.recovered")] == ["fake"]
    assert world.ask("status")["sources"] == {}


def test_a_failure_seen_while_settings_are_reloaded_is_not_lost(world: World) -> None:
    """The readings of that look are dropped, what it said of the source is not."""
    world.run(20.0)
    world.seconds["sample"] = 2.0
    begun = len(world.jobs)
    world.until(lambda: "sample" in world.jobs[begun:])
    world.engine.source_events = [FAILED]
    change(world, "HEARTBEAT", "10m")
    world.run(5.0)
    assert [e["reason"] for e in world.told("source.failed")] == [FAILED.detail]


def test_the_trouble_of_a_role_that_is_gone_is_forgotten(world: World) -> None:
    """Nobody can mend it any more."""
    fail(world)
    change(world, "ROLES__SLIM__ENABLED", "true")
    change(world, "ROLES__VALIDATOR__ENABLED", "false")
    world.run(20.0)
    assert world.ask("status")["sources"] == {}


def test_a_round_that_fails_as_a_whole_is_told_once_and_its_end_too(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many rounds it lasts: the log is for people."""

    def refuse(_members: object) -> dict[str, Reading]:
        raise EngineError("the engine refuses: 403")

    world.run(20.0)
    with monkeypatch.context() as patched:
        patched.setattr(world.engine, "sample", refuse)
        world.run(60.0)
        assert [e["reason"] for e in world.told("source.failed")] == ["the engine refuses: 403"]
    world.run(20.0)
    assert [e["reason"] for e in world.told("source.recovered")] == ["CPU is read again"]


def test_a_lowered_maximum_is_obeyed_while_nothing_can_be_read(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bounds need no reading; the rules themselves hold, and say that there is no data."""

    def refuse(_members: object) -> dict[str, Reading]:
        raise EngineError("the engine refuses: 403")

    world.grow(2)
    monkeypatch.setattr(world.engine, "sample", refuse)
    world.run(20.0)
    decision = world.role().decision
    assert decision is not None
    assert decision.reason.value == "no_data"
    change(world, "ROLES__VALIDATOR__MAX", "1")
    world.until(lambda: world.served() == ["validator-1"], 60.0)
