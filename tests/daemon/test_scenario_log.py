"""The whole controller on virtual time: what the log says is what happened, no more and no less."""

from __future__ import annotations

from typing import TYPE_CHECKING

from autoscaler.errors import AutoscalerError, EngineError, NginxError

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.daemon.conftest import World

TOLD = {"member.started", "member.start_failed", "member.stopped", "member.stop_failed"}


def watch(world: World) -> list[tuple[str, str]]:
    """Return where every start and stop goes as the engine knows it: (event, member)."""
    happened: list[tuple[str, str]] = []

    def watched(call: Callable[..., None], good: str, bad: str) -> Callable[..., None]:
        def method(member: object, *rest: object) -> None:
            name = str(getattr(member, "name", ""))
            try:
                call(member, *rest)
            except AutoscalerError:
                happened.append((bad, name))
                raise
            happened.append((good, name))

        return method

    engine = world.engine
    vars(engine).update(
        start=watched(engine.start, "member.started", "member.start_failed"),
        stop=watched(engine.stop, "member.stopped", "member.stop_failed"),
    )
    return happened


def test_starts_and_stops_are_told_as_the_engine_did_them(world: World) -> None:
    """Through a growth with a spare that cannot start and a shrink with a stop that is refused."""
    happened = watch(world)
    second, third = world.box("validator-2"), world.box("validator-3")
    second.start_error = EngineError("port is already allocated")
    world.load("validator", 95.0)
    world.until(lambda: "validator-3" in world.served())
    second.start_error = None
    world.until(lambda: len(world.served()) == 3)
    third.stop_error = EngineError("the engine is busy")
    world.load("validator", 5.0)
    world.until(lambda: world.told("member.stop_failed"), 900.0)
    third.stop_error = None
    world.until(lambda: world.running() == ["validator-1"], 900.0)
    told = [(e["event"], e["member"]) for e in world.told() if e["event"] in TOLD]
    assert told == happened
    assert {event for event, _ in told} == TOLD


def test_every_reload_is_told_once_and_none_that_did_not_happen(world: World) -> None:
    """Also of those that failed first."""
    world.nginx.error = NginxError("not proven within 10 s")
    world.load("validator", 95.0)
    world.until(lambda: world.told("nginx.reload_failed"))
    world.nginx.error = None
    world.until(lambda: len(world.served()) == 3)
    assert len(world.told("nginx.reloaded")) == world.nginx.reloads


def test_a_change_is_one_record_with_the_numbers_it_was_made_on(world: World) -> None:
    """A growth by one is one decision in the log, however many ticks follow with the same load."""
    world.load("validator", 95.0)
    world.until(lambda: len(world.served()) == 2)
    world.load("validator", 60.0)
    world.run(300.0)
    changed = [e for e in world.told("scale.decided") if e["desired"] != e["desired_before"]]
    assert [(e["desired_before"], e["desired"], e["mean"]) for e in changed] == [(1, 2, 95.0)]
