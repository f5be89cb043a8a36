"""What `status` tells of what comes: the next step of each member, the next change of the count."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from autoscaler.errors import EngineError

if TYPE_CHECKING:
    from tests.daemon.conftest import World


def _role(world: World) -> dict[str, Any]:
    """Return what is told of the role."""
    role: dict[str, Any] = world.ask("status")["roles"]["validator"]
    return role


def _second(world: World) -> dict[str, Any] | None:
    """Return the next step of the second member."""
    step: dict[str, Any] | None = _role(world)["members"][1]["next_step"]
    return step


def test_a_member_at_rest_has_no_next_step(world: World) -> None:
    """Neither the one that serves nor a spare."""
    assert [m["next_step"] for m in _role(world)["members"]] == [None, None, None]


def test_a_start_under_way_is_the_next_step_of_its_member(world: World) -> None:
    """From the decision until it serves, one step after the other."""
    world.load("validator", 95.0)
    told: list[str] = []

    def watched() -> bool:
        step = _second(world)
        if step is not None and step["step"] not in told:
            told.append(step["step"])
        return len(world.served()) == 2

    world.until(watched)
    assert told[-1:] == ["publish"]
    assert "wait_healthy" in told


def test_a_stop_that_failed_is_told_with_when_it_is_tried_again(world: World) -> None:
    """The step, its reason and the seconds left."""
    world.grow(2)
    box = world.engine.boxes["validator-2"]
    box.stop_error = EngineError("device busy")
    world.load("validator", 5.0)
    found: list[dict[str, Any]] = []

    def waits() -> bool:
        step = _second(world)
        if step is not None and step["in_seconds"] > 0:
            found.append(step)
        return bool(found)

    world.until(waits)
    assert (found[0]["step"], found[0]["reason"]) == ("stop", "surplus: wanted are 1")


def test_the_next_change_is_told_in_seconds_and_by_the_wall_clock(world: World) -> None:
    """The time is that of the host plus the seconds; the change comes then."""
    world.grow(2)
    world.load("validator", 5.0)
    world.run(60)
    world.time.wall_offset += 0.9
    coming = _role(world)["next_change"]
    assert coming["desired"] == 1
    at = datetime.fromisoformat(coming["at"]).timestamp()
    expected = world.time.wall().timestamp() + coming["in_seconds"]
    assert abs(at - expected) <= 0.6  # to the nearest second, not the one before
    took = world.until(lambda: world.desired() == 1)
    assert abs(took - coming["in_seconds"]) <= 10
