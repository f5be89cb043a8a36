"""The whole controller on virtual time: what people do to containers, and what looks like it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from autoscaler.events import EventKind

if TYPE_CHECKING:
    from tests.daemon.conftest import MakeWorld, World


def test_a_member_started_by_hand_is_adopted_at_once(world: World) -> None:
    """The count is two from now on, and it serves."""
    world.engine.begin("validator-2")
    world.until(lambda: world.served() == ["validator-1", "validator-2"], 10.0)
    assert world.desired() == 2
    told = world.told("member.changed_by_hand")
    assert [(e["member"], e["change"], e["reason"]) for e in told] == [
        ("validator-2", "started", "adopted")
    ]


def test_a_stop_by_hand_under_a_pin_is_told_to_be_undone_by_it(world: World) -> None:
    """Not that load will start it again; the pin does at once."""
    world.ask("scale", role="validator", count=2, seconds=3600.0, reason="sale")
    world.until(lambda: len(world.served()) == 2)
    world.run(60.0)
    world.engine.end("validator-2", 0, stop=True)
    world.until(lambda: world.told("member.changed_by_hand"))
    (told,) = world.told("member.changed_by_hand")
    assert told["hint"] == "the pin at 2 undoes it; end that first: autoscaler resume validator"
    world.until(lambda: len(world.served()) == 2)


def test_a_member_started_by_hand_gets_the_whole_grace(world: World) -> None:
    """Low load at that moment does not stop it within 300 s."""
    world.load("validator", 5.0)
    world.run(400.0)
    world.engine.begin("validator-2")
    began = world.time.now
    world.until(lambda: world.told("member.stopped"), 900.0)
    assert world.told("member.stopped")[0]["at"] - began >= 300.0


def test_two_members_started_by_hand_at_once_are_both_adopted(world: World) -> None:
    """Each is told as adopted; neither is called one too many."""
    world.engine.begin("validator-2")
    world.engine.begin("validator-3")
    world.until(lambda: len(world.served()) == 3, 10.0)
    told = world.told("member.changed_by_hand")
    assert [(e["member"], e["reason"], e["desired"]) for e in told] == [
        ("validator-2", "adopted", 2),
        ("validator-3", "adopted", 3),
    ]


def test_a_member_started_by_hand_beside_one_being_drained_counts_as_one(world: World) -> None:
    """The one that we take down is no wish of anybody's."""
    world.drain_second()
    world.engine.begin("validator-3")
    world.run(2.0)
    assert world.desired() == 2


def test_a_member_started_by_hand_above_the_maximum_is_stopped_again(
    make_world: MakeWorld,
) -> None:
    """The maximum is 2: the third is told as too many, and goes."""
    world = make_world(ROLES__VALIDATOR__MAX="2").start()
    world.run(20.0)
    world.grow(2)
    world.engine.begin("validator-3")
    world.until(lambda: world.running() == ["validator-1", "validator-2"], 30.0)
    assert [e["reason"] for e in world.told("member.changed_by_hand")] == ["above_max"]


def test_a_member_stopped_by_hand_is_adopted_after_it_settled(world: World) -> None:
    """Nothing is started for 15 s, then the count is one less."""
    world.grow(2)
    world.engine.end("validator-2", 0, stop=True)
    world.run(14.0)
    assert world.desired() == 2
    assert world.running() == ["validator-1"]
    world.run(3.0)
    assert world.desired() == 1
    assert [e["reason"] for e in world.told("member.changed_by_hand")] == ["adopted"]
    assert world.engine.calls == ["start validator-2"]


def test_a_stop_by_hand_below_the_minimum_is_repaired_after_it_settled(world: World) -> None:
    """The log says how to keep it down."""
    world.engine.end("validator-1", 0, stop=True)
    world.run(14.0)
    assert world.running() == []
    world.until(lambda: world.served() == ["validator-1"], 10.0)
    told = world.told("member.changed_by_hand")[0]
    assert told["reason"] == "below_min"
    assert "AUTOSCALER_FREEZE_FILE" in told["hint"]


def test_another_change_in_the_role_puts_the_verdict_off(world: World) -> None:
    """`compose up` goes through the members one by one: nothing has settled yet."""
    world.grow(3)
    world.engine.end("validator-2", 0, stop=True)
    world.run(10.0)
    world.engine.end("validator-3", 0, stop=True)
    world.run(10.0)
    assert world.desired() == 3
    world.run(8.0)
    assert world.desired() == 1


def test_a_start_elsewhere_in_the_role_puts_the_verdict_off_too(world: World) -> None:
    """`compose restart` stops and starts: ten seconds after a start nothing has settled."""
    world.grow(2)
    world.engine.end("validator-2", 0, stop=True)
    world.run(10.0)
    world.engine.begin("validator-3")
    world.run(10.0)
    assert world.role().hands.awaits("validator-2")


