"""Operators steer a running daemon: overrides hold, end when they say, and survive a restart."""

from __future__ import annotations

from typing import TYPE_CHECKING

from autoscaler.daemon.inbox import HistoryTrouble

if TYPE_CHECKING:
    from tests.daemon.conftest import MakeWorld, World


def test_a_paused_role_neither_grows_nor_forgets_what_it_would_do(world: World) -> None:
    """The rules still run: `would_be` says 2."""
    world.ask("pause", reason="deploy")
    world.load("validator", 95.0)
    world.run(60)
    decision = world.role().decision
    assert decision is not None
    assert (world.desired(), decision.would_be, decision.reason.value) == (1, 2, "paused")


def test_a_pause_stops_only_its_direction(world: World) -> None:
    """A pause of shrinking lets the role grow, and then keeps it."""
    world.ask("pause", role="validator", direction="down", reason="load test")
    world.grow(2)
    world.load("validator", 5.0)
    world.run(1000)
    assert world.desired() == 2


def test_repair_goes_on_in_a_paused_role(world: World) -> None:
    """A member that crashes is taken out of NGINX and comes back."""
    world.ask("pause", reason="deploy")
    world.engine.end("validator-1", 1)
    world.until(lambda: world.served() == [])
    world.until(lambda: world.served() == ["validator-1"])


def test_a_pause_ends_by_itself_without_a_tick(world: World) -> None:
    """It is told at that second, with what it was."""
    began = world.time.now
    world.ask("pause", seconds=100.5, reason="deploy")
    world.until(lambda: world.told("override.ended"), 200)
    ended = world.told("override.ended")[0]
    assert abs(ended["at"] - began - 100.5) < 0.1
    assert (ended["kind"], ended["by"], ended["was"]) == ("pause", "alice", "deploy")
    assert ended["reason"] == "its time is over"


def test_setting_is_told_with_who_why_and_until(world: World) -> None:
    """The log and the answer agree."""
    answer = world.ask("scale", role="validator", count=2, seconds=60, reason="sale")
    told = world.told("override.set")[0]
    assert (told["kind"], told["role"], told["by"], told["reason"]) == (
        "pin",
        "validator",
        "alice",
        "sale",
    )
    assert told["until"] == answer["set"]["until"]
    assert world.ask("status")["overrides"] == [answer["set"]]


def test_a_pin_starts_members_at_once_and_lets_go_at_its_end(world: World) -> None:
    """The count is reached without waiting for the load, then the rules shrink it again."""
    world.load("validator", 5.0)
    world.ask("scale", role="validator", count=3, seconds=600, reason="sale")
    assert world.until(lambda: len(world.served()) == 3, 30) < 15
    world.run(590)
    assert world.desired() == 3
    world.until(lambda: world.served() == ["validator-1"])


def test_a_pin_beyond_the_bounds_is_refused_unless_forced(make_world: MakeWorld) -> None:
    """The words name the count and what is allowed; forced, it is reached and then undone."""
    world = make_world(ROLES__VALIDATOR__MAX="2").start()
    world.until(lambda: world.served() == ["validator-1"])
    fields = {"role": "validator", "count": 3, "seconds": 60.0, "reason": "sale"}
    said = world.ask("scale", **fields)["error"]
    assert "allows 1 to 2 (MIN and MAX); add --force" in said
    world.ask("scale", **fields, force=True)
    world.until(lambda: len(world.served()) == 3, 40)
    world.until(lambda: world.desired() == 2 and len(world.running()) == 2)


def test_a_forced_pin_below_the_minimum_stops_members(make_world: MakeWorld) -> None:
    """When it ends they are started again at once."""
    world = make_world(ROLES__VALIDATOR__MIN="2").start()
    world.until(lambda: len(world.served()) == 2)
    world.ask("scale", role="validator", count=1, seconds=120, reason="repair", force=True)
    world.until(lambda: world.running() == ["validator-1"], 60)
    world.until(lambda: len(world.served()) == 2, 120)


def test_a_forced_pin_cannot_ask_for_containers_that_do_not_exist(world: World) -> None:
    """It would never be reached."""
    said = world.ask("scale", role="validator", count=4, seconds=60, reason="x", force=True)
    assert said["error"] == "count is 4; role validator has 3 containers"


