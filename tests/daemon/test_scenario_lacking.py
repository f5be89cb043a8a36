"""The whole controller on virtual time: `explain` says what keeps wanted members from serving."""

from __future__ import annotations

from typing import TYPE_CHECKING

from autoscaler.errors import NginxTestFailedError

if TYPE_CHECKING:
    from tests.daemon.conftest import World


def sentences(world: World) -> list[str]:
    """Return the explanation of the role."""
    told: list[str] = world.ask("explain", role="validator")["sentences"]
    return told


def test_nothing_is_said_while_all_that_are_wanted_serve(world: World) -> None:
    """One of one, beside two spares."""
    assert not any("get requests" in line for line in sentences(world))


def test_a_container_that_is_gone_is_named_with_what_makes_it_again(world: World) -> None:
    """Three are pinned, the second one is removed."""
    world.ask("scale", role="validator", count=3, seconds=3600.0, reason="sale")
    world.until(lambda: len(world.served()) == 3)
    world.engine.end("validator-2", 0)
    del world.engine.boxes["validator-2"]
    world.run(20.0)
    told = sentences(world)
    assert "Of 3 wanted 2 get requests." in told
    assert (
        "validator-2 is gone: no container has this name any more (docker compose create)." in told
    )


def test_a_spare_that_failed_is_told_with_why_and_for_how_long_it_is_left_alone(
    world: World,
) -> None:
    """It never becomes healthy; the other spare is already on its way."""
    for name in ("validator-2", "validator-3"):
        world.engine.boxes[name].answers = False
    world.load("validator", 95.0)
    world.until(lambda: bool(world.told("member.start_failed")))
    told = sentences(world)
    assert "Of 2 wanted 1 get requests." in told
    (line,) = [one for one in told if one.startswith("validator-2 ")]
    assert line.startswith("validator-2 is left alone for ")
    assert " s more, because it failed" in line


def test_an_nginx_that_refuses_the_list_is_what_stands_in_the_way(world: World) -> None:
    """The member is up and healthy."""
    world.nginx.error = NginxTestFailedError("somebody's file is broken", "unexpected }")
    world.load("validator", 95.0)
    world.until(lambda: bool(world.told("nginx.test_failed")))
    world.run(10.0)
    told = sentences(world)
    assert any(one.startswith("NGINX does not take another list: ") for one in told)
    assert "validator-2 is healthy and about to get requests." in told
