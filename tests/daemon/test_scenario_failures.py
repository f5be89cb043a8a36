"""The whole controller on virtual time: crashes, spares that fail, NGINX and engine in trouble."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from autoscaler.errors import (
    EngineError,
    EngineUnavailableError,
    MemberUnusableError,
    NginxError,
    NginxTestFailedError,
    NginxUnreachableError,
    NoSuchMemberError,
)
from autoscaler.events import EngineEvent, EventKind
from autoscaler.model import (
    ContainerState,
    Health,
)

if TYPE_CHECKING:
    from tests.daemon.conftest import MakeWorld, World


# A member crashes or turns unhealthy.


def test_a_crashed_primary_leaves_nginx_at_once_and_is_started_again(world: World) -> None:
    """Out of NGINX well within a second of the event, then repaired without another member."""
    world.grow(2)
    world.engine.end("validator-1", 137)
    assert world.until(lambda: world.served() == ["validator-2"]) < 0.5
    world.until(lambda: world.served() == ["validator-1", "validator-2"])
    assert world.desired() == 2
    assert "start validator-3" not in world.engine.calls


def test_a_dead_member_does_not_wait_for_the_reload_interval(make_world: MakeWorld) -> None:
    """A reload a moment ago does not keep a dead member in NGINX."""
    world = make_world(NGINX__MIN_RELOAD_INTERVAL="60s").start()
    world.run(20.0).load("validator", 95.0)
    world.until(lambda: len(world.served()) == 2)
    world.engine.end("validator-2", 1)
    assert world.until(lambda: world.served() == ["validator-1"]) < 0.5


def test_the_first_member_of_a_role_that_answers_503_does_not_wait_either(
    make_world: MakeWorld,
) -> None:
    """The only member died, which cost a reload; its return costs the next one at once."""
    world = make_world(NGINX__MIN_RELOAD_INTERVAL="60s").start()
    world.run(20.0)
    world.crash("validator-1")
    assert world.until(lambda: world.served() == ["validator-1"]) < 5.0


def test_a_second_member_waits_for_the_reload_interval(make_world: MakeWorld) -> None:
    """Somebody answers already: changes that arrive together make one reload."""
    world = make_world(NGINX__MIN_RELOAD_INTERVAL="60s").start()
    world.run(20.0)
    world.crash("validator-1")
    world.until(lambda: world.served() == ["validator-1"])
    world.load("validator", 95.0)
    assert world.until(lambda: len(world.served()) == 2) > 55.0


def test_a_member_that_turns_unhealthy_is_replaced_and_then_stopped(world: World) -> None:
    """Its sibling is well: the sick one leaves, a spare comes, then the sick one is stopped."""
    world.grow(2)
    world.box("validator-2").answers = False
    world.until(lambda: world.served() == ["validator-1", "validator-3"])
    world.until(lambda: world.running() == ["validator-1", "validator-3"])
    assert world.desired() == 2


def test_a_sick_member_that_recovers_is_published_before_the_one_in_its_place_leaves(
    world: World,
) -> None:
    """Recovered on its way out it is chosen again, by its order; until then the other serves."""
    world.grow(2)
    world.seconds["drain"] = 60.0
    world.box("validator-2").answers = False
    world.until(lambda: "drain validator-2" in world.jobs, 60.0)
    world.box("validator-2").answers = True
    world.until(lambda: world.served() == ["validator-1", "validator-2"], 60.0)
    assert [
        (e["event"], e["member"])
        for e in world.told()
        if e["event"] in {"member.published", "member.unpublished"}
    ][-2:] == [("member.published", "validator-2"), ("member.unpublished", "validator-3")]
    generations = [e["generation"] for e in world.told("nginx.reloaded")]
    assert len(set(generations[-2:])) == 2


def test_the_unhealthy_verdict_of_a_container_counts_at_once(world: World) -> None:
    """No three probes are waited for when the container's own check says unhealthy."""
    world.grow(2)
    box = world.box("validator-2")
    box.health = Health.UNHEALTHY
    world.engine.emit(box, EventKind.UNHEALTHY)
    assert world.until(lambda: world.served() == ["validator-1"]) < 0.5


def test_a_member_that_crashes_three_times_is_quarantined_and_replaced(world: World) -> None:
    """The first two crashes are repaired, the third time a spare takes over."""
    world.grow(2)
    for _ in range(3):
        world.crash("validator-2")
    world.until(lambda: world.served() == ["validator-1", "validator-3"])
    assert [e["failures"] for e in world.told("member.quarantined")] == [3]


