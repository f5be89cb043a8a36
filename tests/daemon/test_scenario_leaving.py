"""The whole controller on virtual time: a member on its way out that is needed after all."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from autoscaler.errors import EngineError, EngineUnavailableError
from autoscaler.model import StepKind

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.daemon.conftest import World


def dies(world: World) -> None:
    """Let the only member in service end."""
    world.engine.end("validator-1", 137)


def turns_sick(world: World) -> None:
    """Let the only member in service answer no more."""
    world.box("validator-1").answers = False


def one_too_many(world: World) -> World:
    """Let two serve and the load fall: from now on the second is on its way out."""
    world.grow(2)
    world.load("validator", 5.0)
    return world


def stays(world: World) -> None:
    """Wait for the second member to serve in the first one's place, and see that it goes on."""
    world.until(lambda: world.served() == ["validator-2"], 10.0)
    world.run(5.0)
    assert "validator-2" in world.served()
    assert world.told("member.stopped") == []


@pytest.mark.parametrize("loses", [dies, turns_sick])
def test_a_member_under_drain_serves_again_when_its_sibling_is_lost(
    world: World, loses: Callable[[World], None]
) -> None:
    """It runs and answers: nobody is faster than it."""
    world.seconds["drain"] = 30.0
    one_too_many(world).until(lambda: "drain validator-2" in world.jobs, 900.0)
    loses(world)
    stays(world)
    assert "start validator-3" not in world.jobs


def test_a_member_whose_stop_failed_serves_again_when_its_sibling_is_lost(
    world: World,
) -> None:
    """The next try is due in a while; the member is drained and answers."""
    world.box("validator-2").stop_error = EngineError("the engine could not")
    one_too_many(world).until(lambda: world.told("member.stop_failed"), 900.0)
    world.run(60.0)
    dies(world)
    stays(world)


def test_a_member_whose_stop_failed_and_that_serves_again_is_told_to_have_died(
    world: World,
) -> None:
    """The engine said no to the stop: what ends the member later is not that stop."""
    world.box("validator-2").stop_error = EngineError("the engine could not")
    one_too_many(world).until(lambda: world.told("member.stop_failed"), 900.0)
    dies(world)
    stays(world)
    world.engine.end("validator-2", 1)
    world.run(1.0)
    assert [e["member"] for e in world.told("member.died")] == ["validator-1", "validator-2"]


def test_a_stop_that_timed_out_at_the_engine_is_still_ours_when_it_takes_effect(
    world: World,
) -> None:
    """It did not answer in time, which is no refusal: the member ends a while later."""
    world.box("validator-2").stop_error = EngineUnavailableError("it did not answer in time")
    one_too_many(world).until(lambda: world.told("member.stop_failed"), 900.0)
    world.engine.end("validator-2", 0, stop=True)
    world.run(60.0)
    assert world.told("member.died") == []
    assert world.told("member.changed_by_hand") == []


def test_a_drained_member_that_a_freeze_keeps_serves_again_when_its_sibling_is_lost(
    world: World,
) -> None:
    """No member may be started or stopped, but one that answers may serve."""
    world.seconds["drain"] = 6.0
    one_too_many(world).until(lambda: "drain validator-2" in world.jobs, 900.0)
    (world.folder / "freeze").write_text("an audit", encoding="utf-8")
    world.until(lambda: world.told("member.drained"))
    dies(world)
    stays(world)


def test_a_member_that_is_just_leaving_nginx_serves_again_when_its_sibling_is_lost(
    world: World,
) -> None:
    """Its reload is under way; the next one brings it back, and no drain begins."""
    one_too_many(world)
    world.seconds["publish"] = 4.0
    world.until(lambda: world.controller.state.publication.busy, 900.0)
    dies(world)
    world.until(lambda: world.served() == ["validator-2"], 20.0)
    world.run(20.0)
    assert "stop validator-2" not in world.jobs


def test_a_stop_that_has_begun_is_not_mistaken_for_a_member_that_can_serve(world: World) -> None:
    """It takes a while and the sibling dies meanwhile: the primary is started, then one answers."""
    world.seconds["stop"] = 20.0
    one_too_many(world).until(lambda: "stop validator-2" in world.jobs, 900.0)
    dies(world)
    world.until(lambda: not world.served(), 2.0)
    world.until(lambda: world.served() == ["validator-1"], 10.0)
    assert "validator-2" in world.running()


def test_a_drain_ends_when_its_member_is_wanted_again(world: World) -> None:
    """It serves at once, and nobody is told that it was drained."""
    world.seconds["drain"] = 20.0
    world.grow(2)
    world.ask("scale", role="validator", count=1, reason="test", seconds=3600.0)
    world.until(lambda: world.role().busy(StepKind.DRAIN))
    world.ask("scale", role="validator", count=2, reason="test", seconds=3600.0)
    world.until(lambda: len(world.served()) == 2, 10.0)
    world.run(30.0)
    assert world.told("member.drained") == []
    assert world.told("member.stopped") == []
