"""The whole controller on virtual time: growing and shrinking."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from autoscaler.errors import EngineError

if TYPE_CHECKING:
    from tests.daemon.conftest import MakeWorld, World


def test_load_above_the_threshold_brings_spares_into_service_lowest_order_first(
    world: World,
) -> None:
    """95 % on one validator: the second is published before the third is started."""
    world.load("validator", 95.0)
    world.until(lambda: len(world.served()) == 3)
    published = [e["member"] for e in world.told("member.published")]
    assert published == ["validator-1", "validator-2", "validator-3"]
    assert world.engine.calls == ["start validator-2", "start validator-3"]


def test_low_load_takes_one_member_at_a_time_down_after_the_grace(world: World) -> None:
    """No member is stopped within 300 s of the last high reading, and then one per 60 s."""
    world.grow()
    world.load("validator", 5.0)
    low_since = world.time.now
    world.until(lambda: world.running() == ["validator-1"], 900.0)
    stopped = world.told("member.stopped")
    assert [e["member"] for e in stopped] == ["validator-3", "validator-2"]
    assert stopped[0]["at"] - low_since >= 295.0
    assert 55.0 <= stopped[1]["at"] - stopped[0]["at"] <= 70.0


def test_a_member_leaves_in_the_order_unpublished_drained_stopped(world: World) -> None:
    """The three events of a removal come in that order for the same member."""
    world.grow(2)
    world.load("validator", 5.0)
    world.until(lambda: world.told("member.stopped"), 900.0)
    story = [
        (e["event"], e["reason"])
        for e in world.told()
        if e.get("member") == "validator-2" and e["event"] != "member.healthy"
    ]
    assert story == [
        ("member.started", "wanted are 2"),
        ("member.published", "it is healthy"),
        ("member.unpublished", "it is surplus"),
        ("member.drained", "no request is left in it"),
        ("member.stopped", "surplus: wanted are 1"),
    ]


@pytest.mark.parametrize("ready_after", [0.0, 2.0])
def test_a_member_is_published_the_moment_it_is_proven_healthy(
    world: World, ready_after: float
) -> None:
    """No tick is waited for, whether its first probe proves it or a later one: nothing lies
    between but the reload. It says how long it took.
    """
    world.box("validator-2").ready_after = ready_after
    world.grow(2)
    (healthy,) = [e for e in world.told("member.healthy") if e["member"] == "validator-2"]
    published = world.told("member.published")[-1]
    assert published["at"] - healthy["at"] == pytest.approx(world.seconds["publish"])
    assert healthy["seconds_since_start"] == pytest.approx(ready_after, abs=0.1)


def test_roles_are_scaled_on_their_own(make_world: MakeWorld) -> None:
    """Load on the business nodes starts no validator."""
    world = make_world({"validator": 3, "business": 2}, ROLES__BUSINESS__ENABLED="true").start()
    world.run(20.0)
    world.load("business", 95.0)
    world.until(lambda: len(world.served("business")) == 2)
    assert world.running("validator") == ["validator-1"]


def test_load_that_returns_during_a_drain_brings_the_member_back_without_a_stop(
    world: World,
) -> None:
    """A member under drain that is wanted again is published again and never stopped."""
    world.drain_second()
    world.load("validator", 95.0)
    world.until(lambda: "validator-2" in world.served(), 60.0)
    world.run(60.0)
    assert world.told("member.stopped") == []


def test_a_role_in_trouble_does_not_stop_the_others(make_world: MakeWorld) -> None:
    """None of its members can be started or stopped, and its primary dies again and again; the
    other role grows and shrinks as ever.
    """
    world = make_world({"validator": 3, "business": 2}, ROLES__BUSINESS__ENABLED="true").start()
    world.run(20.0)
    for name in ("business-1", "business-2"):
        world.box(name).start_error = EngineError("no space left on device")
        world.box(name).stop_error = EngineError("no space left on device")
    world.engine.end("business-1", 137)
    world.run(5.0)
    world.load("validator", 95.0)
    assert world.until(lambda: len(world.served()) == 3) < 60.0
    world.load("validator", 5.0)
    assert world.until(lambda: world.running() == ["validator-1"], 900.0) < 500.0
    assert world.told("member.start_failed")[0]["role"] == "business"