def test_a_member_that_its_restart_policy_revives_after_each_crash_is_quarantined_too(
    world: World,
) -> None:
    """The engine's restart policy hides no flapping: each crash would cost two reloads."""
    world.grow(2)
    world.box("validator-2").restarts = True
    for _ in range(3):
        world.crash("validator-2")
    world.until(lambda: world.served() == ["validator-1", "validator-3"])


def test_restarts_by_hand_are_no_crashes(world: World) -> None:
    """`docker restart` three times in ten minutes does not quarantine a member."""
    world.grow(2)
    for _ in range(3):
        world.until(lambda: "validator-2" in world.served())
        world.engine.end("validator-2", 0, stop=True)
        world.time.after(0.5, lambda: world.engine.begin("validator-2"))
        world.run(2.0)
    world.until(lambda: world.served() == ["validator-1", "validator-2"])
    assert world.told("member.quarantined") == []


def test_a_paused_member_leaves_nginx_and_is_replaced(world: World) -> None:
    """Paused by a person: it cannot answer, and nobody touches it."""
    world.grow(2)
    box = world.box("validator-2")
    box.state = ContainerState.PAUSED
    world.engine.emit(box, EventKind.PAUSE)
    world.until(lambda: world.served() == ["validator-1", "validator-3"])
    assert not any("validator-2" in call for call in world.engine.calls[1:])


# A spare that fails.


@pytest.mark.parametrize("health", [Health.NONE, Health.HEALTHY])
def test_a_member_cut_off_its_network_is_replaced(world: World, health: Health) -> None:
    """`docker network disconnect`: nobody reaches it, whatever its own check says. A spare takes
    its place; connected again, it serves.
    """
    first = world.box("validator-1")
    first.health = health
    world.run(10.0)
    first.cut_off = True
    world.until(lambda: world.served() == ["validator-2"], 30.0)
    assert "has no address on any network" in world.told("member.unhealthy")[0]["reason"]
    first.cut_off = False
    world.until(lambda: "validator-1" in world.served(), 30.0)


def test_a_spare_that_never_becomes_healthy_is_stopped_and_the_next_one_tried(
    world: World,
) -> None:
    """After start_timeout (180 s) it is stopped and quarantined, and validator-3 serves."""
    world.box("validator-2").answers = False
    world.load("validator", 95.0)
    world.until(lambda: "validator-3" in world.served())
    failed = world.told("member.start_failed")
    assert [(e["member"], e["quarantine_seconds"]) for e in failed] == [("validator-2", 30.0)]
    assert "stop validator-2" in world.engine.calls


def test_a_spare_that_dies_at_once_is_quarantined_and_the_next_one_tried(world: World) -> None:
    """200 ms after the start it is gone: one failed start, not a crash, and validator-3 serves."""
    world.box("validator-2").dies_after = 0.2
    world.load("validator", 95.0)
    assert world.until(lambda: "validator-3" in world.served()) < 20.0
    first = world.told("member.start_failed")[0]
    assert (first["member"], first["quarantine_seconds"]) == ("validator-2", 30.0)


def test_quarantine_doubles_with_each_failed_start(world: World) -> None:
    """30, 60 and 120 s between the tries of a spare that cannot start."""
    del world.engine.boxes["validator-3"]
    world.box("validator-2").dies_after = 0.2
    world.load("validator", 95.0)
    world.until(lambda: len(world.told("member.start_failed")) == 4)
    failed = world.told("member.start_failed")
    assert [e["quarantine_seconds"] for e in failed] == [30.0, 60.0, 120.0, 240.0]


def test_the_only_spare_that_never_becomes_healthy_is_stopped_too(make_world: MakeWorld) -> None:
    """No other can take its place; it is not left running for nothing."""
    world = make_world({"validator": 2}).start().run(20.0)
    world.box("validator-2").answers = False
    world.load("validator", 95.0)
    world.until(lambda: world.told("member.start_failed"), 300.0)
    world.until(lambda: world.running() == ["validator-1"], 5.0)


@pytest.mark.parametrize(
    ("error", "event"),
    [
        (EngineError("port is already allocated"), "member.start_failed"),
        (MemberUnusableError("network gone: create it"), "member.unusable"),
    ],
)
def test_a_start_that_the_engine_refuses_is_told_once_and_quarantined_once(
    world: World, error: EngineError, event: str
) -> None:
    """One refusal is one event and 30 s of quarantine; the next spare is tried meanwhile."""
    world.box("validator-2").start_error = error
    world.load("validator", 95.0)
    world.until(lambda: "validator-3" in world.served())
    told = [e for e in world.told() if e["event"] in {"member.start_failed", "member.unusable"}]
    assert [(e["event"], e["retry_seconds"]) for e in told] == [(event, 30.0)]


