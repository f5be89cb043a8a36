"""The whole controller on virtual time: killed and started again, reloaded, dry, stopped."""

from __future__ import annotations

from typing import TYPE_CHECKING

from autoscaler.daemon.inbox import Command, HistoryTrouble, Stop

if TYPE_CHECKING:
    from tests.daemon.conftest import MakeWorld, World


def test_a_restart_stops_nobody_and_keeps_the_count(world: World) -> None:
    """Three run before and after, and nothing is started either."""
    world.grow()
    before = list(world.engine.calls)
    world.start().run(60.0)
    assert world.desired() == 3
    assert world.engine.calls == before
    assert len(world.served()) == 3


def test_the_last_change_is_known_after_a_restart(world: World) -> None:
    """With its time and reason: that the daemon is new is no answer to why there are three."""
    world.grow()
    before = world.ask("status")["roles"]["validator"]["last_change"]
    assert before["desired"] == 3
    world.start().run(10.0)
    assert world.ask("status")["roles"]["validator"]["last_change"] == before


def test_a_restart_takes_nobody_out_of_nginx(world: World) -> None:
    """What serves is asked for its health before anything is published: not one reload."""
    world.grow()
    reloads = world.nginx.reloads
    world.start().run(60.0)
    assert world.nginx.reloads == reloads


def test_the_grace_goes_on_across_a_restart(world: World) -> None:
    """A restart in the middle neither shortens nor restarts the 300 s."""
    world.grow(2)
    world.load("validator", 5.0)
    low = world.time.now
    world.run(150.0)
    world.start()
    world.until(lambda: world.told("member.stopped"), 900.0)
    took = world.told("member.stopped")[0]["at"] - low
    assert 295.0 <= took <= 330.0


def test_a_count_stored_before_a_reboot_is_repaired(world: World) -> None:
    """After the boot only one runs: the stored three are started."""
    world.grow()
    world.engine.end("validator-2", 0)
    world.engine.end("validator-3", 0)
    world.boot = "next-boot"
    world.time.wall_offset += world.time.now - 5.0
    world.time.forget()
    world.time.now = 5.0
    world.start()
    world.until(lambda: len(world.served()) == 3, 30.0)


def test_more_running_members_than_stored_are_kept(make_world: MakeWorld) -> None:
    """Without any memory what runs is what is wanted."""
    world = make_world()
    world.engine.begin("validator-2")
    world.start().run(30.0)
    assert world.desired() == 2
    assert world.told("member.changed_by_hand") == []


def test_a_stop_half_done_by_a_killed_daemon_is_not_taken_for_capacity(world: World) -> None:
    """Killed in the middle of a drain: the next daemon finishes it and wants one."""
    world.drain_second()
    world.seconds["sample"] = 3.0
    world.start()
    assert world.run(10.0).desired() == 1
    world.until(lambda: world.running() == ["validator-1"])


def test_a_member_started_anew_while_no_daemon_ran_is_no_longer_on_its_way_out(
    world: World,
) -> None:
    """Killed in the middle of a drain; then somebody restarts the member: that run is wanted."""
    world.drain_second()
    world.seconds["sample"] = 3.0
    world.life += 1
    world.engine.end("validator-2", 0, stop=True)
    world.engine.begin("validator-2")
    world.start()
    assert world.run(2.0).desired() == 2


def test_the_wish_is_on_disk_before_the_first_step_towards_it(world: World) -> None:
    """The role's state is written before the record of the start it leads to."""
    world.load("validator", 95.0)
    del world.history.order[:]
    world.until(lambda: "start validator-2" in world.history.order)
    order = world.history.order
    first = order.index("start validator-2")
    assert "state validator" in order[:first]


def test_a_killed_start_is_finished_by_the_next_daemon(world: World) -> None:
    """Killed between the engine's start and its answer: the member serves all the same."""
    world.load("validator", 95.0)
    world.until(lambda: "start validator-2" in world.jobs)
    world.load("validator", 60.0)
    world.start()
    world.until(lambda: len(world.served()) == 2, 30.0)


def test_a_stop_item_ends_the_daemon_and_begins_nothing(world: World) -> None:
    """Containers and NGINX stay as they are, also when a step was just due."""
    world.engine.end("validator-1", 1)
    world.controller._handle(world.controller.inbox.get_nowait())
    jobs = list(world.jobs)
    world.controller.take(Stop("SIGTERM"))
    assert world.controller._stopping == "SIGTERM"
    assert world.jobs == jobs


# Settings.


def test_a_reload_during_a_drain_keeps_the_drain_and_the_count(world: World) -> None:
    """The member still leaves in order, and no window is lost."""
    world.grow(2)
    world.seconds["drain"] = 20.0
    world.load("validator", 5.0)
    world.until(lambda: "drain validator-2" in world.jobs, 900.0)
    world.settings["AUTOSCALER_SETTLE"] = "20s"
    world.write_settings()
    answer = world.ask("reload")
    assert [c["variable"] for c in answer["changes"]] == ["AUTOSCALER_SETTLE"]
    world.until(lambda: world.told("member.stopped"), 60.0)
    assert world.jobs.count("drain validator-2") == 1


def test_a_setting_that_needs_a_restart_is_told_and_not_applied(world: World) -> None:
    """The engine's address and the directory stay those the running parts were made with."""
    world.run(20.0)
    before = world.controller.state.settings
    world.settings["AUTOSCALER_DOCKER__TIMEOUT"] = "33s"
    world.settings["AUTOSCALER_STATE_DIR"] = "/elsewhere"
    world.settings["AUTOSCALER_SETTLE"] = "21s"
    world.write_settings()
    answer = world.ask("reload")
    assert {c["variable"]: c["restart"] for c in answer["changes"]} == {
        "AUTOSCALER_DOCKER__TIMEOUT": True,
        "AUTOSCALER_STATE_DIR": True,
        "AUTOSCALER_SETTLE": False,
    }
    after = world.controller.state.settings
    assert (after.docker, after.state_dir) == (before.docker, before.state_dir)
    assert after.settle == 21.0