def test_a_pin_of_more_than_there_are_containers_is_told(make_world: MakeWorld) -> None:
    """It is allowed by the bounds; whoever set it must not wait for members that cannot come."""
    world = make_world({"validator": 2}).start()
    world.until(world.served)
    answer = world.ask("scale", role="validator", count=3, seconds=60, reason="sale")
    assert answer["warning"] == "role validator has 2 containers, so 2 is the most it gets"
    world.until(lambda: world.desired() == 2)
    assert "warning" not in world.ask("scale", role="validator", count=2, seconds=60, reason="x")


def test_an_unknown_role_is_refused_with_those_there_are(world: World) -> None:
    """Nothing is set."""
    assert world.ask("pause", role="validater", reason="x")["error"] == (
        "no role 'validater'; there are: validator"
    )
    assert world.controller.state.overrides == ()


def test_a_lease_that_is_renewed_keeps_members_and_one_that_is_not_ends(world: World) -> None:
    """As when the command's process is killed."""
    world.grow(2)
    world.load("validator", 5.0)
    for _ in range(60):
        world.ask("hold", lease="lease-0001", reason="backup")
        world.run(10)
    assert world.desired() == 2
    assert len(world.told("override.set")) == 1
    world.run(25)
    assert world.told("override.ended")[0]["kind"] == "hold"
    world.until(lambda: world.desired() == 1)


def test_explain_foresees_no_time_while_a_command_holds_the_members(world: World) -> None:
    """Its lease is renewed, so its end says nothing; the words say while what runs, for whom."""
    world.grow(2)
    world.load("validator", 5.0)
    for _ in range(5):
        world.ask("hold", lease="lease-0001", reason="runs ./backup.sh")
        world.run(10)
    told = world.ask("explain", role="validator")
    assert (told["next_change_seconds"], told["next_desired"]) == (None, None)
    waits = told["next_change_waits"]
    assert waits.startswith("while `./backup.sh` runs (alice, since ")
    assert any(f"nothing changes {waits}." in sentence for sentence in told["sentences"])
    shown = world.ask("status")["roles"]["validator"]
    assert (shown["next_change"], shown["next_change_waits"]) == (None, waits)
    world.ask("release", lease="lease-0001")
    assert world.ask("explain", role="validator")["next_change_seconds"] is not None


def test_a_released_lease_ends_at_once(world: World) -> None:
    """The command has ended."""
    world.ask("hold", lease="lease-0001", reason="backup")
    assert len(world.ask("release", lease="lease-0001")["ended"]) == 1
    assert world.ask("status")["overrides"] == []


def test_resume_of_one_role_keeps_a_pause_of_all_and_says_so(world: World) -> None:
    """Both were in force; the wider one still is."""
    world.ask("pause", reason="all stop")
    world.ask("pause", role="validator", direction="up", reason="one more")
    answer = world.ask("resume", role="validator")
    assert [o["reason"] for o in answer["ended"]] == ["one more"]
    assert [o["reason"] for o in answer["still"]] == ["all stop"]
    assert len(world.ask("resume")["ended"]) == 1
    assert world.ask("status")["overrides"] == []


def test_pauses_and_pins_survive_a_restart_and_leases_do_not(world: World) -> None:
    """And end when they said."""
    began = world.time.now
    world.ask("pause", seconds=200, reason="deploy")
    world.ask("scale", role="validator", count=2, seconds=100, reason="sale")
    world.ask("hold", lease="lease-0001", reason="backup")
    world.run(50)
    world.start()
    assert [o["kind"] for o in world.ask("status")["overrides"]] == ["pause", "pin"]
    world.until(lambda: len(world.told("override.ended")) == 3)
    ended = [(e["kind"], round(e["at"] - began)) for e in world.told("override.ended")]
    assert ended == [("hold", 30), ("pin", 100), ("pause", 200)]


def test_a_step_of_the_clock_moves_no_end(world: World) -> None:
    """Neither in a running daemon nor across its restart within one boot."""
    began = world.time.now
    world.ask("pause", seconds=200, reason="deploy")
    world.time.wall_offset += 86400
    world.run(50)
    world.start()
    world.time.wall_offset -= 3 * 86400
    world.until(lambda: world.told("override.ended"))
    assert round(world.told("override.ended")[0]["at"] - began) == 200


