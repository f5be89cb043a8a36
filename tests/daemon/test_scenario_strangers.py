"""The whole controller on virtual time: settings that lose sight of what serves a role."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from autoscaler.cli.status import lines
from autoscaler.daemon.inbox import Command
from autoscaler.surface.requests import ReloadBody

if TYPE_CHECKING:
    from tests.daemon.conftest import MakeWorld, World

PROJECT = "AUTOSCALER_PROJECT"
MEMBERS = "AUTOSCALER_ROLES__VALIDATOR__MEMBERS"
SERVING = ["validator-1", "validator-2"]


@pytest.fixture
def pair(world: World) -> World:
    """Return a world in which two of three validators serve."""
    return world.grow(2).run(20.0)


def reload(world: World, *, force: bool = False, **changes: str) -> None:
    """Change the env file and send SIGHUP, or a forced reload."""
    world.settings.update({f"AUTOSCALER_{name}": value for name, value in changes.items()})
    world.write_settings()
    world.controller.take(Command("reload", ReloadBody(force=True)) if force else Command("reload"))


def start_blind(world: World, **changes: str) -> None:
    """Kill the daemon and start one with other settings."""
    world.settings.update({f"AUTOSCALER_{name}": value for name, value in changes.items()})
    world.start().run(20.0)


def done_since(world: World, calls: int, reloads: int) -> tuple[list[str], int]:
    """Return what was started and stopped since, and how often NGINX was reloaded."""
    return world.engine.calls[calls:], world.nginx.reloads - reloads


def watch(world: World) -> tuple[int, int]:
    """Return the numbers `done_since` takes."""
    return len(world.engine.calls), world.nginx.reloads


def shown(world: World) -> Any:  # noqa: ANN401 - what JSON holds
    """Return what status says is out of scope."""
    return world.ask("status")["roles"]["validator"]["out_of_scope"]


@pytest.mark.parametrize(
    ("name", "value"), [("PROJECT", "shpo"), ("ROLES__VALIDATOR__MEMBERS", "wrong-1")]
)
def test_a_reload_that_loses_sight_of_a_role_takes_nobody_out_of_nginx(
    pair: World, name: str, value: str
) -> None:
    """What serves goes on; nothing is started or stopped, and NGINX is not reloaded."""
    before = watch(pair)
    reload(pair, **{name: value})  # type: ignore[arg-type]  # no name is `force`
    pair.run(60.0)
    assert pair.served() == pair.running() == SERVING
    assert done_since(pair, *before) == ([], 0)


def test_a_start_that_does_not_see_a_role_takes_nobody_out_of_nginx(pair: World) -> None:
    """Then the file on disk tells what serves: the daemon before has left it."""
    before = watch(pair)
    start_blind(pair, PROJECT="shpo")
    assert pair.served() == pair.running() == SERVING
    assert done_since(pair, *before) == ([], 0)


def test_a_first_start_without_history_keeps_what_the_file_lists(pair: World) -> None:
    """Nothing but the file is needed."""
    pair.history.roles.clear()
    start_blind(pair, PROJECT="shpo")
    assert pair.served() == SERVING


def test_the_event_names_who_serves_what_was_looked_for_and_what_to_do(pair: World) -> None:
    """Once, however often it is looked at again; no death and no lack is told."""
    told = len(pair.told())
    reload(pair, PROJECT="shpo")
    pair.run(60.0)
    (event,) = pair.told("role.out_of_scope")
    assert (event["role"], event["members"]) == ("validator", SERVING)
    assert event["reason"] == (
        "these settings do not find validator-1, validator-2, which are all that serve it now; "
        "looked for by the labels com.docker.compose.project=shpo and autoscaler.role=validator"
    )
    assert event["hint"] == (
        "correct AUTOSCALER_PROJECT, or the containers' labels, then reload; if it is meant, stop "
        "the containers, or `autoscaler reload --force`"
    )
    names = {e["event"] for e in pair.told()[told:]}
    assert not names & {"member.died", "member.missing", "role.spares_missing", "role.unavailable"}


def test_wrong_names_are_named_with_their_setting(pair: World) -> None:
    """A role that is found by names does not depend on the project."""
    reload(pair, ROLES__VALIDATOR__MEMBERS="wrong-1")
    pair.run(10.0)
    (event,) = pair.told("role.out_of_scope")
    assert event["hint"].startswith(f"correct {MEMBERS}, then reload; ")


def test_status_explain_and_the_count_served_show_it(pair: World) -> None:
    """Whoever looks sees it, not only who reads the log."""
    reload(pair, PROJECT="shpo")
    pair.run(10.0)
    status = pair.ask("status")
    assert shown(pair)["members"] == SERVING
    assert status["roles"]["validator"]["published"] == 2
    said = lines(status)
    assert any(line.startswith("  out of scope: these settings do not find") for line in said)
    assert any("autoscaler reload --force" in line for line in said)
    sentences = pair.ask("explain", role="validator")["sentences"]
    (said_why,) = [one for one in sentences if "do not find validator-1, validator-2" in one]
    assert "To do: correct AUTOSCALER_PROJECT, or" in said_why


def test_mended_by_a_reload_all_goes_on_without_a_gap(pair: World) -> None:
    """The members serve on before they were asked again; the count is theirs; nobody did it."""
    reload(pair, PROJECT="shpo")
    pair.run(60.0)
    before, told = watch(pair), len(pair.told())
    reload(pair, PROJECT="shop")
    pair.run(3.0)
    assert done_since(pair, *before) == ([], 0)
    assert (pair.served(), pair.desired()) == (SERVING, 2)
    (over,) = pair.told("role.scope_recovered")
    assert over["reason"] == "validator-1, validator-2: found again"
    assert shown(pair) is None
    assert not {e["event"] for e in pair.told()[told:]} & {"member.changed_by_hand", "member.died"}
    pair.crash("validator-2")
    pair.until(lambda: pair.served() == SERVING)


def test_a_blind_start_is_mended_by_a_reload_without_a_gap(pair: World) -> None:
    """Also without history: those that serve are the count, as at any start."""
    pair.history.roles.clear()
    start_blind(pair, PROJECT="shpo")
    before = watch(pair)
    reload(pair, PROJECT="shop")
    pair.run(3.0)
    assert done_since(pair, *before) == ([], 0)
    assert (pair.served(), pair.desired()) == (SERVING, 2)


def test_members_found_again_owe_no_hook(make_world: MakeWorld) -> None:
    """They serve already, so their hook after healthy is not due."""
    world = make_world(ROLES__VALIDATOR__AFTER_HEALTHY="exec:warm up").start()
    world.until(lambda: world.served() == ["validator-1"])
    world.run(10.0)
    reload(world, PROJECT="shpo")
    world.run(20.0)
    calls, reloads = watch(world)
    reload(world, PROJECT="shop")
    world.run(20.0)
    assert done_since(world, calls, reloads) == ([], 0)
    assert world.served() == ["validator-1"]


def test_one_found_again_that_cannot_answer_leaves_nginx(pair: World) -> None:
    """It is asked like any other; what it says counts."""
    reload(pair, PROJECT="shpo")
    pair.run(20.0)
    pair.box("validator-2").answers = False
    reload(pair, PROJECT="shop")
    pair.until(lambda: "validator-2" not in pair.served(), 20.0)
    assert "validator-1" in pair.served()


def test_one_that_stops_leaves_nginx_at_once(pair: World) -> None:
    """As any dead member; the other one stays, and the event says who is left."""
    reload(pair, PROJECT="shpo")
    pair.run(20.0)
    pair.engine.end("validator-2", 0, stop=True)
    assert pair.until(lambda: pair.served() == ["validator-1"], 10.0) < 1.0
    assert [e["members"] for e in pair.told("role.out_of_scope")] == [SERVING, ["validator-1"]]


def test_when_the_last_one_stops_the_role_is_down_and_told_so(pair: World) -> None:
    """Then nothing is kept, and what is told of a role without members is told.

    Also after a start without history: the role had members, as they were seen.
    """
    pair.history.roles.clear()
    start_blind(pair, PROJECT="shpo")
    for name in SERVING:
        pair.engine.end(name, 0, stop=True)
    pair.until(lambda: not pair.served(), 10.0)
    pair.until(lambda: pair.told("role.unavailable"), 10.0)
    (over,) = pair.told("role.scope_recovered")
    assert "not running there any more" in over["reason"]


def test_one_whose_address_changed_leaves_nginx(pair: World) -> None:
    """Somebody else may be there now."""
    reload(pair, PROJECT="shpo")
    pair.run(20.0)
    pair.box("validator-2").ip = "10.9.9.9"
    pair.run(6.0)
    assert pair.role().strangers
    assert "validator-2" not in {e.member for e in pair.controller.state.publication.wanted}


def test_one_found_again_elsewhere_is_not_kept_at_its_old_address(pair: World) -> None:
    """Not even until it was asked."""
    reload(pair, PROJECT="shpo")
    pair.run(20.0)
    pair.seconds["probe"] = 5.0
    old, pair.box("validator-2").ip = pair.box("validator-2").ip, "10.9.9.9"
    reload(pair, PROJECT="shop")
    pair.run(2.0)
    assert old not in {e.address for e in pair.controller.state.publication.wanted}


def test_some_of_the_names_wrong_keep_nobody(pair: World) -> None:
    """One that serves is left, so the role works and scales; the event would not be true."""
    reload(pair, ROLES__VALIDATOR__MEMBERS="validator-1,wrong-2")
    pair.until(lambda: pair.served() == ["validator-1"], 20.0)
    assert not pair.told("role.out_of_scope")


def test_what_is_kept_makes_no_publish_urgent(pair: World) -> None:
    """Changes of other roles keep to the least time between two reloads."""
    reload(pair, PROJECT="shpo")
    pair.run(20.0)
    assert not pair.controller._publishing._urgent()


def test_while_the_engine_is_away_they_stay(pair: World) -> None:
    """And after it, if they run where they ran."""
    reload(pair, PROJECT="shpo")
    pair.run(20.0)
    before = watch(pair)
    pair.engine.down = True
    pair.run(30.0)
    assert pair.served() == SERVING
    pair.engine.down = False
    pair.run(30.0)
    assert pair.served() == SERVING
    assert done_since(pair, *before) == ([], 0)
    assert len(pair.told("role.out_of_scope")) == 1


def test_a_forced_reload_empties_the_role(pair: World) -> None:
    """Whoever forces it means it; nothing is stopped."""
    reload(pair, force=True, PROJECT="shpo")
    pair.until(lambda: not pair.served(), 10.0)
    assert not pair.told("role.out_of_scope")
    assert pair.running() == SERVING


def test_what_is_kept_goes_by_a_forced_reload_of_the_same_settings(pair: World) -> None:
    """The settings were wrong on purpose already; and the next typo is doubted again."""
    reload(pair, PROJECT="shpo")
    pair.run(20.0)
    reload(pair, force=True)
    pair.until(lambda: not pair.served(), 10.0)
    (over,) = pair.told("role.scope_recovered")
    assert "forced reload" in over["reason"]
    pair.run(10.0)
    assert not pair.controller.state.scope_meant
    reload(pair, PROJECT="shop")
    pair.until(lambda: pair.served() == SERVING, 60.0)
    pair.run(10.0)
    reload(pair, PROJECT="shpo")
    pair.run(20.0)
    assert pair.served() == SERVING


def test_a_role_that_is_switched_off_goes(make_world: MakeWorld) -> None:
    """That is no typo."""
    world = make_world(
        {"validator": 1, "web": 1}, ROLES__WEB__PORT="80", ROLES__WEB__MAX="1"
    ).start()
    world.until(lambda: world.served("web") and world.served())
    reload(world, ROLES__WEB__ENABLED="false")
    world.until(lambda: not world.served("web"), 10.0)
    assert world.served() == ["validator-1"]
    assert world.engine.stranger_lists == 0


def test_a_role_that_lost_its_names_but_for_a_spare_hands_over_without_a_gap(pair: World) -> None:
    """The spare is started, and what served leaves only when that can answer."""
    reload(pair, ROLES__VALIDATOR__MEMBERS="wrong-1,wrong-2,validator-3")
    seen: list[list[str]] = []

    def handed_over() -> bool:
        seen.append(pair.served())
        return seen[-1] == ["validator-3"]

    pair.until(handed_over, 60.0)
    assert [] not in seen
    assert pair.running() == ["validator-1", "validator-2", "validator-3"]
    pair.until(lambda: pair.told("role.scope_recovered"), 10.0)


def test_containers_that_are_removed_leave_as_before(pair: World) -> None:
    """`docker compose down` is nobody's typo."""
    for name in list(pair.engine.boxes):
        box = pair.box(name)
        if box.running:
            pair.engine.end(name, 0, stop=True)
        del pair.engine.boxes[name]
    pair.run(30.0)
    assert not pair.controller.state.publication.wanted
    assert not pair.told("role.out_of_scope")
    assert pair.told("member.missing")


def test_nobody_is_asked_for_strangers_while_all_is_well(pair: World) -> None:
    """The look at all containers is made only when something serves that is not found."""
    pair.crash("validator-2")
    pair.run(120.0)
    assert pair.engine.stranger_lists == 0