def test_a_start_that_timed_out_at_the_engine_is_no_fault_of_the_member(world: World) -> None:
    """The engine's trouble quarantines nobody: the start is tried again after a second."""
    box = world.box("validator-2")
    box.start_error = EngineUnavailableError("no answer within 10 s")
    world.load("validator", 95.0)
    world.until(lambda: "start validator-2" in world.engine.calls)
    box.start_error = None
    assert world.until(lambda: "validator-2" in world.served()) < 10.0
    assert [e.get("quarantine_seconds") for e in world.told("member.start_failed")] == [None]


def test_a_start_of_a_vanished_container_is_not_repeated_in_a_busy_loop(world: World) -> None:
    """It is tried once per look, not as fast as the engine can refuse."""
    world.box("validator-2").start_error = NoSuchMemberError("no such container")
    world.seconds["look"] = 5.0
    world.run(10.0)
    world.load("validator", 95.0)
    world.until(lambda: "start validator-2" in world.engine.calls)
    del world.engine.boxes["validator-2"]
    world.run(10.0)
    assert world.engine.calls.count("start validator-2") <= 2


def test_the_primary_that_never_became_healthy_is_told_and_left_running(
    make_world: MakeWorld,
) -> None:
    """It is never stopped; a spare takes its place."""
    world = make_world()
    world.box("validator-1").answers = False
    world.start()
    world.until(lambda: world.served() == ["validator-2"])
    assert "validator-1" in world.running()
    assert [e["member"] for e in world.told("member.start_failed")] == ["validator-1"]


# NGINX in trouble.


def test_a_failing_nginx_test_stops_nobody_and_is_tried_again(world: World) -> None:
    """The surplus member runs on until NGINX takes the new file, then it goes."""
    world.grow(2)
    world.nginx.error = NginxTestFailedError("NGINX refuses", "[emerg] unknown directive")
    world.load("validator", 5.0)
    world.until(lambda: world.told("nginx.test_failed"), 900.0)
    world.run(120.0)
    assert world.running() == ["validator-1", "validator-2"]
    assert len(world.told("nginx.test_failed")) == 1, "the same words are told once"
    assert world.nginx.tries > 5
    world.nginx.error = None
    world.until(lambda: world.running() == ["validator-1"], 60.0)


def test_a_reload_that_was_not_proven_keeps_both_old_and_new_members_from_being_stopped(
    world: World,
) -> None:
    """NGINX may have taken the file or not: who stands in either gets no stop."""
    world.grow(2)
    world.nginx.error = NginxError("not proven within 10 s")
    world.nginx.takes_it_anyway = True
    world.load("validator", 5.0)
    world.until(lambda: world.told("nginx.reload_failed"), 900.0)
    world.run(60.0)
    assert "validator-2" in world.running()


def test_while_nginx_is_gone_nothing_is_started_for_it(world: World) -> None:
    """Scaling waits; when it is back the spare comes."""
    world.nginx.error = NginxUnreachableError("the container proxy does not run")
    world.nginx.generation = "lost"
    world.load("validator", 60.0)
    world.until(lambda: world.told("nginx.unreachable"))
    world.load("validator", 95.0)
    world.run(60.0)
    assert world.running() == ["validator-1"]
    world.nginx.error = None
    world.until(lambda: len(world.served()) >= 2)


def test_a_generation_that_nginx_lost_is_published_again(world: World) -> None:
    """An NGINX that came back with an older file gets the right one at the next tick."""
    world.nginx.generation = "old"
    world.box("validator-1").served = False
    world.until(lambda: world.served() == ["validator-1"], 6.0)
    assert len(world.told("nginx.generation_lost")) == 1


# The engine in trouble.


def test_an_engine_that_does_not_answer_holds_everything(world: World) -> None:
    """No decision, no step, NGINX as it is, one event however long it takes."""
    world.grow(2)
    world.engine.down = True
    before = list(world.engine.calls)
    reloads = world.nginx.reloads
    world.load("validator", 5.0)
    world.run(900.0)
    assert world.engine.calls == before
    assert world.nginx.reloads == reloads
    assert world.desired() == 2
    assert len(world.told("engine.unavailable")) == 1


