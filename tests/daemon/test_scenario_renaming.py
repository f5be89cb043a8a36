"""The whole controller on virtual time: somebody gives a member's container another name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from autoscaler.events import EventKind

if TYPE_CHECKING:
    from tests.daemon.conftest import MakeWorld, World

UNTRUE = {
    "member.died",
    "member.missing",
    "member.changed_by_hand",
    "member.unhealthy",
    "member.healthy",
}


def test_a_renamed_member_goes_on_and_is_told_as_renamed(world: World) -> None:
    """Nothing died, nothing was started by hand, nothing lacks; NGINX never goes without it."""
    world.grow(2)
    before = len(world.told())
    calls = list(world.engine.calls)
    world.engine.rename("validator-2", "node-b")
    world.run(60.0)
    told = [e for e in world.told()[before:] if e["event"] in UNTRUE or "renamed" in e["event"]]
    assert [(e["event"], e["before"], e["member"]) for e in told] == [
        ("member.renamed", "validator-2", "node-b")
    ]
    assert world.served() == ["node-b", "validator-1"]
    assert world.engine.calls == calls
    assert world.desired() == 2
    assert not [e for e in world.told() if e["event"] == "member.unpublished"]


def test_a_renamed_member_is_still_asked_for_its_health(world: World) -> None:
    """Also when its last probe was under way at that moment."""
    world.grow(2)
    world.seconds["probe"] = 2.0
    world.until(lambda: world.role().track("validator-2").probing)
    world.engine.rename("validator-2", "node-b")
    world.run(30.0)
    world.box("node-b").answers = False
    world.until(lambda: "node-b" not in world.served(), 60.0)


def test_a_member_renamed_on_its_way_out_is_stopped_under_its_new_name(world: World) -> None:
    """Renamed during the drain: it is drained and stopped all the same, the count stays one."""
    world.grow(2)
    world.seconds["drain"] = 10.0
    world.load("validator", 5.0)
    world.until(lambda: "drain validator-2" in world.jobs, 900.0)
    world.engine.rename("validator-2", "node-b")
    world.until(lambda: world.running() == ["validator-1"], 900.0)
    assert world.role().leaving == {}


def test_a_renamed_spare_is_started_under_its_new_name(make_world: MakeWorld) -> None:
    """And nobody is told that a member lacks, though fewer exist than the maximum allows."""
    world = make_world({"validator": 2}).start().run(20.0)
    world.engine.rename("validator-2", "node-b")
    world.run(10.0)
    world.load("validator", 95.0)
    world.until(lambda: "node-b" in world.served(), 60.0)
    assert not world.told("member.missing")


def test_a_member_renamed_out_of_sight_is_told_in_true_words(world: World) -> None:
    """Where members are listed by name it cannot be told from one that was removed."""
    world.grow(2)
    world.engine.emit(world.engine.boxes.pop("validator-2"), EventKind.RENAME)
    world.run(6.0)
    (died,) = world.told("member.died")
    assert died["reason"] == "its container was removed or renamed"
    (missing,) = world.told("member.missing")
    assert missing["reason"] == "no container has this name any more"
