"""Lifecycle hooks under a whole daemon on virtual time: when they run, and when they fail."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from autoscaler.daemon.hooking import TOLD_TRIES
from autoscaler.errors import AutoscalerError, HookFailedError
from autoscaler.hooks import HookFailure

if TYPE_CHECKING:
    from tests.daemon.conftest import MakeWorld, World

JOIN, LEAVE = "exec: join --all", "http://:9004/leave"
HOOKS = {
    "ROLES__VALIDATOR__AFTER_HEALTHY": JOIN,
    "ROLES__VALIDATOR__BEFORE_STOP": LEAVE,
    "ROLES__VALIDATOR__SCALE_DOWN_WINDOW": "10s",
}
NOT_YET = HookFailedError("it ended with exit code 3", HookFailure.EXIT_CODE, "not yet")


@pytest.fixture
def hooked(make_world: MakeWorld) -> World:
    """A running daemon of one validator in service and two spares, with both hooks."""
    world = make_world(**HOOKS).start()
    world.until(lambda: world.served() == ["validator-1"])
    return world.run(20.0)


def calls(world: World, name: str = "validator-2") -> list[str]:
    """Return what the engine was asked to do with a member: start, join, leave, stop."""
    words = {JOIN: "join", LEAVE: "leave"}
    found = [call.split(maxsplit=2) for call in world.engine.calls]
    return [words[rest[1]] if verb == "hook" else verb for verb, *rest in found if rest[0] == name]


def shrink(world: World, count: int = 1) -> None:
    """Take the load off a role and wait until so many members run."""
    world.load("validator", 5.0)
    world.until(lambda: len(world.running()) == count)


def in_hook_before_stop(world: World, seconds: float = 5.0) -> None:
    """Grow to two, take the load off and wait until the second is in its hook before stop."""
    world.grow(2)
    world.seconds["before_stop"] = seconds
    world.load("validator", 5.0)
    world.until(lambda: any(job.startswith("before_stop") for job in world.jobs))


def refuse(world: World) -> None:
    """Grow to two, and let the second refuse to be stopped."""
    world.grow(2)
    world.box("validator-2").hook_error = NOT_YET
    world.load("validator", 5.0)
    world.until(lambda: world.told("member.before_stop_failed"))


def test_both_hooks_run_once_in_the_life_of_a_member(hooked: World) -> None:
    """Between start and requests, between requests and stop; the machine refuses hooks in service.
    Outcomes are told with the hook.
    """
    hooked.grow(2)
    shrink(hooked)
    assert calls(hooked) == ["start", "join", "leave", "stop"]
    (joined,) = hooked.told("member.after_healthy_done")
    (left,) = hooked.told("member.before_stop_done")
    assert (joined["hook"], left["hook"]) == (JOIN, LEAVE)
    order = [e["event"] for e in hooked.told() if e.get("member") == "validator-2"]
    assert order.index("member.after_healthy_done") < order.index("member.published")
    assert order.index("member.drained") < order.index("member.before_stop_done")


def test_members_in_service_when_the_daemon_starts_are_left_in_peace(hooked: World) -> None:
    """Neither the first daemon nor the next one runs a hook in them, and they stay in NGINX."""
    hooked.grow(2)
    before = list(hooked.engine.calls)
    hooked.start().run(60.0)
    assert hooked.engine.calls == before
    assert calls(hooked, "validator-1") == []


def test_each_start_has_its_hook_whoever_started_the_member(hooked: World) -> None:
    """A person, a restart policy."""
    hooked.engine.begin("validator-2")
    hooked.until(lambda: "validator-2" in hooked.served())
    hooked.box("validator-1").restarts = True
    hooked.engine.end("validator-1", 1)
    hooked.until(lambda: calls(hooked, "validator-1") == ["join"])
    hooked.until(lambda: "validator-1" in hooked.served())
    assert calls(hooked) == ["join"]


def test_a_member_that_goes_on_after_a_pause_is_not_started(hooked: World) -> None:
    """It is the same run, which had its hook."""
    hooked.grow(2)
    hooked.engine.pause("validator-2")
    hooked.until(lambda: "validator-2" not in hooked.served())
    hooked.engine.pause("validator-2", again=True)
    hooked.run(60.0)
    assert calls(hooked).count("join") == 1


def test_a_failing_hook_after_healthy_keeps_a_member_out_until_it_succeeds(hooked: World) -> None:
    """Tried again with growing pauses, said in the status; then the member is published."""
    box = hooked.box("validator-2")
    box.hook_error = NOT_YET
    hooked.load("validator", 95.0)
    hooked.until(lambda: len(hooked.told("member.after_healthy_failed")) == 3)
    assert hooked.served() == ["validator-1"]
    pauses = [e["retry_seconds"] for e in hooked.told("member.after_healthy_failed")]
    assert pauses == [1.0, 2.0, 4.0]
    (blocked,) = [m["blocked"] for m in hooked.ask("status")["roles"]["validator"]["members"][1:2]]
    assert (blocked["hook"], blocked["code"]) == ("after_healthy", "exit_code")
    assert "exit code 3" in blocked["reason"]
    box.hook_error = None
    hooked.until(lambda: "validator-2" in hooked.served())
    assert hooked.ask("status")["roles"]["validator"]["members"][1]["blocked"] is None


def test_a_renamed_member_still_owes_its_hook_after_healthy(hooked: World) -> None:
    """It is the same run: under no name does it get requests before the hook succeeds."""
    hooked.box("validator-2").hook_error = NOT_YET
    hooked.load("validator", 95.0)
    hooked.until(lambda: hooked.told("member.after_healthy_failed"))
    hooked.run(1.5)
    hooked.engine.rename("validator-2", "node-b")
    hooked.run(20.0)
    assert "node-b" not in hooked.served()
    hooked.box("node-b").hook_error = None
    hooked.until(lambda: "node-b" in hooked.served(), 60.0)


def test_a_hook_after_healthy_that_never_succeeds_is_a_failed_start(hooked: World) -> None:
    """When start_timeout is over: stopped without a hook, set aside, the next spare is tried."""
    hooked.box("validator-2").hook_error = NOT_YET
    hooked.load("validator", 95.0)
    hooked.until(lambda: hooked.told("member.start_failed"))
    hooked.until(lambda: "validator-3" in hooked.served())
    (failed,) = hooked.told("member.start_failed")
    assert (
        "its hook after healthy did not succeed within start_timeout of 180 s" in (failed["reason"])
    )
    assert set(calls(hooked)[1:-1]) == {"join"}
    assert calls(hooked)[-1] == "stop"


def test_a_member_whose_hook_is_to_come_does_not_count_as_idle_capacity(hooked: World) -> None:
    """Its CPU says nothing of the load: the rules do not see it as ready."""
    hooked.seconds["after_healthy"] = 60.0
    hooked.load("validator", 95.0)
    hooked.until(lambda: "validator-2" in hooked.running())
    hooked.run(10.0)
    assert [load.ready for load in hooked.role().loads(hooked.time.now)] == [True, False]


def test_a_primary_whose_hook_fails_is_kept_and_gets_no_requests(hooked: World) -> None:
    """It is never stopped, and tried for ever without being told so for ever; after start_timeout
    a spare serves in its place, until it can.
    """
    hooked.box("validator-1").hook_error = NOT_YET
    hooked.engine.end("validator-1", 1)
    hooked.until(lambda: hooked.served() == ["validator-2"])
    hooked.until(lambda: len(calls(hooked, "validator-1")) > 15, 1200.0)
    assert len(hooked.told("member.after_healthy_failed")) == TOLD_TRIES
    assert (hooked.served(), hooked.running()) == (["validator-2"], ["validator-1", "validator-2"])
    hooked.box("validator-1").hook_error = None
    hooked.until(lambda: hooked.served() == hooked.running() == ["validator-1"])


def test_a_failing_hook_before_stop_aborts_the_stop(hooked: World) -> None:
    """The member serves on; the event says why, what follows, what its command wrote."""
    refuse(hooked)
    hooked.until(lambda: hooked.served() == ["validator-1", "validator-2"])
    assert "stop" not in calls(hooked)
    (told,) = hooked.told("member.before_stop_failed")
    assert (told["code"], told["output"], told["retry_seconds"]) == ("exit_code", "not yet", 30.0)
    assert told["consequence"] == "it is not stopped but serves on, until the hook succeeds"
    assert hooked.desired() == 1


def test_a_refused_stop_is_said_in_status_and_explanation(hooked: World) -> None:
    """With the reason, and when it is tried again."""
    refuse(hooked)
    blocked = hooked.ask("status")["roles"]["validator"]["members"][1]["blocked"]
    assert (blocked["hook"], blocked["reason"]) == ("before_stop", str(NOT_YET))
    assert 25.0 < blocked["in_seconds"] <= 30.0
    told = hooked.ask("explain", role="validator")["sentences"]
    assert any(s.startswith("validator-2 is not stopped, because its hook failed") for s in told)


def test_a_refused_stop_is_tried_again_after_growing_pauses_and_done_in_the_end(
    hooked: World,
) -> None:
    """30 s, doubling; each try takes the member out of NGINX and drains it first."""
    refuse(hooked)
    hooked.until(lambda: len(hooked.told("member.before_stop_failed")) == 3)
    pauses = [e["retry_seconds"] for e in hooked.told("member.before_stop_failed")]
    assert pauses == [30.0, 60.0, 120.0]
    refused = hooked.told("member.before_stop_failed")[0]["at"]
    out = next(e["at"] for e in hooked.told("member.unpublished") if e["at"] > refused)
    assert out - refused < 30.5, "it waited for the next tick"
    hooked.box("validator-2").hook_error = None
    hooked.until(lambda: hooked.running() == ["validator-1"])
    assert calls(hooked) == ["start", "join", "leave", "leave", "leave", "leave", "stop"]


def test_a_member_that_refused_and_is_wanted_again_is_not_blocked(hooked: World) -> None:
    """Nothing is in the way of what is wanted."""
    refuse(hooked)
    hooked.load("validator", 95.0)
    hooked.until(lambda: hooked.desired() == 2)
    members = hooked.ask("status")["roles"]["validator"]["members"]
    assert [m["blocked"] for m in members] == [None, None, None]


def test_a_member_that_ran_its_hook_before_stop_and_is_wanted_again_joins_again(
    make_world: MakeWorld,
) -> None:
    """It has left what the hook makes it leave; requests come after the other hook."""
    world = make_world({"validator": 2}, **HOOKS).start()
    in_hook_before_stop(world, 30.0)
    world.grow(2)
    assert calls(world) == ["start", "join", "leave", "join"]
    world.seconds["before_stop"] = 0.2
    shrink(world)
    assert calls(world)[4:] == ["leave", "stop"]


def test_a_member_that_is_wanted_again_has_its_hook_before_stop_anew_the_next_time(
    make_world: MakeWorld,
) -> None:
    """Also where there is no hook to join by."""
    only = {name: text for name, text in HOOKS.items() if "AFTER" not in name}
    world = make_world({"validator": 2}, **only).start()
    in_hook_before_stop(world, 30.0)
    world.grow(2)
    world.seconds["before_stop"] = 0.2
    shrink(world)
    assert calls(world) == ["start", "leave", "leave", "stop"]


def test_a_spare_starts_in_the_place_of_a_member_in_its_hook_before_stop(hooked: World) -> None:
    """A load that returns does not wait for the hook of a member on its way out."""
    in_hook_before_stop(hooked, 300.0)
    hooked.grow(2)
    assert hooked.served() == ["validator-1", "validator-3"]
    hooked.until(lambda: hooked.running() == hooked.served())
    assert calls(hooked) == ["start", "join", "leave", "stop"]


def test_a_member_that_never_became_healthy_is_stopped_without_a_hook(hooked: World) -> None:
    """It could hardly answer it, and was never in service."""
    hooked.box("validator-2").answers = False
    hooked.load("validator", 95.0)
    hooked.until(lambda: "stop" in calls(hooked))
    assert calls(hooked) == ["start", "stop"]


def test_a_member_that_is_not_wanted_any_more_while_it_starts_is_stopped_without_a_hook(
    hooked: World,
) -> None:
    """Long before its time to become healthy is over."""
    hooked.box("validator-2").ready_after = 170.0
    hooked.load("validator", 95.0)
    hooked.until(lambda: "validator-2" in hooked.running())
    hooked.ask("scale", role="validator", count=1, seconds=600, reason="test")
    hooked.until(lambda: "stop" in calls(hooked), 60.0)
    assert calls(hooked) == ["start", "stop"]


def test_a_member_that_could_not_join_is_stopped_without_leaving(hooked: World) -> None:
    """It was not in service: there is nothing to hand over, and nothing to leave."""
    hooked.box("validator-2").hook_error = NOT_YET
    hooked.load("validator", 95.0)
    hooked.until(lambda: hooked.told("member.after_healthy_failed"))
    hooked.ask("scale", role="validator", count=1, seconds=600, reason="test")
    hooked.until(lambda: "stop" in calls(hooked), 60.0)
    assert "leave" not in calls(hooked)


def test_an_outcome_is_told_with_the_hook_that_ran(hooked: World) -> None:
    """Not with the one that a reload has set meanwhile."""
    in_hook_before_stop(hooked, 30.0)
    hooked.settings["AUTOSCALER_ROLES__VALIDATOR__BEFORE_STOP"] = "exec: another"
    hooked.write_settings()
    hooked.ask("reload")
    hooked.until(lambda: hooked.told("member.before_stop_done"))
    assert hooked.told("member.before_stop_done")[0]["hook"] == LEAVE


def test_a_member_that_dies_in_its_hook_before_stop_is_as_good_as_stopped(hooked: World) -> None:
    """Told with its own code; nothing is tried again."""
    in_hook_before_stop(hooked)
    hooked.time.after(0.0, lambda: hooked.engine.end("validator-2", 137))
    hooked.until(lambda: hooked.told("member.before_stop_failed"))
    (told,) = hooked.told("member.before_stop_failed")
    assert (told["code"], told["retry_seconds"]) == ("member_gone", None)
    hooked.run(120.0)
    assert (hooked.running(), calls(hooked)) == (["validator-1"], ["start", "join"])


def test_a_refusing_member_that_crashes_is_told_to_have_died(hooked: World) -> None:
    """It served; that it was to be stopped does not make its death ours."""
    refuse(hooked)
    hooked.until(lambda: "validator-2" in hooked.served())
    hooked.engine.end("validator-2", 1)
    hooked.until(lambda: hooked.told("member.died"))
    hooked.run(60.0)
    assert hooked.running() == ["validator-1"]


def test_a_hook_that_meets_a_dead_engine_has_failed(hooked: World) -> None:
    """The stop is aborted; when the engine is back all goes on."""
    in_hook_before_stop(hooked)
    hooked.engine.down = True
    hooked.until(lambda: hooked.told("member.before_stop_failed"))
    assert hooked.told("member.before_stop_failed")[0]["code"] == "engine"
    hooked.engine.down = False
    hooked.until(lambda: hooked.running() == ["validator-1"])


def test_a_hook_that_outlives_its_run_is_not_credited_to_the_next(hooked: World) -> None:
    """The member ended meanwhile and began anew, so it has to run its hook again."""
    hooked.seconds["after_healthy"] = 6.0
    hooked.load("validator", 95.0)
    hooked.until(lambda: any(job == "after_healthy validator-2" for job in hooked.jobs))
    hooked.box("validator-2").restarts = True
    hooked.engine.end("validator-2", 1)
    hooked.until(lambda: "validator-2" in hooked.served())
    assert calls(hooked) == ["start", "join", "join"]


def test_a_defect_in_running_a_hook_is_a_failed_hook(hooked: World) -> None:
    """Never a stop, and never a member in service that is not prepared."""
    hooked.grow(2)
    hooked.box("validator-2").hook_error = AutoscalerError("before_stop: KeyError: 'x'")
    hooked.load("validator", 5.0)
    hooked.until(lambda: hooked.told("member.before_stop_failed"))
    assert hooked.told("member.before_stop_failed")[0]["code"] == "crashed"
    assert "validator-2" in hooked.running()


def test_a_hook_set_by_a_reload_is_for_what_has_not_begun(make_world: MakeWorld) -> None:
    """Members in service stay there; their stop and the next start have it."""
    world = make_world(ROLES__VALIDATOR__SCALE_DOWN_WINDOW="10s").start()
    world.grow(2)
    world.settings.update({f"AUTOSCALER_{name}": text for name, text in HOOKS.items()})
    world.write_settings()
    world.ask("reload")
    world.run(60.0)
    assert world.served() == ["validator-1", "validator-2"]
    assert calls(world) == ["start"]
    shrink(world)
    world.grow(2)
    assert calls(world) == ["start", "leave", "stop", "start", "join"]


def test_a_hook_taken_away_by_a_reload_is_in_nobodys_way(hooked: World) -> None:
    """A member kept out by it is published, also if the hook comes back later."""
    hooked.box("validator-2").hook_error = NOT_YET
    hooked.load("validator", 95.0)
    hooked.until(lambda: hooked.told("member.after_healthy_failed"))
    for text in ("", JOIN):
        hooked.settings["AUTOSCALER_ROLES__VALIDATOR__AFTER_HEALTHY"] = text
        hooked.write_settings()
        hooked.ask("reload")
        hooked.load("validator", 60.0)
        hooked.until(lambda: "validator-2" in hooked.served())
        hooked.run(30.0)
        assert "validator-2" in hooked.served()


def test_a_daemon_killed_in_a_hook_after_healthy_makes_the_next_one_run_it_again(
    hooked: World,
) -> None:
    """At least once: its effect was there, its record was not."""
    hooked.seconds["after_healthy"] = 5.0
    hooked.load("validator", 95.0)
    hooked.until(lambda: any(job.startswith("after_healthy") for job in hooked.jobs))
    hooked.start()
    hooked.until(lambda: "validator-2" in hooked.served())
    assert calls(hooked) == ["start", "join", "join"]


def test_a_daemon_killed_in_a_start_makes_the_next_one_run_the_hook(hooked: World) -> None:
    """That the coming run owes it is stored before the start: no daemon saw that begin."""
    hooked.load("validator", 95.0)
    hooked._run(hooked.time.now + 60.0, lambda: hooked.box("validator-2").running)
    assert not hooked.told("member.started")
    hooked.start()
    hooked.until(lambda: "validator-2" in hooked.served())
    assert calls(hooked) == ["start", "join"]


def test_a_daemon_killed_in_a_hook_before_stop_is_followed_by_one_that_runs_it_and_stops(
    hooked: World,
) -> None:
    """At least once, and before the stop."""
    in_hook_before_stop(hooked)
    hooked.start()
    hooked.until(lambda: hooked.running() == ["validator-1"])
    assert calls(hooked) == ["start", "join", "leave", "leave", "stop"]


def test_a_restart_takes_a_member_that_refused_its_stop_for_no_wish(hooked: World) -> None:
    """It is still to go: the count stays as it was decided."""
    refuse(hooked)
    hooked.until(lambda: "validator-2" in hooked.served())
    hooked.start().run(20.0)
    assert hooked.desired() == 1


def test_a_member_in_service_that_a_restart_finds_unhealthy_is_stopped_with_its_hook(
    hooked: World,
) -> None:
    """It served under the daemon before: what it holds is not lost because this one never saw it
    well.
    """
    hooked.grow(2)
    hooked.box("validator-2").answers = False
    hooked.start()
    hooked.load("validator", 5.0)
    hooked.until(lambda: "stop" in calls(hooked), 600.0)
    assert calls(hooked) == ["start", "join", "leave", "stop"]


def test_a_member_that_left_before_the_daemon_was_killed_joins_again_to_serve(
    make_world: MakeWorld,
) -> None:
    """The next daemon wants it again, and knows that its hook before stop had begun."""
    world = make_world({"validator": 2}, **HOOKS).start()
    in_hook_before_stop(world)
    world.ask("scale", role="validator", count=2, seconds=600, reason="test")
    world.start()
    world.until(lambda: world.served() == ["validator-1", "validator-2"])
    assert calls(world) == ["start", "join", "join"]