def test_a_gap_in_the_readings_is_not_low_load(world: World) -> None:
    """After ten blind minutes the whole grace passes before a member leaves."""
    world.grow(2)
    world.engine.blind = True
    world.load("validator", 5.0)
    world.run(600.0)
    world.engine.blind = False
    sighted = world.time.now
    world.until(lambda: world.told("member.stopped"), 900.0)
    assert world.told("member.stopped")[0]["at"] - sighted >= 300.0


def test_after_an_engine_restart_publishing_comes_before_all_other_work(world: World) -> None:
    """Addresses may have been handed to others, so NGINX is asked before anything is started."""
    world.grow(3)
    engine = world.engine
    engine.down = True
    for name in ("validator-1", "validator-3"):
        engine.boxes[name].state = ContainerState.EXITED
    one, two = engine.boxes["validator-1"], engine.boxes["validator-2"]
    one.ip, two.ip = two.ip, one.ip
    world.run(20.0)
    engine.down = False
    del world.jobs[:]
    world.seconds["publish"] = 3.0
    world.post(EngineEvent(EventKind.CONNECTED))
    world.until(lambda: "publish" in world.jobs)
    world.run(1.5)
    assert not [j for j in world.jobs if j.startswith("start")]
    world.until(lambda: len(world.served()) == 3)
    assert world.desired() == 3


@pytest.mark.parametrize("noticed_by", ["event stream", "look"])
def test_addresses_exchanged_by_an_engine_restart_are_published_anew_whoever_notices_it(
    world: World, noticed_by: str
) -> None:
    """A restart between two looks shows only in the event stream, and one while the stream is
    silent only in a look: either way NGINX is asked before anything is started.
    """
    world.grow(2)
    engine = world.engine
    one, two = engine.boxes["validator-1"], engine.boxes["validator-2"]
    engine.deaf = noticed_by == "look"
    engine.down = engine.deaf
    world.run(20.0 if engine.down else 0.1)
    one.ip, two.ip = two.ip, one.ip
    engine.boxes["validator-2"].state = ContainerState.EXITED
    engine.down = False
    world.seconds["publish"] = 3.0
    del world.jobs[:]
    if not engine.deaf:
        world.post(EngineEvent(EventKind.DISCONNECTED))
        world.post(EngineEvent(EventKind.CONNECTED))
    world.until(lambda: "publish" in world.jobs, 10.0)
    world.run(1.0)
    assert not [j for j in world.jobs if j.startswith("start")]
    world.until(lambda: len(world.served()) == 2, 60.0)


def test_an_engine_restart_is_no_wish_to_have_fewer_members(world: World) -> None:
    """kill, die and stop were seen for all, then the stream ended: all are started again."""
    world.grow(3)
    for name in ("validator-1", "validator-2", "validator-3"):
        world.engine.end(name, 0, stop=True)
    world.post(EngineEvent(EventKind.DISCONNECTED))
    world.engine.down = True
    world.run(30.0)
    world.engine.down = False
    world.post(EngineEvent(EventKind.CONNECTED))
    world.until(lambda: len(world.served()) == 3)
    assert world.desired() == 3


def test_without_the_event_stream_ticks_alone_find_a_crash(world: World) -> None:
    """Events only make it faster."""
    world.grow(2)
    world.engine.deaf = True
    world.engine.end("validator-2", 1)
    assert world.until(lambda: world.served() == ["validator-1"]) < 6.0
    world.until(lambda: len(world.served()) == 2)


def test_the_engine_may_be_absent_at_the_start(make_world: MakeWorld) -> None:
    """The daemon waits for it and then begins as always."""
    world = make_world()
    world.engine.down = True
    world.start().run(30.0)
    assert len(world.told("engine.unavailable")) == 1
    world.engine.down = False
    world.until(lambda: world.served() == ["validator-1"], 10.0)


def test_a_member_that_is_long_in_starting_does_not_keep_the_others_out_of_nginx(
    make_world: MakeWorld,
) -> None:
    """At the daemon's start one check still says `starting`: the first publish waits seconds."""
    world = make_world({"validator": 3, "business": 2}, ROLES__BUSINESS__ENABLED="true")
    slow = world.box("business-1")
    slow.health, slow.answers = Health.STARTING, False
    world.start()
    world.until(lambda: world.served() == ["validator-1"], 30.0)


def test_a_member_proven_early_loses_its_readiness_when_its_probes_fail(
    make_world: MakeWorld,
) -> None:
    """Ready by its health path while the check still says `starting`: the path must go on."""
    world = make_world()
    world.box("validator-1").health = Health.STARTING
    world.start()
    world.until(lambda: world.served() == ["validator-1"])
    world.box("validator-1").answers = False
    world.until(lambda: "validator-1" not in world.served(), 30.0)