def test_a_bad_file_changes_nothing_and_names_every_mistake(world: World) -> None:
    """Two mistakes, two problems, the old settings."""
    world.settings["AUTOSCALER_SETTLE"] = "soon"
    world.settings["AUTOSCALER_ROLES__VALIDATOR__CPU_HIGH"] = "7000"
    world.write_settings()
    assert len(world.ask("reload")["problems"]) == 2
    assert world.controller.state.settings.settle == 15.0
    assert len(world.told("config.reload_failed")) == 1


def test_a_secret_in_a_mistaken_line_is_not_told(world: World) -> None:
    """The event goes to the log, history, HTTP and people; the answer to whoever reloads."""
    mistaken = {"PASSWORD": "hunter2", "URL": "http://u:sekret@x"}
    world.settings |= {f"AUTOSCALER_PROMETHEUS__{name}": text for name, text in mistaken.items()}
    world.write_settings()
    answer = world.ask("reload")
    (told,) = world.told("config.reload_failed")
    assert told["problems"] == answer["problems"]
    assert len(told["problems"]) == 2
    assert "hunter2" not in str(told)
    assert "sekret" not in str(told)


def test_a_lowered_maximum_is_obeyed_at_once(world: World) -> None:
    """No window holds it back, and the removal is in order."""
    world.grow(3)
    world.settings["AUTOSCALER_ROLES__VALIDATOR__MAX"] = "1"
    world.write_settings()
    world.ask("reload")
    world.until(lambda: world.running() == ["validator-1"], 30.0)


def test_a_role_that_is_removed_while_it_is_published_ends_nothing_else(
    make_world: MakeWorld,
) -> None:
    """Its containers are left running, it leaves NGINX, and the daemon goes on."""
    world = make_world({"validator": 3, "business": 2}, ROLES__BUSINESS__ENABLED="true").start()
    world.run(20.0)
    world.load("business", 95.0)
    world.seconds["publish"] = 3.0
    world.until(lambda: "start business-2" in world.jobs)
    world.until(lambda: world.controller.state.publication.busy)
    world.settings["AUTOSCALER_ROLES__BUSINESS__ENABLED"] = "false"
    world.write_settings()
    world.ask("reload")
    world.until(lambda: world.nginx.served == {"validator-1"}, 30.0)
    assert world.running("business") == ["business-1", "business-2"]


def test_members_of_a_role_added_by_a_reload_are_no_change_by_hand(
    make_world: MakeWorld,
) -> None:
    """What runs of it is taken as wanted, without a word about hands."""
    world = make_world({"validator": 3, "business": 2})
    world.engine.begin("business-2")
    world.start().run(20.0)
    world.settings["AUTOSCALER_ROLES__BUSINESS__ENABLED"] = "true"
    world.write_settings()
    world.ask("reload")
    world.until(lambda: len(world.served("business")) == 2, 20.0)
    assert world.desired("business") == 2
    assert world.told("member.changed_by_hand") == []


def test_an_unknown_command_is_answered_with_an_error(world: World) -> None:
    """Nobody waits for an answer that never comes."""
    command = Command("dance")
    world.controller.take(command)
    assert command.reply.get_nowait().reply.code == 404


def test_status_tells_each_member_and_why(world: World) -> None:
    """Counts, phases and the last decision."""
    status = world.ask("status")
    role = status["roles"]["validator"]
    assert (role["desired"], role["running"], role["published"]) == (1, 1, 1)
    assert [m["phase"] for m in role["members"]] == ["serving", "spare", "spare"]
    assert role["decision"]["reason"] == "within_band"


# Dry run.


def test_a_dry_run_starts_stops_and_publishes_nothing(make_world: MakeWorld) -> None:
    """It only proposes, once per change of mind, and takes what runs as the count."""
    world = make_world()
    world.dry_run = True
    world.start().load("validator", 95.0)
    world.run(120.0)
    assert world.engine.calls == []
    assert world.nginx.tries == 0
    assert world.history.order == []
    proposals = [e for e in world.told("scale.proposed") if e["desired"] != e["desired_before"]]
    assert [(e["desired_before"], e["desired"]) for e in proposals] == [(1, 2)]


# The record.


def test_a_hanging_history_delays_an_action_by_a_second_at_most_and_is_told(
    world: World,
) -> None:
    """The record never comes; the start is done all the same."""
    world.history.late = True
    world.load("validator", 95.0)
    world.until(lambda: "validator-2" in world.served(), 60.0)
    assert {e["action"] for e in world.told("history.late")} >= {"start"}


def test_trouble_with_history_is_told_and_scaling_goes_on(world: World) -> None:
    """One line when it begins, one when it is over."""
    world.post(HistoryTrouble("disk full"))
    world.load("validator", 95.0)
    world.until(lambda: "validator-2" in world.served())
    assert world.ask("status")["history"]["error"] == "disk full"
    world.post(HistoryTrouble(None))
    world.run(1.0)
    assert [len(world.told(e)) for e in ("history.failed", "history.recovered")] == [1, 1]


def test_when_history_works_again_the_counts_are_stored_anew(world: World) -> None:
    """What changed while nothing could be stored would else be missing after a restart."""
    world.post(HistoryTrouble("disk full"))
    world.run(0.1)
    world.history.roles.clear()
    world.post(HistoryTrouble(None))
    world.run(0.1)
    assert "validator" in world.history.roles