def test_a_member_started_by_hand_in_place_of_a_dead_one_adds_none(world: World) -> None:
    """Two are wanted and two run again: nothing to adopt, and the log says so."""
    world.grow(2)
    world.engine.end("validator-2", 0, stop=True)
    world.run(1.0)
    world.engine.begin("validator-3")
    world.run(2.0)
    assert world.desired() == 2
    assert [e["reason"] for e in world.told("member.changed_by_hand")] == ["place_filled"]


def test_a_member_that_compose_makes_anew_keeps_the_count(world: World) -> None:
    """The same name under another id: no lower count, no crash, and it serves again."""
    world.grow(2)
    world.engine.recreate("validator-2")
    world.until(lambda: world.served() == ["validator-1"])
    world.until(lambda: world.served() == ["validator-1", "validator-2"])
    assert world.desired() == 2


def test_deployments_do_not_count_as_crashes(world: World) -> None:
    """Three times recreated within ten minutes, and still not quarantined."""
    world.grow(2)
    for _ in range(4):
        world.until(lambda: "validator-2" in world.served())
        world.engine.recreate("validator-2")
        world.run(3.0)
    world.until(lambda: world.served() == ["validator-1", "validator-2"])
    assert world.told("member.quarantined") == []


def test_a_container_that_is_gone_is_told_once_and_told_when_it_is_back(world: World) -> None:
    """`docker container prune` deletes spares."""
    gone = world.engine.boxes.pop("validator-3")
    world.run(60.0)
    assert [e["member"] for e in world.told("member.missing")] == ["validator-3"]
    world.engine.boxes["validator-3"] = gone
    world.run(6.0)
    assert [e["member"] for e in world.told("member.found")] == ["validator-3"]


def test_a_container_that_another_replaced_is_not_missed_for_ever(world: World) -> None:
    """As of a service that was renamed: nothing lacks, and nobody could mend it."""
    gone = world.engine.boxes.pop("validator-3")
    world.run(12.0)
    assert world.role().missing == {"validator-3"}
    world.engine.boxes["node-c"] = replace(gone, name="node-c")
    world.run(12.0)
    assert world.role().missing == set()
    world.engine.boxes.pop("node-c")
    world.run(12.0)
    assert world.role().missing == {"node-c"}


def test_a_stop_of_ours_is_not_taken_for_somebodys(world: World) -> None:
    """Shrinking tells of no change by hand, even when the stop event comes late."""
    world.grow(2)
    world.load("validator", 5.0)
    world.until(lambda: world.told("member.stopped"), 900.0)
    world.engine.emit(world.box("validator-2"), EventKind.STOP)
    world.load("validator", 95.0)
    world.until(lambda: len(world.served()) == 2, 30.0)
    assert world.told("member.changed_by_hand") == []


def test_a_restart_within_two_looks_is_noticed(world: World) -> None:
    """Without events a `docker restart` shows only as another run: it must be proven again."""
    world.grow(2)
    world.engine.deaf = True
    world.engine.end("validator-2", 0, stop=True)
    world.engine.begin("validator-2")
    world.run(5.5)
    runs = [e for e in world.told("member.healthy") if e["member"] == "validator-2"]
    assert len(runs) == 2


def test_a_restart_policy_asks_for_no_more_members(world: World) -> None:
    """A member that crashes again and again is started by the engine each time, also after a
    spare took its place: nobody wished for three.
    """
    world.grow(2)
    box = world.box("validator-2")
    box.restarts, box.ready_after, box.dies_after = True, 0.5, 4.0
    world.engine.end("validator-2", 1)
    world.until(lambda: world.told("member.quarantined"), 60.0)
    world.until(lambda: "validator-3" in world.served(), 60.0)
    world.run(20.0)
    assert world.desired() == 2
    assert world.told("member.changed_by_hand") == []


def test_an_unpaused_member_adds_none(world: World) -> None:
    """A spare took its place when it was paused; going on it is one too many, not one more."""
    world.grow(2)
    world.engine.pause("validator-2")
    world.until(lambda: world.served() == ["validator-1", "validator-3"], 30.0)
    world.engine.pause("validator-2", again=True)
    world.until(lambda: len(world.running()) == 2, 60.0)
    assert world.desired() == 2
    assert world.told("member.changed_by_hand") == []


def test_spares_that_a_restarted_engine_brings_up_are_taken_over_and_leave_by_the_rules(
    world: World,
) -> None:
    """`restart: always` starts all of them: they serve, it is told, and low load takes them down
    one by one, drained, as any other.
    """
    world.engine.down = True
    world.run(30.0)
    for name in ("validator-2", "validator-3"):
        world.engine.begin(name)
    world.engine.down = False
    world.until(lambda: len(world.served()) == 3, 30.0)
    assert world.desired() == 3
    assert [e["reason"] for e in world.told("member.changed_by_hand")] == ["adopted"] * 2
    world.load("validator", 5.0)
    world.until(lambda: world.running() == ["validator-1"], 900.0)