def test_after_a_reboot_the_wall_clock_decides(world: World) -> None:
    """What ended meanwhile is over; the clock going back gives nothing a longer life."""
    world.ask("pause", seconds=200, reason="short")
    world.ask("scale", role="validator", count=2, seconds=900, reason="long")
    world.boot = "next-boot"
    world.time.wall_offset += 300
    world.start().run(1)
    assert [o["reason"] for o in world.ask("status")["overrides"]] == ["long"]
    left = world.ask("status")["overrides"][0]["seconds_left"]
    assert 595 < left < 600
    world.boot = "third-boot"
    world.time.wall_offset -= 86400
    world.start()
    assert world.ask("status")["overrides"][0]["seconds_left"] <= 900


def test_frozen_nothing_starts_or_stops_but_a_dead_member_leaves_nginx(world: World) -> None:
    """The file's content is the reason."""
    world.grow(2)
    (world.folder / "freeze").write_text("forensics\n", encoding="utf-8")
    world.run(10)
    frozen = world.ask("status")["overrides"][0]
    assert (frozen["kind"], frozen["reason"], frozen["until"]) == ("freeze", "forensics", None)
    calls = list(world.engine.calls)
    world.crash("validator-2")
    world.load("validator", 95.0)
    world.run(120)
    assert world.engine.calls == calls
    (world.folder / "freeze").unlink()
    world.until(lambda: len(world.served()) == 3)


def test_a_freeze_file_counts_before_the_first_action(make_world: MakeWorld) -> None:
    """A daemon that starts frozen touches nothing."""
    world = make_world(ROLES__VALIDATOR__MIN="2")
    (world.folder / "freeze").write_text("", encoding="utf-8")
    world.start().run(120)
    assert world.engine.calls == []
    assert "says no reason" in world.ask("status")["overrides"][0]["reason"]


def test_overrides_work_though_history_does_not_and_say_so(world: World) -> None:
    """The answer warns that a restart would forget them."""
    world.post(HistoryTrouble("the disk is full"))
    world.run(1)
    answer = world.ask("pause", reason="deploy")
    assert answer["warning"].startswith("the disk is full; this override is in force, but")
    world.load("validator", 95.0)
    world.run(60)
    assert world.desired() == 1


def test_a_role_that_leaves_the_settings_takes_its_overrides_with_it(
    make_world: MakeWorld,
) -> None:
    """A role of the same name later begins without them."""
    world = make_world({"validator": 2, "web": 2}, ROLES__WEB__PORT="80").start()
    world.until(lambda: world.served("web") == ["web-1"])
    world.ask("pause", role="web", reason="deploy")
    del world.settings["AUTOSCALER_ROLES__WEB__PORT"]
    world.write_settings()
    world.ask("reload")
    assert world.ask("status")["overrides"] == []
    assert "is gone" in world.told("override.ended")[0]["reason"]


def test_explain_foresees_the_change_that_then_happens(world: World) -> None:
    """The policy is stepped forward with the readings as they are."""
    world.grow(2)
    world.load("validator", 5.0)
    world.run(100)
    answer = world.ask("explain", role="validator")
    assert "has been below 40 %" in answer["sentences"][0]
    assert answer["next_desired"] == 1
    sampled = world.controller.state.sampled_at
    assert sampled is not None
    world.until(lambda: world.desired() == 1)
    at = next(
        e["at"]
        for e in world.told("scale.decided")
        if (e["desired_before"], e["desired"]) == (2, 1)
    )
    assert abs(at - sampled - answer["next_change_seconds"]) < 0.5


def test_explain_foresees_what_the_end_of_a_pin_does(world: World) -> None:
    """Pinned to three for ten minutes without load: then they go one by one."""
    world.ask("scale", role="validator", count=3, seconds=600, reason="sale")
    world.load("validator", 5.0)
    world.run(400.0)
    told = world.ask("explain", role="validator")
    assert any("the pin by alice ends." in sentence for sentence in told["sentences"])
    sampled = world.controller.state.sampled_at
    assert sampled is not None
    foreseen = sampled + told["next_change_seconds"]
    world.until(lambda: world.desired() != 3)
    assert world.desired() == told["next_desired"]
    assert abs(world.time.now - 1.0 - foreseen) < 11.0


def test_explain_of_an_unknown_role_names_those_there_are(world: World) -> None:
    """As any other command does."""
    assert world.ask("explain", role="web")["error"] == "no role 'web'; there are: validator"
