"""The whole controller on virtual time: the engine began anew and handed addresses out anew."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from autoscaler.events import EngineEvent, EventKind
from autoscaler.model import ContainerState

if TYPE_CHECKING:
    from tests.daemon.conftest import MakeWorld, World

ONE, OTHER = "validator-1", "business-1"


@pytest.fixture
def roles(make_world: MakeWorld) -> World:
    """Return a running daemon of two roles with a member in service each."""
    world = make_world({"validator": 2, "business": 1}, ROLES__BUSINESS__ENABLED="true").start()
    world.until(lambda: world.nginx.served == {ONE, OTHER})
    return world.run(20.0)


def exchange_addresses(world: World) -> None:
    """Let the engine come back from a restart, both members at the address the other one had."""
    engine = world.engine
    engine.down = True
    one, other = engine.boxes[ONE], engine.boxes[OTHER]
    for box in (one, other):
        engine.end(box.name, 0)
        engine.begin(box.name)
    one.ip, other.ip = other.ip, one.ip
    world.run(20.0)
    engine.down = False


def recovered(world: World) -> float:
    """Let time pass until the engine was seen again; return when."""
    world.until(lambda: world.told("engine.recovered"), 10.0)
    return float(world.told("engine.recovered")[-1]["at"])


def published(world: World) -> list[tuple[str, float]]:
    """Return what was published or unpublished since the engine came back, and when."""
    told = world.told()
    since = told[[e["event"] for e in told].index("engine.recovered") :]
    return [
        (f"{e['event']} {e['member']}", e["at"])
        for e in since
        if e["event"] in {"member.published", "member.unpublished"}
    ]


def test_an_exchange_of_addresses_is_mended_by_one_reload(roles: World) -> None:
    """The members are asked at their new addresses first, so no role answers 503 in between."""
    exchange_addresses(roles)
    reloads = roles.nginx.reloads
    began = recovered(roles)
    assert roles.nginx.served == {ONE, OTHER}
    assert roles.nginx.reloads == reloads + 1
    assert {e["reason"] for e in roles.told("member.unpublished")} == {"its address changed"}
    assert max(at for _, at in published(roles)) - began < 0.1


def test_an_answer_that_does_not_come_keeps_no_wrong_address(roles: World) -> None:
    """The probe takes a second: the file is corrected without the members after a tenth."""
    exchange_addresses(roles)
    roles.seconds["probe"] = 1.0
    began = recovered(roles)
    first = roles.told("member.unpublished")
    assert {e["member"] for e in first} == {ONE, OTHER}
    assert {e["reason"] for e in first} == {"it has not answered at its present address yet"}
    assert max(e["at"] for e in first) - began < 0.2


def test_a_member_that_is_still_starting_is_not_waited_for(roles: World) -> None:
    """It refuses its first probe: the file is corrected at once, well within the tenth."""
    exchange_addresses(roles)
    for name in (ONE, OTHER):
        roles.box(name).ready_after = 60.0
    began = recovered(roles)
    assert min(e["at"] for e in roles.told("member.unpublished")) - began < 0.08


def test_a_member_that_began_anew_without_the_engine_leaves_at_once(roles: World) -> None:
    """No event told of it; the look that finds it leads to a reload before its probe answers."""
    roles.engine.deaf = True
    roles.engine.end(OTHER, 1)
    roles.engine.begin(OTHER)
    roles.seconds["probe"] = 1.0
    roles.until(lambda: OTHER not in roles.nginx.served, 6.0)
    (left,) = roles.told("member.unpublished")
    assert left["at"] - roles.role("business").track(OTHER).up_since < 0.08


def test_an_engine_that_began_anew_and_changed_nothing_holds_nothing_up(roles: World) -> None:
    """NGINX is asked before the look is there; the look finds all as it was, and work goes on."""
    roles.seconds["look"] = 1.0
    roles.load("validator", 95.0)
    for kind in (EventKind.DISCONNECTED, EventKind.CONNECTED):
        roles.post(EngineEvent(kind))
    roles.until(lambda: "validator-2" in roles.nginx.served, 60.0)


def test_before_fresh_addresses_are_known_the_dead_leave_and_nothing_else_is_published(
    roles: World,
) -> None:
    """The stream is back and the look takes long: what was known is not published once more."""
    roles.seconds["look"] = 5.0
    tries = roles.nginx.tries
    for kind in (EventKind.DISCONNECTED, EventKind.CONNECTED):
        roles.post(EngineEvent(kind))
    roles.run(1.0)
    assert roles.nginx.tries == tries
    roles.engine.end(OTHER, 1)
    assert roles.until(lambda: OTHER not in roles.nginx.served) < 0.1


def test_stops_before_an_interruption_of_the_stream_are_no_wish_of_anybody(roles: World) -> None:
    """The engine answers every look: only the stream says that it went down in between."""
    roles.grow(2)
    for name in (ONE, "validator-2"):
        roles.engine.end(name, 0, stop=True)
    roles.post(EngineEvent(EventKind.DISCONNECTED))
    roles.post(EngineEvent(EventKind.CONNECTED))
    roles.until(lambda: roles.served() == [], 5.0)
    roles.until(lambda: len(roles.served()) == 2, 60.0)
    assert roles.desired() == 2
    assert roles.told("member.changed_by_hand") == []


def test_an_nginx_that_has_just_started_is_asked_at_once_what_it_serves(roles: World) -> None:
    """It came up with an older file: no tick is waited for."""
    roles.nginx.generation = "older"
    for box in (roles.box(ONE), roles.box(OTHER)):
        box.served = False
    roles.post(EngineEvent(EventKind.START, "nginx-id", "proxy"))
    assert roles.until(lambda: roles.nginx.served == {ONE, OTHER}) < 0.2


def test_nothing_else_begins_before_fresh_addresses_are_published(roles: World) -> None:
    """A publish that the restart itself led to knows only the addresses of before.

    The look shows a member gone; its start waits for the reload that the new addresses need.
    """
    roles.grow(2)
    roles.engine.deaf = True
    one, two = roles.box(ONE), roles.box("validator-2")
    one.ip, two.ip = two.ip, one.ip
    two.state = ContainerState.EXITED
    roles.engine.deaf = False
    roles.seconds["publish"] = 3.0
    for kind in (EventKind.DISCONNECTED, EventKind.CONNECTED):
        roles.post(EngineEvent(kind))
    roles.until(lambda: len(roles.told("member.started")) == 2, 20.0)
    begun = roles.told("member.started")[-1]["at"] - roles.seconds["start"]
    assert roles.told("member.unpublished")[0]["at"] <= begun


def test_a_member_that_cannot_stand_in_the_file_is_told_and_hides_no_other(roles: World) -> None:
    """The engine allows names of any length, and NGINX's lines have an end."""
    long = "validator-" + "9" * 300
    roles.engine.rename("validator-2", long)
    roles.engine.begin(long)
    roles.run(20.0)
    (told,) = roles.told("member.unaddressed")
    assert told["member"] == long
    assert "cannot stand in NGINX's file" in told["reason"]
    assert {ONE, OTHER} <= roles.nginx.served
