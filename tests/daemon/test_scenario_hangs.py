"""The whole controller on virtual time: something outside never answers, and that is told."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from autoscaler.daemon.service import summary
from autoscaler.daemon.viewing import view

if TYPE_CHECKING:
    from tests.daemon.conftest import World

NEVER = 1e9


@pytest.mark.parametrize("job", ["look", "sample"])
def test_a_look_that_never_comes_back_is_told_and_the_loop_lives(world: World, job: str) -> None:
    """As on a file system that hangs: one line in the log, in the status and for systemd, and no
    readiness, else a blind daemon would seem well; nobody is started or stopped meanwhile.
    """
    world.grow(2)
    calls = list(world.engine.calls)
    world.seconds[job] = NEVER
    world.load("validator", 95.0)
    world.run(600.0)
    (told,) = world.told("look.late")
    assert "has not come back" in told["reason"]
    assert world.ask("status")["late"] == told["reason"]
    assert told["reason"] in summary(world.controller.state)
    assert not view(world.controller.state, world.controller._moment()).ready
    assert world.engine.calls == calls
    assert len(world.served()) == 2


@pytest.mark.parametrize("job", ["probe", "publish", "start"])
def test_work_that_never_comes_back_does_not_keep_the_loop_from_deciding(
    world: World, job: str
) -> None:
    """Rounds of readings go on and an operator is answered."""
    world.seconds[job] = NEVER
    world.load("validator", 95.0)
    world.run(300.0)
    sampled = world.controller.state.sampled_at
    assert sampled is not None
    assert world.time.now - sampled < 10.0
    assert world.ask("status")["roles"]["validator"]["desired"] > 1
    assert world.told("look.late") == []


def test_a_look_that_comes_back_late_is_told_as_over(world: World) -> None:
    """Once, with how long it took, and everything goes on."""
    world.seconds["look"] = 100.0
    world.run(10.0)
    world.seconds["look"] = 0.02
    world.until(lambda: world.told("look.recovered"), 120.0)
    assert len(world.told("look.late")) == 1
    assert world.ask("status")["late"] == ""
    assert view(world.controller.state, world.controller._moment()).ready
    world.load("validator", 95.0)
    world.until(lambda: len(world.served()) == 2, 60.0)


def test_readings_that_come_back_do_not_hide_a_look_that_does_not(world: World) -> None:
    """Both are late; until both are back the status says which is not."""
    world.seconds["sample"] = 200.0
    world.run(6.0)
    world.seconds["look"] = NEVER
    world.until(lambda: len(world.told("look.late")) == 2, 300.0)
    world.until(lambda: world.told("look.recovered"), 300.0)
    late = world.ask("status")["late"]
    assert "the look at the engine" in late
